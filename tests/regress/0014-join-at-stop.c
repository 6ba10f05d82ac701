/* regress/0014 - a plain thread collects routines while their runtime ends.
 *
 * The discard of what was left did not look whether a routine that had ended was
 * joined or detached meanwhile: the record was given back twice, and what a
 * panic had left was freed twice.
 */
#include "stress/stress.h"

#include <sched.h>

enum { N = 3000 };

static weft_id id[N];
static atomic_int go, ran;

static int end(void *arg)
{
	ran++;
	return (int)(intptr_t)arg;
}

/* Both ways; the first that it is too late for ends it. */
static void *collect(void *arg)
{
	int status = -1, err;

	(void)arg;
	while (!go)
		;
	for (int i = 0; i < N; i++) {
		if (i % 4 == 3) {
			err = weft_detach(id[i]);
			MUST(!err || err == -ESRCH, "detach gave %d", err);
			continue;
		}
		err = weft_join(id[i], &status);
		MUST(err || status == i, "status %d of %d", status, i);
		MUST(!err || err == -ESRCH || err == -ECANCELED,
		     "join gave %d", err);
	}
	return NULL;
}

int main(void)
{
	weft_time until = stress_end(3);
	weft_config c;

	weft_config_init(&c);
	c.workers = 2;
	for (unsigned lap = 0; lap < 20 || weft_now() < until; lap++) {
		weft_runtime *rt;
		pthread_t t;

		go = 0;
		ran = 0;
		MUST(weft_start(&c, &rt) == 0, "start");
		pthread_create(&t, NULL, collect, NULL);
		for (intptr_t i = 0; i < N; i++)
			MUST(weft_spawn(&id[i], NULL, end, (void *)i) == 0,
			     "spawn");
		while (ran < N)
			sched_yield();
		/* Before, after, and in the middle of it. */
		go = lap % 2;
		if (lap % 4 == 0)
			MUST(weft_stop(rt, WEFT_FOREVER) == 0, "stop");
		go = 1;
		if (lap % 4)
			MUST(weft_stop(rt, WEFT_FOREVER) == 0, "stop");
		pthread_join(t, NULL);
	}
	return 0;
}
