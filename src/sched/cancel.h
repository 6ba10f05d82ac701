/* sched/cancel.h - telling a routine, wherever it is, that it is cancelled.
 *
 * Above the waist, for scopes: they say who is cancelled and why; here that is
 * written on the routine, and the wait that it is in, if any, is ended.
 *
 * All of it works on a routine whose handle the caller holds (weft__cancel_lock,
 * or the routine itself): it can neither end nor become another meanwhile.
 *
 * Invariants
 *   N1  bits change under the handle's lock only; the routine itself reads them
 *       at each cancel point without it.
 *   N2  a routine that feels a cancel (cancel_felt) either sees it at its next
 *       cancel point, or its open wait is claimed here: W4 of park.h.
 *   N3  only waits of a routine that is ROUTINE_EXPOSED open (park.h, P2): it
 *       became so before anybody could know whom to cancel.
 */
#ifndef WEFT_SCHED_CANCEL_H
#define WEFT_SCHED_CANCEL_H

#include "sched/park.h"

/* Hold the routine that `id` names.  NULL: stale. */
struct routine *weft__cancel_lock(uint64_t id);
void weft__cancel_lock_own(struct routine *r);
/* Its runtime is dead (fork.h): nothing reaches it any more. */
bool weft__cancel_late(struct worker *w, struct routine *r);
void weft__cancel_unlock(struct routine *r);

/* Add `set`, remove `clear`.  Returns the wait that has ended by it, which the
 * caller readies (weft__ready_many) after the unlock; NULL: none, or that is
 * done, since the caller is none of its runtime's workers. */
struct wait *weft__cancel_bits(struct routine *r, uint8_t set, uint8_t clear);

/* The innermost scope that r owns; NULL also when r has not begun to run.  To
 * set it is for r itself. */
struct weft_scope *weft__cancel_scope(struct routine *r);
void weft__cancel_scope_set(struct routine *r, struct weft_scope *s);

/* weft_go_words for a caller whose own caller is the one to name in reports. */
int weft__go_words_for(void (*fn)(void), unsigned argc, const uintptr_t *argv,
		       const void *site);

/* Run the key destructors of r, the running routine, now: before those who wait
 * for its end by other means than a join may go on.  They may park. */
void weft__local_finish(struct routine *r);

/* Keep the stack of r, whose handle is held, for a caller outside of its runtime,
 * although that may end.  Gives what leave wants. */
int weft__cancel_enter(struct worker *w, struct routine *r);
void weft__cancel_leave(int entered);

/* Told of each routine that a runtime discards, while its frames still stand and
 * no worker runs any more; takes no handle (discard.c, O3).  May be NULL. */
extern void (*_Atomic weft__discard_told)(struct routine *r);

/* How many shields r has begun; for r itself. */
unsigned weft__cancel_shields(struct routine *r, int change);

#endif
