/* sched/blocking.c - weft_blocking: a thread blocks, the routine parks.
 *
 * Place in the life of a routine:  park -> [ pool thread runs fn ] -> ready
 *
 * A thread per waiting call is what calls need that wait for one another, and
 * waste for short ones, which one thread does faster than the next is made.  So
 * a call that finds no idle thread is queued, and the keeper, a thread that runs
 * no calls, adds threads once it has waited for GROW_NS.
 *
 * Invariants
 *   B1  a job lives on its routine's stack; it is in `jobs`, or run by one
 *       thread, or done.  Who takes it out of `jobs` under the lock runs it.
 *   B2  a job reaches `jobs` only after its routine is saved (commit).
 *   B3  while jobs are queued and more threads allowed, each of these jobs has
 *       a thread coming, or the keeper watches: whatever the calls in progress
 *       wait for, GROW_NS later there are more threads, a quarter more each
 *       time.  Where no keeper can be made a thread is made at once.
 *   B4  a job is pending until its routine was readied; who waits for rest is
 *       told when the last one is not any more.
 *   B5  commit runs on the worker's own stack: making a thread takes 4 KB.
 *   B6  idle threads are woken last in first out, so those that a lower load
 *       does not need stay idle; they leave after IDLE_NS, down to min.  Up to
 *       min threads are made at once.  The keeper leaves as the others do.
 *   B7  an early job may wait for ever.  While it is run it is in `early`, and
 *       who wants its end tells it, and its thread by a signal, until it is done;
 *       done by who has given it up, it does not ready its routine.
 *   B8  who leaves is joined by the next that leaves, the last by who stops the
 *       pool: when that returns, none is about to end.  (What other libraries do
 *       at a thread's end, they may not do at the process's.)
 *
 * Pthread mutexes and conditions, since these threads may sleep: the ordering
 * is theirs.
 */
#include "sched/blocking.h"
#include "sched/cancel.h"
#include "sched/park_call.h"
#include "sched/runtime.h"

#include <time.h>
#include <weft/routine.h>

enum { DEFAULT_MAX = 256 };
#define IDLE_NS INT64_C(2000000000)
#define GROW_NS INT64_C(200000)
/* Between two signals to a call that is to end: from, to. */
#define TELL_NS INT64_C(20000)
#define TELL_MAX_NS INT64_C(1000000000)

struct job {
	struct link link;               /* in jobs, B1, or early, B7 */
	struct wait wait;
	struct blocking_pool *pool;
	int64_t since;                  /* when it was queued */
	void *(*fn)(void *);
	void *arg, *result;
	_Atomic uint32_t *told;         /* B7; NULL: not an early one */
	pthread_t thread;               /* lock: begun */
	bool begun, done, given_up;     /* lock, B7 */
};

/* On its thread's stack. */
struct idler {
	struct link link;
	pthread_cond_t wake;
	bool woken;                     /* lock: unlisted, a job waits */
};

static void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

/* False: that time has come. */
static bool sleep_locked(struct blocking_pool *p, pthread_cond_t *c, int64_t ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	return pthread_cond_timedwait(c, &p->lock, &until) != ETIMEDOUT;
}

/* --- threads that run calls --------------------------------------------------- */

static void run_job(struct job *j)
{
	j->result = j->fn(j->arg);
	weft__ready(NULL, &j->wait);
}

/* B7 */
static void run_early_locked(struct blocking_pool *p, struct job *j)
{
	bool claimed;

	j->begun = true;
	j->thread = pthread_self();
	list_push(&p->early, &j->link);
	pthread_mutex_unlock(&p->lock);
	weft__os_interruptible(true);
	j->result = j->fn(j->arg);
	pthread_mutex_lock(&p->lock);
	list_remove(&j->link);
	weft__os_interruptible(false);  /* nobody tells it any more */
	claimed = !j->given_up && wait_claim(&j->wait);
	j->done = true;
	pthread_mutex_unlock(&p->lock);
	if (claimed)
		weft__ready(NULL, &j->wait);
	pthread_mutex_lock(&p->lock);
}

static void tell(struct job *j)
{
	store_rlx(j->told, 1);
	(void)weft__os_interrupt(j->thread);
}

/* Real-time signals pile up where a call cannot be ended. */
static int64_t tell_later(int64_t ns)
{
	return ns < TELL_MAX_NS / 2 ? 2 * ns : TELL_MAX_NS;
}

static void take_locked(struct blocking_pool *p, struct link *l)
{
	struct job *j = container_of(l, struct job, link);

	p->queued--;
	if (j->told) {
		run_early_locked(p, j);
	} else {
		pthread_mutex_unlock(&p->lock);
		run_job(j);
		pthread_mutex_lock(&p->lock);
	}
	/* Its routine may be done, and everybody asleep: B4. */
	if (--p->pending == 0)
		weft__runtime_quiet(container_of(p, struct weft_runtime,
						 blocking));
}

/* Sleep for work.  False: nothing came for long enough. */
static bool idle_locked(struct blocking_pool *p, struct idler *me)
{
	int64_t until = weft__os_now() + IDLE_NS;
	bool late = false;

	me->woken = false;
	list_push(&p->idle, &me->link);
	while (!me->woken && !p->stopping && (!late || p->threads <= p->min))
		late = !sleep_locked(p, &me->wake, until +
				     (late ? INT64_C(1000000000000) : 0));
	list_remove(&me->link);
	p->coming -= me->woken;
	return me->woken;
}

/* B8; unlocks. */
static void leave_locked(struct blocking_pool *p)
{
	pthread_t before = p->left;
	bool any = p->any_left;

	p->left = pthread_self();
	p->any_left = true;
	pthread_cond_broadcast(&p->gone);
	pthread_mutex_unlock(&p->lock);
	if (any)
		weft__os_thread_join(before);
}

static void *pool_thread(void *arg)
{
	struct blocking_pool *p = arg;
	struct idler me = { .woken = false };

	weft__plain_ours();
	cond_init(&me.wake);
	pthread_mutex_lock(&p->lock);
	p->coming--;
	for (;;) {
		struct link *l = p->stopping ? NULL : list_pop(&p->jobs);

		if (l)
			take_locked(p, l);
		else if (p->stopping || !idle_locked(p, &me))
			break;
	}
	pthread_cond_destroy(&me.wake);
	p->threads--;
	leave_locked(p);
	return NULL;
}

static int thread_add_locked(struct blocking_pool *p)
{
	pthread_t t;
	int err = weft__os_thread_start(&t, "weft-blocking", pool_thread, p);

	if (err)
		return err;
	p->coming++;
	if (++p->threads > p->peak)
		p->peak = p->threads;
	return 0;
}

/* --- the keeper ----------------------------------------------------------------- */

/* Jobs that no thread is coming for. */
static bool short_locked(struct blocking_pool *p)
{
	return p->queued > p->coming && p->threads < p->max;
}

/* B3: a quarter more, at least one, no more than there are jobs for. */
static void grow_locked(struct blocking_pool *p)
{
	unsigned n = p->threads / 4 + 1;

	while (n-- && short_locked(p))
		if (thread_add_locked(p))
			return;
}

/* False: nobody needed it for long enough. */
static bool keeper_rest_locked(struct blocking_pool *p)
{
	int64_t until = weft__os_now() + IDLE_NS;
	bool late = false;

	p->keeper = KEEPER_ASLEEP;
	while (p->keeper == KEEPER_ASLEEP && !p->stopping && !late)
		late = !sleep_locked(p, &p->overdue, until);
	return p->keeper == KEEPER_WATCHING;
}

static void *keeper_thread(void *arg)
{
	struct blocking_pool *p = arg;
	int64_t look = 0;

	weft__os_thread_precise();
	pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		int64_t due;

		if (!short_locked(p)) {
			if (!keeper_rest_locked(p))
				break;
			continue;
		}
		due = container_of(p->jobs.head, struct job, link)->since +
		      GROW_NS;
		if (due < look)
			due = look;     /* the last ones made may yet begin */
		if (weft__os_now() < due) {
			sleep_locked(p, &p->overdue, due);
			continue;
		}
		grow_locked(p);
		look = weft__os_now() + GROW_NS;
	}
	p->keeper = KEEPER_ABSENT;
	leave_locked(p);
	return NULL;
}

static int keeper_call_locked(struct blocking_pool *p)
{
	pthread_t t;
	int err;

	if (p->keeper == KEEPER_ASLEEP)
		pthread_cond_signal(&p->overdue);
	else if (p->keeper == KEEPER_ABSENT) {
		err = weft__os_thread_start(&t, "weft-keeper", keeper_thread, p);
		if (err)
			return err;
	}
	p->keeper = KEEPER_WATCHING;
	return 0;
}

/* --- jobs ------------------------------------------------------------------------- */

/* B3, for a job just queued.  Failing is no harm while a thread serves. */
static int stir_locked(struct blocking_pool *p)
{
	if (p->queued <= p->coming)
		return 0;
	if (!list_empty(&p->idle)) {
		struct idler *t = container_of(p->idle.tail, struct idler, link);

		list_remove(&t->link);
		t->woken = true;
		p->coming++;
		pthread_cond_signal(&t->wake);
		return 0;
	}
	if (p->threads >= p->max)
		return 0;
	if (p->threads && p->threads >= p->min && !keeper_call_locked(p))
		return 0;
	return thread_add_locked(p);
}

static void commit_job(struct worker *w, struct routine *me, void *arg)
{
	struct job *j = arg;
	struct blocking_pool *p = j->pool;
	bool over;
	int err;

	(void)me;
	j->since = weft__os_now();
	pthread_mutex_lock(&p->lock);
	list_push(&p->jobs, &j->link);                              /* B2 */
	p->queued++;
	err = stir_locked(p);
	if (err && !p->threads) {
		list_remove(&j->link);
		p->queued--;
		pthread_mutex_unlock(&p->lock);
		j->wait.result = err;
		weft__ready(w, &j->wait);
		return;
	}
	p->pending++;
	over = weft__wait_open(w, &j->wait);
	pthread_mutex_unlock(&p->lock);
	if (over)
		weft__ready(w, &j->wait);
}

/* Only jobs that no thread has begun are left when this is called. */
static bool withdraw_job(struct wait *wt)
{
	struct job *j = container_of(wt, struct job, wait);
	bool was;

	pthread_mutex_lock(&j->pool->lock);
	was = j->link.list != NULL;
	if (was)
		j->pool->queued--;
	list_remove(&j->link);
	pthread_mutex_unlock(&j->pool->lock);
	return was;
}

/* Its wait is set; parks. */
static void queue_job(struct job *j, struct worker *w)
{
	j->pool = &w->rt->blocking;
	j->wait.withdraw = withdraw_job;
	w->current->wait = &j->wait;
	weft__park_call_loop(w, commit_job, j, PARK_BLOCKING);      /* B5 */
}

int weft_blocking(void *(*fn)(void *), void *arg, void **result)
{
	struct worker *w = weft__worker();
	struct job j = { .fn = fn, .arg = arg };

	if (!fn)
		return -EINVAL;
	if (weft__cancelled(w))
		return -ECANCELED;
	if (!w) {
		j.result = fn(arg);     /* a plain thread is its own pool */
	} else {
		wait_init_steady(&j.wait, w->current);
		queue_job(&j, w);
		if (j.wait.result < 0)
			return j.wait.result;
	}
	if (result)
		*result = j.result;
	return 0;
}

/* --- early jobs ------------------------------------------------------------------- */

static bool withdraw_nap(struct wait *wt)
{
	(void)wt;
	return true;            /* it is in no object */
}

static void nap(struct worker *w, int64_t ns)
{
	struct wait wt;

	wait_init(&wt, w->current, weft__os_now() + ns);
	wt.withdraw = withdraw_nap;
	weft__park(w, &wt, NULL, PARK_BLOCKING);
}

/* Cancelled: a call that has begun is told until it ends, one that has not begun
 * never does.  False: that. */
static bool give_up(struct job *j)
{
	struct blocking_pool *p = j->pool;
	struct routine *r = j->wait.routine;
	int64_t ns = TELL_NS;
	bool done;

	pthread_mutex_lock(&p->lock);
	j->given_up = true;
	if (!j->begun) {
		list_remove(&j->link);
		p->queued--;
		p->pending--;
		pthread_mutex_unlock(&p->lock);
		return false;
	}
	pthread_mutex_unlock(&p->lock);
	weft__cancel_lock_own(r);
	weft__cancel_bits(r, CANCEL_SHIELD, 0);
	weft__cancel_unlock(r);
	for (;;) {
		pthread_mutex_lock(&p->lock);
		done = j->done;
		if (!done)
			tell(j);
		pthread_mutex_unlock(&p->lock);
		if (done)
			break;
		nap(weft__worker(), ns);
		ns = tell_later(ns);
	}
	weft__cancel_lock_own(r);
	weft__cancel_bits(r, 0, CANCEL_SHIELD);
	weft__cancel_unlock(r);
	return true;
}

int weft__blocking_early(void *(*fn)(void *), void *arg, _Atomic uint32_t *told)
{
	struct worker *w = weft__worker();
	struct job j = { .fn = fn, .arg = arg, .told = told };

	wait_init(&j.wait, w->current, INT64_MAX);
	queue_job(&j, w);
	if (j.wait.shared)
		weft__wait_back(&j.wait);
	if (j.wait.result == -ECANCELED)
		return give_up(&j) ? 0 : -ECANCELED;
	return j.wait.result;
}

/* --- life ------------------------------------------------------------------- */

int weft__blocking_init(struct weft_runtime *rt)
{
	struct blocking_pool *p = &rt->blocking;

	p->min = rt->config.blocking_min;
	p->max = rt->config.blocking_max ? rt->config.blocking_max : DEFAULT_MAX;
	if (p->min > p->max)
		return -EINVAL;
	pthread_mutex_init(&p->lock, NULL);
	cond_init(&p->overdue);
	cond_init(&p->gone);
	return 0;
}

void weft__blocking_fini(struct weft_runtime *rt)
{
	struct blocking_pool *p = &rt->blocking;
	int64_t ns = TELL_NS;

	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_signal(&p->overdue);
	for (struct link *l = p->idle.head; l; l = l->next)
		pthread_cond_signal(&container_of(l, struct idler, link)->wake);
	while (p->threads || p->keeper != KEEPER_ABSENT) {
		for (struct link *l = p->early.head; l; l = l->next)
			tell(container_of(l, struct job, link));    /* B7 */
		if (list_empty(&p->early))
			pthread_cond_wait(&p->gone, &p->lock);
		else
			sleep_locked(p, &p->gone, weft__os_now() + ns);
		ns = tell_later(ns);
	}
	pthread_mutex_unlock(&p->lock);
	if (p->any_left)
		weft__os_thread_join(p->left);                      /* B8 */
	pthread_cond_destroy(&p->overdue);
	pthread_cond_destroy(&p->gone);
}

unsigned weft__blocking_hold(struct weft_runtime *rt)
{
	pthread_mutex_lock(&rt->blocking.lock);
	return rt->blocking.pending;
}

void weft__blocking_release(struct weft_runtime *rt)
{
	pthread_mutex_unlock(&rt->blocking.lock);
}
