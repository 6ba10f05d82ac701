/* SPDX-License-Identifier: MIT */
/* weft/oneshot.h - a value that is set once and read by anybody.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_ONESHOT_H
#define WEFT_ONESHOT_H

#include <weft/base.h>

/**
 * A pointer that will be set, once, and who waits for it.  What it points to
 * is nobody's business here; NULL is a value like others.  The memory may go
 * as soon as one get has returned 0: set does not touch it after that.
 */
typedef struct weft_oneshot {
	uint32_t weft__lock, weft__waiting;
	void *weft__first, *weft__last;
	void *weft__value;
} weft_oneshot;

#define WEFT_ONESHOT_INIT { 0, 0, NULL, NULL, NULL }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Set the value and wake everybody who waits for it.  0, or -EALREADY: it is
 * set, and stays as it is.  Of several calls exactly one gets 0.  Never parks;
 * any thread.
 */
WEFT_API int weft_oneshot_set(weft_oneshot *o, void *value);

/**
 * Wait until the value is set and store it in *value, which may be NULL and is
 * left alone on failure.  Parks; a cancel point.  0, or -ECANCELED.  Any number
 * of readers, any thread.  What happened before the set happens before the
 * return.
 */
WEFT_API int weft_oneshot_get(weft_oneshot *o, void **value);

/**
 * weft_oneshot_get with a deadline.  Errors also: -ETIMEDOUT (-EAGAIN with
 * WEFT_NOWAIT), -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_oneshot_get_until(weft_oneshot *o,
						   void **value,
						   weft_time deadline);

/**
 * The value if it is set, else -EAGAIN.  Two loads when it is; never parks,
 * not a cancel point.  Ordered like weft_oneshot_get.
 */
static inline WEFT_NODISCARD int weft_oneshot_try_get(weft_oneshot *o,
						      void **value)
{
	if (__atomic_load_n(&o->weft__lock, __ATOMIC_ACQUIRE) != 2)
		return -EAGAIN;
	if (value)
		*value = o->weft__value;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
