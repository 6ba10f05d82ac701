/* SPDX-License-Identifier: MIT */
/* philosophers.c - five at a round table, and five forks.
 *
 * Whoever eats needs the forks to his left and right.  If all took the left one
 * first they could each hold one and wait for ever (try it: weft would say so,
 * and who waits for which lock).  So everybody takes the fork with the lower
 * number first: then whoever holds the highest can always go on.
 */
#include <stdio.h>
#include <weft.h>

enum { SEATS = 5, MEALS = 100 };

static weft_mutex fork_of[SEATS];
static _Atomic int eating[SEATS];
static int meals[SEATS];

static void eat(int me)
{
	int left = (me + SEATS - 1) % SEATS, right = (me + 1) % SEATS;

	eating[me] = 1;
	if (eating[left] || eating[right])
		puts("two neighbours eat with one fork");
	weft_yield();           /* so that others get hungry meanwhile */
	meals[me]++;
	eating[me] = 0;
}

static void dine(void *arg)
{
	int me = *(const int *)arg, next = (me + 1) % SEATS;
	weft_mutex *first = &fork_of[me < next ? me : next];
	weft_mutex *second = &fork_of[me < next ? next : me];

	for (int i = 0; i < MEALS; i++) {
		weft_mutex_lock(first);
		weft_mutex_lock(second);
		eat(me);
		weft_mutex_unlock(second);
		weft_mutex_unlock(first);
	}
}

static int supper(void *arg)
{
	int seat[SEATS];
	weft_waitgroup table = WEFT_WAITGROUP_INIT;
	int err;

	(void)arg;
	for (int i = 0; i < SEATS; i++) {
		seat[i] = i;
		err = weft_waitgroup_go(&table, dine, &seat[i]);
		if (err) {
			fprintf(stderr, "philosophers: %s\n",
				weft_strerror(err));
			return 1;
		}
	}
	weft_waitgroup_wait(&table);
	for (int i = 0; i < SEATS; i++)
		printf("philosopher %d ate %d times\n", i, meals[i]);
	return 0;
}

int main(void)
{
	return weft_run(supper, NULL) ? 1 : 0;
}
