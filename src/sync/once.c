/* sync/once.c - something that is done once, and who waits until it is done.
 *
 * waitlist.h has the protocol.  Open: fn has ended, in whatever way.
 *
 *   N1  The first to come writes itself into runner, under the lock, and runs
 *       fn without the lock; runner does not change again.
 *   N2  fn's end opens, also when it ends by a panic or by weft_exit: the
 *       runner owes that call (weft__defer) while fn runs.
 *
 * A routine that is discarded with its run inside fn never ends fn.
 */
#include "sync/waitlist.h"

#include <weft/once.h>

#include <pthread.h>

struct once {
	struct waitlist l;
	uintptr_t runner;               /* lock; 0: fn has not begun (N1) */
};

_Static_assert(sizeof(struct once) == sizeof(weft_once) &&
	       offsetof(weft_once, weft__runner) ==
	       offsetof(struct once, runner), "the public struct is this");

/* Different from everybody else's who is alive, and never 0. */
static uintptr_t me(struct worker *w)
{
	return w ? (uintptr_t)weft__current(w) : (uintptr_t)pthread_self();
}

/* N2 */
static void fn_ended(void *arg)
{
	struct harvest h = HARVEST_NONE;
	struct once *o = arg;

	waitlist_lock(&o->l);
	waitlist_take_all(&o->l, &h);
	waitlist_open(&o->l);
	waitlist_finish(weft__worker(), &h);
}

static int do_until(struct once *o, void (*fn)(void *), void *arg,
		    int64_t deadline, bool steady)
{
	struct worker *w = weft__worker();
	struct defer owed;
	struct listed p;
	int err = 0;

	/* Asked in any case: a plain thread is known before it has any effect. */
	if (waitlist_cancelled(w, deadline) && !steady)
		return -ECANCELED;
	if (waitlist_is_open(&o->l) || !waitlist_lock(&o->l)) {
		weft__budget(w);
		return 0;
	}
	if (!o->runner && fn) {
		o->runner = me(w);                                  /* N1 */
		waitlist_unlock(&o->l);
		weft__defer(w, &owed, fn_ended, o);
		fn(arg);
		weft__defer_drop(weft__worker(), &owed);
		fn_ended(o);
		return 0;
	}
	if (unlikely(!o->runner || o->runner == me(w))) {
		waitlist_unlock(&o->l);
		weft__panic(fn ? "once: fn waits for its own once"
			       : "once: no function");
	}
	p.left = NULL;
	if (steady)
		weft__waitlist_wait_steady(&o->l, w, &p, PARK_ONCE);
	else
		err = weft__waitlist_wait(&o->l, w, &p, deadline, PARK_ONCE);
	return err < 0 ? err : 0;
}

void (weft_once_do)(weft_once *once, void (*fn)(void *), void *arg)
{
	do_until((struct once *)once, fn, arg, WEFT_FOREVER, true);
}

int weft_once_do_until(weft_once *once, void (*fn)(void *), void *arg,
		       weft_time deadline)
{
	return do_until((struct once *)once, fn, arg, deadline, false);
}
