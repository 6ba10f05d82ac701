/* SPDX-License-Identifier: MIT */
/* weft/coro.h - coroutines without a scheduler: the bare switch.
 *
 * A coroutine runs only while somebody resumes it, and yields values back to
 * whoever that is.  No runtime is needed.  Every call works on a plain thread,
 * in a routine and inside another coroutine; none of them parks.
 *
 * A suspended coroutine belongs to no thread: it may be resumed by one thread
 * or routine now and by another later, by one at a time.  While a routine is
 * inside a coroutine it may use everything of weft; when it parks, the
 * coroutine waits with it.  A panic or weft_exit inside one makes the calls
 * deferred there, ends the coroutine, whose next resume is -EPIPE, and goes on
 * where it was resumed.
 *
 * Rounding mode and FP traps are the coroutine's own and start at the default.
 */
#ifndef WEFT_CORO_H
#define WEFT_CORO_H

#include <weft/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_coro weft_coro;

/**
 * Make a coroutine that will call fn(arg) on a stack of its own: stack_size
 * bytes rounded up to a power of two, 0 for the default of 64 KB.  Nothing runs
 * yet.  NULL: no memory, fn is NULL, or no stack is that large.
 * The caller owns it: weft_coro_free().
 */
WEFT_API WEFT_NODISCARD weft_coro *weft_coro_new(void (*fn)(void *), void *arg,
						 size_t stack_size);

/**
 * Run the coroutine until it yields or its function returns.  The yield that
 * it is suspended in gets `in`; the first resume has none, so its `in` is
 * dropped: the function has its arg.
 *
 *   0        it yielded; *out is what (out may be NULL)
 *   -EPIPE   its function has returned, now or earlier, or was left by a panic
 *            or weft_exit earlier; *out is untouched
 *   -EBUSY   it is running: in this call chain, or for another thread
 *   -EINVAL  co is NULL or was freed (found out until its memory serves
 *            another coroutine)
 */
WEFT_API int weft_coro_resume(weft_coro *co, void *in, void **out);

/**
 * Suspend the innermost running coroutine: its resume returns 0 and `out`.
 * Returns 0 when it is resumed again, with what that brought in *in (in may be
 * NULL), perhaps on another thread.  -EPERM outside of a coroutine.  Misuse,
 * which panics: in a routine, inside a weft_call_big, a scope or a shield that
 * was begun in the coroutine, since they belong to the routine.
 */
WEFT_API int weft_coro_yield(void *out, void **in);

/**
 * Free a coroutine in any state but running.  If its function has not returned
 * its frames vanish without being unwound: deferred calls are not made, and what
 * only they own is lost.  What calls of weft that have not returned have for
 * themselves is given back.
 * NULL and a coroutine that was freed already are ignored; one that is running
 * is a misuse and panics.
 */
WEFT_API void weft_coro_free(weft_coro *co);

#ifdef __cplusplus
}
#endif

#endif
