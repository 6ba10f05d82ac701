/* regress/0013 - the end of a run waited for ever for a signal to be finished.
 *
 * A waiter of a condition gave up, and a signal then took it off the list and
 * dropped it.  When the run ended before the waiter ran again, its discard took
 * it for one whom the signal is about to move to the mutex.
 */
#include "stress/stress.h"

static weft_cond cond = WEFT_COND_INIT;
static weft_mutex mutex = WEFT_MUTEX_INIT;
static atomic_bool there;

static int wait_for_signal(void *arg)
{
	(void)arg;
	weft_mutex_lock(&mutex);
	there = true;
	MUST(weft_cond_wait(&cond, &mutex) == -ECANCELED, "signalled");
	weft_mutex_unlock(&mutex);
	return 0;
}

static void nothing(void *arg)
{
	(void)arg;
}

static weft_id waiter;

/* The last to run. */
static void give_up_and_signal(void *arg)
{
	weft_time soon;

	(void)arg;
	while (weft_go(nothing, NULL) != -ECANCELED)
		weft_yield();
	MUST(weft_cancel(waiter) == 0, "cancel");
	weft_cond_signal(&cond);
	soon = weft_in(5 * WEFT_MS);            /* the workers are told */
	while (weft_now() < soon)
		;
	for (;;)
		weft_yield();
}

static int body(void *arg)
{
	/* Nobody else may take it before this worker stops. */
	weft_attr attr = { .pinned = 1 };

	there = false;
	MUST(weft_spawn(&waiter, &attr, wait_for_signal, arg) == 0, "spawn");
	do
		weft_yield();
	while (!there || weft_mutex_trylock(&mutex));
	weft_mutex_unlock(&mutex);
	MUST(weft_go(give_up_and_signal, NULL) == 0, "go");
	return 0;
}

int main(void)
{
	weft_config c;

	weft_config_init(&c);
	c.workers = 1;
	for (int i = 0; i < 10; i++)
		MUST(weft_run_config(&c, body, NULL) == 0, "run");
	return 0;
}
