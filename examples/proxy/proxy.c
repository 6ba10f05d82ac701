/* proxy - passes TCP connections on to another address.
 *
 *	proxy [-a ADDRESS] [-p PORT] [-m CONNECTIONS] [-i SECONDS]
 *	      [-g SECONDS] HOST PORT
 *
 *	client -- up ----> server       two routines per connection, each with
 *	client <-- down -- server       one buffer
 *
 * A side that does not read stops the other: what is in the buffer must go
 * before more is read, and then the kernels' windows fill up.  The end of input
 * is passed on alone, so a client may half-close and wait for its answer.  A
 * failure of one direction ends both; so do -i seconds in which nothing moved
 * in either.
 */
#define _GNU_SOURCE             /* getopt */
#include "../server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_TIME (10 * WEFT_S)

enum { CHUNK = 16 * 1024 };

/* Written before anything starts. */
static struct {
	const char *host;
	int port;
} target;

static atomic_long bytes, unreachable;

struct relay {
	int client, server;
	weft_time idle;                 /* to wait for bytes */
	_Atomic weft_time moved;        /* when bytes last did */
};

/* Copy until the end of input.  A direction may well be silent for as long as
 * the other is not. */
static int pump(struct relay *r, int from, int to)
{
	char buf[CHUNK];
	ssize_t n;
	int err;

	for (;;) {
		n = weft_read(from, buf, sizeof buf, r->moved + r->idle);
		if (n == -ETIMEDOUT && r->moved + r->idle > weft_now())
			continue;
		if (n <= 0)
			break;
		err = weft_write_all(to, buf, (size_t)n, NULL, weft_in(r->idle));
		if (err)
			return err;
		r->moved = weft_now();
		bytes += n;
	}
	return n < 0 ? (int)n : weft_shutdown(to, SHUT_WR);
}

static int up(void *arg)
{
	struct relay *r = arg;

	return pump(r, r->client, r->server);
}

static int down(void *arg)
{
	struct relay *r = arg;

	return pump(r, r->server, r->client);
}

static void serve(struct server *s, int fd)
{
	struct relay r = { .client = fd, .idle = s->idle, .moved = weft_now() };
	weft_scope both;

	r.server = weft_tcp_connect(target.host, target.port,
				    weft_in(CONNECT_TIME));
	if (r.server < 0) {
		unreachable++;
		return;
	}
	if (!weft_scope_begin(&both, WEFT_FOREVER)) {
		weft_scope_go(&both, up, &r);
		weft_scope_go(&both, down, &r);
		weft_scope_end(&both);
	}
	weft_close(r.server);
}

static void ready(struct server *s, int port)
{
	printf("%s: %s:%d to %s:%d\n", s->name, s->host, port, target.host,
	       target.port);
}

static int app(void *arg)
{
	struct server *s = arg;
	int err = server_run(s);

	if (!err)
		printf("%s: %ld bytes on %ld connections, %ld could not be "
		       "passed on\n", s->name, bytes, s->accepted, unreachable);
	return err;
}

int main(int argc, char **argv)
{
	struct server s = {
		.name = "proxy", .host = "127.0.0.1", .port = 8888,
		.each = 2,
		.idle = 300 * WEFT_S, .grace = 10 * WEFT_S,
		.serve = serve, .ready = ready,
	};
	int opt;

	while ((opt = getopt(argc, argv, SERVER_OPTIONS)) != -1)
		if (!server_option(&s, opt, optarg))
			argc = 0;
	if (optind + 2 != argc) {
		fprintf(stderr, "usage: proxy [-a ADDRESS] [-p PORT] "
			"[-m CONNECTIONS] [-i SECONDS] [-g SECONDS] "
			"HOST PORT\n");
		return 2;
	}
	target.host = argv[optind];
	target.port = atoi(argv[optind + 1]);
	return server_main(&s, app);
}
