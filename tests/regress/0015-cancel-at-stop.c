/* regress/0015 - a plain thread cancels routines while their run ends.
 *
 * Who had ended a wait used it, to ready the routine, when its discard had
 * already found it in no queue any more and the stack was gone.
 */
#include "stress/stress.h"

enum { N = 500 };

static weft_id id[N];
static atomic_int there, go;

static int wait_long(void *arg)
{
	there++;
	if (arg)
		return weft_park_until(WEFT_FOREVER);
	return weft_sleep(3600 * WEFT_S);
}

static int leave(void *arg)
{
	for (int i = 0; i < N; i++)
		MUST(weft_spawn(&id[i], NULL, wait_long, i % 2 ? arg : NULL)
		     == 0, "spawn");
	while (there < N)
		weft_yield();
	go = 1;
	return 0;
}

static void *cancel(void *arg)
{
	int late = *(int *)arg, err;

	while (!go)
		;
	for (int i = late; i--;)
		weft_in(0);
	for (int i = 0; i < N; i++) {
		err = weft_cancel(id[i]);
		MUST(!err || err == -ESRCH, "cancel gave %d", err);
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
		int late = (int)(lap % 16) * 200;
		pthread_t t;

		go = 0;
		there = 0;
		pthread_create(&t, NULL, cancel, &late);
		MUST(weft_run_config(&c, leave, &late) == 0, "run");
		pthread_join(t, NULL);
	}
	return 0;
}
