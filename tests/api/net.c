/* api/net.c - sockets that are made by weft, one sentence a test. */
#include "support/net.h"

TestSuite(net, .timeout = 120);

/* --- TCP --------------------------------------------------------------------------- */

static void connects_and_carries(const char *at, const char *to)
{
	int l = weft_tcp_listen(at, 0, 0), c, s;

	CHECK(l >= 0);
	CHECK(weft_sockport(l) > 0);
	c = weft_tcp_connect(to, weft_sockport(l), PATIENCE);
	CHECK(c >= 0);
	s = weft_accept(l, NULL, NULL, PATIENCE);
	CHECK(s >= 0);
	carries(c, s);
	carries(s, c);
	CHECK_EQ(weft_close(c), 0);
	CHECK_EQ(weft_close(s), 0);
	CHECK_EQ(weft_close(l), 0);
}

static int every_way(void *arg)
{
	(void)arg;
	connects_and_carries("127.0.0.1", "127.0.0.1");
	connects_and_carries(NULL, "127.0.0.1");
	connects_and_carries(NULL, NULL);
	connects_and_carries(NULL, "localhost");
	connects_and_carries("localhost", "localhost");
	if (have_ipv6()) {
		connects_and_carries("::1", "::1");
		connects_and_carries(NULL, "::1");
		connects_and_carries("::", "::1");
	}
	return 0;
}

Test(net, a_connection_carries_both_ways)
{
	ANYWHERE(every_way);
}

static int as_promised(void *arg)
{
	int l = weft_tcp_listen("127.0.0.1", 0, 3), fd[3];

	(void)arg;
	fd[0] = l;
	fd[1] = connected(l, &fd[2]);
	for (int i = 0; i < 3; i++) {
		CHECK(fcntl(fd[i], F_GETFD) & FD_CLOEXEC);
		CHECK(fcntl(fd[i], F_GETFL) & O_NONBLOCK);
		CHECK(option(fd[i], IPPROTO_TCP, TCP_NODELAY) > 0);
	}
	CHECK(option(l, SOL_SOCKET, SO_REUSEADDR) > 0);
	CHECK(option(l, SOL_SOCKET, SO_ACCEPTCONN) > 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_close(fd[i]), 0);
	return 0;
}

Test(net, its_sockets_do_not_block_nor_delay_nor_survive_exec)
{
	ANYWHERE(as_promised);
}

static int refusals(void *arg)
{
	int l = weft_tcp_listen("127.0.0.1", 0, 0), port = weft_sockport(l);
	int held;

	(void)arg;
	CHECK_EQ(weft_tcp_listen("127.0.0.1", port, 0), -EADDRINUSE);
	CHECK_EQ(weft_close(l), 0);
	held = nobody(&port);
	CHECK_EQ(weft_tcp_connect("127.0.0.1", port, PATIENCE), -ECONNREFUSED);
	CHECK_EQ(weft_tcp_connect("localhost", port, PATIENCE), -ECONNREFUSED);
	CHECK_EQ(weft_tcp_connect(NULL, port, PATIENCE), -ECONNREFUSED);
	close(held);
	CHECK_EQ(weft_tcp_connect("127.0.0.1", 0, PATIENCE), -EINVAL);
	CHECK_EQ(weft_tcp_connect("127.0.0.1", -1, PATIENCE), -EINVAL);
	CHECK_EQ(weft_tcp_connect("127.0.0.1", 65536, PATIENCE), -EINVAL);
	CHECK_EQ(weft_tcp_listen("127.0.0.1", -1, 0), -EINVAL);
	CHECK_EQ(weft_tcp_listen("127.0.0.1", 65536, 0), -EINVAL);
	CHECK_EQ(weft_udp_bind("127.0.0.1", 65536), -EINVAL);
	/* Nobody's address: TEST-NET-1. */
	CHECK_EQ(weft_tcp_listen("192.0.2.1", 0, 0), -EADDRNOTAVAIL);
	return 0;
}

Test(net, what_cannot_be_had_is_an_error)
{
	ANYWHERE(refusals);
}

static int port_again(void *arg)
{
	int l = weft_tcp_listen(own_host(), 0, 0), port = weft_sockport(l);
	int s, c = weft_tcp_connect(own_host(), port, PATIENCE);

	(void)arg;
	s = weft_accept(l, NULL, NULL, PATIENCE);
	CHECK(c >= 0 && s >= 0);
	/* The side that closes first is left in TIME_WAIT. */
	CHECK_EQ(weft_close(s), 0);
	CHECK_EQ(weft_close(l), 0);
	CHECK_EQ(weft_close(c), 0);
	l = weft_tcp_listen(own_host(), port, 0);
	CHECK(l >= 0);
	CHECK_EQ(weft_close(l), 0);
	return 0;
}

Test(net, a_server_that_starts_again_gets_its_port)
{
	ANYWHERE(port_again);
}

/* --- Unix --------------------------------------------------------------------------- */

static void unix_carries(const char *path)
{
	int l = weft_unix_listen(path, 0), c, s;
	char text[WEFT_ADDR_TEXT];

	CHECK(l >= 0);
	CHECK_EQ(weft_unix_listen(path, 0), -EADDRINUSE);
	c = weft_unix_connect(path, PATIENCE);
	CHECK(c >= 0);
	s = weft_accept(l, NULL, NULL, PATIENCE);
	CHECK(s >= 0);
	carries(c, s);
	carries(s, c);
	CHECK_EQ(weft_peername(c, text, sizeof text), (int)strlen(path));
	CHECK(strcmp(text, path) == 0);
	CHECK_EQ(weft_peername(s, text, sizeof text), 0);
	CHECK(fcntl(l, F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(weft_close(c), 0);
	CHECK_EQ(weft_close(s), 0);
	CHECK_EQ(weft_close(l), 0);
	CHECK_EQ(weft_unix_connect(path, PATIENCE), -ECONNREFUSED);
}

static int unix_ways(void *arg)
{
	char dir[64], path[128], name[128];

	snprintf(path, sizeof path, "%s/s", own_dir(dir, sizeof dir));
	unix_carries(path);
	/* The file is still there, and stays until somebody removes it. */
	CHECK_EQ(weft_unix_listen(path, 0), -EADDRINUSE);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(weft_unix_connect(path, PATIENCE), -ENOENT);
	unix_carries(path);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(rmdir(dir), 0);
	snprintf(name, sizeof name, "@weft-test-%ld-%u", (long)getpid(),
		 (unsigned)(uintptr_t)arg);
	unix_carries(name);
	unix_carries(name);
	return 0;
}

Test(net, a_unix_socket_has_a_path_or_an_abstract_name)
{
	ANYWHERE(unix_ways);
}

static int unix_names(void *arg)
{
	const size_t room = sizeof ((struct sockaddr_un *)0)->sun_path;
	char name[256], text[WEFT_ADDR_TEXT];
	int l;

	(void)arg;
	CHECK_EQ(weft_unix_listen(NULL, 0), -EINVAL);
	CHECK_EQ(weft_unix_listen("", 0), -EINVAL);
	CHECK_EQ(weft_unix_listen("@", 0), -EINVAL);
	CHECK_EQ(weft_unix_connect("", PATIENCE), -EINVAL);
	snprintf(name, sizeof name, "@%ld-", (long)getpid());
	memset(name + strlen(name), 'x', room - strlen(name));
	name[room] = '\0';
	CHECK_EQ(weft_unix_listen(name, 0), -ENAMETOOLONG);
	CHECK_EQ(weft_unix_connect(name, PATIENCE), -ENAMETOOLONG);
	name[room - 1] = '\0';
	l = weft_unix_listen(name, 0);
	CHECK(l >= 0);
	CHECK_EQ(weft_sockname(l, text, sizeof text), (int)room - 1);
	CHECK(strcmp(text, name) == 0);
	CHECK_EQ(weft_sockport(l), -EAFNOSUPPORT);
	CHECK_EQ(weft_close(l), 0);
	return 0;
}

Test(net, a_unix_name_has_107_bytes_at_most)
{
	ANYWHERE(unix_names);
}

/* --- UDP ---------------------------------------------------------------------------- */

static void udp_carries(const char *at, const char *from)
{
	int a = weft_udp_bind(at, 0), b = weft_udp_bind(from, 0);
	struct sockaddr_storage to, peer;
	socklen_t l = sizeof to;
	char buf[16];

	CHECK(a >= 0 && b >= 0);
	CHECK(fcntl(a, F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(a, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(weft_recvfrom(a, buf, sizeof buf, 0, NULL, NULL, WEFT_NOWAIT),
		 -EAGAIN);
	CHECK_EQ(getsockname(a, (struct sockaddr *)&to, &l), 0);
	CHECK_EQ(weft_sendto(b, "hello", 5, 0, (struct sockaddr *)&to, l,
			     PATIENCE), 5);
	l = sizeof peer;
	CHECK_EQ(weft_recvfrom(a, buf, sizeof buf, 0, (struct sockaddr *)&peer,
			       &l, PATIENCE), 5);
	CHECK(memcmp(buf, "hello", 5) == 0);
	/* And back, over a connected socket: that never waits. */
	CHECK_EQ(weft_connect(a, (struct sockaddr *)&peer, l, PATIENCE), 0);
	CHECK_EQ(weft_write(a, "you", 3, PATIENCE), 3);
	CHECK_EQ(weft_read(b, buf, sizeof buf, PATIENCE), 3);
	CHECK_EQ(weft_close(a), 0);
	CHECK_EQ(weft_close(b), 0);
}

static int udp_ways(void *arg)
{
	int any = weft_udp_bind(NULL, 0);

	(void)arg;
	udp_carries("127.0.0.1", "127.0.0.1");
	udp_carries("localhost", "localhost");
	if (have_ipv6())
		udp_carries("::1", "::1");
	CHECK(any >= 0);
	CHECK_EQ(weft_udp_bind(NULL, weft_sockport(any)), -EADDRINUSE);
	CHECK_EQ(weft_close(any), 0);
	return 0;
}

Test(net, a_udp_socket_sends_and_receives)
{
	ANYWHERE(udp_ways);
}

/* --- text --------------------------------------------------------------------------- */

static void reads(const void *a, size_t l, const char *want)
{
	char text[WEFT_ADDR_TEXT];
	int n = weft_addr_text(a, (socklen_t)l, text, sizeof text);

	CHECK_EQ(n, (int)strlen(want));
	CHECK(n >= 0 && strcmp(text, want) == 0);
	/* Just fits, and just does not. */
	CHECK_EQ(weft_addr_text(a, (socklen_t)l, text, strlen(want) + 1), n);
	CHECK_EQ(weft_addr_text(a, (socklen_t)l, text, strlen(want)), -ENOSPC);
}

Test(net, an_address_has_a_text)
{
	struct sockaddr_in in = loopback(8080);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(443) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/a/b" };
	struct sockaddr other = { .sa_family = AF_PACKET };
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	char longest[WEFT_ADDR_TEXT] = "", text[WEFT_ADDR_TEXT];

	reads(&in, sizeof in, "127.0.0.1:8080");
	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	reads(&in6, sizeof in6, "[2001:db8::1]:443");
	inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
	in6.sin6_scope_id = 2;
	reads(&in6, sizeof in6, "[fe80::1%2]:443");
	reads(&un, sizeof un, "/a/b");
	reads(&un, head + 4, "/a/b");
	reads(&un, head, "");
	memcpy(un.sun_path, "\0x\0y", 4);
	reads(&un, head + 4, "@x@y");
	memset(un.sun_path, 'z', sizeof un.sun_path);
	memset(longest, 'z', sizeof un.sun_path);
	reads(&un, sizeof un, longest);
	reads(&other, sizeof other, "family 17");
	CHECK_EQ(weft_addr_text(NULL, sizeof in, text, 9), -EINVAL);
	CHECK_EQ(weft_addr_text((void *)&in, 1, text, sizeof text), -EINVAL);
	CHECK_EQ(weft_addr_text((void *)&in, sizeof in - 1, text, sizeof text),
		 -EINVAL);
	CHECK_EQ(weft_addr_text((void *)&in6, sizeof in, text, sizeof text),
		 -EINVAL);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

static int names(void *arg)
{
	int l = weft_tcp_listen("127.0.0.1", 0, 0), s, c = connected(l, &s);
	char a[WEFT_ADDR_TEXT], b[WEFT_ADDR_TEXT];
	int pipes[2];

	(void)arg;
	CHECK(weft_sockname(c, a, sizeof a) > 0);
	CHECK(weft_peername(s, b, sizeof b) > 0);
	CHECK(strcmp(a, b) == 0);
	CHECK_EQ(weft_peername(l, a, sizeof a), -ENOTCONN);
	CHECK_EQ(weft_sockname(-1, a, sizeof a), -EBADF);
	CHECK_EQ(weft_sockport(-1), -EBADF);
	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(weft_sockname(pipes[0], a, sizeof a), -ENOTSOCK);
	close(pipes[0]);
	close(pipes[1]);
	weft_close(c);
	weft_close(s);
	weft_close(l);
	return 0;
}

Test(net, both_ends_agree_on_their_names)
{
	ANYWHERE(names);
}
