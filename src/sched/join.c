/* sched/join.c - the end of a routine, and who waits for it.
 *
 * Place in the life of a routine:  entry -> [ end ] -> joiner -> record pool
 *
 * A joinable routine's record stays until its status is collected: joined, or
 * detached.  Everything is decided under the handle's lock bit (routine.h),
 * which is held for a few instructions.
 *
 * Invariants
 *   E3  the record is retired by exactly one: the end, if nobody can collect
 *       (detached, or never joinable) or the joiner's wait was claimed; else
 *       the join or detach that finds ENDED.
 *   E4  joiner is set only while its wait is open or claimed by the end; a
 *       joiner whose wait was claimed by its timer takes itself out, or finds
 *       that the end has done so.
 *   E5  one joiner at a time: a second one is told -ESRCH.
 *
 * Ordering: H1 (routine.h), W1 (park.h).
 */
#include "sched/local.h"
#include "sched/panics.h"
#include "sched/park_call.h"
#include "sched/runtime.h"

#include <weft/routine.h>

/* One join call; the end writes status before it readies the wait. */
struct joining {
	struct wait wait;
	uint64_t id;                    /* whom for */
	int32_t status;
};

/* --- the end -------------------------------------------------------------------- */

static void retire(struct worker *w, struct routine *r)
{
	routine_set_state(r, ROUTINE_FREE);
	handle_retire(r);                       /* releases the lock, too */
	if (likely(w != NULL))
		record_put(&w->records, r);
	else
		weft__record_drop(NULL, r);
}

/* Nobody will join r: what its panic left is told and freed. */
static COLD void tell_untold(struct worker *w, struct weft_runtime *rt,
			     struct routine *r)
{
	weft__panic_tell(w, rt, r, r->live.extra);
	weft__local_drop(r->live.extra);
	r->live.extra = NULL;
}

static struct routine *end_joinable(struct worker *w, struct routine *r)
{
	struct extra *left = r->live.extra;
	struct routine *who;
	struct joining *j;

	if (unlikely(!handle_trylock(r, routine_id(r))))
		weft__handle_lock_own(r);
	j = r->joiner ? container_of(r->joiner, struct joining, wait) : NULL;
	if (j && wait_claim(&j->wait)) {
		j->status = r->live.status;
		retire(w, r);
		if (unlikely(left != NULL))
			weft__local_drop(left);
		who = j->wait.routine;
		if (who && who->rt == w->slot &&
		    !(who->flags & ROUTINE_SPECIAL)) {
			routine_set_state(who, ROUTINE_RUNNABLE);
			return who;
		}
		weft__ready(w, &j->wait);
		return NULL;
	}
	r->joiner = NULL;                       /* E4: it gave up */
	if (load_rlx(&r->handle) & HANDLE_DETACHED) {
		if (unlikely(left != NULL)) {
			handle_unlock(r, 0);
			tell_untold(w, w->rt, r);
			weft__handle_lock_own(r);
		}
		retire(w, r);
		return NULL;
	}
	routine_set_state(r, ROUTINE_ENDED);
	handle_unlock(r, HANDLE_ENDED);
	return NULL;
}

COLD void weft__place_vacated(struct worker *w)
{
	/* They may park, and stay for as long as they like. */
	if (weft__local_owes(w->current))
		return;
	routine_flag_clear(w->current, ROUTINE_PLACED);
	sub_acqrel(&w->rt->live, 1);                                /* G4 */
}

struct routine *weft__routine_end(struct worker *w, struct routine *r)
{
	struct weft_runtime *rt = w->rt;
	uint8_t flags = r->flags;

	store_rlx(&w->ended, load_rlx(&w->ended) + 1);
	if (unlikely(flags & ROUTINE_PLACED))
		sub_acqrel(&rt->live, 1);                           /* G4 */
	if (unlikely(flags & ROUTINE_MAIN))
		weft__runtime_main_done(rt, r->live.status);
	if (flags & ROUTINE_JOINABLE)
		return end_joinable(w, r);
	if (unlikely(flags & ROUTINE_EXPOSED))
		weft__handle_lock_own(r);
	retire(w, r);
	return NULL;
}

/* --- join ----------------------------------------------------------------------- */

/* The wait was given up: whoever joins next must not find us. */
static void forget(struct routine *r, uint64_t id, struct wait *wt)
{
	if (!weft__handle_lock(r, id))
		return;
	if (r->joiner == wt)
		r->joiner = NULL;
	handle_unlock(r, 0);
}

static bool withdraw_join(struct wait *wt)
{
	struct joining *j = container_of(wt, struct joining, wait);
	struct routine *r = wt->object;
	bool was;

	if (!weft__handle_lock(r, j->id))
		return false;
	was = r->joiner == wt;
	if (was)
		r->joiner = NULL;
	handle_unlock(r, 0);
	return was;
}

/* The handle of r is locked; it is released when this wait may be claimed. */
static int wait_end(struct worker *w, struct routine *r, uint64_t id,
		    struct joining *j, int64_t deadline)
{
	if (unlikely(!w || w->slot != r->rt) && runtime_dead(runtime_of(r))) {
		handle_unlock(r, 0);
		return -EOWNERDEAD;
	}
	wait_init(&j->wait, weft__current(w), deadline);
	j->wait.withdraw = withdraw_join;
	j->wait.object = r;
	j->id = id;
	if (w && wait_reserve(w, &j->wait) < 0) {
		handle_unlock(r, 0);
		return -ENOMEM;
	}
	r->joiner = &j->wait;
	if (!w) {
		handle_unlock(r, 0);
		weft__park(NULL, &j->wait, NULL, PARK_JOIN);
	} else {
		weft__park_handle(w, &j->wait, r, PARK_JOIN);
		if (j->wait.shared)
			weft__wait_back(&j->wait);
	}
	if (j->wait.result < 0)
		forget(r, id, &j->wait);
	return j->wait.result;
}

int weft_join_until(weft_id id, int *status, weft_time deadline)
{
	struct worker *w = weft__worker();
	struct routine *r = weft__record_find(id);
	struct extra *left;
	struct joining j;
	int err;

	if (deadline != WEFT_NOWAIT && weft__cancelled(w))
		return -ECANCELED;
	if (!r || (unlikely(!handle_trylock(r, id)) &&
		   !weft__handle_lock(r, id)))
		return -ESRCH;
	if (w && r == w->current) {
		handle_unlock(r, 0);
		return -EDEADLK;
	}
	if (!routine_joinable(r) || r->joiner ||
	    load_rlx(&r->handle) & HANDLE_DETACHED) {
		handle_unlock(r, 0);
		return -ESRCH;                                  /* E5 */
	}
	if (load_rlx(&r->handle) & HANDLE_ENDED) {
		left = r->live.extra;
		j.status = r->live.status;
		retire(w, r);
		if (unlikely(left != NULL))
			weft__local_drop(left);
	} else if (deadline == WEFT_NOWAIT) {
		handle_unlock(r, 0);
		return -EAGAIN;
	} else {
		err = wait_end(w, r, id, &j, deadline);
		if (err)
			return err;
	}
	if (status)
		*status = j.status;
	return 0;
}

int weft_join(weft_id id, int *status)
{
	return weft_join_until(id, status, WEFT_FOREVER);
}

int weft_detach(weft_id id)
{
	struct worker *w = weft__worker();
	struct routine *r = weft__record_find(id);
	unsigned slot;

	if (!r || !weft__handle_lock(r, id))
		return -ESRCH;
	slot = r->rt;
	if (!routine_joinable(r) || r->joiner ||
	    load_rlx(&r->handle) & HANDLE_DETACHED) {
		handle_unlock(r, 0);
		return -ESRCH;
	}
	if (!(load_rlx(&r->handle) & HANDLE_ENDED)) {
		handle_unlock(r, HANDLE_DETACHED);
		return 0;
	}
	if (unlikely(r->live.extra != NULL)) {
		/* DETACHED keeps others from collecting it meanwhile, a discard
		 * included, which goes on once nobody is outside. */
		outside_enter(slot);
		handle_unlock(r, HANDLE_DETACHED);
		tell_untold(w, runtime_of(r), r);
		weft__handle_lock_own(r);
		retire(w, r);
		outside_leave(slot);
		return 0;
	}
	retire(w, r);
	return 0;
}

weft_id weft_self(void)
{
	struct worker *w = weft__worker();

	if (!w)
		return 0;
	routine_flag_set(w->current, ROUTINE_EXPOSED);
	return routine_id(w->current);
}

_Noreturn void weft_exit(int status)
{
	struct worker *w = weft__worker();

	if (!w)
		weft__panic("exit: not called from a routine");
	w->current->live.status = status;
	w->current->live.unwound |= UNWOUND_BY_EXIT;
	weft__unwind(NULL);
}
