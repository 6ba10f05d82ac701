/* sched/entry.c - the first frame of every routine, and its last moments.
 *
 * Place in the life of a routine:  switch -> [ entry ] -> user's function
 *                                         -> [ entry ] -> end
 *
 * A stack's bottom frame is a loop: it runs a routine, ends it, and when the
 * next one to run is new and of the same class, runs that on the same stack
 * without any switch.  Else it hands its stack to whoever runs next.
 *
 * Invariants
 *   E1  a routine has a stack from its first run to its end; a stack leaves
 *       the loop only through switch_away, and is put back by the next one, or
 *       just before into the worker's own rack, from where only this thread
 *       can take it, hence not before it has left.
 *   E2  an unwinding that nothing ends (unwind.h) discards the frames above and
 *       enters the loop at the end.
 */
#include "sched/worker.h"
#include "sched/local.h"
#include "sched/pick.h"
#include "sched/runtime.h"
#include "sched/switch.h"
#include "sched/unwind.h"

bool weft__routine_attach(struct worker *w, struct routine *r)
{
	struct stack *s = weft__stack_get(&w->stacks, r->cls);

	if (unlikely(!s)) {
		/* It waits until a stack is given back (weft__starved_retry). */
		weft__injectq_push(&w->rt->starved, r, r, 1);
		or_seq(&w->rt->gate, GATE_STARVED);                 /* G4 */
		return false;
	}
	routine_settle(r, s);
	return true;
}

/* A stack may be had again (a routine ended, the monitor asks): let those who
 * wait for one try. */
NOINLINE void weft__starved_retry(struct weft_runtime *rt)
{
	uint32_t n;
	struct routine *r;

	and_seq(&rt->gate, ~(uint32_t)GATE_STARVED);                /* G4 */
	add_seq(&rt->retrying, 1);                                  /* G6 */
	/* Those of now: others may put them back as fast as we take them. */
	for (n = load_rlx(&rt->starved.len);
	     n && (r = weft__injectq_take(&rt->starved, NULL, 0)); n--)
		weft__inject(rt, r);
	sub_seq(&rt->retrying, 1);                                  /* G6 */
}

typedef void words_fn(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t,
		      uintptr_t);
typedef int join_fn(void *);

/* Call what the record says.  Its words are dead from here on: their room
 * holds what lives with a running routine. */
static ALWAYS_INLINE void run(struct routine *r)
{
	/* One by one: into registers. */
	uintptr_t a = r->word[0], b = r->word[1], c = r->word[2];
	uintptr_t d = r->word[3], e = r->word[4], f = r->word[5];
	struct extra *extra = NULL;

	if (unlikely(r->flags & ROUTINE_EXTRA))
		extra = (struct extra *)f;
	memset(&r->live, 0, sizeof r->live);
	r->live.extra = extra;
	if (r->flags & ROUTINE_JOINABLE)
		r->live.status = ((join_fn *)r->fn)((void *)a);
	else
		((words_fn *)r->fn)(a, b, c, d, e, f);
}

/* The common end: no status, no id given away, nobody who counts. */
static ALWAYS_INLINE void end_plain(struct worker *w, struct routine *r)
{
	store_rlx(&w->ended, load_rlx(&w->ended) + 1);
	routine_set_state(r, ROUTINE_FREE);
	handle_retire(r);
	record_put(&w->records, r);
}

static NOINLINE struct routine *end_other(struct worker *w, struct routine *r)
{
	struct routine *joiner = weft__routine_end(w, r);

	if (unlikely(load_rlx(&w->rt->gate) & GATE_STARVED))
		weft__starved_retry(w->rt);
	return joiner;
}

/* Who runs after an end.  A joiner goes on at once (F5 in worker.c). */
static ALWAYS_INLINE struct routine *succeed(struct worker *w,
					     struct routine *joiner)
{
	bool look = pick_must_look(w);

	if (joiner) {
		if (likely(!look) || weft__pick_directed(w))
			return joiner;
		if (!weft__pick_stand_back(w, joiner))
			enqueue_next(w, joiner);
	}
	return unlikely(look) ? weft__pick_looking(w) : pick_local(w);
}

/* The running routine is over.  Returns when the next one is new and can have
 * this stack; the worker is the one to go on with. */
static ALWAYS_INLINE struct worker *end_and_next(struct worker *w)
{
	struct routine *r = w->current, *to = NULL;
	struct stack *stack;
	struct aim a;

	if (unlikely(r->live.extra != NULL)) {
		weft__local_end(r);     /* may park: destructors are users' */
		w = weft__worker();
	}
	stack = r->stack;
	if (likely(!(r->flags & ~ROUTINE_BARE) && !load_rlx(&w->rt->gate)))
		end_plain(w, r);        /* r is another's from here on */
	else
		to = end_other(w, r);

	w->current = NULL;
	to = succeed(w, to);
	if (to && !to->stack && to->cls == stack->cls) {
		routine_set_state(to, ROUTINE_RUNNING);
		routine_settle(to, stack);                      /* E1 */
		w->current = to;
		return w;
	}
	w->left.kind = LEFT_NOTHING;
	if ((to && !to->stack) || !weft__stack_put_own(&w->stacks, stack)) {
		w->left.kind = LEFT_DEAD;
		w->left.arg = stack;
	}
	aim_somewhere(w, to, &a);
	switch_away(w, stack, &a);
}

static ALWAYS_INLINE _Noreturn void serve(struct worker *w, bool running)
{
	for (;; running = true) {
		if (running) {
			run(w->current);
			w = weft__worker();
		}
		w = end_and_next(w);
	}
}

void weft__routine_main(void *pass)
{
	struct worker *w = pass;

	weft__san_after_switch(w->current->stack);
	serve(after_switch(w, LEFT_UNLOCK), true);
}

/* E2: the frames of the routine are gone. */
static void routine_exited(void *pass)
{
	struct worker *w = pass;

	if (w->shed) {
		weft__san_after_switch(w->current->stack);
		weft__big_put(w, w->shed);
		w->shed = NULL;
	}
	serve(w, false);
}

_Noreturn void weft__routine_leave(struct worker *w)
{
	struct routine *r = w->current;
	struct stack *from = r->stack;

	w->shed = weft__big_shed(r, NULL);
	if (w->shed)
		weft__san_before_switch(from, r->stack, true);
	weft__arch_enter(weft__stack_top(r->stack), routine_exited, w);
}
