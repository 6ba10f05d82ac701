/* sched/discard.c - routines that are left when their runtime ends.
 *
 * Place in the life of a routine:  any -> [ discard ] -> record pool
 *
 * No worker runs any more, but plain threads and other runtimes may be using
 * the objects that the routines wait for.  So first every wait is ended: it is
 * withdrawn under its object's lock, or, when somebody has claimed it, waited
 * for until that somebody has readied the routine (P3 of park.h: the claimer
 * uses the wait, which lies on the routine's stack, until then).  When those
 * who readied have also left the queues (O1), stacks and records go.
 *
 * Neither key destructors nor any frame of the routine runs again.
 *
 * Ordering
 *   O2  state: store-release of RUNNABLE by who readies from outside /
 *       load-acquire here: it is done with the wait.
 */
#include "sched/local.h"
#include "sched/runtime.h"

static void end_wait(struct routine *r)
{
	struct wait *wt = r->wait;

	/* Its deadline woke it, but it has not run: it still stands in the
	 * queues that it would have left. */
	if (load_rlx(&r->state) == ROUTINE_RUNNABLE &&
	    load_rlx(&r->reason) == PARK_EXPIRED) {
		wt->withdraw(wt);
		store_rlx(&r->reason, PARK_NONE);
		return;
	}
	if (load_acq(&r->state) != ROUTINE_PARKED)                  /* O2 */
		return;
	if (wt && wt->withdraw(wt))
		return;
	while (load_acq(&r->state) == ROUTINE_PARKED)               /* O2 */
		weft__os_yield();
}

static void discard(struct routine *r)
{
	uint8_t state = load_rlx(&r->state);
	struct extra *x = NULL;

	weft__handle_lock_own(r);
	/* A plain thread or another runtime's routine: ours are discarded. */
	if (r->joiner && (!r->joiner->routine ||
			  r->joiner->routine->rt != r->rt) &&
	    wait_claim(r->joiner)) {
		r->joiner->result = -ECANCELED;
		weft__ready(NULL, r->joiner);
	}
	if (state == ROUTINE_NEW)
		x = r->flags & ROUTINE_EXTRA ? (struct extra *)r->word[5] : NULL;
	else if (state != ROUTINE_ENDED)
		x = r->live.extra;
	if (x)
		weft__local_drop(x);
	routine_set_state(r, ROUTINE_FREE);
	handle_retire(r);
	weft__record_drop(NULL, r);
}

static void for_each(struct weft_runtime *rt, void (*fn)(struct routine *))
{
	struct routine *r;

	for (uint32_t i = 0; (r = weft__record_at(i)); i++)
		if (load_acq(&r->handle) & HANDLE_LIVE &&           /* H1 */
		    r->rt == rt->slot)
			fn(r);
}

void weft__discard_waits(struct weft_runtime *rt)
{
	for_each(rt, end_wait);
}

void weft__discard_routines(struct weft_runtime *rt)
{
	for_each(rt, discard);
}
