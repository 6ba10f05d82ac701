/* sched/runtime.c - starting and stopping; life and orderings in runtime.h. */
#include "sched/culprit.h"
#include "sched/drive.h"
#include "sched/runtime.h"
#include "sched/alarm.h"
#include "sched/fork.h"
#include "sched/local.h"
#include "sched/worker.h"
#include "routine/overflow.h"

#include <weft/routine.h>

_Atomic(struct weft_runtime *) weft__runtime_table[RUNTIME_MAX];
_Atomic uint32_t weft__outside[RUNTIME_MAX];

/* --- the table ------------------------------------------------------------------- */

static int table_enter(struct weft_runtime *rt)
{
	for (unsigned i = 0; i < RUNTIME_MAX; i++) {
		struct weft_runtime *none = NULL;

		rt->slot = i;
		if (cas_acqrel(&weft__runtime_table[i], &none, rt)) /* G1 */
			return 0;
	}
	return -EAGAIN;
}

_Atomic uint64_t weft__runtime_dead;

struct weft_runtime *weft__runtime_only(void)
{
	struct weft_runtime *only = NULL;

	for (unsigned i = 0; i < RUNTIME_MAX; i++) {
		struct weft_runtime *rt =
			load_acq(&weft__runtime_table[i]);          /* G1 */

		if (!rt || load_acq(&weft__runtime_dead) >> i & 1) /* fork Z1 */
			continue;
		if (only)
			return NULL;
		only = rt;
	}
	return only;
}

struct weft_runtime *weft__runtime_only_enter(void)
{
	struct weft_runtime *only = weft__runtime_only();

	for (unsigned i = 0; only && i < RUNTIME_MAX; i++) {
		if (load_acq(&weft__runtime_table[i]) != only)      /* G1 */
			continue;
		outside_enter(i);
		if (load_seq(&weft__runtime_table[i]) == only)      /* O1 */
			return only;
		outside_leave(i);
	}
	return NULL;
}

/* Nobody outside is at work on it any more. */
static void await_outside(struct weft_runtime *rt)
{
	while (load_seq(&weft__outside[rt->slot]))                  /* O1 */
		weft__os_yield();
}

/* --- starting -------------------------------------------------------------------- */

static struct worker *worker_new(struct weft_runtime *rt, unsigned index)
{
	struct worker *w = aligned_alloc(WEFT_CACHELINE,
		(sizeof *w + WEFT_CACHELINE - 1) & ~(size_t)(WEFT_CACHELINE - 1));

	if (!w)
		return NULL;
	weft__worker_init(w, rt, index);
	rt->worker[index] = w;
	return w;
}

static int worker_start(struct worker *w)
{
	int err;

	add_seq(&w->rt->active, 1);	/* G5 */
	store_rel(&w->state, WORKER_ACTIVE);	/* G5 */
	err = weft__os_thread_start(&w->thread, "weft-worker",
				    weft__worker_main, w);
	if (err) {
		sub_seq(&w->rt->active, 1);	/* G5 */
		store_rel(&w->state, WORKER_ABSENT);	/* G5 */
	}
	return err;
}

bool weft__runtime_grow(struct weft_runtime *rt)
{
	uint32_t i = load_rlx(&rt->high);
	struct worker *w;

	if (i >= rt->slots)
		return false;
	w = worker_new(rt, i);
	if (!w)
		return false;
	store_seq(&rt->high, i + 1);                                /* G1 */
	add_seq(&rt->monitor.lent, 1);	/* G5 */
	if (worker_start(w) == 0)
		return true;
	/* Its slot stays, without a thread: grow no further. */
	sub_seq(&rt->monitor.lent, 1);	/* G5 */
	rt->slots = i + 1;
	return false;
}

static int check_config(struct weft_runtime *rt, const weft_config *c)
{
	int cls = weft__stack_class(c->stack_size);

	if (cls < 0 || c->workers > WORKER_MAX || c->guard < 0 ||
	    c->guard > WEFT_GUARD_CANARY || c->on_panic < 0 ||
	    c->on_panic > WEFT_PANIC_ABORT || c->on_deadlock < 0 ||
	    c->on_deadlock > WEFT_DEADLOCK_IGNORE ||
	    c->flags & ~WEFT_WAIT_ALL || c->max_routines > INT64_MAX)
		return -EINVAL;
	rt->config = *c;
	rt->default_cls = (uint8_t)cls;
	rt->workers = c->workers ? c->workers : weft__os_cpus();
	if (rt->workers > WORKER_MAX)
		rt->workers = WORKER_MAX;
	rt->slots = rt->workers + SPARE_MAX;
	if (c->max_routines)
		store_rlx(&rt->gate, GATE_LIMIT);
	return 0;
}

static void runtime_free(struct weft_runtime *rt)
{
	for (unsigned i = 0; rt->worker && i < rt->slots; i++) {
		if (rt->worker[i])
			weft__worker_fini(rt->worker[i]);
		free(rt->worker[i]);
	}
	free(rt->worker);
	weft__injectq_fini(&rt->inject);
	weft__injectq_fini(&rt->urgent);
	weft__injectq_fini(&rt->background);
	weft__injectq_fini(&rt->starved);
	free(rt);
}

static void stop_workers(struct weft_runtime *rt)
{
	uint32_t high;

	store_seq(&rt->stopping, 1);                                /* G2 */
	weft__monitor_stop(rt);         /* from here on `high` is fixed */
	high = load_acq(&rt->high);                                 /* G1 */
	for (uint32_t i = 0; i < high; i++) {
		struct worker *w = rt->worker[i];
		uint32_t shelved = WORKER_SHELVED;

		store_seq(&w->attention, 1);                        /* A1 */
		/* By value: a spare may be about to sleep on it. */
		if (cas_seq(&w->state, &shelved, WORKER_ACTIVE))    /* G5 */
			weft__os_futex_wake(&w->state, 1);
	}
	weft__idle_wake_all(rt);
	if (rt->drive)
		weft__drive_leave(rt);
	for (uint32_t i = 0; i < high; i++)
		if (load_rlx(&rt->worker[i]->state) != WORKER_ABSENT)
			weft__os_thread_join(rt->worker[i]->thread);
}

static struct weft_runtime *runtime_new(const weft_config *c, uint8_t birth,
					int *err)
{
	struct weft_runtime *rt = aligned_alloc(WEFT_CACHELINE,
		(sizeof *rt + WEFT_CACHELINE - 1) & ~(size_t)(WEFT_CACHELINE - 1));

	*err = -ENOMEM;
	if (!rt)
		return NULL;
	memset(rt, 0, sizeof *rt);
	store_rlx(&rt->idle.timed_until, INT64_MAX);
	rt->birth = birth;
	*err = check_config(rt, c);
	if (*err)
		goto failed;
	*err = -ENOMEM;
	rt->worker = calloc(rt->slots, sizeof(struct worker *));
	if (!rt->worker)
		goto failed;
	weft__stack_pool_init(&rt->stacks, (enum guard_tier)c->guard);
	for (unsigned i = 0; i < rt->workers; i++)
		if (!worker_new(rt, i))
			goto failed;
	store_rlx(&rt->high, rt->workers);
	weft__watch_init(rt);
	weft__submit_init(rt);
	*err = weft__blocking_init(rt);
	if (*err)
		goto failed;
	*err = table_enter(rt);
	if (*err)
		goto failed;
	for (unsigned i = 0; i < rt->workers; i++)
		rt->worker[i]->slot = (uint8_t)rt->slot;
	return rt;
failed:
	runtime_free(rt);
	return NULL;
}

void weft__runtime_stop(struct weft_runtime *rt)
{
	or_seq(&rt->gate, GATE_STOPPING);                           /* G4 */
	stop_workers(rt);
	weft__blocking_fini(rt);
	weft__submit_fini(rt);
	await_outside(rt);              /* spawns that passed the gate */
	weft__alarms_drop(rt);          /* A3 */
	if (weft__config_leaks() && weft__runtime_live(rt))
		weft__report_routines(rt, "leaks: these routines are left",
				       true);
	weft__discard_waits(rt);
	await_outside(rt);              /* those who readied the last ones */
	weft__discard_routines(rt);
	await_outside(rt);              /* those who cancel in their frames */
	weft__stack_pool_fini(&rt->stacks);
	store_seq(&weft__runtime_table[rt->slot], NULL);            /* G1 */
	await_outside(rt);              /* those who had found it before */
	weft__watch_fini(rt);
	weft__drive_free(rt->drive);
	runtime_free(rt);
}

int weft__runtime_make(const weft_config *config, uint8_t birth,
		       struct weft_runtime **out)
{
	weft_config defaults;
	int err;

	weft__known(weft__worker());
	if (!config) {
		weft_config_init(&defaults);
		config = &defaults;
	}
	weft__overflow_install();
	weft__report_install();
	weft__culprit_install();
	weft__exit_install();
	*out = runtime_new(config, birth, &err);
	return *out ? 0 : err;
}

int weft__runtime_start(const weft_config *config, uint8_t birth,
			struct weft_runtime **out)
{
	struct weft_runtime *rt;
	int err = weft__runtime_make(config, birth, &rt);

	if (err)
		return err;
	for (unsigned i = 0; i < rt->workers && !err; i++)
		err = worker_start(rt->worker[i]);
	if (!err)
		err = weft__monitor_start(rt);
	if (err) {
		weft__runtime_stop(rt);
		return err;
	}
	*out = rt;
	return 0;
}

/* --- rest --------------------------------------------------------------------------- */

int64_t weft__runtime_live(struct weft_runtime *rt)
{
	int64_t n = (int64_t)load_rlx(&rt->foreign_spawned);
	uint32_t high = load_acq(&rt->high);                        /* G1 */

	for (uint32_t i = 0; i < high; i++)
		n += (int64_t)(load_rlx(&rt->worker[i]->spawned) -
			       load_rlx(&rt->worker[i]->ended));
	return n;
}

static void news(struct weft_runtime *rt)
{
	add_seq(&rt->news, 1);                                      /* G3 */
	if (unlikely(rt->drive != NULL) && !weft__drive_mine(rt))
		weft__watch_kick(rt);                               /* drive R7 */
	weft__os_futex_wake(&rt->news, INT32_MAX);
}

void weft__runtime_quiet(struct weft_runtime *rt)
{
	if (load_seq(&rt->watched) &&                               /* G3 */
	    load_seq(&rt->idle.sleepers) == load_seq(&rt->active) &&	/* G3 */
	    load_seq(&rt->watch.waiting) == 0 &&                    /* X6 */
	    weft__timers_first(rt) == INT64_MAX)
		news(rt);
}

void weft__runtime_gate_shut(struct weft_runtime *rt)
{
	uint32_t high = load_acq(&rt->high);                        /* G1 */

	await_outside(rt);
	for (uint32_t i = 0; i < high; i++)
		store_seq(&rt->worker[i]->attention, 1);            /* A1 */
}

void weft__runtime_gate_seen(struct weft_runtime *rt)
{
	if (load_acq(&rt->gate) & GATE_STOPPING)                    /* G4 */
		news(rt);
}

void weft__runtime_main_done(struct weft_runtime *rt, int status)
{
	rt->status = status;
	store_rel(&rt->done, 1);                                    /* G3 */
	news(rt);
}

static bool pinned_in_sight(struct weft_runtime *rt)
{
	for (unsigned i = 0; i < rt->workers; i++)
		if (!injectq_empty_seq(&rt->worker[i]->pinned))
			return true;
	return false;
}

bool weft__runtime_at_rest(struct weft_runtime *rt)
{
	struct idle *idle = &rt->idle;
	bool rest = false;

	/* A call in progress cannot end, nor one begin, over the look at the
	 * workers: else its routine could be missed by both looks. */
	if (weft__blocking_hold(rt))
		goto pending;
	/* With all workers listed under the lock, no token is on its way. */
	spin_lock(&idle->lock);
	rest = load_seq(&idle->sleepers) == load_seq(&rt->active) &&	/* G3 */
	       injectq_empty_seq(&rt->starved) &&
	       !load_seq(&rt->retrying) &&                             /* G6 */
	       !weft__work_in_sight(rt) && !pinned_in_sight(rt) &&
	       weft__timers_first(rt) == INT64_MAX &&
	       load_seq(&rt->watch.waiting) == 0;                      /* X6 */
	spin_unlock(&idle->lock);
pending:
	weft__blocking_release(rt);
	return rest;
}

/* --- weft_run ---------------------------------------------------------------------- */

/* Nobody can run; can somebody outside wake anybody?  If not, say so. */
static bool deadlocked(struct weft_runtime *rt)
{
	if (rt->config.on_deadlock == WEFT_DEADLOCK_IGNORE ||
	    load_seq(&weft__plain_timed) ||                         /* W3 */
	    weft__plain_may_act() || weft__runtime_only() != rt)
		return false;
	weft__report_routines(rt, "deadlock: every routine is parked", true);
	if (rt->config.on_deadlock == WEFT_DEADLOCK_ABORT)
		abort();
	return true;
}

/* Wait for the main routine, with WEFT_WAIT_ALL for the others, too. */
static int await_main(struct weft_runtime *rt)
{
	for (;;) {
		uint32_t seen = load_acq(&rt->news);                /* G3 */
		bool rest = weft__runtime_at_rest(rt);
		bool done = load_acq(&rt->done);                    /* G3 */

		if (done && (!(rt->config.flags & WEFT_WAIT_ALL) ||
			     (rest && weft__runtime_live(rt) == 0)))
			return rt->status;
		if (rest && deadlocked(rt))
			return -EDEADLK;
		weft__os_futex_wait(&rt->news, seen, INT64_MAX);
	}
}

int weft_run_config(const weft_config *c, int (*fn)(void *), void *arg)
{
	struct weft_runtime *rt;
	uintptr_t word = (uintptr_t)arg;
	struct spawn s = {
		.fn = (void (*)(void))fn, .site = __builtin_return_address(0),
		.flags = ROUTINE_JOINABLE | ROUTINE_MAIN, .argc = 1,
		.argv = &word,
	};
	int err;

	if (!fn)
		return -EINVAL;
	if (weft__worker())
		return -EPERM;
	err = weft__runtime_start(c, 0, &rt);
	if (err)
		return err;
	weft__plain_run_begins();
	store_rlx(&rt->watched, 1);
	err = weft__spawn(rt, NULL, &s);
	if (!err)
		err = await_main(rt);
	or_seq(&rt->gate, GATE_STOPPING);                           /* G4 */
	weft__runtime_stop(rt);
	return err;
}

int weft_run(int (*fn)(void *), void *arg)
{
	return weft_run_config(NULL, fn, arg);
}
