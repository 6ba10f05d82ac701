/* poll/epoll.c - edge-triggered epoll.
 *
 * Each descriptor is registered once for both sides; the kernel tells each change
 * from then on, so there is nothing to arm.  The kernel drops what is closed,
 * unless the open file has other descriptors: then stale events come (E2), whose
 * tag tells.
 *
 * The kick is a write to an eventfd that is registered edge-triggered, too: each
 * write is a new edge, so it is never read.  It could overflow in 584 years.
 */
#include "base/base.h"
#include "poll/poller.h"
#include "os/sys.h"
#include "poll/nap.h"

#include <sys/epoll.h>

#define KICK_TAG UINT64_MAX

enum {
	BATCH = 64,
	BOTH = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | (int)EPOLLET,
};

static void epoll_close(struct poller *p)
{
	if (p->kick_fd >= 0)
		weft__sys_close(p->kick_fd);
	if (p->fd >= 0)
		weft__sys_close(p->fd);
	p->fd = p->kick_fd = -1;
}

static int epoll_open(struct poller *p)
{
	int rc = p->fd = weft__sys_epoll_create();

	if (rc >= 0)
		rc = p->kick_fd = weft__sys_eventfd();
	if (rc >= 0)
		rc = weft__sys_epoll_ctl(p->fd, EPOLL_CTL_ADD, p->kick_fd,
					 EPOLLIN | (uint32_t)EPOLLET, KICK_TAG);
	if (rc < 0)
		epoll_close(p);
	return rc < 0 ? rc : 0;
}

static int epoll_rearm(struct poller *p, int fd, uint64_t tag)
{
	return weft__sys_epoll_ctl(p->fd, EPOLL_CTL_MOD, fd, (uint32_t)BOTH, tag);
}

static int epoll_add(struct poller *p, int fd, uint64_t tag)
{
	int rc = weft__sys_epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, (uint32_t)BOTH,
				     tag);

	return rc == -EEXIST ? epoll_rearm(p, fd, tag) : rc;
}

static void epoll_drop(struct poller *p, int fd)
{
	(void)weft__sys_epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, 0, 0);
}

static uint32_t ready_of(uint32_t events)
{
	uint32_t ready = 0;

	if (events & EPOLLIN)
		ready |= POLL_READY_IN;
	if (events & EPOLLOUT)
		ready |= POLL_READY_OUT;
	if (events & EPOLLPRI)
		ready |= POLL_READY_IN | POLL_READY_PRI;
	if (events & EPOLLRDHUP)
		ready |= POLL_READY_IN | POLL_READY_HUP;
	if (events & EPOLLHUP)
		ready |= POLL_READY_IN | POLL_READY_OUT | POLL_READY_HUP;
	if (events & EPOLLERR)
		ready |= POLL_READY_IN | POLL_READY_OUT | POLL_READY_ERR;
	return ready;
}

static int epoll_fetch(struct poller *p, struct poll_event *ev, int max,
		       int64_t deadline)
{
	struct epoll_event got[BATCH];
	int64_t timeout;
	bool last;
	int n, k = 0;

	do {
		last = poll_nap(deadline, &timeout);
		n = weft__sys_epoll_wait(p->fd, got, max < BATCH ? max : BATCH,
					 timeout);
	} while (n == 0 && !last);
	for (int i = 0; i < n; i++) {
		if (got[i].data.u64 == KICK_TAG)
			continue;
		ev[k].tag = got[i].data.u64;
		ev[k++].ready = ready_of(got[i].events);
	}
	return k;
}

static void epoll_kick(struct poller *p)
{
	weft__sys_eventfd_tell(p->kick_fd);
}

const struct poll_backend weft__poll_epoll = {
	.name = "epoll",
	.open = epoll_open,
	.close = epoll_close,
	.add = epoll_add,
	.rearm = epoll_rearm,
	.drop = epoll_drop,
	.wait = epoll_fetch,
	.kick = epoll_kick,
};
