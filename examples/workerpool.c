/* workerpool - a pool bounded by a semaphore, and a caller who will not wait
 * for ever.
 *
 *	submit -> [ permits ] -> a routine per job -> release
 *
 * A routine costs next to nothing, so nobody keeps workers waiting for jobs:
 * each job gets its own, and the semaphore bounds what runs at a time.  Heavy
 * jobs take more permits than light ones, and none is overtaken for ever.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <weft.h>

enum { PERMITS = 4, JOBS = 20 };

struct pool {
	weft_sem permits;
	weft_waitgroup jobs;
	atomic_long in_use, most, done;
};

struct job {
	struct pool *pool;
	long weight;
	weft_latch *until;      /* stuck until this opens, or NULL */
};

static void work(void *arg)
{
	struct job *job = arg;
	struct pool *p = job->pool;
	long now = atomic_fetch_add(&p->in_use, job->weight) + job->weight;
	long most = p->most;

	while (now > most && !atomic_compare_exchange_weak(&p->most, &most, now))
		;
	if (job->until)
		weft_latch_wait(job->until);
	else
		weft_sleep(job->weight * WEFT_MS);
	p->in_use -= job->weight;
	p->done++;
	weft_sem_release(&p->permits, job->weight);
}

/* Start the job as soon as there is room; give up at the deadline. */
static int submit(struct job *job, weft_time deadline)
{
	struct pool *p = job->pool;
	int err = weft_sem_acquire_until(&p->permits, job->weight, deadline);

	if (err)
		return err;
	err = weft_waitgroup_go(&p->jobs, work, job);
	if (err)
		weft_sem_release(&p->permits, job->weight);
	return err;
}

static const char *said(int err)
{
	return err == 0 ? "started" : err == -EAGAIN ? "no room" :
	       err == -ETIMEDOUT ? "no room in time" : weft_strerror(err);
}

static int app(void *arg)
{
	struct pool pool = { .permits = WEFT_SEM_INIT(PERMITS) };
	weft_latch disk = WEFT_LATCH_INIT(1);
	struct job job[JOBS], stuck = { &pool, PERMITS - 1, &disk };
	struct job report = { &pool, 2, NULL };
	int err;

	(void)arg;
	for (int i = 0; i < JOBS; i++) {
		job[i] = (struct job){ &pool, 1 + i % 3, NULL };
		err = submit(&job[i], WEFT_FOREVER);
		if (err)
			return err;
	}
	weft_waitgroup_wait(&pool.jobs);
	printf("%ld jobs done, %s %d permits in use\n", pool.done,
	       pool.most <= PERMITS ? "at most" : "MORE THAN", PERMITS);

	/* One job hangs and holds most of the pool. */
	err = submit(&stuck, WEFT_FOREVER);
	if (err)
		return err;
	err = submit(&report, weft_in(20 * WEFT_MS));
	printf("report: %s\n", said(err));
	err = submit(&report, WEFT_NOWAIT);
	printf("report, at once: %s\n", said(err));

	weft_latch_count_down(&disk, 1);
	err = submit(&report, weft_in(100 * WEFT_S));
	printf("report, after the disk came back: %s\n", said(err));
	weft_waitgroup_wait(&pool.jobs);
	printf("%ld jobs done\n", pool.done);
	return 0;
}

int main(void)
{
	return weft_run(app, NULL) != 0;
}
