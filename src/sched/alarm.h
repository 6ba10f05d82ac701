/* sched/alarm.h - a routine that starts at a given time, or again and again.
 *
 * Place in the life of a routine:  [ alarm ] -> spawn -> run queue
 *
 * An alarm lives in the caller's memory and may be set and stopped by any
 * thread.  It stands in the heap of the worker that sets it; a plain thread
 * uses a worker of the one runtime that runs.
 *
 * It fires under that heap's lock: a record is taken for the routine, then the
 * alarm is settled (timers.h, M6), then the routine is queued.  So nothing is
 * left to be done later, and after a stop nothing can come.
 *
 * Invariants
 *   A1  the caller's lock serialises set, move and stop of one alarm.  While it
 *       is in a heap its fields are read by fire, and only timer.deadline
 *       changes, under the heap's lock; else they are the caller's.
 *   A3  no alarm is in a heap of a runtime that has ended, or is added to one
 *       that stops: weft_stop and the end of weft_run close the gate and then
 *       drop all alarms; set arms and then looks at the gate, and drops them
 *       all when it is closed.  One sees the other (G4, seq).
 *
 * Ordering
 *   A2  owner: store-seq NULL by the end of a runtime, before it waits for
 *       those at work outside (O1) / load-seq by a stop, after it has counted
 *       itself as outside: it sees NULL, or is waited for.
 */
#ifndef WEFT_SCHED_ALARM_H
#define WEFT_SCHED_ALARM_H

#include "base/base.h"
#include "sched/park.h"

struct alarm {
	struct timer timer;
	void (*fn)(void *);             /* A1, and the next three */
	void *arg;
	int64_t period;                 /* 0: once                */
	int64_t retry, point;           /* fire: a deadline that is a retry, and
					 * of which point of the grid */
	const void *site;               /* for reports: who set it */
	uint8_t slot;                   /* A1: its runtime's, if in a heap */
	bool owed;                      /* A1: however many are alive      */
	bool fired;                     /* a routine was made; read after a
					 * stop that came too late         */
};

/* Never set yet. */
static inline void alarm_init(struct alarm *a)
{
	memset(a, 0, sizeof *a);
}

/*
 * Called with the caller's lock (A1), returns without: it is released before the
 * alarm can fire, since what that starts may free it.
 *
 * Fire at `deadline` and, with a period, at every later point of that grid
 * that is not missed.  fn, arg, period and site are set by the caller, the
 * alarm is in no heap.  Never parks.  Errors: -EPERM (a plain thread, and none
 * or several runtimes), -ECANCELED (the runtime stops), -ENOMEM.
 */
int weft__alarm_set(struct worker *w, struct alarm *a, int64_t deadline,
		    struct spinlock *lock);

/* Another deadline for one that is in a heap, everything else as it was; with
 * the lock as above.  False, and it is still held: the alarm has to be set. */
bool weft__alarm_move(struct worker *w, struct alarm *a, int64_t deadline,
		      struct spinlock *lock);

/* True: it was in a heap and would have fired.  After it, it does not. */
bool weft__alarm_stop(struct worker *w, struct alarm *a);

/* Memory that may be new is about to be asked whether it is a timer: valgrind
 * is told that this is meant. */
void weft__alarm_peek(void *mem, size_t size);

struct weft_runtime;

/* The gate is closed: no alarm fires any more. */
void weft__alarms_drop(struct weft_runtime *rt);

#endif
