/* tests/api/timer_shared.c - timers that several routines and threads use, or
 * that outlive what waits for them. */
#include "support/crew.h"

#include <stdlib.h>

TestSuite(timer_shared, .timeout = 120);

static void until(weft_time t)
{
	CHECK_EQ(weft_sleep_until(t), 0);
}

/* --- waiting while the timer changes ------------------------------------------------ */

static struct {
	weft_timer t;
	atomic_int got, waiting;
	atomic_bool helping;
} shared;

static int wait_once(void *arg)
{
	(void)arg;
	shared.waiting++;
	CHECK_EQ(weft_timer_wait(&shared.t, WEFT_FOREVER), 0);
	shared.got++;
	return 0;
}

static void shared_init(void)
{
	weft_timer_init(&shared.t);
	shared.got = shared.waiting = 0;
	shared.helping = false;
}

/* A waiter, and the timer moved on under it before `soon` is over; false: it was
 * not, on a busy machine, and the wait has ended. */
static bool moved_on(weft_id *id, weft_time soon)
{
	weft_time at;

	shared_init();
	CHECK_EQ(weft_spawn(id, NULL, wait_once, NULL), 0);
	wait_until(shared.waiting == 1);
	CHECK_EQ(weft_timer_start(&shared.t, weft_in(3600 * WEFT_S), 0), 0);
	for (int i = 0; i < 100; i++) {
		weft_yield();
		CHECK_EQ(weft_timer_start(&shared.t, weft_in(3600 * WEFT_S), 0),
			 1);
	}
	at = weft_in(soon);
	CHECK_EQ(weft_timer_start(&shared.t, at, 0), 1);
	if (weft_timer_start(&shared.t, weft_in(3600 * WEFT_S), 0) == 1) {
		until(at + WEFT_MS);
		return true;
	}
	CHECK(weft_now() >= at);
	CHECK_EQ(weft_join(*id, NULL), 0);
	CHECK_EQ(weft_timer_stop(&shared.t), 1);
	weft_timer_fini(&shared.t);
	return false;
}

static int changes(void *arg)
{
	weft_time at = 1, soon = WEFT_MS;
	weft_id id;

	(void)arg;
	/* Stopped when the wait begins; started, moved on, stopped, started. */
	while (!moved_on(&id, soon))
		soon *= 2;
	CHECK_EQ(weft_timer_stop(&shared.t), 1);
	CHECK_EQ(weft_chan_send(weft_timer_chan(&shared.t), &at), -EPIPE);
	CHECK_EQ(weft_chan_try_send(weft_timer_chan(&shared.t), &at), -EPIPE);
	CHECK_EQ(weft_chan_send_many(weft_timer_chan(&shared.t), &at, 1,
				     WEFT_FOREVER), -EPIPE);
	CHECK_EQ(shared.got, 0);
	CHECK_EQ(weft_join_until(id, NULL, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_timer_start(&shared.t, weft_in(WEFT_MS), 0), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(shared.got, 1);
	weft_timer_fini(&shared.t);
	return 0;
}

Test(timer_shared, moved_under_a_waiter)
{
	EACH(changes);
}

static int ticks_for_many(void *arg)
{
	enum { N = 20 };
	weft_id id[N];

	(void)arg;
	shared_init();
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, wait_once, NULL), 0);
	wait_until(shared.waiting == N);
	/* One value, one wait. */
	CHECK_EQ(weft_timer_start(&shared.t, weft_in(WEFT_MS), 0), 0);
	wait_until(shared.got == 1);
	CHECK_EQ(weft_timer_stop(&shared.t), 0);
	CHECK_EQ(shared.got, 1);
	CHECK_EQ(weft_timer_start(&shared.t, weft_in(WEFT_US), 100 * WEFT_US),
		 0);
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	CHECK_EQ(shared.got, N);
	CHECK_EQ(weft_timer_stop(&shared.t), 1);
	weft_timer_fini(&shared.t);
	return 0;
}

Test(timer_shared, each_tick_ends_one_wait)
{
	EACH(ticks_for_many);
}

static void *thread_waits(void *arg)
{
	wait_once(arg);
	return NULL;
}

static int between_threads(void *arg)
{
	pthread_t thread;
	weft_id id;

	(void)arg;
	shared_init();
	CHECK_EQ(pthread_create(&thread, NULL, thread_waits, NULL), 0);
	CHECK_EQ(weft_spawn(&id, NULL, wait_once, NULL), 0);
	wait_until(shared.waiting == 2);
	CHECK_EQ(weft_timer_start(&shared.t, weft_in(WEFT_MS), WEFT_MS), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	wait_until(shared.got == 2);
	pthread_join(thread, NULL);
	CHECK_EQ(weft_timer_stop(&shared.t), 1);
	weft_timer_fini(&shared.t);
	return 0;
}

Test(timer_shared, threads_and_routines_wait_together)
{
	EACH(between_threads);
}

static void *thread_starts(void *arg)
{
	/* It has a hand in this, so waiting for it is no deadlock. */
	CHECK_EQ(weft_timer_stop(&shared.t), 0);
	shared.helping = true;
	wait_until(shared.waiting == 1);
	CHECK_EQ(weft_timer_start(&shared.t, weft_in(WEFT_MS), 0), 0);
	return arg;
}

static int started_outside(void *arg)
{
	pthread_t thread;

	shared_init();
	CHECK_EQ(pthread_create(&thread, NULL, thread_starts, NULL), 0);
	wait_until(shared.helping);
	CHECK_EQ(wait_once(arg), 0);
	pthread_join(thread, NULL);
	weft_timer_fini(&shared.t);
	return 0;
}

Test(timer_shared, a_plain_thread_starts_what_others_wait_for)
{
	ANYWHERE(started_outside);
}

/* --- races -------------------------------------------------------------------------- */

/* Every start begins a life, and a life ends in one way: its value is taken,
 * a stop says 1, or a start does. */
static struct {
	weft_timer t;
	atomic_long begun, taken, stopped, moved;
	atomic_uint seed;
	atomic_int left;
} race;

static int racer(void *arg)
{
	unsigned seed = race.seed++;
	weft_time v;
	int got;

	for (int i = fewer(2000); i > 0; i--) {
		switch (rnd(&seed, 4)) {
		case 0:
			got = weft_timer_start(&race.t,
				weft_in((weft_time)rnd(&seed, 40000) - 10000),
				0);
			CHECK(got == 0 || got == 1);
			race.begun++;
			race.moved += got;
			break;
		case 1:
			race.stopped += weft_timer_stop(&race.t);
			break;
		case 2:
			got = weft_timer_wait(&race.t,
					      weft_in(rnd(&seed, 20000)));
			CHECK(got == 0 || got == -ETIMEDOUT);
			race.taken += got == 0;
			break;
		default:
			got = weft_chan_try_recv(weft_timer_chan(&race.t), &v);
			CHECK(got == 0 ? v <= weft_now() : got == -EAGAIN);
			race.taken += got == 0;
		}
	}
	race.left--;
	(void)arg;
	return 0;
}

static int races(void *arg)
{
	struct crew c;

	(void)arg;
	weft_timer_init(&race.t);
	race.begun = race.taken = race.stopped = race.moved = 0;
	race.seed = 0;
	race.left = 6;
	crew_start(&c, 4, 2, racer, NULL);
	while (race.left)
		weft_yield();
	crew_join(&c);
	race.stopped += weft_timer_stop(&race.t);
	CHECK_EQ(race.begun, race.taken + race.stopped + race.moved);
	weft_timer_fini(&race.t);
	return 0;
}

Test(timer_shared, start_stop_and_wait_from_several_threads)
{
	EACH(races);
}

/* --- many ---------------------------------------------------------------------------- */

enum { MANY = 100000 };

static int many(void *arg)
{
	const int n = fewer(SANITIZED ? MANY / 10 : MANY);
	weft_timer *t = malloc((size_t)n * sizeof *t);
	unsigned seed = 5;
	int fired = 0;

	(void)arg;
	for (int i = 0; i < n; i++) {
		weft_timer_init(&t[i]);
		CHECK_EQ(weft_timer_start(&t[i], weft_in(rnd(&seed, 1000000)),
					  0), 0);
	}
	for (int i = 0; i < n; i += 3)
		CHECK_EQ(weft_timer_stop(&t[i]), 1);
	for (int i = 0; i < n; i++) {
		if (i % 3) {
			CHECK_EQ(weft_timer_wait(&t[i], WEFT_FOREVER), 0);
			fired++;
		}
		weft_timer_fini(&t[i]);
	}
	CHECK_EQ(fired, n - (n + 2) / 3);
	free(t);
	return 0;
}

Test(timer_shared, a_hundred_thousand)
{
	ANYWHERE(many);
}

static struct {
	weft_timer t[1000];
	atomic_int fired;
} crowd;

static void crowd_wait(void *arg)
{
	CHECK_EQ(weft_timer_wait(arg, WEFT_FOREVER), 0);
	crowd.fired++;
}

static int waited_for(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	crowd.fired = 0;
	for (size_t i = 0; i < COUNT(crowd.t); i++) {
		weft_timer_init(&crowd.t[i]);
		CHECK_EQ(weft_timer_start(&crowd.t[i],
					  weft_in(rnd(&seed, 20000000)), 0), 0);
		CHECK_EQ(weft_go(crowd_wait, &crowd.t[i]), 0);
	}
	wait_until(crowd.fired == COUNT(crowd.t));
	for (size_t i = 0; i < COUNT(crowd.t); i++)
		weft_timer_fini(&crowd.t[i]);
	return 0;
}

Test(timer_shared, each_with_its_waiter)
{
	EACH(waited_for);
}

/* --- ends ------------------------------------------------------------------------------ */

/* A timer goes on from one runtime to the next. */
static weft_timer outlives;

static void wait_outlives(void *arg)
{
	(void)arg;
	(void)!weft_timer_wait(&outlives, WEFT_FOREVER);
	CHECK(!"the routine was discarded");
}

static int first_run(void *arg)
{
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_go(wait_outlives, NULL), 0);
	CHECK_EQ(weft_timer_start(&outlives, weft_in(3600 * WEFT_S), 0), 0);
	weft_yield();
	return 0 * (int)(uintptr_t)arg;
}

static int second_run(void *arg)
{
	weft_time v;

	(void)arg;
	CHECK_EQ(weft_timer_start(&outlives, weft_in(WEFT_MS), WEFT_MS), 1);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_chan_recv(weft_timer_chan(&outlives), &v), 0);
	CHECK_EQ(weft_timer_stop(&outlives), 1);
	return 0;
}

Test(timer_shared, outlives_a_runtime_that_waited_for_it)
{
	weft_timer_init(&outlives);
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		cr_assert_eq(run_on(worker_counts[i], first_run, NULL), 0);
		cr_assert_eq(run_on(worker_counts[i], second_run, NULL), 0);
		cr_assert_eq(failures, 0);
	}
	weft_timer_fini(&outlives);
}

static int wait_shared_cancelled(void *arg)
{
	(void)arg;
	shared.waiting++;
	return weft_timer_wait(&shared.t, WEFT_FOREVER);
}

static int cancelled(void *arg)
{
	weft_id id;
	int status;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		shared_init();
		if (i % 2)
			CHECK_EQ(weft_timer_start(&shared.t,
						  weft_in(3600 * WEFT_S), 0), 0);
		CHECK_EQ(weft_spawn(&id, NULL, wait_shared_cancelled, NULL), 0);
		if (i % 4 < 2)
			wait_until(shared.waiting == 1);
		CHECK_EQ(weft_cancel(id), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, -ECANCELED);
		CHECK_EQ(weft_timer_stop(&shared.t), i % 2);
		weft_timer_fini(&shared.t);
	}
	return 0;
}

Test(timer_shared, a_cancelled_wait_takes_nothing)
{
	EACH(cancelled);
}

/* A wait for a stopped timer is a deadlock, and is seen at once though the
 * timer was running when the wait began. */
static int wait_for_nothing(void *arg)
{
	weft_id id;

	(void)arg;
	shared_init();
	CHECK_EQ(weft_timer_start(&shared.t, weft_in(3600 * WEFT_S), 0), 0);
	CHECK_EQ(weft_spawn(&id, NULL, wait_once, NULL), 0);
	wait_until(shared.waiting == 1);
	for (int i = 0; i < 1000; i++)
		weft_yield();
	CHECK_EQ(weft_timer_stop(&shared.t), 1);
	return weft_join(id, NULL);
}

static int deadlock_child(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	return run_on(n, wait_for_nothing, NULL) == -EDEADLK && !failures ?
	       0 : 1;
}

Test(timer_shared, waiting_for_a_stopped_one_is_a_deadlock)
{
	for (unsigned n = 1; n <= 4; n++) {
		cr_assert_eq(in_child(deadlock_child, (void *)(uintptr_t)n), 0,
			     "%s", said);
		cr_assert(strstr(said, "timer"), "%s", said);
	}
}
