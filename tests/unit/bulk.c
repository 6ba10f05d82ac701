/* tests/unit/bulk.c - many sends in one call: each is made once or not at all. */
#include "support/crit.h"
#include "support/fds.h"
#include "support/proc.h"
#include "support/storm.h"

#include "os/sys.h"
#include "poll/bulk.h"
#include "poll/ring.h"

#include <errno.h>
#include <pthread.h>

TestSuite(bulk, .timeout = 120);

enum { FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL, BOTH = 2 };

static struct bulk bulk;

/* False: this build or this kernel has none; there is nothing to test. */
static bool opened(void)
{
	int err = weft__bulk_open(&bulk);

	cr_assert(err == 0 || err == -ENOSYS, "%d", err);
	if (err) {
		cr_assert_eq(bulk.ring, -1);
		weft__bulk_close(&bulk);
	}
	return err == 0;
}

/* A pair of TCP or of AF_UNIX: what goes into fd[1] comes out of fd[0]. */
static void pair(int fd[2], bool tcp)
{
	cr_assert_eq(tcp ? tcp_pair(fd) :
			   socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
}

static void part(int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

/* All that goes out comes in, and it is this. */
static void comes(int fd[2], const void *want, size_t n)
{
	char buf[4096];
	size_t got = 0;
	ssize_t r;

	shutdown(fd[1], SHUT_WR);
	while ((r = recv(fd[0], buf, sizeof buf, 0)) > 0) {
		cr_assert(got + (size_t)r <= n, "%zu more than %zu",
			  got + (size_t)r, n);
		cr_assert(!memcmp(buf, (const char *)want + got, (size_t)r));
		got += (size_t)r;
	}
	cr_assert_eq(got, n, "%zu of %zu", got, n);
}

/* --- results ---------------------------------------------------------------------- */

static void on_many(bool tcp)
{
	enum { PAIRS = 8 };
	char text[BULK_MOST * 3], want[PAIRS][sizeof text];
	size_t n[PAIRS] = { 0 };
	int fd[PAIRS][2];

	for (int i = 0; i < PAIRS; i++)
		pair(fd[i], tcp);
	for (unsigned i = 0; i < BULK_MOST; i++) {
		unsigned p = i % PAIRS, size = 1 + i % 3;

		memset(text + 3 * i, (int)(i + 1), size);
		memcpy(want[p] + n[p], text + 3 * i, size);
		n[p] += size;
		weft__bulk_send(&bulk, fd[p][1], text + 3 * i, size, FLAGS);
	}
	cr_assert_eq(bulk.n, BULK_MOST);
	weft__bulk_go(&bulk);
	cr_assert_eq(bulk.n, 0);
	for (unsigned i = 0; i < BULK_MOST; i++)
		cr_assert_eq(bulk.result[i], (int)(1 + i % 3), "%u: %d", i,
			     bulk.result[i]);
	for (int i = 0; i < PAIRS; i++) {
		comes(fd[i], want[i], n[i]);
		part(fd[i]);
	}
}

Test(bulk, as_many_as_there_is_room_for_arrive_in_their_order)
{
	if (!opened())
		return;
	for (int tcp = 0; tcp < BOTH; tcp++)
		on_many(tcp);
	weft__bulk_close(&bulk);
}

static char text[BULK_MOST];
static char went[BULK_MOST];            /* by the last round */

static void fill_text(void)
{
	for (unsigned i = 0; i < BULK_MOST; i++)
		text[i] = (char)('0' + i);
}

/* The first n of text, each byte in a call; how many went.  TCP may have no room
 * for a while: what was read is still to be acknowledged. */
static unsigned round_of(unsigned n, int fd, unsigned *full)
{
	unsigned made = 0, eagain = 0;

	for (unsigned i = 0; i < n; i++)
		weft__bulk_send(&bulk, fd, text + i, 1, FLAGS);
	weft__bulk_go(&bulk);
	cr_assert_eq(bulk.n, 0);
	for (unsigned i = 0; i < n; i++) {
		int32_t r = bulk.result[i];

		cr_assert(r == 1 || r == BULK_NOT_MADE || r == -EAGAIN, "%d",
			  r);
		eagain += r == -EAGAIN;
		if (r == 1)
			went[made++] = text[i];
	}
	if (full)
		*full = eagain;
	else
		cr_assert_eq(eagain, 0);
	return made;
}

/* What went comes, whatever signals do. */
static void arrive_now(int fd, unsigned n)
{
	char buf[BULK_MOST];
	unsigned got = 0;

	while (got < n) {
		ssize_t r = recv(fd, buf + got, n - got, 0);

		cr_assert(r > 0 || (r < 0 && errno == EINTR));
		got += r > 0 ? (unsigned)r : 0;
	}
	cr_assert(!memcmp(buf, went, n));
}

Test(bulk, the_ring_goes_round_and_round)
{
	unsigned seed = 1;
	int fd[2];

	if (!opened())
		return;
	fill_text();
	for (int tcp = 0; tcp < BOTH; tcp++) {
		pair(fd, tcp);
		for (int i = fewer(2000); i > 0; i--) {
			unsigned n = rnd(&seed, BULK_MOST + 1), full = 0;
			unsigned made = round_of(n, fd[1], tcp ? &full : NULL);

			cr_assert_eq(made + full, n);
			arrive_now(fd[0], made);
		}
		comes(fd, "", 0);
		part(fd);
	}
	weft__bulk_close(&bulk);
}

Test(bulk, a_full_buffer_says_so_and_what_was_said_to_go_went)
{
	static char block[1 << 16], sink[1 << 16];
	int fd[2];

	if (!opened())
		return;
	for (int tcp = 0; tcp < BOTH; tcp++) {
		size_t gone = 0, came = 0;
		bool full = false;
		ssize_t r;

		pair(fd, tcp);
		while (!full) {
			for (int i = 0; i < 4; i++)
				weft__bulk_send(&bulk, fd[1], block,
						sizeof block, FLAGS);
			weft__bulk_go(&bulk);
			for (int i = 0; i < 4; i++) {
				r = bulk.result[i];
				cr_assert(r > 0 || r == -EAGAIN, "%zd", r);
				gone += r > 0 ? (size_t)r : 0;
				full |= r == -EAGAIN;
			}
		}
		shutdown(fd[1], SHUT_WR);
		while ((r = recv(fd[0], sink, sizeof sink, 0)) > 0)
			came += (size_t)r;
		cr_assert_eq(came, gone, "%zu of %zu", came, gone);
		part(fd);
	}
	weft__bulk_close(&bulk);
}

Test(bulk, the_errors_of_one_are_not_the_others)
{
	int good[2], gone[2], over[2], pipes[2];

	if (!opened())
		return;
	pair(good, true);
	pair(gone, false);
	close(gone[0]);
	pair(over, true);
	shutdown(over[1], SHUT_WR);
	cr_assert_eq(pipe(pipes), 0);
	for (int i = 0; i < 2; i++) {
		int32_t want[] = { 1, -EPIPE, 2, -EPIPE, -EBADF, -ENOTSOCK, 3 };

		weft__bulk_send(&bulk, good[1], "a", 1, FLAGS);
		weft__bulk_send(&bulk, gone[1], "x", 1, FLAGS);
		weft__bulk_send(&bulk, good[1], "bc", 2, FLAGS);
		weft__bulk_send(&bulk, over[1], "x", 1, FLAGS);
		weft__bulk_send(&bulk, -1, "x", 1, FLAGS);
		weft__bulk_send(&bulk, pipes[1], "x", 1, FLAGS);
		weft__bulk_send(&bulk, good[1], "def", 3, FLAGS);
		weft__bulk_go(&bulk);
		for (size_t k = 0; k < COUNT(want); k++)
			cr_assert_eq(bulk.result[k], want[k], "%zu: %d", k,
				     bulk.result[k]);
	}
	comes(good, "abcdefabcdef", 12);
	part(good);
	close(gone[1]);
	part(over);
	part(pipes);
	weft__bulk_close(&bulk);
}

/* --- what the kernel refuses ------------------------------------------------------ */

static struct {
	atomic_int call, fd, answer;
	atomic_int from, times;         /* skip so many, then so often */
} plan;

static int hook(enum sys_call call, int fd)
{
	if ((int)call != plan.call || fd != plan.fd)
		return 0;
	if (plan.from > 0 && plan.from-- > 0)
		return 0;
	return plan.times > 0 && plan.times-- > 0 ? plan.answer : 0;
}

static void inject(enum sys_call call, int fd, int answer, int from, int times)
{
	plan.call = (int)call;
	plan.fd = fd;
	plan.answer = answer;
	plan.from = from;
	plan.times = times;
	weft__sys_fault = hook;
}

Test(bulk, no_ring_is_no_harm)
{
	inject(SYS_RING, -1, -EPERM, 0, 1);
	cr_assert_eq(weft__bulk_open(&bulk), -ENOSYS);
	cr_assert_eq(bulk.ring, -1);
	weft__bulk_close(&bulk);
	weft__sys_fault = NULL;
}

Test(bulk, what_the_ring_refuses_is_not_made)
{
	static const int say[] = { -EAGAIN, -EBUSY, -ENOMEM, -EINVAL };
	int fd[2];

	if (!opened())
		return;
	fill_text();
	pair(fd, false);
	for (size_t i = 0; i < COUNT(say); i++)
		for (unsigned n = 1; n <= BULK_MOST; n += 21) {
			inject(SYS_RING, bulk.ring, say[i], 0, 1000);
			cr_assert_eq(round_of(n, fd[1], NULL), 0);
			cr_assert_eq(round_of(n / 2, fd[1], NULL), 0);
			weft__sys_fault = NULL;
			cr_assert_eq(round_of(n, fd[1], NULL), n);
			arrive_now(fd[0], n);
		}
	comes(fd, "", 0);
	part(fd);
	weft__bulk_close(&bulk);
}

/* Some calls into the ring fail, whichever they are. */
Test(bulk, nothing_is_lost_or_made_twice_when_some_calls_fail)
{
	static const int say[] = { -EAGAIN, -EBUSY, -ENOMEM, -EINTR };
	int fd[2], rounds = fewer(400);
	unsigned seed = 3;

	if (!opened())
		return;
	fill_text();
	pair(fd, false);
	for (int i = 0; i < rounds; i++) {
		unsigned n = 1 + rnd(&seed, BULK_MOST), made;
		int from = (int)rnd(&seed, 3), times = (int)rnd(&seed, 4);
		int answer = say[i % 4];

		inject(SYS_RING, bulk.ring, answer, from, times);
		made = round_of(n, fd[1], NULL);
		/* What a signal cut short is made all the same. */
		if (answer == -EINTR || !times)
			cr_assert_eq(made, n);
		for (unsigned k = 0; k < made; k++)
			cr_assert_eq(bulk.result[k], 1);
		arrive_now(fd[0], made);
		weft__sys_fault = NULL;
	}
	comes(fd, "", 0);
	part(fd);
	weft__bulk_close(&bulk);
}

Test(bulk, a_refused_send_is_told_and_the_others_go)
{
	int a[2], b[2];

	if (!opened())
		return;
	pair(a, true);
	pair(b, true);
	for (int from = 0; from < 3; from++) {
		inject(SYS_SEND, a[1], -ENOBUFS, from, 1);
		for (int i = 0; i < 3; i++) {
			weft__bulk_send(&bulk, a[1], &"abc"[i], 1, FLAGS);
			weft__bulk_send(&bulk, b[1], &"xyz"[i], 1, FLAGS);
		}
		weft__bulk_go(&bulk);
		for (int i = 0; i < 3; i++) {
			cr_assert_eq(bulk.result[2 * i],
				     i == from ? -ENOBUFS : 1);
			cr_assert_eq(bulk.result[2 * i + 1], 1);
		}
	}
	/* All of them: there is nothing to make. */
	inject(SYS_SEND, a[1], -ENOMEM, 0, 2);
	weft__bulk_send(&bulk, a[1], "q", 1, FLAGS);
	weft__bulk_send(&bulk, a[1], "q", 1, FLAGS);
	weft__bulk_go(&bulk);
	cr_assert_eq(bulk.result[0], -ENOMEM);
	cr_assert_eq(bulk.result[1], -ENOMEM);
	weft__sys_fault = NULL;
	comes(a, "bcacab", 6);
	comes(b, "xyzxyzxyz", 9);
	part(a);
	part(b);
	weft__bulk_close(&bulk);
}

Test(bulk, a_limit_cuts_a_send_short)
{
	int fd[2];

	if (!opened())
		return;
	pair(fd, false);
	inject(SYS_SEND, fd[1], 2, 1, 1);
	for (int i = 0; i < 3; i++)
		weft__bulk_send(&bulk, fd[1], "abcd", 4, FLAGS);
	weft__bulk_go(&bulk);
	weft__sys_fault = NULL;
	cr_assert_eq(bulk.result[0], 4);
	cr_assert_eq(bulk.result[1], 2);
	cr_assert_eq(bulk.result[2], 4);
	comes(fd, "abcdababcd", 10);
	part(fd);
	weft__bulk_close(&bulk);
}

/* --- threads, signals, descriptors ------------------------------------------------ */

static void *opens(void *arg)
{
	*(bool *)arg = weft__bulk_open(&bulk) == 0;
	return NULL;
}

/* Its thread has ended: the ring is gone, and here a number of nothing. */
Test(bulk, ends_with_its_thread)
{
	bool ok = false;
	pthread_t t;
	int fd[2];

	cr_assert_eq(pthread_create(&t, NULL, opens, &ok), 0);
	pthread_join(t, NULL);
	if (!ok)
		return;
	fill_text();
	pair(fd, false);
	cr_assert_eq(round_of(BULK_MOST, fd[1], NULL), 0);
	cr_assert(bulk.broken);
	comes(fd, "", 0);
	part(fd);
	weft__bulk_close(&bulk);
	cr_assert(opened());
	weft__bulk_close(&bulk);
}

/* Whichever of them a signal kept from starting: what arrives is the others. */
Test(bulk, signals_neither_lose_nor_double_anything)
{
	int fd[2], rounds = fewer(1000);
	struct storm s;

	if (!opened())
		return;
	fill_text();
	pair(fd, true);
	storm_begin(&s);
	for (int i = 0; i < rounds; i++) {
		unsigned full;

		arrive_now(fd[0], round_of(BULK_MOST, fd[1], &full));
	}
	storm_end(&s);
	comes(fd, "", 0);
	part(fd);
	weft__bulk_close(&bulk);
}

/* --- what else the thread does with rings ----------------------------------------- */

enum { FIFOS = 40, ENDS = 2 * FIFOS };

static void *opens_ring(void *r)
{
	return weft__ring_open(r, ENDS) == 0 ? r : NULL;
}

/* One end of a FIFO, which is done when the other is opened. */
static struct ring_request opening(const char *name, int flags)
{
	return (struct ring_request){
		.op = RING_OPENAT, .fd = AT_FDCWD, .addr = name,
		.flags = (uint32_t)flags, .slow = true,
	};
}

static void all_open(struct ring *r)
{
	weft_time until = weft_in(55 * WEFT_S);
	struct ring_done d;
	int n = 0;

	while (n < ENDS && weft_now() < until) {
		if (!weft__ring_reap(r, &d, 1)) {
			weft__ring_wait(r, WEFT_MS);
			continue;
		}
		cr_assert_geq(d.result, 0, "%d", d.result);
		close(d.result);
		n++;
	}
	cr_assert_eq(n, ENDS, "%d of %d", n, ENDS);
}

/* More of both ends than threads that the kernel would give by itself: it asks the
 * first ring that a thread uses how many. */
Test(bulk, operations_of_other_rings_may_wait_for_one_another)
{
	static struct ring_request q[ENDS];
	char dir[] = "/tmp/weft-bulk-XXXXXX", name[FIFOS][64];
	struct ring ring;
	void *ok;
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, opens_ring, &ring), 0);
	pthread_join(t, &ok);
	if (!ok)
		return;
	if (under("valgrind") || !opened()) {
		weft__ring_close(&ring);
		return;
	}
	cr_assert(mkdtemp(dir) != NULL);
	for (int i = 0; i < FIFOS; i++) {
		snprintf(name[i], sizeof name[i], "%s/%d", dir, i);
		cr_assert_eq(mkfifo(name[i], 0600), 0);
		q[i] = opening(name[i], O_RDONLY);
		q[FIFOS + i] = opening(name[i], O_WRONLY);
	}
	for (int i = 0; i < ENDS; i++)
		cr_assert_eq(weft__ring_submit(&ring, &q[i]), 0);
	all_open(&ring);
	for (int i = 0; i < FIFOS; i++)
		unlink(name[i]);
	rmdir(dir);
	weft__ring_close(&ring);
	weft__bulk_close(&bulk);
}

Test(bulk, holds_no_descriptor)
{
	int before = open_descriptors();

	/* A thread has 16 such rings at most, where the kernel
	 * (before Linux 6.3) keeps them until it ends. */
	for (int i = 0; i < 8; i++) {
		if (!opened())
			return;
		cr_assert_eq(open_descriptors(), before);
		weft__bulk_close(&bulk);
		cr_assert_eq(bulk.ring, -1);
		weft__bulk_close(&bulk);
	}
	cr_assert_eq(open_descriptors(), before);
}
