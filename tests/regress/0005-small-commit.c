/* regress/0005 - a thread for a blocking call was made on the stack of whatever
 * routine ran next, which may be the smallest there is.
 */
#include "stress/stress.h"

static _Atomic bool over;

static void small(void *arg)
{
	(void)arg;
	while (!atomic_load(&over))
		weft_yield();
}

static void *nap(void *arg)
{
	struct timespec t = { 0, 2000000 };

	nanosleep(&t, NULL);
	return arg;
}

static void napper(void *arg)
{
	(void)arg;
	MUST(weft_blocking(nap, NULL, NULL) == 0, "blocking");
}

static int root(void *arg)
{
	weft_attr small_stack = { .stack_size = 2048 };
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	(void)arg;
	for (int i = 0; i < 4; i++)
		MUST(weft_go_attr(&small_stack, small, NULL) == 0, "spawn");
	weft_yield();
	for (int i = 0; i < 40; i++)
		weft_waitgroup_go(&all, napper, NULL);
	weft_waitgroup_wait(&all);
	atomic_store(&over, true);
	return 0;
}

int main(void)
{
	weft_config c;

	weft_config_init(&c);
	c.workers = 1;
	return weft_run_config(&c, root, NULL);
}
