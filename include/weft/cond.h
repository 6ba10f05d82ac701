/* SPDX-License-Identifier: MIT */
/* weft/cond.h - waiting for what another will say.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_COND_H
#define WEFT_COND_H

#include <weft/base.h>
#include <weft/mutex.h>

/**
 * Those who wait, with a mutex let go meanwhile, until another says that what
 * they look for may have come true.  First come, first served, and no wait
 * returns 0 without a signal; who waits still looks again in a loop, since
 * another may have been faster to change things:
 *
 *	weft_mutex_lock(&m);
 *	while (!ready)
 *		weft_cond_wait(&c, &m);
 *	...
 *	weft_mutex_unlock(&m);
 *
 * The memory may go once the last wait has returned.
 */
typedef struct weft_cond {
	uint64_t weft__word;
} weft_cond;

#define WEFT_COND_INIT { 0 }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Unlock m and wait for a signal, as one act: no signal of who locks m after
 * that is missed.  Then lock m again, which is so when it returns, in every
 * case.  Parks; a cancel point.  Errors: -ECANCELED, without having unlocked
 * m if the routine was cancelled already.  Misuse, which panics: m is not
 * locked.
 */
WEFT_API int weft_cond_wait(weft_cond *c, weft_mutex *m);

/**
 * weft_cond_wait with a deadline.  It may return past that, when it had to wait
 * for m.  Errors: -ETIMEDOUT (-EAGAIN with WEFT_NOWAIT, at once), -ECANCELED,
 * -ENOMEM; none of them used up a signal.
 */
WEFT_API WEFT_NODISCARD int weft_cond_wait_until(weft_cond *c, weft_mutex *m,
						 weft_time deadline);

/**
 * Wake the first who waits, if any.  Never parks; any routine or thread, with
 * or without the mutex.
 */
WEFT_API void weft_cond_signal(weft_cond *c);

/**
 * Wake all who wait, in their order.  Never parks; any routine or thread, with
 * or without the mutex.
 */
WEFT_API void weft_cond_broadcast(weft_cond *c);

#ifdef __cplusplus
}
#endif

#endif
