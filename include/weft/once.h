/* SPDX-License-Identifier: MIT */
/* weft/once.h - something that is done once.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_ONCE_H
#define WEFT_ONCE_H

#include <weft/base.h>

/**
 * Whether something has been done, and who waits until it is.
 */
typedef struct weft_once {
	uint32_t weft__lock, weft__waiting;
	void *weft__first, *weft__last;
	uintptr_t weft__runner;
} weft_once;

#define WEFT_ONCE_INIT { 0, 0, NULL, NULL, 0 }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The first call for o runs fn(arg) in the caller; every call returns when
 * that has ended.  A fn that panics or calls weft_exit counts as run: its
 * caller goes the way it chose, the others return.  May park, while another
 * caller runs fn; not a cancel point, since what fn makes must be there
 * afterwards.  Misuse, which panics: fn asks for its own once; fn is NULL and
 * nobody has run one.  Any thread; what fn did happens before every return.
 * Afterwards a call is one load: weft_once_do is also a macro.
 */
WEFT_API void weft_once_do(weft_once *o, void (*fn)(void *), void *arg);

/**
 * weft_once_do with a deadline for the wait; a cancel point.  Runs fn, if it
 * is the first, even when the deadline is past.  0: fn has ended.  Errors,
 * when somebody else runs it: -ETIMEDOUT (-EAGAIN with WEFT_NOWAIT),
 * -ECANCELED, -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_once_do_until(weft_once *o,
					       void (*fn)(void *), void *arg,
					       weft_time deadline);

static inline void weft__once_do(weft_once *o, void (*fn)(void *), void *arg)
{
	if (__builtin_expect(
		    __atomic_load_n(&o->weft__lock, __ATOMIC_ACQUIRE) != 2, 0))
		weft_once_do(o, fn, arg);
}
#define weft_once_do(o, fn, arg) weft__once_do(o, fn, arg)

#ifdef __cplusplus
}
#endif

#endif
