/* io/desc.h - what is known about each descriptor number, and waiting for it.
 *
 * Descriptors are plain ints, the process's; so is this table, one entry per
 * number, never freed.  An operation enters the descriptor, tries its system
 * call without blocking, and waits for an edge only when that says EAGAIN:
 *
 *     operation                              event of the poller
 *     enter (users += 1)                     lock
 *     edge = side's count of edges           generation is the tag's? else drop
 *     try; done unless -EAGAIN               count += 1
 *     leave                                  claim and ready the first waiter
 *     lock; count still edge? else again     unlock
 *     queue a waiter, park (unlocks)
 *     enter, if it is still the same file
 *
 * Invariants
 *   D1  edges are counted, and waiters queued and taken, under the lock: an edge
 *       that comes after the try is seen by the count or finds the waiter.
 *   D2  the number is registered (in the runtime's poller) before the count is
 *       compared, and what is ready at that time makes an edge (E1 in poller.h).
 *   D16 after EAGAIN an edge comes once it can be done, for the kernel says EAGAIN
 *       only where it has seen to that.  TCP says it too when it has no memory and
 *       nothing in flight whose acknowledgement could make an edge; it makes one
 *       itself then, before it says so (Linux 4.2).  After a partial write it has
 *       seen to nothing: a write is always tried again before it waits.  The
 *       exception, messages to a Unix socket that is not the connected one, does
 *       not wait for edges (message.c).  What else says EAGAIN of itself, a filter
 *       of system calls or a test, has to let an edge follow.
 *   D3  one edge readies one waiter of a side, and that one hands it on: when
 *       its try succeeds or it does not try, the next is readied.  When it sees
 *       EAGAIN instead, nothing is left to hand on.  After an error or a hangup
 *       all are readied.  Who only looks (weft_poll) cannot say what is left, as
 *       it may look for something else: it stands in a queue of its own, and
 *       each edge readies all of that.
 *   D4  a number is given back to the kernel by close only when nobody is inside:
 *       close bars the way in (CLOSING), ends the waits with -EBADF, and waits
 *       for those who have entered.  Nobody is inside while parked: a discarded
 *       routine could never leave.  Who comes back from a wait compares the
 *       generation, so it does not touch the next file with that number.
 *       Pollers forget it when nobody is inside who could register it again.
 *   D5  generation grows with each close and adoption; it is the upper half of
 *       the tag, never 0, so events of the last file are dropped.
 *   D6  a stream that gave less than was asked for is drained: unless an edge
 *       has come since, the next read need not try (what comes later makes an
 *       edge).  Not after a hangup or urgent data was seen, where reads stop;
 *       and only for TCP (others end a read with a message, or where descriptors
 *       were sent), of ours, and registered in this runtime's poller.
 *   D7  a plain thread polls by itself, with a descriptor of its own for being
 *       told of a close; it is in `threads` meanwhile.  When the process may have
 *       no more descriptors it looks now and then.
 *   D10 a descriptor that is not ours may have been closed behind our back, and
 *       its number be another file's: each call that waits renews its
 *       registration, once.
 *   D15 a stream's first write after an edge of IN may go along with those of
 *       others (sched/cork.h): it is an answer, most likely, and its routine then
 *       waits for the next question.  Who writes on and on would wait for a round
 *       each time.  `along` is IN's edges + 1 at the last such write, 0 for a file
 *       that is opened or closed here: before the first.
 *   D11 between the close in the kernel and the end of weft__desc_close (IN_KERNEL)
 *       the number may be a new file's: who adopts it clears the bits, everybody
 *       else waits for the few instructions.
 *
 * Ordering
 *   D8  users: RMW acquire-release by those who enter and leave; the bits change
 *       under the lock, by RMW, too.  Who leaves last sees CLOSING and readies the
 *       closer, who looks at users with the lock held.
 *   D9  kind, serial, drained, hup: relaxed; hints whose staleness a try corrects,
 *       written under the lock or by who has entered.  along: by anybody, a guess.
 *   D12 chunks of the table: CAS-acquire-release by who makes one / load-acquire.
 *   D13 edges: store-release under the lock / load-acquire before the try.
 *   D14 generation: store-release after CLOSING is set / load-acquire before
 *       entering, and it is the same after that.  Else who enters as somebody
 *       closes would take the generation of the next file for his.
 *
 * Lock rank: DESC, then IDLE.  Held for straight-line code.
 */
#ifndef WEFT_IO_DESC_H
#define WEFT_IO_DESC_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "sched/park.h"
#include "sched/watch.h"

#include <weft/base.h>

enum desc_side { DESC_IN, DESC_OUT, DESC_SIDES };

/* What a descriptor is; how its calls can be kept from blocking. */
enum desc_kind {
	DESC_UNKNOWN,
	DESC_STREAM,            /* TCP: MSG_DONTWAIT.  Not a Unix stream: a
				 * read of that ends where descriptors were
				 * sent, more or not (D6)                    */
	DESC_SOCKET,            /* any other socket: MSG_DONTWAIT           */
	DESC_LISTEN,            /* accepts: O_NONBLOCK, or poll before      */
	DESC_FILE,              /* regular file, directory, block device    */
	DESC_OTHER,             /* pipe, terminal, eventfd ...              */
};

enum desc_flags {
	DESC_OURS = 1,          /* opened here: O_NONBLOCK where that helps,
				 * and closed by weft_close only             */
	DESC_SPREAD = 2,        /* pollers besides that of `serial` know it  */
	DESC_TCP = 4,           /* LISTEN: for TCP, opened here              */
};

/* One attempt without blocking, by the running thread, errno not wanted: a
 * result >= 0, -EAGAIN, or another negative errno.  EINTR is its own business. */
typedef ssize_t desc_try(int fd, void *op);

/*
 * Do it: try, wait for an edge of `side`, try again.  Parks.  A cancel point
 * (not with WEFT_NOWAIT): -ECANCELED before any effect.  What is ready is done
 * even past the deadline; else -ETIMEDOUT, -EAGAIN with WEFT_NOWAIT; -EBADF for
 * a number that is not open or is closed meanwhile.
 * `asked`: how many bytes a stream read asks for (D6); 0 for all else.
 */
ssize_t weft__desc_do(int fd, enum desc_side side, desc_try *attempt, void *op,
		      size_t asked, weft_time deadline);
/* A part of a call that makes several: *generation is 0 before the first, and
 * -EBADF when by a later one the number is another file's. */
ssize_t weft__desc_do_as(int fd, uint32_t *generation, enum desc_side side,
			 desc_try *attempt, void *op, size_t asked,
			 weft_time deadline);

/* The kind of fd, asked of the kernel when it is not known (a descriptor that
 * is not OURS and no socket is asked each time).  Negative: -EBADF. */
int weft__desc_kind(int fd);
/* What a try found out: not what we thought it was; ask again next time. */
void weft__desc_forget(int fd);

/* fd was opened here just now: nothing is known from before.  Gives fd, or, when
 * the table has no room, closes it and gives -ENFILE or -ENOMEM. */
int weft__desc_adopt(int fd, enum desc_kind kind, unsigned flags);

/* Keep the number from being given back while a call of this thread uses it: no
 * park in between.  0, or -EBADF.  enter_as: only if it is still the same file as
 * when weft__desc_enter gave that generation (the call is made by a thread of the
 * pool, or completes elsewhere).  Any thread may leave for another. */
int weft__desc_enter(int fd, uint32_t *generation);
int weft__desc_enter_as(int fd, uint32_t generation);
void weft__desc_leave(int fd);

/* weft_close, weft_poll and the deadlines of a descriptor are made of this. */
int weft__desc_close(int fd);
/* The drop of a hold (park.h): closes the descriptor at `fd`, unless it is -1. */
void weft__desc_drop(void *fd);
int weft__desc_poll(int fd, short events, weft_time deadline);
/* sides: bits 1 << enum desc_side */
int weft__desc_deadline(int fd, unsigned sides, weft_time deadline);
/* The earlier one of this and what the last call has set. */
weft_time weft__desc_until(int fd, enum desc_side side, weft_time deadline);

/* --- inside: desc.c is the table, edge.c the waiting ------------------------ */

struct side {
	struct list waiters;            /* lock: struct place, FIFO            */
	struct list lookers;            /* lock: struct place (D3)             */
	_Atomic uint32_t edges;         /* D1; D13                            */
	_Atomic uint32_t drained;       /* D6: edges + 1 at that time, or 0   */
	_Atomic int64_t deadline;       /* of all waits; 0: none              */
};

struct desc {
	struct spinlock lock;
	_Atomic uint32_t users;         /* D8: USER each, and the bits        */
	_Atomic uint32_t generation;    /* D5; changed under the lock         */
	_Atomic uint8_t kind;           /* enum desc_kind                     */
	_Atomic uint8_t flags;          /* enum desc_flags                    */
	_Atomic bool hup;               /* D6: a short read says nothing      */
	_Atomic uint32_t along;         /* D15                                */
	_Atomic uint64_t serial;        /* poller where it was registered     */
	struct side side[DESC_SIDES];
	struct list threads;            /* lock: struct thread_place (D7)     */
	struct wait *closer;            /* lock: waits until users are out    */
};

enum { DESC_CLOSING = 1, DESC_IN_KERNEL = 2, DESC_USER = 4 };

/* The entry of a number, made if need be.  NULL: *err says why. */
struct desc *weft__desc_find(int fd, int *err);
/* D4; 0 or -EBADF. */
int weft__desc_in(struct desc *d, uint32_t *generation);
int weft__desc_in_again(struct desc *d, uint32_t generation);
void weft__desc_out(struct desc *d);

static inline uint64_t desc_tag(const struct desc *d, int fd)
{
	return (uint64_t)load_rlx(&d->generation) << 32 | (uint32_t)fd;
}

/* Those whose wait is over, to be readied after the unlock. */
struct ended {
	struct list waits;
};
/* Locked: take everybody out, with this result. */
void weft__desc_end_waits(struct desc *d, unsigned sides, int result,
			  struct ended *e);
void weft__desc_ready(struct worker *w, struct ended *e);

#endif
