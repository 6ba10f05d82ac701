/* tests/unit/poller.c - src/poll: every backend keeps E1 to E5. */
#include "base/base.h"
#include "support/rt.h"
#include "support/pollers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

TestSuite(poller, .timeout = 120);

/* --- choosing ------------------------------------------------------------------ */

Test(poller, names)
{
	struct poller p, q;

	cr_assert_eq(weft__poller_open(&p, "kqueue"), -EINVAL);
	cr_assert_eq(weft__poller_open(&p, NULL), 0);
	cr_assert_str_eq(p.backend->name, "epoll");
	cr_assert_eq(weft__poller_open(&q, ""), 0);
	cr_assert_str_eq(q.backend->name, "epoll");
	cr_assert_gt(p.serial, 0);
	cr_assert_gt(q.serial, p.serial);
	weft__poller_close(&q);
	weft__poller_close(&p);
	cr_assert_null(p.backend);
	weft__poller_close(&p);
	cr_assert_eq(weft__poller_open(&p, "poll"), 0);
	cr_assert_str_eq(p.backend->name, "poll");
	weft__poller_close(&p);
}

static int no_epoll(enum sys_call call, int fd)
{
	(void)fd;
	return call == SYS_EPOLL_CREATE ? -ENOSYS : 0;
}

Test(poller, the_next_best)
{
	struct poller p;

	weft__sys_fault = no_epoll;
	cr_assert_eq(weft__poller_open(&p, "epoll"), -ENOSYS);
	cr_assert_eq(weft__poller_open(&p, NULL), 0);
	cr_assert_str_eq(p.backend->name, "poll");
	weft__poller_close(&p);
}

/* --- E1: what makes events ------------------------------------------------------ */

EACH_POLLER(ready_before_add)
{
	int fd[2];

	pair(fd);
	put(fd[1]);
	CHECK_EQ(poller_add(p, fd[0], 7), 0);
	expect(p, fd[0], 7, IN | OUT);
	both_close(fd);
}

EACH_POLLER(nothing_new_no_event)
{
	struct poll_event ev[4];
	int fd[2];

	pair(fd);
	CHECK_EQ(poller_add(p, fd[0], 7), 0);
	expect(p, fd[0], 7, OUT);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(poller_wait(p, ev, 4, 0), 0);
	both_close(fd);
}

/* Each arrival is told, whether or not the last one was taken. */
static void arrivals(struct poller *p, int in, int out, bool take)
{
	CHECK_EQ(poller_add(p, in, 9), 0);
	for (int i = 0; i < 50; i++) {
		put(out);
		expect(p, in, 9, IN);
		if (take)
			get(in);
	}
	poller_drop(p, in);
}

EACH_POLLER(each_arrival_at_a_socket)
{
	int fd[2];

	pair(fd);
	arrivals(p, fd[0], fd[1], true);
	arrivals(p, fd[0], fd[1], false);
	both_close(fd);
}

EACH_POLLER(each_arrival_at_a_pipe)
{
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	arrivals(p, fd[0], fd[1], true);
	arrivals(p, fd[0], fd[1], false);
	both_close(fd);
}

EACH_POLLER(each_arrival_at_an_eventfd)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	arrivals(p, fd, fd, true);
	arrivals(p, fd, fd, false);
	close(fd);
}

EACH_POLLER(each_arrival_at_a_terminal)
{
	int master, slave;

	if (!terminal(&master, &slave))
		return;
	arrivals(p, slave, master, true);
	arrivals(p, slave, master, false);
	arrivals(p, master, slave, true);
	close(master);
	close(slave);
}

EACH_POLLER(each_arrival_at_tcp_and_udp)
{
	int fd[2];

	tcp_pair(fd);
	arrivals(p, fd[0], fd[1], true);
	arrivals(p, fd[0], fd[1], false);
	both_close(fd);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	arrivals(p, fd[0], fd[1], true);
	arrivals(p, fd[0], fd[1], false);
	both_close(fd);
}

EACH_POLLER(each_connection)
{
	struct sockaddr_in a;
	int lis = tcp_listen(&a), client[20];

	CHECK_EQ(poller_add(p, lis, 3), 0);
	for (int i = 0; i < 20; i++) {
		client[i] = tcp_connect(&a);
		expect(p, lis, 3, IN);
		if (i % 2)
			close(accept(lis, NULL, NULL));
	}
	for (int i = 0; i < 20; i++)
		close(client[i]);
	close(lis);
}

static void fill_up(int fd)
{
	while (fill(fd))
		continue;
}

/* Read until there is room at the other end, of which this tag tells.  TCP is on
 * its way for a while. */
static bool makes_room(struct poller *p, int in, uint64_t tag)
{
	weft_time until = weft_in(20 * WEFT_S);
	struct poll_event ev[8];

	while (weft_now() < until) {
		int n;

		while (drain(in))
			continue;
		n = poller_wait(p, ev, 8, weft_in(10 * WEFT_MS));
		for (int i = 0; i < n; i++)
			if (ev[i].tag == tag && ev[i].ready & OUT)
				return true;
	}
	return false;
}

EACH_POLLER(room_to_write)
{
	int kinds = 3;

	for (int k = 0; k < kinds; k++) {
		int fd[2];

		if (k == 0)
			pair(fd);
		else if (k == 1)
			tcp_pair(fd);
		else
			CHECK_EQ(pipe(fd), 0);
		nonblocking(fd[0]);
		nonblocking(fd[1]);
		CHECK_EQ(poller_add(p, fd[1], 5), 0);
		expect(p, fd[1], 5, OUT);
		for (int i = 0; i < 5; i++) {
			fill_up(fd[1]);
			poller_arm(p, fd[1], 5, OUT);
			drain_events(p);
			/* TCP may have found, and told of, some room since. */
			fill_up(fd[1]);
			poller_arm(p, fd[1], 5, OUT);
			CHECK(makes_room(p, fd[0], 5));
		}
		poller_drop(p, fd[1]);
		both_close(fd);
	}
}

/* --- hangups and errors (E5) ------------------------------------------------------ */

EACH_POLLER(the_other_writes_no_more)
{
	int fd[2];

	tcp_pair(fd);
	CHECK_EQ(poller_add(p, fd[0], 1), 0);
	expect(p, fd[0], 1, OUT);
	shutdown(fd[1], SHUT_WR);
	expect(p, fd[0], 1, IN | HUP);
	both_close(fd);
}

EACH_POLLER(the_other_is_gone)
{
	int fd[2];

	pair(fd);
	CHECK_EQ(poller_add(p, fd[0], 1), 0);
	expect(p, fd[0], 1, OUT);
	close(fd[1]);
	expect(p, fd[0], 1, IN | OUT | HUP);
	close(fd[0]);

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(poller_add(p, fd[0], 2), 0);
	CHECK_EQ(poller_add(p, fd[1], 3), 0);
	expect(p, fd[1], 3, OUT);
	poller_drop(p, fd[1]);
	close(fd[1]);
	expect(p, fd[0], 2, IN | HUP);
	close(fd[0]);
}

EACH_POLLER(no_reader_is_an_error)
{
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(poller_add(p, fd[1], 3), 0);
	expect(p, fd[1], 3, OUT);
	close(fd[0]);
	expect(p, fd[1], 3, IN | OUT | ERR);
	close(fd[1]);
}

EACH_POLLER(reset)
{
	struct linger l = { 1, 0 };
	int fd[2];

	tcp_pair(fd);
	CHECK_EQ(poller_add(p, fd[0], 1), 0);
	expect(p, fd[0], 1, OUT);
	setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &l, sizeof l);
	close(fd[1]);
	expect(p, fd[0], 1, IN | OUT | ERR);
	close(fd[0]);
}

EACH_POLLER(connection_refused)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int deaf = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t l = sizeof a;

	/* The port is nobody else's, and nobody listens there. */
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(deaf, (struct sockaddr *)&a, l), 0);
	CHECK_EQ(getsockname(deaf, (struct sockaddr *)&a, &l), 0);
	CHECK_EQ(poller_add(p, fd, 1), 0);
	(void)connect(fd, (struct sockaddr *)&a, sizeof a);
	expect(p, fd, 1, IN | OUT);
	close(fd);
	close(deaf);
}

EACH_POLLER(what_cannot_be_waited_for)
{
	int file = open("/proc/self/exe", O_RDONLY);
	int dir = open("/", O_RDONLY | O_DIRECTORY);

	CHECK_EQ(poller_add(p, file, 1), -EPERM);
	CHECK_EQ(poller_add(p, dir, 1), -EPERM);
	close(file);
	close(dir);
	CHECK_EQ(poller_add(p, dir, 1), -EBADF);
	CHECK(poller_rearm(p, dir, 1) < 0);
	poller_arm(p, dir, 1, IN);
	poller_drop(p, dir);
}

/* It has no poll of its own: refused, or always ready; and no storm. */
EACH_POLLER(the_null_device)
{
	int fd = open("/dev/null", O_RDWR);
	int rc = poller_add(p, fd, 4);
	struct poll_event ev[4];

	if (rc == 0) {
		expect(p, fd, 4, IN | OUT);
		CHECK_EQ(poller_wait(p, ev, 4, 0), 0);
		expect(p, fd, 4, IN | OUT);
	} else {
		CHECK_EQ(rc, -EPERM);
	}
	close(fd);
}

/* --- registering ------------------------------------------------------------------- */

EACH_POLLER(rearm_tells_again)
{
	int fd[2];

	pair(fd);
	CHECK_EQ(poller_rearm(p, fd[0], 1), -ENOENT);
	put(fd[1]);
	CHECK_EQ(poller_add(p, fd[0], 1), 0);
	expect(p, fd[0], 1, IN | OUT);
	for (uint64_t tag = 2; tag < 50; tag++) {
		CHECK_EQ(poller_rearm(p, fd[0], tag), 0);
		expect(p, fd[0], tag, IN | OUT);
	}
	CHECK_EQ(poller_add(p, fd[0], 50), 0);
	expect(p, fd[0], 50, IN | OUT);
	both_close(fd);
}

EACH_POLLER(dropped_is_silent)
{
	int fd[2];

	pair(fd);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(poller_add(p, fd[0], 1), 0);
		if (i % 2)
			expect(p, fd[0], 1, OUT);
		poller_drop(p, fd[0]);
		CHECK_EQ(poller_rearm(p, fd[0], 1), -ENOENT);
		put(fd[1]);
		silent(p, 1);
		get(fd[0]);
	}
	poller_drop(p, fd[0]);
	both_close(fd);
}

/* A number that is closed and given again, with and without a drop between. */
EACH_POLLER(the_number_is_used_again)
{
	int keep[2], fd[2];

	for (uint64_t tag = 1; tag < 100; tag++) {
		int old;

		pair(fd);
		old = fd[0];
		CHECK_EQ(poller_add(p, old, tag << 32 | 1), 0);
		if (tag % 3)
			expect(p, old, tag << 32 | 1, OUT);
		put(fd[1]);
		if (tag % 2)
			poller_drop(p, old);
		pair(keep);
		CHECK_EQ(dup2(keep[0], old), old);
		close(keep[0]);
		put(keep[1]);
		CHECK_EQ(poller_add(p, old, tag << 32 | 2), 0);
		expect(p, old, tag << 32 | 2, IN | OUT);
		get(old);
		put(keep[1]);
		expect(p, old, tag << 32 | 2, IN);
		poller_drop(p, old);
		silent(p, tag << 32 | 2);
		close(keep[1]);
		both_close(fd);
	}
}

/* Once dropped and closed it is closed: the poller holds no file. */
EACH_POLLER(a_dropped_file_is_let_go)
{
	int fd[2];
	char c;

	for (int i = 0; i < 20; i++) {
		pair(fd);
		CHECK_EQ(poller_add(p, fd[0], 1), 0);
		if (i % 2)
			expect(p, fd[0], 1, OUT);
		poller_drop(p, fd[0]);
		close(fd[0]);
		CHECK_EQ(read(fd[1], &c, 1), 0);        /* or for ever */
		close(fd[1]);
	}
}

EACH_POLLER(many)
{
	enum { MAX = 1000 };
	static int fd[MAX][2];
	int n = most_pairs(MAX), left;
	static bool seen[MAX];

	for (int i = 0; i < n; i++) {
		pair(fd[i]);
		CHECK_EQ(poller_add(p, fd[i][0], (uint64_t)i), 0);
	}
	drain_events(p);
	for (int round = 0; round < 3; round++) {
		struct poll_event ev[16];

		memset(seen, 0, sizeof seen);
		for (int i = 0; i < n; i++) {
			poller_arm(p, fd[i][0], (uint64_t)i, IN);
			put(fd[i][1]);
		}
		for (left = n; left;) {
			int k = poller_wait(p, ev, 16, weft_in(20 * WEFT_S));

			CHECK(k >= 0 && k <= 16);
			for (int i = 0; i < k; i++) {
				left -= !seen[ev[i].tag];
				seen[ev[i].tag] = true;
				CHECK(ev[i].ready & IN);
			}
			if (!CHECK(k > 0))
				break;
		}
		for (int i = 0; i < n; i++)
			get(fd[i][0]);
	}
	for (int i = 0; i < n; i++)
		both_close(fd[i]);
}
