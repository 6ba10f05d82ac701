/* sched/fork.c - see fork.h. */
#include "sched/fork.h"
#include "base/fork.h"
#include "os/sys.h"
#include "sched/drive.h"
#include "sched/runtime.h"
#include "sched/worker.h"

static _Atomic uint32_t exit_known, exiting;                       /* Z2 */

int weft__runtime_none(void)
{
	bool dead = false;

	for (unsigned i = 0; i < RUNTIME_MAX; i++) {
		struct weft_runtime *rt =
			load_acq(&weft__runtime_table[i]);          /* G1 */

		if (rt && !runtime_dead(rt))
			return -EPERM;
		dead |= rt != NULL;
	}
	return dead ? -EOWNERDEAD : -EPERM;
}

/* --- fork ----------------------------------------------------------------------- */

/* The kernel's ends of them are the parent's, too; their memory may be missing
 * here (rings), so the descriptors are all that is touched. */
static void close_private(struct weft_runtime *rt)
{
	struct poller *p = &rt->watch.poller;

	if (watch_open(&rt->watch)) {
		if (p->fd >= 0)
			weft__sys_close(p->fd);
		if (p->kick_fd >= 0)
			weft__sys_close(p->kick_fd);
	}
	if (load_acq(&rt->submit.state) == SUBMIT_OPEN)             /* U6 */
		weft__sys_close(rt->submit.ring.fd);
	weft__drive_bury(rt);
}

/* Nobody else runs.  What is counted of other threads is void. */
static void bury_all(void)
{
	for (unsigned i = 0; i < RUNTIME_MAX; i++) {
		struct weft_runtime *rt =
			load_acq(&weft__runtime_table[i]);          /* G1 */

		store_rlx(&weft__outside[i], 0);
		if (!rt || load_acq(&rt->gate) & GATE_DEAD)         /* Z1 */
			continue;
		or_seq(&rt->gate, GATE_DEAD);                       /* Z1 */
		or_seq(&weft__runtime_dead, UINT64_C(1) << i);      /* Z1 */
		close_private(rt);
	}
	weft__plain_forked();
	WEFT_ARCH_TLS_STORE(weft__tls_worker, NULL);
}

FORK_HOOK(FORK_RUNTIMES, NULL, NULL, bury_all)

/* --- exit ----------------------------------------------------------------------- */

_Noreturn void weft__worker_freeze(struct worker *w)
{
	store_rel(&w->state, WORKER_FROZEN);                        /* Z2 */
	for (;;)
		weft__os_futex_wait(&w->state, WORKER_FROZEN, INT64_MAX);
}

/* Counted as a use of the runtime in that slot, if there is one. */
static struct weft_runtime *enter(unsigned slot)
{
	struct weft_runtime *rt;

	outside_enter(slot);
	rt = load_seq(&weft__runtime_table[slot]);                  /* O1 */
	if (!rt)
		outside_leave(slot);
	return rt;
}

static void stop_picking(struct weft_runtime *rt)
{
	uint32_t high;

	or_seq(&rt->gate, GATE_DEAD);                               /* Z1 */
	or_seq(&weft__runtime_dead, UINT64_C(1) << rt->slot);       /* Z1 */
	high = load_acq(&rt->high);                                 /* G1 */
	for (uint32_t i = 0; i < high; i++)
		store_seq(&rt->worker[i]->attention, 1);            /* A1 */
}

/* No routine runs on it: who sleeps will see `attention` first. */
static bool stopped(struct worker *w)
{
	return load_acq(&w->state) != WORKER_ACTIVE ||              /* Z2 */
	       load_rlx(&w->sleep.listed);
}

static bool all_stopped(struct weft_runtime *rt, struct worker *but)
{
	uint32_t high = load_acq(&rt->high);                        /* G1 */

	for (uint32_t i = 0; i < high; i++)
		if (rt->worker[i] != but && !stopped(rt->worker[i]))
			return false;
	return true;
}

void weft__exit_stop(void)
{
	struct worker *me = weft__worker();
	struct weft_runtime *rt;
	bool roots = false;
	int64_t until;

	if (xchg_acqrel(&exiting, 1))                               /* Z2 */
		return;
	until = weft__os_now() + EXIT_NS;
	for (unsigned i = 0; i < RUNTIME_MAX; i++) {
		rt = enter(i);
		if (!rt)
			continue;
		stop_picking(rt);
		outside_leave(i);
	}
	for (unsigned i = 0; i < RUNTIME_MAX; i++) {
		rt = enter(i);
		if (!rt)
			continue;
		while (!all_stopped(rt, me) && weft__os_now() < until)
			weft__os_yield();
		roots = true;
		outside_leave(i);
	}
	if (roots)
		weft__record_roots();
	WEFT_ARCH_TLS_STORE(weft__tls_worker, NULL);
}

/* In the child of a fork everything is dead already. */
void weft__exit_install(void)
{
	if (!xchg_acqrel(&exit_known, 1))                           /* Z2 */
		atexit(weft__exit_stop);
}
