/* regress/0016 - weft_stop missed routines that were being spawned.
 *
 * A spawn that had looked at the gate just before it was shut was through after
 * weft_stop had cancelled everybody; what it made was told only when nobody else
 * ran and no timer was set, so a sleeper was waited for until it woke.
 */
#include "stress/stress.h"

static atomic_int spawners;

static void sleep_long(void *arg)
{
	(void)arg;
	weft_sleep(3600 * WEFT_S);
}

static void until_cancelled(void *arg)
{
	(void)arg;
	while (!weft_cancelled())
		weft_yield();
}

static void spawn(void *arg)
{
	int n = 0;

	spawners++;
	while (weft_go(n % 2 ? sleep_long : until_cancelled, arg) != -ECANCELED)
		if (++n % 8 == 0)
			weft_yield();
}

int main(void)
{
	weft_time until = stress_end(3);
	weft_config c;

	weft_config_init(&c);
	c.workers = 3;
	for (unsigned lap = 0; lap < 20 || weft_now() < until; lap++) {
		weft_runtime *rt;

		spawners = 0;
		MUST(weft_start(&c, &rt) == 0, "start");
		for (int i = 0; i < 3; i++)
			MUST(weft_submit(rt, spawn, NULL) == 0, "submit");
		while (!spawners)
			;
		MUST(weft_stop(rt, weft_in(60 * WEFT_S)) == 0,
		     "stop had to wait");
	}
	return 0;
}
