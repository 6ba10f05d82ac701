/* httpd - serves a directory over HTTP/1.1.
 *
 *	httpd [-a ADDRESS] [-p PORT] [-m CONNECTIONS] [-i SECONDS] [-g SECONDS]
 *	      [-r SECONDS] [-w SECONDS] [-c CERTIFICATE -k KEY] DIR
 *
 * One routine per connection:  read -> request -> file -> out -> write
 *
 * Answers gather in the connection's buffer as long as there are requests to
 * read, so a batch of pipelined requests gets one write.  What does not fit is
 * sent from the file by the kernel, unless TLS (-c, -k) has to see it.
 *
 * Slow and hostile clients meet these limits: -m connections, -i seconds for a
 * connection without a request, -r seconds for a request to arrive once it has
 * begun, -w seconds for a client to read any of an answer, and those of
 * request.h.  At SIGTERM who is being served has -g seconds more.
 */
#define _GNU_SOURCE             /* gmtime_r */
#include "../server/server.h"
#include "files.h"
#include "request.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINGER_TIME  (2 * WEFT_S)

enum { IN_SIZE = 8 * 1024, OUT_SIZE = 16 * 1024, HEAD_SIZE = 1024 };

struct client {
	struct stream stream;
	bool ending;
	weft_time deadline;             /* of the next bytes from it */
	size_t in_at, in_end, out_len;
	struct request request;
	char in[IN_SIZE], out[OUT_SIZE];
};

/* Written before anything starts. */
static struct {
	const char *dir;
	int root;
	const char *cert, *key;         /* NULL: no TLS */
	weft_time request, write;
} site = { .request = 10 * WEFT_S, .write = 30 * WEFT_S };

static atomic_long requests;

static int flush(struct client *c, bool more)
{
	size_t at = 0;
	ssize_t n = 0;

	while (at < c->out_len && n >= 0) {
		n = stream_write(&c->stream, c->out + at, c->out_len - at,
				 more, weft_in(site.write));
		at += n > 0 ? (size_t)n : 0;
	}
	c->out_len = 0;
	return n < 0 ? (int)n : 0;
}

static void http_date(char date[32], time_t t)
{
	struct tm tm;

	strftime(date, 32, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
}

/* Status line and headers; extra has further ones, each with its CRLF. */
static int put_head(struct client *c, int status, const char *type,
		    long long length, const char *extra)
{
	char date[32];
	int err = 0;

	if (OUT_SIZE - c->out_len < HEAD_SIZE + strlen(extra))
		err = flush(c, true);
	http_date(date, time(NULL));
	c->out_len += (size_t)snprintf(c->out + c->out_len,
		OUT_SIZE - c->out_len,
		"HTTP/1.1 %d %s\r\n"
		"Server: weft\r\n"
		"Date: %s\r\n"
		"Content-Type: %s\r\n"
		"Content-Length: %lld\r\n"
		"%s%s\r\n",
		status, http_status_str((enum http_status)status), date, type,
		length, extra, c->ending ? "Connection: close\r\n" :
		c->request.parser.http_minor ? "" : "Connection: keep-alive\r\n");
	return err;
}

/* An answer that has no file: the status is also its text. */
static int put_status(struct client *c, int status, const char *extra)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%d %s\n", status,
			 http_status_str((enum http_status)status));
	int err = put_head(c, status, "text/plain", n, extra);

	if (!c->request.head) {
		memcpy(c->out + c->out_len, text, (size_t)n);
		c->out_len += (size_t)n;
	}
	return err;
}

/* n bytes of the file, from at, through the buffer. */
static int put_copy(struct client *c, int fd, off_t at, size_t n)
{
	ssize_t got;
	size_t room;
	int err = 0;

	for (; n > 0 && !err; n -= (size_t)got, at += got) {
		room = OUT_SIZE - c->out_len;
		got = weft_pread(fd, c->out + c->out_len, n < room ? n : room,
				 at);
		if (got <= 0)           /* 0: the file has shrunk */
			return got < 0 ? (int)got : -EIO;
		c->out_len += (size_t)got;
		if (c->out_len == OUT_SIZE)
			err = flush(c, n > (size_t)got);
	}
	return err;
}

static int put_file(struct client *c, int fd, off_t at, size_t n)
{
	ssize_t got = 0;
	int err;

	if (c->stream.tls || n <= OUT_SIZE - c->out_len)
		return put_copy(c, fd, at, n);
	err = flush(c, true);
	for (; n > 0 && !err; n -= (size_t)got) {
		got = weft_sendfile(c->stream.fd, fd, &at, n,
				    weft_in(site.write));
		if (got <= 0)
			err = got < 0 ? (int)got : -EIO;
	}
	return err;
}

static int put_range(struct client *c, const struct file *f, const char *date)
{
	const struct request *r = &c->request;
	long long size = f->st.st_size, first = r->first, last = r->last;
	char extra[160];
	int err;

	if (first < 0) {                /* so many at the end */
		first = last < size ? size - last : 0;
		last = r->last ? size - 1 : -1;
	} else if (last < 0 || last >= size) {
		last = size - 1;
	}
	if (first > last) {
		snprintf(extra, sizeof extra, "Content-Range: bytes */%lld\r\n",
			 size);
		return put_status(c, 416, extra);
	}
	snprintf(extra, sizeof extra, "Last-Modified: %s\r\n"
		 "Content-Range: bytes %lld-%lld/%lld\r\n",
		 date, first, last, size);
	err = put_head(c, 206, f->type, last - first + 1, extra);
	return err || r->head ? err :
	       put_file(c, f->fd, first, (size_t)(last - first + 1));
}

static int put_found(struct client *c, const struct file *f)
{
	const struct request *r = &c->request;
	char date[32], extra[160];
	int err;

	http_date(date, f->st.st_mtime);
	if (r->since >= 0 && f->st.st_mtime <= r->since) {
		snprintf(extra, sizeof extra, "HTTP/1.1 304 Not Modified\r\n"
			 "Last-Modified: %s\r\n%s\r\n", date,
			 c->ending ? "Connection: close\r\n" : "");
		err = OUT_SIZE - c->out_len < sizeof extra ? flush(c, false) : 0;
		c->out_len += (size_t)sprintf(c->out + c->out_len, "%s", extra);
		return err;
	}
	if (r->ranged)
		return put_range(c, f, date);
	snprintf(extra, sizeof extra, "Last-Modified: %s\r\n"
		 "Accept-Ranges: bytes\r\n", date);
	err = put_head(c, 200, f->type, f->st.st_size, extra);
	return err || r->head ? err :
	       put_file(c, f->fd, 0, (size_t)f->st.st_size);
}

/* To the same place with a slash: Location is what was asked for. */
static int put_redirect(struct client *c)
{
	char extra[TARGET_MAX + 32];
	const char *target = c->request.target;
	int n = (int)strcspn(target, "?#");

	/* "//host/..." would lead away from here. */
	while (n > 1 && target[0] == '/' && target[1] == '/')
		target++, n--;
	snprintf(extra, sizeof extra, "Location: %.*s/\r\n", n, target);
	return put_status(c, 301, extra);
}

static int answer(struct client *c)
{
	struct request *r = &c->request;
	char path[PATH_SIZE];
	struct file f;
	int status = r->refuse, err;

	requests++;
	c->ending = status || !r->keep_alive;
	if (!status)
		status = file_path(r->target, path);
	if (!status)
		status = file_find(site.root, path, &f);
	switch (status) {
	case 200:
		err = put_found(c, &f);
		weft_close(f.fd);
		return err;
	case 301:
		return put_redirect(c);
	case 405:
		return put_status(c, status, "Allow: GET, HEAD\r\n");
	default:
		return put_status(c, status, "");
	}
}

/* Closing with input unread would reset the connection, and with it take away
 * the answer; so the rest of a refused request is read for a while. */
static void linger(struct client *c)
{
	weft_time until = weft_in(LINGER_TIME);

	stream_finish(&c->stream, until);
	while (stream_read(&c->stream, c->in, sizeof c->in, until) > 0)
		;
}

/* More of the request, or of the next one.  0, or why there is none. */
static int more(struct client *c)
{
	ssize_t n;
	int err = flush(c, false);

	if (err)
		return err;
	n = stream_read(&c->stream, c->in, sizeof c->in, c->deadline);
	if (n == -ETIMEDOUT && c->request.begun && !c->request.complete) {
		c->request.refuse = 408;
		answer(c);
		flush(c, false);
	}
	c->in_at = 0;
	c->in_end = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : n < 0 ? (int)n : WEFT_EOF;
}

static void serve(struct server *s, int fd)
{
	struct client c;
	struct request *r = &c.request;
	bool begun, ready;
	size_t used;
	int err;

	err = stream_begin(&c.stream, fd, weft_in(site.request));
	c.ending = false;
	c.in_at = c.in_end = c.out_len = 0;
	c.deadline = weft_in(s->idle);
	request_init(r);
	while (!err && !c.ending) {
		if (c.in_at == c.in_end) {
			err = more(&c);
			continue;
		}
		begun = r->begun && !r->complete;
		ready = request_feed(r, c.in + c.in_at, c.in_end - c.in_at,
				     &used);
		c.in_at += used;
		if (ready) {
			err = answer(&c);
			c.deadline = weft_in(s->idle);
		} else if (!begun && r->begun) {
			c.deadline = weft_in(site.request);
		}
	}
	if (!err)
		err = flush(&c, false);
	if (!err && r->refuse)
		linger(&c);
	else if (!err || err == WEFT_EOF)
		stream_finish(&c.stream, weft_in(LINGER_TIME));
	stream_end(&c.stream);
}

static void ready(struct server *s, int port)
{
	printf("%s: %s at %s://%s:%d/\n", s->name, site.dir,
	       site.cert ? "https" : "http", s->host, port);
}

static int app(void *arg)
{
	struct server *s = arg;
	int err = site.cert ? stream_secure(site.cert, site.key) : 0;

	if (!err)
		err = server_run(s);
	stream_unsecure();
	if (!err)
		printf("%s: %ld requests on %ld connections\n", s->name,
		       requests, s->accepted);
	return err;
}

int main(int argc, char **argv)
{
	struct server s = {
		.name = "httpd", .host = "127.0.0.1", .port = 8080,
		.idle = 60 * WEFT_S, .grace = 10 * WEFT_S,
		.serve = serve, .ready = ready,
	};
	int opt;

	while ((opt = getopt(argc, argv, SERVER_OPTIONS "r:w:c:k:")) != -1) {
		if (opt == 'r')
			site.request = atoi(optarg) * WEFT_S;
		else if (opt == 'w')
			site.write = atoi(optarg) * WEFT_S;
		else if (opt == 'c')
			site.cert = optarg;
		else if (opt == 'k')
			site.key = optarg;
		else if (!server_option(&s, opt, optarg))
			argc = 0;
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: httpd [-a ADDRESS] [-p PORT] "
			"[-m CONNECTIONS] [-i SECONDS] [-g SECONDS] "
			"[-r SECONDS] [-w SECONDS] [-c CERTIFICATE -k KEY] DIR\n");
		return 2;
	}
	site.dir = argv[optind];
	site.root = open(site.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (site.root < 0) {
		perror(site.dir);
		return 1;
	}
	return server_main(&s, app);
}
