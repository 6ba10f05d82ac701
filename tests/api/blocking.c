/* tests/api/blocking.c - weft_blocking: a thread blocks, the worker does not;
 * and blocking calls and loops that nobody marked. */
#include "support/rt.h"

#include <poll.h>
#include <pthread.h>

TestSuite(blocking, .timeout = 120);

enum { CALLS = 20 };

static int pipes[CALLS][2];
static atomic_int ready, finished;
static atomic_bool stop;

static void open_pipes(void)
{
	for (int i = 0; i < CALLS; i++)
		CHECK_EQ(pipe(pipes[i]), 0);
	ready = finished = 0;
	stop = false;
}

static void close_pipes(void)
{
	for (int i = 0; i < CALLS; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

/* --- marked ---------------------------------------------------------------- */

static void *read_byte(void *arg)
{
	intptr_t i = (intptr_t)arg;
	char c = 0;

	ready++;
	CHECK_EQ(read(pipes[i][0], &c, 1), 1);
	return (void *)(intptr_t)c;
}

static void *write_byte(void *arg)
{
	intptr_t i = (intptr_t)arg;
	char c = (char)(i + 1);

	CHECK_EQ(write(pipes[i][1], &c, 1), 1);
	return NULL;
}

static void *self_there(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)weft_self();
}

static int wait_byte(void *arg)
{
	weft_id me = weft_self();
	void *r = NULL;

	CHECK_EQ(weft_blocking(read_byte, arg, &r), 0);
	CHECK_EQ((intptr_t)r, (intptr_t)arg + 1);
	CHECK_EQ(weft_blocking(self_there, NULL, &r), 0);
	CHECK(!r && weft_self() == me);
	return 0;
}

static int free_worker(void *arg)
{
	weft_id id[CALLS];

	(void)arg;
	open_pipes();
	for (int i = 0; i < CALLS; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, wait_byte,
				    (void *)(intptr_t)i), 0);
	/* All of them wait at once, and this worker is free to say so. */
	wait_until(ready == CALLS);
	for (int i = 0; i < CALLS; i++)
		write_byte((void *)(intptr_t)i);
	for (int i = 0; i < CALLS; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	close_pipes();
	return 0;
}

Test(blocking, calls_wait_together_and_leave_the_worker_free)
{
	EACH(free_worker);
}

static int send_byte(void *arg)
{
	CHECK_EQ(weft_blocking(write_byte, arg, NULL), 0);
	return 0;
}

/* A call may wait for another call: it must not sit behind it in a queue. */
static int depend(void *arg)
{
	weft_id id[2 * CALLS];

	(void)arg;
	for (int round = 0; round < fewer(30); round++) {
		open_pipes();
		for (int i = 0; i < CALLS; i++) {
			CHECK_EQ(weft_spawn(&id[i], NULL, wait_byte,
					    (void *)(intptr_t)i), 0);
			CHECK_EQ(weft_spawn(&id[CALLS + i], NULL, send_byte,
					    (void *)(intptr_t)i), 0);
		}
		for (int i = 0; i < 2 * CALLS; i++)
			CHECK_EQ(weft_join(id[i], NULL), 0);
		close_pipes();
	}
	return 0;
}

Test(blocking, calls_may_wait_for_one_another)
{
	EACH(depend);
}

static void *twice(void *arg)
{
	return (void *)(2 * (intptr_t)arg);
}

static int results(void *arg)
{
	void *r = NULL;

	(void)arg;
	for (intptr_t i = 1; i < 500; i++) {
		CHECK_EQ(weft_blocking(twice, (void *)i, &r), 0);
		CHECK_EQ((intptr_t)r, 2 * i);
	}
	CHECK_EQ(weft_blocking(twice, NULL, NULL), 0);
	CHECK_EQ(weft_blocking(NULL, NULL, &r), -EINVAL);
	CHECK_EQ((intptr_t)r, 998);
	return 0;
}

Test(blocking, gives_the_result)
{
	EACH(results);
}

static void *same_thread(void *arg)
{
	return (void *)(intptr_t)(thread_id() == *(long *)arg);
}

Test(blocking, on_a_plain_thread_just_calls)
{
	long here = thread_id();
	void *r = NULL;

	cr_assert_eq(weft_blocking(same_thread, &here, &r), 0);
	cr_assert_eq((intptr_t)r, 1);
	cr_assert_eq(weft_blocking(same_thread, &here, NULL), 0);
	cr_assert_eq(weft_blocking(NULL, NULL, &r), -EINVAL);
}

static atomic_int inside, most;

static void *count_inside(void *arg)
{
	int now = ++inside, seen = most;

	while (seen < now && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	for (int i = 0; i < 100; i++)
		weft_yield();
	inside--;
	return arg;
}

static int blocking_once(void *arg)
{
	CHECK_EQ(weft_blocking(count_inside, arg, NULL), 0);
	return 0;
}

static int bounded(void *arg)
{
	weft_id id[60];

	(void)arg;
	for (int i = 0; i < 60; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, blocking_once, NULL), 0);
	for (int i = 0; i < 60; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	return 0;
}

Test(blocking, pool_keeps_to_its_bounds)
{
	weft_config c = { .workers = 2, .blocking_min = 1, .blocking_max = 3 };

	cr_assert_eq(weft_run_config(&c, bounded, NULL), 0);
	cr_assert_eq(failures, 0);
	cr_assert(most >= 1 && most <= 3, "%d", most);
}

/* A call on the pool may use channels: its thread is a plain one. */
static void *send_from_pool(void *arg)
{
	give(arg, 5);
	return NULL;
}

static int call_send(void *arg)
{
	CHECK_EQ(weft_blocking(send_from_pool, arg, NULL), 0);
	return 0;
}

static int channels(void *arg)
{
	weft_chan *c = ints(0);
	weft_id id;

	(void)arg;
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(weft_spawn(&id, NULL, call_send, c), 0);
		CHECK_EQ(take(c), 5);
		CHECK_EQ(weft_join(id, NULL), 0);
	}
	weft_chan_unref(c);
	return 0;
}

Test(blocking, calls_may_use_channels)
{
	EACH(channels);
}

/* main returns while calls are on the pool: the run waits for them. */
static int leave_calls(void *arg)
{
	weft_id id;

	(void)arg;
	open_pipes();
	for (int i = 0; i < CALLS; i++)
		CHECK_EQ(weft_spawn(&id, NULL, wait_byte, (void *)(intptr_t)i),
			 0);
	wait_until(ready == CALLS);
	for (int i = 0; i < CALLS; i++)
		write_byte((void *)(intptr_t)i);
	return 0;
}

Test(blocking, calls_left_behind_are_waited_for)
{
	for (int i = 0; i < fewer(20); i++)
		for (size_t k = 0; k < COUNT(worker_counts); k++) {
			cr_assert_eq(run_on(worker_counts[k], leave_calls,
					    NULL), 0);
			cr_assert_eq(failures, 0, "%s", first_failure);
			close_pipes();
		}
}

static int last_is_blocking(void *arg)
{
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, blocking_once, NULL), 0);
	CHECK_EQ(weft_detach(id), 0);
	return 0;
}

Test(blocking, wait_all_ends_after_the_last_call)
{
	weft_config c = { .workers = 2, .flags = WEFT_WAIT_ALL };

	for (int i = 0; i < fewer(300); i++)
		cr_assert_eq(weft_run_config(&c, last_is_blocking, NULL), 0);
	cr_assert_eq(failures, 0);
}

static void *nap(void *arg)
{
	poll(NULL, 0, (int)(intptr_t)arg);
	return NULL;
}

/* Everybody waits for a blocking call: no deadlock, however it ends. */
static int no_deadlock(void *arg)
{
	(void)arg;
	for (intptr_t i = 0; i < 3; i++)
		CHECK_EQ(weft_blocking(nap, (void *)i, NULL), 0);
	return 0;
}

Test(blocking, is_never_taken_for_a_deadlock)
{
	for (int i = 0; i < fewer(50); i++)
		EACH(no_deadlock);
}

/* --- the threads' ends ------------------------------------------------------------- */

static pthread_key_t at_end;

/* What another library does when a thread ends takes its time. */
static void ends(void *arg)
{
	(void)arg;
	poll(NULL, 0, 5);
	finished++;
}

static void *gets_known(void *arg)
{
	ready++;
	pthread_setspecific(at_end, arg);
	while (ready < CALLS)           /* a thread each */
		sched_yield();
	return NULL;
}

static int call_one(void *arg)
{
	CHECK_EQ(weft_blocking(gets_known, arg, NULL), 0);
	return 0;
}

static int call_all(void *arg)
{
	weft_id id[CALLS];

	(void)arg;
	ready = finished = 0;
	for (int i = 0; i < CALLS; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, call_one, &at_end), 0);
	for (int i = 0; i < CALLS; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	return 0;
}

Test(blocking, no_thread_is_about_to_end_when_a_run_is_over)
{
	cr_assert_eq(pthread_key_create(&at_end, ends), 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(run_on(2, call_all, NULL), 0);
		cr_assert_eq(finished, CALLS);
	}
	cr_assert_eq(failures, 0);
}

/* --- not marked --------------------------------------------------------------- */

static int stuck_in_read(void *arg)
{
	ready++;
	read_byte(arg);
	finished++;
	return 0;
}

static int greedy(void *arg)
{
	(void)arg;
	ready++;
	while (!stop)
		;
	finished++;
	return 0;
}

static int progress(void *arg)
{
	for (int i = 0; i < 100; i++)
		weft_yield();
	CHECK_EQ(weft_sleep(WEFT_MS), 0);
	finished++;
	(void)arg;
	return 0;
}

/* Spawns what others can only run if somebody else takes over, and gets stuck
 * itself before it lets anybody else go. */
static int all_stuck(int (*how)(void *), unsigned workers)
{
	weft_id id[CALLS], me[5];

	open_pipes();
	for (unsigned i = 0; i < workers + 2; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, how, (void *)(uintptr_t)i), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_spawn(&me[i], NULL, progress, NULL), 0);
	wait_until(finished == 5);
	stop = true;
	for (unsigned i = 0; i < workers + 2; i++)
		write_byte((void *)(uintptr_t)i);
	for (unsigned i = 0; i < workers + 2; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_join(me[i], NULL), 0);
	close_pipes();
	return 0;
}

static int reads_stuck(void *arg)
{
	for (int round = 0; round < 2; round++)
		all_stuck(stuck_in_read, (unsigned)(uintptr_t)arg);
	return 0;
}

static int loops_stuck(void *arg)
{
	return all_stuck(greedy, (unsigned)(uintptr_t)arg);
}

Test(blocking, unmarked_calls_do_not_stop_the_others)
{
	EACH(reads_stuck);
}

Test(blocking, greedy_loops_do_not_stop_the_others)
{
	EACH(loops_stuck);
}

/* The monitor may have gone to sleep when nothing moved: a timer alone must
 * bring it back. */
static int stuck_after_rest(void *arg)
{
	weft_id id;

	(void)arg;
	open_pipes();
	CHECK_EQ(weft_sleep(1500 * WEFT_MS), 0);
	CHECK_EQ(weft_spawn(&id, NULL, send_byte, NULL), 0);
	read_byte(NULL);
	CHECK_EQ(weft_join(id, NULL), 0);
	close_pipes();
	return 0;
}

Test(blocking, unmarked_call_after_a_long_rest)
{
	cr_assert_eq(run_on(1, stuck_after_rest, NULL), 0);
	cr_assert_eq(run_on(2, stuck_after_rest, NULL), 0);
	cr_assert_eq(failures, 0);
}

/* A deadline that was set while a spare worker was lent comes true though the
 * spare is gone and the workers never rest. */
static int sleeper(void *arg)
{
	ready++;
	CHECK_EQ(weft_sleep(300 * WEFT_MS), 0);
	stop = true;
	finished++;
	(void)arg;
	return 0;
}

static int never_rest(void *arg)
{
	(void)arg;
	while (!stop)
		weft_yield();
	return 0;
}

static void *write_when_asleep(void *arg)
{
	while (!ready)
		sched_yield();
	poll(NULL, 0, 20);
	return write_byte(arg);
}

static int lent_deadline(void *arg)
{
	pthread_t t;
	weft_id id, busy;

	(void)arg;
	open_pipes();
	CHECK_EQ(pthread_create(&t, NULL, write_when_asleep, NULL), 0);
	CHECK_EQ(weft_spawn(&id, NULL, sleeper, NULL), 0);
	CHECK_EQ(weft_spawn(&busy, NULL, never_rest, NULL), 0);
	CHECK_EQ(read(pipes[0][0], &(char){ 0 }, 1), 1);
	wait_until(stop);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(weft_join(busy, NULL), 0);
	pthread_join(t, NULL);
	close_pipes();
	return 0;
}

Test(blocking, deadlines_of_lent_workers_come_true)
{
	cr_assert_eq(run_on(1, lent_deadline, NULL), 0);
	cr_assert_eq(failures, 0);
}
