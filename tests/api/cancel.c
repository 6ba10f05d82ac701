/* api/cancel.c - every kind of wait is ended by a cancel, from wherever it
 * comes, and leaves its object as if the call had never been made. */
#include "support/rt.h"

TestSuite(cancel, .timeout = 120);

#define LONG weft_in(1000 * WEFT_S)

/* What a wait is for: nothing in it ever happens by itself. */
struct world {
	weft_chan *empty, *full, *unbuffered;
	weft_mutex mutex, free_mutex;
	weft_rwlock rwlock;
	weft_cond cond;
	weft_sem sem;
	weft_barrier barrier;
	weft_latch latch;
	weft_oneshot oneshot;
	weft_waitgroup group;
	weft_timer timer;
	weft_id sleeper;
};

static int sleep_long(void *arg)
{
	(void)arg;
	return weft_sleep(WEFT_FOREVER);
}

static void world_begin(struct world *o)
{
	memset(o, 0, sizeof *o);
	o->empty = ints(4);
	o->full = ints(1);
	o->unbuffered = ints(0);
	give(o->full, 7);
	weft_mutex_lock(&o->mutex);
	weft_rwlock_lock(&o->rwlock);
	o->sem = (weft_sem)WEFT_SEM_INIT(1);
	o->barrier = (weft_barrier)WEFT_BARRIER_INIT(2);
	o->latch = (weft_latch)WEFT_LATCH_INIT(1);
	weft_waitgroup_add(&o->group, 1);
	weft_timer_init(&o->timer);
	CHECK_EQ(weft_timer_start(&o->timer, LONG, 0), 0);
	CHECK_EQ(weft_spawn(&o->sleeper, NULL, sleep_long, NULL), 0);
}

static int arrive(void *arg)
{
	return weft_barrier_wait(arg);
}

static void signal_it(void *arg)
{
	struct world *o = arg;

	weft_mutex_lock(&o->free_mutex);
	weft_cond_signal(&o->cond);
	weft_mutex_unlock(&o->free_mutex);
}

/* Nobody waits, nothing was taken: each object does what it would have. */
static void world_end(struct world *o)
{
	int v = 5, status = 1;
	weft_id id;

	CHECK_EQ(weft_chan_try_recv(o->empty, &v), -EAGAIN);
	CHECK_EQ(weft_chan_try_send(o->unbuffered, &v), -EAGAIN);
	CHECK_EQ(weft_chan_try_recv(o->unbuffered, &v), -EAGAIN);
	CHECK_EQ(take(o->full), 7);
	CHECK_EQ(weft_chan_try_recv(o->full, &v), -EAGAIN);
	weft_mutex_unlock(&o->mutex);
	CHECK_EQ(weft_mutex_trylock(&o->mutex), 0);
	CHECK_EQ(weft_mutex_trylock(&o->free_mutex), 0);
	CHECK_EQ(weft_go(signal_it, o), 0);
	CHECK_EQ(weft_cond_wait_until(&o->cond, &o->free_mutex, LONG), 0);
	weft_rwlock_unlock(&o->rwlock);
	CHECK_EQ(weft_rwlock_try_lock(&o->rwlock), 0);
	weft_rwlock_unlock(&o->rwlock);
	CHECK_EQ(weft_sem_try_acquire(&o->sem, 1), 0);
	weft_sem_release(&o->sem, 1);
	CHECK_EQ(weft_spawn(&id, NULL, arrive, &o->barrier), 0);
	v = weft_barrier_wait(&o->barrier);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(v + status, 1);
	weft_latch_count_down(&o->latch, 1);
	CHECK_EQ(weft_latch_wait(&o->latch), 0);
	CHECK_EQ(weft_oneshot_set(&o->oneshot, o), 0);
	weft_waitgroup_done(&o->group);
	weft_waitgroup_wait(&o->group);
	CHECK_EQ(weft_timer_stop(&o->timer), 1);
	weft_timer_fini(&o->timer);
	CHECK_EQ(weft_cancel(o->sleeper), 0);
	CHECK_EQ(weft_join(o->sleeper, &status), 0);
	CHECK_EQ(status, -ECANCELED);
	weft_chan_unref(o->empty);
	weft_chan_unref(o->full);
	weft_chan_unref(o->unbuffered);
}

/* --- the waits -------------------------------------------------------------- */

static int recv_buffered(struct world *o)
{
	int v = 42, err = weft_chan_recv(o->empty, &v);

	CHECK_EQ(v, 42);
	return err;
}

static int recv_unbuffered(struct world *o)
{
	int v = 42, err = weft_chan_recv(o->unbuffered, &v);

	CHECK_EQ(v, 42);
	return err;
}

static int recv_until(struct world *o)
{
	int v = 42, err = weft_chan_recv_until(o->empty, &v, LONG);

	CHECK_EQ(v, 42);
	return err;
}

static int recv_many(struct world *o)
{
	int v[3] = { 42 }, err = (int)weft_chan_recv_many(o->empty, v, 3, LONG);

	CHECK_EQ(v[0], 42);
	return err;
}

static int recv_nil(struct world *o)
{
	(void)o;
	return weft_chan_recv(NULL, NULL);
}

static int send_buffered(struct world *o)
{
	return weft_chan_send(o->full, NULL);
}

static int send_unbuffered(struct world *o)
{
	return weft_chan_send(o->unbuffered, NULL);
}

static int send_until(struct world *o)
{
	return weft_chan_send_until(o->full, NULL, LONG);
}

static int send_many(struct world *o)
{
	int v[3] = { 1, 2, 3 };

	return (int)weft_chan_send_many(o->full, v, 3, LONG);
}

static int select_two(struct world *o)
{
	int v = 42;
	weft_case c[] = { WEFT_RECV(o->empty, &v), WEFT_SEND(o->full, &v),
			  WEFT_RECV(o->unbuffered, &v) };
	int err = weft_select(c, 3, WEFT_FOREVER);

	CHECK_EQ(v, 42);
	return err;
}

static int select_until(struct world *o)
{
	weft_case c[] = { WEFT_RECV(o->unbuffered, NULL),
			  WEFT_SEND(o->unbuffered, NULL) };

	return weft_select_ordered(c, 2, LONG);
}

static int select_none(struct world *o)
{
	(void)o;
	return weft_select(NULL, 0, WEFT_FOREVER);
}

static int sleeping(struct world *o)
{
	(void)o;
	return weft_sleep(1000 * WEFT_S);
}

static int sleeping_until(struct world *o)
{
	(void)o;
	return weft_sleep_until(LONG);
}

static int timer(struct world *o)
{
	return weft_timer_wait(&o->timer, WEFT_FOREVER);
}

static int parking(struct world *o)
{
	(void)o;
	return weft_park_until(WEFT_FOREVER);
}

static int joining(struct world *o)
{
	return weft_join(o->sleeper, NULL);
}

static int joining_until(struct world *o)
{
	return weft_join_until(o->sleeper, NULL, LONG);
}

static int mutex_until(struct world *o)
{
	return weft_mutex_lock_until(&o->mutex, LONG);
}

static int rlock_until(struct world *o)
{
	return weft_rwlock_rlock_until(&o->rwlock, LONG);
}

static int wlock_until(struct world *o)
{
	return weft_rwlock_lock_until(&o->rwlock, LONG);
}

static int cond(struct world *o)
{
	int err;

	weft_mutex_lock(&o->free_mutex);
	err = weft_cond_wait(&o->cond, &o->free_mutex);
	CHECK_EQ(weft_mutex_trylock(&o->free_mutex), -EAGAIN);
	weft_mutex_unlock(&o->free_mutex);
	return err;
}

static int cond_until(struct world *o)
{
	int err;

	weft_mutex_lock(&o->free_mutex);
	err = weft_cond_wait_until(&o->cond, &o->free_mutex, LONG);
	weft_mutex_unlock(&o->free_mutex);
	return err;
}

static int sem(struct world *o)
{
	return weft_sem_acquire(&o->sem, 2);
}

static int sem_until(struct world *o)
{
	return weft_sem_acquire_until(&o->sem, 2, LONG);
}

static int barrier(struct world *o)
{
	return weft_barrier_wait(&o->barrier);
}

static int latch(struct world *o)
{
	return weft_latch_wait_until(&o->latch, LONG);
}

static int oneshot(struct world *o)
{
	void *v = o;
	int err = weft_oneshot_get(&o->oneshot, &v);

	CHECK(v == o);
	return err;
}

static int group_until(struct world *o)
{
	return weft_waitgroup_wait_until(&o->group, LONG);
}

typedef int wait_fn(struct world *);
static wait_fn *const waits[] = {
	recv_buffered, recv_unbuffered, recv_until, recv_many, recv_nil,
	send_buffered, send_unbuffered, send_until, send_many, select_two,
	select_until, select_none, sleeping, sleeping_until, timer, parking,
	joining, joining_until, mutex_until, rlock_until, wlock_until, cond,
	cond_until, sem, sem_until, barrier, latch, oneshot, group_until,
};

/* --- the cancels ------------------------------------------------------------- */

struct victim {
	struct world world;
	wait_fn *wait;
	atomic_int there;
	int reason, err, again;
};

/* Sticky: once more gives the same, at once. */
static int suffer(void *arg)
{
	struct victim *v = arg;

	v->there = 1;
	v->err = v->wait(&v->world);
	v->reason = weft_cancelled();
	v->again = v->wait(&v->world);
	return 5;
}

static void settle(struct victim *v, unsigned yields)
{
	wait_until(v->there);
	for (unsigned i = 0; i < yields; i++)
		weft_yield();
}

static void check(struct victim *v, size_t which, int reason)
{
	if (!CHECK_EQ(v->err, -ECANCELED) || !CHECK_EQ(v->again, -ECANCELED) ||
	    !CHECK_EQ(v->reason, reason))
		fprintf(stderr, "# wait %zu of the table\n", which);
}

static int by_id(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COUNT(waits); i++)
		for (unsigned lap = 0; lap < 8; lap++) {
			struct victim v = { .wait = waits[i] };
			int status = 0;
			weft_id id;

			world_begin(&v.world);
			CHECK_EQ(weft_spawn(&id, NULL, suffer, &v), 0);
			if (lap)
				settle(&v, lap);
			CHECK_EQ(weft_cancel(id), 0);
			CHECK_EQ(weft_join(id, &status), 0);
			CHECK_EQ(status, 5);
			check(&v, i, -ECANCELED);
			world_end(&v.world);
		}
	return 0;
}

Test(cancel, an_id_ends_every_kind_of_wait)
{
	EACH(by_id);
}

static int by_scope(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COUNT(waits); i++)
		for (unsigned lap = 0; lap < 8; lap++) {
			struct victim v = { .wait = waits[i] };
			weft_scope s;

			world_begin(&v.world);
			CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
			CHECK_EQ(weft_scope_go(&s, suffer, &v), 0);
			if (lap)
				settle(&v, lap);
			CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
			CHECK_EQ(weft_scope_end(&s), -EINTR);
			check(&v, i, -EINTR);
			world_end(&v.world);
		}
	return 0;
}

Test(cancel, a_scope_ends_every_kind_of_wait)
{
	EACH(by_scope);
}

static int by_deadline(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COUNT(waits); i++) {
		struct victim v = { .wait = waits[i] };
		weft_scope s;

		world_begin(&v.world);
		while (!v.there) {              /* on a slow machine, again */
			CHECK_EQ(weft_scope_begin(&s, weft_in(WEFT_MS)), 0);
			weft_scope_go(&s, suffer, &v);
			CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);
		}
		check(&v, i, -ETIMEDOUT);
		world_end(&v.world);
	}
	return 0;
}

Test(cancel, a_deadline_ends_every_kind_of_wait)
{
	EACH(by_deadline);
}

/* The owner is inside its scope, and out of it after the end. */
static int by_owner(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COUNT(waits); i++) {
		struct victim v = { .wait = waits[i] };
		weft_scope s;

		world_begin(&v.world);
		CHECK_EQ(weft_scope_begin(&s, weft_in(WEFT_MS)), 0);
		suffer(&v);
		CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);
		check(&v, i, -ETIMEDOUT);
		world_end(&v.world);
	}
	CHECK_EQ(weft_cancelled(), 0);
	return 0;
}

Test(cancel, a_deadline_ends_the_waits_of_the_owner)
{
	EACH(by_owner);
}
