/* poll/ring.h - an io_uring for operations on files, and nothing about routines.
 *
 * The kernel does what a thread of ours would have to block for: reads that miss
 * the page cache, fsync, open.  The file descriptor of the ring becomes readable
 * when an operation is complete.
 *
 * Invariants
 *   R1  a request, and what it points to, is the owner's from weft__ring_submit
 *       until weft__ring_reap has given it back: the kernel writes there.
 *       A cancel asks for an early end, no more.
 *   R2  each request submitted comes back once.  No more are in flight than
 *       there is room for completions, so these do not overflow.
 *   R3  entries are written and published under `submit`, system calls made
 *       without it: each submitter tells the kernel of as many entries as it has
 *       published.  Whose entries they are does not matter: when all have
 *       called, all are taken.
 *   R4  completions are taken under `reap`.  Between a reap that found nothing
 *       and the next completion the descriptor has become readable.
 *   R5  the memory of the ring is not in children of fork, and its descriptor is
 *       not in executed programs.
 *   R7  a call that a cancel cut short comes back with -EINTR.
 *
 * Nothing here parks.
 *
 * Ordering
 *   R6  flying, what is submitted and not yet reaped: RMW by the submitter before
 *       the kernel knows of it / RMW by the reaper before he looks into it, who
 *       sees the request.
 */
#ifndef WEFT_POLL_RING_H
#define WEFT_POLL_RING_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"

enum ring_op {
	RING_READ, RING_WRITE, RING_READV, RING_WRITEV, RING_FSYNC,
	RING_FALLOCATE, RING_OPENAT, RING_CLOSE, RING_STATX, RING_RENAMEAT,
	RING_UNLINKAT, RING_MKDIRAT, RING_SYMLINKAT, RING_LINKAT,
	RING_OPS
};

enum { RING_DATASYNC = 1 };             /* flag of RING_FSYNC */

/* Threads of the kernel for each thread of ours: operations that block may wait for
 * one another, as on the pool.  The kernel asks the first ring that a thread of
 * ours uses, so each ring says it. */
enum { RING_THREADS = 256 };

struct ring_request {
	enum ring_op op;
	int fd;                         /* or of the directory              */
	const void *addr;               /* buffer, vector, path             */
	void *to;                       /* second path; statx: the answer   */
	int to_fd;                      /* its directory                    */
	uint32_t len;                   /* bytes, parts; mode; statx: mask  */
	uint64_t off;                   /* UINT64_MAX: the current position;
					 * fallocate: off, and `size`       */
	uint64_t size;
	uint32_t flags;                 /* as the system call's             */
	bool slow;                      /* not on the submitting thread     */
};

struct ring_done {
	struct ring_request *request;
	int32_t result;                 /* or a negative errno              */
};

struct ring {
	struct spinlock submit;         /* R3 */
	struct spinlock reap;           /* R4 */
	int fd;                         /* -1: not open                     */
	_Atomic uint32_t flying;        /* R6                               */
	uint32_t most;                  /* fixed: room for completions      */
	uint32_t ops;                   /* fixed: bit n, operation n works  */
	void *state;                    /* liburing's                       */
};

/* Room for so many requests in flight.  -ENOSYS: not in this build, or this
 * kernel does not have or refuses it. */
int weft__ring_open(struct ring *r, unsigned most);
/* Nothing is in flight. */
void weft__ring_close(struct ring *r);

static inline bool ring_has(const struct ring *r, enum ring_op op)
{
	return r->ops >> op & 1;
}

/* Any thread.  0: it will complete.  -EAGAIN: no room, the kernel knows nothing
 * of it. */
int weft__ring_submit(struct ring *r, struct ring_request *q);
/* End q, which is in flight, early, if it waits for something: -ECANCELED or
 * -EINTR comes back, or what it did.  -EAGAIN: no room, ask again. */
int weft__ring_cancel(struct ring *r, struct ring_request *q);
/* Up to max that are complete, without waiting. */
unsigned weft__ring_reap(struct ring *r, struct ring_done *done, unsigned max);
/* Sleep until one is complete, a signal comes, or so many ns have passed;
 * negative: for ever. */
void weft__ring_wait(struct ring *r, int64_t ns);

#endif
