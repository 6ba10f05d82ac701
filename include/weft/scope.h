/* SPDX-License-Identifier: MIT */
/* weft/scope.h - routines that are waited for and cancelled as one.
 *
 *	weft_scope s;
 *
 *	weft_scope_begin(&s, weft_in(2 * WEFT_S));
 *	weft_scope_go(&s, fetch, &a);
 *	weft_scope_go(&s, fetch, &b);
 *	err = weft_scope_end(&s);
 *
 * A scope does not end before all that was started in it has ended, so the
 * routines in it may use what lies on its owner's stack.  The first of them
 * that fails, the deadline, a weft_scope_cancel, or the end of the scope around
 * it by one of these, cancels all the others.
 *
 * Cancelling is a request.  A routine that is cancelled gets -ECANCELED from
 * every call that is a cancel point, before the call has had any effect: the
 * one it is waiting in, and each one after that, until it has left the scope
 * that was cancelled.  What it does about it is its own business; to return is
 * usual.  Cancel points are channel operations, select, sleep, timers, park,
 * join, the waits for conditions, semaphores, barriers, latches and one-shots,
 * weft_blocking before it starts, and every _until form.  Forms that try, and
 * waits that cannot fail (weft_mutex_lock, weft_waitgroup_wait, ...), are none.
 *
 * The owner is inside its scope between begin and end and is cancelled with
 * it.  A routine started by weft_go or weft_spawn is in no scope.
 */
#ifndef WEFT_SCOPE_H
#define WEFT_SCOPE_H

#include <weft/base.h>

/**
 * A scope: in the memory of the routine that begins it, usually its stack, and
 * not to be moved before its end.  Nothing to initialise or destroy.
 */
typedef struct weft_scope {
	uint64_t weft__private[40];
} weft_scope;

/* What the failure of one routine means for the others in the scope. */
#define WEFT_SCOPE_FIRST_ERROR 0        /* they are cancelled (default) */
#define WEFT_SCOPE_COLLECT     1        /* nothing: they go on */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Begin a scope, inside of the one that the caller is in, if any.  At the
 * deadline it is cancelled, with the reason -ETIMEDOUT; one that is past
 * cancels at once.  A scope begun by a cancelled routine is cancelled from the
 * start.  Each begin owes one weft_scope_end by the same routine, the last
 * begun first; a panic or weft_exit that leaves the scope cancels and joins.
 *
 * Never parks.  Errors: -EINVAL (s NULL), -EPERM (plain thread, and no runtime
 * or several), -ENOMEM (no room for the deadline).  After an error there is
 * nothing to end.
 */
WEFT_API int weft_scope_begin(weft_scope *s, weft_time deadline);

/**
 * Say what a failure in s means: WEFT_SCOPE_FIRST_ERROR or WEFT_SCOPE_COLLECT.
 * For the owner, before the first weft_scope_go.  Never parks.  Errors: -EINVAL
 * (no such policy, or s is not open).
 */
WEFT_API int weft_scope_policy(weft_scope *s, int policy);

/**
 * Start a routine that runs fn(arg) in s.  A negative return value, a weft_exit
 * with one or a panic (WEFT_EPANIC) is a failure and cancels the others in s,
 * unless its policy says otherwise.  What the caller did before happens before
 * fn.
 *
 * Never parks; any thread, while s lives: the owner, or routines in s.  Errors:
 * -ECANCELED (s is cancelled, or the runtime stops), -EINVAL (fn NULL, or s not
 * open), and as weft_go.  On failure nothing was started.
 */
WEFT_API int weft_scope_go(weft_scope *s, int (*fn)(void *), void *arg);

/**
 * Start a routine in s that calls fn with argc (0 to 4) arguments, as
 * weft_go_words does.  gives: fn returns int, which is what weft_scope_go says
 * of it; else nothing.  This is what scope_go() of weft/go.h expands to: prefer
 * that.  Errors: as weft_scope_go, -EINVAL also for argc > 4.
 */
WEFT_API int weft_scope_go_words(weft_scope *s, void (*fn)(void), unsigned argc,
				 const uintptr_t *argv, int gives);

/**
 * Wait until every routine in s has ended, and leave the scope.  Returns the
 * first cause, or 0 if there was none: the negative return of a routine in it
 * (WEFT_EPANIC for a panic), the reason given to weft_scope_cancel, -ETIMEDOUT
 * when its deadline cancelled it, -ECANCELED when the scope around it or the
 * owner was cancelled.  What the others return afterwards does not change it.
 *
 * Parks; no cancel point: what cancels the owner cancels those in s, and it
 * waits for them.  All that they did happens before the return, after which
 * the memory of s may go.  Misuse, which panics: s is not open (ended twice),
 * not begun by the caller, or not its innermost.
 */
WEFT_API int weft_scope_end(weft_scope *s);

/**
 * Cancel s for the reason err, which is negative.  The first reason wins; for
 * a scope that is cancelled already the call does nothing.  Never parks; any
 * thread, while s lives.  Errors: -EINVAL (err not negative, or s not open).
 */
WEFT_API int weft_scope_cancel(weft_scope *s, int err);

/**
 * How many routines in s have failed so far.  For the owner, also after the
 * end of s.  Never parks.
 */
WEFT_API size_t weft_scope_failures(const weft_scope *s);

/**
 * Is the calling routine cancelled?  0, or the negative reason: why the
 * innermost scope that it is in was cancelled, -ECANCELED when that came from
 * outside of it or by weft_cancel.  0 in a shield, and on a plain thread.
 * Costs a load; for long computations between cancel points.  Never parks.
 */
WEFT_API int weft_cancelled(void);

/**
 * Until the matching weft_shield_end the caller is not cancelled: cancel points
 * work, weft_cancelled() is 0, and a scope begun inside is not cancelled from
 * outside.  For clean-up that must wait.  Shields nest.  Never parks.
 */
WEFT_API void weft_shield_begin(void);

/**
 * End the innermost shield; what was cancelled meanwhile is felt now, also by
 * scopes begun inside it and still open.  Misuse, which panics: there is none.
 * Never parks.
 */
WEFT_API void weft_shield_end(void);

#ifdef __cplusplus
}
#endif

#endif
