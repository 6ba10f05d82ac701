/* scope/scope.h - a scope, the routines in it, and the tree that both make.
 *
 * Place in the life of a routine:  scope_go -> [ seat ] -> running -> [ seat ]
 *
 * A scope lies in its owner's frame.  Whoever is in it has a seat: the owner's
 * lies in the scope, a child's in the child's first frame, from its first run
 * to its end.  A scope is begun from a seat, of the scope around it, so the tree
 * goes scope - seat - scope, and everything below a scope can be reached from
 * it through what its own lock protects.  A routine knows its innermost seat
 * (cancel.h), a plain thread keeps that in a variable of its own.
 *
 * Invariants
 *   S1  reason goes from 0 to why it is cancelled, once.  Who takes it there
 *       tells the scope: it marks everybody in a seat and takes each scope begun
 *       from there from 0 to -ECANCELED, telling it in turn.  Scopes to tell are
 *       chained through `work`, which is his who cancelled: no recursion.
 *   S2  a routine has CANCEL_SCOPE when the scope of its innermost seat has a
 *       reason.  Who sets a reason marks afterwards, under the handle; who
 *       changes his seat reads the reason afterwards, under the handle: of the
 *       two one sees the other.
 *   S3  the same for a scope that begins: it stands in seat->inner, under the
 *       lock of that scope, before it looks whether that is cancelled.
 *   S4  a scope stands while busy is not 0.  busy counts the children from go
 *       to their end, and pins.  A pin is taken only by who knows the scope to
 *       stand: under the lock of the scope around it (it is seat->inner there),
 *       under the owner's handle (it is in the owner's chain), by a child of it
 *       or by its owner.  It is given back under the scope's own lock, and the
 *       unlock is the last access.  The end waits for children, takes the scope
 *       out of seat and chain, then waits for pins.
 *   S5  shields is the number of shields that the owner had begun when the scope
 *       began and has not ended since: it grows inwards along the owner's
 *       chain.  A scope is told from outside unless it has more of them than the
 *       seat it was begun from (0 for a child's seat).  Changed by the owner,
 *       from the innermost outwards, each under the lock of the scope around it.
 *   S6  a child that has not run yet has no seat: it finds the reason when it
 *       takes one.
 *   S7  the deadline is an alarm: it starts a routine, which cancels, unless the
 *       owner is in its end and nobody is left to be cancelled.  Nothing
 *       counts that routine until the end, which stops the alarm; if it has
 *       fired, the end waits until the routine has rung.
 *
 * Ordering
 *   C1  reason: CAS-acquire-release / load-acquire.  Who is refused or ends for
 *       it sees what was done before the cancel.
 *   C2  busy: add-acquire-release by a pin or go, sub-acquire-release under the
 *       lock / load-acquire by the end, which has then seen the lock taken (L1
 *       of spinlock.h): if it is free, that was the last access (S4).
 *
 * Lock rank: one scope's lock, then one handle (routine.h, H1) or, to set the
 * alarm, TIMERS; no two scopes' locks.  Claimed waits are readied with no lock
 * held.
 */
#ifndef WEFT_SCOPE_SCOPE_H
#define WEFT_SCOPE_SCOPE_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "sched/alarm.h"
#include "sched/cancel.h"
#include "sched/park.h"

#include <weft/scope.h>

struct seat {
	struct link link;               /* a child's: in untold or told; lock */
	struct scope *scope;            /* fixed: what it is a seat in        */
	struct routine *routine;        /* fixed; NULL: a plain thread        */
	struct scope *inner;            /* lock of scope: begun from here     */
};

#define SCOPE_MARK UINT64_C(0x77656674736f7065)

struct scope {
	uint64_t mark;                  /* SCOPE_MARK ^ address while open    */
	struct spinlock lock;
	_Atomic int reason;             /* S1                                 */
	_Atomic int cause;              /* what end returns; 0 -> err once    */
	_Atomic uint32_t busy;          /* S4                                 */
	_Atomic uint32_t shields;       /* S5                                 */
	int policy;                     /* owner, before the first go         */
	bool timed;                     /* owner: the alarm was set           */
	bool ending;                    /* lock: of a timed one, in its end   */
	bool await_ring, rung;          /* lock: S7                           */
	size_t failures;                /* lock                               */
	struct seat *from;              /* fixed: the seat it was begun from  */
	struct scope *base;             /* fixed: the owner's outermost one
					 * that is around it, or itself       */
	struct seat owner;
	struct list untold, told;       /* lock: seats of children; told: they
					 * know that it is cancelled          */
	struct wait *waiter;            /* lock: the end, when it waits       */
	struct scope *work;             /* S1                                 */
	struct defer defer;
	struct alarm alarm;             /* S7                                 */
};
_Static_assert(sizeof(struct scope) <= sizeof(weft_scope), "it fits");
_Static_assert(_Alignof(struct scope) <= _Alignof(weft_scope), "aligned");

/* NULL: not open. */
static inline struct scope *scope_of(const weft_scope *pub)
{
	struct scope *s = (struct scope *)(void *)(uintptr_t)pub;

	return s && s->mark == (SCOPE_MARK ^ (uintptr_t)s) ? s : NULL;
}

static inline bool seat_is_owners(const struct seat *seat)
{
	return seat == &seat->scope->owner;
}

/* S5: how many shields count as outside of what is begun from this seat. */
static inline unsigned seat_shields(struct seat *seat)
{
	return seat && seat_is_owners(seat) ?
	       load_rlx(&seat->scope->shields) : 0;
}

/* The caller's innermost seat, or NULL; r is the caller's routine. */
struct seat *weft__seat_get(struct routine *r);
/* The caller is in this seat from now on; r: under its handle (S2). */
void weft__seat_set(struct routine *r, struct seat *seat);
/* S2: the caller's routine r, or the plain thread, moves to this seat. */
void weft__seat_move(struct routine *r, struct seat *seat);
/* The seat of another routine, whose handle is held. */
static inline struct seat *seat_of(struct routine *r)
{
	return (struct seat *)(void *)weft__cancel_scope(r);
}
/* The shields of the caller. */
unsigned weft__shields(struct routine *r, int change);

/* Cancel s, which stands (S4) and goes on standing during the call. */
void weft__scope_cancel(struct worker *w, struct scope *s, int reason);

/* S1: true, it is the caller who tells s.  s stands. */
bool weft__scope_mark(struct scope *s, int reason);
/* Tell s, which the caller has marked and pinned, and all below; unpins. */
void weft__scope_tell(struct worker *w, struct scope *s);

static inline void scope_pin(struct scope *s)
{
	add_acqrel(&s->busy, 1);                                    /* C2 */
}

/* One less; the last access. */
void weft__scope_unpin(struct worker *w, struct scope *s);
/* The same where the lock is held, which is released. */
void weft__scope_unpin_locked(struct worker *w, struct scope *s);

/* The routine that the alarm starts (S7), and its last act. */
void weft__scope_ring(void *scope);
void weft__scope_rung(struct worker *w, struct scope *s);

/* Once: what the runtimes must know of children. */
void weft__children_prepare(void);

/* For panics: end shields until `depth` are left; depth as it was before, from
 * weft__shields(r, 0). */
void weft__shields_restore(unsigned depth);

#endif
