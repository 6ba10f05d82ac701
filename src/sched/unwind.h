/* sched/unwind.h - a routine leaves its frames without returning through them.
 *
 * Place in the life of a routine:  running -> [ unwind ] -> try, or its end
 *
 * A panic and weft_exit make the calls that the routine owes (struct defer of
 * park.h), the last owed first, on top of the frames that owe them; then the
 * frames are discarded by one jump, to the weft_try that catches the panic or to
 * the bottom of the stack, where the routine ends.
 *
 * Marks stand in the same chain: where frames of one kind end.  An unwinding
 * that comes to a mark asks it; a weft_try ends a panic there, a coroutine takes
 * the unwinding over to the stack of whoever resumed it, where it goes on.
 *
 * Invariants
 *   D1  the chain belongs to who runs: a routine's is in its record, a plain
 *       thread's in a variable of its own (nothing unwinds that).  A coroutine
 *       hangs its own part in while it is resumed, and takes it out.
 *   D2  a call is taken out of the chain before it is made, so it is made once,
 *       and a panic inside it goes on with the next one.
 *   D3  an unwinding may be overtaken by another one that begins in a deferred
 *       call; the frames of the first then go with all the others.
 *   D4  a weft_exit is never undone: a try that it is on its way through ends
 *       no panic that begins later.
 */
#ifndef WEFT_SCHED_UNWIND_H
#define WEFT_SCHED_UNWIND_H

#include "sched/park.h"
#include "routine/stack.h"

#include <stdarg.h>

struct panic;

struct unwind_mark {
	struct defer owed;
	/* Nothing is owed above it.  Returns what goes on: p, or NULL, an exit. */
	struct panic *(*reached)(struct unwind_mark *m, struct panic *p);
};

/* Not in any chain yet. */
void weft__unwind_mark(struct unwind_mark *m,
		       struct panic *(*reached)(struct unwind_mark *,
						struct panic *));

/* D1: the newest call owed by the running routine, NULL: a plain thread. */
extern __attribute__((visibility("hidden"), tls_model("initial-exec")))
_Thread_local struct defer *weft__tls_defers;

static ALWAYS_INLINE struct defer *defers_get(struct routine *r)
{
	return likely(r != NULL) ? r->live.defers :
	       WEFT_ARCH_TLS_LOAD(weft__tls_defers);
}

static ALWAYS_INLINE void defers_set(struct routine *r, struct defer *d)
{
	if (likely(r != NULL))
		r->live.defers = d;
	else
		WEFT_ARCH_TLS_STORE(weft__tls_defers, d);
}

/* Frames that never run again: what the calls in them hold, from the newest owed
 * up to `end`, is dropped. */
void weft__holds_drop(struct defer *newest, const struct defer *end);

/* Leave every frame of the running routine, for a panic, or NULL: weft_exit,
 * whose status is set. */
_Noreturn void weft__unwind(struct panic *p);

/* fn(arg), where a panic ends.  Its value, or *panicked is set. */
int weft__unwind_try(int (*fn)(void *), void *arg, bool *panicked);

/* Will a panic that r began now end at a try? */
bool weft__unwind_caught(const struct routine *r);

/* For deferred calls: how the running routine is about to end, if it is: the
 * status of weft_exit, WEFT_EPANIC, else 0. */
int weft__unwind_status(struct worker *w);

/* Text of the running routine's last panic, "" if there was none. */
const char *weft__panic_text(struct routine *r);

/* The routine leaves the bigger stacks that it borrowed (weft_call_big) since
 * `until` was the last one: what it had before is in r->stack again, they come
 * back as a chain by ->next, to be put back once nothing runs on them. */
struct stack *weft__big_shed(struct routine *r, struct stack *until);
void weft__big_put(struct worker *w, struct stack *chain);

#endif
