/* net/connect.c - weft_connect: begin, wait for room to write, ask again.
 *
 * Asked again, connect(2) itself says how it went: done, under way, or the error,
 * and an unexpected wake does no harm.  Two things have no edge to wait for:
 *
 *   - the queue of a Unix listener is full: ask again, after a pause;
 *   - a descriptor that blocks, whose flags are not ours to change: a thread of
 *     the pool connects, with a send timeout of a tick, after which the kernel
 *     goes on by itself (EINPROGRESS), as it does without blocking.  From then on
 *     connect is only called when it has nothing to wait for.
 *
 * The number is one file's throughout: what is asked after a wait outside of the
 * descriptor's table compares its generation (D5 in desc.h).
 */
#include "net/net.h"
#include "io/desc.h"
#include "os/sys.h"

#include <fcntl.h>
#include <sys/time.h>

#include <weft/routine.h>
#include <weft/time.h>

#define PAUSE_MIN WEFT_MS
#define PAUSE_MAX (32 * WEFT_MS)

struct connecting {
	int fd;
	uint32_t generation;
	const struct sockaddr *a;
	socklen_t l;
	bool started;                   /* by us                            */
	bool blocks;                    /* no O_NONBLOCK                    */
	bool full;                      /* the listener's queue             */
	int err;                        /* the pool's answer                */
};

/* 1: connect has nothing to wait for; 0: it has; or how it failed. */
static int settled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int r = weft__sys_poll(&p, 1, 0);

	if (r <= 0)
		return r;
	r = weft__sys_sockopt(fd, SOL_SOCKET, SO_ERROR);
	if (r)
		return r < 0 ? r : -r;
	/* Somebody else has been told why. */
	return p.revents & POLLHUP ? -ECONNABORTED : 1;
}

static int judge(struct connecting *c, int err)
{
	switch (err) {
	case -EINPROGRESS:
		c->started = true;
		return -EAGAIN;
	case -EALREADY:
		return c->started ? -EAGAIN : err;
	case -EISCONN:
		return c->started ? 0 : err;
	case -EAGAIN:
		if (c->a->sa_family != AF_UNIX)
			return -EADDRNOTAVAIL;  /* no local port is free */
		c->full = true;
		return 0;
	default:
		return err;
	}
}

static ssize_t try_connect(int fd, void *op)
{
	struct connecting *c = op;
	int err;

	if (load_rlx(&weft__desc_find(fd, &err)->generation) != c->generation)
		return -EBADF;
	if (c->blocks) {
		err = settled(fd);
		if (err <= 0)
			return err ? err : -EAGAIN;
	}
	return judge(c, weft__sys_connect(fd, c->a, c->l));
}

/* On a thread that may block, but not for long. */
static void *connect_blocking(void *op)
{
	const struct timeval tick = { .tv_usec = 1 };
	struct connecting *c = op;
	struct timeval was;
	socklen_t l = sizeof was;
	bool put_back;

	c->err = weft__desc_enter_as(c->fd, c->generation);
	if (c->err < 0)
		return NULL;
	put_back = getsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &was, &l) == 0 &&
		   setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tick,
			      sizeof tick) == 0;
	c->err = judge(c, weft__sys_connect(c->fd, c->a, c->l));
	if (put_back)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &was, l);
	weft__desc_leave(c->fd);
	return NULL;
}

static int once(struct connecting *c, weft_time deadline)
{
	int err;

	c->full = false;
	if (c->blocks) {
		err = weft_blocking(connect_blocking, c, NULL);
		if (err < 0)
			return err;
		if (c->err != -EAGAIN)
			return c->err;
	}
	return (int)weft__desc_do(c->fd, DESC_OUT, try_connect, c, 0, deadline);
}

/* What connects at once never blocks, whatever the flags say. */
static int blocks(int fd)
{
	int flags = weft__net_ours(fd) ? O_NONBLOCK : weft__sys_flags(fd), type;

	if (flags < 0 || flags & O_NONBLOCK)
		return flags < 0 ? flags : 0;
	type = weft__sys_sockopt(fd, SOL_SOCKET, SO_TYPE);
	return type < 0 ? type : type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

int weft_connect(int fd, const struct sockaddr *a, socklen_t l,
		 weft_time deadline)
{
	struct connecting c = { .fd = fd, .a = a, .l = l };
	weft_time pause = PAUSE_MIN;
	int err;

	if (!a || l < sizeof a->sa_family)
		return -EINVAL;
	err = weft__desc_enter(fd, &c.generation);
	if (err < 0)
		return err;
	err = blocks(fd);
	weft__desc_leave(fd);
	if (err < 0)
		return err;
	c.blocks = err;
	for (;;) {
		weft_time next;

		err = once(&c, deadline);
		if (err || !c.full)
			return err;
		if (deadline == WEFT_NOWAIT)
			return -EAGAIN;
		if (weft_now() >= deadline)
			return -ETIMEDOUT;
		next = weft_in(pause);
		err = weft_sleep_until(next < deadline ? next : deadline);
		if (err < 0)
			return err;
		pause = pause < PAUSE_MAX ? 2 * pause : pause;
	}
}

int weft_unix_connect(const char *path, weft_time deadline)
{
	struct net_addr a;
	int err = weft__net_unix(&a, path), fd;

	if (err < 0)
		return err;
	fd = weft__desc_adopt(weft__net_socket(AF_UNIX, SOCK_STREAM),
			      DESC_SOCKET, DESC_OURS);
	if (fd < 0)
		return fd;
	err = weft_connect(fd, &a.sa, a.len, deadline);
	if (err < 0) {
		weft__desc_close(fd);
		return err;
	}
	return fd;
}
