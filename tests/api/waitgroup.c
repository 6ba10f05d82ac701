/* api/waitgroup.c - the waitgroup, one sentence a test. */
#include "support/promise.h"

#include <errno.h>
#include <pthread.h>

TestSuite(waitgroup, .timeout = 120);

static int zero_body(void *arg)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	(void)arg;
	weft_waitgroup_wait(&g);
	PROMISE(weft_waitgroup_wait_until(&g, -1) == 0);
	PROMISE(weft_waitgroup_wait_until(&g, WEFT_NOWAIT) == 0);
	weft_waitgroup_add(&g, 3);
	PROMISE(weft_waitgroup_wait_until(&g, WEFT_NOWAIT) == -EAGAIN);
	PROMISE(weft_waitgroup_wait_until(&g, -1) == -ETIMEDOUT);
	PROMISE(weft_waitgroup_wait_until(&g, 1) == -ETIMEDOUT);
	PROMISE(weft_waitgroup_wait_until(&g, weft_in(WEFT_MS)) == -ETIMEDOUT);
	weft_waitgroup_done(&g);
	weft_waitgroup_add(&g, -2);
	weft_waitgroup_wait(&g);
	weft_waitgroup_add(&g, 0);
	PROMISE(weft_waitgroup_wait_until(&g, WEFT_NOWAIT) == 0);
	return 0;
}

Test(waitgroup, waits_for_zero_and_no_longer)
{
	anywhere(zero_body);
}

Test(waitgroup, all_zero_is_ready)
{
	weft_waitgroup g;

	memset(&g, 0, sizeof g);
	weft_waitgroup_wait(&g);
	cr_expect_eq(sizeof g, 16);
}

static _Atomic int ran;

static void run_one(void *arg)
{
	(void)arg;
	ran++;
}

static int go_body(void *arg)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	(void)arg;
	for (int lap = 0; lap < 50; lap++) {
		ran = 0;
		for (int i = 0; i < 20; i++)
			PROMISE(weft_waitgroup_go(&g, run_one, NULL) == 0);
		weft_waitgroup_wait(&g);
		PROMISE(ran == 20);
	}
	PROMISE(weft_waitgroup_go(&g, NULL, NULL) == -EINVAL);
	weft_waitgroup_wait(&g);
	return 0;
}

Test(waitgroup, go_counts_and_can_be_used_again)
{
	everywhere(go_body);
}

static void leave_early(void *arg)
{
	(void)arg;
	ran++;
	weft_exit(3);
}

static int exit_body(void *arg)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	(void)arg;
	ran = 0;
	for (int i = 0; i < 100; i++)
		PROMISE(weft_waitgroup_go(&g, i % 2 ? leave_early : run_one,
					  NULL) == 0);
	weft_waitgroup_wait(&g);
	PROMISE(ran == 100);
	return 0;
}

Test(waitgroup, go_counts_a_routine_that_exits)
{
	everywhere(exit_body);
}

Test(waitgroup, go_without_a_runtime_restores_the_count)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	cr_expect_eq(weft_waitgroup_go(&g, run_one, NULL), -EPERM);
	cr_expect_eq(weft_waitgroup_wait_until(&g, WEFT_NOWAIT), 0);
}

struct crowd {
	weft_waitgroup g, out;
	_Atomic int back, timeouts;
};

static void wait_plain(void *arg)
{
	struct crowd *c = arg;

	weft_waitgroup_wait(&c->g);
	c->back++;
	weft_waitgroup_done(&c->out);
}

static void wait_with_deadline(void *arg)
{
	struct crowd *c = arg;
	weft_time t = WEFT_US;

	while (weft_waitgroup_wait_until(&c->g, weft_in(t))) {
		c->timeouts++;
		t = t < WEFT_MS ? 2 * t : t;
	}
	c->back++;
	weft_waitgroup_done(&c->out);
}

static void *wait_on_thread(void *arg)
{
	wait_plain(arg);
	return NULL;
}

static int crowd_body(void *arg)
{
	struct crowd c = { .back = 0 };
	pthread_t thread;

	(void)arg;
	for (int lap = 0; lap < 20; lap++) {
		c.back = 0;
		weft_waitgroup_add(&c.g, 2);
		weft_waitgroup_add(&c.out, 41);
		for (int i = 0; i < 20; i++) {
			PROMISE(weft_go(wait_plain, &c) == 0);
			PROMISE(weft_go(wait_with_deadline, &c) == 0);
		}
		PROMISE(!pthread_create(&thread, NULL, wait_on_thread, &c));
		for (int i = 0; i < lap; i++)
			weft_yield();
		weft_waitgroup_done(&c.g);
		for (int i = 0; i < lap * 10; i++)
			weft_yield();
		PROMISE(c.back == 0);
		weft_waitgroup_done(&c.g);
		while (weft_waitgroup_wait_until(&c.out, weft_in(WEFT_S)))
			;
		PROMISE(c.back == 41);
		pthread_join(thread, NULL);
	}
	return 0;
}

Test(waitgroup, any_number_of_waiters_of_both_kinds_go_at_zero)
{
	everywhere(crowd_body);
}

static void count_down(void *arg)
{
	weft_waitgroup_done(arg);
}

static int frame_body(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 2000; lap++) {
		weft_waitgroup g = WEFT_WAITGROUP_INIT;

		weft_waitgroup_add(&g, 2);
		PROMISE(weft_go(count_down, &g) == 0);
		PROMISE(weft_go(count_down, &g) == 0);
		weft_waitgroup_wait(&g);
		/* gone: a late touch would show as a hang or a panic later */
		memset(&g, 0xff, sizeof g);
	}
	return 0;
}

Test(waitgroup, may_live_on_a_frame_that_goes_when_wait_returns)
{
	everywhere(frame_body);
}

static void park_for_ever(void *arg)
{
	weft_waitgroup_wait(arg);
}

static int leave_parked(void *arg)
{
	weft_waitgroup_add(arg, 1);
	for (int i = 0; i < 3; i++)
		PROMISE(weft_go(park_for_ever, arg) == 0);
	for (int i = 0; i < 50; i++)
		weft_yield();
	return 0;
}

static int finish(void *arg)
{
	weft_waitgroup_add(arg, -3);
	weft_waitgroup_wait(arg);
	return 0;
}

Test(waitgroup, outlives_a_run_whose_routines_waited_for_it)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	for (int i = 0; i < 3; i++)
		cr_expect_eq(with_workers(2, leave_parked, &g), 0);
	cr_expect_eq(with_workers(2, finish, &g), 0);
}

Test(waitgroup, below_zero_panics, .signal = SIGABRT)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	weft_waitgroup_add(&g, 2);
	weft_waitgroup_add(&g, -3);
}

Test(waitgroup, done_too_often_panics, .signal = SIGABRT)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	weft_waitgroup_done(&g);
}
