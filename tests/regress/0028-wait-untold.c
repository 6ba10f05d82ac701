/* regress/0028 - a plain thread that waits for a descriptor needs one to be told
 * of a close; where the process may have no more the wait failed.
 */
#include "stress/stress.h"

#include "os/sys.h"

#include <sys/resource.h>
#include <weft/io.h>

static int fd[2];
static atomic_int waits;

static int count(enum sys_call call, int n)
{
	(void)n;
	waits += call == SYS_EVENTFD;
	return 0;
}

static void *write_it(void *arg)
{
	while (!waits)
		;
	MUST(weft_write(fd[1], "x", 1, WEFT_FOREVER) == 1, "write");
	return arg;
}

static void *move_deadline(void *arg)
{
	while (!waits)
		;
	MUST(weft_fd_deadline(fd[0], POLLIN, weft_now()) == 0, "deadline");
	return arg;
}

static void *close_it(void *arg)
{
	while (!waits)
		;
	MUST(weft_close(fd[0]) == 0, "close");
	return arg;
}

static ssize_t meanwhile(void *(*fn)(void *))
{
	pthread_t t;
	char b;
	ssize_t n;

	waits = 0;
	MUST(!pthread_create(&t, NULL, fn, NULL), "thread");
	n = weft_read(fd[0], &b, 1, WEFT_FOREVER);
	pthread_join(t, NULL);
	return n;
}

int main(void)
{
	struct rlimit none = { 0, 0 };
	char b;

	MUST(!weft_pipe(fd), "pipe");
	MUST(!getrlimit(RLIMIT_NOFILE, &none), "getrlimit");
	/* Not 0: poll(2) asks about two. */
	none.rlim_cur = (rlim_t)fd[1] + 1;
	MUST(!setrlimit(RLIMIT_NOFILE, &none), "setrlimit");
	while (dup(fd[0]) >= 0)
		;
	weft__sys_fault = count;
	MUST(weft_read(fd[0], &b, 1, weft_in(25 * WEFT_MS)) == -ETIMEDOUT,
	     "it has no deadline");
	MUST(weft_poll(fd[0], POLLIN, weft_in(WEFT_MS)) == -ETIMEDOUT,
	     "it has no deadline");
	MUST(meanwhile(write_it) == 1, "it is not written to");
	MUST(meanwhile(move_deadline) == -ETIMEDOUT, "it is not told");
	MUST(weft_fd_deadline(fd[0], POLLIN, WEFT_FOREVER) == 0, "deadline");
	MUST(meanwhile(close_it) == -EBADF, "it is not closed");
	return 0;
}
