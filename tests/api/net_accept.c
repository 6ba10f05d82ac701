/* api/net_accept.c - weft_accept, one sentence a test. */
#include "support/net.h"

#include <sys/resource.h>

TestSuite(net_accept, .timeout = 100);

static int listener(void)
{
	int l = weft_tcp_listen("127.0.0.1", 0, 0);

	CHECK(l >= 0);
	return l;
}

/* One that was opened elsewhere, and blocks. */
static int blocking_listener(void)
{
	struct sockaddr_in a = loopback(0);

	return handed(AF_INET, (struct sockaddr *)&a, sizeof a);
}

static void time_limits(int l)
{
	weft_time t;
	int c, s;

	CHECK_EQ(weft_accept(l, NULL, NULL, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_accept(l, NULL, NULL, -1), -ETIMEDOUT);
	CHECK_EQ(weft_accept(l, NULL, NULL, 1), -ETIMEDOUT);
	t = weft_in(2 * WEFT_MS);
	CHECK_EQ(weft_accept(l, NULL, NULL, t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	/* Who is there is let in, however late it is. */
	c = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);
	CHECK(c >= 0);
	CHECK(weft_poll(l, POLLIN, PATIENCE) > 0);
	s = weft_accept(l, NULL, NULL, -1);
	CHECK(s >= 0);
	carries_and_ends(c, s);
	c = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);
	CHECK(weft_poll(l, POLLIN, PATIENCE) > 0);
	s = weft_accept(l, NULL, NULL, WEFT_NOWAIT);
	CHECK(s >= 0);
	carries_and_ends(s, c);
}

static int deadlines(void *arg)
{
	int l = listener(), b = blocking_listener();

	(void)arg;
	time_limits(l);
	time_limits(b);
	CHECK(!(fcntl(b, F_GETFL) & O_NONBLOCK));
	CHECK_EQ(weft_close(l), 0);
	CHECK_EQ(weft_close(b), 0);
	return 0;
}

Test(net_accept, waits_until_the_deadline)
{
	ANYWHERE(deadlines);
}

static int mistakes(void *arg)
{
	struct sockaddr_storage a;
	int l = listener(), pipes[2], udp = weft_udp_bind("127.0.0.1", 0);
	socklen_t len;

	(void)arg;
	CHECK_EQ(weft_accept(-1, NULL, NULL, PATIENCE), -EBADF);
	CHECK_EQ(weft_accept(4000, NULL, NULL, PATIENCE), -EBADF);
	CHECK_EQ(weft_accept(l, (struct sockaddr *)&a, NULL, PATIENCE), -EINVAL);
	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(weft_accept(pipes[0], NULL, NULL, PATIENCE), -ENOTSOCK);
	close(pipes[0]);
	close(pipes[1]);
	CHECK_EQ(weft_accept(udp, NULL, NULL, PATIENCE), -EOPNOTSUPP);
	len = sizeof a;
	memset(&a, 0x5a, sizeof a);
	CHECK_EQ(weft_accept(l, (struct sockaddr *)&a, &len, WEFT_NOWAIT),
		 -EAGAIN);
	CHECK_EQ(len, sizeof a);
	CHECK_EQ(a.ss_family, 0x5a5a);
	weft_close(udp);
	CHECK_EQ(weft_close(l), 0);
	CHECK_EQ(weft_accept(l, NULL, NULL, PATIENCE), -EBADF);
	return 0;
}

Test(net_accept, refuses_what_does_not_listen)
{
	ANYWHERE(mistakes);
}

static int peers(void *arg)
{
	int l = listener(), c, s;
	struct sockaddr_storage a;
	char text[WEFT_ADDR_TEXT], name[WEFT_ADDR_TEXT];
	socklen_t len = sizeof a;

	(void)arg;
	c = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);
	s = weft_accept(l, (struct sockaddr *)&a, &len, PATIENCE);
	CHECK(c >= 0 && s >= 0);
	CHECK_EQ(len, sizeof(struct sockaddr_in));
	CHECK(weft_addr_text((struct sockaddr *)&a, len, text, sizeof text) > 0);
	CHECK(weft_sockname(c, name, sizeof name) > 0);
	CHECK(strcmp(text, name) == 0);
	weft_close(c);
	weft_close(s);
	/* Cut short, with the true length, as accept does. */
	c = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);
	len = 4;
	s = weft_accept(l, (struct sockaddr *)&a, &len, PATIENCE);
	CHECK_EQ(len, sizeof(struct sockaddr_in));
	weft_close(c);
	weft_close(s);
	weft_close(l);
	return 0;
}

Test(net_accept, tells_who_came)
{
	ANYWHERE(peers);
}

/* --- several acceptors ---------------------------------------------------------------- */

struct crowd {
	int l;
	atomic_int in, bad, served, canceled;
	atomic_int by[8], next;
};

static int accept_until_closed(void *arg)
{
	struct crowd *k = arg;
	int me = k->next++ % 8, fd;

	k->in++;
	while ((fd = weft_accept(k->l, NULL, NULL, WEFT_FOREVER)) >= 0) {
		k->by[me]++;
		CHECK_EQ(weft_close(fd), 0);
		k->served++;
	}
	/* Who began late may have found the library's next file there. */
	if (fd == -ECANCELED)
		k->canceled++;
	else
		CHECK(fd == -EBADF || fd == -ENOTSOCK);
	k->bad++;
	return 0;
}

static void closes_for_all(int l)
{
	struct crowd k = { .l = l };
	struct crew c;

	crew_start(&c, 5, 3, accept_until_closed, &k);
	wait_until(k.in == 8);
	CHECK_EQ(weft_close(l), 0);
	crew_join(&c);
	CHECK_EQ(k.bad, 8);
}

static int closed(void *arg)
{
	(void)arg;
	closes_for_all(listener());
	closes_for_all(blocking_listener());
	return 0;
}

Test(net_accept, a_close_wakes_every_acceptor)
{
	ANYWHERE(closed);
}

static int cancelled(void *arg)
{
	struct crowd k = { .l = listener() };
	struct crew c;

	(void)arg;
	crew_start(&c, 4, 0, accept_until_closed, &k);
	wait_until(k.in == 4);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(weft_cancel(c.id[i]), 0);
	crew_join(&c);
	CHECK_EQ(k.canceled, 4);
	/* Nobody waits any more, and nothing is lost. */
	{
		int s, a = connected(k.l, &s);

		carries_and_ends(a, s);
	}
	weft_close(k.l);
	return 0;
}

Test(net_accept, is_a_cancel_point)
{
	EACH(cancelled);
}

static bool each_served(struct crowd *k, int n)
{
	while (n > 0 && k->by[n - 1] > 0)
		n--;
	return n == 0;
}

static void shares(int l, int routines, int threads)
{
	struct crowd k = { .l = l };
	int port = weft_sockport(l), n;
	weft_time patience = PATIENCE;
	struct crew c;

	crew_start(&c, routines, threads, accept_until_closed, &k);
	wait_until(k.in == routines + threads);
	/* On a busy machine one of them may come late. */
	for (n = 0; n < 200 || (!threads && !each_served(&k, routines) &&
				weft_now() < patience); n++) {
		int fd = weft_tcp_connect("127.0.0.1", port, PATIENCE);
		char b;

		CHECK(fd >= 0);
		/* Served: the other side has closed it. */
		CHECK_EQ(weft_read(fd, &b, 1, PATIENCE), 0);
		weft_close(fd);
	}
	wait_until(k.served == n);
	CHECK(threads || each_served(&k, routines));
	CHECK_EQ(weft_close(l), 0);
	crew_join(&c);
	CHECK_EQ(k.served, n);
}

static int several(void *arg)
{
	(void)arg;
	if (weft_self())
		shares(listener(), 4, 0);
	shares(listener(), 4, 2);
	shares(blocking_listener(), 4, 2);
	return 0;
}

Test(net_accept, acceptors_share_the_connections)
{
	ANYWHERE(several);
}

static int connect_some(void *arg)
{
	int port = weft_sockport(((struct crowd *)arg)->l);

	for (int i = 0; i < 20; i++) {
		int fd = weft_tcp_connect("127.0.0.1", port, PATIENCE);
		char b;

		CHECK(fd >= 0);
		CHECK_EQ(weft_read(fd, &b, 1, PATIENCE), 0);
		weft_close(fd);
	}
	return 0;
}

static int storm(void *arg)
{
	struct crowd k = { .l = listener() };
	struct crew acceptors, clients;

	(void)arg;
	crew_start(&acceptors, 6, 2, accept_until_closed, &k);
	crew_start(&clients, 9, 1, connect_some, &k);
	crew_join(&clients);
	wait_until(k.served == 200);
	CHECK_EQ(weft_close(k.l), 0);
	crew_join(&acceptors);
	return 0;
}

Test(net_accept, a_storm_of_connections_is_served)
{
	ANYWHERE(storm);
}

/* --- handed listeners ------------------------------------------------------------------ */

static int of_others(void *arg)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int l = blocking_listener(), u, c, s;
	char name[64];
	int n = snprintf(name, sizeof name, "@weft-handed-%ld", (long)getpid());

	(void)arg;
	c = connected(l, &s);
	CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(s, F_GETFD) & FD_CLOEXEC);
	CHECK(option(s, IPPROTO_TCP, TCP_NODELAY) > 0);
	CHECK(!(fcntl(l, F_GETFL) & O_NONBLOCK));
	CHECK(!(fcntl(l, F_GETFD) & FD_CLOEXEC));
	CHECK_EQ(option(l, IPPROTO_TCP, TCP_NODELAY), 0);
	carries_and_ends(c, s);
	weft_close(l);
	memcpy(un.sun_path + 1, name + 1, (size_t)n - 1);
	u = handed(AF_UNIX, (struct sockaddr *)&un,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			       (size_t)n));
	c = weft_unix_connect(name, PATIENCE);
	s = weft_accept(u, NULL, NULL, PATIENCE);
	CHECK(c >= 0 && s >= 0);
	carries_and_ends(c, s);
	weft_close(u);
	return 0;
}

Test(net_accept, leaves_a_listener_of_others_as_it_is)
{
	ANYWHERE(of_others);
}

/* --- no descriptors -------------------------------------------------------------------- */

static int exhausted(void *arg)
{
	int l = listener(), c, s, spare[64], n = 0, first;
	struct rlimit was, low;
	weft_time pause = 0, t;

	(void)arg;
	c = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);
	CHECK(c >= 0);
	CHECK(weft_poll(l, POLLIN, PATIENCE) > 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	first = dup(0);
	CHECK(first >= 0);
	low = was;
	low.rlim_cur = (rlim_t)first + 20;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 64 && (spare[n] = dup(0)) >= 0)
		n++;
	s = n == 64 ? -EMFILE : weft_accept(l, NULL, NULL, PATIENCE);
	CHECK_EQ(s, -EMFILE);
	t = weft_now();
	CHECK_EQ(weft_accept_pause(s, &pause), 0);
	CHECK_EQ(pause, 5 * WEFT_MS);
	CHECK(weft_now() >= t + pause);
	CHECK_EQ(weft_accept_pause(s, &pause), 0);
	CHECK_EQ(pause, 10 * WEFT_MS);
	CHECK_EQ(weft_accept_pause(-EBADF, &pause), -EBADF);
	CHECK_EQ(weft_accept_pause(-ECANCELED, &pause), -ECANCELED);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	close(first);
	while (n > 0)
		close(spare[--n]);
	/* It has been waiting in the queue. */
	s = weft_accept(l, NULL, NULL, PATIENCE);
	CHECK(s >= 0);
	carries_and_ends(c, s);
	weft_close(l);
	return 0;
}

Test(net_accept, serves_again_after_descriptors_ran_out)
{
	if (under("valgrind"))
		cr_skip_test("valgrind has limits of its own");
	ANYWHERE(exhausted);
}
