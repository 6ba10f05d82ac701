/* sched/switch.h - leaving one context for another.
 *
 * The only door to the assembler for routines, used by worker.c, entry.c and
 * park.c.  A context that leaves writes w->left; whoever runs next on that
 * thread does what it asks, on its own stack, before anything else: by then
 * the context is saved and may be resumed anywhere (park.h, P1).
 *
 * Invariants
 *   X1  between a store to w->left and the switch nothing parks or panics.
 *   X2  after a switch the old `w` is dead: use the one that came back.
 *   X3  whoever switches has set left.kind, the loop to LEFT_NOTHING.
 */
#ifndef WEFT_SCHED_SWITCH_H
#define WEFT_SCHED_SWITCH_H

#include "arch/arch.h"
#include "sched/worker.h"

/* The rarer requests, and the rarer turns of the common ones; returns w so
 * that it can end a function. */
struct worker *weft__after_switch_slow(struct worker *w);

static ALWAYS_INLINE struct worker *after_switch(struct worker *w)
{
	struct left *l = &w->left;

	if (l->kind == LEFT_UNLOCK) {
		spin_unlock((struct spinlock *)l->arg);
		return w;
	}
	if (l->kind == LEFT_YIELD && !(l->routine->flags & ROUTINE_SPECIAL)) {
		routine_set_state(l->routine, ROUTINE_RUNNABLE);
		if (likely(runq_push_quiet(&w->runq, l->routine)))
			return w;
	}
	return weft__after_switch_slow(w);
}

/* Make `to` (NULL: the loop) what w runs; its context and stack. */
static ALWAYS_INLINE void *switch_aim(struct worker *w, struct routine *to,
				      struct stack **stack)
{
	if (likely(to != NULL) &&
	    (likely(to->stack != NULL) || weft__routine_attach(w, to))) {
		routine_set_state(to, ROUTINE_RUNNING);
		w->current = to;
		*stack = to->stack;
		return to->sp;
	}
	w->current = NULL;
	*stack = &w->loop_stack;
	return w->loop_sp;
}

/* Can `to` be switched to without further ado? */
static ALWAYS_INLINE bool switch_ready(const struct routine *to)
{
	return to && to->stack;
}

/* Leave the running context of `me` for `to`, for which switch_ready holds. */
static ALWAYS_INLINE struct worker *switch_quick(struct worker *w,
						 struct routine *me,
						 struct routine *to)
{
	struct stack *from = me->stack;

	routine_set_state(to, ROUTINE_RUNNING);
	w->current = to;
	weft__san_before_switch(from, to->stack, false);
	w = weft__arch_switch_ret(&me->sp, to->sp, w);              /* X2 */
	weft__san_after_switch(from);
	return after_switch(w);
}

/* Leave the running context of `from` (its sp goes to *save) for `to`.
 * Returns when resumed, with the worker that did. */
static ALWAYS_INLINE struct worker *switch_to(struct worker *w, void **save,
					      struct stack *from,
					      struct routine *to)
{
	struct stack *stack;
	void *sp = switch_aim(w, to, &stack);

	weft__san_before_switch(from, stack, false);
	w = weft__arch_switch_ret(save, sp, w);                     /* X2 */
	weft__san_after_switch(from);
	return after_switch(w);
}

/* The running context ends; its stack is in w->left. */
static ALWAYS_INLINE _Noreturn void switch_away(struct worker *w,
						struct stack *from,
						struct routine *to)
{
	struct stack *stack;
	void *sp = switch_aim(w, to, &stack);

	weft__san_before_switch(from, stack, true);
	weft__arch_jump(sp, w);
}

#endif
