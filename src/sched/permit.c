/* sched/permit.c - weft_park_until and weft_unpark: one permit per routine.
 *
 * Protocol, all under the routine's handle lock (routine.h, H1)
 *   U1  a park finds PERMIT and takes it, or sets PARKED and publishes its
 *       wait; it keeps the lock until its context is saved.
 *   U2  an unpark that finds PARKED and can claim the wait clears PARKED and
 *       readies it; else it sets PERMIT.  It may come before the first run.
 *   U3  a park whose deadline has claimed the wait clears PARKED itself; if an
 *       unpark left its permit meanwhile, the park has succeeded after all.
 *       One that a cancel has claimed leaves the permit to the next park.
 *
 * What was done before an unpark is seen after the park that it ends.
 */
#include "sched/park_call.h"
#include "sched/runtime.h"

#include <weft/routine.h>

static void commit_permit(struct worker *w, struct routine *me, void *arg)
{
	struct wait *wt = arg;
	bool cancelled = weft__wait_open(w, wt);

	handle_unlock(me, HANDLE_PARKED);                           /* U1 */
	if (cancelled)
		weft__ready(w, wt);
}

static bool withdraw_permit(struct wait *wt)
{
	struct routine *me = wt->routine;
	bool was;

	weft__handle_lock_own(me);
	was = load_rlx(&me->handle) & HANDLE_PARKED;
	handle_unlock_as(me, HANDLE_PARKED, 0);
	return was;
}

/* U3: the deadline came first, or did it? */
static int gave_up(struct routine *me, int why)
{
	uint64_t take = why == -ETIMEDOUT ? HANDLE_PERMIT : 0, permit;

	weft__handle_lock_own(me);
	permit = load_rlx(&me->handle) & take;
	handle_unlock_as(me, HANDLE_PARKED | take, 0);
	return permit ? 0 : why;
}

int weft_park_until(weft_time deadline)
{
	struct worker *w = weft__worker();
	struct routine *me = weft__current(w);
	struct wait wt;

	if (!w)
		return -EPERM;
	if (deadline != WEFT_NOWAIT) {
		if (weft__cancelled(w))
			return -ECANCELED;
		wait_init(&wt, me, deadline);
		wt.withdraw = withdraw_permit;
		if (wait_reserve(w, &wt) < 0)
			return -ENOMEM;
	}
	weft__handle_lock_own(me);
	if (load_rlx(&me->handle) & HANDLE_PERMIT) {
		handle_unlock_as(me, HANDLE_PERMIT, 0);
		return 0;
	}
	if (deadline == WEFT_NOWAIT) {
		handle_unlock(me, 0);
		return -EAGAIN;
	}
	me->wait = &wt;
	weft__park_call(w, commit_permit, &wt, PARK_PERMIT);
	if (wt.shared)
		weft__wait_back(&wt);
	return wt.result ? gave_up(me, wt.result) : 0;
}

int weft_unpark(weft_id id)
{
	struct worker *w = weft__worker();
	struct routine *r = weft__record_find(id);

	weft__known(w);
	if (!r || !weft__handle_lock(r, id))
		return -ESRCH;
	if (unlikely(!w || w->slot != r->rt) && runtime_dead(runtime_of(r))) {
		handle_unlock(r, 0);
		return -EOWNERDEAD;
	}
	if (load_rlx(&r->handle) & HANDLE_PARKED && wait_claim(r->wait)) {
		struct wait *wt = r->wait;

		handle_unlock_as(r, HANDLE_PARKED, 0);
		weft__ready(w, wt);
	} else {
		handle_unlock(r, HANDLE_PERMIT);
	}
	return 0;
}
