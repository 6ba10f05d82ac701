/* stress/cancel.c - a random tree of scopes, whose routines wait for everything
 * there is, is cancelled from all sides.
 *
 * Values go through channels of several capacities by plain calls, selects and
 * calls with deadlines, inside of shields and out.  After each lap nothing may
 * have been lost or doubled, no permit of a semaphore is missing, every lock is
 * free, and everybody has ended.
 */
#include "stress/stress.h"

enum { CHANS = 3, DEPTH = 4 };

struct lap {
	weft_chan *c[CHANS];
	atomic_long sent, received, sum;        /* of values that arrived */
	atomic_int routines;
	weft_mutex mutex;
	weft_rwlock rwlock;
	weft_cond cond;
	weft_sem sem;
	int inside;                             /* mutex */
	atomic_ullong seed;
};

static struct lap lap;

/* Some of those who run or ran, for a plain thread that cancels them. */
enum { KNOWN = 64 };
static _Atomic weft_id known[KNOWN];
static atomic_bool over;

static void put_sent(int err, long v)
{
	if (err)
		return;
	lap.sent++;
	lap.sum += v;
}

static void put_received(int err, long v)
{
	if (err)
		return;
	lap.received++;
	lap.sum -= v;
}

static void check_error(int err, const char *what)
{
	MUST(err == 0 || err == -ECANCELED || err == -ETIMEDOUT ||
	     err == -EAGAIN, "%s gave %d", what, err);
	/* What a cancel point said stays true outside of shields. */
	if (err == -ECANCELED)
		MUST(weft_cancelled() < 0, "%s was canceled by nobody", what);
}

static weft_time some_deadline(struct rng *r)
{
	return rng_below(r, 3) ? WEFT_FOREVER : weft_in(rng_below(r, 200000));
}

static void use_chan(struct rng *r)
{
	weft_chan *c = lap.c[rng_below(r, CHANS)];
	long v = (long)rng_below(r, 1000000);
	int err;

	if (rng_below(r, 2)) {
		err = weft_chan_send_until(c, &v, some_deadline(r));
		put_sent(err, v);
	} else {
		v = -1;
		err = weft_chan_recv_until(c, &v, some_deadline(r));
		MUST(err == 0 || v == -1, "receive wrote and failed");
		put_received(err, v);
	}
	check_error(err, "channel");
}

static void use_select(struct rng *r)
{
	long out = (long)rng_below(r, 1000000), in = -1;
	weft_case cases[] = {
		WEFT_RECV(lap.c[rng_below(r, CHANS)], &in),
		WEFT_SEND(lap.c[rng_below(r, CHANS)], &out),
	};
	int i = weft_select(cases, 2, some_deadline(r));

	MUST(i == 0 || in == -1, "select wrote and failed");
	if (i == 0)
		put_received(0, in);
	else if (i == 1)
		put_sent(0, out);
	check_error(i < 0 ? i : 0, "select");
}

static void use_mutex(struct rng *r)
{
	int err = weft_mutex_lock_until(&lap.mutex, some_deadline(r));

	check_error(err, "mutex");
	if (err)
		return;
	MUST(lap.inside++ == 0, "two hold the mutex");
	if (rng_below(r, 2)) {
		lap.inside--;
		err = weft_cond_wait_until(&lap.cond, &lap.mutex,
					   weft_in(rng_below(r, 100000)));
		check_error(err, "condition");
		MUST(lap.inside++ == 0, "a waiter is not alone");
	} else {
		weft_cond_signal(&lap.cond);
		weft_yield();
	}
	lap.inside--;
	weft_mutex_unlock(&lap.mutex);
}

static void use_sync(struct rng *r)
{
	long n = 1 + (long)rng_below(r, 3);
	int err;

	switch (rng_below(r, 3)) {
	case 0:
		err = weft_sem_acquire_until(&lap.sem, n, some_deadline(r));
		check_error(err, "semaphore");
		if (err)
			return;
		weft_yield();
		weft_sem_release(&lap.sem, n);
		break;
	case 1:
		err = weft_rwlock_lock_until(&lap.rwlock, some_deadline(r));
		check_error(err, "rwlock");
		if (!err)
			weft_rwlock_unlock(&lap.rwlock);
		break;
	default:
		err = weft_rwlock_rlock_until(&lap.rwlock, some_deadline(r));
		check_error(err, "rwlock");
		if (!err)
			weft_rwlock_runlock(&lap.rwlock);
	}
}

static void use_shield(struct rng *r)
{
	weft_shield_begin();
	MUST(weft_cancelled() == 0, "cancelled in a shield");
	MUST(weft_sleep(rng_below(r, 20000)) == 0, "sleep in a shield");
	weft_shield_end();
}

static int member(void *arg);

static int be_joined(void *arg)
{
	return weft_sleep((intptr_t)arg);
}

static void use_spawn(struct rng *r)
{
	int status = -1, err;
	weft_id id;

	err = weft_spawn(&id, NULL, be_joined, (void *)(intptr_t)
			 rng_below(r, 100000));
	MUST(err == 0, "spawn gave %d", err);
	if (rng_below(r, 2))
		MUST(weft_cancel(id) == 0, "cancel of a fresh id");
	err = weft_join_until(id, &status, some_deadline(r));
	check_error(err, "join");
	if (err) {
		weft_shield_begin();
		MUST(weft_join(id, &status) == 0, "join in a shield");
		weft_shield_end();
	}
	MUST(status == 0 || status == -ECANCELED, "status %d", status);
}

static void use_scope(struct rng *r, int depth)
{
	bool shield = rng_below(r, 8) == 0, early = rng_below(r, 2);
	weft_scope s;
	int err, reason = -(int)(1000 + rng_below(r, 100));

	if (shield)
		weft_shield_begin();
	/* Nobody else would end what is inside of a shield. */
	err = weft_scope_begin(&s, !shield && rng_below(r, 2) ? WEFT_FOREVER :
			       weft_in(rng_below(r, 300000)));
	MUST(err == 0, "begin gave %d", err);
	if (rng_below(r, 4) == 0)
		weft_scope_policy(&s, WEFT_SCOPE_COLLECT);
	for (unsigned n = rng_below(r, 4); n > 0; n--) {
		err = weft_scope_go(&s, member, (void *)(intptr_t)(depth - 1));
		MUST(err == 0 || err == -ECANCELED, "go gave %d", err);
	}
	if (shield && early)
		weft_shield_end();
	if (rng_below(r, 2) && (!shield || early))
		use_chan(r);
	if (rng_below(r, 2))
		weft_scope_cancel(&s, reason);
	err = weft_scope_end(&s);
	MUST(err <= 0, "end gave %d", err);
	if (shield && !early)
		weft_shield_end();
}

static int member(void *arg)
{
	struct rng r = { atomic_fetch_add(&lap.seed, 1) * 7919 };
	int depth = (int)(intptr_t)arg;

	lap.routines++;
	known[rng_below(&r, KNOWN)] = weft_self();
	for (unsigned n = rng_below(&r, 12); n > 0; n--) {
		switch (rng_below(&r, depth > 0 ? 8 : 7)) {
		case 0: use_mutex(&r); break;
		case 1: use_sync(&r); break;
		case 2: use_select(&r); break;
		case 3: use_spawn(&r); break;
		case 4: use_shield(&r); break;
		case 5:
			check_error(weft_sleep(rng_below(&r, 50000)), "sleep");
			break;
		case 7: use_scope(&r, depth); break;
		default: use_chan(&r);
		}
		if (rng_below(&r, 4) == 0 && weft_cancelled())
			break;
	}
	lap.routines--;
	switch (rng_below(&r, 16)) {
	case 0: return -EIO;
	case 1: weft_exit((int)rng_below(&r, 3) - 1);
	default: return weft_cancelled();
	}
}

static void drain(void)
{
	long v;

	for (int i = 0; i < CHANS; i++)
		while (weft_chan_try_recv(lap.c[i], &v) == 0)
			put_received(0, v);
}

static void check_lap(void)
{
	drain();
	MUST(lap.routines == 0, "%d routines are left", (int)lap.routines);
	MUST(lap.sent == lap.received, "sent %ld, received %ld",
	     (long)lap.sent, (long)lap.received);
	MUST(lap.sum == 0, "values changed: %ld", (long)lap.sum);
	MUST(weft_mutex_trylock(&lap.mutex) == 0, "the mutex is held");
	weft_mutex_unlock(&lap.mutex);
	MUST(weft_rwlock_try_lock(&lap.rwlock) == 0, "the rwlock is held");
	weft_rwlock_unlock(&lap.rwlock);
	MUST(weft_sem_try_acquire(&lap.sem, 4) == 0, "permits are missing");
	weft_sem_release(&lap.sem, 4);
	MUST(weft_cancelled() == 0, "cancelled outside of every scope");
}

/* Also while runs end, and between them. */
static void *cancel_some(void *arg)
{
	struct rng r = { (uintptr_t)arg };

	while (!over) {
		weft_id id = known[rng_below(&r, KNOWN)];
		int err = weft_cancel(id);

		MUST(err == 0 || err == -ESRCH, "cancel gave %d", err);
		weft_sleep(rng_below(&r, 200000));
	}
	return NULL;
}

struct plan {
	uint64_t seed;
	weft_time end;
	unsigned long laps;
};

static int run(void *arg)
{
	struct plan *p = arg;
	struct rng r = { p->seed };
	weft_scope s;

	for (int i = 0; i < CHANS; i++)
		lap.c[i] = weft_chan_new(sizeof(long), (size_t)i * 2);
	lap.sem = (weft_sem)WEFT_SEM_INIT(4);
	do {
		lap.seed = rng_next(&r);
		MUST(weft_scope_begin(&s, weft_in(2 * WEFT_MS)) == 0, "begin");
		for (unsigned n = 2 + rng_below(&r, 6); n > 0; n--)
			weft_scope_go(&s, member, (void *)(intptr_t)DEPTH);
		weft_scope_end(&s);
		check_lap();
		p->laps++;
	} while (weft_now() < p->end);
	for (int i = 0; i < CHANS; i++)
		weft_chan_unref(lap.c[i]);
	return 0;
}

int main(void)
{
	static const unsigned workers[] = { 1, 2, 4, 10 };
	weft_config c;
	pthread_t t;
	int rc;

	weft_config_init(&c);
	stress_current_seed = stress_seed();
	rc = pthread_create(&t, NULL, cancel_some,
			    (void *)(uintptr_t)stress_current_seed);
	MUST(rc == 0, "no thread: %d", rc);
	printf("seed %" PRIu64 "\n", stress_current_seed);
	for (unsigned i = 0; i < 4; i++) {
		struct plan p = { .seed = stress_current_seed + i,
				  .end = stress_end(4) };

		if (getenv("WEFT_STRESS_SECONDS"))
			p.end = weft_now() + (p.end - weft_now()) / 4;
		c.workers = workers[i];
		c.on_deadlock = WEFT_DEADLOCK_ABORT;
		rc = weft_run_config(&c, run, &p);
		MUST(rc == 0, "%u workers: %d", workers[i], rc);
		printf("%u workers: %lu laps\n", workers[i], p.laps);
	}
	over = true;
	pthread_join(t, NULL);
	return 0;
}
