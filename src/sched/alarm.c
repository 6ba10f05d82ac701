/* sched/alarm.c - routines that start at a given time; contract in alarm.h. */
#include "sched/alarm.h"
#include "base/grid.h"
#include "routine/sanitize.h"
#include "sched/fork.h"
#include "sched/runtime.h"
#include "sched/worker.h"

/* No record or no room for one more routine: try again so much later. */
enum { RETRY_NS = 1000000 };

static void again(struct timer *t, int64_t deadline)
{
	t->deadline = deadline;
	weft__timer_again_locked(load_rlx(&t->owner), t);
}

/* Under the lock of its heap; M6. */
static void alarm_fire(struct worker *w, struct timer *t)
{
	struct alarm *a = container_of(t, struct alarm, timer);
	uintptr_t word = (uintptr_t)a->arg;
	struct spawn s = {
		.fn = (void (*)(void))a->fn, .site = a->site, .argc = 1,
		.argv = &word, .owed = a->owed,
	};
	int64_t point = t->deadline == a->retry ? a->point : t->deadline;
	struct routine *r;
	int err = weft__spawn_make(w->rt, w, &s, &r);

	if (err && err != -ECANCELED) {
		a->point = point;
		a->retry = weft__os_now() + RETRY_NS;
		again(t, a->retry);
	} else if (a->period && !err) {
		again(t, grid_after(point, a->period, weft__os_now()));
	} else {
		a->fired = !err;
		store_rel(&t->owner, NULL);                         /* K2 */
	}
	if (!err)
		weft__spawn_queue(w->rt, w, r);
}

/* The heap of a plain thread's alarm: any, but not all the same one. */
static struct worker *some_worker(struct weft_runtime *rt,
				  const struct alarm *a)
{
	return rt->worker[(uintptr_t)a / WEFT_CACHELINE % rt->workers];
}

static int arm(struct weft_runtime *rt, struct worker *home, struct alarm *a,
	       struct spinlock *lock)
{
	int64_t deadline = a->timer.deadline;
	int earliest = -ECANCELED;

	a->slot = (uint8_t)rt->slot;
	if (likely(!(load_acq(&rt->gate) & GATE_STOPPING)))         /* G4 */
		earliest = weft__timer_arm_alarm(&home->timers, &a->timer,
						 lock);
	if (unlikely(earliest < 0)) {
		spin_unlock(lock);
		return earliest;
	}
	/* From here on it may have fired and be gone. */
	if (earliest)
		weft__idle_timer_armed(rt, deadline);
	/* A3: whoever closes the gate drops what he finds after that. */
	if (unlikely(load_seq(&rt->gate) & GATE_STOPPING)) {        /* G4 */
		weft__alarms_drop(rt);
		weft__runtime_quiet(rt);        /* it may have seen this one */
	}
	return 0;
}

int weft__alarm_set(struct worker *w, struct alarm *a, int64_t deadline,
		    struct spinlock *lock)
{
	struct weft_runtime *rt;
	int err;

	a->timer.deadline = a->point = deadline;
	a->timer.fire = alarm_fire;
	if (w)
		return arm(w->rt, w, a, lock);
	rt = weft__runtime_only_enter();
	if (!rt) {
		spin_unlock(lock);
		return weft__runtime_none();
	}
	err = arm(rt, some_worker(rt, a), a, lock);
	outside_leave(rt->slot);
	return err;
}

bool weft__alarm_move(struct worker *w, struct alarm *a, int64_t deadline,
		      struct spinlock *lock)
{
	int earliest;

	/* Its heap does not go while one of its runtime's workers is here. */
	if (!w || w->slot != a->slot)
		return false;
	earliest = weft__timer_move_alarm(&a->timer, deadline, lock);
	if (earliest > 0)
		weft__idle_timer_armed(w->rt, deadline);
	return earliest >= 0;
}

/* From outside its runtime, whose rest may be waited for. */
static bool stop_far(struct alarm *a)
{
	unsigned slot = a->slot;
	struct weft_runtime *rt;
	bool was;

	outside_enter(slot);
	was = weft__timer_stop(&a->timer);
	rt = load_acq(&weft__runtime_table[slot]);                  /* G1 */
	if (was && rt)
		weft__runtime_quiet(rt);
	outside_leave(slot);
	return was;
}

bool weft__alarm_stop(struct worker *w, struct alarm *a)
{
	if (!load_acq(&a->timer.owner))                             /* K2 */
		return false;
	if (likely(w && w->slot == a->slot))
		return weft__timer_stop(&a->timer);
	return stop_far(a);
}

void weft__alarms_drop(struct weft_runtime *rt)
{
	uint32_t high = load_seq(&rt->high);                        /* G1 */

	for (uint32_t i = 0; i < high; i++)
		weft__timers_drop_alarms(&rt->worker[i]->timers);
}

void weft__alarm_peek(void *mem, size_t size)
{
	WEFT_VALGRIND_OPEN(mem, size);
	(void)mem;
	(void)size;
}
