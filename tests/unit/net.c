/* unit/net.c - src/net/ when system calls fail. */
#include "support/net.h"

#include "net/net.h"
#include "os/sys.h"

TestSuite(net_faults, .timeout = 100);

/* The first `times` calls of this kind answer this.  Workers ask all the time,
 * so the function is there before they are. */
static atomic_int which = SYS_CALLS, times, answer, asked;

static int fault(enum sys_call call, int fd)
{
	(void)fd;
	if ((int)call != which)
		return 0;
	asked++;
	return atomic_fetch_sub(&times, 1) > 0 ? answer : 0;
}

static void fail(enum sys_call call, int err, int count)
{
	which = SYS_CALLS;
	answer = err;
	times = count;
	asked = 0;
	which = (int)call;
}

static void fine(void)
{
	which = SYS_CALLS;
}

#define FAILING_ANYWHERE(fn) \
	do { \
		weft__sys_fault = fault; \
		ANYWHERE(fn); \
	} while (0)

static int broken_ones(void *arg)
{
	static const int again[] = {
		-ECONNABORTED, -EPROTO, -ENETDOWN, -ENOPROTOOPT, -EHOSTDOWN,
		-ENONET, -EHOSTUNREACH, -ENETUNREACH,
	};
	static const int told[] = {
		-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM, -EPERM, -EOPNOTSUPP,
	};
	int l = weft_tcp_listen("127.0.0.1", 0, 0), s, c;

	(void)arg;
	for (size_t i = 0; i < COUNT(again); i++) {
		fail(SYS_ACCEPT, again[i], 3);
		c = connected(l, &s);
		CHECK(asked >= 4);
		fine();
		carries_and_ends(c, s);
	}
	for (size_t i = 0; i < COUNT(told); i++) {
		c = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);
		CHECK(weft_poll(l, POLLIN, PATIENCE) > 0);
		fail(SYS_ACCEPT, told[i], 2);
		CHECK_EQ(weft_accept(l, NULL, NULL, PATIENCE), told[i]);
		CHECK_EQ(weft_accept(l, NULL, NULL, PATIENCE), told[i]);
		s = weft_accept(l, NULL, NULL, PATIENCE);
		fine();
		CHECK(s >= 0);
		carries_and_ends(c, s);
	}
	weft_close(l);
	return 0;
}

Test(net_faults, accept_passes_over_what_broke_and_tells_the_rest)
{
	FAILING_ANYWHERE(broken_ones);
}

/* The server of weft_accept_pause's comment loses nobody. */
struct server {
	int l, served;
	atomic_int ready;
};

static int serve(void *arg)
{
	struct server *s = arg;
	weft_time pause = 0;

	s->ready = 1;
	for (;;) {
		int fd = weft_accept(s->l, NULL, NULL, WEFT_FOREVER);

		if (fd >= 0) {
			pause = 0;
			s->served++;
			weft_close(fd);
		} else if (weft_accept_pause(fd, &pause) < 0) {
			CHECK_EQ(fd, -EBADF);
			return 0;
		}
	}
}

static int keeps_serving(void *arg)
{
	struct server s = { .l = weft_tcp_listen("127.0.0.1", 0, 0) };
	int port = weft_sockport(s.l);
	struct crew c;

	(void)arg;
	fail(SYS_ACCEPT, -EMFILE, 4);
	crew_start(&c, 1, 0, serve, &s);
	for (int i = 0; i < 10; i++) {
		int fd = weft_tcp_connect("127.0.0.1", port, PATIENCE);
		char b;

		CHECK_EQ(weft_read(fd, &b, 1, PATIENCE), 0);
		weft_close(fd);
		if (i == 5)
			fail(SYS_ACCEPT, -ENFILE, 2);
	}
	fine();
	CHECK_EQ(weft_close(s.l), 0);
	crew_join(&c);
	CHECK_EQ(s.served, 10);
	return 0;
}

Test(net_faults, a_server_that_pauses_loses_nobody)
{
	FAILING_ANYWHERE(keeps_serving);
}

static int connecting(void *arg)
{
	static const int told[] = {
		-ECONNREFUSED, -ETIMEDOUT, -ENETUNREACH, -EHOSTUNREACH,
		-EADDRNOTAVAIL, -EACCES, -ECONNRESET,
	};
	int l = weft_tcp_listen("127.0.0.1", 0, 0), port = weft_sockport(l), s;
	int before = open_descriptors();

	(void)arg;
	for (size_t i = 0; i < COUNT(told); i++) {
		fail(SYS_CONNECT, told[i], 1);
		CHECK_EQ(weft_tcp_connect("127.0.0.1", port, PATIENCE), told[i]);
	}
	/* No local port is free; a Unix listener has no such answer. */
	fail(SYS_CONNECT, -EAGAIN, 1);
	CHECK_EQ(weft_tcp_connect("127.0.0.1", port, PATIENCE), -EADDRNOTAVAIL);
	/* Who asked first is told that somebody else's is under way. */
	fail(SYS_CONNECT, -EALREADY, 1);
	CHECK_EQ(weft_tcp_connect("127.0.0.1", port, PATIENCE), -EALREADY);
	fine();
	wait_until(open_descriptors() == before);
	/* It is asked again until it is done. */
	fail(SYS_CONNECT, -EINPROGRESS, 1);
	s = weft_tcp_connect("127.0.0.1", port, PATIENCE);
	CHECK(s >= 0);
	CHECK(asked >= 2);
	weft_close(s);
	fine();
	weft_close(l);
	return 0;
}

Test(net_faults, a_connect_tells_what_the_kernel_says)
{
	FAILING_ANYWHERE(connecting);
}

static const struct step {
	enum sys_call call;
	int err;
} steps[] = {
	{ SYS_SOCKET, -EMFILE }, { SYS_SOCKET, -ENFILE },
	{ SYS_SOCKET, -ENOBUFS }, { SYS_BIND, -EACCES },
	{ SYS_BIND, -EADDRINUSE }, { SYS_LISTEN, -EADDRINUSE },
};

static int opening(void *arg)
{
	char name[64];
	int before = open_descriptors();

	(void)arg;
	snprintf(name, sizeof name, "@weft-faults-%ld", (long)getpid());
	for (size_t i = 0; i < COUNT(steps); i++) {
		const struct step *s = &steps[i];

		fail(s->call, s->err, 10);
		CHECK_EQ(weft_tcp_listen("127.0.0.1", 0, 0), s->err);
		fail(s->call, s->err, 10);
		CHECK_EQ(weft_tcp_listen("localhost", 0, 0), s->err);
		fail(s->call, s->err, 10);
		CHECK_EQ(weft_tcp_listen(NULL, 0, 0), s->err);
		fail(s->call, s->err, 10);
		CHECK_EQ(weft_unix_listen(name, 0), s->err);
		if (s->call == SYS_LISTEN)
			continue;
		fail(s->call, s->err, 10);
		CHECK_EQ(weft_udp_bind("127.0.0.1", 0), s->err);
		if (s->call == SYS_BIND)
			continue;
		fail(s->call, s->err, 10);
		CHECK_EQ(weft_tcp_connect("127.0.0.1", 9, PATIENCE), s->err);
		fail(s->call, s->err, 10);
		CHECK_EQ(weft_tcp_connect("localhost", 9, PATIENCE), s->err);
		fail(s->call, s->err, 10);
		CHECK_EQ(weft_unix_connect(name, PATIENCE), s->err);
	}
	fine();
	wait_until(open_descriptors() == before);
	return 0;
}

Test(net_faults, what_could_not_be_opened_leaves_nothing_behind)
{
	FAILING_ANYWHERE(opening);
}

/* A kernel without IPv6. */
static int one_family(void *arg)
{
	struct sockaddr_storage a;
	socklen_t l = sizeof a;
	int fd;

	(void)arg;
	fail(SYS_SOCKET, -EAFNOSUPPORT, 1);
	fd = weft_tcp_listen(NULL, 0, 0);
	CHECK(fd >= 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &l), 0);
	CHECK_EQ(a.ss_family, AF_INET);
	weft_close(fd);
	fail(SYS_BIND, -EADDRNOTAVAIL, 1);
	fd = weft_udp_bind(NULL, 0);
	fine();
	l = sizeof a;
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &l), 0);
	CHECK_EQ(a.ss_family, AF_INET);
	weft_close(fd);
	return 0;
}

Test(net_faults, without_ipv6_any_address_is_an_ipv4_one)
{
	FAILING_ANYWHERE(one_family);
}
