/* scope/cancel.c - telling everybody in a scope, and below it, that it is over.
 *
 * Place in the life of a routine:  parked or running -> [ cancel ] -> ready
 *
 * The canceller walks the tree of scopes with a list of those that it has still
 * to tell, each marked and pinned by itself (scope.h: S1, S4).  It holds one
 * scope's lock at a time, for at most BATCH routines, so that a scope of many
 * thousands stays usable meanwhile.
 */
#include "scope/scope.h"

#include <weft/routine.h>

enum { BATCH = 32 };

/* Waits that were ended under a lock; readied after it. */
struct batch {
	unsigned looked;                /* seats since the lock was taken */
	unsigned n;
	struct wait *wait[BATCH];
};

static void batch_ready(struct worker *w, struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		weft__ready_many(w, b->wait[i]);
	b->n = 0;
	b->looked = 0;
}

bool weft__scope_mark(struct scope *s, int reason)
{
	int none = 0;

	if (!cas_acqrel(&s->reason, &none, reason))                 /* C1 */
		return false;
	none = 0;
	cas_rlx(&s->cause, &none, reason);
	return true;
}

/* What was begun from this seat, unless a shield is between. */
static void mark_inner(struct seat *seat, struct scope **work)
{
	struct scope *in = seat->inner;

	if (!in || load_rlx(&in->shields) > seat_shields(seat) ||   /* S5 */
	    !weft__scope_mark(in, -ECANCELED))
		return;
	scope_pin(in);
	in->work = *work;
	*work = in;
}

/* Its scope is cancelled; locked. */
static void tell_seat(struct seat *seat, struct batch *b, struct scope **work)
{
	struct routine *r = seat->routine;
	struct wait *wt = NULL;

	if (r) {
		weft__cancel_lock_own(r);
		if (seat_of(r) == seat)                             /* S2 */
			wt = weft__cancel_bits(r, CANCEL_SCOPE, 0);
		weft__cancel_unlock(r);
	}
	if (wt)
		b->wait[b->n++] = wt;
	b->looked++;
	mark_inner(seat, work);
}

void weft__scope_tell(struct worker *w, struct scope *s)
{
	struct scope *work = s;
	struct batch b = { 0 };
	struct link *l;

	s->work = NULL;
	while ((s = work)) {
		work = s->work;
		spin_lock(&s->lock);
		tell_seat(&s->owner, &b, &work);
		while ((l = list_pop(&s->untold))) {
			list_push(&s->told, l);
			tell_seat(container_of(l, struct seat, link), &b, &work);
			if (b.looked < BATCH)
				continue;
			spin_unlock(&s->lock);
			batch_ready(w, &b);
			spin_lock(&s->lock);
		}
		spin_unlock(&s->lock);
		batch_ready(w, &b);
		weft__scope_unpin(w, s);
	}
}

void weft__scope_cancel(struct worker *w, struct scope *s, int reason)
{
	if (load_rlx(&s->reason) || !weft__scope_mark(s, reason))
		return;
	scope_pin(s);
	weft__scope_tell(w, s);
}

/* --- the calls ------------------------------------------------------------------ */

int weft_scope_cancel(weft_scope *pub, int err)
{
	struct worker *w = weft__worker();
	struct scope *s = scope_of(pub);

	if (!s || err >= 0)
		return -EINVAL;
	weft__known(w);
	weft__scope_cancel(w, s, err);
	weft__budget(w);
	return 0;
}

/* The outermost scope that r owns, pinned, if it is to be told; handle held. */
static struct scope *mark_owned(struct routine *r)
{
	struct seat *seat = seat_of(r);
	struct scope *s;

	if (!seat || !seat_is_owners(seat))
		return NULL;
	s = seat->scope->base;
	if (load_rlx(&s->shields) || !weft__scope_mark(s, -ECANCELED))
		return NULL;
	scope_pin(s);
	return s;
}

int weft_cancel(weft_id id)
{
	struct worker *w = weft__worker();
	struct scope *s = NULL;
	struct wait *wt = NULL;
	struct routine *r;
	int entered = -1;

	weft__known(w);
	r = weft__cancel_lock(id);
	if (!r)
		return -ESRCH;
	if (weft__cancel_late(w, r)) {
		weft__cancel_unlock(r);
		return -EOWNERDEAD;
	}
	if (!(load_rlx(&r->handle) & (HANDLE_ENDED | HANDLE_SEALED))) {
		wt = weft__cancel_bits(r, CANCEL_SELF, 0);
		s = mark_owned(r);
		if (s)
			entered = weft__cancel_enter(w, r);
	}
	weft__cancel_unlock(r);
	if (wt)
		weft__ready(w, wt);
	if (s)
		weft__scope_tell(w, s);
	weft__cancel_leave(entered);
	weft__budget(w);
	return 0;
}

int weft_cancelled(void)
{
	struct worker *w = weft__worker();
	struct routine *r = weft__current(w);

	if (likely(!weft__cancelled(w)))
		return 0;
	if (load_rlx(&r->cancel) & CANCEL_SCOPE)
		return load_acq(&seat_of(r)->scope->reason);        /* C1 */
	return -ECANCELED;
}
