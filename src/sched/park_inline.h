/* sched/park_inline.h - the bodies that park.h promises; they need to see the
 * head of struct worker, and nothing else of the scheduler. */
#ifndef WEFT_SCHED_PARK_INLINE_H
#define WEFT_SCHED_PARK_INLINE_H

#include "arch/arch.h"

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

struct worker *weft__budget_spent(struct worker *w);

static inline struct worker *weft__budget(struct worker *w)
{
	if (unlikely(!w)) {
		store_rlx(&weft__plain_threads, 1);
		return NULL;
	}
	if (unlikely(--((struct worker_head *)(void *)w)->budget < 0))
		return weft__budget_spent(w);
	return w;
}

#endif
