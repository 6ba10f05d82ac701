/* api/net_connect.c - weft_connect, one sentence a test. */
#include "support/net.h"

TestSuite(net_connect, .timeout = 100);

enum { FILL = 16 };

/* A listener on loopback whose queue is full: who connects now has to wait. */
struct full {
	int l, port, n, fd[FILL];
	char name[64];
};

/* TCP drops what asks to connect, a Unix socket makes it wait. */
static void fill(struct full *f, bool unix_socket)
{
	static atomic_int serial;

	f->n = 0;
	snprintf(f->name, sizeof f->name, "@weft-full-%ld-%d", (long)getpid(),
		 serial++);
	f->l = unix_socket ? weft_unix_listen(f->name, 1) :
	       weft_tcp_listen("127.0.0.1", 0, 1);
	f->port = unix_socket ? 0 : weft_sockport(f->l);
	CHECK(f->l >= 0);
	if (!unix_socket) {
		f->n = fill_queue(f->l, 1, "127.0.0.1", f->fd, FILL);
		return;
	}
	for (int fd; f->n < FILL; f->fd[f->n++] = fd) {
		fd = weft_unix_connect(f->name, weft_in(WEFT_MS));
		if (fd < 0) {
			CHECK_EQ(fd, -ETIMEDOUT);
			return;
		}
	}
	CHECK(!"the queue has an end");
}

static void empty(struct full *f)
{
	while (f->n > 0)
		weft_close(f->fd[--f->n]);
	weft_close(f->l);
}

/* A client socket: ours, one of others that blocks, or one that does not. */
enum whose { OURS, BLOCKING, NONBLOCKING, WHOSE };

static int client(int family, enum whose whose)
{
	int fd;

	if (whose == OURS) {
		fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			    0);
	} else {
		fd = handed(family, NULL, 0);
		if (whose == NONBLOCKING)
			CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	}
	CHECK(fd >= 0);
	return fd;
}

static int to(int fd, int port, weft_time deadline)
{
	struct sockaddr_in a = loopback(port);

	return weft_connect(fd, (struct sockaddr *)&a, sizeof a, deadline);
}

static int to_name(int fd, const char *name, weft_time deadline)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
	return weft_connect(fd, (struct sockaddr *)&a, (socklen_t)
			    (offsetof(struct sockaddr_un, sun_path) +
			     strlen(name)), deadline);
}

/* --- it connects, or not ------------------------------------------------------------- */

static int plainly(void *arg)
{
	int l = weft_tcp_listen("127.0.0.1", 0, 0), port = weft_sockport(l);

	(void)arg;
	for (enum whose w = OURS; w < WHOSE; w++) {
		int fd = client(AF_INET, w), flags = fcntl(fd, F_GETFL), s;
		struct timeval tv = { 1, 0 };
		socklen_t len = sizeof tv;

		CHECK_EQ(to(fd, port, PATIENCE), 0);
		s = weft_accept(l, NULL, NULL, PATIENCE);
		carries(fd, s);
		CHECK_EQ(to(fd, port, PATIENCE), -EISCONN);
		CHECK_EQ(fcntl(fd, F_GETFL), flags);
		CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len), 0);
		CHECK(tv.tv_sec == 0 && tv.tv_usec == 0);
		weft_close(fd);
		weft_close(s);
	}
	weft_close(l);
	l = nobody(&port);
	for (enum whose w = OURS; w < WHOSE; w++) {
		int fd = client(AF_INET, w);

		CHECK_EQ(to(fd, port, PATIENCE), -ECONNREFUSED);
		weft_close(fd);
		fd = client(AF_UNIX, w);
		CHECK_EQ(to_name(fd, "@weft-nobody-is-here", PATIENCE),
			 -ECONNREFUSED);
		weft_close(fd);
	}
	close(l);
	return 0;
}

Test(net_connect, connects_or_says_why_not)
{
	ANYWHERE(plainly);
}

static int mistakes(void *arg)
{
	struct sockaddr_in a = loopback(9);
	int pipes[2], fd = client(AF_INET, OURS);

	(void)arg;
	CHECK_EQ(to(-1, 9, PATIENCE), -EBADF);
	CHECK_EQ(to(4000, 9, PATIENCE), -EBADF);
	CHECK_EQ(weft_connect(fd, NULL, sizeof a, PATIENCE), -EINVAL);
	CHECK_EQ(weft_connect(fd, (struct sockaddr *)&a, 1, PATIENCE), -EINVAL);
	CHECK_EQ(weft_connect(fd, (struct sockaddr *)&a, 4, PATIENCE), -EINVAL);
	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(to(pipes[0], 9, PATIENCE), -ENOTSOCK);
	close(pipes[0]);
	close(pipes[1]);
	weft_close(fd);
	return 0;
}

Test(net_connect, refuses_what_makes_no_sense)
{
	ANYWHERE(mistakes);
}

/* --- it has to wait -------------------------------------------------------------------- */

static int too_late(void *arg)
{
	struct full f;

	(void)arg;
	fill(&f, false);
	for (enum whose w = OURS; w < WHOSE; w++) {
		int fd = client(AF_INET, w);
		weft_time t = weft_in(20 * WEFT_MS);

		CHECK_EQ(to(fd, f.port, t), -ETIMEDOUT);
		CHECK(weft_now() >= t);
		/* It goes on. */
		CHECK_EQ(to(fd, f.port, PATIENCE), -EALREADY);
		weft_close(fd);
		fd = client(AF_INET, w);
		CHECK_EQ(to(fd, f.port, WEFT_NOWAIT), -EAGAIN);
		weft_close(fd);
		fd = client(AF_INET, w);
		CHECK_EQ(to(fd, f.port, -1), -ETIMEDOUT);
		weft_close(fd);
	}
	CHECK_EQ(weft_tcp_connect("127.0.0.1", f.port, WEFT_NOWAIT), -EAGAIN);
	empty(&f);
	fill(&f, true);
	for (enum whose w = OURS; w < WHOSE; w++) {
		int fd = client(AF_UNIX, w);
		weft_time t = weft_in(20 * WEFT_MS);

		CHECK_EQ(to_name(fd, f.name, t), -ETIMEDOUT);
		CHECK(weft_now() >= t);
		CHECK_EQ(to_name(fd, f.name, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(to_name(fd, f.name, -1), -ETIMEDOUT);
		weft_close(fd);
	}
	empty(&f);
	return 0;
}

Test(net_connect, waits_until_the_deadline)
{
	ANYWHERE(too_late);
}

struct attempt {
	struct full *f;
	int fd, answer;
	bool unix_socket;
	atomic_int begun, over;
};

static int attempt(void *arg)
{
	struct attempt *a = arg;

	a->begun = 1;
	a->answer = a->unix_socket ?
		to_name(a->fd, a->f->name, WEFT_FOREVER) :
		to(a->fd, a->f->port, WEFT_FOREVER);
	a->over = 1;
	return 0;
}

static void ends(bool unix_socket, enum whose w, bool cancel)
{
	struct full f;
	struct attempt a = { .f = &f, .unix_socket = unix_socket,
			     .fd = client(unix_socket ? AF_UNIX : AF_INET, w) };
	struct crew c;

	fill(&f, unix_socket);
	crew_start(&c, 1, 0, attempt, &a);
	wait_until(a.begun);
	if (cancel)
		CHECK_EQ(weft_cancel(c.id[0]), 0);
	else
		CHECK_EQ(weft_close(a.fd), 0);
	crew_join(&c);
	CHECK_EQ(a.answer, cancel ? -ECANCELED : -EBADF);
	if (cancel)
		CHECK_EQ(weft_close(a.fd), 0);
	empty(&f);
}

static int closed(void *arg)
{
	(void)arg;
	for (enum whose w = OURS; w < WHOSE; w++) {
		ends(false, w, false);
		ends(true, w, false);
	}
	return 0;
}

Test(net_connect, a_close_ends_it)
{
	ANYWHERE(closed);
}

static int cancelled(void *arg)
{
	(void)arg;
	for (enum whose w = OURS; w < WHOSE; w++) {
		ends(false, w, true);
		ends(true, w, true);
	}
	return 0;
}

Test(net_connect, is_a_cancel_point)
{
	EACH(cancelled);
}

/* A queue that gets room lets the next one in. */
static int room_again(void *arg)
{
	(void)arg;
	for (enum whose w = OURS; w < WHOSE; w++) {
		struct full f;
		struct attempt a = { .f = &f, .unix_socket = true,
				     .fd = client(AF_UNIX, w) };
		struct crew c;

		fill(&f, true);
		crew_start(&c, 1, 0, attempt, &a);
		wait_until(a.begun);
		while (!a.over) {
			int fd = weft_accept(f.l, NULL, NULL, PATIENCE);

			CHECK(fd >= 0);
			weft_close(fd);
			if (f.n > 0)
				weft_close(f.fd[--f.n]);
			else
				wait_until(a.over);
		}
		crew_join(&c);
		CHECK_EQ(a.answer, 0);
		weft_close(a.fd);
		empty(&f);
	}
	return 0;
}

Test(net_connect, a_full_unix_listener_is_tried_again)
{
	ANYWHERE(room_again);
}

/* The kernel asks again after a second; others run meanwhile. */
static int tcp_room_again(void *arg)
{
	struct full f;
	struct attempt a[WHOSE] = { { .f = &f }, { .f = &f }, { .f = &f } };
	struct crew c[WHOSE];

	(void)arg;
	fill(&f, false);
	for (enum whose w = OURS; w < WHOSE; w++) {
		a[w].fd = client(AF_INET, w);
		crew_start(&c[w], 1, 0, attempt, &a[w]);
		wait_until(a[w].begun);
	}
	while (!a[0].over || !a[1].over || !a[2].over) {
		int fd = weft_accept(f.l, NULL, NULL, weft_in(10 * WEFT_MS));

		if (fd >= 0)
			weft_close(fd);
		else
			CHECK_EQ(fd, -ETIMEDOUT);
	}
	for (enum whose w = OURS; w < WHOSE; w++) {
		crew_join(&c[w]);
		CHECK_EQ(a[w].answer, 0);
		weft_close(a[w].fd);
	}
	empty(&f);
	return 0;
}

Test(net_connect, a_tcp_connection_that_comes_late_is_noticed)
{
	ANYWHERE(tcp_room_again);
}
