/* SPDX-License-Identifier: MIT */
/* weft/await.h - callback interfaces as blocking calls.
 *
 * Many libraries start an operation and call back, on a thread of theirs, when
 * it is done.  weft_await starts one and parks until that call:
 *
 *     static void begin(weft_await_token *t, void *arg)
 *     {
 *             library_begin(arg, on_done, t);
 *     }
 *
 *     static void on_done(struct answer *a, void *t)
 *     {
 *             if (weft_await_done(t, a ? 0 : -EIO, a) != 0)
 *                     answer_free(a);
 *     }
 *
 *     err = weft_await(begin, &request, &answer, weft_in(WEFT_S));
 */
#ifndef WEFT_AWAIT_H
#define WEFT_AWAIT_H

#include <weft/base.h>

/**
 * The name of one wait.  It is not the address of anything, is never NULL and
 * is not used again in the life of the process: a callback that comes late,
 * twice or never does no harm, and there is nothing to free.
 */
typedef struct weft_await_token weft_await_token;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Call start(t, arg) and wait until weft_await_done(t, ...) has been called, by
 * anybody: a callback on a foreign thread, another routine, or start itself,
 * before it returns, also when nothing could be started.
 *
 * Returns the status given there, which is 0 or negative by custom, and stores
 * the result given there in *result (NULL: not wanted).  What happened before
 * the done happens before the return.  While a routine waits here something
 * outside can wake it: there is no deadlock.  start runs in the caller and may
 * park.
 *
 * Parks; a cancel point.  Errors of its own, *result untouched: -EINVAL (start
 * NULL), -ECANCELED, -ENOMEM; -ETIMEDOUT, -EAGAIN with WEFT_NOWAIT.  start has
 * not been called if it is -EINVAL, or the caller was cancelled before, or there
 * was no memory for a token.  After any other the operation goes on, so what it
 * uses must not lie in the caller's frame, unless it is stopped first; its done
 * will be told that nobody waits.
 */
WEFT_API WEFT_NODISCARD int weft_await(void (*start)(weft_await_token *t,
						     void *arg),
				       void *arg, void **result,
				       weft_time deadline);

/**
 * End the wait t: its weft_await returns status and result.  0: exactly one
 * call per token gets this, and the result has been handed over.  -EALREADY: it
 * is too late, since t is done or was given up; the result is still the
 * caller's.  -EINVAL: t was never a token.
 *
 * Never parks; any thread, also one that the library does not know, but not a
 * signal handler.
 */
WEFT_API int weft_await_done(weft_await_token *t, int status, void *result);

#ifdef __cplusplus
}
#endif

#endif
