/* api/once.c - something that is done once, one sentence a test. */
#include "support/crew.h"

#include <sched.h>
#include <weft/panic.h>

TestSuite(once, .timeout = 120);

struct scene {
	weft_once o;
	atomic_int ran, back, errors;
	atomic_bool go;
};

static void wait_for_go(void *arg)
{
	struct scene *s = arg;

	s->ran++;
	wait_until(s->go);
}

static int ask(void *arg)
{
	struct scene *s = arg;

	weft_once_do(&s->o, wait_for_go, s);
	CHECK(s->go);
	s->back++;
	return 0;
}

static int ask_until(void *arg)
{
	struct scene *s = arg;
	int err;

	while ((err = weft_once_do_until(&s->o, wait_for_go, s,
					 weft_in(50 * WEFT_US)))) {
		CHECK_EQ(err, -ETIMEDOUT);
		s->errors++;
	}
	CHECK(s->go);
	s->back++;
	return 0;
}

static int one_runs(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 20; lap++) {
		struct scene s = { WEFT_ONCE_INIT, 0, 0, 0, false };
		struct crew plain, timed;

		crew_start(&plain, 9, 2, ask, &s);
		crew_start(&timed, 5, 1, ask_until, &s);
		wait_until(s.ran == 1);
		for (int i = 0; i < lap; i++)
			weft_yield();
		CHECK_EQ(s.back, 0);
		s.go = true;
		crew_join(&plain);
		crew_join(&timed);
		CHECK_EQ(s.ran, 1);
		CHECK_EQ(s.back, 17);
		CHECK_EQ(WAITING(&s.o), 0);
	}
	return 0;
}

Test(once, runs_the_first_and_all_return_when_it_has_ended)
{
	ANYWHERE(one_runs);
}

static void count(void *arg)
{
	++*(int *)arg;
}

static int again(void *arg)
{
	weft_once o = WEFT_ONCE_INIT, zero;
	int n = 0;

	(void)arg;
	memset(&zero, 0, sizeof zero);
	for (int i = 0; i < 1000; i++) {
		weft_once_do(&o, count, &n);
		(weft_once_do)(&o, count, &n);
		CHECK_EQ(weft_once_do_until(&o, count, &n, WEFT_NOWAIT), 0);
		CHECK_EQ(weft_once_do_until(&o, count, &n, -1), 0);
	}
	CHECK_EQ(n, 1);
	CHECK_EQ(weft_once_do_until(&zero, count, &n, WEFT_NOWAIT), 0);
	CHECK_EQ(n, 2);
	return 0;
}

Test(once, is_a_load_when_it_is_done)
{
	ANYWHERE(again);
}

static int codes(void *arg)
{
	struct scene s = { WEFT_ONCE_INIT, 0, 0, 0, false };
	struct crew c;
	weft_time t;

	(void)arg;
	crew_start(&c, 1, 0, ask, &s);
	wait_until(s.ran == 1);
	CHECK_EQ(weft_once_do_until(&s.o, count, NULL, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_once_do_until(&s.o, count, NULL, -1), -ETIMEDOUT);
	CHECK_EQ(weft_once_do_until(&s.o, count, NULL, 1), -ETIMEDOUT);
	t = weft_in(WEFT_MS);
	CHECK_EQ(weft_once_do_until(&s.o, count, NULL, t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	s.go = true;
	crew_join(&c);
	return 0;
}

Test(once, has_the_codes_of_a_wait_while_another_runs_it)
{
	ANYWHERE(codes);
}

static void leave_early(void *arg)
{
	++*(atomic_int *)arg;
	weft_exit(7);
}

struct early {
	weft_once o;
	atomic_int ran, back, panics;
};

static int ask_early(void *arg)
{
	struct early *e = arg;

	weft_once_do(&e->o, leave_early, &e->ran);
	e->back++;
	return 0;
}

static int exits(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 50; lap++) {
		struct early e = { WEFT_ONCE_INIT, 0, 0, 0 };
		struct crew c;

		crew_start(&c, 10, 0, ask_early, &e);
		crew_join(&c);
		CHECK_EQ(e.ran, 1);
		CHECK_EQ(e.back, 9);
	}
	return 0;
}

Test(once, counts_as_run_when_fn_exits)
{
	EACH(exits);
}

static void fail(void *arg)
{
	++*(atomic_int *)arg;
	weft_panic("out of luck");
}

static int ask_failing(void *arg)
{
	struct early *e = arg;

	weft_once_do(&e->o, fail, &e->ran);
	e->back++;
	return 0;
}

static int try_failing(void *arg)
{
	struct early *e = arg;
	int err = weft_try(ask_failing, e);

	CHECK(err == 0 || err == WEFT_EPANIC);
	e->panics += err != 0;
	return 0;
}

static void recurse(void *arg)
{
	weft_once_do(arg, recurse, arg);
}

static int recurse_here(void *arg)
{
	static weft_once o;

	(void)arg;
	weft_once_do(&o, recurse, &o);
	return 0;
}

static int panics(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 50; lap++) {
		struct early e = { WEFT_ONCE_INIT, 0, 0, 0 };
		struct crew c;

		crew_start(&c, 10, 0, try_failing, &e);
		crew_join(&c);
		CHECK_EQ(e.ran, 1);
		CHECK_EQ(e.back, 9);
		CHECK_EQ(e.panics, 1);
	}
	return 0;
}

Test(once, counts_as_run_when_fn_panics)
{
	EACH(panics);
}

/* The runner's last access comes before anybody else returns. */
static int frame(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 500; lap++) {
		struct scene s = { WEFT_ONCE_INIT, 0, 0, 0, true };
		struct crew c;

		crew_start(&c, 1, 0, ask, &s);
		wait_until(s.ran == 1);
		weft_once_do(&s.o, wait_for_go, &s);
		memset(&s.o, 0xff, sizeof s.o);
		crew_join(&c);
	}
	return 0;
}

Test(once, may_go_when_one_has_returned)
{
	ANYWHERE(frame);
}

static int recurse_there(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_try(recurse_here, NULL), WEFT_EPANIC);
	CHECK(strstr(weft_panic_text(), "once: fn waits for its own once"));
	return 0;
}

Test(once, of_itself_panics_on_a_thread)
{
	cr_assert_eq(in_child(recurse_here, NULL), -SIGABRT);
	cr_assert(strstr(said, "once: fn waits for its own once"), "%s", said);
}

Test(once, of_itself_panics_in_a_routine)
{
	cr_assert_eq(run_on(2, recurse_there, NULL), 0);
	cr_assert_eq(failures, 0);
}

static int nothing(void *arg)
{
	static weft_once o;

	(void)arg;
	weft_once_do(&o, NULL, NULL);
	return 0;
}

Test(once, of_nothing_panics)
{
	cr_assert_eq(in_child(nothing, NULL), -SIGABRT);
	cr_assert(strstr(said, "once: no function"), "%s", said);
}

static weft_once lasting;

static void park_in_fn(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_park_until(WEFT_FOREVER), 0);
}

static void run_lasting(void *arg)
{
	weft_once_do(&lasting, park_in_fn, arg);
}

static int leave_parked(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_go(run_lasting, NULL), 0);
	wait_until(WAITING(&lasting) == 2);
	return 0;
}

Test(once, lets_go_of_routines_that_are_discarded)
{
	cr_assert_eq(run_on(2, leave_parked, NULL), 0);
	cr_assert_eq(WAITING(&lasting), 0);
	cr_assert_eq(weft_once_do_until(&lasting, count, NULL, WEFT_NOWAIT),
		     -EAGAIN);
	cr_assert_eq(failures, 0);
}

/* A thread that runs fn will end it: no deadlock, though it waits for nothing. */
static weft_once threads;
static atomic_bool begun;

static void take_time(void *arg)
{
	(void)arg;
	begun = true;
	/* Until somebody waits, and for a verdict after that. */
	while (WAITING(&threads) == 0)
		sched_yield();
	for (int i = 0; i < 1000; i++)
		sched_yield();
}

static void *run_it(void *arg)
{
	weft_once_do(&threads, take_time, NULL);
	return arg;
}

static int wait_for_thread(void *arg)
{
	pthread_t thread;

	(void)arg;
	threads = (weft_once)WEFT_ONCE_INIT;
	begun = false;
	CHECK_EQ(pthread_create(&thread, NULL, run_it, NULL), 0);
	while (!begun)
		weft_yield();
	weft_once_do(&threads, take_time, NULL);
	pthread_join(thread, NULL);
	return 0;
}

Test(once, run_by_a_plain_thread_is_no_deadlock)
{
	EACH(wait_for_thread);
}

static int ask_cancelled(void *arg)
{
	struct scene *s = arg;

	CHECK_EQ(weft_once_do_until(&s->o, wait_for_go, s, WEFT_FOREVER),
		 -ECANCELED);
	CHECK_EQ(weft_once_do_until(&s->o, wait_for_go, s, WEFT_NOWAIT),
		 -EAGAIN);
	s->errors++;
	weft_once_do(&s->o, wait_for_go, s);
	CHECK(s->go);
	CHECK_EQ(weft_once_do_until(&s->o, wait_for_go, s, WEFT_FOREVER),
		 -ECANCELED);
	return 0;
}

static int cancels(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 50; lap++) {
		struct scene s = { WEFT_ONCE_INIT, 0, 0, 0, false };
		struct crew runner, other;

		crew_start(&runner, 1, 0, ask, &s);
		wait_until(s.ran == 1);
		crew_start(&other, 1, 0, ask_cancelled, &s);
		if (lap & 1)
			wait_until(WAITING(&s.o) == 1);
		CHECK_EQ(weft_cancel(other.id[0]), 0);
		wait_until(s.errors == 1);
		s.go = true;
		crew_join(&runner);
		crew_join(&other);
	}
	return 0;
}

Test(once, do_is_no_cancel_point_and_do_until_is_one)
{
	EACH(cancels);
}
