/* api/bufio.c - buffered reading and writing, one sentence a test. */
#include "support/fds.h"

#include <weft/bufio.h>

TestSuite(bufio, .timeout = 120);

/* Give the text in pieces of n bytes, then close. */
struct feed {
	int fd;
	const char *text;
	size_t size, piece;
};

static int feeds(void *arg)
{
	struct feed *f = arg;

	for (size_t at = 0; at < f->size; at += f->piece) {
		size_t n = f->size - at < f->piece ? f->size - at : f->piece;

		CHECK_EQ(weft_write_all(f->fd, f->text + at, n, NULL,
					WEFT_FOREVER), 0);
		let(1);
	}
	CHECK_EQ(weft_close(f->fd), 0);
	return 0;
}

static bool line_is(weft_bufio *b, const char *want)
{
	size_t len = 99;
	char *line = NULL;
	int err = weft_bufio_read_line(b, &line, &len, WEFT_FOREVER);

	return !err && len == strlen(want) && !strcmp(line, want);
}

static int lines(void *arg)
{
	static const char text[] =
		"first\n\r\n\nwith cr\r\nin\rside\nand 15 bytes..\nlast";

	(void)arg;
	for (size_t piece = 1; piece < 20; piece += 3)
		EACH_KIND(e) {
			struct feed f = { e.out, text, sizeof text - 1, piece };
			struct crew c;
			weft_bufio b;
			char *line;

			weft_bufio_init(&b, e.in, piece % 2 ? 16 : 0);
			crew_start(&c, 1, 0, feeds, &f);
			CHECK(line_is(&b, "first"));
			CHECK(line_is(&b, ""));
			CHECK(line_is(&b, ""));
			CHECK(line_is(&b, "with cr"));
			CHECK(line_is(&b, "in\rside"));
			CHECK(line_is(&b, "and 15 bytes.."));
			CHECK(line_is(&b, "last"));
			CHECK_EQ(weft_bufio_read_line(&b, &line, NULL, -1),
				 WEFT_EOF);
			CHECK_EQ(weft_bufio_read_line(&b, &line, NULL, -1),
				 WEFT_EOF);
			CHECK_EQ(weft_bufio_fill(&b, -1), 0);
			crew_join(&c);
			weft_bufio_fini(&b);
			CHECK_EQ(weft_close(e.in), 0);
		}
	return 0;
}

Test(bufio, reads_lines_however_they_come)
{
	ANYWHERE(lines);
}

static int long_lines(void *arg)
{
	static const char text[] = "0123456789abcdefXYZ\nshort\n";
	struct ends e = ends_make(OUR_PIPE);
	weft_bufio b;
	char *line, *data, buf[64], memory[17];
	size_t len;

	(void)arg;
	weft_bufio_init(&b, e.in, 0);
	CHECK_EQ(weft_bufio_lend(&b, memory, 15, NULL, 0), -EINVAL);
	CHECK_EQ(weft_bufio_lend(&b, memory, sizeof memory, NULL, 0), 0);
	CHECK_EQ(weft_bufio_lend(&b, memory, sizeof memory, NULL, 0), -EBUSY);
	CHECK_EQ(weft_write(e.out, text, sizeof text - 1, -1),
		 sizeof text - 1);
	CHECK_EQ(weft_bufio_read_line(&b, &line, &len, -1), -EMSGSIZE);
	CHECK_EQ(weft_bufio_read_until(&b, 'Z', &data, &len, -1), -EMSGSIZE);
	CHECK_EQ(weft_bufio_peek(&b, 17, &data, &len, -1), -EMSGSIZE);
	CHECK_EQ(weft_bufio_fill(&b, -1), -ENOBUFS);
	CHECK_EQ(weft_bufio_buffered(&b), 16);
	CHECK_EQ(weft_bufio_read(&b, buf, 64, -1), 16);
	CHECK(line_is(&b, "XYZ"));
	CHECK(line_is(&b, "short"));
	CHECK_EQ(weft_bufio_read_line(&b, &line, &len, weft_in(WEFT_US)),
		 -ETIMEDOUT);
	/* A line of which part has come is not lost by giving up. */
	CHECK_EQ(weft_write(e.out, "half", 4, -1), 4);
	CHECK_EQ(weft_bufio_read_line(&b, &line, &len, weft_in(WEFT_US)),
		 -ETIMEDOUT);
	CHECK_EQ(weft_bufio_read_line(&b, &line, &len, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_write(e.out, "way\n", 4, -1), 4);
	CHECK(line_is(&b, "halfway"));
	/* Exactly full, at the very end. */
	CHECK_EQ(weft_write(e.out, "0123456789abcdef", 16, -1), 16);
	CHECK_EQ(weft_close(e.out), 0);
	CHECK_EQ(weft_bufio_peek(&b, 16, &data, &len, -1), 0);
	CHECK_EQ(weft_bufio_read_line(&b, &line, &len, -1), -EMSGSIZE);
	CHECK_EQ(weft_bufio_skip(&b, 1, -1), 0);
	CHECK(line_is(&b, "123456789abcdef"));
	weft_bufio_fini(&b);
	CHECK_EQ(weft_close(e.in), 0);
	return 0;
}

Test(bufio, a_line_that_is_too_long_is_emsgsize_and_still_there)
{
	ANYWHERE(long_lines);
}

static int pieces(void *arg)
{
	static const char text[] = "key=value;rest of it";

	(void)arg;
	for (size_t piece = 1; piece < 22; piece += 5) {
		struct ends e = ends_make(OUR_UNIX);
		struct feed f = { e.out, text, sizeof text - 1, piece };
		struct crew c;
		weft_bufio b;
		char *data, buf[64];
		size_t len, done;

		weft_bufio_init(&b, e.in, 16);
		crew_start(&c, 1, 0, feeds, &f);
		CHECK_EQ(weft_bufio_peek(&b, 3, &data, &len, WEFT_FOREVER), 0);
		CHECK(len >= 3 && !memcmp(data, "key", 3));
		CHECK_EQ(weft_bufio_read_until(&b, '=', &data, &len,
					       WEFT_FOREVER), 0);
		CHECK(len == 4 && !memcmp(data, "key=", 4));
		CHECK_EQ(weft_bufio_read_until(&b, ';', &data, &len,
					       WEFT_FOREVER), 0);
		CHECK(len == 6 && !memcmp(data, "value;", 6));
		CHECK_EQ(weft_bufio_skip(&b, 5, WEFT_FOREVER), 0);
		CHECK_EQ(weft_bufio_read_full(&b, buf, 2, &done, WEFT_FOREVER), 0);
		CHECK(!memcmp(buf, "of", 2));
		CHECK_EQ(weft_bufio_read_until(&b, ';', &data, &len,
					       WEFT_FOREVER), WEFT_EOF);
		CHECK_EQ(weft_bufio_peek(&b, 9, &data, &len, -1), WEFT_EOF);
		CHECK_EQ(len, 3);
		CHECK_EQ(weft_bufio_read_full(&b, buf, 9, &done, -1), WEFT_EOF);
		CHECK_EQ(done, 3);
		CHECK(!memcmp(buf, " it", 3));
		CHECK_EQ(weft_bufio_skip(&b, 1, -1), WEFT_EOF);
		CHECK_EQ(weft_bufio_read(&b, buf, 9, -1), 0);
		crew_join(&c);
		weft_bufio_fini(&b);
		CHECK_EQ(weft_close(e.in), 0);
	}
	return 0;
}

Test(bufio, reads_pieces_by_length_and_by_delimiter)
{
	ANYWHERE(pieces);
}

static int writes(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		weft_bufio b, r;
		char big[600], back[600];
		size_t n = 0;

		weft_bufio_init(&b, e.out, 32);
		weft_bufio_init(&r, e.in, 2000);
		CHECK_EQ(weft_bufio_flush(&b, -1), 0);
		CHECK_EQ(weft_bufio_puts(&b, "hello ", -1), 6);
		CHECK_EQ(weft_bufio_printf(&b, -1, "%d-%s", 42, "x"), 4);
		CHECK_EQ(weft_bufio_pending(&b), 10);
		CHECK_EQ(weft_read(e.in, back, 1, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(weft_bufio_write(&b, "\n", 1, -1), 1);
		CHECK_EQ(weft_bufio_flush(&b, WEFT_FOREVER), 0);
		CHECK_EQ(weft_bufio_pending(&b), 0);
		CHECK(line_is(&r, "hello 42-x"));
		/* Longer than what is left, and than all there is. */
		CHECK_EQ(weft_bufio_printf(&b, -1, "%020d", 7), 20);
		CHECK_EQ(weft_bufio_printf(&b, -1, "%020d", 8), 20);
		CHECK_EQ(weft_bufio_printf(&b, -1, "%0100d", 9), 100);
		CHECK_EQ(weft_bufio_printf(&b, -1, "%s", "\n"), 1);
		CHECK_EQ(weft_bufio_flush(&b, WEFT_FOREVER), 0);
		CHECK_EQ(weft_bufio_read_full(&r, back, 141, NULL,
					      WEFT_FOREVER), 0);
		CHECK(back[19] == '7' && back[39] == '8' && back[139] == '9');
		for (size_t i = 0; i < sizeof big; i++)
			big[i] = (char)(i * 3);
		for (size_t part = 1; n + part <= sizeof big; part += 7) {
			CHECK_EQ(weft_bufio_write(&b, big + n, part, -1), part);
			n += part;
		}
		CHECK_EQ(weft_bufio_flush(&b, WEFT_FOREVER), 0);
		CHECK_EQ(weft_bufio_read_full(&r, back, n, NULL,
					      WEFT_FOREVER), 0);
		CHECK(!memcmp(big, back, n));
		CHECK_EQ(weft_bufio_write(&b, "", 0, -1), 0);
		weft_bufio_fini(&b);
		weft_bufio_fini(&r);
		ends_close(&e);
	}
	return 0;
}

Test(bufio, writes_when_it_is_full_or_told_to)
{
	ANYWHERE(writes);
}

/* An error that sticks?  While a poller looks at it the other end is open. */
static bool broken(weft_bufio *b)
{
	ssize_t r = weft_bufio_puts(b, "x", -1);

	if (r >= 0)
		r = weft_bufio_flush(b, -1);
	return r < 0 && r != -ETIMEDOUT;
}

/* Something that cannot be flushed, for that reason.  TCP may find a little room
 * later.  Gives how much was written meanwhile, and is to be. */
static size_t keep_back(weft_bufio *b, int out, weft_time deadline, int why)
{
	size_t n = 0;
	int err;

	do {
		n += stuff(out);
		if (!weft_bufio_pending(b)) {
			CHECK_EQ(weft_bufio_puts(b, "kept", -1), 4);
			n += 4;
		}
		err = weft_bufio_flush(b, deadline);
	} while (err == 0);
	CHECK_EQ(err, why);
	return n;
}

static int write_errors(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		weft_bufio b;
		char out[40];
		size_t full = 0, left;

		weft_bufio_init(&b, e.out, 0);
		CHECK_EQ(weft_bufio_lend(&b, NULL, 0, out, 40), 0);
		full += keep_back(&b, e.out, -1, -ETIMEDOUT);
		full += keep_back(&b, e.out, WEFT_NOWAIT, -EAGAIN);
		left = weft_bufio_pending(&b);
		CHECK(left > 0 && left <= 4);
		come(e.in, full - left);
		CHECK_EQ(weft_bufio_flush(&b, WEFT_FOREVER), 0);
		come(e.in, left);
		CHECK_EQ(weft_close(e.in), 0);
		wait_until(broken(&b));
		CHECK(weft_bufio_flush(&b, -1) < 0);
		CHECK_EQ(weft_bufio_puts(&b, "x", -1),
			 weft_bufio_flush(&b, -1));
		CHECK_EQ(weft_bufio_printf(&b, -1, "x"),
			 weft_bufio_flush(&b, -1));
		weft_bufio_fini(&b);
		CHECK_EQ(weft_close(e.out), 0);
	}
	return 0;
}

Test(bufio, errors_of_writing_stick_but_timeouts_do_not)
{
	ANYWHERE(write_errors);
}

/* A stream of its own: gives "ab", fails, would give more. */
static ssize_t odd_read(void *arg, void *buf, size_t n, weft_time deadline)
{
	int *calls = arg;

	(void)deadline, (void)n;
	memcpy(buf, "ab", 2);
	return ++*calls == 1 ? 2 : *calls == 2 ? -ETIMEDOUT :
	       *calls == 3 ? -EIO : 2;
}

static ssize_t odd_write(void *arg, const void *buf, size_t n,
			 weft_time deadline)
{
	(void)arg, (void)buf, (void)deadline;
	return n > 1 ? 1 : 0;
}

static int callbacks(void *arg)
{
	weft_bufio b;
	int calls = 0;
	char buf[4], *data;
	size_t len;

	(void)arg;
	weft_bufio_init_io(&b, odd_read, odd_write, &calls, 20);
	CHECK_EQ(weft_bufio_peek(&b, 3, &data, &len, -1), -ETIMEDOUT);
	CHECK_EQ(len, 2);
	CHECK_EQ(weft_bufio_peek(&b, 3, &data, &len, -1), -EIO);
	CHECK_EQ(weft_bufio_read(&b, buf, 4, -1), 2);
	CHECK_EQ(weft_bufio_read(&b, buf, 4, -1), -EIO);
	CHECK_EQ(weft_bufio_read_line(&b, &data, &len, -1), -EIO);
	CHECK_EQ(calls, 3);
	/* One that does not get on is no endless loop. */
	CHECK_EQ(weft_bufio_puts(&b, "abc", -1), 3);
	CHECK_EQ(weft_bufio_flush(&b, -1), -EIO);
	CHECK_EQ(weft_bufio_flush(&b, -1), -EIO);
	weft_bufio_fini(&b);
	weft_bufio_init_io(&b, NULL, NULL, NULL, 0);
	CHECK_EQ(weft_bufio_fill(&b, -1), -EBADF);
	CHECK_EQ(weft_bufio_puts(&b, "x", -1), 1);
	CHECK_EQ(weft_bufio_flush(&b, -1), -EBADF);
	weft_bufio_fini(&b);
	return 0;
}

Test(bufio, any_pair_of_functions_will_do)
{
	ANYWHERE(callbacks);
}

static int waits_for_line(void *arg)
{
	weft_bufio *b = arg;
	char *line;
	size_t len;

	CHECK_EQ(weft_bufio_read_line(b, &line, &len, WEFT_FOREVER),
		 -ECANCELED);
	CHECK_EQ(weft_bufio_buffered(b), 4);
	return 0;
}

static int cancels(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		struct crew c;
		weft_bufio b;

		weft_bufio_init(&b, e.in, 0);
		CHECK_EQ(weft_write(e.out, "part", 4, -1), 4);
		CHECK_EQ(weft_bufio_fill(&b, WEFT_FOREVER), 4);
		crew_start(&c, 1, 0, waits_for_line, &b);
		let(kind_);
		CHECK_EQ(weft_cancel(c.id[0]), 0);
		crew_join(&c);
		CHECK_EQ(weft_write(e.out, "ner\n", 4, -1), 4);
		CHECK(line_is(&b, "partner"));
		weft_bufio_fini(&b);
		ends_close(&e);
	}
	return 0;
}

Test(bufio, a_cancel_loses_nothing)
{
	EACH(cancels);
}
