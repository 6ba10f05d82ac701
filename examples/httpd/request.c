/* request.c - see request.h */
#define _GNU_SOURCE             /* strptime, timegm */
#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { GO_ON, STOP = -1 };      /* what a callback tells the parser */

static int refuse(struct request *r, int status)
{
	r->refuse = status;
	return STOP;
}

/* Append up to what fits; where there is no room the rest is dropped. */
static void append(char *to, size_t size, size_t *len, const char *p, size_t n)
{
	size_t room = size - 1 - *len;

	if (n > room)
		n = room;
	memcpy(to + *len, p, n);
	*len += n;
	to[*len] = '\0';
}

/* "bytes=first-last", "bytes=first-", "bytes=-count"; of several ranges and
 * of what is not understood the whole file is the right answer. */
static void parse_range(struct request *r, const char *v)
{
	char *end;

	r->first = r->last = -1;
	if (strncasecmp(v, "bytes=", 6) || strchr(v, ','))
		return;
	v += 6;
	if (*v >= '0' && *v <= '9') {
		r->first = strtoll(v, &end, 10);
		v = end;
	}
	if (*v++ != '-')
		return;
	if (*v >= '0' && *v <= '9') {
		r->last = strtoll(v, &end, 10);
		v = end;
	}
	r->ranged = !*v && (r->first >= 0 || r->last >= 0) &&
		    (r->first < 0 || r->last < 0 || r->first <= r->last);
}

static time_t parse_date(const char *v)
{
	struct tm t = { 0 };
	const char *end = strptime(v, "%a, %d %b %Y %H:%M:%S GMT", &t);

	return end && !*end ? timegm(&t) : -1;
}

/* A header is known to have ended when the next one begins. */
static void end_header(struct request *r)
{
	if (!strcasecmp(r->field, "host"))
		r->host = true;
	else if (!strcasecmp(r->field, "range"))
		parse_range(r, r->value);
	else if (!strcasecmp(r->field, "if-modified-since"))
		r->since = parse_date(r->value);
	r->in_value = false;
	r->field_len = r->value_len = 0;
	r->field[0] = r->value[0] = '\0';
}

/* Nothing is known of the next one; not even that it has begun. */
static void forget(struct request *r)
{
	memset(&r->head, 0, sizeof *r - offsetof(struct request, head));
	r->target_len = 0;
	r->target[0] = '\0';
	r->since = -1;
}

static int on_begin(http_parser *p)
{
	struct request *r = p->data;

	r->begun = true;
	return GO_ON;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	struct request *r = p->data;

	if (n > TARGET_MAX - r->target_len)
		return refuse(r, 414);
	append(r->target, sizeof r->target, &r->target_len, at, n);
	return GO_ON;
}

/* Counted like this, and not as they arrive, the limit is the same however they
 * do. */
static int count(struct request *r, size_t n)
{
	r->header_len += n;
	return r->header_len > HEADER_MAX ? refuse(r, 431) : GO_ON;
}

/* What comes behind a body in chunks looks like headers, but is too late. */
static int on_field(http_parser *p, const char *at, size_t n)
{
	struct request *r = p->data;

	if (r->in_value)
		end_header(r);
	if (!r->header_done)
		append(r->field, sizeof r->field, &r->field_len, at, n);
	return count(r, n);
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct request *r = p->data;

	r->header_len += r->in_value ? 0 : 4;   /* ": ", the end of the line */
	r->in_value = true;
	if (!r->header_done)
		append(r->value, sizeof r->value, &r->value_len, at, n);
	return count(r, n);
}

static int on_headers(http_parser *p)
{
	struct request *r = p->data;
	bool modern = p->http_major > 1 ||
		      (p->http_major == 1 && p->http_minor >= 1);

	end_header(r);
	r->header_done = true;
	p->upgrade = 0;                 /* we stay with HTTP/1.1 */
	r->head = p->method == HTTP_HEAD;
	r->keep_alive = http_should_keep_alive(p);
	if (p->method != HTTP_GET && p->method != HTTP_HEAD)
		return refuse(r, 405);
	if (modern && !r->host)
		return refuse(r, 400);
	if (p->http_major != 1)
		return refuse(r, 505);
	if ((p->flags & F_CONTENTLENGTH) && p->content_length > BODY_MAX)
		return refuse(r, 413);
	return GO_ON;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct request *r = p->data;

	(void)at;
	r->body_len += n;
	return r->body_len > BODY_MAX ? refuse(r, 413) : GO_ON;
}

static int on_complete(http_parser *p)
{
	struct request *r = p->data;

	r->complete = true;
	http_parser_pause(p, 1);        /* the next one stays in the buffer */
	return GO_ON;
}

static const http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

void request_init(struct request *r)
{
	http_parser_init(&r->parser, HTTP_REQUEST);
	r->parser.data = r;
	forget(r);
}

bool request_feed(struct request *r, const char *p, size_t n, size_t *used)
{
	enum http_errno err;

	if (r->complete) {
		forget(r);
		http_parser_pause(&r->parser, 0);
	}
	*used = http_parser_execute(&r->parser, &settings, p, n);
	err = HTTP_PARSER_ERRNO(&r->parser);
	if (err != HPE_OK && err != HPE_PAUSED && !r->refuse)
		r->refuse = err == HPE_INVALID_METHOD ? 501 :
			    err == HPE_INVALID_VERSION ? 505 :
			    err == HPE_HEADER_OVERFLOW ? 431 : 400;
	return r->complete || r->refuse;
}
