/* tests/unit/ring.c - the io_uring below files: each request comes back once. */
#include "support/crit.h"
#include "support/proc.h"

#include "os/sys.h"
#include "poll/ring.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(ring, .timeout = 120);

enum { ROOM = 64 };

static struct ring ring;

/* False: this build or this kernel has none; there is nothing to test. */
static bool opened(unsigned most)
{
	int err = weft__ring_open(&ring, most);

	cr_assert(err == 0 || err == -ENOSYS, "%d", err);
	if (err) {
		cr_assert_eq(ring.fd, -1);
		weft__ring_close(&ring);
	}
	return err == 0;
}

/* A file without a name, with text in it. */
static int file_of(const char *text)
{
	FILE *f = tmpfile();
	int fd;

	cr_assert(f != NULL);
	fputs(text, f);
	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	return fd;
}

/* Wait for the next one. */
static struct ring_done next(void)
{
	struct ring_done d;

	while (!weft__ring_reap(&ring, &d, 1))
		weft__ring_wait(&ring, -1);
	return d;
}

Test(ring, reads_and_writes_and_syncs)
{
	int fd = file_of("hello, world");
	char buf[32] = "";
	struct iovec v[2] = { { buf, 2 }, { buf + 2, 3 } };
	struct ring_request q[] = {
		{ .op = RING_READ, .fd = fd, .addr = buf, .len = 5, .off = 7 },
		{ .op = RING_WRITE, .fd = fd, .addr = "HE", .len = 2 },
		{ .op = RING_FSYNC, .fd = fd, .slow = true },
		{ .op = RING_READV, .fd = fd, .addr = v, .len = 2 },
		{ .op = RING_READ, .fd = fd, .addr = buf, .len = 5, .off = 99 },
		{ .op = RING_READ, .fd = -1, .addr = buf, .len = 5 },
	};
	int32_t want[] = { 5, 2, 0, 5, 0, -EBADF };

	if (!opened(ROOM))
		return;
	for (size_t i = 0; i < sizeof q / sizeof *q; i++) {
		struct ring_done d;

		cr_assert_eq(weft__ring_submit(&ring, &q[i]), 0);
		d = next();
		cr_assert(d.request == &q[i]);
		cr_assert_eq(d.result, want[i], "%zu: %d", i, d.result);
		if (i == 0)
			cr_assert(!memcmp(buf, "world", 5));
		if (i == 3)
			cr_assert(!memcmp(buf, "HEllo", 5));
	}
	weft__ring_close(&ring);
	close(fd);
}

Test(ring, descriptor_is_readable_when_something_is_complete)
{
	int fd[2];
	char c = 0;
	struct ring_request q = { .op = RING_READ, .addr = &c, .len = 1,
				  .off = UINT64_MAX };
	struct pollfd p = { .events = POLLIN };

	if (!opened(ROOM))
		return;
	cr_assert_eq(pipe(fd), 0);
	q.fd = fd[0];
	p.fd = ring.fd;
	cr_assert_eq(weft__ring_submit(&ring, &q), 0);
	cr_assert_eq(poll(&p, 1, 0), 0);
	cr_assert_eq(write(fd[1], "x", 1), 1);
	cr_assert_eq(poll(&p, 1, 10000), 1);
	cr_assert_eq(next().result, 1);
	cr_assert_eq(c, 'x');
	cr_assert_eq(poll(&p, 1, 0), 0);
	weft__ring_close(&ring);
	close(fd[0]);
	close(fd[1]);
}

/* No more than there is room for; a cancel brings each back, once. */
Test(ring, is_full_and_is_emptied_by_cancels)
{
	struct ring_request q[ROOM + 1];
	bool ended[ROOM + 1] = { false };
	char c[ROOM + 1] = "";
	int fd[2], seen = 0;

	if (!opened(ROOM))
		return;
	cr_assert_eq(pipe(fd), 0);
	for (int i = 0; i <= ROOM; i++)
		q[i] = (struct ring_request){
			.op = RING_READ, .fd = fd[0], .addr = &c[i], .len = 1,
			.off = UINT64_MAX, .slow = i % 2,
		};
	for (int i = 0; i < ROOM; i++)
		cr_assert_eq(weft__ring_submit(&ring, &q[i]), 0);
	cr_assert_eq(weft__ring_submit(&ring, &q[ROOM]), -EAGAIN);
	/* A cancel can come before what it is to end can be ended. */
	while (seen < ROOM) {
		struct ring_done d;

		for (int i = 0; i < ROOM; i++)
			if (!ended[i])
				(void)weft__ring_cancel(&ring, &q[i]);
		weft__ring_wait(&ring, 10000000);
		while (weft__ring_reap(&ring, &d, 1)) {
			cr_assert(d.result == -ECANCELED ||
				  d.result == -EINTR, "%d", d.result);
			ended[d.request - q] = true;
			seen++;
		}
	}
	/* The answers to the cancels take room until they are seen. */
	while (weft__ring_submit(&ring, &q[ROOM])) {
		struct ring_done d;

		cr_assert_eq(weft__ring_reap(&ring, &d, 1), 0);
	}
	cr_assert_eq(write(fd[1], "y", 1), 1);
	cr_assert(next().request == &q[ROOM]);
	cr_assert_eq(c[ROOM], 'y');
	weft__ring_close(&ring);
	close(fd[0]);
	close(fd[1]);
}

static int refuse(enum sys_call call, int fd)
{
	return call == SYS_RING && fd == -1 ? -EPERM : 0;
}

static int hiccups;

static int hiccup(enum sys_call call, int fd)
{
	return call == SYS_RING && fd >= 0 && hiccups-- > 0 ? -EAGAIN : 0;
}

Test(ring, refused_by_the_kernel)
{
	weft__sys_fault = refuse;
	cr_assert_eq(weft__ring_open(&ring, ROOM), -ENOSYS);
	cr_assert_eq(ring.fd, -1);
	cr_assert(!ring_has(&ring, RING_READ));
	weft__sys_fault = NULL;
	weft__ring_close(&ring);
}

Test(ring, goes_on_when_the_kernel_is_short_of_memory)
{
	int fd = file_of("abc");
	char buf[4] = "";
	struct ring_request q = { .op = RING_READ, .fd = fd, .addr = buf,
				  .len = 3 };

	if (!opened(ROOM))
		return;
	hiccups = 3;
	weft__sys_fault = hiccup;
	cr_assert_eq(weft__ring_submit(&ring, &q), 0);
	weft__sys_fault = NULL;
	cr_assert_eq(next().result, 3);
	cr_assert_str_eq(buf, "abc");
	weft__ring_close(&ring);
	close(fd);
}

Test(ring, leaves_no_descriptor_behind)
{
	int before = open_descriptors();

	for (int i = 0; i < 20; i++) {
		if (!opened(ROOM))
			return;
		cr_assert(fcntl(ring.fd, F_GETFD) & FD_CLOEXEC);
		weft__ring_close(&ring);
	}
	cr_assert_eq(open_descriptors(), before);
}

/* --- several threads ------------------------------------------------------------ */

enum { THREADS = 4 };

static int shared_fd;
static _Atomic uint32_t came, wrong;

static void take_some(void)
{
	struct ring_done d[5];
	unsigned n = weft__ring_reap(&ring, d, 5);

	for (unsigned i = 0; i < n; i++) {
		uint64_t off = d[i].request->off;
		uint32_t v;

		memcpy(&v, d[i].request->addr, sizeof v);
		add_rlx(&wrong, d[i].result != sizeof v || v != off);
	}
	add_acqrel(&came, n);
}

static void *submits(void *arg)
{
	unsigned each = (unsigned)(uintptr_t)arg;
	struct ring_request *q = calloc(each, sizeof *q);
	uint32_t *v = calloc(each, sizeof *v);

	for (unsigned i = 0; i < each; i++) {
		q[i] = (struct ring_request){
			.op = RING_READ, .fd = shared_fd, .addr = &v[i],
			.len = sizeof v[i], .off = i % 1000 * sizeof v[i],
		};
		while (weft__ring_submit(&ring, &q[i]))
			take_some();
		if (i % 7 == 0)
			take_some();
	}
	/* Anybody may have been given ours: they stay until all came. */
	while (load_acq(&came) < THREADS * each)
		take_some();
	free(q);
	free(v);
	return NULL;
}

Test(ring, each_request_comes_back_once)
{
	uintptr_t each = (uintptr_t)fewer(5000);
	pthread_t t[THREADS];

	if (!opened(ROOM))
		return;
	shared_fd = file_of("");
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t v = i * (uint32_t)sizeof v;

		cr_assert_eq(write(shared_fd, &v, sizeof v), sizeof v);
	}
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, submits, (void *)each),
			     0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(load_rlx(&came), THREADS * each);
	cr_assert_eq(load_rlx(&wrong), 0);
	weft__ring_close(&ring);
	close(shared_fd);
}
