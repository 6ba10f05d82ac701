/* api/barrier.c - the cyclic barrier, one sentence a test. */
#include "support/crew.h"

TestSuite(barrier, .timeout = 120);

static int codes(void *arg)
{
	weft_barrier zero, none = WEFT_BARRIER_INIT(0);
	weft_barrier less = WEFT_BARRIER_INIT(-3), one = WEFT_BARRIER_INIT(1);
	weft_barrier two = WEFT_BARRIER_INIT(2);
	weft_time t;

	(void)arg;
	memset(&zero, 0, sizeof zero);
	CHECK_EQ(weft_barrier_wait(&zero), -EINVAL);
	CHECK_EQ(weft_barrier_wait(&none), -EINVAL);
	CHECK_EQ(weft_barrier_wait(&less), -EINVAL);
	CHECK_EQ(weft_barrier_wait_until(&none, WEFT_NOWAIT), -EINVAL);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(weft_barrier_wait(&one), 1);
		CHECK_EQ(weft_barrier_wait_until(&one, WEFT_NOWAIT), 1);
		CHECK_EQ(weft_barrier_wait_until(&one, -1), 1);
	}
	/* Who gives up takes its arrival back. */
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(weft_barrier_wait_until(&two, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(weft_barrier_wait_until(&two, -1), -ETIMEDOUT);
		CHECK_EQ(weft_barrier_wait_until(&two, 1), -ETIMEDOUT);
		t = weft_in(WEFT_MS);
		CHECK_EQ(weft_barrier_wait_until(&two, t), -ETIMEDOUT);
		CHECK(weft_now() >= t);
	}
	return 0;
}

Test(barrier, answers_with_the_codes_of_the_contract)
{
	ANYWHERE(codes);
}

enum { PARTIES = 7, ROUNDS = 100 };

struct scene {
	weft_barrier b;
	atomic_int arrived[ROUNDS], firsts[ROUNDS], timeouts;
};

static int all_rounds(void *arg)
{
	struct scene *s = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int got;

		s->arrived[i]++;
		got = weft_barrier_wait(&s->b);
		CHECK(got == 0 || got == 1);
		CHECK_EQ(s->arrived[i], PARTIES);
		s->firsts[i] += got;
	}
	return 0;
}

/* Arrives again until it is through. */
static int all_rounds_timed(void *arg)
{
	struct scene *s = arg;

	for (int i = 0; i < ROUNDS; i++) {
		weft_time ns = WEFT_US;
		int got;

		s->arrived[i]++;
		while ((got = weft_barrier_wait_until(&s->b, weft_in(ns))) < 0) {
			CHECK_EQ(got, -ETIMEDOUT);
			s->timeouts++;
			ns = ns < WEFT_MS ? 2 * ns : ns;
		}
		CHECK_EQ(s->arrived[i], PARTIES);
		s->firsts[i] += got;
	}
	return 0;
}

static int rounds(void *arg)
{
	struct scene s = { .b = WEFT_BARRIER_INIT(PARTIES) };
	struct crew plain, timed;

	(void)arg;
	crew_start(&plain, 3, 1, all_rounds, &s);
	crew_start(&timed, 2, 1, all_rounds_timed, &s);
	crew_join(&plain);
	crew_join(&timed);
	for (int i = 0; i < ROUNDS; i++)
		CHECK_EQ(s.firsts[i], 1);
	CHECK_EQ(WAITING(&s.b), 0);
	return 0;
}

Test(barrier, tells_one_party_of_each_round_and_is_used_again_at_once)
{
	ANYWHERE(rounds);
}

static int arrive(void *arg)
{
	return weft_barrier_wait(arg);
}

static int frame(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 500; lap++) {
		weft_barrier b = WEFT_BARRIER_INIT(3);
		struct crew c;
		int got;

		crew_start(&c, 2, 0, arrive, &b);
		do
			got = lap & 1 ? weft_barrier_wait(&b)
				: weft_barrier_wait_until(&b, weft_in(WEFT_US));
		while (got < 0);
		memset(&b, 0xff, sizeof b);
		crew_join(&c);
	}
	return 0;
}

Test(barrier, may_go_when_one_party_of_the_last_round_has_returned)
{
	ANYWHERE(frame);
}

static int cancelled(void *arg)
{
	weft_barrier one = WEFT_BARRIER_INIT(1);

	CHECK_EQ(weft_barrier_wait(arg), -ECANCELED);
	CHECK_EQ(weft_barrier_wait(arg), -ECANCELED);
	CHECK_EQ(weft_barrier_wait_until(&one, weft_in(WEFT_S)), -ECANCELED);
	CHECK_EQ(weft_barrier_wait_until(&one, WEFT_NOWAIT), 1);
	return 0;
}

static int cancels(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 100; lap++) {
		weft_barrier b = WEFT_BARRIER_INIT(2);
		struct crew c, d;

		crew_start(&c, 1, 0, cancelled, &b);
		if (lap & 1)
			wait_until(WAITING(&b) == 1);
		CHECK_EQ(weft_cancel(c.id[0]), 0);
		crew_join(&c);
		/* Its arrival does not count. */
		CHECK_EQ(weft_barrier_wait_until(&b, WEFT_NOWAIT), -EAGAIN);
		crew_start(&d, 1, 0, arrive, &b);
		CHECK(weft_barrier_wait(&b) >= 0);
		crew_join(&d);
	}
	return 0;
}

Test(barrier, wait_is_a_cancel_point_that_takes_the_arrival_back)
{
	EACH(cancels);
}

static weft_barrier lasting = WEFT_BARRIER_INIT(3);

static void arrive_for_ever(void *arg)
{
	(void)arg;
	weft_barrier_wait(&lasting);
}

static int leave_parked(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++)
		CHECK_EQ(weft_go(arrive_for_ever, NULL), 0);
	wait_until(WAITING(&lasting) == 2);
	return 0;
}

Test(barrier, outlives_a_run_whose_routines_had_arrived)
{
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(run_on(2, leave_parked, NULL), 0);
		cr_assert_eq(WAITING(&lasting), 0);
	}
	cr_assert_eq(weft_barrier_wait_until(&lasting, WEFT_NOWAIT), -EAGAIN);
	cr_assert_eq(failures, 0);
}
