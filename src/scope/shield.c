/* scope/shield.c - not being cancelled for a while.
 *
 * A routine in a shield does not feel what is written on it.  A scope that it
 * begins there is not told from outside: the scope counts the shields around it
 * (scope.h, S5).  When a shield ends, the open scopes that were begun inside it
 * lose it, and catch up.
 */
#include "scope/scope.h"

enum { SHIELDS_MAX = UINT16_MAX };

void weft_shield_begin(void)
{
	struct routine *r = weft__current(weft__worker());

	if (weft__shields(r, 0) >= SHIELDS_MAX)
		weft__panic("shield: too many are begun");
	if (!r) {
		weft__shields(NULL, 1);
		return;
	}
	weft__cancel_lock_own(r);
	weft__shields(r, 1);
	weft__cancel_bits(r, CANCEL_SHIELD, 0);
	weft__cancel_unlock(r);
}

/* S5: true when what is around s has been cancelled and now reaches it. */
static bool lower(struct scope *s, unsigned depth)
{
	struct seat *from = s->from;
	bool reached;

	if (!from) {
		store_rlx(&s->shields, depth);
		return false;
	}
	spin_lock(&from->scope->lock);
	store_rlx(&s->shields, depth);
	reached = load_acq(&from->scope->reason) &&                 /* C1 */
		  depth <= seat_shields(from);
	spin_unlock(&from->scope->lock);
	return reached;
}

/* The scopes of the caller that have more shields than are left. */
static void catch_up(struct worker *w, struct routine *r, unsigned depth)
{
	struct seat *seat = weft__seat_get(r);

	while (seat && seat_is_owners(seat) &&
	       load_rlx(&seat->scope->shields) > depth) {
		if (lower(seat->scope, depth))
			weft__scope_cancel(w, seat->scope, -ECANCELED);
		seat = seat->scope->from;
	}
}

/* A weft_cancel that came meanwhile left the scopes in the shield alone; one
 * that comes from now on finds them lowered. */
static void uncover(struct worker *w, struct routine *r, unsigned depth)
{
	struct seat *seat;
	bool self;

	weft__cancel_lock_own(r);
	weft__shields(r, (int)depth - (int)weft__shields(r, 0));
	if (!depth)
		weft__cancel_bits(r, 0, CANCEL_SHIELD);
	self = load_rlx(&r->cancel) & CANCEL_SELF;
	seat = seat_of(r);
	weft__cancel_unlock(r);
	if (self && !depth && seat && seat_is_owners(seat))
		weft__scope_cancel(w, seat->scope->base, -ECANCELED);
}

void weft__shields_restore(unsigned depth)
{
	struct worker *w = weft__worker();
	struct routine *r = weft__current(w);
	unsigned now = weft__shields(r, 0);

	if (now <= depth)
		return;
	catch_up(w, r, depth);
	if (r)
		uncover(w, r, depth);
	else
		weft__shields(NULL, (int)depth - (int)now);
}

void weft_shield_end(void)
{
	struct routine *r = weft__current(weft__worker());
	unsigned now = weft__shields(r, 0);

	if (!now)
		weft__panic("shield: end without a begin");
	weft__shields_restore(now - 1);
}
