/* SPDX-License-Identifier: MIT */
/* weft/time.h - the clock of the runtime, sleeping by it, and timers.
 *
 * weft_time counts nanoseconds on a monotonic clock; see weft/base.h for its
 * units and for WEFT_FOREVER and WEFT_NOWAIT.
 *
 * A timer lives in the caller's memory and does one of two things when its
 * time has come: it has a value to be received (weft_timer_init, then
 * weft_timer_chan or weft_timer_wait), or it starts a routine
 * (weft_after_func).  It is never early.  All calls but init, after_func and
 * fini may be made by several threads at once.
 *
 * A timer of the first kind costs nothing while nobody waits for it.  It needs
 * no runtime, belongs to none, and goes on from one to the next.  One of the
 * second kind belongs to the runtime in which it was started, and is stopped
 * when that ends; it can be started again in another.
 */
#ifndef WEFT_TIME_H
#define WEFT_TIME_H

#include <weft/base.h>
#include <weft/chan.h>

/**
 * A timer: in the caller's memory, not to be copied or moved.  Zeroed it is
 * none yet, and every call but weft_timer_init and weft_after_func refuses it.
 */
typedef struct weft_timer {
	uint64_t weft__word[14];
} weft_timer;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The time now; always positive, never runs backwards.  Never parks; any
 * thread; cannot fail.
 */
WEFT_API weft_time weft_now(void);

/**
 * The deadline ns nanoseconds from now.  Saturates at WEFT_FOREVER, and is
 * never 0: a negative ns gives a time that is past.  Never parks.
 */
WEFT_API weft_time weft_in(weft_time ns);

/**
 * Sleep ns nanoseconds at least; 0 or less returns at once.  Parks; a cancel
 * point.  Returns 0.  Error: -ECANCELED.
 */
WEFT_API int weft_sleep(weft_time ns);

/**
 * Sleep until the clock has reached t: never less, INT64_MAX for ever; a
 * time that is past, 0 and negative ones included, returns at once.  Parks;
 * a cancel point.  Returns 0.  Error: -ECANCELED.
 */
WEFT_API int weft_sleep_until(weft_time t);

/**
 * Make *t a timer that is stopped.  Never parks; cannot fail.
 */
WEFT_API void weft_timer_init(weft_timer *t);

/**
 * Start t, stopped or not: it fires when the clock has reached deadline (a
 * time that is past: at once; WEFT_FOREVER: never) and, if period is not 0,
 * again at deadline + period, deadline + 2 * period and so on; of those that
 * are missed the first is kept, the rest dropped, and the grid stays.  What it
 * had fired before and nobody has taken is gone.  Never parks.
 *
 * Returns 1 if it was pending and has now been moved, 0 if not.  Errors:
 * -EINVAL (no timer, a negative period; nothing has changed).  A timer of
 * weft_after_func also: -EPERM (on a plain thread while none or several
 * runtimes run), -ECANCELED (the runtime is stopping), -ENOMEM; it is then
 * stopped.
 */
WEFT_API int weft_timer_start(weft_timer *t, weft_time deadline,
			      weft_time period);

/**
 * Stop t.  Returns 1 if it was pending, else 0.  A timer whose time has come
 * but whose value nobody has taken counts as pending; the value is gone.  So
 * is, once the call has returned, every other trace of what it was started
 * for: no value is received and no routine is started any more, unless it is
 * started again.  (A routine that has been started before may still have to
 * run: the answer is then 0.)  Never parks.  Error: -EINVAL (no timer).
 */
WEFT_API int weft_timer_stop(weft_timer *t);

/**
 * The channel on which t is received: weft_time, one at a time, each the
 * moment at which it fired.  For receiving, in select too, and for
 * weft_chan_len; a send gives -EPIPE.  It belongs to t and lives until
 * weft_timer_fini; always the same one.  The call never parks.  NULL: no
 * memory, no timer, or one of weft_after_func.
 */
WEFT_API weft_chan *weft_timer_chan(weft_timer *t);

/**
 * Wait until t fires, and take its value.  With several waiters each value
 * ends one wait.  A timer that is stopped can be started meanwhile.  Parks; a
 * cancel point.  Returns 0.  Errors: -ETIMEDOUT (-EAGAIN with WEFT_NOWAIT),
 * -ECANCELED, -EINVAL (no timer, or one of weft_after_func), -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_timer_wait(weft_timer *t, weft_time deadline);

/**
 * Make *t a timer that runs fn(arg), in a new routine each time it fires, and
 * start it.  *t is new memory, or a timer, which is stopped first.  Later
 * weft_timer_start and weft_timer_stop act on it; fn may do so, too, and when
 * t has no period may free it.  If a routine cannot be started for lack of
 * memory or by weft_config's limit, it is tried again a millisecond later.
 * Never parks.  Returns 0.  Errors: -EINVAL (fn NULL), and those of
 * weft_timer_start; *t is then a timer that is stopped.
 */
WEFT_API int weft_after_func(weft_timer *t, weft_time deadline,
			     void (*fn)(void *), void *arg);

/**
 * Stop t and free its channel; the memory may go or be used anew.  Nobody may
 * use t or receive from the channel meanwhile: who does and has a reference
 * of his own to the channel gets -EPIPE.  Fine for a zeroed timer.  Never
 * parks.
 */
WEFT_API void weft_timer_fini(weft_timer *t);

#ifdef __cplusplus
}
#endif

#endif
