/* tests/api/sleep.c - the clock and sleeping by it. */
#include "support/rt.h"

#include <pthread.h>
#include <stdlib.h>

TestSuite(sleep, .timeout = 120);

static int clock_works(void *arg)
{
	weft_time a = weft_now(), b;

	(void)arg;
	CHECK(a > 0);
	for (int i = 0; i < 1000; i++) {
		b = weft_now();
		CHECK(b >= a);
		a = b;
	}
	CHECK(weft_in(0) >= a && weft_in(0) != 0);
	CHECK(weft_in(WEFT_S) >= a + WEFT_S);
	CHECK(weft_in(-WEFT_MS) < weft_now());
	CHECK_EQ(weft_in(INT64_MAX), WEFT_FOREVER);
	CHECK_EQ(weft_in(INT64_MAX - 1), WEFT_FOREVER);
	CHECK(weft_in(INT64_MIN) < 0);
	/* The one sum that would be 0, and those around it. */
	for (int i = 0; i < 1000; i++)
		CHECK(weft_in(-weft_now() - 100 + i) != 0);
	return 0;
}

Test(sleep, clock_runs_on_and_sums_saturate)
{
	clock_works(NULL);
	cr_assert_eq(failures, 0);
	EACH(clock_works);
}

static int never_early(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg * 2654435761u;

	for (int i = 0; i < 30; i++) {
		weft_time ns = (n = n * 1103515245 + 12345) >> 8 & 0x1fffff, t;

		t = weft_in(ns);
		CHECK_EQ(weft_sleep(ns), 0);
		CHECK(weft_now() >= t - 0);
		t = weft_in(ns / 2);
		CHECK_EQ(weft_sleep_until(t), 0);
		CHECK(weft_now() >= t);
	}
	return 0;
}

static int sleep_together(void *arg)
{
	weft_id id[50];

	(void)arg;
	for (int i = 0; i < 50; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, never_early,
				    (void *)(intptr_t)(i + 1)), 0);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	return 0;
}

Test(sleep, is_never_early)
{
	never_early((void *)1);
	cr_assert_eq(failures, 0);
	EACH(sleep_together);
}

static int at_once(void *arg)
{
	weft_time t = weft_now();

	(void)arg;
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(weft_sleep(0), 0);
		CHECK_EQ(weft_sleep(-1), 0);
		CHECK_EQ(weft_sleep(INT64_MIN), 0);
		CHECK_EQ(weft_sleep_until(0), 0);
		CHECK_EQ(weft_sleep_until(-1), 0);
		CHECK_EQ(weft_sleep_until(INT64_MIN), 0);
		CHECK_EQ(weft_sleep_until(weft_now() - 1), 0);
	}
	CHECK(weft_now() - t < 60 * WEFT_S);
	return 0;
}

Test(sleep, past_times_return_at_once)
{
	at_once(NULL);
	cr_assert_eq(failures, 0);
	EACH(at_once);
}

static int sleep_until_shared(void *arg)
{
	weft_time t = *(weft_time *)arg;

	CHECK_EQ(weft_sleep_until(t), 0);
	CHECK(weft_now() >= t);
	return 0;
}

static int crowd(void *arg)
{
	enum { SLOTS = 16 };
	const int n = fewer(10000);
	weft_id *id = malloc((size_t)n * sizeof *id);
	weft_time at[SLOTS];

	(void)arg;
	for (int i = 0; i < SLOTS; i++)
		at[i] = weft_in((100 + 17 * (i * 7 % SLOTS)) * WEFT_MS);
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, sleep_until_shared,
				    &at[i * 31 % SLOTS]), 0);
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	CHECK(weft_now() < at[0] + 60 * WEFT_S);
	free(id);
	return 0;
}

Test(sleep, ten_thousand_at_once)
{
	EACH(crowd);
}

/* A nearer deadline that is set while the others sleep comes in time. */
static int sleep_long(void *arg)
{
	CHECK_EQ(weft_sleep_until(*(weft_time *)arg), 0);
	return 0;
}

static int sleep_too_long(void *arg)
{
	CHECK_EQ(weft_sleep_until(*(weft_time *)arg), -ECANCELED);
	return 0;
}

static int nearer(void *arg)
{
	weft_time far = weft_in(2 * WEFT_S), never = weft_in(3600 * WEFT_S);
	weft_time near, due;
	weft_id id, last;

	(void)arg;
	CHECK_EQ(weft_spawn(&last, NULL, sleep_too_long, &never), 0);
	CHECK_EQ(weft_spawn(&id, NULL, sleep_long, &far), 0);
	for (int i = 0; i < 50; i++) {
		near = weft_in(WEFT_MS);
		CHECK_EQ(weft_sleep_until(near), 0);
		CHECK(weft_now() < near + 20 * WEFT_S);
	}
	/* A busy machine may have taken longer for the near ones. */
	due = weft_now() > far ? weft_now() : far;
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK(weft_now() >= far && weft_now() < due + 20 * WEFT_S);
	CHECK_EQ(weft_cancel(last), 0);
	CHECK_EQ(weft_join(last, NULL), 0);
	return 0;
}

Test(sleep, nearer_deadlines_come_in_time)
{
	for (unsigned n = 1; n <= 4; n++)
		cr_assert_eq(run_on(n, nearer, NULL), 0);
	cr_assert_eq(failures, 0);
}

static atomic_bool slept;

static void sleep_a_bit(void *arg)
{
	CHECK_EQ(weft_sleep(20 * WEFT_MS), 0);
	slept = true;
	(void)arg;
}

static int busy_meanwhile(void *arg)
{
	(void)arg;
	slept = false;
	CHECK_EQ(weft_go(sleep_a_bit, NULL), 0);
	wait_until(slept);
	return 0;
}

Test(sleep, ends_though_the_workers_are_busy)
{
	EACH(busy_meanwhile);
}

static int for_ever(void *arg)
{
	(void)arg;
	weft_sleep_until(WEFT_FOREVER);
	return 1;
}

static int forever_is_forever(void *arg)
{
	weft_id id[10];

	(void)arg;
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, for_ever, NULL), 0);
	CHECK_EQ(weft_sleep(5 * WEFT_MS), 0);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_join_until(id[i], NULL, WEFT_NOWAIT), -EAGAIN);
	return 0;
}

Test(sleep, for_ever_never_ends)
{
	EACH(forever_is_forever);
}
