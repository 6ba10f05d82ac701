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
 * Neither key destructors nor any frame of the routine runs again; only what
 * calls of weft hold in these frames is given back (struct hold in park.h).
 *
 * What has not ended is sealed first, under its handle: where cancels come from.
 * Its open wait, if any, is claimed there, so none is open in a record that goes
 * back to the pool, and no later cancel reaches it; an earlier one has readied
 * what it claimed (cancel.c).  An ended one may be collected at any time, by who
 * joins or detaches it; then the record is another's.
 *
 * Ordering
 *   O2  state: store-release of RUNNABLE by who readies from outside /
 *       load-acquire here: it is done with the wait.
 *   O3  discard_told: store-release by who wants to be told / load-acquire here.
 */
#include "sched/cancel.h"
#include "sched/local.h"
#include "sched/panics.h"
#include "sched/park_call.h"
#include "sched/runtime.h"
#include "sched/unwind.h"

/* Readied, but it has not run: it still stands in queues that it would have
 * left, when its deadline or a cancel woke it, or when it is a select; or what
 * woke it is to be handed on, when that is an edge of a descriptor; or it bars
 * the way to one that it was to close. */
static bool stands_in_queues(struct routine *r)
{
	uint8_t state = load_acq(&r->state);                        /* O2 */
	uint8_t reason = load_rlx(&r->reason);

	return state == ROUTINE_RUNNABLE &&
	       (reason == PARK_EXPIRED || reason == PARK_SELECT ||
		reason == PARK_READ || reason == PARK_WRITE ||
		reason == PARK_POLL || reason == PARK_CLOSE);
}

/* False: it has ended, or is none of ours any more. */
static bool seal(struct routine *r, uint64_t id)
{
	uint32_t claim;
	bool stays;

	if (!weft__handle_lock(r, id))
		return false;
	stays = !(load_rlx(&r->handle) & HANDLE_ENDED);
	claim = load_rlx(&r->claim);
	if (claim & 1 && cas_acqrel(&r->claim, &claim, claim + 1)) { /* W1 */
		weft__wait_fail(r->wait, -ECANCELED);
		routine_set_state(r, ROUTINE_RUNNABLE);
	}
	handle_unlock(r, stays ? HANDLE_SEALED : 0);
	return stays;
}

static void end_wait(struct routine *r, uint64_t id)
{
	struct wait *wt;

	if (!seal(r, id))
		return;
	wt = r->wait;
	if (load_acq(&r->state) == ROUTINE_PARKED) {                /* O2 */
		if (wt && wt->withdraw(wt))
			return;
		while (load_acq(&r->state) == ROUTINE_PARKED)       /* O2 */
			weft__os_yield();
	}
	if (stands_in_queues(r)) {
		wt->withdraw(wt);
		store_rlx(&r->reason, PARK_NONE);
	}
}

void (*_Atomic weft__discard_told)(struct routine *r);

/* False: it has ended, and whoever collects it was faster, or is about to. */
static bool hold(struct routine *r, uint64_t id)
{
	const uint64_t collected = HANDLE_ENDED | HANDLE_DETACHED;

	if (!weft__handle_lock(r, id))
		return false;
	if ((load_rlx(&r->handle) & collected) != collected)
		return true;
	handle_unlock(r, 0);
	return false;
}

/* Those told may look at what is another routine's; it is there until all are. */
static void tell(struct routine *r, uint64_t id)
{
	void (*told)(struct routine *) = load_acq(&weft__discard_told); /* O3 */

	if (id & HANDLE_SEALED)
		told(r);
}

/* What a call holds, and the chain that leads to it, may lie in another's frames. */
static void drop_holds(struct routine *r, uint64_t id)
{
	if (id & HANDLE_SEALED && load_rlx(&r->state) != ROUTINE_NEW)
		weft__holds_drop(r->live.defers, NULL);
}

static void discard(struct routine *r, uint64_t id)
{
	struct extra *x = NULL;
	uint8_t state;

	if (!hold(r, id))
		return;
	state = load_rlx(&r->state);
	/* A plain thread or another runtime's routine: ours are discarded. */
	if (r->joiner && (!r->joiner->routine ||
			  r->joiner->routine->rt != r->rt) &&
	    wait_claim(r->joiner)) {
		r->joiner->result = -ECANCELED;
		weft__ready(NULL, r->joiner);
	}
	if (state == ROUTINE_NEW)
		x = r->flags & ROUTINE_EXTRA ? (struct extra *)r->word[5] : NULL;
	else
		x = r->live.extra;
	if (x) {
		if (state == ROUTINE_NEW && x->unborn)
			x->unborn((void *)r->word[0]);
		if (state == ROUTINE_ENDED)     /* nobody joined it */
			weft__panic_tell(NULL, runtime_of(r), r, x);
		weft__local_drop(x);
	}
	routine_set_state(r, ROUTINE_FREE);
	store_rlx(&r->reason, PARK_NONE);       /* of its next life */
	handle_retire(r);
	weft__record_drop(NULL, r);
}

/* Only a record that is ours is locked: others may end without asking. */
static void for_each(struct weft_runtime *rt,
		     void (*fn)(struct routine *, uint64_t id))
{
	struct routine *r;

	for (uint32_t i = 0; (r = weft__record_at(i)); i++) {
		uint64_t h = load_acq(&r->handle);                  /* H1 */

		if (h & HANDLE_LIVE && routine_slot(r) == rt->slot)
			fn(r, h);
	}
}

void weft__discard_waits(struct weft_runtime *rt)
{
	for_each(rt, end_wait);
}

void weft__discard_routines(struct weft_runtime *rt)
{
	if (load_acq(&weft__discard_told))                          /* O3 */
		for_each(rt, tell);
	for_each(rt, drop_holds);
	for_each(rt, discard);
}
