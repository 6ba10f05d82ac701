/* regress/0021 - a descriptor that two runtimes have used is closed.
 *
 * Only the poller of the last one was told, and the other, where that keeps what
 * it watches open, kept it so: the other end did not hear of the close.
 */
#include "stress/stress.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weft/io.h>

static int fd[2];

static int read_late(void *arg)
{
	char b;

	(void)arg;
	return (int)weft_read(fd[0], &b, 1, weft_in(5 * WEFT_MS));
}

static int close_it(void *arg)
{
	(void)arg;
	return weft_close(fd[0]);
}

static void closed(void)
{
	struct pollfd p = { .events = POLLIN };
	weft_runtime *one, *two;
	weft_config c;

	weft_config_init(&c);
	c.workers = 1;
	MUST(!weft_start(&c, &one) && !weft_start(&c, &two), "start");
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd), "pair");
	MUST(weft_call(one, read_late, NULL) == -ETIMEDOUT, "one");
	MUST(weft_call(two, read_late, NULL) == -ETIMEDOUT, "two");
	MUST(weft_call(two, close_it, NULL) == 0, "close");
	p.fd = fd[1];
	MUST(poll(&p, 1, 20000) == 1, "the other end hears nothing");
	close(fd[1]);
	MUST(!weft_stop(one, WEFT_FOREVER) && !weft_stop(two, WEFT_FOREVER),
	     "stop");
}

int main(void)
{
	static const char *const poller[] = { "epoll", "uring", "poll" };

	for (int i = 0; i < 3; i++) {
		setenv("WEFT_POLLER", poller[i], 1);
		closed();
	}
	return 0;
}
