/* net/accept.c - weft_accept, and what to do when descriptors run out.
 *
 * A listener of ours does not block: try, wait for an edge, try again.  One that
 * was opened elsewhere may block in accept(2), and no flag of the call prevents
 * that; so it is asked first whether somebody is there, and asking and accepting
 * is one caller's turn at a time: a mutex by descriptor number, of threads, since
 * a worker holds it for two system calls.  Another process that takes the
 * connection in between leaves the worker in accept, with its turn.
 */
#include "net/net.h"
#include "io/desc.h"
#include "os/sys.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>

#include <weft/time.h>

enum { TURNS = 64 };
#define PAUSE_MIN (5 * WEFT_MS)

static pthread_mutex_t turns[TURNS] = {
	[0 ... TURNS - 1] = PTHREAD_MUTEX_INITIALIZER
};

struct accepting {
	struct sockaddr *a;
	socklen_t *l;
	bool blocks;
};

static ssize_t take(int fd, struct accepting *op)
{
	socklen_t l = op->l ? *op->l : 0;
	int got = weft__sys_accept(fd, op->a, op->a ? &l : NULL,
				   SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (got >= 0 && op->a)
		*op->l = l;
	return got;
}

static ssize_t try_accept(int fd, void *arg)
{
	struct accepting *op = arg;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	pthread_mutex_t *turn = &turns[(unsigned)fd % TURNS];
	ssize_t r;

	if (!op->blocks)
		return take(fd, op);
	pthread_mutex_lock(turn);
	r = weft__sys_poll(&p, 1, 0);
	if (r > 0)
		r = take(fd, op);
	else if (r == 0)
		r = -EAGAIN;
	pthread_mutex_unlock(turn);
	return r;
}

/* This one broke; the next may be whole.  (EOPNOTSUPP, which accept(2) lists as
 * well, is what a datagram socket says for ever.) */
static bool broken(ssize_t err)
{
	return err == -ECONNABORTED || err == -EPROTO || err == -ENETDOWN ||
	       err == -ENOPROTOOPT || err == -EHOSTDOWN || err == -ENONET ||
	       err == -EHOSTUNREACH || err == -ENETUNREACH;
}

static unsigned flags_of(int fd)
{
	int err;
	struct desc *d = weft__desc_find(fd, &err);

	return d ? load_rlx(&d->flags) : 0;
}

bool weft__net_ours(int fd)
{
	return flags_of(fd) & DESC_OURS;
}

/* What does not listen is refused at once. */
static int may_block(int fd)
{
	int flags = weft__sys_flags(fd);

	if (flags < 0 || flags & O_NONBLOCK)
		return flags < 0 ? flags : 0;
	return weft__sys_sockopt(fd, SOL_SOCKET, SO_ACCEPTCONN);
}

int weft_accept(int fd, struct sockaddr *a, socklen_t *l, weft_time deadline)
{
	struct accepting op = { .a = a, .l = l };
	enum desc_kind kind = DESC_UNKNOWN;
	unsigned flags = flags_of(fd);
	bool known = flags & DESC_OURS;
	ssize_t r;

	if (a && !l)
		return -EINVAL;
	if (!known) {
		int err = may_block(fd);

		if (err < 0)
			return err;
		op.blocks = err;
	}
	do
		r = weft__desc_do(fd, DESC_IN, try_accept, &op, 0, deadline);
	while (broken(r));
	if (r < 0)
		return (int)r;
	/* A connection of a listener of ours has inherited it. */
	if (!known)
		(void)weft__sys_sockopt_set((int)r, IPPROTO_TCP, TCP_NODELAY, 1);
	if (known)
		kind = flags & DESC_TCP ? DESC_STREAM : DESC_SOCKET;
	return weft__desc_adopt((int)r, kind, DESC_OURS);
}

int weft_accept_pause(int err, weft_time *pause)
{
	weft_time next = *pause > 0 ? 2 * *pause : PAUSE_MIN;

	switch (err) {
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
	case -ENOMEM:
		*pause = next < WEFT_S ? next : WEFT_S;
		return weft_sleep(*pause);
	default:
		return err;
	}
}
