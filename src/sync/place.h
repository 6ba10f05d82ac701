/* sync/place.h - where somebody stands who waits for a lock or a condition.
 *
 * A place lies on its owner's stack and is in at most one list.  A list is
 * known by its first place, which knows the last, so an object spends one word
 * on it.  Each list is changed only by who holds its object's BUSY bit, which
 * is held for a few instructions: the spinlock of these small objects, in a
 * word that must also say other things at once.
 *
 * Place in the life of a routine:  running -> [ place ] -> park
 */
#ifndef WEFT_SYNC_PLACE_H
#define WEFT_SYNC_PLACE_H

#include "base/base.h"
#include "base/atomic.h"
#include "sched/park.h"

#include <weft/base.h>

#include <sched.h>

/* What the waker did for the owner, in wt.result. */
enum grant {
	GRANT_NONE,     /* nothing: it was withdrawn, or given back          */
	GRANT_TRY,      /* it may try again (mutex)                          */
	GRANT_HELD,     /* it has what it waited for                         */
};

/* Aligned so that a pointer to it leaves four bits of a word free. */
struct place {
	_Alignas(16) struct wait wt;
	struct place *next, *prev;      /* BUSY                              */
	struct place *last;             /* BUSY; only of the first           */
	void *object;                   /* fixed: whose list                 */
	void *with;                     /* fixed: cond: its mutex; rwlock:
					 * not NULL: it writes, and has the gate */
	uint64_t after;                 /* owner: for when BUSY goes         */
	int64_t since;                  /* owner: when it began to wait      */
	bool linked;                    /* BUSY: in the list                 */
	bool starved;                   /* BUSY: the lock is handed to it    */
	uint8_t reason;                 /* fixed: mutex: what it waits for   */
	_Atomic bool moved;             /* from a cond to its mutex; claimed */
};

/* Each returns what is first from now on. */
static inline struct place *place_append(struct place *first, struct place *p)
{
	p->next = NULL;
	p->linked = true;
	if (!first) {
		p->prev = NULL;
		p->last = p;
		return p;
	}
	p->prev = first->last;
	first->last->next = p;
	first->last = p;
	return first;
}

static inline struct place *place_prepend(struct place *first, struct place *p)
{
	p->prev = NULL;
	p->next = first;
	p->last = first ? first->last : p;
	p->linked = true;
	if (first)
		first->prev = p;
	return p;
}

static inline struct place *place_remove(struct place *first, struct place *p)
{
	p->linked = false;
	if (p->next)
		p->next->prev = p->prev;
	else if (p->prev)
		first->last = p->prev;
	if (p->prev) {
		p->prev->next = p->next;
		return first;
	}
	if (p->next)
		p->next->last = p->last;
	return p->next;
}

/* What a report says of the owner. */
static inline void place_reason(struct place *p, enum park_reason reason)
{
	if (p->wt.routine)
		store_rlx(&p->wt.routine->reason, (uint8_t)reason);
}

/* Say what the owner of a claimed wait gets.  It must give that back if it is
 * discarded before it has run: its withdraw is called then, as for who gave up. */
static inline void place_grant(struct place *p, enum grant g)
{
	p->wt.result = (int)g;
	place_reason(p, PARK_EXPIRED);
}

/* The owner is back and answers for itself. */
static inline void place_back(struct place *p)
{
	place_reason(p, PARK_NONE);
}

/* Every one of a chain, linked by next, whose waits are claimed. */
static inline void place_ready_all(struct worker *w, struct place *p)
{
	if (p && !p->next) {
		weft__ready(w, &p->wt);
		return;
	}
	while (p) {
		struct place *next = p->next;   /* the frame may go at once */

		weft__ready_many(w, &p->wt);
		p = next;
	}
}

/* Somebody holds BUSY, for a few instructions unless it lost its CPU. */
static inline void place_relax(unsigned *spins)
{
	enum { SPINS = 64 };

	if ((*spins)++ < SPINS)
		weft__arch_pause();
	else
		sched_yield();
}

/* On entry of a call that may park, before anything is held: count the operation
 * of a routine.  False: place_enter has to be called. */
static ALWAYS_INLINE bool place_count(struct worker *w)
{
	return likely(w && --((struct worker_head *)(void *)w)->budget >= 0);
}

/* The dispatch budget is spent: yield.  Or it is a plain thread. */
static inline struct worker *place_enter(struct worker *w)
{
	weft__known(w);
	return w ? weft__budget_spent(w) : NULL;
}

/* The answer of who would have to wait and may not. */
static inline int place_refuse(struct worker *w, int64_t deadline)
{
	weft__budget(w);
	return deadline == WEFT_NOWAIT ? -EAGAIN : -ETIMEDOUT;
}

#endif
