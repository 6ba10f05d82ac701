/* SPDX-License-Identifier: MIT */
/* weft/chan.h - channels: values of one size, copied from sender to receiver.
 *
 * Go's meanings.  A send on an unbuffered channel ends when a receiver has
 * the value.  Waiters are served first come, first served, and no value
 * overtakes another.  Buffered values are received before the close is seen.
 *
 * Everything here works from routines and plain threads, also between
 * threads with no runtime at all; every call is thread-safe.
 *
 * Memory: what a sender did before a send happens before the matching
 * receive returns; the k-th receive happens before the (k + capacity)-th
 * send returns; close happens before a receive that returns -EPIPE.
 *
 * A NULL channel is never ready: plain operations park for ever, _until
 * forms give -ETIMEDOUT, try forms -EAGAIN.
 *
 * For typed channels, chan(int), see weft/go.h.
 */
#ifndef WEFT_CHAN_H
#define WEFT_CHAN_H

#include <weft/base.h>

/* A channel; opaque, counted. */
typedef struct weft_chan weft_chan;

/* A capacity without limit: sends never wait. */
#define WEFT_UNBOUNDED SIZE_MAX

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A channel for values of elem_size bytes that buffers up to capacity of
 * them: 0 is unbuffered, WEFT_UNBOUNDED grows as needed.  elem_size 0 is
 * legal and costs no memory per value.  The caller owns one reference.
 * Never parks.  NULL: no memory, or elem_size * capacity beyond PTRDIFF_MAX.
 */
WEFT_API weft_chan *weft_chan_new(size_t elem_size, size_t capacity);

/**
 * Take one more reference and return c.  NULL is fine.  Never parks.
 */
WEFT_API weft_chan *weft_chan_ref(weft_chan *c);

/**
 * Drop one reference; the last one frees the channel and the values still
 * buffered.  A receiver may drop the last one though the sender it was
 * matched with has not returned yet.  Misuse, which panics: the last
 * reference goes while somebody is parked in the channel.  NULL is fine.
 * Never parks.
 */
WEFT_API void weft_chan_unref(weft_chan *c);

/**
 * Send a copy of *elem (NULL: zeroes).  Parks until a receiver has it or the
 * buffer has room; a cancel point.  Errors: -EPIPE (closed, also while
 * parked), -ECANCELED, -ENOMEM (unbounded only); the value was then not
 * sent.
 */
WEFT_API int weft_chan_send(weft_chan *c, const void *elem);

/**
 * Receive into *elem (NULL: the value is dropped).  Parks until there is a
 * value; a cancel point.  Errors: -EPIPE (closed and drained; *elem is then
 * zeroed), -ECANCELED (*elem untouched).
 */
WEFT_API int weft_chan_recv(weft_chan *c, void *elem);

/**
 * weft_chan_send that never waits.  -EAGAIN: it would.  Not a cancel point.
 */
WEFT_API WEFT_NODISCARD int weft_chan_try_send(weft_chan *c,
					       const void *elem);

/**
 * weft_chan_recv that never waits.  -EAGAIN: it would, *elem is untouched.
 * Not a cancel point.
 */
WEFT_API WEFT_NODISCARD int weft_chan_try_recv(weft_chan *c, void *elem);

/**
 * weft_chan_send with a deadline.  -ETIMEDOUT (-EAGAIN with WEFT_NOWAIT):
 * the value was not sent.
 */
WEFT_API WEFT_NODISCARD int weft_chan_send_until(weft_chan *c,
						 const void *elem,
						 weft_time deadline);

/**
 * weft_chan_recv with a deadline.  -ETIMEDOUT (-EAGAIN with WEFT_NOWAIT):
 * nothing was taken and *elem is untouched.
 */
WEFT_API WEFT_NODISCARD int weft_chan_recv_until(weft_chan *c, void *elem,
						 weft_time deadline);

/**
 * Send up to n values from the array elems (NULL: zeroes), in order.  Waits
 * for the first only, as weft_chan_send_until; after it takes what goes at
 * once.  Returns how many went, 1 to n; 0 if n is 0.  Errors: those of
 * weft_chan_send_until, when not even one went.
 */
WEFT_API WEFT_NODISCARD ssize_t weft_chan_send_many(weft_chan *c,
						    const void *elems,
						    size_t n,
						    weft_time deadline);

/**
 * Receive up to max values into the array elems (NULL: dropped).  Waits for
 * the first only, as weft_chan_recv_until; after it takes what is there.
 * Returns how many came, 1 to max; 0 if max is 0.  Nothing is written past
 * what it returns.  Errors: those of weft_chan_recv_until, when not even one
 * came; after -EPIPE elems is untouched.
 */
WEFT_API WEFT_NODISCARD ssize_t weft_chan_recv_many(weft_chan *c, void *elems,
						    size_t max,
						    weft_time deadline);

/**
 * Close: later sends give -EPIPE, receives drain the buffer and then give
 * -EPIPE.  Wakes everyone; parked senders all get -EPIPE and their values
 * were not sent.  The references remain to be dropped.  Never parks.
 * Errors: -EALREADY (closed before), -EINVAL (NULL).
 */
WEFT_API int weft_chan_close(weft_chan *c);

/**
 * How many values are buffered at this moment; the values of parked senders
 * do not count.  0 for NULL.  Never parks.
 */
WEFT_API size_t weft_chan_len(const weft_chan *c);

/**
 * The capacity given to weft_chan_new, WEFT_UNBOUNDED included; 0 for NULL.
 * Never parks.
 */
WEFT_API size_t weft_chan_cap(const weft_chan *c);

#ifdef __cplusplus
}
#endif

#endif
