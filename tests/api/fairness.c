/* api/fairness.c - more runnable routines than a worker's ring holds: each gets
 * its turns, whatever the others do. */
#include "support/rt.h"

TestSuite(fairness, .timeout = 120);

enum { YIELDERS = 1500, TURNS = 3, OLD = 700, BROOD = 300 };

static atomic_bool stop;
static atomic_int settled, alive;

/* --- yielders ----------------------------------------------------------------- */

static void yielder(void *arg)
{
	(void)arg;
	for (int turn = 0; !stop; turn++) {
		if (turn == TURNS)
			settled++;
		weft_yield();
	}
	alive--;
}

static int yielders(void *arg)
{
	(void)arg;
	stop = false;
	settled = 0;
	alive = YIELDERS;
	for (int i = 0; i < YIELDERS; i++)
		CHECK_EQ(weft_go(yielder, NULL), 0);
	wait_until(settled == YIELDERS);
	stop = true;
	wait_until(alive == 0);
	return 0;
}

Test(fairness, every_one_of_many_yielders_goes_on)
{
	EACH(yielders);
}

/* --- breeders ------------------------------------------------------------------- */

static void old(void *arg)
{
	(void)arg;
	settled++;
	alive--;
}

static void child(void *arg)
{
	(void)arg;
	alive--;
}

/* Keeps every ring overflowing with what is newer than the old ones. */
static void breeder(void *arg)
{
	(void)arg;
	while (!stop) {
		for (int i = 0; i < BROOD; i++) {
			alive++;
			CHECK_EQ(weft_go(child, NULL), 0);
		}
		weft_yield();
	}
	alive--;
}

static int breeders(void *arg)
{
	int workers = (int)(intptr_t)arg;

	stop = false;
	settled = 0;
	alive = OLD + workers;
	for (int i = 0; i < OLD; i++)
		CHECK_EQ(weft_go(old, NULL), 0);
	for (int i = 0; i < workers; i++)
		CHECK_EQ(weft_go(breeder, NULL), 0);
	wait_until(settled == OLD);
	stop = true;
	wait_until(alive == 0);
	return 0;
}

Test(fairness, the_old_are_not_forgotten_over_the_young)
{
	EACH(breeders);
}
