/* api/deadlock.c - a plain thread that may act is no deadlock: every routine is
 * parked meanwhile, and what the thread did before woke nobody.
 */
#include "support/rt.h"

#include <pthread.h>
#include <sched.h>

TestSuite(deadlock, .timeout = 120);

static weft_chan *chan;
static weft_mutex mutex;
static weft_rwlock rwlock, other;
static weft_sem sem;
static weft_timer timer;
static weft_id first;
static atomic_int stage;

/* Long enough for a verdict. */
static void linger(void)
{
	weft_time until = weft_in(20 * WEFT_MS);

	while (weft_now() < until)
		sched_yield();
}

/* The thread has done the first thing, the routine has gone to wait. */
static void reach(int n)
{
	stage = n;
}

static void await_stage(int n)
{
	while (stage < n)
		weft_yield();
}

/* A thread's: until the routine is about to wait, and then some time. */
static void hold_on(void)
{
	reach(1);
	while (stage < 2)
		sched_yield();
	linger();
}

/* thread is begun by a routine, which goes on when stage 1 is reached. */
static int meet(void *(*thread)(void *), int (*routine)(void))
{
	pthread_t t;
	int rc;

	stage = 0;
	CHECK_EQ(pthread_create(&t, NULL, thread, NULL), 0);
	await_stage(1);
	rc = routine();
	pthread_join(t, NULL);
	return rc;
}

/* --- what wakes nobody at first -------------------------------------------------- */

static void *unpark_twice(void *arg)
{
	CHECK_EQ(weft_unpark(first), 0);
	hold_on();              /* else both were one permit */
	CHECK_EQ(weft_unpark(first), 0);
	return arg;
}

static int park_twice(void)
{
	CHECK_EQ(weft_park_until(WEFT_FOREVER), 0);
	reach(2);
	return weft_park_until(WEFT_FOREVER);
}

static int is_unparked(void *arg)
{
	(void)arg;
	first = weft_self();
	return meet(unpark_twice, park_twice);
}

Test(deadlock, is_none_while_a_thread_may_unpark)
{
	EACH(is_unparked);
}

static void send_one(void *arg)
{
	(void)arg;
	give(chan, 1);
}

static void *go_twice(void *arg)
{
	CHECK_EQ(weft_go(send_one, NULL), 0);
	reach(1);
	linger();
	CHECK_EQ(weft_go(send_one, NULL), 0);
	return arg;
}

static int take_twice(void)
{
	return take(chan) != 1 || take(chan) != 1;
}

static int is_sent_by_spawned(void *arg)
{
	int rc;

	(void)arg;
	chan = ints(0);
	rc = meet(go_twice, take_twice);
	weft_chan_unref(chan);
	return rc;
}

Test(deadlock, is_none_while_a_thread_may_spawn)
{
	EACH(is_sent_by_spawned);
}

static void *cancel_and_start(void *arg)
{
	CHECK_EQ(weft_cancel(first), 0);
	reach(1);
	linger();
	CHECK_EQ(weft_timer_start(&timer, weft_now(), 0), 0);
	return arg;
}

static int await_timer(void)
{
	int status = 0;

	CHECK_EQ(weft_join(first, &status), 0);
	CHECK_EQ(status, 1);
	return weft_timer_wait(&timer, WEFT_FOREVER);
}

static int until_cancelled(void *arg)
{
	(void)arg;
	while (!weft_cancelled())
		weft_yield();
	return 1;
}

static int is_cancelled(void *arg)
{
	int rc;

	weft_timer_init(&timer);
	CHECK_EQ(weft_spawn(&first, NULL, until_cancelled, arg), 0);
	rc = meet(cancel_and_start, await_timer);
	weft_timer_fini(&timer);
	return rc;
}

Test(deadlock, is_none_while_a_thread_may_start_a_timer)
{
	EACH(is_cancelled);
}

/* A lock is not owned: another may give it back, and have done nothing else. */
static void *unlock_twice(void *arg)
{
	weft_mutex_unlock(&mutex);
	hold_on();
	weft_mutex_unlock(&mutex);
	return arg;
}

static int lock_twice(void)
{
	weft_mutex_lock(&mutex);
	reach(2);
	weft_mutex_lock(&mutex);
	weft_mutex_unlock(&mutex);
	return 0;
}

static int is_unlocked(void *arg)
{
	(void)arg;
	weft_mutex_lock(&mutex);
	return meet(unlock_twice, lock_twice);
}

Test(deadlock, is_none_while_a_thread_may_unlock)
{
	EACH(is_unlocked);
}

static void *give_back_twice(void *arg)
{
	weft_rwlock_runlock(&rwlock);
	weft_rwlock_unlock(&other);
	hold_on();
	weft_rwlock_unlock(&rwlock);
	return arg;
}

static int write_twice(void)
{
	weft_rwlock_lock(&other);
	weft_rwlock_unlock(&other);
	weft_rwlock_lock(&rwlock);
	reach(2);
	weft_rwlock_lock(&rwlock);
	weft_rwlock_unlock(&rwlock);
	return 0;
}

static int is_given_back(void *arg)
{
	(void)arg;
	weft_rwlock_rlock(&rwlock);
	weft_rwlock_lock(&other);
	return meet(give_back_twice, write_twice);
}

Test(deadlock, is_none_while_a_thread_may_give_back_a_lock)
{
	EACH(is_given_back);
}

/* --- what was taken before the run ----------------------------------------------- */

static void *hold_mutex(void *arg)
{
	weft_mutex_lock(&mutex);
	hold_on();
	weft_mutex_unlock(&mutex);
	return arg;
}

static int want_mutex(void *arg)
{
	(void)arg;
	reach(2);
	weft_mutex_lock(&mutex);
	weft_mutex_unlock(&mutex);
	return 0;
}

static void *hold_rwlock(void *arg)
{
	weft_rwlock_rlock(&rwlock);
	hold_on();
	weft_rwlock_runlock(&rwlock);
	return arg;
}

static int want_rwlock(void *arg)
{
	(void)arg;
	reach(2);
	weft_rwlock_lock(&rwlock);
	weft_rwlock_unlock(&rwlock);
	return 0;
}

static void *hold_permit(void *arg)
{
	CHECK_EQ(weft_sem_acquire(&sem, 1), 0);
	hold_on();
	weft_sem_release(&sem, 1);
	return arg;
}

static int want_permit(void *arg)
{
	(void)arg;
	reach(2);
	CHECK_EQ(weft_sem_acquire(&sem, 1), 0);
	weft_sem_release(&sem, 1);
	return 0;
}

static void hold_before(void *(*thread)(void *), int (*want)(void *))
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		pthread_t t;

		stage = 0;
		cr_assert_eq(pthread_create(&t, NULL, thread, NULL), 0);
		while (stage < 1)
			sched_yield();
		cr_assert_eq(run_on(worker_counts[i], want, NULL), 0);
		pthread_join(t, NULL);
	}
	cr_assert_eq(failures, 0, "%s", first_failure);
}

Test(deadlock, is_none_while_a_thread_holds_a_mutex_from_before)
{
	hold_before(hold_mutex, want_mutex);
}

Test(deadlock, is_none_while_a_thread_reads_from_before)
{
	hold_before(hold_rwlock, want_rwlock);
}

Test(deadlock, is_none_while_a_thread_has_a_permit_from_before)
{
	sem = (weft_sem)WEFT_SEM_INIT(1);
	hold_before(hold_permit, want_permit);
}

/* --- what was done before the run -------------------------------------------------- */

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void *had_a_run(void *arg)
{
	CHECK_EQ(run_on(1, nothing, NULL), 0);
	hold_on();
	give(chan, 1);
	return arg;
}

static int take_one(void *arg)
{
	(void)arg;
	reach(2);
	return take(chan) != 1;
}

Test(deadlock, is_none_while_a_thread_lives_that_had_a_run)
{
	chan = ints(0);
	hold_before(had_a_run, take_one);
	weft_chan_unref(chan);
}

static pthread_key_t key;

static void unlock_late(void *arg)
{
	hold_on();
	weft_mutex_unlock(arg);
}

static void *ends_locked(void *arg)
{
	weft_mutex_lock(&mutex);
	CHECK_EQ(pthread_setspecific(key, &mutex), 0);
	return arg;
}

/* Its keys were made after weft's. */
Test(deadlock, is_none_while_a_thread_ends_that_holds_a_mutex)
{
	cr_assert_eq(pthread_key_create(&key, unlock_late), 0);
	hold_before(ends_locked, want_mutex);
}

/* --- what does not count ---------------------------------------------------------- */

static void *use_all(void *arg)
{
	weft_mutex_lock(&mutex);
	weft_mutex_unlock(&mutex);
	return arg;
}

static int call_and_wait(void *arg)
{
	(void)arg;
	reach(1);
	weft_mutex_lock(&mutex);
	weft_mutex_lock(&mutex);
	return 0;
}

/* The caller of weft_run has done something, so has a thread that has ended. */
Test(deadlock, is_one_when_only_the_caller_is_left)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		pthread_t t;

		weft_mutex_lock(&mutex);
		weft_mutex_unlock(&mutex);
		cr_assert_eq(pthread_create(&t, NULL, use_all, NULL), 0);
		pthread_join(t, NULL);
		stage = 0;
		cr_assert_eq(run_on(worker_counts[i], call_and_wait, NULL),
			     -EDEADLK);
		cr_assert_eq(stage, 1);
		mutex = (weft_mutex)WEFT_MUTEX_INIT;
	}
}

static int use_pool(void *arg)
{
	return weft_blocking(use_all, arg, NULL);
}

/* A thread of the pool acts for a routine of its own run only. */
Test(deadlock, is_one_after_a_run_that_used_the_pool)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		cr_assert_eq(run_on(worker_counts[i], use_pool, NULL), 0);
		cr_assert_eq(run_on(worker_counts[i], call_and_wait, NULL),
			     -EDEADLK);
		mutex = (weft_mutex)WEFT_MUTEX_INIT;
	}
	cr_assert_eq(failures, 0, "%s", first_failure);
}
