/* io/bufio.c - buffers over a descriptor, or over what reads and writes like one.
 *
 * Built on weft/io.h alone.  Each half is a buffer with the bytes from begin to
 * end in it: those read and not taken, or written and not flushed.
 *
 * Invariants
 *   0 <= begin <= end <= size.  The reading half has one byte more than size, for
 *   the 0 behind a last line; begin == end is at 0 when it is next filled.
 *   err is 0, or WEFT_EOF, or what the stream failed with; it is told when the
 *   buffer is empty.
 */
#include "base/base.h"
#include "sched/park.h"

#include <stdio.h>
#include <weft/bufio.h>
#include <weft/io.h>

enum { LEAST = 16 };

typedef struct weft_bufio_half half;

static ssize_t fd_read(void *arg, void *buf, size_t n, weft_time deadline)
{
	return weft_read((int)(intptr_t)arg, buf, n, deadline);
}

static ssize_t fd_write(void *arg, const void *buf, size_t n,
			weft_time deadline)
{
	return weft_write((int)(intptr_t)arg, buf, n, deadline);
}

static ssize_t no_read(void *arg, void *buf, size_t n, weft_time deadline)
{
	(void)arg, (void)buf, (void)n, (void)deadline;
	return -EBADF;
}

static ssize_t no_write(void *arg, const void *buf, size_t n,
			weft_time deadline)
{
	(void)arg, (void)buf, (void)n, (void)deadline;
	return -EBADF;
}

void weft_bufio_init_io(weft_bufio *b, weft_bufio_read_fn *read,
			weft_bufio_write_fn *write, void *arg, size_t size)
{
	memset(b, 0, sizeof *b);
	b->weft__read = read ? read : no_read;
	b->weft__write = write ? write : no_write;
	b->weft__arg = arg;
	size = size ? size : WEFT_BUFIO_SIZE;
	b->weft__in.weft__size = b->weft__out.weft__size =
		size < LEAST ? LEAST : size;
}

void weft_bufio_init(weft_bufio *b, int fd, size_t size)
{
	weft_bufio_init_io(b, fd_read, fd_write, (void *)(intptr_t)fd, size);
}

static void lend(half *h, void *mem, size_t size)
{
	if (!mem)
		return;
	h->weft__buf = mem;
	h->weft__size = size;
	h->weft__lent = 1;
}

int weft_bufio_lend(weft_bufio *b, void *in, size_t in_size, void *out,
		    size_t out_size)
{
	if ((in && in_size < LEAST) || (out && out_size < LEAST))
		return -EINVAL;
	if (b->weft__in.weft__buf || b->weft__out.weft__buf)
		return -EBUSY;
	lend(&b->weft__in, in, in_size - 1);
	lend(&b->weft__out, out, out_size);
	return 0;
}

static void drop(half *h)
{
	if (!h->weft__lent)
		free(h->weft__buf);
	h->weft__buf = NULL;
	h->weft__begin = h->weft__end = 0;
	h->weft__lent = h->weft__err = 0;
}

void weft_bufio_fini(weft_bufio *b)
{
	drop(&b->weft__in);
	drop(&b->weft__out);
}

static int make(half *h)
{
	if (likely(h->weft__buf != NULL))
		return 0;
	h->weft__buf = malloc(h->weft__size + 1);
	return h->weft__buf ? 0 : -ENOMEM;
}

static size_t amount(const half *h)
{
	return h->weft__end - h->weft__begin;
}

/* Where they are; NULL before there is a buffer. */
static char *front(const half *h)
{
	return h->weft__buf ? h->weft__buf + h->weft__begin : NULL;
}

/* Nothing was lost: the next call may do better. */
static bool passing(ssize_t err)
{
	return err == -EAGAIN || err == -ETIMEDOUT || err == -ECANCELED ||
	       err == -ENOMEM;
}

/* --- reading ------------------------------------------------------------------ */

size_t weft_bufio_buffered(const weft_bufio *b)
{
	return amount(&b->weft__in);
}

static void take(half *h, size_t n)
{
	h->weft__begin += n;
}

/* What a read gave, or why it gave nothing. */
static ssize_t heard(half *h, ssize_t r)
{
	if (r <= 0 && !passing(r))
		h->weft__err = r ? (int)r : WEFT_EOF;
	return r;
}

ssize_t weft_bufio_fill(weft_bufio *b, weft_time deadline)
{
	half *h = &b->weft__in;
	ssize_t r = make(h);

	if (r)
		return r;
	if (amount(h) == h->weft__size)
		return -ENOBUFS;
	if (h->weft__err)
		return h->weft__err == WEFT_EOF ? 0 : h->weft__err;
	if (h->weft__begin == h->weft__end || h->weft__end == h->weft__size) {
		memmove(h->weft__buf, h->weft__buf + h->weft__begin, amount(h));
		h->weft__end = amount(h);
		h->weft__begin = 0;
	}
	r = b->weft__read(b->weft__arg, h->weft__buf + h->weft__end,
			  h->weft__size - h->weft__end, deadline);
	if (r > 0)
		h->weft__end += (size_t)r;
	return heard(h, r);
}

/* 0: at least n bytes are there. */
static int await(weft_bufio *b, size_t n, weft_time deadline)
{
	half *h = &b->weft__in;
	ssize_t r = 1;

	if (n > h->weft__size)
		return -EMSGSIZE;
	while (amount(h) < n && r > 0)
		r = weft_bufio_fill(b, deadline);
	return r > 0 ? 0 : r ? (int)r : WEFT_EOF;
}

int weft_bufio_peek(weft_bufio *b, size_t n, char **data, size_t *len,
		    weft_time deadline)
{
	int err = await(b, n, deadline);

	*data = front(&b->weft__in);
	*len = amount(&b->weft__in);
	return err;
}

int weft_bufio_skip(weft_bufio *b, size_t n, weft_time deadline)
{
	half *h = &b->weft__in;
	ssize_t r = 1;

	for (;;) {
		size_t part = amount(h) < n ? amount(h) : n;

		take(h, part);
		n -= part;
		if (!n)
			return 0;
		r = weft_bufio_fill(b, deadline);
		if (r <= 0)
			return r ? (int)r : WEFT_EOF;
	}
}

ssize_t weft_bufio_read(weft_bufio *b, void *buf, size_t n, weft_time deadline)
{
	half *h = &b->weft__in;
	ssize_t r;

	if (!n)
		return 0;
	if (!amount(h)) {
		if (h->weft__err)
			return h->weft__err == WEFT_EOF ? 0 : h->weft__err;
		if (n >= h->weft__size)
			return heard(h, b->weft__read(b->weft__arg, buf, n,
						      deadline));
		r = weft_bufio_fill(b, deadline);
		if (r <= 0)
			return r;
	}
	n = n < amount(h) ? n : amount(h);
	memcpy(buf, h->weft__buf + h->weft__begin, n);
	take(h, n);
	return (ssize_t)n;
}

int weft_bufio_read_full(weft_bufio *b, void *buf, size_t n, size_t *done,
			 weft_time deadline)
{
	size_t got = 0;
	ssize_t r = 0;

	while (got < n) {
		r = weft_bufio_read(b, (char *)buf + got, n - got, deadline);
		if (r <= 0)
			break;
		got += (size_t)r;
	}
	if (done)
		*done = got;
	return got == n ? 0 : r ? (int)r : WEFT_EOF;
}

/* How many bytes there are up to and with the first delim. */
static int find(weft_bufio *b, char delim, size_t *n, weft_time deadline)
{
	half *h = &b->weft__in;
	size_t seen = 0;
	ssize_t r;

	for (;;) {
		char *from = front(h);
		char *at = amount(h) == seen ? NULL :
			   memchr(from + seen, delim, amount(h) - seen);

		if (at) {
			*n = (size_t)(at - from) + 1;
			return 0;
		}
		seen = amount(h);
		r = weft_bufio_fill(b, deadline);
		if (r <= 0)
			return r == -ENOBUFS ? -EMSGSIZE :
			       r ? (int)r : WEFT_EOF;
	}
}

int weft_bufio_read_until(weft_bufio *b, char delim, char **data, size_t *len,
			  weft_time deadline)
{
	int err = find(b, delim, len, deadline);

	if (err)
		return err;
	*data = b->weft__in.weft__buf + b->weft__in.weft__begin;
	take(&b->weft__in, *len);
	return 0;
}

int weft_bufio_read_line(weft_bufio *b, char **line, size_t *len,
			 weft_time deadline)
{
	half *h = &b->weft__in;
	size_t n, text;
	int err = find(b, '\n', &n, deadline);
	char *s;

	if (err && (err != WEFT_EOF || !amount(h)))
		return err;
	s = h->weft__buf + h->weft__begin;
	if (err)
		n = text = amount(h);
	else
		text = n > 1 && s[n - 2] == '\r' ? n - 2 : n - 1;
	s[text] = '\0';
	take(h, n);
	*line = s;
	if (len)
		*len = text;
	return 0;
}

/* --- writing ------------------------------------------------------------------ */

size_t weft_bufio_pending(const weft_bufio *b)
{
	return amount(&b->weft__out);
}

/* As much as goes at once; more than 0, or why not. */
static ssize_t put(weft_bufio *b, const char *data, size_t n,
		   weft_time deadline)
{
	ssize_t r = b->weft__write(b->weft__arg, data, n, deadline);

	if (r == 0)
		r = -EIO;
	if (r < 0 && !passing(r))
		b->weft__out.weft__err = (int)r;
	return r;
}

int weft_bufio_flush(weft_bufio *b, weft_time deadline)
{
	half *h = &b->weft__out;
	ssize_t r;

	if (h->weft__err)
		return h->weft__err;
	while (amount(h)) {
		r = put(b, h->weft__buf + h->weft__begin, amount(h), deadline);
		if (r < 0)
			return (int)r;
		take(h, (size_t)r);
	}
	h->weft__begin = h->weft__end = 0;
	return 0;
}

ssize_t weft_bufio_write(weft_bufio *b, const void *data, size_t n,
			 weft_time deadline)
{
	half *h = &b->weft__out;
	const char *from = data;
	size_t done = 0, part;
	ssize_t r = h->weft__err ? h->weft__err : make(h);

	while (r >= 0 && done < n) {
		part = n - done;
		if (!amount(h) && part >= h->weft__size) {
			r = put(b, from + done, part, deadline);
			done += r > 0 ? (size_t)r : 0;
			continue;
		}
		if (h->weft__end == h->weft__size) {
			r = weft_bufio_flush(b, deadline);
			continue;
		}
		if (part > h->weft__size - h->weft__end)
			part = h->weft__size - h->weft__end;
		memcpy(h->weft__buf + h->weft__end, from + done, part);
		h->weft__end += part;
		done += part;
	}
	return done ? (ssize_t)done : r < 0 ? r : 0;
}

ssize_t weft_bufio_puts(weft_bufio *b, const char *s, weft_time deadline)
{
	return weft_bufio_write(b, s, strlen(s), deadline);
}

/* It does not fit in what is left, or not at all. */
static ssize_t print_long(weft_bufio *b, weft_time deadline, size_t n,
			  const char *format, va_list ap)
{
	char *text = malloc(n + 1);
	struct hold h;
	ssize_t r;

	if (!text)
		return -ENOMEM;
	vsnprintf(text, n + 1, format, ap);
	weft__hold(&h, free, text);
	r = weft_bufio_write(b, text, n, deadline);
	weft__hold_end(&h);
	free(text);
	return r;
}

ssize_t weft_bufio_vprintf(weft_bufio *b, weft_time deadline,
			   const char *format, va_list ap)
{
	half *h = &b->weft__out;
	ssize_t r = h->weft__err ? h->weft__err : make(h);
	size_t room;
	va_list again;
	int n;

	if (r)
		return r;
	room = h->weft__size - h->weft__end;
	va_copy(again, ap);
	n = vsnprintf(h->weft__buf + h->weft__end, room, format, ap);
	if (n < 0)
		r = -EINVAL;
	else if ((size_t)n < room)
		h->weft__end += (size_t)(r = n);
	else
		r = print_long(b, deadline, (size_t)n, format, again);
	va_end(again);
	return r;
}

ssize_t weft_bufio_printf(weft_bufio *b, weft_time deadline,
			  const char *format, ...)
{
	va_list ap;
	ssize_t r;

	va_start(ap, format);
	r = weft_bufio_vprintf(b, deadline, format, ap);
	va_end(ap);
	return r;
}
