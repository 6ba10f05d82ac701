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
 *
 * How the returns are predicted (arch.h): every routine leaves through one call
 * of weft__arch_switch_enter at the same depth below the public function, also
 * for a new routine, and an ending one leaves by a jump from the bottom frame.
 * So functions that switch are inline up to the public one or its tail call,
 * and what is rare is tail-called itself.
 */
#ifndef WEFT_SCHED_SWITCH_H
#define WEFT_SCHED_SWITCH_H

#include "arch/arch.h"
#include "sched/worker.h"

/* The rarer requests, and the rarer turns of the common ones; returns w so
 * that it can end a function. */
struct worker *weft__after_switch_slow(struct worker *w);

/* The bottom frame of every routine's stack (entry.c). */
void weft__routine_main(void *pass);

static ALWAYS_INLINE bool after_yield(struct worker *w)
{
	struct routine *r = w->left.routine;

	if (unlikely(r->flags & ROUTINE_SPECIAL))
		return false;
	routine_set_state(r, ROUTINE_RUNNABLE);
	return likely(runq_push_quiet(&w->runq, r));
}

/* `expect`, a constant, is looked at first. */
static ALWAYS_INLINE struct worker *after_switch(struct worker *w,
						 enum left_kind expect)
{
	enum left_kind kind = w->left.kind;

	if (expect == LEFT_YIELD && likely(kind == LEFT_YIELD) &&
	    after_yield(w))
		return w;
	if (kind == LEFT_UNLOCK) {
		spin_unlock((struct spinlock *)w->left.arg);
		return w;
	}
	if (kind == LEFT_NOTHING)
		return w;
	if (kind == LEFT_HANDLE) {
		handle_unlock((struct routine *)w->left.arg, 0);
		return w;
	}
	return weft__after_switch_slow(w);
}

/* Where to go, and the stack that is there. */
struct aim {
	void *sp;
	void (*entry)(void *pass);      /* NULL: a saved context at sp */
	struct stack *stack;
};

static ALWAYS_INLINE void routine_settle(struct routine *r, struct stack *s)
{
	r->stack = s;
	if (unlikely(s->flags & STACK_BARE))
		routine_flag_set(r, ROUTINE_BARE);
}

/* Make `to` what w runs, if it has a stack or one is at hand: no calls. */
static ALWAYS_INLINE bool aim_at(struct worker *w, struct routine *to,
				 struct aim *a)
{
	if (unlikely(!to))
		return false;
	a->stack = to->stack;
	if (likely(a->stack != NULL)) {
		a->sp = to->sp;
		a->entry = NULL;
	} else {
		a->stack = weft__stack_at_hand(&w->stacks, to->cls);
		if (unlikely(!a->stack))
			return false;
		routine_settle(to, a->stack);
		a->sp = weft__stack_top(a->stack);
		a->entry = weft__routine_main;
	}
	routine_set_state(to, ROUTINE_RUNNING);
	w->current = to;
	return true;
}

/* The same at any price; the loop when there is no memory, or nobody. */
static ALWAYS_INLINE void aim_somewhere(struct worker *w, struct routine *to,
					struct aim *a)
{
	bool fresh;

	if (to) {
		fresh = !to->stack;
		if (!fresh || weft__routine_attach(w, to)) {
			a->stack = to->stack;
			a->sp = fresh ? weft__stack_top(a->stack) : to->sp;
			a->entry = fresh ? weft__routine_main : NULL;
			routine_set_state(to, ROUTINE_RUNNING);
			w->current = to;
			return;
		}
	}
	w->current = NULL;
	a->stack = &w->loop_stack;
	a->sp = w->loop_sp;
	a->entry = NULL;
}

/* Leave the running context of `from` (its sp goes to *save).  Returns when
 * resumed, with the worker that did. */
static ALWAYS_INLINE struct worker *switch_to(struct worker *w, void **save,
					      struct stack *from,
					      const struct aim *a,
					      enum left_kind expect)
{
	weft__san_before_switch(from, a->stack, false);
	w = weft__arch_switch_enter(save, a->sp, w, a->entry);      /* X2 */
	weft__san_after_switch(from);
	return after_switch(w, expect);
}

/* The running context ends; its stack is in w->left, or back already. */
static ALWAYS_INLINE _Noreturn void switch_away(struct worker *w,
						struct stack *from,
						const struct aim *a)
{
	const struct aim to = *a;       /* a sanitizer may take *a with it */

	weft__san_before_switch(from, to.stack, true);
	if (to.entry)
		weft__arch_enter(to.sp, to.entry, w);
	weft__arch_leave(to.sp, w);
}

#endif
