/* regress/0004 - two blocking calls got one thread between them.
 *
 * Both saw the same idle thread; the second call waited behind the first, which
 * waited for the second.
 */
#include "stress/stress.h"

#include <unistd.h>

static int fd[2];

static void *nothing(void *arg)
{
	return arg;
}

static void *take(void *arg)
{
	char c;

	MUST(read(fd[0], &c, 1) == 1, "read");
	return arg;
}

static void *give(void *arg)
{
	MUST(write(fd[1], "", 1) == 1, "write");
	return arg;
}

static void taker(void *arg)
{
	(void)arg;
	MUST(weft_blocking(take, NULL, NULL) == 0, "blocking");
}

static void giver(void *arg)
{
	(void)arg;
	MUST(weft_blocking(give, NULL, NULL) == 0, "blocking");
}

static int root(void *arg)
{
	(void)arg;
	MUST(weft_blocking(nothing, NULL, NULL) == 0, "blocking");
	for (int i = 0; i < 200; i++) {
		weft_waitgroup all = WEFT_WAITGROUP_INIT;

		weft_waitgroup_go(&all, taker, NULL);
		weft_waitgroup_go(&all, giver, NULL);
		weft_waitgroup_wait(&all);
	}
	return 0;
}

int main(void)
{
	weft_config c;

	MUST(pipe(fd) == 0, "pipe");
	alarm(140);
	weft_config_init(&c);
	c.workers = 1;
	return weft_run_config(&c, root, NULL);
}
