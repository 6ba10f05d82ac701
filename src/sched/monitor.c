/* sched/monitor.c - the thread that watches the workers.
 *
 * Nobody can preempt C code, so a routine that loops or makes a blocking call
 * keeps its worker.  Its ring stays stealable, but its next slot, its timers
 * and, when all workers are so kept, everything else wait.  Every TICK the
 * monitor looks for workers that stand still (same pick count, a routine
 * running) and does one of two things:
 *
 *   V2  somebody sleeps and something waits: wake a sleeper; the search that
 *       follows takes the next slot of whoever stands still (steal.c).
 *   V3  nobody sleeps, somebody stands still, something waits: lend a spare
 *       worker, at most one for each that uses no CPU and one more when the
 *       others all loop.  When the stuck ones move again the spare is called
 *       back: it empties its ring into the inject queue and is shelved.
 *
 * Who uses no CPU is blocked in the kernel, or starved: there are more threads
 * than CPUs.  A starved one gets a spare, too.  Telling it apart would cost a file
 * opened at each tick; what waits does not care why; a thread starves alone when
 * it is bound to a busy CPU or has a low priority; and when all do, the spare waits
 * for its turn like them.
 *
 * A spare that always has something to run does not steal, nor does any other
 * busy worker: `stranded` asks them to take from those that stand still (F6 in
 * worker.c).
 *
 * Whoever has made that necessary for long is named on stderr, unless he starved
 * (culprit.h).  Time in which the monitor itself did not run counts against nobody
 * but who did run: the process was stopped, or the machine had no CPU for it.
 *
 * When every worker sleeps over a whole tick the monitor sleeps, too, until a
 * worker is woken.
 *
 * Ordering
 *   V1  asleep: store-seq by the monitor before its last look at sleepers /
 *       load-seq by a waker after sleepers went down.
 *   V4  stop, lent, wanted: store or RMW seq by one side / load by the other.
 */
#include "sched/monitor.h"
#include "sched/culprit.h"
#include "sched/pick.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#define TICK_NS INT64_C(5000000)
#define LATE_NS (4 * TICK_NS)
#define SILENT_NS INT64_C(60000000000)

enum { TRIM_BATCH = 4096, TRIM_LOOKS = 4 };

/* What was seen at the last tick. */
struct seen {
	uint64_t picks;
	int64_t cpu;                    /* ns of CPU its thread had used */
	int64_t since;                  /* when it was last seen to move */
	int64_t cpu_since;              /* its CPU time then */
};

struct survey {
	uint32_t stuck, running;
	uint32_t blocked;               /* stuck, and used no CPU           */
	int64_t now;
	int64_t lost;                   /* in which nobody looked           */
	struct worker *culprit;         /* has stood still the longest      */
	struct seen *stood;             /* what was seen of it              */
	bool waiting;                   /* somebody could run and does not */
	bool stranded;                  /* and is in the ring of a stuck one */
};

void weft__monitor_wake(struct weft_runtime *rt)
{
	if (xchg_seq(&rt->monitor.asleep, 0))                       /* V1 */
		weft__os_futex_wake(&rt->monitor.asleep, 1);
}

static bool has_backlog(struct worker *w)
{
	return load_rlx(&w->next) || runq_len(&w->runq) ||
	       !injectq_empty(&w->pinned);
}

/* One look at worker w: does it stand still, and does it use CPU meanwhile? */
static void survey_worker(struct worker *w, struct seen *s, struct survey *v)
{
	uint64_t picks = load_rlx(&w->picks);
	bool still;
	int64_t cpu, ran;

	store_rlx(&w->tick, v->now);
	if (load_acq(&w->state) != WORKER_ACTIVE ||             /* V4 */
	    load_rlx(&w->sleep.listed)) {
		s->since = v->now;
		return;
	}
	v->running++;
	v->waiting |= has_backlog(w);
	cpu = weft__os_thread_cpu(w->thread);
	ran = cpu > s->cpu ? cpu - s->cpu : 0;
	if (s->since && ran < v->lost)
		s->since += v->lost - ran;
	still = picks == s->picks;
	store_rlx(&w->still, still);
	if (!still || !s->since) {
		s->since = v->now;
		s->cpu_since = cpu;
	}
	if (still) {
		if (!v->culprit || s->since < v->stood->since) {
			v->culprit = w;
			v->stood = s;
		}
		v->stuck++;
		v->stranded |= load_rlx(&w->next) || runq_len(&w->runq);
		/* Who fires timers waits for nothing, though it may get little of
		 * the CPU where there are more threads than those. */
		if (cpu - s->cpu < TICK_NS / 2 && !load_rlx(&w->firing))
			v->blocked++;
	}
	s->picks = picks;
	s->cpu = cpu;
}

/* A spare from the shelf goes to work.  Only the monitor calls it. */
static bool lend(struct weft_runtime *rt)
{
	for (unsigned i = rt->workers; i < rt->slots; i++) {
		struct worker *w = rt->worker[i];

		if (!w)
			return weft__runtime_grow(rt);
		if (load_acq(&w->state) == WORKER_SHELVED) {        /* V4 */
			add_seq(&rt->active, 1);                    /* V4 */
			add_seq(&rt->monitor.lent, 1);              /* V4 */
			store_rel(&w->state, WORKER_ACTIVE);        /* V4 */
			weft__os_futex_wake(&w->state, 1);
			return true;
		}
	}
	return false;
}

/* Something waits that a worker on its feet would have seen to. */
static bool wanting(struct weft_runtime *rt, const struct survey *v)
{
	return v->waiting || weft__timers_first(rt) < weft__os_now() ||
	       weft__watch_neglected(rt, v->now - TICK_NS) ||
	       weft__work_in_sight(rt);
}

static void decide(struct weft_runtime *rt, const struct survey *v)
{
	struct monitor *m = &rt->monitor;
	uint32_t lent = load_rlx(&m->lent);
	uint32_t wanted = v->blocked + (v->stuck > v->blocked &&
					v->stuck == v->running);

	if (runtime_dead(rt))
		return;
	if (weft__idle_duty_due(rt, v->now + DUTY_NEAR_NS))         /* S7 */
		weft__idle_wake_one(rt);
	if (lent && wanted < lent && v->stuck < lent) {
		store_seq(&m->wanted, wanted);                      /* V4 */
		for (unsigned i = rt->workers; i < rt->slots; i++)
			if (rt->worker[i])
				store_seq(&rt->worker[i]->attention, 1); /* A1 */
		weft__idle_wake_all(rt);
		return;
	}
	if (!v->stuck || !wanting(rt, v))
		return;
	m->wanting = true;
	if (weft__idle_wake_one(rt))                                /* V2 */
		return;
	if (wanted <= lent)
		return;
	/* First what is wanted, or the spare would put itself back at once. */
	store_seq(&m->wanted, lent + 1);                            /* V4 */
	if (!lend(rt))                                              /* V3 */
		store_seq(&m->wanted, lent);                        /* V4 */
}

/* Once a minute: who has kept his worker, while others could not run or a spare
 * had to be lent for them. */
static void name_culprit(struct weft_runtime *rt, const struct survey *v)
{
	struct monitor *m = &rt->monitor;
	struct worker *w = v->culprit;
	struct seen *s = v->stood;
	enum why why;

	if (!v->stuck)
		m->wanting = false;
	if (!m->wanting || v->now - s->since < CULPRIT_NS || v->now < m->silent)
		return;
	why = weft__culprit_ask(w, v->now - s->since,
				s->cpu < 0 ? -1 : s->cpu - s->cpu_since);
	/* It has gone on meanwhile, and sleeps perhaps because it is idle. */
	if (load_rlx(&w->picks) != s->picks || load_rlx(&w->sleep.listed))
		return;
	if (why == WHY_STARVED) {
		s->since = v->now;
		return;
	}
	m->silent = v->now + SILENT_NS;
	weft__culprit_report(w, v->now - s->since, why);
}

/* Everything rests: give memory back, then sleep until a worker is woken.
 * Stacks age before they are trimmed, so a few more looks are due first. */
static void rest(struct weft_runtime *rt, unsigned looks)
{
	struct monitor *m = &rt->monitor;
	int64_t until = INT64_MAX;

	/* Who waits for a stack has nobody else to ask for him. */
	if (looks < TRIM_LOOKS || load_acq(&rt->gate) & GATE_STARVED) /* G4 */
		until = weft__os_now() + TRIM_TICK;
	store_seq(&m->asleep, 1);                                   /* V1 */
	if (load_seq(&rt->idle.sleepers) == load_seq(&rt->active) && /* V1 */
	    !load_acq(&m->stop))                                    /* V4 */
		weft__os_futex_wait(&m->asleep, 1, until);
	store_seq(&m->asleep, 0);                                   /* V1 */
}

static void *monitor_main(void *arg)
{
	struct weft_runtime *rt = arg;
	struct monitor *m = &rt->monitor;
	struct seen seen[WORKER_MAX + SPARE_MAX] = { { 0 } };
	int64_t last = weft__os_now();
	unsigned looks = 0;

	while (!load_acq(&m->stop)) {                               /* V4 */
		struct survey v = { 0 };
		uint32_t high = load_acq(&rt->high);                /* G1 */

		weft__os_futex_wait(&m->stop, 0,
				    weft__os_now() + TICK_NS);
		v.now = weft__os_now();
		v.lost = v.now - last > LATE_NS ? v.now - last : 0;
		last = v.now;
		for (uint32_t i = 0; i < high; i++)
			survey_worker(rt->worker[i], &seen[i], &v);
		store_rlx(&m->stranded, v.stranded);
		decide(rt, &v);
		name_culprit(rt, &v);
		if (load_rlx(&rt->gate) & GATE_STARVED)
			weft__starved_retry(rt);
		looks = v.running ? 0 : looks + 1;
		while (weft__stack_trim(&rt->stacks, weft__os_now(),
					TRIM_BATCH) >= TRIM_BATCH)
			looks = 0;
		if (!v.running)
			rest(rt, looks);
	}
	return NULL;
}

int weft__monitor_start(struct weft_runtime *rt)
{
	int err = weft__os_thread_start(&rt->monitor.thread, "weft-monitor",
					monitor_main, rt);

	rt->monitor.started = !err;
	return err;
}

void weft__monitor_stop(struct weft_runtime *rt)
{
	struct monitor *m = &rt->monitor;

	if (!m->started)
		return;
	store_seq(&m->stop, 1);                                     /* V4 */
	weft__os_futex_wake(&m->stop, 1);
	weft__monitor_wake(rt);
	weft__os_thread_join(m->thread);
	m->started = false;
}

/* --- the spare's side -------------------------------------------------------------- */

void weft__spare_attend(struct worker *w)
{
	struct weft_runtime *rt = w->rt;
	struct monitor *m = &rt->monitor;
	uint32_t lent = load_seq(&m->lent);                         /* V4 */
	struct routine *r;

	do {
		if (lent <= load_seq(&m->wanted))                   /* V4 */
			return;
	} while (!cas_seq(&m->lent, &lent, lent - 1));              /* V4 */
	/* Not by a pick, which may prefer to look at `attention`. */
	while ((r = xchg_acqrel(&w->next, NULL)) ||                 /* N1 */
	       (r = runq_take(&w->runq)))
		weft__inject(rt, r);
	if (w->sleep.searching)
		weft__idle_search_found(w);
	if (w->sleep.duty)
		weft__idle_duty_pass(w);
	store_seq(&w->state, WORKER_SHELVED);                       /* V4 */
	sub_seq(&rt->active, 1);                                    /* V4 */
	weft__runtime_quiet(rt);        /* it may have been the last awake */
	while (load_acq(&w->state) == WORKER_SHELVED &&             /* V4 */
	       !load_seq(&rt->stopping))                            /* G2 */
		weft__os_futex_wait(&w->state, WORKER_SHELVED,
				    INT64_MAX);
}
