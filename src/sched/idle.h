/* sched/idle.h - workers that have nothing to do, and who wakes them.
 *
 * A worker without local work SEARCHES for a while (it steals), then SLEEPS on
 * its own futex.  Whoever publishes work wakes one sleeper, unless somebody
 * searches already: a searcher will find it.  A wake through a futex costs
 * about 16 us here, a searching worker notices in 0.2 us; hence the searching,
 * and hence its limit to half the busy workers.
 *
 *     publisher                              worker that goes to sleep
 *     (D1) publish: store-seq to a ring      (D1) list itself, sleepers += 1
 *          tail, inject len, timer first          if it searched, searchers -= 1
 *     (D2) read sleepers, searchers          (D2) look at every source again
 *          sleepers and no searcher?              found: unlist, search again
 *            under the lock: pop one,             else futex wait on `token`
 *            searchers += 1 for it,
 *            token = 1, futex wake
 *
 * All accesses marked D1 and D2 are sequentially consistent: of the two sides
 * at least one sees the other (Dekker).  So published work is always seen by
 * a searcher, by the last look of a worker going to sleep, or by nobody but a
 * publisher that then wakes a sleeper.
 *
 * Invariants
 *   S1  sleepers is the number of workers listed; changed under the lock.
 *   S2  searchers counts workers whose `searching` is set, including those
 *       woken and not yet running; a waker raises it on the sleeper's behalf,
 *       under the lock, only while it is zero and a sleeper was popped.
 *   S3  a searcher that finds work lowers searchers first and then, if it was
 *       the last, looks at every source (D2) and wakes the next if it sees
 *       more: so work published while it searched is not forgotten.
 *   S4  at most one sleeper is `timed`: it sleeps until the earliest deadline
 *       of all workers' timers; timed_until says which.  Whoever arms an
 *       earlier timer (publish, D1) wakes it (D2 reads timed_until).
 *   S5  the timed sleeper is popped last, so that timer duty stays asleep.
 *   S7  who was timed and finds work that keeps it from sleeping again passes
 *       the duty on: it wakes a sleeper when nobody watches the next deadline
 *       and that is near.  While it is not, the monitor sees to that (a server
 *       has timeouts far off all the time, and passes thousands of events).
 *       (Not the next event: a wake costs more than most events are worth.  A
 *       busy worker asks the poller at its looks, and the monitor sees when
 *       nobody does.)
 *   S8  once the runtime's poller is open the timed one sleeps in it, not on its
 *       futex: to wait for events is a deadline later than all (WATCH_DUTY), so
 *       S4 holds for it, too.  Its waker kicks the poller after the token.  With
 *       events in hand it unlists itself, or waits for the token of who popped
 *       it, before it delivers them.
 *   S6  readying into an empty next slot publishes nothing: its owner will
 *       most likely run it within tens of ns; the monitor bounds the delay
 *       when it does not.
 *
 * Ordering
 *   D1  store-seq by publisher and sleeper, before
 *   D2  load-seq of the other side's word.
 *   T1  token: store-release by the waker / load-acquire by the sleeper, who
 *       sees `searching` set for it.
 *
 * Lock rank: IDLE.  After Go's proc.go (submit / stop-spinning pattern) and
 * the eventcount; the model is in tests/model/idle.pml.
 */
#ifndef WEFT_SCHED_IDLE_H
#define WEFT_SCHED_IDLE_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"

struct weft_runtime;
struct worker;

/* A deadline is near when the monitor might see to it too late. */
#define DUTY_NEAR_NS INT64_C(10000000)

struct idle {
	CACHE_ALIGNED struct spinlock lock;
	struct worker *stack;           /* lock: sleepers, last in first out */
	struct worker *timed;           /* lock: S4 */
	_Atomic uint32_t sleepers;      /* S1 */
	_Atomic uint32_t searchers;     /* S2 */
	_Atomic int64_t timed_until;    /* S4; INT64_MAX: no timed sleeper */
};

/* Per worker. */
struct sleeper {
	_Atomic uint32_t token;         /* T1; futex word */
	struct worker *next;            /* idle.lock */
	_Atomic bool listed;            /* idle.lock; the monitor peeks */
	bool searching;                 /* owner; the waker while asleep */
	bool duty;                      /* owner: was timed when it woke (S7) */
	bool in_poller;                 /* S8; owner while not listed         */
	uint8_t vain;                   /* owner: searches in vain since one
					 * found something; VAIN_MAX at most  */
	int64_t until;                  /* owner: what it was timed for       */
};

/* Wake one sleeper for work that was just published with a store-seq. */
void weft__idle_wake_slow(struct weft_runtime *rt);

static ALWAYS_INLINE bool idle_wants(struct idle *idle)
{
	return unlikely(load_seq(&idle->sleepers) != 0) &&          /* D2 */
	       load_seq(&idle->searchers) == 0;                     /* D2 */
}

static ALWAYS_INLINE void idle_wake(struct weft_runtime *rt, struct idle *idle)
{
	if (idle_wants(idle))
		weft__idle_wake_slow(rt);
}

/* Wake one sleeper even though somebody searches (the monitor), and all. */
bool weft__idle_wake_one(struct weft_runtime *rt);
void weft__idle_wake_all(struct weft_runtime *rt);

/* Wake this one, if it sleeps: only it can take a pinned routine. */
void weft__idle_wake_worker(struct worker *w);

/* A timer earlier than any in its heap was published (store-seq). */
void weft__idle_timer_armed(struct weft_runtime *rt, int64_t deadline);

/* May w search?  Then it counts as a searcher. */
bool weft__idle_search_begin(struct worker *w);
/* w found work (or gives up: no more looking). */
void weft__idle_search_found(struct worker *w);
/* The same for one that had the timer duty. */
void weft__idle_duty_pass(struct worker *w);
/* Somebody sleeps, and nobody watches a deadline that comes before `by`. */
bool weft__idle_duty_due(struct weft_runtime *rt, int64_t by);

/* The runtime has a poller from now on (S8): somebody gets up to sleep in it. */
void weft__idle_poller_opened(struct weft_runtime *rt);

/* Sleep until there may be work.  Returns at once when the last look finds
 * some.  w may be a searcher afterwards. */
void weft__idle_sleep(struct worker *w);

/* The same for a worker whose thread does something else meanwhile (drive.h):
 * list it, and look a last time; false: it found work and is not listed.  Then,
 * whether it was woken or not, off the list. */
bool weft__idle_lie_down(struct worker *w);
void weft__idle_get_up(struct worker *w);

#endif
