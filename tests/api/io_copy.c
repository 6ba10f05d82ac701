/* api/io_copy.c - weft_copy and weft_sendfile between every kind of descriptor. */
#include "support/sides.h"

TestSuite(io_copy, .timeout = 120);

enum { SIZE = 200 * 1000 };

struct sink {
	int fd;
	size_t got, wrong, from;
};

/* Takes what a file has from a place on. */
static int takes(void *arg)
{
	struct sink *s = arg;
	char buf[3000];
	ssize_t r;

	while ((r = weft_read(s->fd, buf, sizeof buf, WEFT_FOREVER)) > 0) {
		for (ssize_t i = 0; i < r; i++)
			s->wrong += buf[i] !=
				    FILE_BYTE(s->from + s->got + (size_t)i);
		s->got += (size_t)r;
	}
	CHECK_EQ(r, 0);
	return 0;
}

static void file_is(int fd, size_t size)
{
	struct sink s = { .fd = fd };

	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	takes(&s);
	CHECK_EQ(s.got, size);
	CHECK_EQ(s.wrong, 0);
}

/* From a file, at a place of its own and at the file's; both flags of out. */
static int sends_file(void *arg)
{
	int file = file_make(SIZE);

	(void)arg;
	for (int own = 0; own < 2; own++)
		EACH_KIND(e) {
			struct sink s = { .fd = e.in, .from = 1000 };
			struct crew c;
			off_t off = 1000;
			off_t *at = own ? &off : NULL;

			CHECK_EQ(lseek(file, own ? 5 : 1000, SEEK_SET),
				 own ? 5 : 1000);
			crew_start(&c, 1, 0, takes, &s);
			CHECK_EQ(weft_sendfile(e.out, file, at, 0, -1), 0);
			CHECK_EQ(weft_sendfile(e.out, file, at, 100000,
					       WEFT_FOREVER), 100000);
			CHECK_EQ(weft_sendfile(e.out, file, at, SIZE * 2,
					       WEFT_FOREVER), SIZE - 101000);
			CHECK_EQ(weft_sendfile(e.out, file, at, SIZE, -1), 0);
			CHECK_EQ(weft_close(e.out), 0);
			crew_join(&c);
			CHECK_EQ(s.got, SIZE - 1000);
			CHECK_EQ(s.wrong, 0);
			CHECK_EQ(lseek(file, 0, SEEK_CUR), own ? 5 : SIZE);
			CHECK_EQ(own ? off : SIZE, SIZE);
			CHECK_EQ(weft_close(e.in), 0);
		}
	CHECK_EQ(weft_close(file), 0);
	return 0;
}

Test(io_copy, sendfile_sends_a_file_from_where_one_wants)
{
	ANYWHERE(sends_file);
}

/* Mostly it is at once; TCP finds a little room any time later.  A bit at a time
 * from the beginning. */
static ssize_t send_until_full(int out, int file, weft_time deadline)
{
	off_t off = 0;
	ssize_t r, n = 0;

	while ((r = weft_sendfile(out, file, &off, 9, deadline)) > 0)
		n += r;
	CHECK_EQ(off, n);
	return r;
}

static int sendfile_ends(void *arg)
{
	int file = file_make(SIZE);
	off_t off = 0;

	(void)arg;
	EACH_KIND(e) {
		ssize_t r;
		size_t n = 0;

		CHECK_EQ(weft_sendfile(e.out, e.in, NULL, 1, -1), -EINVAL);
		CHECK_EQ(weft_sendfile(e.out, e.in, &off, 1, -1), -ESPIPE);
		CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
		/* Part, then the reason; what did not go is still to come. */
		do {
			r = weft_sendfile(e.out, file, NULL, SIZE,
					  weft_in(WEFT_MS));
			n += r > 0 ? (size_t)r : 0;
			CHECK_EQ(lseek(file, 0, SEEK_CUR), n);
		} while (r > 0);
		CHECK(r == -ETIMEDOUT || n == SIZE);
		come(e.in, n);
		stuff(e.out);
		CHECK_EQ(send_until_full(e.out, file, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(send_until_full(e.out, file, -1), -ETIMEDOUT);
		CHECK_EQ(weft_close(e.in), 0);
		/* A poller that looks at it just now keeps it open till then, and
		 * TCP may still find room. */
		do
			r = weft_sendfile(e.out, file, &off, 9,
					  weft_in(20 * WEFT_S));
		while (r > 0);
		CHECK(r == -EPIPE || r == -ECONNRESET);
		CHECK_EQ(weft_sendfile(e.out, file, &off, 9, -1), -EPIPE);
		CHECK_EQ(weft_copy(e.out, file), n == SIZE ? 0 : -EPIPE);
		CHECK_EQ(weft_close(e.out), 0);
	}
	CHECK_EQ(weft_close(file), 0);
	return 0;
}

Test(io_copy, sendfile_says_how_much_went_and_then_why_no_more)
{
	ANYWHERE(sendfile_ends);
}

static int between_files(void *arg)
{
	int from = file_make(SIZE), to = file_make(0), log = file_make(0);

	(void)arg;
	CHECK_EQ(lseek(from, 0, SEEK_SET), 0);
	CHECK_EQ(weft_copy(to, from), SIZE);
	CHECK_EQ(weft_copy(to, from), 0);
	file_is(to, SIZE);
	CHECK_EQ(lseek(from, 0, SEEK_SET), 0);
	CHECK_EQ(fcntl(log, F_SETFL, O_APPEND), 0);
	CHECK_EQ(weft_copy(log, from), SIZE);
	file_is(log, SIZE);
	CHECK_EQ(weft_close(from), 0);
	CHECK_EQ(weft_close(to), 0);
	CHECK_EQ(weft_close(log), 0);
	return 0;
}

Test(io_copy, copies_files)
{
	ANYWHERE(between_files);
}

/* file -> one kind -> the other -> file. */
static int relayed(void *arg)
{
	int from = file_make(SIZE), to = file_make(0);

	(void)arg;
	for (int k = 0; k < KINDS; k++)
		EACH_KIND(b) {
			struct ends a = ends_make((enum kind)k);
			struct relay first = { a.out, from, 0 };
			struct relay second = { b.out, a.in, 0 };
			struct crew c[2];

			first.out = a.out;
			CHECK_EQ(lseek(from, 0, SEEK_SET), 0);
			CHECK_EQ(ftruncate(to, 0), 0);
			CHECK_EQ(lseek(to, 0, SEEK_SET), 0);
			crew_start(&c[0], 1, 0, relays, &first);
			crew_start(&c[1], 0, 1, relays, &second);
			CHECK_EQ(weft_copy(to, b.in), SIZE);
			crew_join(&c[0]);
			crew_join(&c[1]);
			CHECK_EQ(first.n, SIZE);
			CHECK_EQ(second.n, SIZE);
			CHECK_EQ(weft_close(a.in), 0);
			CHECK_EQ(weft_close(b.in), 0);
			file_is(to, SIZE);
		}
	CHECK_EQ(weft_close(from), 0);
	CHECK_EQ(weft_close(to), 0);
	return 0;
}

Test(io_copy, copies_between_all_kinds)
{
	ANYWHERE(relayed);
}

static int proc(void *arg)
{
	int from = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct ends e = ends_make(OUR_UNIX);

	(void)arg;
	if (from >= 0) {
		CHECK(weft_copy(e.out, from) > 0);
		CHECK_EQ(weft_close(from), 0);
	}
	from = open("/", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(weft_copy(e.out, from), -EISDIR);
	CHECK_EQ(weft_close(from), 0);
	ends_close(&e);
	return 0;
}

Test(io_copy, copies_what_has_no_size_and_refuses_directories)
{
	ANYWHERE(proc);
}

static int copies_until_cancelled(void *arg)
{
	struct ends *e = arg;

	CHECK_EQ(weft_copy(e->out, e->in), -ECANCELED);
	return 0;
}

static int copies_until_closed(void *arg)
{
	struct ends *e = arg;

	CHECK_EQ(weft_copy(e->out, e->in), -EBADF);
	return 0;
}

static int copy_ends(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		struct ends other = ends_make(PIPE);
		struct ends from_e = { e.in, other.out, true };
		struct crew c;

		crew_start(&c, 1, 0, copies_until_cancelled, &from_e);
		let(5);
		CHECK_EQ(weft_cancel(c.id[0]), 0);
		crew_join(&c);
		crew_start(&c, 1, 0, copies_until_closed, &from_e);
		let(5);
		CHECK_EQ(weft_close(e.in), 0);
		crew_join(&c);
		CHECK_EQ(weft_close(e.out), 0);
		ends_close(&other);
	}
	return 0;
}

Test(io_copy, a_copy_ends_with_a_cancel_and_a_close)
{
	EACH(copy_ends);
}
