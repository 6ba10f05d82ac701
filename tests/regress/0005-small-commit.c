/* regress/0005 - a thread for a blocking call was made on the stack of whatever
 * routine ran next, which may be the smallest there is.
 */
#include "stress/stress.h"

#include <unistd.h>

enum { NAPS = 40 };

static _Atomic bool over;
static int fd[2];

static void small(void *arg)
{
	(void)arg;
	while (!atomic_load(&over))
		weft_yield();
}

static void *nap(void *arg)
{
	char c;

	MUST(read(fd[0], &c, 1) == 1, "read");
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
	for (int i = 0; i < NAPS; i++)
		weft_waitgroup_go(&all, napper, NULL);
	for (int i = 0; i < NAPS; i++) {
		weft_yield();
		MUST(write(fd[1], "", 1) == 1, "write");
	}
	weft_waitgroup_wait(&all);
	atomic_store(&over, true);
	return 0;
}

int main(void)
{
	weft_config c;

	MUST(pipe(fd) == 0, "pipe");
	weft_config_init(&c);
	c.workers = 1;
	return weft_run_config(&c, root, NULL);
}
