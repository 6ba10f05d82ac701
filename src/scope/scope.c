/* scope/scope.c - begin and end; invariants and orderings in scope.h.
 *
 * Place in the life of a routine:  [ begin ] -> scope_go -> [ end ] -> park until
 *                                  the last child has ended
 *
 * The owner may also leave by a panic or weft_exit: a deferred call then cancels
 * the scope and joins what is in it, since its frame goes.
 */
#include "scope/scope.h"
#include "sched/unwind.h"

#include <weft/routine.h>
#include <weft/runtime.h>

/* --- who is where ----------------------------------------------------------- */

static _Thread_local struct {
	struct seat *seat;
	unsigned shields;
} plain;

NOINLINE struct seat *weft__seat_get(struct routine *r)
{
	return r ? seat_of(r) : plain.seat;
}

NOINLINE void weft__seat_set(struct routine *r, struct seat *seat)
{
	if (r)
		weft__cancel_scope_set(r, (struct weft_scope *)(void *)seat);
	else
		plain.seat = seat;
}

NOINLINE unsigned weft__shields(struct routine *r, int change)
{
	if (r)
		return weft__cancel_shields(r, change);
	return plain.shields += (unsigned)change;
}

/* --- begin -------------------------------------------------------------------- */

static void abandon(void *arg);

static void init(struct scope *s, struct routine *r, struct seat *from,
		 unsigned shields)
{
	memset(s, 0, offsetof(struct scope, alarm));
	s->mark = SCOPE_MARK ^ (uintptr_t)s;
	store_rlx(&s->shields, shields);
	s->from = from;
	s->base = from && seat_is_owners(from) ? from->scope->base : s;
	s->owner.scope = s;
	s->owner.routine = r;
}

static int set_alarm(struct worker *w, struct scope *s, int64_t deadline,
		     const void *site)
{
	int err;

	if (deadline <= weft__clock()) {
		weft__scope_mark(s, -ETIMEDOUT);
		return 0;
	}
	alarm_init(&s->alarm);
	s->alarm.fn = weft__scope_ring;
	s->alarm.arg = s;
	s->alarm.site = site;
	s->alarm.owed = true;
	s->timed = true;
	spin_lock(&s->lock);
	err = weft__alarm_set(w, &s->alarm, deadline, &s->lock);
	if (err == -ECANCELED)          /* it stops, and cancels everybody */
		s->timed = false;
	return s->timed ? err : 0;
}

/* S3 */
static void attach(struct scope *s)
{
	struct seat *from = s->from;

	if (!from)
		return;
	spin_lock(&from->scope->lock);
	from->inner = s;
	if (unlikely(load_acq(&from->scope->reason)) &&             /* C1 */
	    load_rlx(&s->shields) <= seat_shields(from))
		weft__scope_mark(s, -ECANCELED);
	spin_unlock(&from->scope->lock);
}

static void detach(struct scope *s)
{
	struct seat *from = s->from;

	if (!from)
		return;
	spin_lock(&from->scope->lock);
	from->inner = NULL;
	spin_unlock(&from->scope->lock);
}

void weft__seat_move(struct routine *r, struct seat *seat)
{
	bool cancelled;

	if (!r) {
		weft__seat_set(NULL, seat);
		return;
	}
	weft__cancel_lock_own(r);
	weft__seat_set(r, seat);
	cancelled = seat && load_acq(&seat->scope->reason);         /* C1 */
	if (cancelled != !!(load_rlx(&r->cancel) & CANCEL_SCOPE))
		weft__cancel_bits(r, cancelled ? CANCEL_SCOPE : 0,
				  cancelled ? 0 : CANCEL_SCOPE);
	weft__cancel_unlock(r);
}

/* Its id was cancelled before: that reaches what it begins. */
static bool cancelled_self(struct routine *r, struct scope *s)
{
	return r && s->base == s && !load_rlx(&s->shields) &&
	       load_rlx(&r->cancel) & CANCEL_SELF;
}

int weft_scope_begin(weft_scope *pub, weft_time deadline)
{
	struct worker *w = weft__worker();
	struct routine *r = weft__current(w);
	struct scope *s = (struct scope *)(void *)pub;
	int err;

	if (!s)
		return -EINVAL;
	if (!w && !weft_workers())
		return -EPERM;
	init(s, r, weft__seat_get(r), weft__shields(r, 0));
	if (deadline != WEFT_FOREVER) {
		err = set_alarm(w, s, deadline, __builtin_return_address(0));
		if (err) {
			s->mark = 0;
			return err;
		}
	}
	weft__children_prepare();
	attach(s);
	weft__seat_move(r, &s->owner);
	if (unlikely(cancelled_self(r, s)))
		weft__scope_cancel(w, s, -ECANCELED);
	weft__defer(w, &s->defer, abandon, s);
	return 0;
}

int weft_scope_policy(weft_scope *pub, int policy)
{
	struct scope *s = scope_of(pub);

	if (!s || (policy != WEFT_SCOPE_FIRST_ERROR &&
		   policy != WEFT_SCOPE_COLLECT))
		return -EINVAL;
	s->policy = policy;
	return 0;
}

size_t weft_scope_failures(const weft_scope *pub)
{
	struct scope *s = (struct scope *)(void *)(uintptr_t)pub;
	size_t n;

	if (!s)
		return 0;
	spin_lock(&s->lock);
	n = s->failures;
	spin_unlock(&s->lock);
	return n;
}

/* --- end ----------------------------------------------------------------------- */

static bool settled_locked(const struct scope *s)
{
	return !load_acq(&s->busy) && (!s->await_ring || s->rung);  /* C2 */
}

void weft__scope_unpin_locked(struct worker *w, struct scope *s)
{
	struct wait *wt = NULL;

	sub_acqrel(&s->busy, 1);                                    /* C2 */
	if (settled_locked(s)) {
		wt = s->waiter;
		s->waiter = NULL;
	}
	spin_unlock(&s->lock);
	if (wt)
		weft__ready(w, wt);
}

void weft__scope_unpin(struct worker *w, struct scope *s)
{
	spin_lock(&s->lock);
	weft__scope_unpin_locked(w, s);
}

void weft__scope_rung(struct worker *w, struct scope *s)
{
	scope_pin(s);                   /* to be given back */
	spin_lock(&s->lock);
	s->rung = true;
	weft__scope_unpin_locked(w, s);
}

void weft__scope_ring(void *arg)
{
	struct scope *s = arg;
	struct worker *w = weft__worker();
	bool late;

	spin_lock(&s->lock);
	late = s->ending && !load_acq(&s->busy);        /* C2: nobody is left */
	spin_unlock(&s->lock);
	if (!late)
		weft__scope_cancel(w, s, -ETIMEDOUT);
	weft__place_vacate(w);
	weft__scope_rung(w, s);
}

static bool withdraw_end(struct wait *wt)
{
	struct scope *s = wt->object;
	bool was;

	spin_lock(&s->lock);
	was = s->waiter == wt;
	s->waiter = NULL;
	spin_unlock(&s->lock);
	return was;
}

/* Wait until nothing needs s.  Nobody claims the wait but who takes it from
 * s->waiter, so what it says need not be looked at. */
static struct worker *await(struct worker *w, struct scope *s)
{
	struct wait wt;

	if (!load_acq(&s->busy) && !s->await_ring &&                /* C2 */
	    !load_acq(&s->lock.locked))                             /* L1 C2 */
		return w;
	spin_lock(&s->lock);
	if (settled_locked(s)) {
		spin_unlock(&s->lock);
		return w;
	}
	wait_init_steady(&wt, weft__current(w));
	wt.withdraw = withdraw_end;
	wt.object = s;
	s->waiter = &wt;
	return weft__park(w, &wt, &s->lock, PARK_SCOPE);
}

/* S7 */
static void stop_alarm(struct worker *w, struct scope *s)
{
	if (!s->timed || weft__alarm_stop(w, &s->alarm) || !s->alarm.fired)
		return;
	spin_lock(&s->lock);
	s->await_ring = true;
	spin_unlock(&s->lock);
}

/* S4 */
static struct worker *finish(struct worker *w, struct scope *s)
{
	struct routine *r = weft__current(w);

	if (s->timed) {
		spin_lock(&s->lock);
		s->ending = true;
		spin_unlock(&s->lock);
	}
	w = await(w, s);
	stop_alarm(w, s);
	detach(s);
	weft__seat_move(r, s->from);
	w = await(w, s);
	s->mark = 0;
	return w;
}

static void abandon(void *arg)
{
	struct scope *s = arg;
	struct worker *w = weft__worker();

	weft__scope_cancel(w, s, -ECANCELED);
	finish(w, s);
}

/* It is not the caller's innermost scope: say why not. */
static COLD void refuse_end(struct routine *r, const struct scope *s)
{
	struct seat *seat = weft__seat_get(r);

	if (!s)
		weft__panic("scope: end of a scope that is not open");
	while (seat && seat_is_owners(seat) && seat->scope != s)
		seat = seat->scope->from;
	if (seat && seat_is_owners(seat))
		weft__panic("scope: end out of order, one begun inside is open");
	weft__panic("scope: end by another than its owner");
}

int weft_scope_end(weft_scope *pub)
{
	struct worker *w = weft__worker();
	struct routine *r = weft__current(w);
	struct scope *s = scope_of(pub);

	if (unlikely(!s || weft__seat_get(r) != &s->owner))
		refuse_end(r, s);
	w = finish(w, s);
	weft__defer_drop(w, &s->defer);
	weft__budget(w);
	return load_rlx(&s->cause);
}
