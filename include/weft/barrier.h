/* SPDX-License-Identifier: MIT */
/* weft/barrier.h - parties that wait for each other.
 *
 * weft/sync.h says what holds for every object of its kind.
 */
#ifndef WEFT_BARRIER_H
#define WEFT_BARRIER_H

#include <weft/base.h>

/**
 * A cyclic barrier: so many parties arrive, all go on, and the next round can
 * begin at once.  The memory may go as soon as the wait of one party of the
 * last round has returned.
 */
typedef struct weft_barrier {
	uint32_t weft__lock, weft__waiting;
	void *weft__first, *weft__last;
	int64_t weft__parties;
} weft_barrier;

#define WEFT_BARRIER_INIT(parties) { 0, 0, NULL, NULL, (int64_t)(parties) }

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Arrive, and wait until as many have arrived as there are parties.  1 for
 * exactly one of them (the last to arrive), 0 for the others.  Parks; a cancel
 * point.  Errors: -EINVAL (the barrier has no parties: all zero), -ECANCELED.
 * Who gives up takes its arrival back, unless all had arrived by then: that is
 * 0.  Any thread.  What each party did before it arrived happens before every
 * return.
 */
WEFT_API int weft_barrier_wait(weft_barrier *b);

/**
 * weft_barrier_wait with a deadline.  The last to arrive does not wait, so it
 * gets 1 even when the deadline is past.  Errors also: -ETIMEDOUT (-EAGAIN with
 * WEFT_NOWAIT), -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_barrier_wait_until(weft_barrier *b,
						    weft_time deadline);

#ifdef __cplusplus
}
#endif

#endif
