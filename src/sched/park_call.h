/* sched/park_call.h - the general park, for the scheduler's own files.
 *
 * commit(w, r, arg) runs on the next context's stack once the routine r is
 * saved; only then may anybody get to know that r can be readied.
 */
#ifndef WEFT_SCHED_PARK_CALL_H
#define WEFT_SCHED_PARK_CALL_H

#include "sched/park.h"
#include "sched/worker.h"

typedef void park_commit(struct worker *w, struct routine *r, void *arg);

struct worker *weft__park_call(struct worker *w, park_commit *commit, void *arg,
			       enum park_reason reason);
/* The same, but commit runs on the worker's own stack, which is big. */
struct worker *weft__park_call_loop(struct worker *w, park_commit *commit,
				    void *arg, enum park_reason reason);

/* Park in the join of r, whose handle the caller holds; it is released once the
 * context is saved.  r runs next if it has just been started by this worker.
 * Room for the wait's deadline is reserved. */
struct worker *weft__park_handle(struct worker *w, struct wait *wt,
				 struct routine *r, enum park_reason reason);

/* --- the life of a wait, for commits -------------------------------------- */

/* Before it parks: room for its deadline.  -ENOMEM. */
static inline int wait_reserve(struct worker *w, struct wait *wt)
{
	return wt->timer.deadline == INT64_MAX ? 0 :
	       weft__timers_reserve(&w->timers);
}
/* Context saved, object's lock held: from now on it can be claimed (P6).  True:
 * the routine is cancelled and the wait claimed; ready it after the unlock. */
bool weft__wait_open(struct worker *w, struct wait *wt);
/* End a claimed wait that nobody answered.  Until the routine runs its reason is
 * PARK_EXPIRED, which tells a discard that its waiters are still linked. */
void weft__wait_fail(struct wait *wt, int err);
/* Back from it: its timer is out, nobody fires it. */
void weft__wait_back(struct wait *wt);

#endif
