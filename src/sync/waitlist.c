/* sync/waitlist.c - entering a list of waiters, leaving it, being taken.
 *
 * The protocol, its invariants and its ordering rules are in waitlist.h.
 */
#include "sync/waitlist.h"

#include <sched.h>

enum { SPINS = 64 };

static void relax(unsigned *spins)
{
	if ((*spins)++ < SPINS)
		weft__arch_pause();
	else
		sched_yield();
}

COLD bool weft__waitlist_lock_slow(struct waitlist *l)
{
	unsigned spins = 0;
	uint32_t was;

	while ((was = load_acq(&l->lock.locked)) != LOCK_OPEN) {    /* B6 */
		if (was == LOCK_FREE &&
		    cas_acq(&l->lock.locked, &was, LOCK_HELD))      /* B6 */
			return true;
		relax(&spins);
	}
	return false;
}

static bool try_lock(struct waitlist *l)
{
	uint32_t was = LOCK_FREE;

	return cas_acq(&l->lock.locked, &was, LOCK_HELD);           /* B6 */
}

/* --- taking ----------------------------------------------------------------- */

bool weft__waitlist_take(struct waitlist *l, struct listed *p,
			 struct harvest *h)
{
	bool claimed = wait_claim(&p->wt);
	uint32_t was = STAGE_LISTED, to = claimed ? STAGE_TAKEN : STAGE_DROPPED;
	unsigned spins = 0;

	/* Like one whose deadline passed, it is to be withdrawn until it runs. */
	if (claimed && p->left && p->wt.routine)
		store_rlx(&p->wt.routine->reason, PARK_EXPIRED);
	list_remove(&p->link);
	list_push(claimed ? &h->taken : &h->dropped, &p->link);
	waitlist_count(l, -1u);
	while (!cas_acqrel(&p->stage, &was, to)) {                  /* B7 */
		was = STAGE_LISTED;
		relax(&spins);
	}
	return claimed;
}

NOINLINE void weft__waitlist_finish_slow(struct worker *w, struct harvest *h)
{
	bool one = h->taken.head == h->taken.tail;
	struct link *n;

	while ((n = list_pop(&h->dropped)))
		store_rel(&container_of(n, struct listed, link)->stage,
			  STAGE_GONE);                              /* B7 */
	while ((n = list_pop(&h->taken))) {
		struct wait *wt = &container_of(n, struct listed, link)->wt;

		if (one)
			weft__ready(w, wt);
		else
			weft__ready_many(w, wt);
	}
}

/* --- waiting ---------------------------------------------------------------- */

/* Off the list.  False: somebody has taken the place (B5). */
static bool leave(struct worker *w, struct listed *p)
{
	struct harvest h = HARVEST_NONE;
	uint32_t was = STAGE_LISTED;
	unsigned spins = 0;
	struct waitlist *l;

	while (cas_acqrel(&p->stage, &was, STAGE_LEAVING)) {        /* B7 */
		l = p->list;
		if (try_lock(l)) {
			list_remove(&p->link);
			waitlist_count(l, -1u);
			if (p->left)
				p->left(p, &h);
			waitlist_unlock(l);
			waitlist_finish(w, &h);
			return true;
		}
		store_rel(&p->stage, STAGE_LISTED);                 /* B7 */
		relax(&spins);
		was = STAGE_LISTED;
	}
	while (load_acq(&p->stage) == STAGE_DROPPED)                /* B7 */
		relax(&spins);
	return false;
}

/* The run is over: this thread is no worker. */
static bool withdraw(struct wait *wt)
{
	struct listed *p = container_of(wt, struct listed, wt);
	struct harvest h = HARVEST_NONE;
	bool left = leave(NULL, p);

	if (!left && p->left && load_acq(&p->stage) == STAGE_TAKEN) { /* B7 */
		waitlist_lock(p->list);
		p->left(p, &h);
		waitlist_unlock(p->list);
		waitlist_finish(NULL, &h);
		store_rlx(&p->stage, STAGE_GONE);       /* given back once */
	}
	return left;
}

static struct worker *wait_here(struct waitlist *l, struct worker *w,
				struct listed *p, enum park_reason reason)
{
	p->wt.withdraw = withdraw;
	p->wt.object = l;
	p->list = l;
	store_rlx(&p->stage, STAGE_LISTED);
	list_push(&l->list, &p->link);
	waitlist_count(l, 1);
	w = weft__park(w, &p->wt, &l->lock, reason);
	if (p->left && p->wt.routine)
		store_rlx(&p->wt.routine->reason, PARK_NONE);
	return w;
}

int weft__waitlist_wait(struct waitlist *l, struct worker *w, struct listed *p,
			int64_t deadline, enum park_reason reason)
{
	if (deadline <= 0) {
		waitlist_unlock(l);
		weft__budget(w);
		return deadline == 0 ? -EAGAIN : -ETIMEDOUT;
	}
	wait_init(&p->wt, weft__current(w), deadline);
	w = wait_here(l, w, p, reason);
	if (unlikely(p->wt.result) && !leave(w, p))
		return WAIT_DROPPED;
	return p->wt.result;
}

void weft__waitlist_wait_steady(struct waitlist *l, struct worker *w,
				struct listed *p, enum park_reason reason)
{
	wait_init_steady(&p->wt, weft__current(w));
	wait_here(l, w, p, reason);
}
