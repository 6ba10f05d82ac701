/* SPDX-License-Identifier: MIT */
/* weft/sem.h - a number of permits, acquired by the handful.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_SEM_H
#define WEFT_SEM_H

#include <weft/base.h>

/**
 * A weighted semaphore: permits, and who waits for them, first come first
 * served.  There is no maximum; all zero has no permits.  The memory may go
 * as soon as the acquire for which the last release was meant has returned.
 */
typedef struct weft_sem {
	uint32_t weft__lock, weft__waiting;
	void *weft__first, *weft__last;
	int64_t weft__permits;
} weft_sem;

/* A negative number is owed: releases pay it first. */
#define WEFT_SEM_INIT(permits) { 0, 0, NULL, NULL, (int64_t)(permits) }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Take n permits, waiting until they are there and everybody who came before
 * has had his: who wants many is not overtaken by those who want few.  All or
 * nothing.  Parks; a cancel point.  0, or -EINVAL (n is not positive),
 * -ECANCELED.  Any thread.  What happened before the releases that it needed
 * happens before the return.
 */
WEFT_API int weft_sem_acquire(weft_sem *s, long n);

/**
 * Take n permits if they are there and nobody waits.  Never parks; not a
 * cancel point.  0, -EAGAIN, -EINVAL.
 */
WEFT_API WEFT_NODISCARD int weft_sem_try_acquire(weft_sem *s, long n);

/**
 * weft_sem_acquire with a deadline.  Who gives up has taken nothing, and those
 * behind it go on if there is enough for them.  Errors also: -ETIMEDOUT
 * (-EAGAIN with WEFT_NOWAIT), -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_sem_acquire_until(weft_sem *s, long n,
						   weft_time deadline);

/**
 * Add n permits, acquired before or not, and let those go who now have enough.
 * n = 0 adds none.  Misuse, which panics: n is negative; more permits than a
 * long can count.  Never parks; any thread.
 */
WEFT_API void weft_sem_release(weft_sem *s, long n);

#ifdef __cplusplus
}
#endif

#endif
