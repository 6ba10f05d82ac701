/* sched/park_inline.h - the bodies that park.h promises; they need to see the
 * head of struct worker and the routine's record, and nothing else of the
 * scheduler. */
#ifndef WEFT_SCHED_PARK_INLINE_H
#define WEFT_SCHED_PARK_INLINE_H

#include "arch/arch.h"
#include "routine/routine.h"

/* The first fields of every struct worker (sched/worker.h). */
struct worker_head {
	struct routine *current;        /* what runs here; owner only        */
	int budget;                     /* operations left; owner only       */
};

extern __attribute__((visibility("hidden"), tls_model("initial-exec")))
_Thread_local struct worker *weft__tls_worker;

static ALWAYS_INLINE struct worker *weft__worker(void)
{
	return WEFT_ARCH_TLS_LOAD(weft__tls_worker);
}

static inline struct routine *weft__current(struct worker *w)
{
	return w ? ((struct worker_head *)(void *)w)->current : NULL;
}

static inline void weft__known(struct worker *w)
{
	if (unlikely(!w))
		weft__plain_act();
}

/* weft__known, too. */
static inline bool weft__cancelled(struct worker *w)
{
	struct routine *r;

	if (unlikely(!w)) {
		weft__plain_act();
		return false;
	}
	r = weft__current(w);
	return r && unlikely(cancel_felt(load_rlx(&r->cancel)));
}

static inline void weft__place_vacate(struct worker *w)
{
	if (unlikely(weft__current(w)->flags & ROUTINE_PLACED))
		weft__place_vacated(w);
}

static inline void wait_set(struct wait *wt, struct routine *r,
			    int64_t deadline, bool shared)
{
	wt->routine = r;
	wt->shared = shared;
	wt->result = 0;
	wt->open = 0;
	store_rlx(&wt->claim, 0);
	wt->object = NULL;
	wt->withdraw = NULL;
	store_rlx(&wt->signal, 0);
	wt->timer.deadline = deadline;
}

static inline void wait_init(struct wait *wt, struct routine *r,
			     int64_t deadline)
{
	wait_set(wt, r, deadline, deadline != INT64_MAX ||
				  (r && r->flags & ROUTINE_EXPOSED));
}

static inline void wait_init_steady(struct wait *wt, struct routine *r)
{
	wait_set(wt, r, INT64_MAX, false);
}

static inline bool wait_claim(struct wait *wt)
{
	uint32_t open = wt->open;

	return !wt->shared ||
	       cas_acqrel(wt->routine ? &wt->routine->claim : &wt->claim,
			  &open, open + 1);                         /* W1 */
}

struct worker *weft__budget_spent(struct worker *w);

static inline struct worker *weft__budget(struct worker *w)
{
	if (unlikely(!w)) {
		weft__plain_act();
		return NULL;
	}
	if (unlikely(--((struct worker_head *)(void *)w)->budget < 0))
		return weft__budget_spent(w);
	return w;
}

#endif
