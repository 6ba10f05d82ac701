/* resp.c - see resp.h */
#include "resp.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- in --- */

static void add_arg(struct command *c, size_t offset, size_t len)
{
	if (c->argc == c->room) {
		c->room = c->room ? 2 * c->room : 16;
		c->argv = need(realloc(c->argv, c->room * sizeof *c->argv));
		c->offset = need(realloc(c->offset,
					 c->room * sizeof *c->offset));
	}
	c->offset[c->argc] = offset;
	c->argv[c->argc++].len = len;
}

/* The command is whole, the buffer stays where it is. */
static int finish(struct buffer *in, struct command *c, size_t len)
{
	for (size_t i = 0; i < c->argc; i++)
		c->argv[i].at = in->at + in->start + c->offset[i];
	in->start += len;
	c->left = 0;
	return 1;
}

/* The number on the line at *at, behind its first byte; *at goes behind the
 * line.  1, 0 for an unfinished line, -1 for no number. */
static int line_number(const char **at, const char *end, long long *v)
{
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));
	struct slice s = { *at + 1, 0 };

	if (!lf)
		return end - *at < 32 ? 0 : -1;
	if (lf - *at < 2 || lf[-1] != '\r')
		return -1;
	s.len = (size_t)(lf - 1 - s.at);
	*at = lf + 1;
	return slice_int(s, v) ? 1 : -1;
}

/* One argument, "$3\r\nGET\r\n", from c->seen on. */
static int parse_bulk(struct buffer *in, struct command *c, size_t *more,
		      const char **error)
{
	const char *start = in->at + in->start, *end = in->at + in->end;
	const char *at = start + c->seen;
	long long len;
	int r;

	if (at == end)
		return 0;
	if (*at != '$') {
		*error = "expected '$'";
		return -1;
	}
	r = line_number(&at, end, &len);
	if (r == 0)
		return 0;
	if (r < 0 || len < 0 || len > BULK_MAX) {
		*error = "invalid bulk length";
		return -1;
	}
	if (end - at < len + 2) {
		*more = (size_t)(len + 2 - (end - at));
		return 0;
	}
	add_arg(c, (size_t)(at - start), (size_t)len);
	c->seen = (size_t)(at - start) + (size_t)len + 2;
	c->left--;
	return 1;
}

static int parse_array(struct buffer *in, struct command *c, size_t *more,
		       const char **error)
{
	const char *start = in->at + in->start, *at = start;
	int r = 1;

	if (c->left <= 0) {
		r = line_number(&at, in->at + in->end, &c->left);
		if (r < 0 || (r > 0 && c->left > ARGS_MAX)) {
			*error = "invalid multibulk length";
			return -1;
		}
		if (r == 0)
			return 0;
		c->argc = 0;
		c->seen = (size_t)(at - start);
	}
	while (r > 0 && c->left > 0)
		r = parse_bulk(in, c, more, error);
	return r > 0 ? finish(in, c, c->seen) : r;
}

static int parse_line(struct buffer *in, struct command *c, const char **error)
{
	const char *start = in->at + in->start, *at = start;
	const char *lf = memchr(at, '\n', in->end - in->start);

	if ((lf ? (size_t)(lf - at) : in->end - in->start) > LINE_MAX_LEN) {
		*error = "too big inline request";
		return -1;
	}
	if (!lf)
		return 0;
	c->argc = 0;
	while (at < lf) {
		size_t len = 0;

		while (at + len < lf && !memchr(" \t\r", at[len], 3))
			len++;
		if (len)
			add_arg(c, (size_t)(at - start), len);
		at += len + 1;
	}
	return finish(in, c, (size_t)(lf + 1 - start));
}

int resp_parse(struct buffer *in, struct command *c, size_t *more,
	       const char **error)
{
	int r;

	*more = 1;
	if (in->start == in->end)
		return 0;
	r = in->at[in->start] == '*' ? parse_array(in, c, more, error) :
				       parse_line(in, c, error);
	if (r == 0 && in->end - in->start > COMMAND_MAX) {
		*error = "too big a request";
		return -1;
	}
	return r;
}

void command_free(struct command *c)
{
	free(c->argv);
	free(c->offset);
	*c = (struct command){ 0 };
}

/* --- buffers --- */

void buffer_reserve(struct buffer *b, size_t n)
{
	size_t used = b->end - b->start;

	if (b->start && (used == 0 || b->end + n > b->room)) {
		memmove(b->at, b->at + b->start, used);
		b->start = 0;
		b->end = used;
	}
	if (b->end + n > b->room) {
		b->room = 2 * b->room > b->end + n ? 2 * b->room : b->end + n;
		b->at = need(realloc(b->at, b->room));
	}
}

void buffer_free(struct buffer *b)
{
	free(b->at);
	*b = (struct buffer){ 0 };
}

static void put(struct buffer *out, const char *p, size_t n)
{
	buffer_reserve(out, n);
	memcpy(out->at + out->end, p, n);
	out->end += n;
}

/* --- out --- */

void reply_raw(struct buffer *out, const char *s)
{
	put(out, s, strlen(s));
}

void reply_error(struct buffer *out, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* What a client sent may be in it; a line is a line. */
	for (char *p = text; *p; p++)
		if (*p == '\r' || *p == '\n')
			*p = ' ';
	put(out, "-", 1);
	reply_raw(out, text);
	put(out, "\r\n", 2);
}

/* A type byte, a number, the end of the line. */
static void put_number(struct buffer *out, char type, long long v)
{
	unsigned long long u = v < 0 ? 0 - (unsigned long long)v :
				       (unsigned long long)v;
	char line[32], *p = line + sizeof line;

	*--p = '\n';
	*--p = '\r';
	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	*--p = type;
	put(out, p, (size_t)(line + sizeof line - p));
}

void reply_int(struct buffer *out, long long v)
{
	put_number(out, ':', v);
}

void reply_bulk(struct buffer *out, struct slice s)
{
	buffer_reserve(out, s.len + 32);
	put_number(out, '$', (long long)s.len);
	put(out, s.at, s.len);
	put(out, "\r\n", 2);
}

void reply_text(struct buffer *out, const struct text *t)
{
	reply_bulk(out, (struct slice){ t->at, t->len });
}

void reply_null(struct buffer *out)
{
	put(out, "$-1\r\n", 5);
}

void reply_array(struct buffer *out, size_t n)
{
	put_number(out, '*', (long long)n);
}

/* --- slices --- */

bool slice_int(struct slice s, long long *v)
{
	bool minus = s.len > 0 && s.at[0] == '-';
	unsigned long long u = 0, most = (unsigned long long)LLONG_MAX + minus;
	size_t i = minus;

	if (i == s.len || (s.at[i] == '0' && s.len > 1))
		return false;
	for (; i < s.len; i++) {
		unsigned d = (unsigned char)s.at[i] - '0';

		if (d > 9 || u > (most - d) / 10)
			return false;
		u = 10 * u + d;
	}
	*v = (long long)(minus ? 0 - u : u);
	return true;
}

bool slice_is(struct slice s, const char *word)
{
	return strlen(word) == s.len && !strncasecmp(s.at, word, s.len);
}
