/* sched/worker.c - what runs next, and the loop of a thread that looks for it.
 *
 * Place in the life of a routine:  queues -> [ pick ] -> switch
 *
 * A routine that parks picks its successor itself and switches straight to it;
 * only when nothing local is runnable does the worker's own stack run the loop
 * below: inject queue, timers, stealing, sleep.
 *
 * Fairness
 *   F1  the next slot goes first, but at most NEXT_CAP times in a row while
 *       the ring holds anything; it inherits the budget, so a pair that hands
 *       itself on cannot starve the ring.
 *   F2  every LOOK_EVERY picks the timers come first, then what is in no ring.
 *       The order in which that is looked at rotates: each comes first again
 *       and again, however full the others are.
 *   F3  `attention` (stop, retire) is seen at the next pick.
 *   F5  a routine that joins the newest one of its worker has it run at once, and
 *       goes on at once when that ends, as if it had called it: both keep
 *       their hands off the queues.  Every LOOK_RARELY picks it is an ordinary
 *       pick instead, so a chain of such joins holds up the ring for at most
 *       NEXT_CAP + 1 times as many.  (The budget's 128 made a tree of joins
 *       begin a new branch so often that ten thousand stood half done.)
 *   F8  when rings have overflowed into a pile (INJECT_PILE) the pick after each
 *       further overflow looks far, and a joiner or joined one whose turn that
 *       is goes behind the whole ring, and a block of the pile: who starts
 *       more routines than it joins has them run as fast as it starts them.
 *       (Not before: a tree of joins has little waiting and overflows often,
 *       and would begin new branches instead of ending old ones.)
 *   F4  now and then the timers of all workers: a busy one looks after those
 *       of one that stands still.
 *   F7  a look that finds the poller not asked for a while calls the worker to
 *       its loop (`attention`), where no object is locked: it asks there.  The
 *       look itself goes on, or beside I/O nobody but the ring would have a turn.
 *   F9  where the ring is nearly full, or somebody waits in the inject queue, few
 *       events are asked for.  The rest wait in the kernel, in the order in which
 *       they came, until those who were here before have run; a ring that events
 *       keep full would never come to what it has spilled.
 *   F6  the looks of F2 include the rings of those that stand still: a busy
 *       worker never searches, and there may be no other.
 */
#include "sched/worker.h"
#include "routine/overflow.h"
#include "sched/fork.h"
#include "sched/culprit.h"
#include "sched/pick.h"
#include "sched/runtime.h"
#include "sched/switch.h"

/* How long a worker searches before it sleeps: the price of a wake-up.  After a
 * search in vain half as long, then a quarter, until one finds something: a load
 * that comes in waves further apart would pay for all of them.  Not less, for a
 * thief is to be patient (steal.c). */
enum { SEARCH_NS = 20000, VAIN_MAX = 2 };

__attribute__((used, visibility("hidden"), tls_model("initial-exec")))
_Thread_local struct worker *weft__tls_worker;

/* --- pick --------------------------------------------------------------------- */

/* Many may be due at once. */
static unsigned fire(struct worker *w, struct timers *ts, int64_t now)
{
	unsigned fired;

	if (load_rlx(&ts->first) > now)
		return 0;
	store_rlx(&w->firing, true);
	fired = ts == &w->timers ? weft__timers_run(ts, w, now) :
				   weft__timers_help(ts, w, now);
	store_rlx(&w->firing, false);
	return fired;
}

static unsigned run_timers(struct worker *w)
{
	struct weft_runtime *rt = w->rt;
	uint32_t high = load_acq(&rt->high);                    /* G1 */
	unsigned fired = 0;
	int64_t now;

	if (weft__timers_first(rt) == INT64_MAX)
		return 0;
	now = weft__os_now();
	for (uint32_t i = 0; i < high; i++)
		fired += fire(w, &rt->worker[i]->timers, now);
	return fired;
}

static bool looks_far(struct worker *w)
{
	return load_rlx(&w->picks) % LOOK_RARELY == 0;
}

static void look_at_timers(struct worker *w)
{
	if (looks_far(w))
		run_timers(w);  /* F4 */
	else if (load_rlx(&w->timers.first) != INT64_MAX)
		fire(w, &w->timers, weft__os_now());
}

NOINLINE bool weft__pick_directed(struct worker *w)
{
	if (load_acq(&w->attention))                            /* A1 */
		return false;                                   /* F3 */
	look_at_timers(w);
	return !looks_far(w) && injectq_empty(&w->pinned);      /* F5 */
}

NOINLINE bool weft__pick_stand_back(struct worker *w, struct routine *who)
{
	uint32_t room = runq_room(&w->runq);
	struct routine *r;

	if (!injectq_piled(&w->rt->inject))
		return false;
	/* With `who` it all fits, or the ring would overflow again. */
	r = room > 2 ? weft__injectq_take(&w->rt->inject, &w->runq, room - 2) :
		       NULL;
	if (r)
		weft__enqueue(w, r);
	weft__enqueue(w, who);
	return true;
}

/* Where routines wait that are in no ring of ours; F2 takes turns.  Blocks in
 * the inject queue have theirs when they are due (J3 in injectq.h). */
enum source { PINNED, URGENT, INJECT, STRANDED, BACKGROUND };

static struct routine *take_from(struct worker *w, unsigned source)
{
	struct weft_runtime *rt = w->rt;

	switch (source) {
	case PINNED:
		return weft__injectq_take(&w->pinned, &w->runq, 0);
	case URGENT:
		return weft__injectq_take(&rt->urgent, &w->runq, 0);
	case INJECT:
		return weft__injectq_look(&rt->inject);
	case STRANDED:
		return weft__steal_stranded(w, load_acq(&rt->high)); /* G1 */
	default:
		return weft__injectq_take(&rt->background, &w->runq, 0);
	}
}

struct routine *weft__take_waiting(struct worker *w)
{
	struct routine *r = take_from(w, PINNED);

	if (!r)
		r = take_from(w, URGENT);
	return r ? r : weft__injectq_take(&w->rt->inject, &w->runq, 0);
}

NOINLINE struct routine *weft__pick_looking(struct worker *w)
{
	unsigned sources = looks_far(w) ? BACKGROUND + 1 : BACKGROUND, turn;
	struct routine *r = NULL;

	if (load_acq(&w->attention))                            /* A1 */
		return NULL;                                    /* F3 */
	turn = w->turn++;       /* not before: who does not look has no turn */
	look_at_timers(w);
	for (unsigned i = 0; i < sources && !r; i++)
		r = take_from(w, (turn + i) % sources);          /* F2 */
	if (watch_open(&w->rt->watch) && weft__watch_due(w)) {  /* F7 */
		store_seq(&w->attention, 1);                    /* A1 */
		if (!r)
			return NULL;
	}
	if (r) {
		w->budget = BUDGET;
		return r;
	}
	return pick_local(w);
}

/* --- the loop ----------------------------------------------------------------- */

bool weft__work_in_sight(struct weft_runtime *rt)
{
	uint32_t high = load_seq(&rt->high);                    /* G1 */

	if (!injectq_empty_seq(&rt->inject) ||
	    !injectq_empty_seq(&rt->urgent) ||
	    !injectq_empty_seq(&rt->background))
		return true;
	for (uint32_t i = 0; i < high; i++)
		if (!runq_empty_seq(&rt->worker[i]->runq))
			return true;
	return false;
}

int64_t weft__timers_first(struct weft_runtime *rt)
{
	uint32_t high = load_seq(&rt->high);                    /* G1 */
	int64_t first = INT64_MAX;

	for (uint32_t i = 0; i < high; i++) {
		int64_t t = load_seq(&rt->worker[i]->timers.first); /* K1 */

		if (t < first)
			first = t;
	}
	return first;
}

int64_t weft__duty_first(struct weft_runtime *rt)
{
	int64_t first = weft__timers_first(rt);

	return first == INT64_MAX && load_seq(&rt->watch.open) ?    /* X5 */
	       WATCH_DUTY : first;
}

/* Everything shared that is not somebody's ring. */
static struct routine *take_shared(struct worker *w)
{
	struct weft_runtime *rt = w->rt;
	uint32_t share = load_rlx(&rt->inject.len) / rt->workers;
	struct routine *r = take_from(w, PINNED);

	if (!r)
		r = take_from(w, URGENT);
	if (!r)
		r = weft__injectq_take(&rt->inject, &w->runq, share);
	if (!r && run_timers(w))
		r = pick_local(w);
	return r;
}

static struct routine *search(struct worker *w)
{
	struct weft_runtime *rt = w->rt;
	uint64_t picks[WORKER_MAX + SPARE_MAX];
	uint32_t high = load_acq(&rt->high);                    /* G1 */
	int64_t until = 0;
	struct routine *r = NULL;

	for (uint32_t i = 0; i < high; i++)
		picks[i] = load_rlx(&rt->worker[i]->picks);
	do {
		if (watch_open(&rt->watch) && weft__watch_ask(w))
			r = pick_local(w);
		for (unsigned round = 0; round < 8 && !r; round++) {
			r = weft__steal(w, NULL, high);
			if (!r && !(injectq_empty(&rt->inject) &&
				    injectq_empty(&rt->urgent)))
				r = take_shared(w);
			if (!r && load_rlx(&w->attention))
				return NULL;
			for (unsigned i = 0; i < 16 && !r; i++)
				weft__arch_pause();
		}
		if (!until)
			until = weft__os_now() + (SEARCH_NS >> w->sleep.vain);
	} while (!r && weft__os_now() < until);
	if (!r)
		r = take_shared(w);
	/* Whoever stood still all the time may keep its next slot waiting. */
	if (!r)
		r = weft__steal(w, picks, high);
	if (r)
		w->sleep.vain = 0;
	else if (w->sleep.vain < VAIN_MAX)
		w->sleep.vain++;
	return r;
}

/* Settle what others asked for, or a look.  False: the worker is to leave. */
static bool attend(struct worker *w)
{
	struct weft_runtime *rt = w->rt;

	store_seq(&w->attention, 0);                            /* A1 */
	if (unlikely(runtime_dead(rt)))                         /* Z1 */
		weft__worker_freeze(w);
	if (load_seq(&rt->stopping))                            /* G2 */
		return false;
	weft__runtime_gate_seen(rt);
	if (w->spare)
		weft__spare_attend(w);
	if (unlikely(w->cork_ask == CORK_WANTED))
		weft__cork_make(w);
	weft__watch_ask(w);                                     /* F7 */
	return true;
}

struct routine *weft__worker_find(struct worker *w)
{
	struct weft_runtime *rt = w->rt;
	struct routine *r;

	do {
		if (load_acq(&w->attention) && !attend(w))      /* A1 */
			return NULL;
		r = pick(w);
		/* NULL may mean F3: then the ring need not be empty, which a
		 * thief relies on. */
		if (!r && load_acq(&w->attention))              /* A1 */
			continue;
		if (!r)
			r = take_shared(w);
		if (!r && load_rlx(&rt->high) > 1 &&
		    weft__idle_search_begin(w))
			r = search(w);
		if (!r)
			r = take_from(w, BACKGROUND);
		if (r) {
			weft__idle_search_found(w);
			if (unlikely(w->sleep.duty))
				weft__idle_duty_pass(w);
			return r;
		}
	} while (load_acq(&w->attention));                      /* A1 */
	return NULL;
}

/* Something useful before sleeping: give back memory that nobody needs. */
void weft__worker_rest(struct worker *w)
{
	if (w->rt->stacks.cut > RACK_SIZE)
		weft__stack_trim(&w->rt->stacks, weft__os_now(), 256);
}

void weft__worker_enter(struct worker *w)
{
	WEFT_ARCH_TLS_STORE(weft__tls_worker, w);
	weft__stack_thread(&w->loop_stack);
	if (!w->sigstack && weft__sigstack_enable(&w->sigstack) < 0)
		w->sigstack = NULL;
}

void weft__worker_leave(struct worker *w)
{
	if (w->sleep.searching)
		weft__idle_search_found(w);
	weft__submit_leave(w);
	if (w->sigstack)
		weft__sigstack_disable(w->sigstack);
	w->sigstack = NULL;
	weft__stack_cache_flush(&w->stacks);
	weft__record_flush(&w->records);
	WEFT_ARCH_TLS_STORE(weft__tls_worker, NULL);
}

bool weft__worker_serve(struct worker *w, struct routine *r)
{
	struct aim a;

	aim_somewhere(w, r, &a);
	if (!w->current)
		return false;   /* no stack: it waits for one */
	w->left.kind = LEFT_NOTHING;
	switch_to(w, &w->loop_sp, &w->loop_stack, &a, LEFT_NOTHING);
	return true;
}

void *weft__worker_main(void *arg)
{
	struct worker *w = arg;
	struct routine *r;

	weft__worker_enter(w);
	weft__os_thread_precise();
	weft__culprit_enable();
	for (;;) {
		r = weft__worker_find(w);
		if (r) {
			weft__worker_serve(w, r);
		} else if (load_seq(&w->rt->stopping)) {        /* G2 */
			break;
		} else {
			weft__worker_rest(w);
			weft__idle_sleep(w);
		}
	}
	weft__worker_leave(w);
	return NULL;
}

int weft__worker_init(struct worker *w, struct weft_runtime *rt, unsigned index)
{
	memset(w, 0, sizeof *w);
	w->rt = rt;
	w->index = index;
	w->budget = BUDGET;
	w->default_cls = rt->default_cls;
	w->birth = rt->birth;
	store_rlx(&w->tick, weft__os_now());
	w->slot = (uint8_t)rt->slot;
	w->spare = index >= rt->workers;
	w->rng = 2463534242u + index * 2654435761u;
	weft__timers_init(&w->timers);
	weft__stack_cache_init(&w->stacks, &rt->stacks);
	return 0;
}

void weft__worker_fini(struct worker *w)
{
	weft__cork_free(load_rlx(&w->cork));
	weft__timers_fini(&w->timers);
	weft__injectq_fini(&w->pinned);
}
