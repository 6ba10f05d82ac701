/* sched/park.c - leaving the CPU and coming back; contract in park.h.
 *
 * Place in the life of a routine:  running -> [ park ] -> wait queue
 *                                  wait queue -> [ ready ] -> run queue
 *
 * A wait without deadline needs nothing after the switch but the release of
 * the object's lock.  A wait with one arms its timer there too, before the
 * release: whoever can claim the wait then finds the timer in its heap, and
 * the parker, once resumed, takes it out or waits until it has fired.
 */
#include "sched/park_call.h"
#include "sched/pick.h"
#include "sched/runtime.h"
#include "sched/switch.h"

#include <weft/routine.h>

const char *const weft__park_reason_name[PARK_REASONS] = {
	[PARK_NONE] = "running",
	[PARK_CHAN_SEND] = "channel send",
	[PARK_CHAN_RECV] = "channel receive",
	[PARK_CHAN_NIL] = "nil channel",
	[PARK_JOIN] = "join",
	[PARK_SLEEP] = "sleep",
	[PARK_PERMIT] = "park",
	[PARK_WAITGROUP] = "waitgroup",
	[PARK_BLOCKING] = "blocking call",
	[PARK_SELECT] = "select",
};

_Atomic uint32_t weft__plain_threads;

int64_t weft__clock(void)
{
	return weft__os_now();
}

/* --- plain threads --------------------------------------------------------- */

static void thread_wait(struct wait *wt)
{
	int64_t deadline = wt->timer.deadline;

	store_rlx(&weft__plain_threads, 1);
	while (!load_acq(&wt->signal)) {                            /* W2 */
		if (!weft__os_futex_wait(&wt->signal, 0, deadline))
			continue;
		if (wait_claim(wt)) {
			wt->result = -ETIMEDOUT;
			return;
		}
		deadline = INT64_MAX;   /* claimed: the signal is on its way */
	}
}

/* --- routines ---------------------------------------------------------------- */

static void fire_wait(struct worker *w, struct timer *t)
{
	struct wait *wt = container_of(t, struct wait, timer);

	if (!wait_claim(wt))
		return;
	wt->result = -ETIMEDOUT;
	weft__ready(w, wt);
}

/* After the context is saved: deadline first, then the object's lock. */
static void commit_timed(struct worker *w, struct routine *r, void *arg)
{
	struct wait *wt = r->wait;
	int64_t deadline = wt->timer.deadline;
	struct spinlock *unlock = arg;

	if (weft__timer_arm(&w->timers, &wt->timer))
		weft__idle_timer_armed(w->rt, deadline);
	if (unlock)
		spin_unlock(unlock);
}

/* From here on the caller counts as parked. */
static ALWAYS_INLINE void depart(struct routine *me, enum park_reason reason)
{
	store_rlx(&me->reason, (uint8_t)reason);
	routine_set_state(me, ROUTINE_PARKED);
	if (unlikely(me->flags & ROUTINE_BARE))
		weft__stack_check(me->stack, weft__arch_sp());
}

static NOINLINE struct worker *park_thread(struct wait *wt,
					   struct spinlock *unlock)
{
	if (unlock)
		spin_unlock(unlock);
	thread_wait(wt);
	return NULL;
}

static NOINLINE struct worker *park_timed(struct worker *w, struct wait *wt,
					  struct spinlock *unlock,
					  enum park_reason reason)
{
	if (weft__timers_reserve(&w->timers) < 0) {
		wt->result = -ENOMEM;
		if (unlock)
			spin_unlock(unlock);
		return w;
	}
	wt->timer.fire = fire_wait;
	w = weft__park_call(w, commit_timed, unlock, reason);
	weft__timer_stop(&wt->timer);
	return w;
}

/* Leave for whoever is to run, be it the loop. */
static NOINLINE struct worker *leave(struct worker *w, struct routine *to)
{
	struct routine *me = w->current;

	return switch_to(w, &me->sp, me->stack, to);
}

struct worker *weft__park(struct worker *w, struct wait *wt,
			  struct spinlock *unlock, enum park_reason reason)
{
	struct routine *me, *to;

	if (unlikely(!w))
		return park_thread(wt, unlock);
	me = w->current;
	me->wait = wt;
	if (unlikely(wt->timer.deadline != INT64_MAX))
		return park_timed(w, wt, unlock, reason);
	depart(me, reason);
	to = pick(w);
	w->left.kind = unlock ? LEFT_UNLOCK : LEFT_NOTHING;
	w->left.arg = unlock;
	return likely(switch_ready(to)) ? switch_quick(w, me, to) :
					  leave(w, to);
}

struct worker *weft__park_call(struct worker *w, park_commit *commit, void *arg,
			       enum park_reason reason)
{
	struct routine *me = w->current, *to;

	depart(me, reason);
	to = pick(w);
	w->left.kind = LEFT_CALL;
	w->left.routine = me;
	w->left.arg = arg;
	w->left.call = commit;
	return likely(switch_ready(to)) ? switch_quick(w, me, to) :
					  leave(w, to);
}

/* --- waking ------------------------------------------------------------------- */

static void thread_ready(struct wait *wt)
{
	store_rel(&wt->signal, 1);                                  /* W2 */
	/* The waiter may be gone by now, which costs a spurious wake. */
	weft__os_futex_wake(&wt->signal, 1);
}

void weft__ready(struct worker *w, struct wait *wt)
{
	struct routine *r = wt->routine;

	if (unlikely(!r))
		thread_ready(wt);
	else if (likely(w && w->slot == r->rt))
		enqueue_next(w, r);
	else
		weft__inject(runtime_of(r), r);
}

void weft__ready_many(struct worker *w, struct wait *wt)
{
	struct routine *r = wt->routine;

	if (unlikely(!r))
		thread_ready(wt);
	else if (likely(w && w->slot == r->rt))
		weft__enqueue(w, r);
	else
		weft__inject(runtime_of(r), r);
}

/* --- giving way without waiting ----------------------------------------------- */

/* Leave for `to`; back at the end of the ring. */
static ALWAYS_INLINE void step_aside(struct worker *w)
{
	w->left.kind = LEFT_YIELD;
	w->left.routine = w->current;
}

/* Nobody local: go on, unless something shared or the loop calls. */
static NOINLINE struct worker *yield_slow(struct worker *w, struct routine *to)
{
	if (!to)
		to = weft__injectq_take(&w->pinned, &w->runq, 0);
	if (!to)
		to = weft__injectq_take(&w->rt->inject, &w->runq, 0);
	if (!to && !load_rlx(&w->attention))
		return w;
	step_aside(w);
	return leave(w, to);
}

static ALWAYS_INLINE struct worker *yield(struct worker *w)
{
	struct routine *me = w->current, *to;

	if (unlikely(me->flags & ROUTINE_BARE))
		weft__stack_check(me->stack, weft__arch_sp());
	to = pick(w);
	if (unlikely(!switch_ready(to)))
		return yield_slow(w, to);
	step_aside(w);
	return switch_quick(w, me, to);
}

struct worker *weft__budget_spent(struct worker *w)
{
	w->budget = BUDGET;
	return yield(w);
}

void weft_yield(void)
{
	struct worker *w = weft__worker();

	if (likely(w))
		yield(w);
	else
		weft__os_yield();
}

void weft_checkpoint(void)
{
	struct worker *w = weft__worker();

	if (w && unlikely(--w->budget < 0 || load_rlx(&w->attention)))
		weft__budget_spent(w);
}
