/* SPDX-License-Identifier: MIT */
/* weft/latch.h - a gate that opens when a count has gone down to zero.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_LATCH_H
#define WEFT_LATCH_H

#include <weft/base.h>

/**
 * A countdown latch: it opens once and stays open.  Unlike a waitgroup it
 * cannot be raised.  All zero is open, and so is a negative count.  The memory
 * may go as soon as one wait has returned 0: the count that opened it does not
 * touch it after that.
 */
typedef struct weft_latch {
	uint32_t weft__lock, weft__waiting;
	void *weft__first, *weft__last;
	int64_t weft__count;
} weft_latch;

#define WEFT_LATCH_INIT(count) { 0, 0, NULL, NULL, (int64_t)(count) }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Count down by n; at zero everybody is let through, for good.  The count
 * stops at zero: what opens a latch is "at least so many", so one too many is
 * no mistake.  n = 0 does nothing.  Misuse, which panics: n is negative.  Never
 * parks; any thread.  Releases: see weft_latch_wait.
 */
WEFT_API void weft_latch_count_down(weft_latch *l, long n);

/**
 * Wait until the latch is open.  Parks; a cancel point.  0, or -ECANCELED.
 * Any thread.  What happened before the counts that opened it happens before
 * the return.
 */
WEFT_API int weft_latch_wait(weft_latch *l);

/**
 * weft_latch_wait with a deadline.  Errors also: -ETIMEDOUT (-EAGAIN with
 * WEFT_NOWAIT), -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_latch_wait_until(weft_latch *l,
						  weft_time deadline);

/**
 * 0 when the latch is open, else -EAGAIN.  One load when it is; never parks,
 * not a cancel point.  Ordered like weft_latch_wait.
 */
static inline WEFT_NODISCARD int weft_latch_try_wait(weft_latch *l)
{
	if (__atomic_load_n(&l->weft__lock, __ATOMIC_ACQUIRE) == 2)
		return 0;
	return weft_latch_wait_until(l, WEFT_NOWAIT);
}

#ifdef __cplusplus
}
#endif

#endif
