/* SPDX-License-Identifier: MIT */
/* weft/select.h - wait for the first of several channel operations.
 *
 *	weft_case cases[] = { WEFT_RECV(a, &x), WEFT_SEND(b, &y) };
 *
 *	switch (weft_select(cases, 2, weft_in(WEFT_S))) {
 *	case 0: ...             x came from a, or a is closed: cases[0].err
 *	case 1: ...             y went to b
 *	case -ETIMEDOUT: ...
 *	}
 *
 * For typed channels, chan_select(), see weft/go.h.
 */
#ifndef WEFT_SELECT_H
#define WEFT_SELECT_H

#include <weft/base.h>
#include <weft/chan.h>

/* One operation that a select may do. */
typedef struct weft_case {
	weft_chan *chan;        /* NULL: never ready                        */
	void *elem;             /* where the value goes or is; may be NULL  */
	int op;                 /* WEFT_CASE_RECV, WEFT_CASE_SEND           */
	int err;                /* of the chosen case: 0 or -EPIPE          */
} weft_case;

enum {
	WEFT_CASE_RECV = 1,
	WEFT_CASE_SEND = 2
};

/* The cases "receive from c into *ptr" and "send *ptr to c", as in
 * weft_chan_recv and weft_chan_send; for initialisers and assignments. */
#ifndef __cplusplus
#define WEFT_RECV(c, ptr) ((weft_case){ (c), (ptr), WEFT_CASE_RECV, 0 })
#define WEFT_SEND(c, ptr)                                              \
	((weft_case){ (c), (void *)(1 ? (ptr) : (const void *)0),      \
		      WEFT_CASE_SEND, 0 })
#else
#define WEFT_RECV(c, ptr) (::weft_case{ (c), (ptr), WEFT_CASE_RECV, 0 })
#define WEFT_SEND(c, ptr)                                              \
	(::weft_case{ (c),                                             \
		const_cast<void *>(static_cast<const void *>(ptr)),    \
		WEFT_CASE_SEND, 0 })
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Do exactly one of the n operations, the first that can be done, and return
 * its index; each of those that can be done at once is equally likely.  The
 * chosen case's err is 0, or -EPIPE: its channel is closed, for a receive also
 * drained, and *elem zeroed.  The other cases, what they point at and their
 * channels are as if never named.
 *
 * Parks until then; a cancel point; thread-safe.  With WEFT_NOWAIT it never
 * parks, is no cancel point, and -EAGAIN says that there was a moment at which
 * none of the operations could be done.  A past deadline does what can be done
 * at once.  n may be 0: it parks until the deadline or a cancel.
 *
 * A channel may appear more than once, also to receive and to send; a select
 * is never its own partner.  A value is read when its send is done.  Memory is
 * ordered as by the chosen operation.  The channels must last until the call
 * returns, but the chosen one only as long as its own operation would need it.
 *
 * Takes about 60 bytes of stack for each case when it parks, with more than 64
 * cases heap memory instead.
 *
 * Errors, after which nothing was done: -EAGAIN (WEFT_NOWAIT), -ETIMEDOUT,
 * -ECANCELED, -EINVAL (an op that does not exist, cases is NULL and n is not 0,
 * n beyond INT_MAX), -ENOMEM (a wait with a deadline or more than 64 cases; a
 * send on an unbounded channel).
 */
WEFT_API int weft_select(weft_case *cases, size_t n, weft_time deadline);

/**
 * weft_select that prefers earlier cases: of those that can be done at once it
 * does the first.  One that can be done, and stays so, is never overtaken by a
 * later one that came after it: who is sent values on one channel and then "done"
 * on a second, and names them in this order, has all values first.
 */
WEFT_API int weft_select_ordered(weft_case *cases, size_t n,
				 weft_time deadline);

#ifdef __cplusplus
}
#endif

#endif
