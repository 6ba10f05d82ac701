/* net/ares.c - names by c-ares: no thread waits, the caller does.
 *
 * A channel of its own for each lookup, and an epoll descriptor with the channel's
 * sockets, which is what the routine waits for:
 *
 *     ares_getaddrinfo -> sockets come and go (watch) -> wait, ares_process_fd
 *     -> ... -> answered: the list is made, and the channel is destroyed
 *
 * The files that c-ares reads (hosts, resolv.conf) are read by the worker; there is
 * no nsswitch here.  Who gives up takes the channel along, so nothing goes on.  All
 * of it runs on a bigger stack, with no park inside of c-ares.
 *
 * freeaddrinfo must be able to free the list.  glibc's takes each entry with its
 * address for one block, and the canonical name for another; configure refuses
 * other C libraries.
 */
#include "net/net.h"
#include "io/desc.h"
#include "os/sys.h"

#include <ares.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include <weft/routine.h>
#include <weft/time.h>

enum { STACK = 64 << 10, BATCH = 8 };

const char *weft__net_ares_servers;

struct lookup {
	const char *node;
	unsigned port;
	const struct addrinfo *hints;
	weft_time deadline;
	int ep;
	int unwatched;                  /* why a socket of the channel is not */
	bool done;
	int err;
	struct addrinfo *list, **last;
};

/* --- from c-ares ------------------------------------------------------------------- */

static int code_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
	case ARES_EBADNAME:
		return WEFT_EAI_NONAME;
	case ARES_ENODATA:
		return WEFT_EAI_NODATA;
	case ARES_ESERVFAIL:
	case ARES_EREFUSED:
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		return WEFT_EAI_AGAIN;
	case ARES_EBADFAMILY:
		return WEFT_EAI_FAMILY;
	case ARES_EBADFLAGS:
	case ARES_EBADHINTS:
		return WEFT_EAI_BADFLAGS;
	case ARES_ESERVICE:
		return WEFT_EAI_SERVICE;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return WEFT_EAI_FAIL;
	}
}

/* Here, since c-ares takes no port 0. */
static void set_port(struct sockaddr *a, unsigned port)
{
	if (a->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)a)->sin_port =
			htons((uint16_t)port);
	else if (a->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)a)->sin6_port =
			htons((uint16_t)port);
}

static bool add(struct lookup *q, const struct ares_addrinfo_node *n,
		int socktype, int protocol)
{
	struct addrinfo *a = calloc(1, sizeof *a + n->ai_addrlen);

	if (!a)
		return false;
	a->ai_flags = q->hints ? q->hints->ai_flags : 0;
	a->ai_family = n->ai_family;
	a->ai_socktype = socktype;
	a->ai_protocol = protocol;
	a->ai_addrlen = n->ai_addrlen;
	a->ai_addr = memcpy(a + 1, n->ai_addr, n->ai_addrlen);
	set_port(a->ai_addr, q->port);
	*q->last = a;
	q->last = &a->ai_next;
	return true;
}

/* Once for each type of socket that was asked for, as getaddrinfo(3) does. */
static bool add_types(struct lookup *q, const struct ares_addrinfo_node *n)
{
	static const int types[][2] = {
		{ SOCK_STREAM, IPPROTO_TCP }, { SOCK_DGRAM, IPPROTO_UDP },
		{ SOCK_RAW, 0 },
	};
	int type = q->hints ? q->hints->ai_socktype : 0;
	int protocol = q->hints ? q->hints->ai_protocol : 0;

	for (size_t i = 0; i < countof(types); i++) {
		if ((type && type != types[i][0]) ||
		    (protocol && types[i][1] && protocol != types[i][1]))
			continue;
		if (!add(q, n, types[i][0], protocol ? protocol : types[i][1]))
			return false;
	}
	return true;
}

static const char *canonical(const struct lookup *q,
			     const struct ares_addrinfo *r)
{
	const struct ares_addrinfo_cname *c = r->cnames;

	while (c && c->next)
		c = c->next;
	return c && c->name ? c->name : r->name ? r->name : q->node;
}

static int make_list(struct lookup *q, const struct ares_addrinfo *r)
{
	for (const struct ares_addrinfo_node *n = r->nodes; n; n = n->ai_next)
		if (!add_types(q, n))
			return -ENOMEM;
	if (!q->list)
		return r->nodes ? WEFT_EAI_SOCKTYPE : WEFT_EAI_NODATA;
	if (q->hints && q->hints->ai_flags & AI_CANONNAME) {
		q->list->ai_canonname = strdup(canonical(q, r));
		if (!q->list->ai_canonname)
			return -ENOMEM;
	}
	return 0;
}

static void drop_list(struct lookup *q)
{
	if (q->list)
		freeaddrinfo(q->list);
	q->list = NULL;
	q->last = &q->list;
}

static void answered(void *arg, int status, int timeouts,
		     struct ares_addrinfo *r)
{
	struct lookup *q = arg;

	(void)timeouts;
	q->done = true;
	q->err = code_of(status);
	if (!q->err && r)
		q->err = make_list(q, r);
	if (r)
		ares_freeaddrinfo(r);
	if (q->err)
		drop_list(q);
}

static void watch(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct lookup *q = arg;
	uint32_t events = (readable ? (uint32_t)EPOLLIN : 0) |
			  (writable ? (uint32_t)EPOLLOUT : 0);
	int err;

	if (!events) {
		(void)weft__sys_epoll_ctl(q->ep, EPOLL_CTL_DEL, fd, 0, 0);
		return;
	}
	err = weft__sys_epoll_ctl(q->ep, EPOLL_CTL_ADD, fd, events,
				  (uint64_t)fd);
	if (err == -EEXIST)
		err = weft__sys_epoll_ctl(q->ep, EPOLL_CTL_MOD, fd, events,
					  (uint64_t)fd);
	if (err)
		q->unwatched = err;
}

/* --- waiting ------------------------------------------------------------------------ */

static int process(struct lookup *q, ares_channel ch)
{
	struct epoll_event ev[BATCH];
	int n = weft__sys_epoll_wait(q->ep, ev, BATCH, 0);

	for (int i = 0; i < n; i++) {
		ares_socket_t fd = (ares_socket_t)ev[i].data.u64;
		uint32_t e = ev[i].events;

		ares_process_fd(ch, e & ~(uint32_t)EPOLLOUT ? fd :
				ARES_SOCKET_BAD,
				e & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	}
	if (n == 0)
		ares_process_fd(ch, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	return n < 0 ? n : 0;
}

static int wait_for(struct lookup *q, ares_channel ch)
{
	while (!q->done) {
		weft_time until = q->deadline, again;
		struct timeval tv;
		int r;

		if (q->unwatched)
			return q->unwatched;
		if (ares_timeout(ch, NULL, &tv)) {
			again = weft_in(tv.tv_sec * WEFT_S +
					tv.tv_usec * WEFT_US);
			until = again < until ? again : until;
		}
		r = weft__desc_poll(q->ep, POLLIN, until);
		if (r == -ETIMEDOUT && until < q->deadline)
			r = 0;
		if (r >= 0)
			r = process(q, ch);
		if (r < 0)
			return r;
	}
	return q->err;
}

static void drop_channel(void *ch)
{
	ares_destroy(ch);
}

static void *look_up(void *arg)
{
	struct lookup *q = arg;
	struct ares_addrinfo_hints hints = { .ai_flags = 0 };
	struct ares_options options = {
		.sock_state_cb = watch, .sock_state_cb_data = q,
	};
	ares_channel ch;
	struct hold h;
	int err;

	if (q->hints) {
		hints.ai_flags |= q->hints->ai_flags & AI_CANONNAME ?
				  ARES_AI_CANONNAME : 0;
		hints.ai_family = q->hints->ai_family;
		hints.ai_socktype = q->hints->ai_socktype;
		hints.ai_protocol = q->hints->ai_protocol;
	}
	err = code_of(ares_init_options(&ch, &options, ARES_OPT_SOCK_STATE_CB));
	if (!err && weft__net_ares_servers)
		err = code_of(ares_set_servers_ports_csv(ch,
						weft__net_ares_servers));
	else if (err)
		return q->err = err, NULL;
	if (!err) {
		ares_getaddrinfo(ch, q->node, NULL, &hints, answered, q);
		weft__hold(&h, drop_channel, ch);
		err = wait_for(q, ch);
		weft__hold_end(&h);
	}
	/* A lookup under way is answered, with what has come so far. */
	ares_destroy(ch);
	q->err = err;
	if (err)
		drop_list(q);
	return NULL;
}

/* With what it has got so far, since nobody takes that. */
static void drop_lookup(void *arg)
{
	struct lookup *q = arg;

	weft__desc_close(q->ep);
	drop_list(q);
}

static void library_init(void)
{
	(void)ares_library_init(ARES_LIB_INIT_ALL);
}

bool weft__net_ares_knows(const char *service, const struct addrinfo *hints)
{
	const int known = AI_PASSIVE | AI_CANONNAME | AI_NUMERICSERV;

	if (service && (strspn(service, "0123456789") != strlen(service) ||
			strlen(service) > 5 || atoi(service) > UINT16_MAX))
		return false;
	return !hints || ((hints->ai_flags & ~known) == 0 &&
			  (hints->ai_family == AF_UNSPEC ||
			   hints->ai_family == AF_INET ||
			   hints->ai_family == AF_INET6));
}

int weft__net_ares(const char *node, const char *service,
		   const struct addrinfo *hints, struct addrinfo **res,
		   weft_time deadline)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct lookup q = { .node = node, .hints = hints,
			    .port = service ? (unsigned)atoi(service) : 0,
			    .deadline = deadline };
	struct hold h;
	int err;

	pthread_once(&once, library_init);
	q.last = &q.list;
	q.ep = weft__desc_adopt(weft__sys_epoll_create(), DESC_OTHER, DESC_OURS);
	if (q.ep < 0)
		return q.ep;
	weft__hold(&h, drop_lookup, &q);
	err = weft_self() ? weft_call_big(STACK, look_up, &q, NULL) :
	      (look_up(&q), 0);
	weft__hold_end(&h);
	weft__desc_close(q.ep);
	if (err < 0)
		return err;
	if (!q.err)
		*res = q.list;
	return q.err;
}
