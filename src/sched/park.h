/* sched/park.h - THE WAIST: how everything above waits and wakes.
 *
 * Channels, locks, timers and I/O know nothing of run queues or assembler;
 * they know a `wait` (one blocking call of one routine or plain thread) and
 * `waiter` nodes (its place in the queue of one object).
 *
 *     parker                                waker
 *     lock object                           lock object
 *     wait_init(&wt, w)                     pop a waiter
 *     put a waiter in the object's queue    wait_claim(waiter->wait)? else next
 *     w = weft__park(w, &wt, &lock, ...)    hand the value over, set wt.result
 *       (the lock is released only          unlock object
 *        after the context is saved)        weft__ready(w, wt)
 *     look at wt.result; when it is
 *     -ETIMEDOUT or -ECANCELED, lock the
 *     object and unlink the waiter
 *
 * Invariants
 *   P1  the object's lock is released by whoever runs after the parker, once
 *       its context is saved: a waker that can reach the wait can resume it.
 *   P2  exactly one contender claims a wait: waker, timer or canceller.  The
 *       losers never touch it again.  A wait with one possible contender (its
 *       `shared` is false) is claimed by finding it, under the object's lock.
 *       A shared one of a routine is claimed in the routine's record, which
 *       outlives it: a canceller, who holds no object's lock, may look at the
 *       claim at any time and at the wait only once it has claimed it.
 *   P3  the claimer owns the wait until weft__ready; after that the parker may
 *       have returned and the frame may be gone.
 *   P4  weft__ready is called once per claimed wait, with no short lock held
 *       that the parker could need (the object's lock may be held).
 *   P5  a value moves only after the claim, so a timed-out or cancelled wait
 *       neither lost nor duplicated one.
 *   P6  a shared wait opens when the context is saved and before the object's
 *       lock is released: no waker finds it closed, no canceller too early.
 *
 * Ordering
 *   W1  claim: store-seq of an odd number to open, CAS-acquire-release of the
 *       next even one by all contenders.  The winner sees the wait as
 *       published; the loser's writes are not needed.
 *   W4  cancel: store-seq by the canceller before it looks at claim (seq) /
 *       load-seq by the parker after it has opened.  One of them sees the
 *       other, so a cancel that comes as a routine parks ends that park.
 *   W2  signal: store-release by weft__ready / load-acquire by the plain
 *       thread that waits: it sees result and value.  (A routine sees them
 *       through the run queue.)
 *   W3  plain_timed: seq RMW by a plain thread, after plain_threads was set on
 *       its way out / load-seq by the deadlock verdict before it reads that.
 *
 * Everything here runs on the caller's stack and takes the worker as an
 * argument: `w` is read once at the API's entry by weft__worker() and replaced
 * by what weft__park returns, since the routine may have moved to another
 * thread.  NULL means a plain thread: it waits on a futex.
 */
#ifndef WEFT_SCHED_PARK_H
#define WEFT_SCHED_PARK_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/spinlock.h"

struct worker;
struct routine;
struct weft_attr;
struct timers;

/* Why a routine is parked; printed in reports.  Never reuse a number. */
enum park_reason {
	PARK_NONE, PARK_CHAN_SEND, PARK_CHAN_RECV, PARK_CHAN_NIL, PARK_JOIN,
	PARK_SLEEP, PARK_PERMIT, PARK_WAITGROUP, PARK_BLOCKING, PARK_SELECT,
	PARK_EXPIRED, PARK_MUTEX, PARK_RLOCK, PARK_WLOCK, PARK_COND, PARK_ONCE,
	PARK_SEM, PARK_BARRIER, PARK_LATCH, PARK_ONESHOT, PARK_TIMER, PARK_SCOPE,
	PARK_READ, PARK_WRITE, PARK_POLL, PARK_CLOSE, PARK_FILE,
	PARK_AWAIT,
	PARK_REASONS
};
extern const char *const weft__park_reason_name[PARK_REASONS];

/* A deadline below the waist.  Fields belong to sched/timers.c. */
struct timer {
	int64_t deadline;
	_Atomic(struct timers *) owner; /* heap it is in; NULL: in none */
	uint32_t slot;
	bool alarm;                     /* M5, M6: not a wait's              */
	void (*fire)(struct worker *w, struct timer *t);
};

struct wait {
	struct routine *routine;        /* NULL: a plain thread             */
	_Atomic uint32_t claim;         /* of a plain thread (W1)           */
	uint32_t open;                  /* claim's value while it is open   */
	bool shared;                    /* more than one possible contender */
	int result;                     /* claimer writes, parker reads     */
	struct waiter *winner;          /* select: which case; claimer      */
	void *object;                   /* for withdraw and reports; parker's*/
	bool (*withdraw)(struct wait *);/* unlink from every object, locking
					 * them; false: somebody has claimed it */
	int64_t since;                  /* when it parked, to a tick         */
	_Atomic uint32_t signal;        /* plain thread: futex word (W2)    */
	struct timer timer;             /* valid with a deadline            */
};

/* One place in one object's queue.  link is under the object's lock. */
struct waiter {
	struct link link;
	struct wait *wait;
	void *elem;                     /* where the value is or goes       */
	void *object;                   /* whose queue, for withdraw        */
};

/* The worker this thread is, or NULL.  Never keep it across a park. */
static struct worker *weft__worker(void);

/* A cancel point.  The deadline is WEFT_FOREVER (INT64_MAX) or absolute ns;
 * NOWAIT (0) never gets here.  A past deadline parks and fires at once. */
static inline void wait_init(struct wait *wt, struct routine *r,
			     int64_t deadline);

/* A wait that is no cancel point and has no deadline. */
static inline void wait_init_steady(struct wait *wt, struct routine *r);

/* True: the caller is the one who ends this wait. */
static inline bool wait_claim(struct wait *wt);

/* The running routine of w is cancelled, and not shielded.  Every cancel point
 * that may wait asks first, before it has any effect. */
static inline bool weft__cancelled(struct worker *w);

/*
 * Park the running routine (or wait, on a plain thread) until `wt` is claimed
 * and readied.  `unlock` (may be NULL) is released once the context is saved.
 * Returns the worker that resumed the routine (NULL on a plain thread);
 * wt->result holds what the claimer said; nobody claimed it, and the caller
 * must unlink its waiters, when it is -ETIMEDOUT (the deadline passed),
 * -ECANCELED, or -ENOMEM (no room for the deadline; it did not park).
 * Must not be called with any other short lock held.
 */
struct worker *weft__park(struct worker *w, struct wait *wt,
			  struct spinlock *unlock, enum park_reason reason);

/* The same for other locks than one: release(arg) is called instead, once, on
 * another stack; it may not park, and has read *arg before it gives up the last
 * lock, since the routine may go on from then. */
struct worker *weft__park_release(struct worker *w, struct wait *wt,
				  void (*release)(void *), void *arg,
				  enum park_reason reason);

/*
 * Make the owner of a claimed wait run again; result and value are in place.
 * `w` is the caller's worker or NULL.  The routine goes to the next slot when
 * w is its runtime's, else to the inject queue.  Does not park.
 */
void weft__ready(struct worker *w, struct wait *wt);

/*
 * Like weft__ready, for the last act before the caller itself goes on running
 * for long: many waiters woken at once (close, broadcast) go to the ring and
 * wake idle workers.
 */
void weft__ready_many(struct worker *w, struct wait *wt);

/* The one clock: monotonic ns, never 0. */
int64_t weft__clock(void);

/* "routine 7 "name", entry f, spawned at g": who `id` is, for reports; nothing
 * when it is over.  Returns the length. */
size_t weft__routine_describe(uint64_t id, char *buf, size_t size);

/* The running routine of w, or NULL on a plain thread. */
static inline struct routine *weft__current(struct worker *w);

/* A call owed by the running routine: it is made when a panic or weft_exit
 * leaves the frame that owes it and in which it lies, by the routine itself,
 * while its frames still stand, the last owed first (unwind.h).  On a plain
 * thread it is never made. */
struct defer {
	struct defer *outer;
	void (*fn)(void *);
	void *arg;
};
void weft__defer(struct worker *w, struct defer *d, void (*fn)(void *),
		 void *arg);
/* No longer owed: d is the last one, usually. */
void weft__defer_drop(struct worker *w, struct defer *d);

/* What a call of weft has for itself while it may park, memory or a descriptor.
 * drop(arg) gives it back when the routine never returns from there: as a call
 * that it owes (above), and also when the routine is discarded with its runtime
 * or the coroutine that it is in freed, where owed calls are not made.  Then it
 * runs while the frames still stand, on the thread that ends the runtime or frees
 * the coroutine, and may not wait for anything but the kernel. */
struct hold {
	struct defer owed;
	void (*drop)(void *);
	void *arg;
};
void weft__hold(struct hold *h, void (*drop)(void *), void *arg);
/* The running routine goes on with it by itself. */
void weft__hold_end(struct hold *h);
/* A drop: free(3) for the pointer at `p`. */
void weft__hold_free(void *p);
/* weft_go_attr, for who gives the new routine something to hold: drop(arg) gives
 * that back if it is discarded before it has run.  Then fn has not been called,
 * else it looks after it. */
int weft__go_held(const struct weft_attr *a, void (*fn)(void *), void *arg,
		  void (*drop)(void *));

/* The running routine has only to end: before it tells anybody that it is over,
 * one more may be started in its stead (max_routines). */
static inline void weft__place_vacate(struct worker *w);
void weft__place_vacated(struct worker *w);

/* Set when a plain thread may wake routines: weft_run then cannot tell a
 * deadlock from a wait for that thread (plain.c). */
extern _Atomic uint32_t weft__plain_threads;

/* Plain threads that wait with a deadline (W3). */
extern _Atomic uint32_t weft__plain_timed;

/* On entry of every call that routines may feel, before it has any effect: if the
 * caller is a plain thread, it is known. */
static inline void weft__known(struct worker *w);
void weft__plain_act(void);

/* The calling thread is weft's own, and never counts by itself. */
void weft__plain_ours(void);
/* A run begins; the calling thread waits for it, and asks for the verdict. */
void weft__plain_run_begins(void);
bool weft__plain_may_act(void);
/* In a child of fork: no other thread is left. */
void weft__plain_forked(void);

/* Count one operation against the dispatch budget; yields when it is spent.
 * Returns the worker to go on with.  Every call that may not park calls it. */
static inline struct worker *weft__budget(struct worker *w);

#include "sched/park_inline.h"

#endif
