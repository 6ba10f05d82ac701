/* sched/timers.h - deadlines below the waist: one heap per worker.
 *
 * Place in the life of a routine:  park with a deadline -> [ timers ] -> ready
 *
 * A 4-ary min-heap of pointers under a short lock.  The owner arms; anybody
 * may stop a timer; the owner's loop runs what is due, and so does an idle
 * worker (timers are stolen by running them).
 *
 * Invariants
 *   M1  timer.owner is the heap it is in, or NULL; changed under its lock.
 *   M2  heap[i]->slot == i, and no child is earlier than its parent.
 *   M3  fire() runs with the heap's lock held, the timer out of the heap and
 *       its owner still set; owner becomes NULL afterwards.  So a stop either
 *       sees NULL, and fire has returned, or waits for the lock: once it has
 *       returned, fire neither runs nor will run.
 *   M4  never early: a timer fires when now >= deadline.
 *   M5  only the owning worker adds to the heap and makes room in it, so room
 *       that it has reserved is still there when it arms.
 *
 * Ordering
 *   K1  first: store-seq after the heap changed / load-seq by workers that go
 *       to sleep (idle.h, D1): the earliest deadline, INT64_MAX when empty.
 *   K2  owner: store-release / load-acquire by a stop from elsewhere.
 *
 * Lock rank: TIMERS (fire() may take INJECT, IDLE).
 */
#ifndef WEFT_SCHED_TIMERS_H
#define WEFT_SCHED_TIMERS_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"
#include "sched/park.h"

struct timers {
	CACHE_ALIGNED struct spinlock lock;
	uint32_t count, room;           /* lock */
	struct timer **heap;            /* lock: M2 */
	_Atomic int64_t first;          /* K1 */
};

void weft__timers_init(struct timers *ts);
void weft__timers_fini(struct timers *ts);

/* Owner: make sure that the next arm has room.  -ENOMEM. */
int weft__timers_reserve(struct timers *ts);

/* Owner: put t (deadline and fire set) into the heap, in reserved room.
 * True: it is the earliest now, and a sleeper may have to know. */
bool weft__timer_arm(struct timers *ts, struct timer *t);

/* The same for a wait's: *claim becomes `open` while no timer of the heap can
 * fire, so this one finds its wait open, however soon it fires. */
bool weft__timer_arm_open(struct timers *ts, struct timer *t,
			  _Atomic uint32_t *claim, uint32_t open);

/* Take t out.  True: it had not fired.  After it fire is not running. */
bool weft__timer_stop(struct timer *t);

/* Run what is due at `now`; returns how many fired. */
unsigned weft__timers_run(struct timers *ts, struct worker *w, int64_t now);

#endif
