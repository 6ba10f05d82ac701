/* SPDX-License-Identifier: MIT */
/* weft/mutex.h - one at a time.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_MUTEX_H
#define WEFT_MUTEX_H

#include <weft/base.h>

/**
 * A lock that one at a time has.  It is not owned: who unlocks it may be
 * another than who locked it, and who has it and locks it again waits for
 * itself.  First come, first served within limits: whoever runs may take a
 * mutex that is free before those who wait for it, but who has waited for a
 * millisecond and finds it taken gets it next.
 *
 * What was done before an unlock happens before the lock that follows
 * returns.  The memory may go once the last unlock has returned, or as soon
 * as who locked it last says so, even if the unlock before is still to return.
 */
typedef struct weft_mutex {
	uint64_t weft__word;
} weft_mutex;

#define WEFT_MUTEX_INIT { 0 }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Lock m.  Parks while another has it.  Neither a cancel point nor does it
 * fail.
 */
WEFT_API void weft_mutex_lock(weft_mutex *m);

/**
 * Lock m if it is free.  Never parks, but may let others run first.
 * Errors: -EAGAIN.
 */
WEFT_API WEFT_NODISCARD int weft_mutex_trylock(weft_mutex *m);

/**
 * weft_mutex_lock with a deadline; a cancel point.  0 when it is locked, also
 * past the deadline if it was free.  Errors: -ETIMEDOUT (-EAGAIN with
 * WEFT_NOWAIT), -ECANCELED, -ENOMEM; m is then not locked.
 */
WEFT_API WEFT_NODISCARD int weft_mutex_lock_until(weft_mutex *m,
						  weft_time deadline);

/**
 * Unlock m, and wake the first who waits for it.  Never parks; any routine or
 * thread.  Misuse, which panics: m is not locked.
 */
WEFT_API void weft_mutex_unlock(weft_mutex *m);

#ifdef __cplusplus
}
#endif

#endif
