/* sync/waitgroup.c - a count of things under way, and who waits for zero.
 *
 * Place in the life of a routine:  running -> [ wait ] -> park
 *                                  ended   -> [ done ] -> ready
 *
 * state is one word: the count from bit 2 up, LOCKED, WAITERS.  add and done
 * are one atomic addition; only waiting, and the done that reaches zero while
 * somebody waits, look at the list.
 *
 * Invariants
 *   I1  WAITERS clear: nobody is on the list and weft__waiters means nothing.
 *   I2  The list is changed only by who holds LOCKED, which is held for a few
 *       instructions; LOCKED is set only while WAITERS is.
 *   I3  The addition that reaches zero and finds WAITERS makes its caller the
 *       releaser.  Only the releaser clears WAITERS while the count is zero.
 *   I4  A place's guard is held from before the place is on the list until its
 *       owner's context is saved (weft__park releases it).
 *
 * The memory may go as soon as one wait has returned with the count at zero
 *   - wait returns without parking only when count and flags are all zero; a
 *     zero with a flag means the releaser is still at work.  It is straight-
 *     line code, so wait spins for it;
 *   - the releaser's last access is the subtraction that clears the flags.  By
 *     then every waiter is marked `detached`, and either claimed, hence parked
 *     until the weft__ready that comes after, or on its way out;
 *   - a done that does not reach zero, or reaches it without WAITERS, touches
 *     nothing after its addition;
 *   - a waiter that was readied does not look at the object again;
 *   - a waiter whose deadline won must take itself off the list, but the
 *     object may be gone.  It holds its guard while it tries for LOCKED: not
 *     detached under the guard means that the releaser has not been here, so
 *     it has not cleared the flags and the object stands.  It only tries,
 *     since the releaser takes guards under LOCKED; when it fails it lets go
 *     of the guard and starts over.  Detached or not, it reports its timeout:
 *     zero is near, but the releaser's last access may still be to come.
 *
 * Ordering
 *   G1  state: add-acquire-release by everyone / load-acquire in wait.  Who
 *       sees zero sees all that was done before the calls that led there.
 *   G2  LOCKED: CAS-acquire to set / sub-acquire-release to clear.  The next
 *       holder sees the list.
 *
 * Lock rank: a guard under LOCKED; nothing else is taken under either.
 */
#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"
#include "sched/park.h"

#include <weft/routine.h>
#include <weft/waitgroup.h>

#include <sched.h>

enum { WAITERS = 1, LOCKED = 2, ONE = 4, SPINS = 64 };
#define COUNT_MAX (INT64_C(1) << 60)

typedef _Atomic uint64_t state_word;
_Static_assert(sizeof(state_word) == sizeof(uint64_t), "state is one word");
_Static_assert(sizeof(weft_waitgroup) == 16, "the size is public");

/* A waiter's place in the list, on its stack. */
struct waiting {
	struct wait wt;
	struct spinlock guard;          /* I4; after that, see the header */
	bool detached;                  /* guard: off the list, by release */
	weft_waitgroup *group;          /* valid until detached           */
	struct waiting *next, *prev;    /* LOCKED                         */
};

static ALWAYS_INLINE state_word *state_of(weft_waitgroup *group)
{
	return (state_word *)&group->weft__state;
}

static ALWAYS_INLINE int64_t count_of(uint64_t s)
{
	return (int64_t)s >> 2;
}

static void relax(unsigned *spins)
{
	if ((*spins)++ < SPINS)
		weft__arch_pause();
	else
		sched_yield();
}

/* --- down ---------------------------------------------------------------- */

/* The count is zero and there were waiters: let them all go. */
static NOINLINE void release(weft_waitgroup *group)
{
	struct worker *w = weft__worker();
	state_word *state = state_of(group);
	struct waiting *p, *next, *ready = NULL, **end = &ready;
	unsigned spins = 0;
	uint64_t s = load_rlx(state);

	for (;;) {
		if (!(s & WAITERS))
			return;
		if (!(s & LOCKED) && cas_acq(state, &s, s | LOCKED)) /* G2 */
			break;
		relax(&spins);
		s = load_rlx(state);
	}
	for (p = group->weft__waiters; p; p = next) {
		next = p->next;
		spin_lock(&p->guard);
		p->detached = true;
		if (wait_claim(&p->wt)) {       /* ours until weft__ready */
			p->next = NULL;
			*end = p;
			end = &p->next;
		}
		spin_unlock(&p->guard);
	}
	sub_acqrel(state, LOCKED | WAITERS);                        /* G1 G2 */
	if (ready && !ready->next) {
		weft__ready(w, &ready->wt);
		return;
	}
	for (p = ready; p; p = next) {
		next = p->next;         /* the frame may go at once */
		weft__ready_many(w, &p->wt);
	}
}

static COLD void refuse(weft_waitgroup *group, long n, const char *why)
{
	sub_acqrel(state_of(group), (uint64_t)n * ONE);             /* G1 */
	weft__panic("waitgroup: %s", why);
}

static ALWAYS_INLINE void count_known(weft_waitgroup *group, long n)
{
	uint64_t s = add_acqrel(state_of(group), (uint64_t)n * ONE);  /* G1 */
	int64_t now = count_of(s) + n;

	if (unlikely(now <= 0)) {
		if (unlikely(now < 0))
			refuse(group, n, "counter below zero");
		if (s & WAITERS)
			release(group);
	}
}

static NOINLINE void count_plain(weft_waitgroup *group, long n)
{
	weft__plain_act();
	count_known(group, n);
}

/* A plain thread is known before it has any effect. */
static ALWAYS_INLINE void count(weft_waitgroup *group, long n)
{
	if (likely(weft__worker() != NULL))
		count_known(group, n);
	else
		count_plain(group, n);
}

void weft_waitgroup_add(weft_waitgroup *group, long n)
{
	if (unlikely(n > COUNT_MAX || n < -COUNT_MAX))
		weft__panic("waitgroup: %ld is out of range", n);
	if (likely(n))
		count(group, n);
}

void weft_waitgroup_done(weft_waitgroup *group)
{
	count(group, -1);
}

/* --- wait ----------------------------------------------------------------- */

/* Take LOCKED while the guard keeps the object alive.  False: detached. */
static bool lock_guarded(struct waiting *p)
{
	unsigned spins = 0;

	for (;;) {
		spin_lock(&p->guard);
		if (p->detached)
			return false;
		state_word *state = state_of(p->group);
		uint64_t s = load_rlx(state);
		if (!(s & LOCKED) && cas_acq(state, &s, s | LOCKED)) /* G2 */
			return true;
		spin_unlock(&p->guard);
		relax(&spins);
	}
}

/* Off the list.  False: release was here first. */
static bool leave(struct waiting *p)
{
	bool was = lock_guarded(p);

	if (was) {
		weft_waitgroup *group = p->group;
		state_word *state = state_of(group);
		uint64_t s, to;

		if (p->next)
			p->next->prev = p->prev;
		if (p->prev)
			p->prev->next = p->next;
		else
			group->weft__waiters = p->next;
		p->detached = true;
		/* Even when the list is empty, at zero WAITERS is for the
		 * releaser to clear: it is on its way (I3). */
		s = load_rlx(state);
		do {
			to = s - LOCKED;
			if (!group->weft__waiters && count_of(s))
				to -= WAITERS;
		} while (!cas_acqrel(state, &s, to));               /* G1 G2 */
	}
	spin_unlock(&p->guard);
	return was;
}

static bool withdraw(struct wait *wt)
{
	return leave(container_of(wt, struct waiting, wt));
}

/* The state, once no releaser is at work: zero, or something to wait for. */
static uint64_t settled(state_word *state)
{
	unsigned spins = 0;
	uint64_t s;

	while ((s = load_acq(state)) && !count_of(s))               /* G1 */
		relax(&spins);
	return s;
}

/* Join the list.  False: the count is zero, and the object may be gone. */
static bool enter(weft_waitgroup *group, struct waiting *p)
{
	state_word *state = state_of(group);
	unsigned spins = 0;
	struct waiting *head;
	uint64_t s;

	for (;;) {
		s = settled(state);
		if (!s)
			return false;
		if (!(s & LOCKED) &&
		    cas_acq(state, &s, s | LOCKED | WAITERS))       /* G2 */
			break;
		relax(&spins);
	}
	head = s & WAITERS ? group->weft__waiters : NULL;           /* I1 */
	p->group = group;
	p->detached = false;
	p->prev = NULL;
	p->next = head;
	if (head)
		head->prev = p;
	group->weft__waiters = p;
	store_rlx(&p->guard.locked, 1);
	sub_acqrel(state, LOCKED);                                  /* G2 */
	return true;
}

/* Without a deadline it is no cancel point: weft_waitgroup_wait. */
static NOINLINE int wait_slow(weft_waitgroup *group, struct worker *w,
			      int64_t deadline, bool steady)
{
	struct waiting p;

	if (deadline <= WEFT_NOWAIT && settled(state_of(group))) {
		weft__budget(w);
		return deadline == WEFT_NOWAIT ? -EAGAIN : -ETIMEDOUT;
	}
	if (steady)
		wait_init_steady(&p.wt, weft__current(w));
	else
		wait_init(&p.wt, weft__current(w), deadline);
	p.wt.withdraw = withdraw;
	p.wt.object = group;
	if (deadline <= WEFT_NOWAIT || !enter(group, &p)) {
		weft__budget(w);
		return 0;
	}
	weft__park(w, &p.wt, &p.guard, PARK_WAITGROUP);
	if (unlikely(p.wt.result))
		leave(&p);
	return p.wt.result;
}

void weft_waitgroup_wait(weft_waitgroup *group)
{
	struct worker *w = weft__worker();

	if (load_acq(state_of(group)))                              /* G1 */
		wait_slow(group, w, WEFT_FOREVER, true);
	else
		weft__budget(w);
}

int weft_waitgroup_wait_until(weft_waitgroup *group, weft_time deadline)
{
	struct worker *w = weft__worker();

	if (deadline != WEFT_NOWAIT && unlikely(weft__cancelled(w)))
		return -ECANCELED;
	if (load_acq(state_of(group)))                              /* G1 */
		return wait_slow(group, w, deadline, false);
	weft__budget(w);
	return 0;
}

/* --- go -------------------------------------------------------------------- */

static void count_exited(void *group)
{
	weft__place_vacate(weft__worker());
	weft_waitgroup_done(group);
}

static void run_counted(weft_waitgroup *group, void (*fn)(void *), void *arg)
{
	struct defer d;

	weft__defer(weft__worker(), &d, count_exited, group);
	fn(arg);
	weft__defer_drop(weft__worker(), &d);
	weft__place_vacate(weft__worker());
	weft_waitgroup_done(group);
}

int weft_waitgroup_go(weft_waitgroup *group, void (*fn)(void *), void *arg)
{
	const uintptr_t word[6] = {
		(uintptr_t)group, (uintptr_t)fn, (uintptr_t)arg,
	};
	int err;

	if (!fn)
		return -EINVAL;
	weft_waitgroup_add(group, 1);
	err = weft_go_words((void (*)(void))run_counted, 3, word);
	if (err)
		weft_waitgroup_done(group);
	return err;
}
