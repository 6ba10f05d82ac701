/* api/latch.c - the countdown latch, one sentence a test. */
#include "support/crew.h"

#include <limits.h>

TestSuite(latch, .timeout = 120);

static int codes(void *arg)
{
	weft_latch l = WEFT_LATCH_INIT(3);
	weft_time t;

	(void)arg;
	CHECK_EQ(weft_latch_wait_until(&l, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_latch_try_wait(&l), -EAGAIN);
	CHECK_EQ(weft_latch_wait_until(&l, -1), -ETIMEDOUT);
	CHECK_EQ(weft_latch_wait_until(&l, 1), -ETIMEDOUT);
	t = weft_in(WEFT_MS);
	CHECK_EQ(weft_latch_wait_until(&l, t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	weft_latch_count_down(&l, 2);
	weft_latch_count_down(&l, 0);
	CHECK_EQ(weft_latch_try_wait(&l), -EAGAIN);
	weft_latch_count_down(&l, 1);
	CHECK_EQ(weft_latch_wait(&l), 0);
	CHECK_EQ(weft_latch_wait_until(&l, -1), 0);
	CHECK_EQ(weft_latch_wait_until(&l, WEFT_NOWAIT), 0);
	CHECK_EQ(weft_latch_try_wait(&l), 0);
	return 0;
}

Test(latch, opens_at_zero_and_not_before)
{
	ANYWHERE(codes);
}

static int extremes(void *arg)
{
	weft_latch l = WEFT_LATCH_INIT(2), zero, less = WEFT_LATCH_INIT(-5);
	weft_latch many = WEFT_LATCH_INIT(LONG_MAX);

	(void)arg;
	/* Zero and less is open. */
	memset(&zero, 0, sizeof zero);
	CHECK_EQ(weft_latch_try_wait(&zero), 0);
	CHECK_EQ(weft_latch_wait(&zero), 0);
	weft_latch_count_down(&zero, 1);
	CHECK_EQ(weft_latch_wait(&zero), 0);
	weft_latch_count_down(&less, 1);
	CHECK_EQ(weft_latch_wait_until(&less, -1), 0);
	/* It stops at zero. */
	weft_latch_count_down(&l, 5);
	CHECK_EQ(weft_latch_wait(&l), 0);
	weft_latch_count_down(&l, LONG_MAX);
	weft_latch_count_down(&l, 1);
	CHECK_EQ(weft_latch_wait(&l), 0);
	weft_latch_count_down(&many, LONG_MAX - 1);
	CHECK_EQ(weft_latch_try_wait(&many), -EAGAIN);
	weft_latch_count_down(&many, 1);
	CHECK_EQ(weft_latch_try_wait(&many), 0);
	return 0;
}

Test(latch, does_not_go_below_zero)
{
	ANYWHERE(extremes);
}

static int upwards(void *arg)
{
	weft_latch l = WEFT_LATCH_INIT(2);

	(void)arg;
	weft_latch_count_down(&l, -1);
	return 0;
}

Test(latch, counting_up_panics)
{
	cr_assert_eq(in_child(upwards, NULL), -SIGABRT);
	cr_assert(strstr(said, "latch: count down by -1"), "%s", said);
}

struct scene {
	weft_latch l;
	atomic_int back, timeouts;
};

static int wait_plain(void *arg)
{
	struct scene *s = arg;

	CHECK_EQ(weft_latch_wait(&s->l), 0);
	s->back++;
	return 0;
}

static int wait_timed(void *arg)
{
	struct scene *s = arg;
	weft_time ns = WEFT_US;
	int err;

	while ((err = weft_latch_wait_until(&s->l, weft_in(ns)))) {
		CHECK_EQ(err, -ETIMEDOUT);
		s->timeouts++;
		ns = ns < WEFT_MS ? 2 * ns : ns;
	}
	s->back++;
	return 0;
}

static int count_one(void *arg)
{
	weft_latch_count_down(&((struct scene *)arg)->l, 1);
	return 0;
}

static int crowd(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 20; lap += under("valgrind") ? 5 : 1) {
		struct scene s = { .l = WEFT_LATCH_INIT(4) };
		struct crew plain, timed, counters;

		crew_start(&plain, 20, 2, wait_plain, &s);
		crew_start(&timed, 10, 2, wait_timed, &s);
		for (int i = 0; i < lap * 5; i++)
			weft_yield();
		weft_latch_count_down(&s.l, 1);
		CHECK_EQ(s.back, 0);
		crew_start(&counters, 2, 1, count_one, &s);
		crew_join(&counters);
		crew_join(&plain);
		crew_join(&timed);
		CHECK_EQ(s.back, 34);
		CHECK_EQ(WAITING(&s.l), 0);
	}
	return 0;
}

Test(latch, lets_everybody_through)
{
	ANYWHERE(crowd);
}

static int frame(void *arg)
{
	(void)arg;
	for (int lap = fewer(500); lap > 0; lap--) {
		struct scene s = { .l = WEFT_LATCH_INIT(2) };
		struct crew c;

		crew_start(&c, 2, 0, count_one, &s);
		switch (lap % 3) {
		case 0:
			CHECK_EQ(weft_latch_wait(&s.l), 0);
			break;
		case 1:
			wait_until(weft_latch_try_wait(&s.l) == 0);
			break;
		default:
			while (weft_latch_wait_until(&s.l, weft_in(WEFT_US)))
				;
		}
		memset(&s, 0xff, sizeof s);
		crew_join(&c);
	}
	return 0;
}

Test(latch, may_go_when_wait_has_returned)
{
	ANYWHERE(frame);
}

static int cancelled(void *arg)
{
	weft_latch open = WEFT_LATCH_INIT(0);

	CHECK_EQ(weft_latch_wait(arg), -ECANCELED);
	CHECK_EQ(weft_latch_wait(&open), -ECANCELED);
	CHECK_EQ(weft_latch_wait_until(&open, -1), -ECANCELED);
	CHECK_EQ(weft_latch_wait_until(&open, WEFT_NOWAIT), 0);
	CHECK_EQ(weft_latch_try_wait(&open), 0);
	return 0;
}

static int cancels(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < fewer(100); lap++) {
		weft_latch l = WEFT_LATCH_INIT(1);
		struct crew c;

		crew_start(&c, 1, 0, cancelled, &l);
		if (lap & 1)
			wait_until(WAITING(&l) == 1);
		CHECK_EQ(weft_cancel(c.id[0]), 0);
		crew_join(&c);
		CHECK_EQ(WAITING(&l), 0);
		weft_latch_count_down(&l, 1);
		CHECK_EQ(weft_latch_wait(&l), 0);
	}
	return 0;
}

Test(latch, wait_is_a_cancel_point)
{
	EACH(cancels);
}

static weft_latch lasting = WEFT_LATCH_INIT(1);

static void wait_for_ever(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_latch_wait(&lasting), 0);
}

static int leave_parked(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_go(wait_for_ever, NULL), 0);
	wait_until(WAITING(&lasting) == 3);
	return 0;
}

Test(latch, outlives_a_run_whose_routines_waited_for_it)
{
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(run_on(2, leave_parked, NULL), 0);
		cr_assert_eq(WAITING(&lasting), 0);
	}
	weft_latch_count_down(&lasting, 1);
	cr_assert_eq(weft_latch_wait(&lasting), 0);
	cr_assert_eq(failures, 0);
}
