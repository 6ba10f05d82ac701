/* poll/poller.h - which descriptors are ready, as the kernel tells it.
 *
 * One poller per runtime, below the waist: an idle worker must ask it.  Three
 * backends, chosen when it is opened: epoll, io_uring (multishot polls), and
 * poll(2) for everything else.  None of them knows routines or descriptors'
 * owners: a descriptor is registered with a tag, an event carries the tag.
 *
 * Invariants
 *   E1  after add or rearm one event comes for each side (in, out) that is
 *       ready or becomes so.  After that one comes for whatever arrives later
 *       than the event was fetched, provided that the side was armed since.
 *       (epoll is always armed; poll(2) only reports sides that were armed, and
 *       disarms what it reports; io_uring is armed until a poll of it ends,
 *       which an event tells.)
 *   E2  an event may be stale (the descriptor was dropped or closed since) or
 *       say nothing new; who gets it looks at the tag, then tries.
 *   E3  one thread at a time waits; any thread adds, arms, drops and kicks.
 *   E4  a kick after which nobody has come out of a wait yet ends the current
 *       wait or the next one.  It may end one too many.
 *   E5  what errs is reported as ready on both sides: a try finds the error.
 *
 * Nothing here parks, takes a lock for longer than straight-line code, or sets
 * errno for the caller to read.
 */
#ifndef WEFT_POLL_POLLER_H
#define WEFT_POLL_POLLER_H

#include "base/base.h"
#include "base/atomic.h"

enum poll_ready {
	POLL_READY_IN = 1,              /* there is something to read        */
	POLL_READY_OUT = 2,             /* there is room to write            */
	POLL_READY_HUP = 4,             /* the other side writes no more     */
	POLL_READY_ERR = 8,             /* IN and OUT are set, too (E5)      */
	POLL_READY_PRI = 16,            /* IN is set, too: urgent data,
					 * perhaps, where a read stops; poll(2)
					 * tells when PRI was armed          */
};

struct poll_event {
	uint64_t tag;
	uint32_t ready;                 /* enum poll_ready */
};

struct poller;

/* What a backend does; fds are valid non-negative numbers. */
struct poll_backend {
	const char *name;               /* "epoll", "uring", "poll" */
	int (*open)(struct poller *p);
	void (*close)(struct poller *p);
	int (*add)(struct poller *p, int fd, uint64_t tag);
	int (*rearm)(struct poller *p, int fd, uint64_t tag);
	void (*arm)(struct poller *p, int fd, uint64_t tag, uint32_t ready);
	void (*drop)(struct poller *p, int fd);
	int (*wait)(struct poller *p, struct poll_event *ev, int max,
		    int64_t deadline);
	void (*kick)(struct poller *p);
	bool (*owes)(struct poller *p);         /* or NULL: never */
};

struct poller {
	const struct poll_backend *backend;     /* NULL: not open */
	uint64_t serial;                /* of all pollers ever opened, from 1 */
	int fd;                         /* backend: epoll or ring; -1: none   */
	int kick_fd;                    /* backend: eventfd; -1: none         */
	void *state;                    /* backend                            */
};

extern const struct poll_backend weft__poll_epoll, weft__poll_uring,
				 weft__poll_poll;

/* Open the named backend; NULL or "": the best that this kernel has.
 * -EINVAL: no such name.  -ENOSYS: not in this build, or the kernel refuses. */
int weft__poller_open(struct poller *p, const char *name);
/* Nobody waits any more. */
void weft__poller_close(struct poller *p);

/*
 * Register fd (E1).  Registered already: the same as rearm.  -EPERM: this
 * kind of file is always ready (regular files, directories).  -EBADF, -ENOMEM,
 * -ENOSPC as the kernel says.
 */
static inline int poller_add(struct poller *p, int fd, uint64_t tag)
{
	return p->backend->add(p, fd, tag);
}

/* Look at fd afresh, with a new tag (E1).  -ENOENT: it is not registered. */
static inline int poller_rearm(struct poller *p, int fd, uint64_t tag)
{
	return p->backend->rearm(p, fd, tag);
}

/* Somebody is about to wait for these sides of a registered fd (E1): IN, OUT; HUP
 * for a hangup but not for IN; PRI. */
static inline void poller_arm(struct poller *p, int fd, uint64_t tag,
			      uint32_t ready)
{
	if (p->backend->arm)
		p->backend->arm(p, fd, tag, ready);
}

/* Forget fd; events already fetched may still come (E2).  To be done before it is
 * closed: poll(2) and io_uring hold what they watch open. */
static inline void poller_drop(struct poller *p, int fd)
{
	p->backend->drop(p, fd);
}

/* Up to max events.  0: the deadline (absolute ns; 0: do not wait; INT64_MAX:
 * for ever) has passed, a kick came, or a signal; or the kernel has no memory
 * to wait with.  Never negative.  A deadline is not missed by the slack that
 * the kernel gives long timeouts. */
static inline int poller_wait(struct poller *p, struct poll_event *ev, int max,
			      int64_t deadline)
{
	return p->backend->wait(p, ev, max, deadline);
}

static inline void poller_kick(struct poller *p)
{
	p->backend->kick(p);
}

/* Something that was armed or dropped has not got to the kernel, which had no
 * memory: the next wait or kick sees to it, and nobody else would. */
static inline bool poller_owes(struct poller *p)
{
	return p->backend && p->backend->owes && p->backend->owes(p);
}

#endif
