/* sched/discard.c - routines that are left when their runtime ends.
 *
 * Place in the life of a routine:  any -> [ discard ] -> record pool
 *
 * No worker runs any more, so nothing but plain threads can touch the objects
 * that the routines wait for: each wait is withdrawn under its object's lock,
 * stacks go with the pool, records are retired.  Neither key destructors nor
 * any frame of the routine runs again.
 */
#include "sched/local.h"
#include "sched/runtime.h"

static void discard(struct routine *r)
{
	struct extra *x;
	uint8_t state = load_rlx(&r->state);

	if (state == ROUTINE_PARKED && r->wait && r->wait->withdraw)
		r->wait->withdraw(r->wait);
	weft__handle_lock_own(r);
	/* A plain thread or another runtime's routine: ours are discarded. */
	if (r->joiner && (!r->joiner->routine ||
			  r->joiner->routine->rt != r->rt) &&
	    wait_claim(r->joiner)) {
		r->joiner->result = -ECANCELED;
		weft__ready(NULL, r->joiner);
	}
	x = NULL;
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

void weft__runtime_discard(struct weft_runtime *rt)
{
	struct routine *r;

	for (uint32_t i = 0; (r = weft__record_at(i)); i++)
		if (load_acq(&r->handle) & HANDLE_LIVE &&           /* H1 */
		    r->rt == rt->slot)
			discard(r);
}
