/* SPDX-License-Identifier: MIT */
/* weft/waitgroup.h - waiting for a group of routines.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_WAITGROUP_H
#define WEFT_WAITGROUP_H

#include <weft/base.h>

/**
 * A count of things under way, and those who wait until it is zero.  The
 * memory may go as soon as one wait has returned with the count at zero:
 * the matching done never touches it after that.
 */
typedef struct weft_waitgroup {
	uint64_t weft__state;
	void *weft__waiters;
} weft_waitgroup;

#define WEFT_WAITGROUP_INIT { 0, NULL }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Add n, which may be negative, to the count; at zero every waiter wakes.
 * Add before starting what will be done, not inside it.  Misuse, which
 * panics: the count goes below zero.  Never parks; any thread.  Releases:
 * what happened before the add that reaches zero happens before the waits it
 * ends return.
 */
WEFT_API void weft_waitgroup_add(weft_waitgroup *w, long n);

/**
 * weft_waitgroup_add(w, -1).
 */
WEFT_API void weft_waitgroup_done(weft_waitgroup *w);

/**
 * Wait until the count is zero.  Parks.  Not a cancel point: whoever counts
 * down may still use what the waiter owns.  Everything before the calls of
 * done happens before the return.
 */
WEFT_API void weft_waitgroup_wait(weft_waitgroup *w);

/**
 * weft_waitgroup_wait with a deadline; a cancel point.  0 when the count is
 * zero.  Errors: -ETIMEDOUT (-EAGAIN with WEFT_NOWAIT), -ECANCELED.
 */
WEFT_API WEFT_NODISCARD int weft_waitgroup_wait_until(weft_waitgroup *w,
						      weft_time deadline);

/**
 * Add one, start a routine that runs fn(arg), and count it done when it ends
 * in whatever way.  Never parks.  Errors: as weft_go; the count is then as
 * before.
 */
WEFT_API int weft_waitgroup_go(weft_waitgroup *w, void (*fn)(void *),
			       void *arg);

#ifdef __cplusplus
}
#endif

#endif
