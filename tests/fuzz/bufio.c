/* fuzz/bufio.c - buffered reading and writing, call by call against the whole
 * text and a position in it.
 *
 *	flags, size, calls, pieces | two bytes a call | a byte a piece | text
 *
 * A piece is how many bytes, plus one, the stream gives or takes at a time; one
 * of the highest is an error that passes.
 */
#include "fuzz/fuzz.h"

#include <weft/bufio.h>

const char fuzz_name[] = "bufio";

enum { FD = 1, FAILS = 2, LENDS = 4, BREAKS = 8 };      /* flags */
enum { PASSING = 0xf8 };                        /* pieces from here on */

struct stream {
	unsigned flags;
	struct input calls, pieces, text;
	size_t piece;                   /* the next one */
	size_t size, pos, gave;         /* of the text: taken; given out */
	int end;                        /* what comes after the text */
	bool passed, ended;             /* in this call; once and for all */
	bool broken;                    /* written to no more */
	char *sink;
	size_t sunk, accepted, room;
	weft_bufio b;
	void *in, *out;                 /* lent */
	int fd[2];                      /* the text comes through a pipe */
	weft_waitgroup feeder;
};

static unsigned next_piece(struct stream *s)
{
	return s->pieces.n ? s->pieces.at[s->piece++ % s->pieces.n] : 254;
}

static int passing_error(struct stream *s, unsigned piece)
{
	static const int errors[] = {
		-EAGAIN, -ETIMEDOUT, -ECANCELED, -ENOMEM,
	};

	s->passed = true;
	return errors[piece % 4];
}

static ssize_t give(void *arg, void *buf, size_t n, weft_time deadline)
{
	struct stream *s = arg;
	unsigned piece = next_piece(s);
	size_t left = s->text.n - s->gave;

	MUST(n > 0 && !s->ended && deadline == 7);
	if (piece >= PASSING && s->pieces.n)
		return passing_error(s, piece);
	if (!left) {
		s->ended = true;
		return s->end;
	}
	n = n < left ? n : left;
	n = n < piece + 1 ? n : piece + 1;
	memcpy(buf, s->text.at + s->gave, n);
	s->gave += n;
	return (ssize_t)n;
}

static ssize_t give_from_pipe(void *arg, void *buf, size_t n,
			      weft_time deadline)
{
	struct stream *s = arg;
	ssize_t r;

	MUST(n > 0 && !s->ended);
	r = weft_read(s->fd[0], buf, n, deadline);
	MUST(r >= 0);
	s->gave += (size_t)r;
	s->ended = r == 0;
	return r;
}

static ssize_t accept_some(void *arg, const void *buf, size_t n,
			   weft_time deadline)
{
	struct stream *s = arg;
	unsigned piece = next_piece(s);

	MUST(n > 0 && !s->broken && deadline != WEFT_NOWAIT);
	if (piece >= PASSING && s->pieces.n)
		return passing_error(s, piece);
	if (s->flags & FAILS && s->sunk > 300) {
		s->broken = true;
		return piece & 1 ? -EPIPE : 0;
	}
	n = n < piece + 1 ? n : piece + 1;
	if (s->sunk + n > s->room) {
		s->room = 2 * (s->sunk + n);
		s->sink = realloc(s->sink, s->room);
		MUST(s->sink);
	}
	memcpy(s->sink + s->sunk, buf, n);
	s->sunk += n;
	return (ssize_t)n;
}

/* The same text through a pipe. */
static void feed(void *arg)
{
	struct stream *s = arg;
	size_t at = 0, n;

	while (at < s->text.n) {
		n = next_piece(s) + 1;
		n = n < s->text.n - at ? n : s->text.n - at;
		if (weft_write_all(s->fd[1], s->text.at + at, n, NULL,
				   weft_in(PATIENCE)))
			break;          /* the other end is closed */
		at += n;
		weft_yield();
	}
	MUST(weft_close(s->fd[1]) == 0);
	weft_waitgroup_done(&s->feeder);
}

/* --- reading ------------------------------------------------------------------------ */

static weft_time deadline_of(const struct stream *s)
{
	return s->flags & FD ? weft_in(PATIENCE) : 7;
}

/* Where the text ends, what a call says that wants more. */
static int end_of(const struct stream *s)
{
	return s->end ? s->end : WEFT_EOF;
}

static void took(struct stream *s, const void *data, size_t n)
{
	MUST(n <= s->text.n - s->pos);
	if (n)
		MUST(!memcmp(data, s->text.at + s->pos, n));
	s->pos += n;
}

/* Bytes up to and with the next one that is delim; 0: there is none. */
static size_t until(const struct stream *s, unsigned char delim)
{
	const uint8_t *from = s->text.at + s->pos, *at;

	at = s->pos < s->text.n ?
	     memchr(from, delim, s->text.n - s->pos) : NULL;
	return at ? (size_t)(at - from) + 1 : 0;
}

static void do_line(struct stream *s)
{
	size_t left = s->text.n - s->pos, n = until(s, '\n'), len = 0, want;
	char *line = NULL;
	int err = weft_bufio_read_line(&s->b, &line, &len, deadline_of(s));

	if (s->passed && err)
		return;
	if (n ? n > s->size : left >= s->size) {
		MUST(err == -EMSGSIZE);
		return;
	}
	if (!n && (s->end || !left)) {
		MUST(err == end_of(s));
		return;
	}
	MUST(err == 0);
	want = n ? n - 1 : left;
	if (n > 1 && s->text.at[s->pos + n - 2] == '\r')
		want--;
	MUST(len == want && line[len] == '\0');
	took(s, line, len);
	s->pos += (n ? n : left) - len;
	memset(line, '\n', len + 1);            /* it is ours */
}

static void do_until(struct stream *s, unsigned delim)
{
	size_t left = s->text.n - s->pos, n = until(s, (uint8_t)delim), len = 0;
	char *data = NULL;
	int err = weft_bufio_read_until(&s->b, (char)delim, &data, &len,
					deadline_of(s));

	if (s->passed && err)
		return;
	if (n ? n > s->size : left >= s->size) {
		MUST(err == -EMSGSIZE);
	} else if (!n) {
		MUST(err == end_of(s));
	} else {
		MUST(err == 0 && len == n);
		took(s, data, len);
	}
}

static void do_peek(struct stream *s, size_t n)
{
	size_t left = s->text.n - s->pos, len = 12345;
	char *data = NULL;
	int err = weft_bufio_peek(&s->b, n, &data, &len, deadline_of(s));

	MUST(len == weft_bufio_buffered(&s->b) && len <= left);
	if (len)
		MUST(!memcmp(data, s->text.at + s->pos, len));
	if (s->passed && err)
		return;
	MUST(err == (n > s->size ? -EMSGSIZE : n > left ? end_of(s) : 0));
	if (err != -EMSGSIZE)
		MUST(err ? len == left : len >= n);
}

static void do_skip(struct stream *s, size_t n)
{
	size_t left = s->text.n - s->pos;
	int err = weft_bufio_skip(&s->b, n, deadline_of(s));

	if (err && s->passed)           /* what was there is gone */
		s->pos = s->gave - weft_bufio_buffered(&s->b);
	else if (n > left)
		MUST(err == end_of(s));
	else
		MUST(err == 0);
	if (!s->passed || !err)
		s->pos += n < left ? n : left;
}

static void do_read(struct stream *s, size_t n)
{
	size_t left = s->text.n - s->pos, there = weft_bufio_buffered(&s->b);
	char *to = malloc(n + 1);
	ssize_t r;

	MUST(to);
	r = weft_bufio_read(&s->b, to, n, deadline_of(s));
	if (n == 0)
		MUST(r == 0);
	else if (r < 0 && s->passed)
		MUST(!there);
	else if (!left)
		MUST(r == s->end);
	else
		MUST(r > 0 && (size_t)r <= n &&
		     (!there || (size_t)r == (n < there ? n : there)));
	if (r > 0)
		took(s, to, (size_t)r);
	free(to);
}

static void do_full(struct stream *s, size_t n)
{
	size_t left = s->text.n - s->pos, done = 12345;
	char *to = malloc(n + 1);
	int err;

	MUST(to);
	err = weft_bufio_read_full(&s->b, to, n, &done, deadline_of(s));
	if (!err)
		MUST(done == n);
	else if (!s->passed)
		MUST(n > left && done == left && err == end_of(s));
	MUST(done <= n && done <= left);
	took(s, to, done);
	free(to);
}

static void do_fill(struct stream *s)
{
	size_t there = weft_bufio_buffered(&s->b);
	ssize_t r = weft_bufio_fill(&s->b, deadline_of(s));

	if (there == s->size)
		MUST(r == -ENOBUFS);
	else if (r < 0 && s->passed)
		;
	else if (s->pos + there == s->text.n)
		MUST(r == s->end);
	else
		MUST(r > 0);
	MUST(weft_bufio_buffered(&s->b) == there + (r > 0 ? (size_t)r : 0));
}

/* --- writing ------------------------------------------------------------------------ */

static void wrote(struct stream *s, size_t n, ssize_t r)
{
	if (!s->passed && !s->broken)
		MUST(r == (ssize_t)n);
	MUST(r <= (ssize_t)n && (r >= 0 || s->passed || s->broken));
	s->accepted += r > 0 ? (size_t)r : 0;
}

/* n bytes of what is always the same text. */
static void do_write(struct stream *s, unsigned how, size_t n)
{
	char *from = malloc(n + 1);
	ssize_t r;

	MUST(from);
	for (size_t i = 0; i < n; i++)
		from[i] = (char)('a' + (s->accepted + i) % 23);
	from[n] = '\0';
	if (how == 0)
		r = weft_bufio_write(&s->b, from, n, 7);
	else if (how == 1)
		r = weft_bufio_puts(&s->b, from, 7);
	else
		r = weft_bufio_printf(&s->b, 7, "%s%.*s", "", (int)n, from);
	wrote(s, n, r);
	free(from);
}

static void do_flush(struct stream *s)
{
	int err = weft_bufio_flush(&s->b, 7);

	MUST(err == 0 || s->passed || s->broken);
	if (!err)
		MUST(!weft_bufio_pending(&s->b));
}

/* --- all of it ---------------------------------------------------------------------- */

static void call(struct stream *s)
{
	unsigned what = input_byte(&s->calls), n = input_byte(&s->calls);

	s->passed = false;
	switch (what % 12) {
	case 0:
		do_line(s);
		break;
	case 1:
		do_until(s, n);
		break;
	case 2:
		do_peek(s, n);
		break;
	case 3:
		do_skip(s, n);
		break;
	case 4:
		do_read(s, n);
		break;
	case 5:
		do_full(s, n);
		break;
	case 6:
		do_fill(s);
		break;
	case 7:
		do_flush(s);
		break;
	case 8:                         /* more than a buffer of theirs */
		do_full(s, 8 * n);
		break;
	default:
		do_write(s, what % 12 - 9, n);
	}
	MUST(s->pos + weft_bufio_buffered(&s->b) == s->gave);
	MUST(s->sunk + weft_bufio_pending(&s->b) == s->accepted);
}

static void begin(struct stream *s)
{
	if (s->flags & FD) {
		MUST(weft_pipe(s->fd) == 0);
		weft_waitgroup_add(&s->feeder, 1);
		MUST(weft_go(feed, s) == 0);
	}
	weft_bufio_init_io(&s->b, s->flags & FD ? give_from_pipe : give,
			   accept_some, s, s->size);
	s->size = !s->size ? WEFT_BUFIO_SIZE : s->size < 16 ? 16 : s->size;
	if (s->flags & LENDS) {
		s->in = malloc(s->size + 1);
		s->out = malloc(s->size);
		MUST(s->in && s->out);
		MUST(weft_bufio_lend(&s->b, s->in, s->size + 1, s->out,
				     s->size) == 0);
	}
}

static void finish(struct stream *s)
{
	if (s->flags & FD) {
		MUST(weft_close(s->fd[0]) == 0);
		weft_waitgroup_wait(&s->feeder);
	}
	for (size_t i = 0; i < s->sunk; i++)
		MUST(s->sink[i] == (char)('a' + i % 23));
	weft_bufio_fini(&s->b);
	free(s->in);
	free(s->out);
	free(s->sink);
}

static void one(void *arg)
{
	struct stream *s = arg;

	begin(s);
	while (s->calls.n)
		call(s);
	finish(s);
}

static struct input cut(struct input *from, size_t n)
{
	struct input part = { from->at, n < from->n ? n : from->n };

	from->at += part.n;
	from->n -= part.n;
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input all = { data, n };
	struct stream s = { .flags = input_byte(&all) };
	unsigned calls, pieces;

	s.size = input_byte(&all);
	calls = input_byte(&all);
	pieces = input_byte(&all);
	s.calls = cut(&all, 2 * calls);
	s.pieces = cut(&all, pieces);
	s.text = all;
	s.end = s.flags & BREAKS && !(s.flags & FD) ? -EIO : 0;
	session_run(one, &s);
	return 0;
}
