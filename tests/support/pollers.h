/* support/pollers.h - a test over all poller backends, and descriptors for it.
 *
 * EACH_POLLER(name) { ... } is a test for each backend, with an open poller p; a
 * backend that is not there skips its test.  Nothing may leak.
 */
#ifndef WEFT_SUPPORT_POLLERS_H
#define WEFT_SUPPORT_POLLERS_H

#include "support/proc.h"
#include "support/rt.h"

#include "os/sys.h"
#include "poll/poller.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
	IN = POLL_READY_IN, OUT = POLL_READY_OUT,
	HUP = POLL_READY_HUP, ERR = POLL_READY_ERR,
};

__attribute__((unused))
static void with_poller(const char *name, void (*fn)(struct poller *))
{
	int before = open_descriptors(), rc;
	struct poller p;

	signal(SIGPIPE, SIG_IGN);
	rc = weft__poller_open(&p, name);
	if (rc == -ENOSYS)
		cr_skip_test("no %s here", name);
	cr_assert_eq(rc, 0);
	fn(&p);
	weft__poller_close(&p);
	cr_assert_eq(open_descriptors(), before);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

#define EACH_POLLER(name) \
	static void name(struct poller *p); \
	Test(poller, name##_epoll) { with_poller("epoll", name); } \
	Test(poller, name##_uring) { with_poller("uring", name); } \
	Test(poller, name##_poll) { with_poller("poll", name); } \
	static void name(struct poller *p)

/* Until tag has had all of these; fd is armed for them each time.  Events of
 * other tags are lost. */
__attribute__((unused))
static void expect(struct poller *p, int fd, uint64_t tag, uint32_t ready)
{
	weft_time until = weft_in(20 * WEFT_S);
	struct poll_event ev[8];
	uint32_t left = ready;

	while (left) {
		int n;

		poller_arm(p, fd, tag, left & (IN | OUT));
		n = poller_wait(p, ev, 8, until);
		for (int i = 0; i < n; i++)
			if (ev[i].tag == tag)
				left &= ~ev[i].ready;
		if (!CHECK(n >= 0) || (left && !CHECK(weft_now() < until))) {
			fprintf(stderr, "# tag %llx: %x of %x is missing\n",
				(unsigned long long)tag, left, ready);
			return;
		}
	}
}

/* What has come is fetched; of this one nothing is. */
__attribute__((unused))
static void silent(struct poller *p, uint64_t tag)
{
	struct poll_event ev[8];
	int n;

	while ((n = poller_wait(p, ev, 8, 0)) > 0)
		for (int i = 0; i < n; i++)
			CHECK(ev[i].tag != tag);
}

__attribute__((unused))
static void drain_events(struct poller *p)
{
	struct poll_event ev[8];

	while (poller_wait(p, ev, 8, 0) > 0)
		continue;
}

/* --- descriptors ----------------------------------------------------------------- */

__attribute__((unused))
static void nonblocking(int fd)
{
	CHECK_EQ(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

__attribute__((unused))
static void pair(int fd[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
}

__attribute__((unused))
static void both_close(int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

/* Eight bytes that any descriptor takes, an eventfd and a terminal too. */
__attribute__((unused))
static void put(int fd)
{
	static const char word[8] = { 1, 0, 0, 0, 0, 0, 0, '\n' };
	uint64_t one = 1;
	struct sockaddr_storage a;
	socklen_t l = sizeof a;
	bool text = isatty(fd) || getsockname(fd, (void *)&a, &l) == 0;

	CHECK_EQ(write(fd, text ? (const void *)word : &one, 8), 8);
}

__attribute__((unused))
static void get(int fd)
{
	char b[64];

	CHECK(read(fd, b, sizeof b) > 0);
}

__attribute__((unused))
static bool fill(int fd)
{
	static const char much[65536];

	return write(fd, much, sizeof much) > 0;
}

__attribute__((unused))
static bool drain(int fd)
{
	static char much[65536];

	return read(fd, much, sizeof much) > 0;
}

__attribute__((unused))
static int tcp_listen(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t l = sizeof *a;

	*a = (struct sockaddr_in){ .sin_family = AF_INET };
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(fd, (struct sockaddr *)a, l), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)a, &l), 0);
	CHECK_EQ(listen(fd, 64), 0);
	return fd;
}

__attribute__((unused))
static int tcp_connect(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	CHECK_EQ(connect(fd, (const struct sockaddr *)a, sizeof *a), 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

__attribute__((unused))
static void tcp_pair(int fd[2])
{
	struct sockaddr_in a;
	int lis = tcp_listen(&a);

	fd[1] = tcp_connect(&a);
	fd[0] = accept(lis, NULL, NULL);
	CHECK(fd[0] >= 0);
	close(lis);
}

/* False: no terminals here. */
__attribute__((unused))
static bool terminal(int *master, int *slave)
{
	char *name;

	*master = posix_openpt(O_RDWR | O_NOCTTY);
	if (*master < 0)
		return false;
	if (grantpt(*master) == 0 && unlockpt(*master) == 0 &&
	    (name = ptsname(*master)) != NULL) {
		*slave = open(name, O_RDWR | O_NOCTTY);
		if (*slave >= 0)
			return true;
	}
	close(*master);
	return false;
}

/* How many pairs of descriptors may be open, at most max. */
__attribute__((unused))
static int most_pairs(int max)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	getrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur > 2 * (rlim_t)max + 64)
		return max;
	return (int)(r.rlim_cur - 64) / 2;
}

#endif
