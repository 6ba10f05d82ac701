/* stress/net.c - connections that come, talk and go, with everything in the way.
 *
 * Each round draws a number of workers, a kind of socket (TCP, Unix, and both
 * opened elsewhere and blocking) and a crowd: acceptors, clients that connect,
 * write, read the echo and close, and some that look up names; routines and a few
 * plain threads.  Deadlines pass at the worst moment, routines are cancelled, and
 * the listener is closed while they are at it.  An echo that arrives is the right
 * one, and in the end nobody waits, and no descriptor is left.
 */
#include "stress.h"

#include "support/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <weft/io.h>
#include <weft/net.h>

enum { CLIENTS = 24, ACCEPTORS = 6, LAPS = 12, SIZE = 3000, PATIENCE = 140 };

struct game;

struct client {
	struct game *g;
	struct rng rng;
	weft_id id;
	pthread_t thread;
	bool plain, accepts;
};

struct game {
	struct rng rng;
	struct client who[CLIENTS + ACCEPTORS];
	unsigned n;
	int l, port;
	bool unix_socket, foreign, cancels;
	char name[64];
	atomic_uint open, echoes, made, broken;
	atomic_bool closed;             /* l is, or will be at once */
	weft_waitgroup serving;
};

static weft_time soon(struct rng *r)
{
	switch (rng_below(r, 8)) {
	case 0:
		return weft_now() - 5;
	case 1:
		return weft_in(rng_below(r, 100) * WEFT_US);
	case 2:
		return WEFT_NOWAIT;
	default:
		return weft_in(5 * WEFT_S);
	}
}

static bool gave_up(ssize_t err)
{
	return err == -EAGAIN || err == -ETIMEDOUT || err == -ECANCELED;
}

/* The other side went away, or the listener did. */
static bool gone(ssize_t err)
{
	return err == WEFT_EOF || err == -ECONNRESET || err == -EPIPE ||
	       err == -ECONNREFUSED || err == -EBADF || err == -ENOTCONN;
}

static void close_it(struct game *g, int fd)
{
	MUST(weft_close(fd) == 0, "close of %d", fd);
	g->open--;
}

/* --- the server ------------------------------------------------------------------- */

struct echo {
	struct game *g;
	int fd;
	struct rng rng;
};

static void echo(void *arg)
{
	struct echo e = *(struct echo *)arg;
	char buf[SIZE];
	ssize_t n;

	for (;;) {
		n = weft_read(e.fd, buf, sizeof buf, soon(&e.rng));
		if (n <= 0)
			break;
		n = weft_write_all(e.fd, buf, (size_t)n, NULL,
				   weft_in(5 * WEFT_S));
		if (n < 0)
			break;
	}
	MUST(n == 0 || gave_up(n) || gone(n), "echo: %zd", n);
	close_it(e.g, e.fd);
	weft_waitgroup_done(&e.g->serving);
}

static void accept_some(struct client *c)
{
	struct game *g = c->g;

	for (;;) {
		int fd = weft_accept(g->l, NULL, NULL, soon(&c->rng));
		struct echo e = { .g = g, .fd = fd };

		/* The number may be another's by now: of a connection, or
		 * of something that the resolver has opened. */
		if (fd == -EBADF ||
		    (g->closed && (fd == -EINVAL || fd == -EOPNOTSUPP ||
				   fd == -ENOTSOCK)))
			return;
		if (fd == -ECANCELED && weft_cancelled())
			return;
		if (fd < 0) {
			MUST(gave_up(fd), "accept: %d", fd);
			weft_yield();
			continue;
		}
		g->open++;
		e.rng.x = rng_next(&c->rng);
		weft_waitgroup_add(&g->serving, 1);
		if (weft_go_copy(NULL, echo, &e, sizeof e) < 0) {
			weft_waitgroup_done(&g->serving);
			close_it(g, fd);
		}
	}
}

/* --- the clients ------------------------------------------------------------------ */

static int connect_to(struct client *c)
{
	struct game *g = c->g;
	weft_time until = soon(&c->rng);
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)g->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd, err;

	if (!g->foreign || rng_below(&c->rng, 2)) {
		fd = g->unix_socket ? weft_unix_connect(g->name, until) :
		     weft_tcp_connect(rng_below(&c->rng, 8) ? "127.0.0.1" :
				      "localhost", g->port, until);
		g->open += fd >= 0;
		return fd;
	}
	fd = socket(g->unix_socket ? AF_UNIX : AF_INET,
		    SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(fd >= 0, "socket");
	g->open++;
	if (g->unix_socket) {
		struct sockaddr_un un = { .sun_family = AF_UNIX };

		memcpy(un.sun_path + 1, g->name + 1, strlen(g->name) - 1);
		err = weft_connect(fd, (struct sockaddr *)&un, (socklen_t)
				   (offsetof(struct sockaddr_un, sun_path) +
				    strlen(g->name)), until);
	} else {
		err = weft_connect(fd, (struct sockaddr *)&in, sizeof in, until);
	}
	if (err < 0)
		close_it(g, fd);
	return err < 0 ? err : fd;
}

/* False: part of it may still be on its way. */
static bool talk(struct client *c, int fd)
{
	char out[SIZE], in[SIZE];
	unsigned n = 1 + rng_below(&c->rng, SIZE);
	size_t sent, got;
	int err;

	for (unsigned i = 0; i < n; i++)
		out[i] = (char)rng_next(&c->rng);
	err = weft_write_all(fd, out, n, &sent, soon(&c->rng));
	MUST(!err || gave_up(err) || gone(err), "write: %d", err);
	err = weft_read_full(fd, in, sent, &got, soon(&c->rng));
	MUST(!err || gave_up(err) || gone(err), "read: %d", err);
	MUST(memcmp(in, out, got) == 0, "a wrong echo");
	c->g->echoes += sent == n && got == n;
	return sent == n && got == n;
}

static void look_up(struct client *c)
{
	struct addrinfo *list = NULL;
	int err = weft_getaddrinfo(rng_below(&c->rng, 2) ? "localhost" :
				   "127.0.0.9", "80", NULL, &list,
				   soon(&c->rng));

	MUST(err ? gave_up(err) && !list : list != NULL, "lookup: %d", err);
	if (list)
		freeaddrinfo(list);
}

static void come_and_go(struct client *c)
{
	for (int lap = 0; lap < LAPS; lap++) {
		int fd;

		if (!rng_below(&c->rng, 8))
			look_up(c);
		fd = connect_to(c);
		if (fd < 0) {
			MUST(gave_up(fd) || gone(fd), "connect: %d", fd);
			c->g->broken++;
			if (weft_cancelled())
				return;
			continue;
		}
		c->g->made++;
		for (unsigned i = rng_below(&c->rng, 3); i > 0; i--)
			if (!talk(c, fd))
				break;
		close_it(c->g, fd);
	}
}

/* --- a round ----------------------------------------------------------------------- */

static int play(void *arg)
{
	struct client *c = arg;

	(c->accepts ? accept_some : come_and_go)(c);
	return 0;
}

static void *play_thread(void *arg)
{
	play(arg);
	return NULL;
}

static void listen_on(struct game *g)
{
	static unsigned serial;
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int backlog = rng_below(&g->rng, 2) ? 0 : 4;

	snprintf(g->name, sizeof g->name, "@weft-stress-%ld-%u", (long)getpid(),
		 serial++);
	if (g->unix_socket) {
		g->l = weft_unix_listen(g->name, backlog);
	} else if (g->foreign) {
		g->l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		MUST(!bind(g->l, (struct sockaddr *)&in, sizeof in) &&
		     !listen(g->l, 64), "listen");
	} else {
		g->l = weft_tcp_listen("127.0.0.1", 0, backlog);
	}
	MUST(g->l >= 0, "listen: %d", g->l);
	g->open++;
	g->port = g->unix_socket ? 0 : weft_sockport(g->l);
}

static void start(struct game *g)
{
	unsigned acceptors = 1 + rng_below(&g->rng, ACCEPTORS);

	g->n = acceptors + 1 + rng_below(&g->rng, CLIENTS);
	for (unsigned i = 0; i < g->n; i++) {
		struct client *c = &g->who[i];

		c->g = g;
		c->rng.x = rng_next(&g->rng);
		c->accepts = i < acceptors;
		/* A plain thread could not start the echo. */
		c->plain = !c->accepts && !rng_below(&g->rng, 6);
		if (c->plain)
			MUST(!pthread_create(&c->thread, NULL, play_thread, c),
			     "no thread");
		else
			MUST(!weft_spawn(&c->id, NULL, play, c), "no routine");
	}
}

static void cancel_some(struct game *g)
{
	/* One acceptor stays, so that clients are not left in the queue. */
	for (unsigned i = 1; i < g->n; i++) {
		if (!g->who[i].plain && !rng_below(&g->rng, 5))
			(void)weft_cancel(g->who[i].id);
		weft_yield();
	}
}

static void *join_thread(void *t)
{
	pthread_join(*(pthread_t *)t, NULL);
	return NULL;
}

static void join(struct game *g, bool acceptors)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->who[i].accepts == acceptors && !g->who[i].plain)
			MUST(!weft_join(g->who[i].id, NULL), "join");
	for (unsigned i = 0; i < g->n && !acceptors; i++)
		if (g->who[i].plain)
			MUST(!weft_blocking(join_thread, &g->who[i].thread,
					    NULL), "join of a thread");
}

static void close_listener(struct game *g)
{
	g->closed = true;
	close_it(g, g->l);
}

static int round_of(void *arg)
{
	struct game *g = arg;
	bool early = !rng_below(&g->rng, 4);

	g->unix_socket = rng_below(&g->rng, 2);
	g->foreign = rng_below(&g->rng, 2);
	g->cancels = rng_below(&g->rng, 2);
	listen_on(g);
	start(g);
	if (g->cancels)
		cancel_some(g);
	if (early)
		close_listener(g);
	join(g, false);
	if (!early)
		close_listener(g);
	join(g, true);
	weft_waitgroup_wait(&g->serving);
	MUST(g->open == 0, "%u descriptors left", g->open);
	return 0;
}

/* Nobody waits for a name's thread whose asker has given up. */
static void nothing_left(int before)
{
	weft_time end = weft_in(20 * WEFT_S);
	bool late, same;

	do      /* whoever was late looks once more */
		late = weft_now() >= end;
	while (!(same = open_descriptors() == before) && !late &&
	       (weft_yield(), true));
	MUST(same, "a descriptor was left open");
}

int main(void)
{
	struct rng rng = stress_begin();
	weft_time stop = stress_end(5);
	uint64_t rounds = 0, echoes = 0, made = 0, broken = 0;
	int before = open_descriptors();

	do {
		struct game *g = calloc(1, sizeof *g);

		MUST(g, "no memory");
		g->rng.x = rng_next(&rng);
		stress_round(&g->rng, PATIENCE, WEFT_DEADLOCK_REPORT, round_of,
			     g);
		alarm(0);
		nothing_left(before);
		echoes += g->echoes;
		made += g->made;
		broken += g->broken;
		free(g);
		rounds++;
	} while (weft_now() < stop);
	printf("%" PRIu64 " rounds, %" PRIu64 " connections, %" PRIu64
	       " refused or given up, %" PRIu64 " echoes\n", rounds, made,
	       broken, echoes);
	return 0;
}
