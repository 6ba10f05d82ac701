/* support/net.h - sockets for tests: pairs over loopback, and what they are. */
#ifndef WEFT_SUPPORT_NET_H
#define WEFT_SUPPORT_NET_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE     /* EAI_NODATA */
#endif

#include "support/backlog.h"
#include "support/crew.h"
#include "support/proc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <weft/io.h>
#include <weft/net.h>

/* Long enough for anything that happens at all. */
#define PATIENCE weft_in((under("valgrind") ? 55 : 20) * WEFT_S)

__attribute__((unused))
static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t l = sizeof v;

	return getsockopt(fd, level, name, &v, &l) < 0 ? -1 : v;
}

/* A loopback address of this family can be had. */
__attribute__((unused))
static bool have_ipv6(void)
{
	int fd = weft_tcp_listen("::1", 0, 0);

	if (fd >= 0)
		weft_close(fd);
	return fd >= 0;
}

/* What is written on a arrives on b. */
__attribute__((unused))
static void carries(int a, int b)
{
	char buf[8] = "";

	CHECK_EQ(weft_write(a, "ping", 4, PATIENCE), 4);
	CHECK_EQ(weft_read_full(b, buf, 4, NULL, PATIENCE), 0);
	CHECK(memcmp(buf, "ping", 4) == 0);
}

__attribute__((unused))
static void carries_and_ends(int a, int b)
{
	carries(a, b);
	weft_close(a);
	weft_close(b);
}

/* A connection of l's port on 127.0.0.1, and its other end. */
__attribute__((unused))
static int connected(int l, int *other)
{
	int c = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);

	CHECK(c >= 0);
	*other = weft_accept(l, NULL, NULL, PATIENCE);
	CHECK(*other >= 0);
	return c;
}

/* Connect to l, at host, until nobody comes through any more.  Gives how many
 * connections that took; a slow machine alone does not make the queue full. */
__attribute__((unused))
static int fill_queue(int l, unsigned backlog, const char *host, int *fd,
		      int most)
{
	bool full = false;
	int n = 0;

	while (!full && n < most) {
		int c = weft_tcp_connect(host, weft_sockport(l),
					 weft_in(30 * WEFT_MS));

		full = queue_is_full(l, backlog);
		if (c >= 0)
			fd[n++] = c;
		else if (!CHECK_EQ(c, -ETIMEDOUT))
			break;
	}
	CHECK(full);
	return n;
}

/* A port at which nobody listens, nor will while the socket is open. */
__attribute__((unused))
static int nobody(int *port)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any6, sizeof any6)) {
		if (fd >= 0)
			close(fd);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK_EQ(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
	}
	*port = weft_sockport(fd);
	CHECK(*port > 0);
	return fd;
}

/* A loopback address that no other process uses: its ports are ours. */
__attribute__((unused))
static const char *own_host(void)
{
	static _Thread_local char text[32];
	unsigned pid = (unsigned)getpid();

	snprintf(text, sizeof text, "127.%u.%u.%u", 1 + (pid >> 16) % 254,
		 pid >> 8 & 255, pid & 255);
	return text;
}

/* A socket of another's making, listening if it is told to; it blocks. */
__attribute__((unused))
static int handed(int family, const struct sockaddr *a, socklen_t l)
{
	int fd = socket(family, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	if (a) {
		CHECK_EQ(bind(fd, a, l), 0);
		CHECK_EQ(listen(fd, 8), 0);
	}
	return fd;
}

__attribute__((unused))
static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* A directory of this test's own, removed by its name at the end. */
__attribute__((unused))
static char *own_dir(char *buf, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(buf, size, "%s/weft-net-XXXXXX", tmp ? tmp : "/tmp");
	CHECK(mkdtemp(buf) != NULL);
	return buf;
}

#endif
