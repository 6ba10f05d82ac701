/* sched/idle.c - the idle protocol; invariants and orderings in idle.h. */
#include "sched/idle.h"
#include "sched/worker.h"
#include "sched/runtime.h"
#include "os/thread.h"

/* How much earlier than its deadline the timed sleeper gets up: about what a
 * wake-up costs. */
enum { EARLY_NS = 20000 };

/* --- the list of sleepers ------------------------------------------------ */

static struct worker *pop_locked(struct idle *idle)
{
	struct worker *w = idle->stack;

	if (w) {
		idle->stack = w->sleep.next;
	} else {
		w = idle->timed;                                /* S5 */
		if (!w)
			return NULL;
		idle->timed = NULL;
		store_seq(&idle->timed_until, INT64_MAX);       /* D1 */
	}
	store_rlx(&w->sleep.listed, false);
	sub_seq(&idle->sleepers, 1);                            /* D1 */
	return w;
}

static void push_locked(struct idle *idle, struct worker *w, int64_t until)
{
	if (until != INT64_MAX && !idle->timed) {
		idle->timed = w;                                /* S4 */
		store_seq(&idle->timed_until, until);           /* D1 */
	} else {
		w->sleep.next = idle->stack;
		idle->stack = w;
	}
	store_rlx(&w->sleep.listed, true);
	add_seq(&idle->sleepers, 1);                            /* D1 */
}

static void unlist_locked(struct idle *idle, struct worker *w)
{
	if (idle->timed == w) {
		idle->timed = NULL;
		store_seq(&idle->timed_until, INT64_MAX);       /* D1 */
	} else {
		struct worker **p = &idle->stack;

		while (*p != w)
			p = &(*p)->sleep.next;
		*p = w->sleep.next;
	}
	store_rlx(&w->sleep.listed, false);
	sub_seq(&idle->sleepers, 1);                            /* D1 */
}

/* Who has the duty, or, if nobody has, who may take it. */
static struct worker *pop_duty_locked(struct idle *idle)
{
	struct worker *w = idle->timed;

	if (!w)
		return pop_locked(idle);
	unlist_locked(idle, w);
	return w;
}

/* False: a waker has popped w already, its token is on the way. */
static bool unlist(struct idle *idle, struct worker *w)
{
	bool was;

	spin_lock(&idle->lock);
	was = load_rlx(&w->sleep.listed);
	if (was)
		unlist_locked(idle, w);
	spin_unlock(&idle->lock);
	if (was)
		weft__monitor_notice(w->rt);
	return was;
}

/* --- waking ------------------------------------------------------------------ */

static void hand_token(struct worker *w)
{
	bool in_poller = w->sleep.in_poller;                    /* S8 */
	struct weft_runtime *rt = w->rt;

	store_rel(&w->sleep.token, 1);                          /* T1 */
	if (in_poller)
		weft__watch_kick(rt);
	else
		weft__os_futex_wake(&w->sleep.token, 1);
}

/* w was unlisted by the caller: let it run, as a searcher. */
static void wake_unlisted(struct idle *idle, struct worker *w)
{
	w->sleep.searching = true;                              /* S2 */
	add_seq(&idle->searchers, 1);                           /* D1 */
	weft__monitor_notice(w->rt);
	hand_token(w);
}

void weft__idle_wake_slow(struct weft_runtime *rt)
{
	struct idle *idle = &rt->idle;
	struct worker *w = NULL;

	spin_lock(&idle->lock);
	if (load_seq(&idle->searchers) == 0)                    /* D2 */
		w = pop_locked(idle);
	if (w) {
		w->sleep.searching = true;                      /* S2 */
		add_seq(&idle->searchers, 1);                   /* D1 */
	}
	spin_unlock(&idle->lock);
	if (w) {
		weft__monitor_notice(rt);
		hand_token(w);
	}
}

bool weft__idle_wake_one(struct weft_runtime *rt)
{
	struct idle *idle = &rt->idle;
	struct worker *w;

	spin_lock(&idle->lock);
	w = pop_locked(idle);
	spin_unlock(&idle->lock);
	if (w)
		wake_unlisted(idle, w);
	return w != NULL;
}

void weft__idle_wake_all(struct weft_runtime *rt)
{
	while (weft__idle_wake_one(rt))
		;
}

void weft__idle_wake_worker(struct worker *w)
{
	if (load_seq(&w->rt->idle.sleepers) && unlist(&w->rt->idle, w)) /* D2 */
		wake_unlisted(&w->rt->idle, w);
}

void weft__idle_timer_armed(struct weft_runtime *rt, int64_t deadline)
{
	struct idle *idle = &rt->idle;
	struct worker *w = NULL;

	if (load_seq(&idle->sleepers) == 0 ||                   /* D2 */
	    deadline >= load_seq(&idle->timed_until))           /* D2 */
		return;
	/* The timed sleeper would oversleep, or nobody has the duty: wake the
	 * one (or any), whose last look will find the new earliest. */
	spin_lock(&idle->lock);
	if (deadline < load_seq(&idle->timed_until))            /* D2 */
		w = pop_duty_locked(idle);
	spin_unlock(&idle->lock);
	if (w)
		wake_unlisted(idle, w);
}

/* --- searching and sleeping --------------------------------------------------- */

bool weft__idle_search_begin(struct worker *w)
{
	struct idle *idle = &w->rt->idle;
	uint32_t busy = load_rlx(&w->rt->active) - load_rlx(&idle->sleepers);

	if (w->sleep.searching)
		return true;
	/* At most half the busy workers search, and one always may. */
	if (2 * load_rlx(&idle->searchers) >= busy)
		return false;
	w->sleep.searching = true;
	add_seq(&idle->searchers, 1);                           /* D1 */
	return true;
}

void weft__idle_search_found(struct worker *w)
{
	struct weft_runtime *rt = w->rt;

	if (!w->sleep.searching)
		return;
	w->sleep.searching = false;
	if (sub_seq(&rt->idle.searchers, 1) == 1 &&             /* D1 */
	    load_seq(&rt->idle.sleepers) != 0 &&                /* D2 */
	    weft__work_in_sight(rt))                            /* S3 */
		weft__idle_wake_slow(rt);
}

bool weft__idle_duty_due(struct weft_runtime *rt, int64_t by)
{
	struct idle *idle = &rt->idle;
	int64_t first;

	if (load_seq(&idle->sleepers) == 0)                     /* D2 */
		return false;
	first = weft__timers_first(rt);
	return first < by && first < load_seq(&idle->timed_until); /* D2 */
}

void weft__idle_duty_pass(struct worker *w)
{
	w->sleep.duty = false;
	if (weft__idle_duty_due(w->rt, weft__os_now() + DUTY_NEAR_NS))
		weft__idle_wake_one(w->rt);                     /* S7 */
}

void weft__idle_poller_opened(struct weft_runtime *rt)
{
	struct idle *idle = &rt->idle;
	struct worker *w;

	spin_lock(&idle->lock);
	w = pop_duty_locked(idle);
	spin_unlock(&idle->lock);
	if (w)
		wake_unlisted(idle, w);
}

/* Got up a little before `until`: awake for the rest of the time, and for
 * whatever else comes. */
static void watch(struct worker *w, int64_t until)
{
	while (weft__os_now() < until && !load_rlx(&w->attention) &&
	       injectq_empty(&w->pinned) && !weft__work_in_sight(w->rt))
		for (unsigned i = 0; i < 8; i++)
			weft__arch_pause();
}

/* Until the token comes, or until this worker gets up by itself, at `wake`. */
static void sleep_on_futex(struct worker *w, int64_t wake, int64_t until)
{
	while (!load_acq(&w->sleep.token)) {                    /* T1 */
		if (weft__os_futex_wait(&w->sleep.token, 0, wake) &&
		    unlist(&w->rt->idle, w)) {
			watch(w, until);
			break;
		}
	}
}

/* The same in the poller (S8); also until there are events. */
static void sleep_in_poller(struct worker *w, int64_t wake, int64_t until)
{
	struct poll_event ev[WATCH_BATCH];
	int n = 0;

	while (!load_acq(&w->sleep.token)) {                    /* T1 */
		n = weft__watch_sleep(w, ev, wake);
		if (n == 0 && weft__os_now() < wake)
			continue;
		if (unlist(&w->rt->idle, w)) {
			weft__watch_deliver(w, ev, n);
			if (n == 0)
				watch(w, until);
			return;
		}
		break;
	}
	/* Popped: the token is here or on its way, and the kick ends somebody's
	 * next wait. */
	while (!load_acq(&w->sleep.token))                      /* T1 */
		weft__os_yield();
	weft__watch_deliver(w, ev, n);
}

bool weft__idle_lie_down(struct worker *w)
{
	struct weft_runtime *rt = w->rt;
	struct idle *idle = &rt->idle;
	int64_t first = weft__duty_first(rt);
	bool late;

	store_rlx(&w->sleep.token, 0);
	spin_lock(&idle->lock);
	push_locked(idle, w, first);
	w->sleep.until = idle->timed == w ? first : INT64_MAX;
	w->sleep.in_poller = idle->timed == w && watch_open(&rt->watch); /* S8 */
	w->sleep.duty = w->sleep.until < WATCH_DUTY;
	if (w->sleep.searching) {
		w->sleep.searching = false;
		sub_seq(&idle->searchers, 1);                   /* D1 */
	}
	spin_unlock(&idle->lock);

	/* The last look: whoever published before D1 above is seen here, who
	 * publishes after it sees us.  A timer armed meanwhile that nobody
	 * else has the duty for counts as work. */
	late = weft__duty_first(rt) < load_seq(&idle->timed_until); /* D2 */
	if ((late || load_seq(&w->attention) ||                 /* A1 */
	     !injectq_empty_seq(&w->pinned) ||
	     weft__work_in_sight(rt)) && unlist(idle, w)) {
		/* Its publisher may have relied on us as a searcher: S3. */
		w->sleep.searching = true;
		add_seq(&idle->searchers, 1);                   /* D1 */
		return false;
	}
	weft__runtime_quiet(rt);
	return true;
}

void weft__idle_get_up(struct worker *w)
{
	if (unlist(&w->rt->idle, w))
		return;
	while (!load_acq(&w->sleep.token))                      /* T1 */
		weft__os_yield();
}

void weft__idle_sleep(struct worker *w)
{
	int64_t until, wake;

	if (!weft__idle_lie_down(w))
		return;
	until = w->sleep.until;
	wake = until < WATCH_DUTY && until > EARLY_NS ? until - EARLY_NS
						      : until;
	if (w->sleep.in_poller)
		sleep_in_poller(w, wake, until);
	else
		sleep_on_futex(w, wake, until);
	store_rlx(&w->tick, weft__os_now());    /* the monitor slept, too */
}
