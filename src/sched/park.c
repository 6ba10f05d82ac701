/* sched/park.c - leaving the CPU and coming back; contract in park.h.
 *
 * Place in the life of a routine:  running -> [ park ] -> wait queue
 *                                  wait queue -> [ ready ] -> run queue
 *
 * A wait with one contender needs nothing after the switch but the release of
 * the object's lock.  A shared one is opened there too, and its timer armed,
 * before the release: whoever can claim the wait then finds the timer in its
 * heap, and the parker, once resumed, takes it out or waits until it has fired.
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
	[PARK_EXPIRED] = "gave up",
	[PARK_MUTEX] = "mutex lock",
	[PARK_RLOCK] = "rwlock read lock",
	[PARK_WLOCK] = "rwlock write lock",
	[PARK_COND] = "condition",
	[PARK_ONCE] = "once",
	[PARK_SEM] = "semaphore",
	[PARK_BARRIER] = "barrier",
	[PARK_LATCH] = "latch",
	[PARK_ONESHOT] = "one-shot",
	[PARK_TIMER] = "timer",
	[PARK_SCOPE] = "scope end",
	[PARK_READ] = "descriptor read",
	[PARK_WRITE] = "descriptor write",
	[PARK_POLL] = "descriptor poll",
	[PARK_CLOSE] = "descriptor close",
	[PARK_FILE] = "file operation",
	[PARK_AWAIT] = "callback",
};

int64_t weft__clock(void)
{
	return weft__os_now();
}

/* --- plain threads --------------------------------------------------------- */

static void thread_sleep(struct wait *wt)
{
	int64_t deadline = wt->timer.deadline;

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

/* One with a deadline wakes by itself, also in a run that began meanwhile. */
static void thread_wait(struct wait *wt)
{
	uint32_t timed = wt->timer.deadline != INT64_MAX;

	weft__plain_act();
	add_seq(&weft__plain_timed, timed);                         /* W3 */
	thread_sleep(wt);
	weft__plain_act();
	sub_seq(&weft__plain_timed, timed);                         /* W3 */
}

/* --- routines ---------------------------------------------------------------- */

void weft__wait_fail(struct wait *wt, int err)
{
	wt->result = err;
	store_rlx(&wt->routine->reason, PARK_EXPIRED);
}

static void expire(struct worker *w, struct timer *t)
{
	struct wait *wt = container_of(t, struct wait, timer);

	if (!wait_claim(wt))
		return;
	weft__wait_fail(wt, -ETIMEDOUT);
	weft__ready(w, wt);
}

/* Once it is open it may be over, and *wt gone, unless we claim it. */
bool weft__wait_open(struct worker *w, struct wait *wt)
{
	struct routine *r = wt->routine;
	int64_t deadline = wt->timer.deadline;
	uint32_t open = load_rlx(&r->claim) + 1;

	if (!wt->shared)
		return false;
	wt->open = open;
	if (deadline == INT64_MAX) {
		store_seq(&r->claim, open);                         /* W1 */
	} else {
		wt->timer.fire = expire;
		if (weft__timer_arm_open(&w->timers, &wt->timer, &r->claim,
					 open))
			weft__idle_timer_armed(w->rt, deadline);
	}
	if (likely(!cancel_felt(load_seq(&r->cancel))) ||           /* W4 */
	    !cas_acqrel(&r->claim, &open, open + 1))                /* W1 */
		return false;
	weft__wait_fail(wt, -ECANCELED);
	return true;
}

void weft__wait_back(struct wait *wt)
{
	if (wt->timer.deadline != INT64_MAX)
		weft__timer_stop(&wt->timer);
	store_rlx(&wt->routine->reason, PARK_NONE);
}

static void commit_shared(struct worker *w, struct routine *r, void *arg)
{
	struct spinlock *unlock = arg;
	struct wait *wt = r->wait;
	bool cancelled = weft__wait_open(w, wt);

	if (unlock)
		spin_unlock(unlock);
	if (cancelled)
		weft__ready(w, wt);
}

/* From here on the caller counts as parked; its wait is set. */
static ALWAYS_INLINE void depart(struct worker *w, struct routine *me,
				 enum park_reason reason)
{
	me->wait->since = load_rlx(&w->tick);
	store_rlx(&me->reason, (uint8_t)reason);
	routine_set_state(me, ROUTINE_PARKED);
}

/* Leave for whoever is to run, be it the loop; w->left is set. */
static NOINLINE struct worker *leave(struct worker *w, struct routine *to)
{
	struct routine *me = w->current;
	struct stack *from = me->stack;
	struct aim a;

	aim_somewhere(w, to, &a);
	return switch_to(w, &me->sp, from, &a, LEFT_NOTHING);
}

static ALWAYS_INLINE struct worker *leave_for(struct worker *w,
					      struct routine *me,
					      struct routine *to,
					      enum left_kind expect)
{
	struct stack *from = me->stack;
	struct aim a;

	if (likely(aim_at(w, to, &a)))
		return switch_to(w, &me->sp, from, &a, expect);
	return leave(w, to);
}

/* The rarer half of the pick (F2, F3 in worker.c). */
static NOINLINE struct worker *leave_looking(struct worker *w)
{
	return leave_for(w, w->current, weft__pick_looking(w), LEFT_NOTHING);
}

static ALWAYS_INLINE void park_unlocks(struct worker *w,
				       struct spinlock *unlock)
{
	w->left.kind = unlock ? LEFT_UNLOCK : LEFT_NOTHING;
	w->left.arg = unlock;
}

static NOINLINE struct worker *park_thread(struct wait *wt,
					   struct spinlock *unlock)
{
	if (unlock)
		spin_unlock(unlock);
	thread_wait(wt);
	return NULL;
}

/* No room for the deadline: it stays closed, so whoever finds it drops it. */
static struct worker *park_refused(struct worker *w, struct wait *wt)
{
	wt->open = load_rlx(&wt->routine->claim) + 1;
	wt->result = -ENOMEM;
	return w;
}

static NOINLINE struct worker *park_shared(struct worker *w, struct wait *wt,
					   struct spinlock *unlock,
					   enum park_reason reason)
{
	if (unlikely(wait_reserve(w, wt) < 0)) {
		park_refused(w, wt);
		if (unlock)
			spin_unlock(unlock);
		return w;
	}
	w = weft__park_call(w, commit_shared, unlock, reason);
	weft__wait_back(wt);
	return w;
}

struct release {
	void (*fn)(void *);
	void *arg;
};

static void commit_release(struct worker *w, struct routine *r, void *arg)
{
	struct release rel = *(struct release *)arg;
	struct wait *wt = r->wait;
	bool cancelled = weft__wait_open(w, wt);

	rel.fn(rel.arg);
	if (cancelled)
		weft__ready(w, wt);
}

struct worker *weft__park_release(struct worker *w, struct wait *wt,
				  void (*release)(void *), void *arg,
				  enum park_reason reason)
{
	struct release rel = { release, arg };

	if (unlikely(!w)) {
		release(arg);
		thread_wait(wt);
		return NULL;
	}
	w->current->wait = wt;
	if (unlikely(wait_reserve(w, wt) < 0)) {
		park_refused(w, wt);
		release(arg);
		return w;
	}
	w = weft__park_call(w, commit_release, &rel, reason);
	if (wt->shared)
		weft__wait_back(wt);
	return w;
}

/* A stack without a guard page is looked at. */
static NOINLINE struct worker *park_bare(struct worker *w,
					 struct spinlock *unlock,
					 enum park_reason reason)
{
	struct routine *me = w->current;

	depart(w, me, reason);
	weft__stack_check(me->stack, weft__arch_sp());
	park_unlocks(w, unlock);
	return leave_for(w, me, pick(w), LEFT_NOTHING);
}

WEFT_ARCH_RETURNS
struct worker *weft__park(struct worker *w, struct wait *wt,
			  struct spinlock *unlock, enum park_reason reason)
{
	struct routine *me;

	if (unlikely(!w))
		return park_thread(wt, unlock);
	WEFT_ARCH_LEAVES(inner);
	me = w->current;
	me->wait = wt;
	if (unlikely(wt->shared))
		return park_shared(w, wt, unlock, reason);
	if (unlikely(me->flags & ROUTINE_BARE))
		return park_bare(w, unlock, reason);
	depart(w, me, reason);
	park_unlocks(w, unlock);
	if (unlikely(pick_must_look(w)))
		return leave_looking(w);
	return leave_for(w, me, pick_local(w), LEFT_UNLOCK);
}

static ALWAYS_INLINE struct routine *depart_calling(struct worker *w,
						    park_commit *commit,
						    void *arg,
						    enum park_reason reason)
{
	struct routine *me = w->current;

	depart(w, me, reason);
	if (unlikely(me->flags & ROUTINE_BARE))
		weft__stack_check(me->stack, weft__arch_sp());
	w->left.kind = LEFT_CALL;
	w->left.routine = me;
	w->left.arg = arg;
	w->left.call = commit;
	return me;
}

struct worker *weft__park_call(struct worker *w, park_commit *commit, void *arg,
			       enum park_reason reason)
{
	struct routine *me = depart_calling(w, commit, arg, reason);

	return leave_for(w, me, pick(w), LEFT_NOTHING);
}

struct worker *weft__park_call_loop(struct worker *w, park_commit *commit,
				    void *arg, enum park_reason reason)
{
	depart_calling(w, commit, arg, reason);
	return leave(w, NULL);
}

static void commit_handle(struct worker *w, struct routine *me, void *arg)
{
	struct wait *wt = me->wait;
	bool cancelled = weft__wait_open(w, wt);

	handle_unlock((struct routine *)arg, 0);
	if (cancelled)
		weft__ready(w, wt);
}

/* The turn is not r's, which is waited for (F5, F8). */
static NOINLINE struct worker *leave_for_others(struct worker *w,
						struct routine *r)
{
	if (injectq_piled(&w->rt->inject) && pick_this(w, r) &&
	    !weft__pick_stand_back(w, r))
		weft__enqueue(w, r);    /* as it is: new, perhaps */
	return leave_looking(w);
}

struct worker *weft__park_handle(struct worker *w, struct wait *wt,
				 struct routine *r, enum park_reason reason)
{
	struct routine *me = w->current, *to;

	me->wait = wt;
	depart_calling(w, commit_handle, r, reason);
	if (!wt->shared)
		w->left.kind = LEFT_HANDLE;     /* the same, without a call */
	if (unlikely(pick_must_look(w)) && !weft__pick_directed(w))
		return leave_for_others(w, r);
	to = pick_this(w, r);                                   /* F5 */
	return leave_for(w, me, to ? to : pick_local(w), LEFT_NOTHING);
}

/* --- waking ------------------------------------------------------------------- */

static void thread_ready(struct wait *wt)
{
	store_rlx(&weft__plain_threads, 1);     /* it may wake others now */
	store_rel(&wt->signal, 1);                                  /* W2 */
	/* The waiter may be gone by now, which costs a spurious wake. */
	weft__os_futex_wake(&wt->signal, 1);
}

/* From outside its runtime, which can stop meanwhile: it waits for the state
 * of a claimed routine, then for those at work outside (discard.c). */
static NOINLINE void ready_far(struct routine *r)
{
	struct weft_runtime *rt;
	unsigned slot = r->rt;

	store_rlx(&weft__plain_threads, 1);     /* before r can run */
	outside_enter(slot);
	store_rel(&r->state, (uint8_t)ROUTINE_RUNNABLE);            /* O2 */
	rt = load_acq(&weft__runtime_table[slot]);                  /* G1 */
	if (likely(!runtime_dead(rt)))
		weft__inject(rt, r);
	outside_leave(slot);
}

void weft__ready(struct worker *w, struct wait *wt)
{
	struct routine *r = wt->routine;

	if (unlikely(!r))
		thread_ready(wt);
	else if (likely(w && w->slot == r->rt))
		enqueue_next(w, r);
	else
		ready_far(r);
}

void weft__ready_many(struct worker *w, struct wait *wt)
{
	struct routine *r = wt->routine;

	if (unlikely(!r)) {
		thread_ready(wt);
	} else if (likely(w && w->slot == r->rt)) {
		routine_set_state(r, ROUTINE_RUNNABLE);
		weft__enqueue(w, r);
	} else {
		ready_far(r);
	}
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
	/* The loop first, if it is wanted: a stop must not wait until the
	 * inject queue is empty, which full rings may fill for ever. */
	if (!to && !load_rlx(&w->attention)) {
		to = weft__take_waiting(w);
		if (!to)
			return w;
	}
	step_aside(w);
	return leave(w, to);
}

static NOINLINE struct worker *yield_looking(struct worker *w)
{
	struct routine *me = w->current;

	if (unlikely(me->flags & ROUTINE_BARE))
		weft__stack_check(me->stack, weft__arch_sp());
	return yield_slow(w, weft__pick_looking(w));
}

static ALWAYS_INLINE struct worker *yield(struct worker *w)
{
	struct routine *me = w->current, *to;

	if (unlikely(pick_must_look(w) || me->flags & ROUTINE_BARE))
		return yield_looking(w);
	to = pick_local(w);
	if (unlikely(!to))
		return yield_slow(w, NULL);
	step_aside(w);
	return leave_for(w, me, to, LEFT_YIELD);
}

struct worker *weft__budget_spent(struct worker *w)
{
	w->budget = BUDGET;
	return yield(w);
}

WEFT_ARCH_RETURNS
void weft_yield(void)
{
	struct worker *w = weft__worker();

	WEFT_ARCH_LEAVES(outer);
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
