/* sync/waitlist.h - a short lock and those who wait behind it, in an object
 * whose memory may go as soon as one side has returned.
 *
 * Place in the life of a routine:  running -> [ wait ] -> park
 *                                  [ take, finish ]     -> ready
 *
 * What once, semaphore, barrier, latch and one-shot are made of.  The lock is
 * free, held, or, in objects that become true once, open for good.  Who ends
 * waits does it in two steps: under the lock he takes places off the list into
 * a harvest; after his last access to the object he finishes the harvest.
 *
 * Invariants
 *   B1  The list, its length and the fields of the object are changed only
 *       under the lock, which is held for straight-line code; weft__park
 *       releases it when the last to enter has his context saved.
 *   B2  Opening or unlocking is a taker's last access to the object.  Whoever
 *       learns from him that the object has done its work, learns it later:
 *       by finding it open or unlocked, by being readied, or by DROPPED
 *       turning into GONE.  So he may free it.
 *   B3  A readied waiter does not look at the object: what it was waiting for
 *       is in its place.
 *   B4  A place is taken by who holds the lock: TAKEN when he has also claimed
 *       the wait, which he then readies, else DROPPED, then GONE.
 *       Where a TAKEN waiter was given something (it has a function `left`) its
 *       withdraw gives that back if it is discarded before it has run.
 *   B5  A waiter that gives up (deadline, cancel, discard) must take its place
 *       off the list, but the object may be gone.  It turns LISTED into
 *       LEAVING, which keeps a taker waiting and so the object standing, and
 *       only tries for the lock, since the taker holds it while he waits; when
 *       it fails it turns back and starts over.
 *
 * Ordering
 *   B6  lock: CAS-acquire to hold / store-release to free or open, load-acquire
 *       by who finds it open.  The next one sees the object, and all that was
 *       done before.
 *   B7  stage: CAS-acquire-release of LISTED by leaver and taker, store-release
 *       back and of GONE / load-acquire by the leaver.  The leaver that sees
 *       GONE sees what the taker left in the place, and so does its owner.
 *
 * Lock rank: two of these locks are never held at once.
 */
#ifndef WEFT_SYNC_WAITLIST_H
#define WEFT_SYNC_WAITLIST_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "sched/park.h"

enum { LOCK_FREE, LOCK_HELD, LOCK_OPEN };

/* The first fields of every public struct that has waiters. */
struct waitlist {
	struct spinlock lock;           /* LOCK_... (B6)                     */
	_Atomic uint32_t length;        /* how many are listed; lock         */
	struct list list;               /* of struct listed, FIFO; lock      */
};

enum stage { STAGE_LISTED, STAGE_LEAVING, STAGE_TAKEN, STAGE_DROPPED,
	     STAGE_GONE };

/* Places taken off and not yet finished; on the taker's stack. */
struct harvest {
	struct list taken, dropped;
};

#define HARVEST_NONE { { NULL, NULL }, { NULL, NULL } }

/* One waiter, on its own stack. */
struct listed {
	struct link link;               /* lock; once taken the taker's      */
	struct waitlist *list;          /* valid until taken                 */
	_Atomic uint32_t stage;         /* enum stage (B7)                   */
	/* What to do about one who has just left the list by himself, or (stage
	 * says TAKEN) is discarded before he has run; locked.  NULL: nothing. */
	void (*left)(struct listed *p, struct harvest *h);
	struct wait wt;
};

/* What a wait answers when it gave up and then found itself taken: what it
 * waited for has happened, and the object is the caller's business again. */
enum { WAIT_DROPPED = 1 };

bool weft__waitlist_lock_slow(struct waitlist *l);

/* False: it is open. */
static ALWAYS_INLINE bool waitlist_lock(struct waitlist *l)
{
	uint32_t was = LOCK_FREE;

	return likely(cas_acq(&l->lock.locked, &was, LOCK_HELD)) || /* B6 */
	       weft__waitlist_lock_slow(l);
}

static ALWAYS_INLINE void waitlist_unlock(struct waitlist *l)
{
	store_rel(&l->lock.locked, LOCK_FREE);                      /* B6 */
}

/* Instead of unlocking: nobody will wait again. */
static ALWAYS_INLINE void waitlist_open(struct waitlist *l)
{
	store_rel(&l->lock.locked, LOCK_OPEN);                      /* B6 */
}

static ALWAYS_INLINE bool waitlist_is_open(const struct waitlist *l)
{
	return load_acq(&l->lock.locked) == LOCK_OPEN;              /* B6 */
}

/* Who has waited longest; locked. */
static inline struct listed *waitlist_first(struct waitlist *l)
{
	return list_empty(&l->list) ? NULL :
	       container_of(l->list.head, struct listed, link);
}

/* Take p off the locked list, into h.  False: it had given up. */
bool weft__waitlist_take(struct waitlist *l, struct listed *p,
			 struct harvest *h);

static inline void waitlist_count(struct waitlist *l, uint32_t change)
{
	store_rlx(&l->length, load_rlx(&l->length) + change);
}

static inline void waitlist_take_all(struct waitlist *l, struct harvest *h)
{
	struct listed *p;

	while ((p = waitlist_first(l)))
		weft__waitlist_take(l, p, h);
}

void weft__waitlist_finish_slow(struct worker *w, struct harvest *h);

/* After the last access to the object.  The frame of each place may go. */
static ALWAYS_INLINE void waitlist_finish(struct worker *w, struct harvest *h)
{
	if (unlikely(!list_empty(&h->taken) || !list_empty(&h->dropped)))
		weft__waitlist_finish_slow(w, h);
}

/*
 * Wait at the end of the locked list, which is unlocked.  p->left is set.
 * Parks; a cancel point, but the caller has asked whether it is cancelled
 * already.  0: taken; WAIT_DROPPED; -EAGAIN for WEFT_NOWAIT and -ETIMEDOUT for
 * a past deadline without having waited; -ETIMEDOUT, -ECANCELED, -ENOMEM: off
 * the list, by itself.
 */
int weft__waitlist_wait(struct waitlist *l, struct worker *w, struct listed *p,
			int64_t deadline, enum park_reason reason);

/* The same with no deadline and no cancel point. */
void weft__waitlist_wait_steady(struct waitlist *l, struct worker *w,
				struct listed *p, enum park_reason reason);

/* For calls with a deadline: they ask unless they only try. */
static ALWAYS_INLINE bool waitlist_cancelled(struct worker *w, int64_t deadline)
{
	return unlikely(weft__cancelled(w)) && deadline != 0;
}

#endif
