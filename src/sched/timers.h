/* sched/timers.h - deadlines below the waist: one heap per worker.
 *
 * Place in the life of a routine:  park with a deadline -> [ timers ] -> ready
 *
 * A 4-ary min-heap under a short lock, its keys beside the pointers and the
 * four children of a node in one cache line.  It holds timers of two kinds:
 * those of waits, which their worker arms as it parks a routine, and alarms
 * (alarm.h), which any thread may arm, in any worker's heap.  Anybody may stop
 * either; the owner's loop runs what is due, and so does an idle worker
 * (timers are stolen by running them).
 *
 * Invariants
 *   M1  timer.owner is the heap it is in, or NULL; changed under its lock.
 *   M2  heap[i].t->slot == i, heap[i].key is no later than its deadline, and
 *       no child's key is earlier than its parent's.  (An alarm that is moved
 *       to a later deadline stays where it is, and sinks when its key comes.)
 *   M3  fire() runs with the heap's lock held, the timer out of the heap and
 *       its owner still set; the owner of a wait's timer becomes NULL after
 *       it.  So a stop either sees NULL, and fire has returned, or waits for
 *       the lock: once it has returned, fire neither runs nor will run.
 *   M4  never early: a timer fires when now >= deadline.
 *   M5  room that the owning worker has reserved is still there when it arms:
 *       who adds an alarm leaves the last place free.
 *   M6  an alarm's fire settles its owner itself: it puts the alarm back, or
 *       sets NULL before anybody can learn that it fired, and then does not
 *       touch it any more.  (So what it starts may free it.)  A stop that sees
 *       NULL came too late, and all that fire still does is its own.
 *
 * Ordering
 *   K1  first: store-seq after the heap changed / load-seq by workers that go
 *       to sleep (idle.h, D1): the earliest key, INT64_MAX when empty.
 *   K2  owner: store-release / load-acquire by a stop from elsewhere.  (Where
 *       the heap itself may go, alarm.h says more: A2.)
 *
 * Lock rank: TIMERS (fire() may take INJECT, IDLE and the depot of records).
 */
#ifndef WEFT_SCHED_TIMERS_H
#define WEFT_SCHED_TIMERS_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"
#include "sched/park.h"

struct timer_place {
	int64_t key;                    /* M2 */
	struct timer *t;
};

struct timers {
	CACHE_ALIGNED struct spinlock lock;
	uint32_t count, room;           /* lock */
	struct timer_place *heap;       /* lock: M2; heap[1] starts a line   */
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

/* Anybody: the same for an alarm, making room; `unlock` (may be NULL) is
 * released before it can fire, and t not touched after.  1: it is the earliest
 * now; 0; -ENOMEM: it is not in, and `unlock` still held. */
int weft__timer_arm_alarm(struct timers *ts, struct timer *t,
			  struct spinlock *unlock);

/* Anybody: move an alarm that is in a heap to another deadline; `unlock` as
 * above.  1: it is the earliest now; 0; -ESRCH: it is in no heap any more, and
 * `unlock` still held. */
int weft__timer_move_alarm(struct timer *t, int64_t deadline,
			   struct spinlock *unlock);

/* From inside an alarm's fire: back into the heap, at its new deadline. */
void weft__timer_again_locked(struct timers *ts, struct timer *t);

/* Take t out.  True: it had not fired.  After it fire is not running. */
bool weft__timer_stop(struct timer *t);

/* Take all alarms out, as if stopped: their memory is not the runtime's. */
void weft__timers_drop_alarms(struct timers *ts);

/* Run what is due at `now`; returns how many fired. */
unsigned weft__timers_run(struct timers *ts, struct worker *w, int64_t now);
/* The same, of another worker's, unless somebody is at it: who waited for that
 * would look like one who blocks (monitor.c). */
unsigned weft__timers_help(struct timers *ts, struct worker *w, int64_t now);

#endif
