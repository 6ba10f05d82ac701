/* net/dial.c - weft_tcp_connect: the addresses of a name, raced.
 *
 * The addresses are tried in turn, with a head start of STAGGER each; one that
 * fails starts the next at once.  As long as each ends within its head start one
 * socket at a time is enough.  When one does not, it stays, and the race begins:
 * an epoll descriptor holds all that are under way, and is itself what the caller
 * waits for, so that one routine waits for many sockets (RFC 8305, "Happy
 * Eyeballs").  A past head start with no answer means that the next is late
 * already.
 */
#include "net/net.h"
#include "io/desc.h"
#include "os/sys.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>

#include <weft/time.h>

#define STAGGER (250 * WEFT_MS)

enum { BATCH = 8 };

struct runner {
	const struct addrinfo *to;
	int fd;                         /* under way; -1: not, or not any more */
};

struct race {
	int ep;                         /* -1: no race yet                  */
	size_t n, next;                 /* runners; the first not started   */
	size_t running;
	weft_time start;                /* when it may start                */
	int err;                        /* of those that failed             */
	struct runner *runner;          /* n of the last of all             */
	struct runner *all;
};

static int open_tcp(int family)
{
	int fd = weft__net_socket(family, SOCK_STREAM);

	if (fd >= 0)
		(void)weft__sys_sockopt_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return weft__desc_adopt(fd, DESC_STREAM, DESC_OURS);
}

/* No other address will fare better. */
static bool hopeless(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM ||
	       err == -ENOBUFS || err == -ECANCELED || err == -EAGAIN;
}

static int connect_one(const struct sockaddr *a, socklen_t l, weft_time deadline)
{
	int fd = open_tcp(a->sa_family), err;
	struct hold h;

	if (fd < 0)
		return fd;
	weft__hold(&h, weft__desc_drop, &fd);
	err = weft_connect(fd, a, l, deadline);
	weft__hold_end(&h);
	if (err < 0) {
		weft__desc_close(fd);
		return err;
	}
	return fd;
}

/* --- the race --------------------------------------------------------------------- */

static void drop(struct race *r, struct runner *u, int err)
{
	weft__desc_close(u->fd);        /* and it leaves the epoll set */
	u->fd = -1;
	r->running--;
	r->err = net_worse(r->err, err);
	r->start = weft_now();
}

/* 1: it is connected. */
static int ask(struct race *r, struct runner *u)
{
	int err = weft__sys_connect(u->fd, u->to->ai_addr, u->to->ai_addrlen);

	if (err == 0 || err == -EISCONN)
		return 1;
	if (err != -EINPROGRESS && err != -EALREADY)
		drop(r, u, err == -EAGAIN ? -EADDRNOTAVAIL : err);
	return 0;
}

/* Start the next one.  1: it is connected already; 0: under way, or it failed;
 * or an error that ends the race. */
static int start(struct race *r)
{
	struct runner *u = &r->runner[r->next++];
	int fd = open_tcp(u->to->ai_family), err;

	if (fd < 0) {
		r->err = net_worse(r->err, fd);
		return hopeless(fd) ? fd : 0;
	}
	u->fd = fd;
	r->running++;
	r->start = weft_in(STAGGER);
	err = ask(r, u);
	if (err || u->fd < 0)
		return err;
	return weft__sys_epoll_ctl(r->ep, EPOLL_CTL_ADD, fd,
				   EPOLLOUT | (uint32_t)EPOLLET,
				   (uint64_t)(u - r->runner));
}

/* Wait for one of those under way, or for the next one's time. */
static int watch(struct race *r, struct runner **winner, weft_time deadline)
{
	bool more = r->next < r->n;
	struct epoll_event ev[BATCH];
	int n = weft__desc_poll(r->ep, POLLIN, more && r->start < deadline ?
				r->start : deadline);

	if (n == -ETIMEDOUT && more && r->start < deadline)
		return 0;
	if (n < 0)
		return n;
	n = weft__sys_epoll_wait(r->ep, ev, BATCH, 0);
	for (int i = 0; i < n; i++) {
		struct runner *u = &r->runner[ev[i].data.u64];

		if (u->fd >= 0 && ask(r, u)) {
			*winner = u;
			return 1;
		}
	}
	return n < 0 ? n : 0;
}

static int run(struct race *r, struct runner **winner, weft_time deadline)
{
	int err = weft__sys_epoll_ctl(r->ep, EPOLL_CTL_ADD, r->runner->fd,
				      EPOLLOUT | (uint32_t)EPOLLET, 0);

	while (err == 0) {
		if (r->next < r->n && (!r->running || weft_now() >= r->start)) {
			*winner = &r->runner[r->next];
			err = start(r);
		} else if (r->running) {
			err = watch(r, winner, deadline);
		} else {
			err = r->err;
		}
	}
	return err;
}

static int take(struct runner *u)
{
	int fd = u->fd;

	u->fd = -1;
	return fd;
}

/* The first runner is under way and late. */
static int race(struct race *r, weft_time deadline)
{
	struct runner *winner = NULL;
	int err;

	r->running = r->next = 1;
	r->start = weft_now();
	r->ep = weft__desc_adopt(weft__sys_epoll_create(), DESC_OTHER,
				 DESC_OURS);
	err = r->ep < 0 ? r->ep : run(r, &winner, deadline);
	return err > 0 ? take(winner) : err;
}

/* --- before it -------------------------------------------------------------------- */

/* One after the other, until one is late. */
static int in_turn(struct race *r, weft_time deadline)
{
	for (;; r->runner++, r->n--) {
		struct runner *u = r->runner;
		weft_time head = r->n > 1 ? weft_in(STAGGER) : WEFT_FOREVER;
		int err;

		u->fd = open_tcp(u->to->ai_family);
		err = u->fd < 0 ? u->fd :
		      weft_connect(u->fd, u->to->ai_addr, u->to->ai_addrlen,
				   head < deadline ? head : deadline);
		if (err == 0)
			return take(u);
		if (err == -ETIMEDOUT && weft_now() >= head && head < deadline)
			return race(r, deadline);
		if (u->fd >= 0)
			weft__desc_close(u->fd);
		u->fd = -1;
		r->err = net_worse(r->err, err);
		if (hopeless(err) || (err == -ETIMEDOUT && weft_now() >= deadline))
			return err;
		if (r->n == 1)
			return r->err;
	}
}

/* The next of the list from i on that is, or is not, of this family. */
static const struct addrinfo *of_family(const struct addrinfo *i, int family,
					bool same)
{
	while (i && (i->ai_family == family) != same)
		i = i->ai_next;
	return i;
}

/* In their order, but the families by turns. */
static void line_up(struct race *r, const struct addrinfo *list)
{
	int family = list->ai_family;
	const struct addrinfo *lane[2] = {
		list, of_family(list, family, false)
	};

	for (size_t i = 0, k = 0; i < r->n; i++, k = !k) {
		if (!lane[k])
			k = !k;
		r->runner[i] = (struct runner){ .to = lane[k], .fd = -1 };
		lane[k] = of_family(lane[k]->ai_next, family, k == 0);
	}
}

/* All that are still open. */
static void race_drop(void *arg)
{
	struct race *r = arg;

	for (struct runner *u = r->all; u < r->runner + r->n; u++)
		weft__desc_drop(&u->fd);
	weft__desc_drop(&r->ep);
	free(r->all);
}

static int connect_any(const struct addrinfo *list, weft_time deadline)
{
	struct race r = { .ep = -1 };
	struct hold h;
	int fd;

	for (const struct addrinfo *i = list; i; i = i->ai_next)
		r.n++;
	r.all = r.runner = calloc(r.n, sizeof *r.all);
	if (!r.all)
		return -ENOMEM;
	line_up(&r, list);
	weft__hold(&h, race_drop, &r);
	fd = in_turn(&r, deadline);
	weft__hold_end(&h);
	race_drop(&r);
	return fd;
}

static void list_drop(void *list)
{
	freeaddrinfo(list);
}

int weft_tcp_connect(const char *host, int port, weft_time deadline)
{
	struct addrinfo *list;
	struct net_addr a;
	struct hold h;
	int fd, err;

	if (port < 1 || port > UINT16_MAX)
		return -EINVAL;
	if (host && weft__net_numeric(&a, host, port))
		return connect_one(&a.sa, a.len, deadline);
	err = weft__net_lookup(host, port, SOCK_STREAM, 0, &list, deadline);
	if (err < 0)
		return err;
	weft__hold(&h, list_drop, list);
	fd = list->ai_next ? connect_any(list, deadline) :
	     connect_one(list->ai_addr, list->ai_addrlen, deadline);
	weft__hold_end(&h);
	freeaddrinfo(list);
	return fd;
}
