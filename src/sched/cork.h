/* sched/cork.h - sends of several routines, held back to be made in one system
 * call.
 *
 * Place in the life of a routine:  running -> [ held back, runnable ] -> running
 *
 * A server whose connections are ready in tens makes tens of sends in a row, one
 * system call each.  Here a routine that is about to send while others can run on
 * its worker puts the call into the worker's cork and yields.  The others do so,
 * too; the first of them that runs again makes all their calls at once.
 *
 *     sender                                 flush, by a sender or another one
 *     nobody else can run here? plainly      lock
 *     lock; put it; unlock; yield            take all: they fly
 *     runs again:                            unlock
 *       done -> its result                   enter each descriptor
 *       held, on that worker: flush          one system call
 *       held, elsewhere: take it, plainly    leave them; results; done
 *       flies: yield until it is done
 *
 * Invariants
 *   B1  who has put a call is runnable, in a ring, until it runs again: nobody has
 *       to flush for it.  So those who steal, lend a spare, or end a run, know
 *       nothing of corks.  It is inside of no descriptor meanwhile, which could
 *       not be closed else (D4 in io/desc.h).
 *   B2  a call is in one cork from when it is put until it is taken, under the
 *       lock: by a flush, then it flies, or by its own routine on another worker.
 *       Only the cork's worker flushes it.
 *   B3  what flies is the flush's until it is done, and not from then on: it lies
 *       on the routine's stack.
 *   B4  CORK_NOT_MADE: it had no effect, the routine makes the call itself.  So
 *       does who finds no ring, and the next CORK_PLAIN after a flush that found
 *       a single call, or made the first of them wait for CORK_LATE_NS; twice
 *       as many if that was of no use either.
 *   B5  a call that was put CORK_NS before another is put is made at once with
 *       that one.  Else all would wait for the longest round: of routines that
 *       compute for long before each sends.
 *   B8  only while no other worker is free: who is, takes over half of what is
 *       ready here, and would take over those who hold back.  And clients that are
 *       answered sooner ask sooner: with work for one CPU only that counts more.
 *   B6  when the workers of a runtime have left nobody looks into its corks:
 *       routines that are discarded are in them still.
 *   B9  a cork is made when there is a use for it, by the worker's loop: a ring and
 *       what malloc does on a thread's first time want more than a small stack.
 *   B11 who was held back is not again before others have had their turn, but to
 *       answer on the same descriptor: one that tells many would wait for a round
 *       each time.
 *
 * Ordering
 *   B7  state: FLIES and HELD under the lock / DONE by store-release of the flush
 *       after the result, load-acquire by the routine.
 *   B10 worker.cork: store-release by its worker / load-acquire by tests.
 *
 * Lock rank: CORK, above all others.  Held for straight-line code.
 */
#ifndef WEFT_SCHED_CORK_H
#define WEFT_SCHED_CORK_H

#include "base/base.h"
#include "base/atomic.h"

struct cork;
struct worker;

/* Is there a use for one (B9)? */
enum cork_ask { CORK_UNKNOWN, CORK_WANTED, CORK_ANSWERED };

/* No result of a system call. */
#define CORK_NOT_MADE (-4095)

/* A send that does not wait, on its routine's stack. */
struct corked {
	int fd;
	int flags;                      /* as send(2), MSG_DONTWAIT in them */
	const void *buf;
	size_t size;
	/* Keep fd open for the call, without waiting: 0, or it is not made; and
	 * no longer. */
	int (*enter)(struct corked *c);
	void (*leave)(struct corked *c);
	/* cork.c's own */
	struct cork *in;
	unsigned at;                    /* lock: its place there            */
	int32_t result;
	_Atomic uint32_t state;         /* B7 */
};

/* Make the call along with others; yields.  w is the caller's.  What it sent, a
 * negative errno, -EAGAIN among them, or CORK_NOT_MADE. */
ssize_t weft__cork_send(struct worker *w, struct corked *c);

/* How many calls were made by flushes of w's cork, for tests. */
uint64_t weft__cork_made(const struct worker *w);

/* On w's own stack; there may be none afterwards. */
void weft__cork_make(struct worker *w);
/* No worker runs any more. */
void weft__cork_free(struct cork *k);

#endif
