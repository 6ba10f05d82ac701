/* SPDX-License-Identifier: MIT */
/* weft/time.h - the clock of the runtime, and sleeping by it.
 *
 * weft_time counts nanoseconds on a monotonic clock; see weft/base.h for its
 * units and for WEFT_FOREVER and WEFT_NOWAIT.
 */
#ifndef WEFT_TIME_H
#define WEFT_TIME_H

#include <weft/base.h>

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

#ifdef __cplusplus
}
#endif

#endif
