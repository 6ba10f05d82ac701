/* regress/0017 - one routine looks for a hangup or urgent data, another reads.
 *
 * An edge woke the one who looked, who saw nothing of what it looked for and
 * waited again, and the reader stood behind it for ever.  Nor was anybody told of
 * urgent data.  With bytes there that nobody read, looking for a hangup kept a
 * CPU busy.
 */
#include "stress/stress.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <weft/io.h>
#include <weft/net.h>

static int fd[2];

static int look(void *arg)
{
	return weft_poll(fd[0], *(short *)arg, weft_in(100 * WEFT_S));
}

static int read_some(void *arg)
{
	char b[8];

	(void)arg;
	return (int)weft_read(fd[0], b, sizeof b, weft_in(100 * WEFT_S));
}

static void let(void)
{
	for (int i = 0; i < 20; i++)
		weft_yield();
}

static int joined(weft_id id)
{
	int status = -1;

	MUST(weft_join(id, &status) == 0, "join");
	return status;
}

static int64_t cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * WEFT_S + t.tv_nsec;
}

static int both(void *arg)
{
	short hangup = POLLRDHUP, urgent = POLLPRI;
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t l = sizeof a;
	weft_id looker, other, reader;
	int64_t used = INT64_MAX;
	int s = weft_tcp_listen("127.0.0.1", 0, 1);

	(void)arg;
	MUST(getsockname(s, (struct sockaddr *)&a, &l) == 0, "name");
	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(!connect(fd[1], (struct sockaddr *)&a, l), "connect");
	fd[0] = weft_accept(s, NULL, NULL, WEFT_FOREVER);
	MUST(!weft_close(s), "close");

	MUST(!weft_spawn(&looker, NULL, look, &hangup), "spawn");
	MUST(!weft_spawn(&other, NULL, look, &hangup), "spawn");
	let();
	MUST(!weft_spawn(&reader, NULL, read_some, NULL), "spawn");
	let();
	MUST(write(fd[1], "abc", 3) == 3, "write");
	MUST(joined(reader) == 3, "the reader was not woken");

	MUST(write(fd[1], "def", 3) == 3, "write");
	let();
	/* Who spins does so each time. */
	for (int i = 0; i < 20 && used >= 50 * WEFT_MS; i++) {
		used = cpu();
		weft_sleep(100 * WEFT_MS);
		used = cpu() - used;
	}
	MUST(used < 50 * WEFT_MS, "who looks for a hangup spins");

	MUST(!weft_spawn(&reader, NULL, look, &urgent), "spawn");
	let();
	MUST(send(fd[1], "!", 1, MSG_OOB) == 1, "send");
	MUST(joined(reader) == POLLPRI, "nobody told of urgent data");

	shutdown(fd[1], SHUT_WR);
	MUST(joined(looker) == POLLRDHUP && joined(other) == POLLRDHUP,
	     "nobody told of the hangup");
	MUST(!weft_close(fd[0]), "close");
	close(fd[1]);
	return 0;
}

int main(void)
{
	static const char *const poller[] = { "epoll", "uring", "poll" };
	weft_config c;

	weft_config_init(&c);
	c.workers = 1;
	for (int i = 0; i < 3; i++) {
		setenv("WEFT_POLLER", poller[i], 1);
		MUST(weft_run_config(&c, both, NULL) == 0, "run");
	}
	return 0;
}
