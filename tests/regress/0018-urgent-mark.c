/* regress/0018 - more is there after urgent data.
 *
 * A read of TCP stops before urgent data.  The fewer bytes were taken for all
 * there were, and the next read waited for news instead of trying.
 */
#include "stress/stress.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weft/io.h>
#include <weft/net.h>

static int fd[2];

static int read_one(void *arg)
{
	char b;

	(void)arg;
	return (int)weft_read(fd[0], &b, 1, WEFT_FOREVER);
}

static int mark(void *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t l = sizeof a;
	weft_id reader;
	weft_time start;
	char b[8];
	int s = weft_tcp_listen("127.0.0.1", 0, 1), there = 0;

	(void)arg;
	MUST(getsockname(s, (struct sockaddr *)&a, &l) == 0, "name");
	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(!connect(fd[1], (struct sockaddr *)&a, l), "connect");
	fd[0] = weft_accept(s, NULL, NULL, WEFT_FOREVER);
	MUST(!weft_close(s), "close");

	/* Somebody has waited: it is known to the poller. */
	MUST(!weft_spawn(&reader, NULL, read_one, NULL), "spawn");
	for (int i = 0; i < 20; i++)
		weft_yield();
	MUST(write(fd[1], "p", 1) == 1, "write");
	MUST(!weft_join(reader, NULL), "join");

	MUST(write(fd[1], "abc", 3) == 3 && send(fd[1], "!", 1, MSG_OOB) == 1 &&
	     write(fd[1], "def", 3) == 3, "write");
	start = weft_now();
	while (!there && weft_now() - start < 20 * WEFT_S) {
		char all[8];

		/* All of it has come, and the poller has told so. */
		there = weft_poll(fd[0], POLLPRI, WEFT_NOWAIT) > 0 &&
			recv(fd[0], all, 8, MSG_PEEK | MSG_DONTWAIT) == 3;
		weft_sleep(WEFT_MS);
	}
	MUST(there, "nothing comes");
	weft_sleep(10 * WEFT_MS);
	MUST(weft_read(fd[0], b, sizeof b, weft_in(100 * WEFT_S)) == 3, "abc");
	start = weft_now();
	MUST(weft_read(fd[0], b, sizeof b, weft_in(100 * WEFT_S)) == 3, "def");
	MUST(weft_now() - start < 50 * WEFT_S, "waited for what was there");
	MUST(!weft_close(fd[0]), "close");
	close(fd[1]);
	return 0;
}

int main(void)
{
	static const char *const poller[] = { "epoll", "uring", "poll" };

	for (int i = 0; i < 3; i++) {
		setenv("WEFT_POLLER", poller[i], 1);
		MUST(weft_run(mark, NULL) == 0, "run");
	}
	return 0;
}
