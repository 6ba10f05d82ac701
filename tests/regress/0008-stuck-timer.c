/* regress/0008 - a deadline in the heap of a worker whose routine loops waited
 * until the loop ended, when the other workers were busy but never stuck.
 */
#include "stress/stress.h"

/* What a loaded machine does not take, and the loop does. */
#define LONG (100 * WEFT_S)

static _Atomic bool over;

static void looper(void *arg)
{
	weft_time end = weft_in(LONG);

	(void)arg;
	while (!atomic_load(&over) && weft_now() < end)
		;
}

/* Both before the loop and on its worker: the deadline is in that heap. */
static void waiter(void *arg)
{
	weft_time at = weft_now();

	(void)arg;
	MUST(weft_go(looper, NULL) == 0, "no routine");
	weft_sleep(50 * WEFT_MS);
	at = weft_now() - at;
	atomic_store(&over, true);
	MUST(at < LONG / 2, "slept %lld ms, not 50",
	     (long long)(at / WEFT_MS));
}

static int root(void *arg)
{
	(void)arg;
	MUST(weft_go(waiter, NULL) == 0, "no routine");
	for (weft_time end = weft_in(LONG); weft_now() < end &&
	     !atomic_load(&over); )
		weft_yield();
	return 0;
}

int main(void)
{
	return stress_run(2, root, NULL);
}
