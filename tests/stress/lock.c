/* stress/lock.c - mutex, rwlock and cond under everything at once.
 *
 * Each round draws a shape: workers, parties (routines and plain threads), how
 * they hold and how they wait, whether some are cancelled.  What a lock guards
 * is never seen half done, what goes through a cond arrives once, an object
 * may be freed by its last user at once, and an object that outlives a run
 * whose routines were waiting for it is free in the next.
 */
#include "stress.h"

#include "support/counted.h"

#include <errno.h>

enum { PARTIES_MAX = 12, OPS = 400 };

struct shape {
	unsigned workers, routines, threads;
	unsigned hold;          /* 0 never gives way while holding; else 1 in n */
	unsigned writers;       /* of 16 operations on the rwlock */
	bool deadlines, cancels;
};

struct round {
	struct shape s;
	weft_mutex m;
	weft_rwlock l;
	uint64_t m_ops, m_copy;                 /* m */
	uint64_t l_ops, l_copy;                 /* l */
	_Atomic uint64_t locked, read, written;
	_Atomic int reading, writing;

	weft_mutex q;
	weft_cond full, empty;
	unsigned queued;                        /* q, 0 to 3 */
	_Atomic uint64_t put, taken;
	weft_waitgroup all;
};

struct party {
	struct round *r;
	struct rng rng;
	pthread_t thread;
	weft_id id;
	bool puts;
};

static weft_time soon(struct party *p)
{
	switch (rng_below(&p->rng, 4)) {
	case 0: return WEFT_NOWAIT;
	case 1: return weft_now() - 5;
	default: return weft_in(rng_below(&p->rng, 60) * WEFT_US);
	}
}

/* Errors that say "not now"; a cancelled party gets nothing else. */
static bool refused(int err)
{
	if (err && err != -EAGAIN && err != -ETIMEDOUT && err != -ECANCELED)
		stress_fail("%s", weft_strerror(err));
	return err;
}

static void linger(struct party *p)
{
	unsigned hold = p->r->s.hold;

	if (!hold || rng_below(&p->rng, hold))
		return;
	if (rng_below(&p->rng, 8))
		weft_yield();
	else
		weft_sleep(rng_below(&p->rng, 20) * WEFT_US);
}

/* --- mutex -------------------------------------------------------------------- */

static bool mutex_get(struct party *p)
{
	weft_mutex *m = &p->r->m;

	switch (rng_below(&p->rng, p->r->s.deadlines ? 6 : 2)) {
	case 2: return !refused(weft_mutex_trylock(m));
	case 3:
	case 4: return !refused(weft_mutex_lock_until(m, soon(p)));
	default: weft_mutex_lock(m); return true;
	}
}

static void mutex_op(struct party *p)
{
	struct round *r = p->r;

	if (!mutex_get(p))
		return;
	if (r->m_ops != r->m_copy)
		stress_fail("two hold the mutex");
	r->m_ops++;
	linger(p);
	r->m_copy++;
	r->locked++;
	weft_mutex_unlock(&r->m);
}

/* --- rwlock ------------------------------------------------------------------- */

static bool rwlock_get(struct party *p, bool write)
{
	weft_rwlock *l = &p->r->l;

	switch (rng_below(&p->rng, p->r->s.deadlines ? 6 : 2)) {
	case 2:
		return !refused(write ? weft_rwlock_try_lock(l)
				      : weft_rwlock_try_rlock(l));
	case 3:
	case 4:
		return !refused(write ? weft_rwlock_lock_until(l, soon(p))
				      : weft_rwlock_rlock_until(l, soon(p)));
	default:
		if (write)
			weft_rwlock_lock(l);
		else
			weft_rwlock_rlock(l);
		return true;
	}
}

static void rwlock_op(struct party *p)
{
	struct round *r = p->r;
	bool write = rng_below(&p->rng, 16) < r->s.writers;

	if (!rwlock_get(p, write))
		return;
	if (write) {
		if (r->writing++ || r->reading)
			stress_fail("a writer is not alone");
		r->l_ops++;
		linger(p);
		r->l_copy++;
		r->written++;
		r->writing--;
		weft_rwlock_unlock(&r->l);
		return;
	}
	r->reading++;
	if (r->writing || r->l_ops != r->l_copy)
		stress_fail("a reader reads what is being written");
	linger(p);
	if (r->writing || r->l_ops != r->l_copy)
		stress_fail("somebody writes while somebody reads");
	r->read++;
	r->reading--;
	weft_rwlock_runlock(&r->l);
}

/* --- cond ----------------------------------------------------------------------- */

static void cond_for(struct party *p, weft_cond *c)
{
	struct round *r = p->r;

	if (r->s.deadlines && !rng_below(&p->rng, 3))
		refused(weft_cond_wait_until(c, &r->q, soon(p)));
	else if (weft_cond_wait(c, &r->q))
		stress_fail("a wait ended without a signal");
}

static void cond_op(struct party *p)
{
	struct round *r = p->r;
	weft_cond *mine = p->puts ? &r->empty : &r->full;
	weft_cond *other = p->puts ? &r->full : &r->empty;
	bool early = rng_below(&p->rng, 2);

	weft_mutex_lock(&r->q);
	while (r->queued == (p->puts ? 3 : 0))
		cond_for(p, mine);
	if (r->queued > 3)
		stress_fail("%u are queued", r->queued);
	if (p->puts) {
		r->queued++;
		r->put++;
	} else {
		r->queued--;
		r->taken++;
	}
	if (early)
		weft_cond_signal(other);
	weft_mutex_unlock(&r->q);
	if (!early)
		weft_cond_signal(other);
}

/* --- one round -------------------------------------------------------------------- */

static void work(struct party *p)
{
	bool conds = !p->r->s.cancels;

	for (unsigned i = 0; i < OPS; i++) {
		mutex_op(p);
		rwlock_op(p);
		if (conds)      /* each puts and takes OPS times in all */
			cond_op(p);
	}
	weft_waitgroup_done(&p->r->all);
}

static int party_routine(void *arg)
{
	work(arg);
	return 0;
}

static void *party_thread(void *arg)
{
	work(arg);
	return NULL;
}

static int play(void *arg)
{
	static struct party party[PARTIES_MAX + 1];
	struct round *r = arg;
	unsigned n = r->s.routines + r->s.threads;
	struct rng rng = { r->s.workers ^ weft_now() };
	uint64_t done = 0, was;

	weft_waitgroup_add(&r->all, (long)n);
	for (unsigned i = 0; i < n; i++) {
		party[i] = (struct party){
			.r = r, .rng = { rng_next(&rng) }, .puts = i % 2,
		};
		if (i >= r->s.routines) {
			if (pthread_create(&party[i].thread, NULL, party_thread,
					   &party[i]))
				stress_fail("no thread");
		} else if (weft_spawn(&party[i].id, NULL, party_routine,
				      &party[i])) {
			stress_fail("no routine");
		}
	}
	if (r->s.cancels)
		for (unsigned i = 0; i < r->s.routines; i += 2) {
			weft_yield();
			(void)weft_cancel(party[i].id); /* it may have ended */
		}
	while (weft_waitgroup_wait_until(&r->all, weft_in(20 * WEFT_S))) {
		was = done;
		done = r->locked + r->read + r->written + r->put + r->taken;
		if (done > was)
			continue;
		stress_fail("somebody waits for ever: mutex %#" PRIx64
			    ", rwlock %#" PRIx64 " %#" PRIx64 " %p, cond %#" PRIx64
			    " %#" PRIx64 " %#" PRIx64 ", %u queued",
			    r->m.weft__word, r->l.weft__state,
			    r->l.weft__gate, r->l.weft__waiters,
			    r->q.weft__word, r->full.weft__word,
			    r->empty.weft__word, r->queued);
	}
	for (unsigned i = 0; i < n; i++)
		if (i >= r->s.routines)
			pthread_join(party[i].thread, NULL);
		else if (weft_join(party[i].id, NULL))
			stress_fail("no join");
	if (r->m_ops != r->locked || r->l_ops != r->written ||
	    r->put - r->taken != r->queued)
		stress_fail("something was lost");
	if (weft_mutex_trylock(&r->m) || weft_rwlock_try_lock(&r->l))
		stress_fail("a lock is not free at the end");
	return 0;
}

static void mixed(struct rng *rng)
{
	static const unsigned workers[] = { 1, 2, 4, 10 };
	struct round *r = calloc(1, sizeof *r);
	weft_config c;

	r->s = (struct shape){
		.workers = workers[rng_below(rng, 4)],
		.routines = 2 * (1 + rng_below(rng, 4)),
		.threads = 2 * rng_below(rng, 3),
		.hold = rng_below(rng, 3) ? 1 + rng_below(rng, 32) : 0,
		.writers = rng_below(rng, 3) ? 1 : 8,
		.deadlines = rng_below(rng, 2), .cancels = !rng_below(rng, 4),
	};
	if (getenv("WEFT_STRESS_VERBOSE"))
		printf("workers %u routines %u threads %u hold %u writers %u "
		       "deadlines %d cancels %d\n", r->s.workers, r->s.routines,
		       r->s.threads, r->s.hold, r->s.writers, r->s.deadlines,
		       r->s.cancels);
	weft_config_init(&c);
	c.workers = r->s.workers;
	/* A plain thread that has not begun yet is no sign of hope to it. */
	c.on_deadlock = WEFT_DEADLOCK_IGNORE;
	if (weft_run_config(&c, play, r))
		stress_fail("the run failed");
	memset(r, 0xff, sizeof *r);
	free(r);
}

/* --- objects that go with their last user -------------------------------------------- */

static int frames(void *arg)
{
	(void)arg;
	for (unsigned lap = 0; lap < 300; lap++)
		if (last_one_frees(1, lap % 2 ? rwlock_less : mutex_less))
			stress_fail("no routine");
	return 0;
}

/* --- objects that outlive a run ------------------------------------------------------ */

static weft_mutex left_m, left_q;
static weft_rwlock left_l;
static weft_cond left_c;

static void wait_for_them(void *arg)
{
	switch ((uintptr_t)arg % 4) {
	case 0:
		weft_mutex_lock(&left_m);
		weft_mutex_unlock(&left_m);
		return;
	case 1:
		weft_rwlock_rlock(&left_l);
		weft_rwlock_runlock(&left_l);
		return;
	case 2:
		weft_rwlock_lock(&left_l);
		weft_rwlock_unlock(&left_l);
		return;
	default:
		weft_mutex_lock(&left_q);
		weft_cond_wait(&left_c, &left_q);
		weft_mutex_unlock(&left_q);
	}
}

static int abandon(void *arg)
{
	struct rng *rng = arg;

	weft_mutex_lock(&left_m);
	weft_rwlock_lock(&left_l);
	for (uintptr_t i = 0; i < 12; i++)
		if (weft_go(wait_for_them, (void *)i))
			stress_fail("no routine");
	for (unsigned n = rng_below(rng, 40); n; n--)
		weft_yield();
	weft_mutex_lock(&left_q);
	if (rng_below(rng, 2))
		weft_cond_broadcast(&left_c);
	else
		weft_cond_signal(&left_c);
	weft_mutex_unlock(&left_q);
	weft_mutex_unlock(&left_m);
	weft_rwlock_unlock(&left_l);
	for (unsigned n = rng_below(rng, 4); n; n--)
		weft_yield();
	return 0;
}

static int find_free(void *arg)
{
	weft_time t = weft_in(20 * WEFT_S);

	(void)arg;
	if (weft_mutex_lock_until(&left_m, t) ||
	    weft_mutex_lock_until(&left_q, t) ||
	    weft_rwlock_lock_until(&left_l, t))
		stress_fail("a lock was left locked");
	weft_mutex_unlock(&left_m);
	weft_mutex_unlock(&left_q);
	weft_rwlock_unlock(&left_l);
	if (left_m.weft__word || left_q.weft__word || left_l.weft__state ||
	    left_c.weft__word)
		stress_fail("somebody was left in a list");
	return 0;
}

static void run(unsigned workers, int (*fn)(void *), void *arg)
{
	MUST(!stress_run(workers, fn, arg), "the run failed");
}

int main(void)
{
	uint64_t seed = stress_seed(), rounds = 0;
	weft_time end = stress_end(3);
	struct rng rng = { seed };

	stress_current_seed = seed;
	setvbuf(stdout, NULL, _IOLBF, 0);
	do {
		mixed(&rng);
		run(1 + rng_below(&rng, 4), frames, NULL);
		run(1 + rng_below(&rng, 4), abandon, &rng);
		run(1 + rng_below(&rng, 2), find_free, NULL);
		rounds++;
	} while (weft_now() < end);
	printf("seed=%" PRIu64 " rounds=%" PRIu64 "\n", seed, rounds);
	return 0;
}
