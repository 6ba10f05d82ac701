/* sched/embed.c - a runtime beside the caller's own threads. */
#include "os/thread.h"
#include "sched/alarm.h"
#include "sched/drive.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <weft/routine.h>

int weft_start(const weft_config *c, weft_runtime **rt)
{
	if (!rt)
		return -EINVAL;
	*rt = NULL;
	return weft__runtime_start(c, ROUTINE_EXPOSED, rt);
}

/* Spawn into rt, which is the caller's own runtime or another one. */
static int spawn_into(struct weft_runtime *rt, const struct spawn *s)
{
	struct worker *w = weft__worker();
	unsigned slot = rt->slot;
	int err;

	if (w && w->rt == rt)
		return weft__spawn(rt, w, s);
	weft__known(w);
	outside_enter(slot);
	err = weft__spawn(rt, NULL, s);
	outside_leave(slot);
	return err;
}

int weft_submit(weft_runtime *rt, void (*fn)(void *), void *arg)
{
	uintptr_t word = (uintptr_t)arg;
	struct spawn s = {
		.fn = (void (*)(void))fn, .site = __builtin_return_address(0),
		.argc = 1, .argv = &word,
	};

	if (!rt || !fn)
		return -EINVAL;
	return spawn_into(rt, &s);
}

/* weft_call: a routine runs it, the caller waits for the result. */
int weft_call(weft_runtime *rt, int (*fn)(void *), void *arg)
{
	uintptr_t word = (uintptr_t)arg;
	weft_id id = 0;
	struct spawn s = {
		.fn = (void (*)(void))fn, .site = __builtin_return_address(0),
		.flags = ROUTINE_JOINABLE, .argc = 1, .argv = &word, .id = &id,
	};
	int status, err;

	if (!rt || !fn)
		return -EINVAL;
	if (runtime_dead(rt))
		return -EOWNERDEAD;
	if (weft__drive_mine(rt) && !weft__worker())
		return -EDEADLK;        /* it would wait for itself */
	err = spawn_into(rt, &s);
	if (err)
		return err;
	err = weft_join(id, &status);
	return err ? err : status;
}

unsigned weft_workers(void)
{
	struct worker *w = weft__worker();
	struct weft_runtime *rt;
	unsigned n;

	if (w)
		return w->rt->workers;
	rt = weft__runtime_only_enter();
	if (!rt)
		return 0;
	n = rt->workers;
	outside_leave(rt->slot);
	return n;
}

/* Something may have changed since `seen`.  False: the deadline has passed. */
static bool await_news(struct weft_runtime *rt, uint32_t seen, int64_t deadline)
{
	if (rt->drive) {
		weft__drive_await(rt, seen, deadline);
		return deadline != WEFT_NOWAIT && weft__os_now() < deadline;
	}
	return deadline != WEFT_NOWAIT &&
	       !weft__os_futex_wait(&rt->news, seen, deadline);
}

/*
 * Stop: no more spawns; cancel every routine; wait until all have ended, or
 * until those that are left are parked in waits that are no cancel points, with
 * nothing inside that could wake them.  Those are discarded, their waits
 * withdrawn.
 */
int weft_stop(weft_runtime *rt, weft_time deadline)
{
	struct worker *w = weft__worker();

	if (!rt)
		return -EINVAL;
	if (runtime_dead(rt))
		return -EOWNERDEAD;
	if (w && (w->rt == rt || rt->drive))
		return -EDEADLK;
	if (rt->drive && !weft__drive_mine(rt))
		return -EPERM;
	or_seq(&rt->gate, GATE_STOPPING);                           /* G4 */
	weft__alarms_drop(rt);                                      /* A3 */
	store_seq(&rt->watched, 1);                                 /* G3 */
	weft__runtime_gate_shut(rt);
	for (;;) {
		uint32_t seen = load_acq(&rt->news);                /* G3 */
		bool rest = weft__runtime_at_rest(rt);

		/* Some spawns had passed the gate: whoever can make them brings
		 * news when it cannot any more. */
		if (weft__cancel_all(rt))
			continue;
		if (rest)
			break;
		/* Timers may keep it from resting without any news. */
		if (await_news(rt, seen, deadline))
			continue;
		/* Workers that still look for work are in nobody's way. */
		if (weft__runtime_at_rest(rt) || !weft__runtime_live(rt))
			break;
		weft__report_routines(rt, "stop: these have not ended", false);
		return deadline == WEFT_NOWAIT ? -EAGAIN : -ETIMEDOUT;
	}
	weft__runtime_stop(rt);
	return 0;
}
