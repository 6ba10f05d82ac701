/* api/io_wait.c - waiting for descriptors: deadlines, cancels, crowds. */
#include "support/sides.h"

TestSuite(io_wait, .timeout = 120);

/* --- waking ------------------------------------------------------------------- */

static int wakes(void *arg)
{
	(void)arg;
	EACH_KIND(e)
		for (int lap = 0; lap < fewer(60); lap++) {
			struct side r = { .fd = e.in,
					  .deadline = WEFT_FOREVER };
			struct side p = r;
			struct crew c[2];

			crew_start(&c[1], 1, 0, polls_in, &p);
			crew_start(&c[0], lap % 2, 1 - lap % 2, reads, &r);
			let(lap % 7);
			CHECK_EQ(weft_write(e.out, &(char){ (char)lap }, 1,
					    WEFT_FOREVER), 1);
			crew_join(&c[0]);
			CHECK_EQ(r.got, 1);
			CHECK_EQ(r.byte, (char)lap);
			/* It may have come too late to see the byte. */
			while (!p.done) {
				CHECK_EQ(weft_write(e.out, "", 1, -1), 1);
				wait_until(p.done);
				CHECK_EQ(weft_read(e.in, &r.byte, 1,
						   WEFT_FOREVER), 1);
			}
			crew_join(&c[1]);
			CHECK(p.got & POLLIN);
			if (lap == fewer(60) - 1)
				ends_close(&e);
		}
	return 0;
}

Test(io_wait, what_comes_wakes_who_waits)
{
	ANYWHERE(wakes);
}

static int wakes_writer(void *arg)
{
	static char sink[1 << 20];

	(void)arg;
	EACH_KIND(e) {
		for (int lap = 0; lap < fewer(20); lap++) {
			struct side w = { .fd = e.out,
					  .deadline = WEFT_FOREVER };
			struct crew c;
			size_t full = stuff(e.out), n = 0;

			crew_start(&c, 1, 0, writes, &w);
			let(lap % 7);
			while (n < full + BLOCK) {
				ssize_t r = weft_read(e.in, sink, sizeof sink,
						      WEFT_FOREVER);

				CHECK(r > 0);
				n += (size_t)r;
			}
			crew_join(&c);
			CHECK_EQ(w.got, 0);
			CHECK_EQ(n, full + BLOCK);
		}
		ends_close(&e);
	}
	return 0;
}

Test(io_wait, room_wakes_who_wants_to_write)
{
	ANYWHERE(wakes_writer);
}

/* One worker: if the reader kept it, nobody would ever write. */
static int not_blocked(void *arg)
{
	char c;

	(void)arg;
	EACH_KIND(e) {
		struct side r = { .fd = e.in, .deadline = WEFT_FOREVER };
		struct crew crew;

		crew_start(&crew, 1, 0, reads, &r);
		wait_until(r.going);
		let(10);
		CHECK(!r.done);
		CHECK_EQ(weft_write(e.out, "z", 1, WEFT_FOREVER), 1);
		crew_join(&crew);
		CHECK_EQ(r.byte, 'z');
		CHECK_EQ(weft_read(e.in, &c, 1, WEFT_NOWAIT), -EAGAIN);
		ends_close(&e);
	}
	return 0;
}

Test(io_wait, a_reader_never_keeps_its_worker)
{
	cr_assert_eq(run_on(1, not_blocked, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- deadlines that change -------------------------------------------------------- */

static int later(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		struct side r = { .fd = e.in, .deadline = WEFT_FOREVER };
		struct side w = { .fd = e.out, .deadline = WEFT_FOREVER };
		struct crew c[2];
		size_t full, got;
		char byte;

		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, weft_in(WEFT_S * 60)),
			 0);
		full = stuff(e.out);
		CHECK_EQ(weft_fd_deadline(e.in, POLLERR, -1), -EINVAL);
		CHECK_EQ(weft_fd_deadline(e.in, 0, -1), -EINVAL);
		crew_start(&c[0], 1, 0, writes, &w);
		wait_until(w.going);
		let(5);
		CHECK(!w.done);
		CHECK_EQ(weft_fd_deadline(e.out, POLLOUT, -1), 0);
		crew_join(&c[0]);
		CHECK_EQ(w.got, -ETIMEDOUT);
		/* What is ready is done; and later calls know it, too. */
		arrived(e.in);
		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, 1), 0);
		got = drain(e.in, weft_in(WEFT_S * 60));
		CHECK(got > 0);
		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, WEFT_FOREVER), 0);
		come(e.in, full + w.went - got);
		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, 1), 0);
		CHECK_EQ(weft_read(e.in, &byte, 1, WEFT_FOREVER), -ETIMEDOUT);
		CHECK_EQ(weft_read(e.in, &byte, 1, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, WEFT_FOREVER), 0);
		CHECK_EQ(weft_fd_deadline(e.out, POLLOUT, WEFT_FOREVER), 0);
		crew_start(&c[1], 1, 0, reads, &r);
		wait_until(r.going);
		let(5);
		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, weft_in(WEFT_MS)), 0);
		crew_join(&c[1]);
		CHECK_EQ(r.got, -ETIMEDOUT);
		CHECK_EQ(weft_read(e.in, &byte, 1, WEFT_FOREVER), -ETIMEDOUT);
		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, WEFT_FOREVER), 0);
		CHECK_EQ(weft_write(e.out, "k", 1, WEFT_FOREVER), 1);
		CHECK_EQ(weft_read(e.in, &byte, 1, WEFT_FOREVER), 1);
		ends_close(&e);
	}
	return 0;
}

Test(io_wait, deadlines_change_while_somebody_waits)
{
	ANYWHERE(later);
}

static int earlier_wins(void *arg)
{
	char c;

	(void)arg;
	EACH_KIND(e) {
		weft_time t = weft_in(2 * WEFT_MS);

		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, t), 0);
		CHECK_EQ(weft_read(e.in, &c, 1, weft_in(WEFT_S * 100)),
			 -ETIMEDOUT);
		CHECK(weft_now() >= t);
		CHECK_EQ(weft_fd_deadline(e.in, POLLIN, weft_in(WEFT_S * 100)),
			 0);
		CHECK_EQ(weft_read(e.in, &c, 1, weft_in(WEFT_MS)), -ETIMEDOUT);
		ends_close(&e);
	}
	return 0;
}

Test(io_wait, the_earlier_of_two_deadlines_counts)
{
	ANYWHERE(earlier_wins);
}

/* --- cancelling ---------------------------------------------------------------------- */

static int every_call_cancelled(void *arg)
{
	struct ends *e = arg;
	char c[4];
	struct iovec v = { c, 4 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	size_t done = 3;

	/* Ready or not: all of these have a byte, or room. */
	CHECK_EQ(weft_read(e->in, c, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_read(e->in, c, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_read(e->in, c, 1, -1), -ECANCELED);
	CHECK_EQ(weft_write(e->out, c, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_readv(e->in, &v, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_writev(e->out, &v, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_read_full(e->in, c, 1, &done, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(done, 0);
	CHECK_EQ(weft_write_all(e->out, c, 1, NULL, -1), -ECANCELED);
	CHECK_EQ(weft_poll(e->in, POLLIN, WEFT_FOREVER), -ECANCELED);
	if (e->both) {
		CHECK_EQ(weft_recvmsg(e->in, &m, 0, -1), -ECANCELED);
		CHECK_EQ(weft_sendmsg(e->out, &m, 0, -1), -ECANCELED);
		CHECK_EQ(weft_recvfrom(e->in, c, 1, 0, NULL, NULL, -1),
			 -ECANCELED);
		CHECK_EQ(weft_sendto(e->out, c, 1, 0, NULL, 0, -1), -ECANCELED);
	}
	CHECK_EQ(weft_copy(e->out, e->in), -ECANCELED);
	/* These never wait, so they are none. */
	wait_until(weft_poll(e->in, POLLIN, WEFT_NOWAIT) > 0);
	CHECK_EQ(weft_read(e->in, c, 1, WEFT_NOWAIT), 1);
	CHECK_EQ(weft_read(e->in, c, 1, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_write(e->out, c, 1, WEFT_NOWAIT), 1);
	return 0;
}

static int waits_then_cancelled(void *arg)
{
	struct ends *e = arg;
	char c;

	CHECK_EQ(weft_read(e->in, &c, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_write(e->out, "x", 1, WEFT_NOWAIT), 1);
	return every_call_cancelled(e);
}

static int cancels(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		for (int lap = 0; lap < fewer(40); lap++) {
			struct crew c;
			char byte;

			crew_start(&c, 1, 0, waits_then_cancelled, &e);
			let(lap % 5);
			CHECK_EQ(weft_cancel(c.id[0]), 0);
			crew_join(&c);
			CHECK_EQ(weft_read(e.in, &byte, 1, WEFT_FOREVER), 1);
			CHECK_EQ(weft_read(e.in, &byte, 1, -1), -ETIMEDOUT);
		}
		ends_close(&e);
	}
	return 0;
}

Test(io_wait, a_cancel_ends_waits_and_keeps_calls_from_starting)
{
	EACH(cancels);
}

static int file_cancelled(void *arg)
{
	int fd = *(int *)arg;
	char c = 0;

	wait_until(weft_cancelled());
	CHECK_EQ(weft_read(fd, &c, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_write(fd, &c, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_sendfile(fd, fd, NULL, 1, -1), -ECANCELED);
	CHECK_EQ(weft_read(fd, &c, 1, WEFT_NOWAIT), 1);
	CHECK_EQ(c, FILE_BYTE(0));
	CHECK_EQ(weft_write(fd, &c, 1, WEFT_NOWAIT), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return 0;
}

static int cancels_file(void *arg)
{
	int fd = file_make(100);
	struct crew c;

	(void)arg;
	crew_start(&c, 1, 0, file_cancelled, &fd);
	CHECK_EQ(weft_cancel(c.id[0]), 0);
	crew_join(&c);
	CHECK_EQ(weft_close(fd), 0);
	return 0;
}

Test(io_wait, files_are_cancel_points_unless_nowait)
{
	EACH(cancels_file);
}

static int in_scope(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		weft_scope s;
		static const char block[BLOCK];
		size_t done = 0, full = stuff(e.out);

		CHECK_EQ(weft_scope_begin(&s, weft_in(WEFT_MS)), 0);
		CHECK_EQ(weft_write_all(e.out, block, sizeof block, &done,
					WEFT_FOREVER), -ECANCELED);
		CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);
		CHECK(done < sizeof block);
		come(e.in, full + done);
		ends_close(&e);
	}
	return 0;
}

Test(io_wait, the_deadline_of_a_scope_ends_waits)
{
	EACH(in_scope);
}

/* --- crowds ---------------------------------------------------------------------------- */

struct crowd {
	struct ends e;
	atomic_int got, sum, enough;
};

static int reads_one_each(void *arg)
{
	struct crowd *c = arg;
	unsigned char byte;

	CHECK_EQ(weft_read(c->e.in, &byte, 1, WEFT_FOREVER), 1);
	c->sum += byte;
	c->got++;
	return 0;
}

/* Many bytes make one edge; each who waits gets one. */
static int baton(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < fewer(30); lap++)
		EACH_KIND(e) {
			struct crowd crowd = { .e = e };
			struct crew c;
			unsigned char bytes[23];
			int sum = 0;

			crew_start(&c, 20, 3, reads_one_each, &crowd);
			let(lap % 40);
			for (int i = 0; i < 23; i++)
				sum += bytes[i] = (unsigned char)(i + 1);
			CHECK_EQ(weft_write_all(e.out, bytes, 23, NULL, -1), 0);
			crew_join(&c);
			CHECK_EQ(crowd.got, 23);
			CHECK_EQ(crowd.sum, sum);
			ends_close(&e);
		}
	return 0;
}

Test(io_wait, many_readers_of_one_descriptor_all_get_theirs)
{
	ANYWHERE(baton);
}

enum { STREAM = 300000 };

static int sends_stream(void *arg)
{
	struct ends *e = arg;
	unsigned char part[777];
	size_t sent = 0, n, done;

	while (sent < STREAM) {
		n = STREAM - sent < sizeof part ? STREAM - sent : sizeof part;
		for (size_t i = 0; i < n; i++)
			part[i] = (unsigned char)((sent + i) * 7 >> 3);
		CHECK_EQ(weft_write_all(e->out, part, n, &done, WEFT_FOREVER),
			 0);
		CHECK_EQ(done, n);
		sent += n;
	}
	return 0;
}

static int takes_stream(void *arg)
{
	struct ends *e = arg;
	unsigned char part[1000];
	size_t got = 0, wrong = 0;

	while (got < STREAM) {
		ssize_t r = weft_read(e->in, part, 1 + got % 1000,
				      WEFT_FOREVER);

		if (!CHECK(r > 0))
			break;
		for (size_t i = 0; i < (size_t)r; i++)
			wrong += part[i] != (unsigned char)((got + i) * 7 >> 3);
		got += (size_t)r;
	}
	CHECK_EQ(wrong, 0);
	return 0;
}

/* Each end reads and writes at the same time. */
static int streams(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		struct ends back = { e.out, e.in, true };
		struct crew c[4];

		crew_start(&c[0], 1, 0, sends_stream, &e);
		crew_start(&c[1], 0, 1, takes_stream, &e);
		if (e.both) {
			crew_start(&c[2], 0, 1, sends_stream, &back);
			crew_start(&c[3], 1, 0, takes_stream, &back);
		}
		for (int i = 0; i < (e.both ? 4 : 2); i++)
			crew_join(&c[i]);
		ends_close(&e);
	}
	return 0;
}

Test(io_wait, streams_arrive_whole_and_in_order_both_ways)
{
	ANYWHERE(streams);
}

/* A reset in the middle of a wait. */
static int resets(void *arg)
{
	struct linger now = { 1, 0 };

	(void)arg;
	for (int lap = 0; lap < fewer(40); lap++) {
		struct ends e = ends_make(TCP);
		struct side r = { .fd = e.in, .deadline = WEFT_FOREVER };
		struct side w = { .fd = e.in, .deadline = WEFT_FOREVER };
		struct crew c[2];

		stuff(e.in);
		crew_start(&c[0], 1, 0, reads, &r);
		crew_start(&c[1], 1, 0, writes, &w);
		let(lap % 7);
		CHECK_EQ(setsockopt(e.out, SOL_SOCKET, SO_LINGER, &now,
				    sizeof now), 0);
		CHECK_EQ(weft_close(e.out), 0);
		crew_join(&c[0]);
		crew_join(&c[1]);
		/* One of them is told of the reset. */
		CHECK(r.got == -ECONNRESET || r.got == 0);
		CHECK(w.got == -ECONNRESET || w.got == -EPIPE);
		CHECK_EQ(weft_close(e.in), 0);
	}
	return 0;
}

Test(io_wait, a_reset_wakes_reader_and_writer)
{
	ANYWHERE(resets);
}

/* Who is alone with a pipe that nobody writes is not in a deadlock: outside may
 * write.  And who waits is let go at the end. */
static int left_waiting(void *arg)
{
	static struct side s;

	(void)arg;
	s = (struct side){ .fd = *(int *)arg, .deadline = WEFT_FOREVER };
	CHECK_EQ(weft_go((void (*)(void *))(void *)reads, &s), 0);
	wait_until(s.going);
	let(3);
	return 0;
}

Test(io_wait, a_discarded_reader_leaves_the_descriptor_in_order)
{
	struct ends e = ends_make(PIPE);
	char c;

	for (int i = 0; i < 20; i++) {
		cr_assert_eq(run_on(1 + (unsigned)i % 3, left_waiting, &e.in),
			     0);
		cr_assert_eq(weft_write(e.out, "x", 1, -1), 1);
		cr_assert_eq(weft_read(e.in, &c, 1, WEFT_FOREVER), 1);
	}
	ends_close(&e);
	cr_assert_eq(failures, 0, "%s", first_failure);
}
