/* sched/cancel.c - see cancel.h. */
#include "sched/cancel.h"
#include "sched/park_call.h"
#include "sched/runtime.h"

struct routine *weft__cancel_lock(uint64_t id)
{
	struct routine *r = weft__record_find(id);

	return r && weft__handle_lock(r, id) ? r : NULL;
}

bool weft__cancel_late(struct worker *w, struct routine *r)
{
	return unlikely(!w || w->slot != r->rt) &&
	       load_acq(&weft__runtime_dead) >> r->rt & 1;         /* fork Z1 */
}

void weft__cancel_lock_own(struct routine *r)
{
	if (unlikely(!handle_trylock(r, routine_id(r))))
		weft__handle_lock_own(r);
}

void weft__cancel_unlock(struct routine *r)
{
	handle_unlock(r, 0);
}

/* N2.  From outside its runtime it is readied here, so that a discard, which
 * locks the handle, finds that done. */
static struct wait *end_wait(struct routine *r)
{
	struct worker *w = weft__worker();
	uint32_t claim = load_seq(&r->claim);                       /* W1 */

	if (!(claim & 1) || !cas_acqrel(&r->claim, &claim, claim + 1)) /* W1 */
		return NULL;
	weft__wait_fail(r->wait, -ECANCELED);
	if (likely(w && w->slot == r->rt))
		return r->wait;
	weft__ready_many(NULL, r->wait);
	return NULL;
}

struct wait *weft__cancel_bits(struct routine *r, uint8_t set, uint8_t clear)
{
	uint8_t bits = (uint8_t)((load_rlx(&r->cancel) & ~clear) | set);

	store_seq(&r->cancel, bits);                                /* W4 */
	return cancel_felt(bits) ? end_wait(r) : NULL;
}

struct weft_scope *weft__cancel_scope(struct routine *r)
{
	return load_rlx(&r->cancel) & CANCEL_OWNER ? r->live.scope : NULL;
}

void weft__cancel_scope_set(struct routine *r, struct weft_scope *s)
{
	uint8_t bits = load_rlx(&r->cancel);

	r->live.scope = s;
	store_rlx(&r->cancel, (uint8_t)(s ? bits | CANCEL_OWNER :
					    bits & ~CANCEL_OWNER));
	if (s)
		routine_flag_set(r, ROUTINE_EXPOSED);
}

unsigned weft__cancel_shields(struct routine *r, int change)
{
	r->live.shields = (uint16_t)(r->live.shields + change);
	return r->live.shields;
}

int weft__cancel_enter(struct worker *w, struct routine *r)
{
	if (w && w->slot == r->rt)
		return -1;
	outside_enter(r->rt);
	return r->rt;
}

void weft__cancel_leave(int entered)
{
	if (entered >= 0)
		outside_leave((unsigned)entered);
}

/* --- a whole runtime ---------------------------------------------------------- */

/* Not a worker of rt; so the wait is readied in end_wait. */
static bool cancel_one(struct routine *r, uint64_t id)
{
	bool fresh;

	if (!weft__handle_lock(r, id))
		return false;
	fresh = !(load_rlx(&r->cancel) & CANCEL_SELF) &&
		!(load_rlx(&r->handle) & HANDLE_ENDED);
	if (fresh)
		weft__cancel_bits(r, CANCEL_SELF, 0);
	weft__cancel_unlock(r);
	return fresh;
}

size_t weft__cancel_all(struct weft_runtime *rt)
{
	struct routine *r;
	size_t n = 0;

	/* Only a record that is ours is locked: others may end without asking. */
	for (uint32_t i = 0; (r = weft__record_at(i)); i++) {
		uint64_t h = load_acq(&r->handle);                  /* H1 */

		if (h & HANDLE_LIVE && routine_slot(r) == rt->slot)
			n += cancel_one(r, h);
	}
	return n;
}
