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
 */
#ifndef WEFT_SCHED_SWITCH_H
#define WEFT_SCHED_SWITCH_H

#include "arch/arch.h"
#include "sched/worker.h"

static ALWAYS_INLINE void after_switch(struct worker *w)
{
	struct left *l = &w->left;
	enum left_kind kind = l->kind;

	l->kind = LEFT_NOTHING;
	if (kind == LEFT_UNLOCK)
		spin_unlock((struct spinlock *)l->arg);
	else if (kind == LEFT_YIELD)
		weft__enqueue_quiet(w, l->routine);
	else if (kind == LEFT_DEAD)
		weft__stack_put(&w->stacks, (struct stack *)l->arg);
	else if (kind == LEFT_CALL)
		l->call(w, l->routine, l->arg);
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

/* Leave the running context of `from` (its sp goes to *save) for `to`.
 * Returns when resumed, with the worker that did. */
static ALWAYS_INLINE struct worker *switch_to(struct worker *w, void **save,
					      struct stack *from,
					      struct routine *to)
{
	struct stack *stack;
	void *sp = switch_aim(w, to, &stack);

	weft__san_before_switch(from, stack, false);
	w = weft__arch_switch(save, sp, w);                     /* X2 */
	weft__san_after_switch(from);
	after_switch(w);
	return w;
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
