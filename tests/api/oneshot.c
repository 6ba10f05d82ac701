/* api/oneshot.c - the one-shot, one sentence a test. */
#include "support/crew.h"

TestSuite(oneshot, .timeout = 120);

static int codes(void *arg)
{
	weft_oneshot o = WEFT_ONESHOT_INIT, zero;
	int a, b;
	void *v = &b;
	weft_time t;

	(void)arg;
	memset(&zero, 0, sizeof zero);
	CHECK_EQ(weft_oneshot_get_until(&o, &v, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_oneshot_try_get(&o, &v), -EAGAIN);
	CHECK_EQ(weft_oneshot_get_until(&o, &v, -1), -ETIMEDOUT);
	CHECK_EQ(weft_oneshot_get_until(&o, &v, 1), -ETIMEDOUT);
	t = weft_in(WEFT_MS);
	CHECK_EQ(weft_oneshot_get_until(&o, &v, t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	CHECK(v == &b);
	CHECK_EQ(weft_oneshot_set(&o, &a), 0);
	CHECK_EQ(weft_oneshot_set(&o, &b), -EALREADY);
	CHECK_EQ(weft_oneshot_set(&o, NULL), -EALREADY);
	for (int i = 0; i < 3; i++) {
		v = NULL;
		CHECK_EQ(weft_oneshot_get(&o, &v), 0);
		CHECK(v == &a);
	}
	CHECK_EQ(weft_oneshot_get(&o, NULL), 0);
	v = NULL;
	CHECK_EQ(weft_oneshot_get_until(&o, &v, -1), 0);
	CHECK(v == &a);
	v = NULL;
	CHECK_EQ(weft_oneshot_get_until(&o, &v, WEFT_NOWAIT), 0);
	CHECK(v == &a);
	v = NULL;
	CHECK_EQ(weft_oneshot_try_get(&o, &v), 0);
	CHECK(v == &a);
	/* NULL is a value. */
	CHECK_EQ(weft_oneshot_set(&zero, NULL), 0);
	CHECK_EQ(weft_oneshot_get(&zero, &v), 0);
	CHECK(!v);
	CHECK_EQ(weft_oneshot_set(&zero, &a), -EALREADY);
	return 0;
}

Test(oneshot, answers_with_the_codes_of_the_contract)
{
	ANYWHERE(codes);
}

struct scene {
	weft_oneshot o;
	atomic_int back, sets, setters, timeouts, mark;
	char token[CREW_MAX];
	void *seen[CREW_MAX];
};

static int read_plain(void *arg)
{
	struct scene *s = arg;
	int i = s->mark++;

	CHECK_EQ(weft_oneshot_get(&s->o, &s->seen[i]), 0);
	s->back++;
	return 0;
}

static int read_timed(void *arg)
{
	struct scene *s = arg;
	weft_time ns = WEFT_US;
	int i = s->mark++, err;

	while ((err = weft_oneshot_get_until(&s->o, &s->seen[i], weft_in(ns)))) {
		CHECK_EQ(err, -ETIMEDOUT);
		CHECK(!s->seen[i]);
		s->timeouts++;
		ns = ns < WEFT_MS ? 2 * ns : ns;
	}
	s->back++;
	return 0;
}

static int set_mine(void *arg)
{
	struct scene *s = arg;
	char *mine = &s->token[s->setters++];
	void *v;
	int err = weft_oneshot_set(&s->o, mine);

	CHECK(err == 0 || err == -EALREADY);
	s->sets += err == 0;
	CHECK_EQ(weft_oneshot_get(&s->o, &v), 0);
	CHECK((v == mine) == (err == 0));
	return 0;
}

static int crowd(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 20; lap += under("valgrind") ? 5 : 1) {
		struct scene s = { .o = WEFT_ONESHOT_INIT };
		struct crew plain, timed, setters;
		void *v;

		crew_start(&plain, 20, 2, read_plain, &s);
		crew_start(&timed, 10, 2, read_timed, &s);
		for (int i = 0; i < lap * 5; i++)
			weft_yield();
		CHECK_EQ(s.back, 0);
		crew_start(&setters, 4, 2, set_mine, &s);
		crew_join(&setters);
		crew_join(&plain);
		crew_join(&timed);
		CHECK_EQ(s.sets, 1);
		CHECK_EQ(s.back, 34);
		CHECK_EQ(weft_oneshot_get(&s.o, &v), 0);
		for (int i = 0; i < 34; i++)
			CHECK(s.seen[i] == v);
		CHECK_EQ(WAITING(&s.o), 0);
	}
	return 0;
}

Test(oneshot, is_set_by_one_and_read_by_all)
{
	ANYWHERE(crowd);
}

static int set_it(void *arg)
{
	CHECK_EQ(weft_oneshot_set(arg, arg), 0);
	return 0;
}

static int frame(void *arg)
{
	(void)arg;
	for (int lap = fewer(500); lap > 0; lap--) {
		weft_oneshot o = WEFT_ONESHOT_INIT;
		void *v = NULL;
		struct crew c;

		crew_start(&c, 1, 0, set_it, &o);
		switch (lap % 3) {
		case 0:
			CHECK_EQ(weft_oneshot_get(&o, &v), 0);
			break;
		case 1:
			wait_until(weft_oneshot_try_get(&o, &v) == 0);
			break;
		default:
			while (weft_oneshot_get_until(&o, &v, weft_in(WEFT_US)))
				;
		}
		CHECK(v == &o);
		memset(&o, 0xff, sizeof o);
		crew_join(&c);
	}
	return 0;
}

Test(oneshot, may_go_when_get_has_returned)
{
	ANYWHERE(frame);
}

static int cancelled(void *arg)
{
	weft_oneshot set = WEFT_ONESHOT_INIT;
	void *v = arg;

	CHECK_EQ(weft_oneshot_set(&set, NULL), 0);
	CHECK_EQ(weft_oneshot_get(arg, &v), -ECANCELED);
	CHECK_EQ(weft_oneshot_get(&set, &v), -ECANCELED);
	CHECK_EQ(weft_oneshot_get_until(&set, &v, -1), -ECANCELED);
	CHECK(v == arg);
	CHECK_EQ(weft_oneshot_get_until(&set, &v, WEFT_NOWAIT), 0);
	CHECK(!v);
	CHECK_EQ(weft_oneshot_try_get(&set, NULL), 0);
	return 0;
}

static int cancels(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < fewer(100); lap++) {
		weft_oneshot o = WEFT_ONESHOT_INIT;
		struct crew c;

		crew_start(&c, 1, 0, cancelled, &o);
		if (lap & 1)
			wait_until(WAITING(&o) == 1);
		CHECK_EQ(weft_cancel(c.id[0]), 0);
		crew_join(&c);
		CHECK_EQ(WAITING(&o), 0);
		CHECK_EQ(weft_oneshot_set(&o, NULL), 0);
	}
	return 0;
}

Test(oneshot, get_is_a_cancel_point)
{
	EACH(cancels);
}

static weft_oneshot lasting;

static void read_for_ever(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_oneshot_get(&lasting, NULL), 0);
}

static int leave_parked(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_go(read_for_ever, NULL), 0);
	wait_until(WAITING(&lasting) == 3);
	return 0;
}

Test(oneshot, outlives_a_run_whose_routines_waited_for_it)
{
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(run_on(2, leave_parked, NULL), 0);
		cr_assert_eq(WAITING(&lasting), 0);
	}
	cr_assert_eq(weft_oneshot_set(&lasting, NULL), 0);
	cr_assert_eq(failures, 0);
}
