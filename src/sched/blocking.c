/* sched/blocking.c - weft_blocking: a thread blocks, the routine parks.
 *
 * Place in the life of a routine:  park -> [ pool thread runs fn ] -> ready
 *
 * Invariants
 *   B1  a job lives on its routine's stack; it is in `jobs`, or run by one
 *       thread, or done.  Who takes it out of `jobs` under the lock runs it.
 *   B2  a job reaches `jobs` only after its routine is saved (commit).
 *   B3  a thread is made when a job finds none idle that is not meant for an
 *       earlier job, up to max: calls may wait for each other; a thread leaves
 *       after IDLE_NS without work, down to min.
 *   B4  a job is pending until its routine was readied; who waits for rest is
 *       told when the last one is not any more.
 *   B5  commit runs on the worker's own stack: making a thread takes 4 KB.
 *
 * A pthread mutex and condition, since these threads may sleep: the ordering
 * is theirs.
 */
#include "sched/blocking.h"
#include "sched/park_call.h"
#include "sched/runtime.h"

#include <time.h>
#include <weft/routine.h>

enum { DEFAULT_MAX = 256 };
#define IDLE_NS INT64_C(2000000000)

struct job {
	struct link link;
	struct wait wait;
	struct blocking_pool *pool;
	void *(*fn)(void *);
	void *arg, *result;
};

static void run_job(struct job *j)
{
	j->result = j->fn(j->arg);
	weft__ready(NULL, &j->wait);
}

/* Sleep for work.  False: nothing came for long enough. */
static bool wait_work_locked(struct blocking_pool *p)
{
	struct timespec until;
	int64_t ns = weft__os_now() + IDLE_NS;
	int err = 0;

	until.tv_sec = (time_t)(ns / 1000000000);
	until.tv_nsec = (long)(ns % 1000000000);
	p->idle++;
	while (list_empty(&p->jobs) && !p->stopping && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&p->work, &p->lock, &until);
	p->idle--;
	return !list_empty(&p->jobs) || p->threads <= p->min;
}

static void *pool_thread(void *arg)
{
	struct blocking_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct link *l = p->stopping ? NULL : list_pop(&p->jobs);

		if (l) {
			p->queued--;
			pthread_mutex_unlock(&p->lock);
			run_job(container_of(l, struct job, link));
			pthread_mutex_lock(&p->lock);
			/* Its routine may be done, and everybody asleep: B4. */
			if (--p->pending == 0)
				weft__runtime_quiet(container_of(p,
					struct weft_runtime, blocking));
		} else if (p->stopping || !wait_work_locked(p)) {
			break;
		}
	}
	p->threads--;
	pthread_cond_broadcast(&p->gone);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* B3.  Failing is no harm while at least one thread serves. */
static int thread_add_locked(struct blocking_pool *p)
{
	pthread_t t;
	int err = weft__os_thread_start(&t, "weft-blocking", pool_thread, p);

	if (!err) {
		pthread_detach(t);
		p->threads++;
	}
	return err;
}

static void commit_job(struct worker *w, struct routine *me, void *arg)
{
	struct job *j = arg;
	struct blocking_pool *p = j->pool;
	int err = 0;

	(void)me;
	pthread_mutex_lock(&p->lock);
	if (p->idle <= p->queued && p->threads < p->max)
		err = thread_add_locked(p);
	if (err && !p->threads) {
		pthread_mutex_unlock(&p->lock);
		j->wait.result = err;
		weft__ready(w, &j->wait);
		return;
	}
	list_push(&p->jobs, &j->link);                              /* B2 */
	p->queued++;
	p->pending++;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
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
		j.pool = &w->rt->blocking;
		wait_init_steady(&j.wait, w->current);
		j.wait.withdraw = withdraw_job;
		w->current->wait = &j.wait;
		weft__park_call_loop(w, commit_job, &j, PARK_BLOCKING); /* B5 */
		if (j.wait.result < 0)
			return j.wait.result;
	}
	if (result)
		*result = j.result;
	return 0;
}

/* --- life ------------------------------------------------------------------- */

int weft__blocking_init(struct weft_runtime *rt)
{
	struct blocking_pool *p = &rt->blocking;
	pthread_condattr_t attr;

	p->min = rt->config.blocking_min;
	p->max = rt->config.blocking_max ? rt->config.blocking_max : DEFAULT_MAX;
	if (p->min > p->max)
		return -EINVAL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->work, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&p->gone, NULL);
	return 0;
}

void weft__blocking_fini(struct weft_runtime *rt)
{
	struct blocking_pool *p = &rt->blocking;

	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->work);
	while (p->threads)
		pthread_cond_wait(&p->gone, &p->lock);
	pthread_mutex_unlock(&p->lock);
	pthread_cond_destroy(&p->work);
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
