/* scope/defer.c - WEFT_DEFER: a call owed by a block; and what a call holds. */
#include "base/base.h"
#include "sched/park.h"

#include <weft/panic.h>

_Static_assert(sizeof(struct defer) == sizeof(weft_deferred) &&
	       offsetof(struct defer, outer) ==
	       offsetof(weft_deferred, weft__outer) &&
	       offsetof(struct defer, fn) == offsetof(weft_deferred, weft__fn) &&
	       offsetof(struct defer, arg) ==
	       offsetof(weft_deferred, weft__arg), "the public struct is this");

void weft_defer_begin(weft_deferred *d, void (*fn)(void *), void *arg)
{
	weft__defer(weft__worker(), (struct defer *)d, fn, arg);
}

void weft_defer_end(weft_deferred *pub)
{
	struct defer *d = (struct defer *)pub;

	/* Off the chain first: a panic in fn does not call it again. */
	weft__defer_drop(weft__worker(), d);
	d->fn(d->arg);
}

_Static_assert(sizeof(struct hold) == sizeof(weft_held) &&
	       _Alignof(struct hold) == _Alignof(weft_held),
	       "the public struct is this");

void weft_hold_begin(weft_held *h, void (*drop)(void *), void *arg)
{
	weft__hold((struct hold *)h, drop, arg);
}

void weft_hold_end(weft_held *h)
{
	weft__hold_end((struct hold *)h);
}
