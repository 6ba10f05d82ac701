/* stress/wait.c - every wait of a routine may end in three ways, at once.
 *
 * Routines pass counted values through channels, join, park, sleep, select and
 * wait for each other's locks, with deadlines and without; others cancel them by
 * their ids, from routines and from a plain thread, at random and often.  Each
 * cancelled routine is joined and replaced.
 *
 *   - a cancelled routine ends: none stays in a wait (else a lap hangs);
 *   - once it has seen its cancel, every cancel point says so again;
 *   - no value is lost or doubled, no permit, no status of a join;
 *   - after some laps the run is ended with everybody in the midst of it, or it
 *     is stopped, which cancels them all, while a thread goes on cancelling.
 */
#include "stress/stress.h"

#include <sched.h>

enum { CHANS = 3, CREW = 24, TURNS = 300 };

struct lap {
	weft_chan *c[CHANS];
	weft_mutex mutex;
	weft_cond cond;
	weft_sem sem;
	weft_waitgroup group;
	atomic_ullong id[CREW];
	atomic_long sent, received, sum;
	atomic_long cancels, ended;
	atomic_bool quit;
	atomic_ullong seed;
};

static struct lap lap;

static weft_time some_deadline(struct rng *r)
{
	switch (rng_below(r, 4)) {
	case 0: return weft_in(rng_below(r, 100000));
	case 1: return weft_in(rng_below(r, 5000));
	default: return WEFT_FOREVER;
	}
}

/* True: it is cancelled. */
static bool check(int err, const char *what)
{
	MUST(err == 0 || err == -ECANCELED || err == -ETIMEDOUT ||
	     err == -EAGAIN || err == -ESRCH, "%s gave %d", what, err);
	if (err == -ECANCELED) {
		MUST(weft_cancelled() == -ECANCELED, "%s: by nobody", what);
		MUST(weft_sleep(WEFT_S) == -ECANCELED, "only once");
	}
	return err == -ECANCELED;
}

static void count_sent(long v)
{
	lap.sent++;
	lap.sum += v;
}

static void count_received(long v)
{
	lap.received++;
	lap.sum -= v;
}

static int use_chan(struct rng *r)
{
	weft_chan *c = lap.c[rng_below(r, CHANS)];
	long v = 1 + (long)rng_below(r, 1000000);
	int err;

	if (rng_below(r, 2)) {
		err = weft_chan_send_until(c, &v, some_deadline(r));
		if (!err)
			count_sent(v);
	} else {
		v = 0;
		err = weft_chan_recv_until(c, &v, some_deadline(r));
		MUST(!err == (v != 0), "received %ld with %d", v, err);
		if (!err)
			count_received(v);
	}
	return err;
}

static int use_select(struct rng *r)
{
	long in = 0, out = 1 + (long)rng_below(r, 1000000);
	weft_case k[] = {
		WEFT_RECV(lap.c[rng_below(r, CHANS)], &in),
		WEFT_SEND(lap.c[rng_below(r, CHANS)], &out),
		WEFT_RECV(lap.c[rng_below(r, CHANS)], &in),
	};
	int i = weft_select(k, 3, some_deadline(r));

	if (i == 1)
		count_sent(out);
	else if (i >= 0)
		count_received(in);
	return i < 0 ? i : 0;
}

/* Somebody's permit may come at any time. */
static int use_park(struct rng *r)
{
	if (rng_below(r, 2))
		return weft_unpark(lap.id[rng_below(r, CREW)]);
	return weft_park_until(some_deadline(r));
}

static int give_back(void *arg)
{
	int err = weft_sleep((intptr_t)arg);

	return err ? err : (int)(intptr_t)arg;
}

static int use_join(struct rng *r)
{
	int want = (int)rng_below(r, 20000), status = 1, err;
	weft_id id;

	err = weft_spawn(&id, NULL, give_back, (void *)(intptr_t)want);
	if (err == -ECANCELED)
		return 0;       /* the runtime stops */
	MUST(!err, "spawn gave %d", err);
	if (rng_below(r, 4) == 0)
		MUST(!weft_cancel(id), "cancel of a child");
	err = weft_join_until(id, &status, some_deadline(r));
	if (err) {
		MUST(!weft_detach(id), "detach after a join gave %d", err);
		return err;
	}
	MUST(status == want || status == -ECANCELED, "status %d", status);
	return 0;
}

static int use_locks(struct rng *r)
{
	int err;

	if (rng_below(r, 2)) {
		err = weft_sem_acquire_until(&lap.sem, 1 + rng_below(r, 2),
					     some_deadline(r));
		MUST(err <= 0, "semaphore");
		return err;     /* given back by use_release */
	}
	weft_mutex_lock(&lap.mutex);            /* no cancel point */
	if (rng_below(r, 2))
		weft_cond_signal(&lap.cond);
	err = weft_cond_wait_until(&lap.cond, &lap.mutex, some_deadline(r));
	weft_mutex_unlock(&lap.mutex);
	return err;
}

static void use_group(struct rng *r)
{
	weft_waitgroup_add(&lap.group, 1);
	if (rng_below(r, 2))
		weft_yield();
	weft_waitgroup_done(&lap.group);
}

static int turn(struct rng *r)
{
	switch (rng_below(r, 9)) {
	case 0: return use_park(r);
	case 1: return use_join(r);
	case 2:
	case 3: return use_select(r);
	case 4: return weft_sleep(rng_below(r, 20000));
	case 5: return use_locks(r);
	case 6:
		use_group(r);
		return weft_waitgroup_wait_until(&lap.group, some_deadline(r));
	default: return use_chan(r);
	}
}

static int member(void *arg)
{
	struct rng r = { atomic_fetch_add(&lap.seed, 1) * 7919 };

	(void)arg;
	for (;;) {
		if (check(turn(&r), "a wait"))
			break;
		/* What others wait for without a deadline must come. */
		weft_sem_release(&lap.sem, rng_below(&r, 2));
		if (rng_below(&r, 64) == 0)
			weft_checkpoint();
	}
	lap.ended++;
	return -ECANCELED;
}

static void spawn_member(int i, struct rng *r)
{
	static const weft_attr kind[] = {
		{ .pinned = 1 }, { .priority = -2 }, { .priority = 2 },
	};
	unsigned k = rng_below(r, 8);
	weft_id id;
	int err;

	err = weft_spawn(&id, k < 3 ? &kind[k] : NULL, member, NULL);
	MUST(!err, "spawn gave %d", err);
	lap.id[i] = id;
}

/* A plain thread: any of them, at any time, also of a run that is over. */
static void *meddle(void *arg)
{
	struct rng r = { (uintptr_t)arg };
	int err;

	while (!lap.quit) {
		weft_id id = lap.id[rng_below(&r, CREW)];

		err = rng_below(&r, 3) ? weft_unpark(id) : weft_cancel(id);
		MUST(!err || err == -ESRCH, "meddling gave %d", err);
		if (rng_below(&r, 8) == 0)
			sched_yield();
	}
	return NULL;
}

/* One by one: each is cancelled, ends, and is followed by another. */
static int lead(void *arg)
{
	struct rng *r = arg;

	for (int i = 0; i < CREW; i++)
		spawn_member(i, r);
	for (int n = 0; n < TURNS; n++) {
		int i = (int)rng_below(r, CREW), status = 0;
		weft_id id = lap.id[i];

		if (rng_below(r, 4) == 0)
			weft_sleep(rng_below(r, 10000));
		MUST(!weft_cancel(id), "cancel of a member");
		MUST(!weft_join(id, &status), "join of a member");
		MUST(status == -ECANCELED, "status %d", status);
		lap.cancels++;
		spawn_member(i, r);
	}
	return 0;
}

/* Everybody, and then count. */
static int all(void *arg)
{
	int status = 0;
	long v;

	lead(arg);
	for (int i = 0; i < CREW; i++)
		MUST(!weft_cancel(lap.id[i]), "cancel at the end");
	for (int i = 0; i < CREW; i++)
		MUST(!weft_join(lap.id[i], &status) && status == -ECANCELED,
		     "join at the end");
	for (int i = 0; i < CHANS; i++)
		while (!weft_chan_try_recv(lap.c[i], &v))
			count_received(v);
	MUST(lap.sent == lap.received && !lap.sum,
	     "sent %ld, received %ld, too much by %ld", (long)lap.sent,
	     (long)lap.received, (long)lap.sum);
	MUST(!weft_mutex_trylock(&lap.mutex), "the mutex is held");
	weft_mutex_unlock(&lap.mutex);
	weft_waitgroup_wait(&lap.group);
	return 0;
}

static void begin(uint64_t seed)
{
	memset(&lap, 0, sizeof lap);
	lap.seed = seed;
	lap.sem = (weft_sem)WEFT_SEM_INIT(CREW);
	for (int i = 0; i < CHANS; i++)
		lap.c[i] = weft_chan_new(sizeof(long), (size_t)i * 2);
}

/* How a run ends: by itself, in the midst of it, or by weft_stop. */
static void one_lap(const weft_config *c, struct rng *r)
{
	unsigned how = rng_below(r, 4);
	weft_runtime *rt;
	pthread_t t;
	int err;

	begin(rng_next(r));
	if (how == 0) {
		err = weft_run_config(c, all, r);
		MUST(!err, "run gave %d", err);
	} else {
		pthread_create(&t, NULL, meddle, (void *)(uintptr_t)rng_next(r));
		if (how == 1) {
			/* The meddler's own cancels: a wait more or less. */
			struct rng own = { rng_next(r) };

			MUST(!weft_start(c, &rt), "start");
			MUST(!weft_call(rt, lead, &own), "call");
			err = weft_stop(rt, weft_in(60 * WEFT_S));
			MUST(!err, "stop gave %d", err);
		} else {
			err = weft_run_config(c, lead, r);
			MUST(!err, "run gave %d", err);
		}
		lap.quit = true;
		pthread_join(t, NULL);
	}
	for (int i = 0; i < CHANS; i++)
		weft_chan_unref(lap.c[i]);
}

int main(void)
{
	static const unsigned workers[] = { 1, 2, 4, 8 };
	struct rng r;
	weft_config c;

	weft_config_init(&c);
	stress_current_seed = stress_seed();
	printf("seed %" PRIu64 "\n", stress_current_seed);
	r.x = stress_current_seed;
	for (unsigned i = 0; i < 4; i++) {
		weft_time until = weft_now() + (stress_end(6) - weft_now()) / 4;
		unsigned long laps = 0, cancels = 0;

		c.workers = workers[i];
		do {
			one_lap(&c, &r);
			laps++;
			cancels += (unsigned long)lap.cancels;
		} while (weft_now() < until);
		printf("%u workers: %lu laps, %lu cancels\n", workers[i], laps,
		       cancels);
	}
	return 0;
}
