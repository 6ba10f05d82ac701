/* chan/ticks.h - a timer's channel: its values are made when they are taken.
 *
 * Place in the life of a routine:  running -> [ recv, select ] -> park
 *
 * Nothing is ever put into such a channel.  Whether it holds a value follows
 * from the clock: it does when its timer is armed and the time has come, and
 * taking the value is what disarms the timer or moves it on along its grid.
 * So a timer that nobody waits for costs nothing, a tick that nobody took in
 * time is dropped by itself, and a stop or restart leaves nothing stale behind.
 *
 * A receiver that finds no value parks until the time comes (or its own
 * deadline), then looks again.  One whose timer is set earlier meanwhile, or
 * stopped, is claimed with -EAGAIN: look again.  (A timer that is set later
 * wakes nobody: the receiver looks too early once, and parks again.)
 *
 * To the rest of chan/ it is a closed channel that was drained: whoever finds
 * CLOSED and no value, and c->ticks, asks here; sends give -EPIPE.
 *
 * Invariants (all under the channel's lock, which is also the timer's)
 *   I1  c->ticks is set while the timer lives; afterwards the channel is an
 *       ordinary closed one for whoever still has a reference.
 *   I2  relied is no earlier than the `next` for which any parked receiver
 *       will wake by itself; a change to an earlier one wakes them all.
 *   I3  that a value is gone, taken or by a change of the timer, is counted in
 *       c->waiting first (chan.h, I4), for a select that looks without lock.
 */
#ifndef WEFT_CHAN_TICKS_H
#define WEFT_CHAN_TICKS_H

#include "base/base.h"
#include "chan/chan.h"

/* In the timer's memory; its lock protects all of it. */
struct ticks {
	bool armed;                     /* it has a value, or will have one  */
	int64_t next;                   /* since when, if armed              */
	int64_t period;                 /* 0: one value                      */
	int64_t begun;                  /* no value is earlier: a time that was
					 * when it was started, or soon after */
	int64_t relied;                 /* I2 */
};

static inline bool ticks_due(const struct ticks *t, int64_t now)
{
	return t->armed && t->next <= now;
}

/* When a value is due; INT64_MAX: never, as things are. */
static inline int64_t ticks_next(const struct ticks *t)
{
	return t->armed ? t->next : INT64_MAX;
}

/* It is due: take the value. */
int64_t weft__ticks_take(struct ticks *t, int64_t now);

/* A new channel that shows t; NULL: no memory. */
struct weft_chan *weft__ticks_chan(struct ticks *t);

/* The timer ends.  Who still waits gets -EPIPE; the timer's reference goes. */
void weft__ticks_end(struct worker *w, struct weft_chan *c);

/* Under the lock: t was armed, or moved, or disarmed.  Receivers that rely on
 * what it was are put on ch, to be readied after the unlock. */
void weft__ticks_changed(struct weft_chan *c, struct chain *ch);

/* Under the lock, for a receiver that will park in c: when to look again. */
int64_t weft__ticks_rely(struct weft_chan *c);

/* The receive and the length: weft__ticks_recv and weft__ticks_len of chan.h.
 * The receive is called with the lock and returns without; as chan_park, and
 * 0 when a value was there. */

#endif
