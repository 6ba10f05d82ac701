/* api/sem.c - the weighted semaphore, one sentence a test. */
#include "support/crew.h"

#include <limits.h>

TestSuite(sem, .timeout = 120);

static int codes(void *arg)
{
	weft_sem s = WEFT_SEM_INIT(3), zero;
	weft_time t;

	(void)arg;
	memset(&zero, 0, sizeof zero);
	CHECK_EQ(weft_sem_acquire(&s, 0), -EINVAL);
	CHECK_EQ(weft_sem_acquire(&s, -1), -EINVAL);
	CHECK_EQ(weft_sem_try_acquire(&s, 0), -EINVAL);
	CHECK_EQ(weft_sem_try_acquire(&s, LONG_MIN), -EINVAL);
	CHECK_EQ(weft_sem_acquire_until(&s, 0, WEFT_FOREVER), -EINVAL);
	CHECK_EQ(weft_sem_acquire(&s, 2), 0);
	CHECK_EQ(weft_sem_try_acquire(&s, 2), -EAGAIN);
	CHECK_EQ(weft_sem_try_acquire(&s, LONG_MAX), -EAGAIN);
	CHECK_EQ(weft_sem_acquire_until(&s, 2, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_sem_acquire_until(&s, 2, -1), -ETIMEDOUT);
	CHECK_EQ(weft_sem_acquire_until(&s, 2, 1), -ETIMEDOUT);
	t = weft_in(WEFT_MS);
	CHECK_EQ(weft_sem_acquire_until(&s, 2, t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	CHECK_EQ(weft_sem_acquire_until(&s, 1, -1), 0);
	weft_sem_release(&s, 0);
	CHECK_EQ(weft_sem_try_acquire(&s, 1), -EAGAIN);
	weft_sem_release(&s, 1);
	CHECK_EQ(weft_sem_acquire_until(&s, 1, WEFT_NOWAIT), 0);
	CHECK_EQ(weft_sem_try_acquire(&zero, 1), -EAGAIN);
	weft_sem_release(&zero, 1);
	CHECK_EQ(weft_sem_try_acquire(&zero, 1), 0);
	return 0;
}

Test(sem, answers_with_the_codes_of_the_contract)
{
	ANYWHERE(codes);
}

static int no_maximum(void *arg)
{
	weft_sem s = WEFT_SEM_INIT(1), most = WEFT_SEM_INIT(LONG_MAX);
	weft_sem owed = WEFT_SEM_INIT(-2);

	(void)arg;
	weft_sem_release(&s, LONG_MAX - 1);
	CHECK_EQ(weft_sem_acquire(&s, LONG_MAX), 0);
	CHECK_EQ(weft_sem_try_acquire(&s, 1), -EAGAIN);
	CHECK_EQ(weft_sem_acquire(&most, LONG_MAX), 0);
	weft_sem_release(&owed, 2);
	CHECK_EQ(weft_sem_try_acquire(&owed, 1), -EAGAIN);
	weft_sem_release(&owed, 1);
	CHECK_EQ(weft_sem_try_acquire(&owed, 1), 0);
	return 0;
}

Test(sem, has_no_maximum)
{
	ANYWHERE(no_maximum);
}

static int too_many(void *arg)
{
	weft_sem s = WEFT_SEM_INIT(2);

	(void)arg;
	weft_sem_release(&s, LONG_MAX - 1);
	return 0;
}

static int negative(void *arg)
{
	weft_sem s = WEFT_SEM_INIT(2);

	(void)arg;
	weft_sem_release(&s, -1);
	return 0;
}

Test(sem, misuse_panics)
{
	cr_assert_eq(in_child(too_many, NULL), -SIGABRT);
	cr_assert(strstr(said, "sem: more permits than"), "%s", said);
	cr_assert_eq(in_child(negative, NULL), -SIGABRT);
	cr_assert(strstr(said, "sem: release of -1 permits"), "%s", said);
}

struct scene {
	weft_sem s;
	atomic_int inside, most, back, order, errors;
	long wanted;
	weft_time deadline;
};

static int enter_and_leave(void *arg)
{
	struct scene *s = arg;
	int now, most;

	for (long i = 0; i < 100; i++) {
		long n = 1 + i % 3;

		if (i % 4 == 3)
			while (weft_sem_acquire_until(&s->s, n,
						      weft_in(20 * WEFT_US)))
				;
		else
			CHECK_EQ(weft_sem_acquire(&s->s, n), 0);
		now = atomic_fetch_add(&s->inside, (int)n) + (int)n;
		most = s->most;
		while (now > most &&
		       !atomic_compare_exchange_weak(&s->most, &most, now))
			;
		if (i % 5 == 0)
			weft_yield();
		s->inside -= (int)n;
		weft_sem_release(&s->s, n);
	}
	return 0;
}

static int bounds(void *arg)
{
	struct scene s = { .s = WEFT_SEM_INIT(4) };
	struct crew c;

	(void)arg;
	crew_start(&c, 20, 3, enter_and_leave, &s);
	crew_join(&c);
	CHECK(s.most <= 4);
	CHECK_EQ(s.inside, 0);
	CHECK_EQ(weft_sem_try_acquire(&s.s, 5), -EAGAIN);
	CHECK_EQ(weft_sem_try_acquire(&s.s, 4), 0);
	return 0;
}

Test(sem, lets_no_more_in_than_it_has_permits)
{
	ANYWHERE(bounds);
}

struct ticket {
	struct scene *s;
	long wanted;
	int place, err;
	weft_time deadline;
};

static int queue_up(void *arg)
{
	struct ticket *t = arg;

	t->err = t->deadline ? weft_sem_acquire_until(&t->s->s, t->wanted,
						      t->deadline)
			     : weft_sem_acquire(&t->s->s, t->wanted);
	t->place = t->s->order++;
	return 0;
}

/* One after the other, so that the order is known. */
static void line_up(struct scene *s, struct crew *c, struct ticket *t,
		    int n, const long *wanted)
{
	for (int i = 0; i < n; i++) {
		t[i] = (struct ticket){ .s = s, .wanted = wanted[i],
					.deadline = s->deadline };
		crew_start(&c[i], 1, 0, queue_up, &t[i]);
		wait_until(WAITING(&s->s) == (unsigned)i + 1);
	}
}

static int fifo(void *arg)
{
	static const long wanted[] = { 5, 1, 3, 1 };

	(void)arg;
	for (int lap = 0; lap < 20; lap++) {
		struct scene s = { .s = WEFT_SEM_INIT(0) };
		struct ticket t[4];
		struct crew c[4];

		line_up(&s, c, t, 4, wanted);
		/* The big one is not overtaken, be it by who only tries. */
		weft_sem_release(&s.s, 4);
		CHECK_EQ(weft_sem_try_acquire(&s.s, 1), -EAGAIN);
		CHECK_EQ(weft_sem_acquire_until(&s.s, 1, -1), -ETIMEDOUT);
		CHECK_EQ(WAITING(&s.s), 4);
		weft_sem_release(&s.s, 2);
		wait_until(WAITING(&s.s) == 2);
		crew_join(&c[0]);
		crew_join(&c[1]);
		CHECK_EQ(s.order, 2);
		weft_sem_release(&s.s, 3);
		crew_join(&c[2]);
		CHECK_EQ(WAITING(&s.s), 1);
		weft_sem_release(&s.s, 1);
		crew_join(&c[3]);
		for (int i = 0; i < 4; i++)
			CHECK_EQ(t[i].err, 0);
		CHECK_EQ(weft_sem_try_acquire(&s.s, 1), -EAGAIN);
	}
	return 0;
}

Test(sem, is_first_come_first_served_whatever_one_wants)
{
	ANYWHERE(fifo);
}

static int gives_up(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 20; lap++) {
		struct scene s = { .s = WEFT_SEM_INIT(3) };
		struct ticket t[3];
		struct crew c[3];

		t[0] = (struct ticket){ .s = &s, .wanted = 9,
					.deadline = weft_in(2 * WEFT_MS) };
		crew_start(&c[0], 1, 0, queue_up, &t[0]);
		for (int i = 1; i < 3; i++) {
			t[i] = (struct ticket){ .s = &s, .wanted = i };
			crew_start(&c[i], 1, 0, queue_up, &t[i]);
		}
		for (int i = 0; i < 3; i++)
			crew_join(&c[i]);
		CHECK_EQ(t[0].err, -ETIMEDOUT);
		CHECK_EQ(t[1].err, 0);
		CHECK_EQ(t[2].err, 0);
		CHECK_EQ(weft_sem_try_acquire(&s.s, 1), -EAGAIN);
	}
	return 0;
}

Test(sem, lets_those_behind_go_when_the_first_gives_up)
{
	ANYWHERE(gives_up);
}

static int cancelled(void *arg)
{
	struct scene *s = arg;

	CHECK_EQ(weft_sem_acquire(&s->s, 9), -ECANCELED);
	/* Sticky, and before any effect. */
	CHECK_EQ(weft_sem_acquire(&s->s, 1), -ECANCELED);
	CHECK_EQ(weft_sem_acquire_until(&s->s, 1, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_sem_acquire_until(&s->s, 1, -1), -ECANCELED);
	CHECK_EQ(weft_sem_acquire(&s->s, 0), -EINVAL);
	CHECK_EQ(weft_sem_try_acquire(&s->s, 1), 0);
	weft_sem_release(&s->s, 1);
	CHECK_EQ(weft_sem_acquire_until(&s->s, 1, WEFT_NOWAIT), 0);
	weft_sem_release(&s->s, 1);
	return 0;
}

static int cancels(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 100; lap++) {
		struct scene s = { .s = WEFT_SEM_INIT(3) };
		struct crew c;

		crew_start(&c, 1, 0, cancelled, &s);
		if (lap & 1)
			wait_until(WAITING(&s.s) == 1);
		CHECK_EQ(weft_cancel(c.id[0]), 0);
		crew_join(&c);
		CHECK_EQ(weft_sem_try_acquire(&s.s, 3), 0);
	}
	return 0;
}

Test(sem, acquire_is_a_cancel_point)
{
	EACH(cancels);
}

static int release_one(void *arg)
{
	weft_sem_release(arg, 1);
	return 0;
}

static int frame(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 500; lap++) {
		weft_sem s = WEFT_SEM_INIT(0);
		struct crew c;

		crew_start(&c, 2, 0, release_one, &s);
		if (lap & 1)
			CHECK_EQ(weft_sem_acquire(&s, 2), 0);
		else
			while (weft_sem_acquire_until(&s, 2, weft_in(WEFT_US)))
				;
		memset(&s, 0xff, sizeof s);
		crew_join(&c);
	}
	return 0;
}

Test(sem, may_go_when_the_last_acquire_has_returned)
{
	ANYWHERE(frame);
}

static weft_sem lasting;

static atomic_int ran;

static void want_two(void *arg)
{
	(void)arg;
	if (!weft_sem_acquire(&lasting, 2))
		ran++;
}

static void want_many(void *arg)
{
	(void)arg;
	weft_sem_acquire(&lasting, 1000);
}

static int leave_parked(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_go(want_many, NULL), 0);
	wait_until(WAITING(&lasting) == 1);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_go(want_two, NULL), 0);
	wait_until(WAITING(&lasting) == 4);
	return 0;
}

Test(sem, keeps_its_permits_when_those_who_wait_are_discarded)
{
	weft_sem_release(&lasting, 7);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(run_on(2, leave_parked, NULL), 0);
		cr_assert_eq(WAITING(&lasting), 0);
		cr_assert_eq(weft_sem_try_acquire(&lasting, 7), 0);
		weft_sem_release(&lasting, 7);
	}
	cr_assert_eq(failures, 0);
}

enum { MANY = 300 };

static int leave_granted(void *arg)
{
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(weft_go(want_two, NULL), 0);
	wait_until(WAITING(&lasting) == MANY);
	weft_sem_release(&lasting, 2 * MANY);
	CHECK_EQ(WAITING(&lasting), 0);
	return arg != NULL;
}

Test(sem, gets_back_what_was_granted_to_those_discarded_before_they_ran)
{
	for (unsigned workers = 1; workers < 4; workers++) {
		ran = 0;
		cr_assert_eq(run_on(workers, leave_granted, NULL), 0);
		cr_log_info("%d of %d ran", ran, MANY);
		cr_assert_eq(weft_sem_try_acquire(&lasting, 2 * (MANY - ran) + 1),
			     -EAGAIN);
		if (ran < MANY)
			cr_assert_eq(weft_sem_try_acquire(&lasting,
							  2 * (MANY - ran)), 0);
	}
	cr_assert_eq(failures, 0);
}
