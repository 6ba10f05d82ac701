/* sched/queue.c - where a routine goes that became runnable.
 *
 * Place in the life of a routine:  spawn, wake -> [ queue ] -> pick
 *
 *   enqueue_next    readied by this worker: its next slot (worker.h)
 *   weft__enqueue   this worker's ring, or what does not fit: the inject queue
 *   weft__inject    from elsewhere: the inject queue
 *   pinned ones     the queue of the worker they belong to
 *   high priority   readied by this worker: its next slot, whoever is in it;
 *                   from elsewhere: the urgent queue; after a yield: the ring
 *   low priority    the background queue, looked at when nothing else runs and
 *                   now and then otherwise, so that it ages but never starves
 *
 * Every way but the quiet one ends in idle_wake (idle.h, D1 D2).
 */
#include "sched/worker.h"
#include "sched/runtime.h"
#include "sched/switch.h"

/* The ring is full: its older half goes to the inject queue, then r fits. */
static NOINLINE void overflow(struct worker *w, struct routine *r)
{
	struct injectq *q = &w->rt->inject;
	struct inject_block *b = weft__injectq_block(q);
	uint32_t n;

	if (unlikely(injectq_piled(q)))
		store_rlx(&w->picks, load_rlx(&w->picks) |
			  (LOOK_RARELY - 1));                   /* F8 */
	if (likely(b != NULL)) {
		n = weft__runq_spill(&w->runq, b->slot);
		if (n)
			weft__injectq_push_block(q, b, n);
		else            /* thieves made room meanwhile */
			weft__injectq_block_back(q, b);
	}
	while (!runq_push(&w->runq, r)) {
		/* No memory for a block: one by one. */
		struct routine *first = runq_take(&w->runq);

		if (first)
			weft__injectq_push(q, first, first, 1);
	}
}

/* To the ring's end, at any price. */
static void ring(struct worker *w, struct routine *r)
{
	if (unlikely(!runq_push(&w->runq, r)))
		overflow(w, r);
}

/* Pinned or with a priority: the slow way in.  w: this worker, or NULL when
 * the routine comes from elsewhere. */
static NOINLINE void enqueue_special(struct weft_runtime *rt, struct worker *w,
				     struct routine *r)
{
	if (r->flags & ROUTINE_PINNED) {
		struct worker *home = rt->worker[r->home];

		weft__injectq_push(&home->pinned, r, r, 1);
		weft__idle_wake_worker(home);
	} else if (r->priority < 0) {
		weft__injectq_push(&rt->background, r, r, 1);
		idle_wake(rt, &rt->idle);
	} else if (!w) {
		weft__injectq_push(&rt->urgent, r, r, 1);
		idle_wake(rt, &rt->idle);
	} else {
		r = xchg_acqrel(&w->next, r);                   /* N1 */
		if (r) {
			ring(w, r);
			idle_wake(rt, &rt->idle);
		}
	}
}

void weft__enqueue_quiet(struct worker *w, struct routine *r)
{
	routine_set_state(r, ROUTINE_RUNNABLE);
	if (unlikely(r->flags & ROUTINE_PINNED || r->priority < 0)) {
		enqueue_special(w->rt, w, r);
		return;
	}
	if (unlikely(!runq_push_quiet(&w->runq, r)))
		overflow(w, r);
}

static NOINLINE int overflow_and_wake(struct worker *w, struct routine *r)
{
	overflow(w, r);
	idle_wake(w->rt, &w->rt->idle);
	return 0;
}

static NOINLINE int wake(struct weft_runtime *rt)
{
	weft__idle_wake_slow(rt);
	return 0;
}

/* No calls but at its end, so no frame. */
int weft__enqueue_new(struct worker *w, struct routine *r)
{
	if (unlikely(!runq_push(&w->runq, r)))
		return overflow_and_wake(w, r);
	return unlikely(idle_wants(&w->rt->idle)) ? wake(w->rt) : 0;
}

void weft__enqueue(struct worker *w, struct routine *r)
{
	if (unlikely(r->flags & ROUTINE_SPECIAL)) {
		enqueue_special(w->rt, w, r);
		return;
	}
	weft__enqueue_new(w, r);
}

void weft__inject(struct weft_runtime *rt, struct routine *r)
{
	if (unlikely(r->flags & ROUTINE_SPECIAL)) {
		enqueue_special(rt, NULL, r);
		return;
	}
	weft__injectq_push(&rt->inject, r, r, 1);
	idle_wake(rt, &rt->idle);
}

struct worker *weft__after_switch_slow(struct worker *w)
{
	struct left *l = &w->left;
	enum left_kind kind = l->kind;

	l->kind = LEFT_NOTHING;
	if (kind == LEFT_YIELD)
		weft__enqueue_quiet(w, l->routine);
	else if (kind == LEFT_DEAD)
		weft__stack_put(&w->stacks, (struct stack *)l->arg);
	else if (kind == LEFT_CALL)
		l->call(w, l->routine, l->arg);
	return w;
}
