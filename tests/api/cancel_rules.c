/* api/cancel_rules.c - what being cancelled means: sticky, before any effect, only
 * at cancel points; and nothing is lost or doubled by it. */
#include "support/rt.h"

TestSuite(cancel_rules, .timeout = 120);

/* --- ready or not -------------------------------------------------------------- */

static void *never(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static atomic_bool told;

/* A cancelled routine among objects that are all ready. */
static int ready_or_not(void *arg)
{
	weft_chan *c = ints(2);
	weft_mutex m = WEFT_MUTEX_INIT;
	weft_rwlock l = WEFT_RWLOCK_INIT;
	weft_sem s = WEFT_SEM_INIT(3);
	weft_latch latch = WEFT_LATCH_INIT(0);
	weft_oneshot o = WEFT_ONESHOT_INIT;
	weft_waitgroup g = WEFT_WAITGROUP_INIT;
	int v = 42, ran = 0;
	void *p = &v;
	weft_case cases[] = { WEFT_RECV(c, &v) };

	(void)arg;
	if (!told) {                    /* a spare worker was faster */
		weft_chan_unref(c);
		return 8;
	}
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	CHECK_EQ(weft_chan_try_send(c, &v), 0);
	CHECK_EQ(weft_oneshot_set(&o, NULL), 0);

	CHECK_EQ(weft_chan_recv(c, &v), -ECANCELED);
	CHECK_EQ(weft_chan_send(c, &v), -ECANCELED);
	CHECK_EQ(weft_chan_recv_until(c, &v, -1), -ECANCELED);
	CHECK_EQ(weft_chan_send_until(c, &v, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_chan_recv_many(c, &v, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_chan_send_many(c, &v, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_select(cases, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_sleep(1), -ECANCELED);
	CHECK_EQ(weft_sleep_until(-1), -ECANCELED);
	CHECK_EQ(weft_unpark(weft_self()), 0);
	CHECK_EQ(weft_park_until(WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_mutex_lock_until(&m, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_rwlock_rlock_until(&l, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_rwlock_lock_until(&l, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_sem_acquire(&s, 1), -ECANCELED);
	CHECK_EQ(weft_sem_acquire_until(&s, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_latch_wait(&latch), -ECANCELED);
	CHECK_EQ(weft_latch_wait_until(&latch, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_oneshot_get(&o, &p), -ECANCELED);
	CHECK_EQ(weft_oneshot_get_until(&o, &p, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_waitgroup_wait_until(&g, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_blocking(never, &ran, NULL), -ECANCELED);
	CHECK_EQ(ran, 0);
	CHECK_EQ(v, 42);
	CHECK(p == &v);

	/* What only tries, and what cannot fail, works as ever. */
	CHECK_EQ(weft_park_until(WEFT_NOWAIT), 0);
	CHECK_EQ(weft_chan_len(c), 1);
	CHECK_EQ(weft_chan_try_send(c, &v), 0);
	CHECK_EQ(weft_chan_try_recv(c, &v), 0);
	CHECK_EQ(weft_chan_recv_until(c, &v, WEFT_NOWAIT), 0);
	CHECK_EQ(weft_select(cases, 1, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_mutex_trylock(&m), 0);
	weft_mutex_unlock(&m);
	weft_mutex_lock(&m);
	weft_mutex_unlock(&m);
	weft_rwlock_rlock(&l);
	weft_rwlock_runlock(&l);
	weft_rwlock_lock(&l);
	weft_rwlock_unlock(&l);
	CHECK_EQ(weft_sem_try_acquire(&s, 3), 0);
	weft_sem_release(&s, 3);
	weft_waitgroup_wait(&g);
	weft_yield();
	weft_checkpoint();
	weft_chan_close(c);
	weft_chan_unref(c);
	return 9;
}

/* Cancelled before its first run: it runs, cancelled. */
static int ready_body(void *arg)
{
	int status = 8;
	weft_id id;

	(void)arg;
	for (int tries = 0; tries < 100 && status == 8; tries++) {
		told = false;
		CHECK_EQ(weft_spawn(&id, NULL, ready_or_not, NULL), 0);
		CHECK_EQ(weft_cancel(id), 0);   /* alone: it has not run */
		told = true;
		CHECK_EQ(weft_join(id, &status), 0);
	}
	CHECK_EQ(status, 9);
	return 0;
}

Test(cancel_rules, of_a_new_routine_lets_it_run_cancelled)
{
	cr_assert_eq(run_on(1, ready_body, NULL), 0);
	cr_assert_eq(failures, 0);
}

/* Waits that are no cancel points go on; the one after them is. */
struct steady {
	weft_mutex mutex;
	weft_waitgroup group;
	atomic_int there;
};

static int wait_steady(void *arg)
{
	struct steady *s = arg;

	s->there = 1;
	weft_mutex_lock(&s->mutex);
	weft_mutex_unlock(&s->mutex);
	weft_waitgroup_wait(&s->group);
	CHECK(!weft_cancelled() || weft_sleep(1) == -ECANCELED);
	return weft_sleep(WEFT_S);
}

static int steady_body(void *arg)
{
	struct steady s = { .there = 0 };
	int status = 0;
	weft_id id;

	(void)arg;
	weft_mutex_lock(&s.mutex);
	weft_waitgroup_add(&s.group, 1);
	CHECK_EQ(weft_spawn(&id, NULL, wait_steady, &s), 0);
	wait_until(s.there);
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join_until(id, &status, weft_in(WEFT_MS)), -ETIMEDOUT);
	weft_mutex_unlock(&s.mutex);
	CHECK_EQ(weft_join_until(id, &status, weft_in(WEFT_MS)), -ETIMEDOUT);
	weft_waitgroup_done(&s.group);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, -ECANCELED);
	return 0;
}

Test(cancel_rules, leaves_waits_that_are_no_cancel_points)
{
	EACH(steady_body);
}

/* --- ids ------------------------------------------------------------------------- */

static int give_back(void *arg)
{
	return (int)(intptr_t)arg;
}

static int ids_body(void *arg)
{
	int status = 0;
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_cancel(0), -ESRCH);
	CHECK_EQ(weft_cancel(UINT64_MAX), -ESRCH);
	CHECK_EQ(weft_spawn(&id, NULL, give_back, (void *)17), 0);
	wait_until(weft_cancel(id) == 0 &&
		   weft_join_until(id, &status, WEFT_NOWAIT) == 0);
	CHECK_EQ(status, 17);
	CHECK_EQ(weft_cancel(id), -ESRCH);
	/* Oneself, for good. */
	CHECK_EQ(weft_cancel(weft_self()), 0);
	CHECK_EQ(weft_sleep(1), -ECANCELED);
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	CHECK_EQ(weft_cancel(weft_self()), 0);
	return 0;
}

Test(cancel_rules, of_ids_stale_ended_and_own)
{
	EACH(ids_body);
}

static int ended_body(void *arg)
{
	weft_id id[20];
	int status = 0;

	(void)arg;
	for (int i = 0; i < 20; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, give_back, NULL), 0);
	for (int i = 0; i < 100; i++)
		weft_yield();
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(weft_cancel(id[i]), 0);
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, 0);
	}
	return 0;
}

Test(cancel_rules, of_one_that_has_ended_is_no_error)
{
	EACH(ended_body);
}

/* --- nothing lost, nothing twice --------------------------------------------------- */

enum { LAPS = 300, VALUES = 4 };

struct traffic {
	weft_chan *c;
	atomic_int sent, received;
};

static int send_some(void *arg)
{
	struct traffic *t = arg;

	for (int i = 0; i < VALUES; i++) {
		if (weft_chan_send(t->c, &i))
			return 0;
		t->sent++;
	}
	return 0;
}

static int recv_some(void *arg)
{
	struct traffic *t = arg;
	int v;

	for (int i = 0; i < VALUES; i++) {
		if (weft_chan_recv(t->c, &v))
			return 0;
		t->received++;
	}
	return 0;
}

static int traffic_with(size_t cap)
{
	struct traffic t = { .c = ints(cap) };
	weft_scope s;
	int v;

	for (int lap = 0; lap < LAPS; lap++) {
		CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
		for (int i = 0; i < 3; i++) {
			CHECK_EQ(weft_scope_go(&s, send_some, &t), 0);
			CHECK_EQ(weft_scope_go(&s, recv_some, &t), 0);
		}
		for (int i = lap % 7; i > 0; i--)
			weft_yield();
		weft_scope_cancel(&s, -EINTR);
		CHECK_EQ(weft_scope_end(&s), -EINTR);
		while (weft_chan_try_recv(t.c, &v) == 0)
			t.received++;
		CHECK_EQ(t.sent, t.received);
	}
	weft_chan_unref(t.c);
	return 0;
}

static int traffic_body(void *arg)
{
	(void)arg;
	return traffic_with(0) | traffic_with(1) | traffic_with(8);
}

Test(cancel_rules, neither_loses_nor_doubles_a_value)
{
	EACH(traffic_body);
}
