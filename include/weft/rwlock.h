/* SPDX-License-Identifier: MIT */
/* weft/rwlock.h - many who read, or one who writes.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_RWLOCK_H
#define WEFT_RWLOCK_H

#include <weft/base.h>

/**
 * A lock that any number may have to read, or one alone to write.  Writers are
 * preferred: who comes to read while somebody waits for readers to leave waits
 * too.  When a writer leaves, those who wait to read go first, all at once.  So
 * neither starves; and who reads must not lock to read again: a writer that
 * came between would wait for the first, and the second for that writer.
 * Among writers it is as with a mutex: whoever runs may be first, but who has
 * waited for a millisecond comes next.
 *
 * Readers on several workers do not slow each other down; after many of them,
 * the first to write pays a microsecond or two.  Not owned by a routine, as a
 * mutex.
 *
 * What was done before an unlock happens before the rlock or lock that follows
 * returns, what was done before a runlock before the lock that follows.  The
 * memory may go as that of a mutex.
 */
typedef struct weft_rwlock {
	uint64_t weft__state;
	uint64_t weft__gate;
	void *weft__waiters;
	uint32_t weft__cool, weft__ticket;
} weft_rwlock;

#define WEFT_RWLOCK_INIT { 0, 0, NULL, 0, 0 }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Lock l to read.  Parks while somebody writes or waits to write.  Neither a
 * cancel point nor does it fail.
 */
WEFT_API void weft_rwlock_rlock(weft_rwlock *l);

/**
 * Lock l to read if that needs no waiting.  Never parks, but may let others
 * run first.  Errors: -EAGAIN.
 */
WEFT_API WEFT_NODISCARD int weft_rwlock_try_rlock(weft_rwlock *l);

/**
 * weft_rwlock_rlock with a deadline; a cancel point.  0 when it is locked, also
 * past the deadline if it need not wait.  Errors: -ETIMEDOUT (-EAGAIN with
 * WEFT_NOWAIT), -ECANCELED, -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_rwlock_rlock_until(weft_rwlock *l,
						    weft_time deadline);

/**
 * Undo one rlock; the last one out lets a writer in.  Never parks; any routine
 * or thread.  Misuse, which panics: nobody reads.
 */
WEFT_API void weft_rwlock_runlock(weft_rwlock *l);

/**
 * Lock l to write: alone.  Parks while others read or write.  Neither a cancel
 * point nor does it fail.
 */
WEFT_API void weft_rwlock_lock(weft_rwlock *l);

/**
 * Lock l to write if that needs no waiting.  Never parks, but may let others
 * run first.  Errors: -EAGAIN.
 */
WEFT_API WEFT_NODISCARD int weft_rwlock_try_lock(weft_rwlock *l);

/**
 * weft_rwlock_lock with a deadline; a cancel point.  0 when it is locked, also
 * past the deadline if it was free.  Errors: -ETIMEDOUT (-EAGAIN with
 * WEFT_NOWAIT), -ECANCELED, -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_rwlock_lock_until(weft_rwlock *l,
						   weft_time deadline);

/**
 * Undo a lock: readers that wait go first, else a writer.  Never parks; any
 * routine or thread.  Misuse, which panics: nobody writes.
 */
WEFT_API void weft_rwlock_unlock(weft_rwlock *l);

#ifdef __cplusplus
}
#endif

#endif
