/* tests/unit/timers.c - src/sched/timers.c: the heap against a sorted array. */
#include "support/rt.h"

#include "sched/timers.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

TestSuite(timers, .timeout = 120);

enum { N = 3000 };

static struct timers ts;
static struct timer t[N];
static int64_t fired_at[N];
static int64_t now;
static unsigned fired;
static unsigned seed = 1;

static void fire(struct worker *w, struct timer *x)
{
	(void)w;
	CHECK(x->deadline <= now);
	CHECK(!fired || fired_at[fired - 1] <= x->deadline);
	CHECK(load_rlx(&x->owner) == &ts);
	fired_at[fired++] = x->deadline;
}

static void arm(struct timer *x, int64_t deadline)
{
	int64_t first = load_rlx(&ts.first);

	x->deadline = deadline;
	x->fire = fire;
	cr_assert_eq(weft__timers_reserve(&ts), 0);
	cr_assert_eq(weft__timer_arm(&ts, x), deadline < first);
}

/* Every parent is no later than its children, and slots are right. */
static void check_heap(void)
{
	for (uint32_t i = 0; i < ts.count; i++) {
		CHECK_EQ(ts.heap[i].t->slot, i);
		CHECK(ts.heap[i].t->deadline >= ts.heap[i].key);
		CHECK(i == 0 || ts.heap[(i - 1) / 4].key <= ts.heap[i].key);
	}
	CHECK_EQ(load_rlx(&ts.first),
		 ts.count ? ts.heap[0].key : INT64_MAX);
	CHECK(!ts.heap || (uintptr_t)&ts.heap[1] % WEFT_CACHELINE == 0);
}

Test(timers, fire_in_order_and_never_early)
{
	weft__timers_init(&ts);
	cr_assert_eq(load_rlx(&ts.first), INT64_MAX);
	cr_assert_eq(weft__timers_run(&ts, NULL, INT64_MAX), 0);
	for (int i = 0; i < N; i++)
		arm(&t[i], 1 + rnd(&seed, 1000));
	check_heap();
	now = 0;
	cr_assert_eq(weft__timers_run(&ts, NULL, now), 0);
	for (now = 100; now <= 1000; now += 100) {
		unsigned before = fired, due = 0;

		for (int i = 0; i < N; i++)
			due += t[i].deadline <= now &&
			       t[i].deadline > now - 100;
		fired = 0;
		cr_assert_eq(weft__timers_run(&ts, NULL, now), due);
		fired += before;
		check_heap();
	}
	cr_assert_eq(fired, N);
	cr_assert_eq(ts.count, 0);
	cr_assert_eq(load_rlx(&ts.first), INT64_MAX);
	for (int i = 0; i < N; i++) {
		cr_assert_null(load_rlx(&t[i].owner));
		cr_assert_not(weft__timer_stop(&t[i]));
	}
	weft__timers_fini(&ts);
	cr_assert_eq(failures, 0);
}

Test(timers, stop_takes_out_of_any_place)
{
	bool in[N] = { false };
	unsigned count = 0;

	weft__timers_init(&ts);
	for (int step = 0; step < 20 * N; step++) {
		uint32_t i = rnd(&seed, N);

		if (in[i]) {
			cr_assert(weft__timer_stop(&t[i]));
			cr_assert_not(weft__timer_stop(&t[i]));
			count--;
		} else {
			arm(&t[i], (int64_t)rnd(&seed, 100) * rnd(&seed, 1000) + 1);
			count++;
		}
		in[i] = !in[i];
		cr_assert_eq(ts.count, count);
		if (step % 97 == 0)
			check_heap();
	}
	now = 1000000;
	cr_assert_eq(weft__timers_run(&ts, NULL, now), count);
	weft__timers_fini(&ts);
	cr_assert_eq(failures, 0);
}

Test(timers, extreme_deadlines)
{
	weft__timers_init(&ts);
	arm(&t[0], INT64_MAX - 1);
	arm(&t[1], INT64_MIN);
	arm(&t[2], -1);
	arm(&t[3], 1);
	now = 1;
	cr_assert_eq(weft__timers_run(&ts, NULL, now), 3);
	cr_assert_eq(load_rlx(&ts.first), INT64_MAX - 1);
	cr_assert(weft__timer_stop(&t[0]));
	weft__timers_fini(&ts);
	cr_assert_eq(failures, 0);
}

/* --- alarms ------------------------------------------------------------------ */

static void fire_alarm(struct worker *w, struct timer *x)
{
	fire(w, x);
	if (x->deadline % 2) {
		x->deadline = now + 1 + x->deadline % 10 * 2;
		weft__timer_again_locked(&ts, x);
	} else {
		store_rel(&x->owner, NULL);
		x->deadline = INT64_MIN;        /* it is ours: M6 */
		x->slot = UINT32_MAX;
	}
}

static void arm_alarm(struct timer *x, int64_t deadline)
{
	int64_t first = load_rlx(&ts.first);

	x->deadline = deadline;
	x->fire = fire_alarm;
	cr_assert_eq(weft__timer_arm_alarm(&ts, x, NULL),
		     deadline < first);
	CHECK(ts.count < ts.room);      /* M5 */
}

Test(timers, alarms_among_waits)
{
	unsigned left = 0;

	weft__timers_init(&ts);
	for (int i = 0; i < N; i++)
		if (i % 3)
			arm_alarm(&t[i], 2 + 2 * (int64_t)rnd(&seed, 500));
		else
			arm(&t[i], 1 + rnd(&seed, 1000));
	check_heap();
	for (now = 100; now <= 500; now += 100) {
		fired = 0;
		weft__timers_run(&ts, NULL, now);
		check_heap();
	}
	weft__timers_drop_alarms(&ts);
	check_heap();
	for (int i = 0; i < N; i++) {
		if (i % 3)
			CHECK(!load_rlx(&t[i].owner));
		else
			left += load_rlx(&t[i].owner) == &ts;
	}
	cr_assert_eq(ts.count, left);
	cr_assert(left > 0);
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft__timer_stop(&t[i]), i % 3 == 0 &&
			 t[i].deadline > 500);
	cr_assert_eq(ts.count, 0);
	weft__timers_fini(&ts);
	cr_assert_eq(failures, 0);
}

/* Moved to and fro, an alarm fires at its last deadline, in order. */
Test(timers, moved_alarms)
{
	struct spinlock lock = { 0 };

	weft__timers_init(&ts);
	for (int i = 0; i < N; i++)
		arm_alarm(&t[i], 2 + 2 * (int64_t)rnd(&seed, 500));
	for (int step = 0; step < 10 * N; step++) {
		int64_t to = rnd(&seed, 20) ? 2 + 2 * (int64_t)rnd(&seed, 500)
					    : INT64_MAX;
		uint32_t i = rnd(&seed, N);
		int64_t first = load_rlx(&ts.first);

		spin_lock(&lock);
		CHECK_EQ(weft__timer_move_alarm(&t[i], to, &lock), to < first);
		CHECK(spin_trylock(&lock));
		spin_unlock(&lock);
		CHECK_EQ(t[i].deadline, to);
		if (step % 997 == 0)
			check_heap();
	}
	for (now = 1; now <= 1001; now += 100) {
		fired = 0;
		weft__timers_run(&ts, NULL, now);
		check_heap();
		for (int i = 0; i < N; i++)
			CHECK_EQ(load_rlx(&t[i].owner) != NULL,
				 t[i].deadline > now);
	}
	for (uint32_t i = 0; i < ts.count; i++)
		CHECK_EQ(ts.heap[i].key, INT64_MAX);
	cr_assert_eq(load_rlx(&ts.first), INT64_MAX);
	weft__timers_drop_alarms(&ts);
	spin_lock(&lock);
	cr_assert_eq(weft__timer_move_alarm(&t[0], 1, &lock), -ESRCH);
	weft__timers_fini(&ts);
	cr_assert_eq(failures, 0);
}

Test(timers, an_alarm_that_is_put_back_fires_again)
{
	unsigned times = 0;

	weft__timers_init(&ts);
	arm_alarm(&t[0], 1);
	for (now = 1; times < 100; now++) {
		int64_t due = t[0].deadline;

		fired = 0;
		CHECK_EQ(weft__timers_run(&ts, NULL, now), due <= now);
		times += fired;
		CHECK_EQ(t[0].deadline == INT64_MIN,
			 !load_rlx(&t[0].owner));
		if (!load_rlx(&t[0].owner))
			arm_alarm(&t[0], now + 1 - now % 2);
		check_heap();
	}
	weft__timers_drop_alarms(&ts);
	weft__timers_fini(&ts);
	cr_assert_eq(failures, 0);
}

/* --- a stop races with the firing ------------------------------------------- */

static _Atomic uint32_t round_now, fires, stops;

static void fire_racing(struct worker *w, struct timer *x)
{
	(void)w;
	CHECK_EQ(x->slot != UINT32_MAX, 1);
	fires++;
}

static void *stopper(void *arg)
{
	struct timer *x = arg;

	for (uint32_t i = 1; i <= N; i++) {
		while (round_now < 2 * i - 1)
			sched_yield();
		stops += weft__timer_stop(x);
		/* After the stop it is ours: fire neither runs nor will. */
		x->slot = UINT32_MAX;
		round_now++;
	}
	return NULL;
}

Test(timers, either_stopped_or_fired)
{
	struct timer x = { .deadline = 1, .fire = fire_racing };
	pthread_t thread;

	weft__timers_init(&ts);
	cr_assert_eq(pthread_create(&thread, NULL, stopper, &x), 0);
	for (uint32_t i = 1; i <= N; i++) {
		x.slot = 0;
		cr_assert_eq(weft__timers_reserve(&ts), 0);
		weft__timer_arm(&ts, &x);
		round_now = 2 * i - 1;
		if (i % 2)
			for (uint32_t k = rnd(&seed, 40); k--;)
				(void)load_acq(&round_now);
		weft__timers_run(&ts, NULL, 5);
		while (round_now < 2 * i)
			sched_yield();
		cr_assert_eq(ts.count, 0);
		cr_assert_eq(fires + stops, i);
	}
	pthread_join(thread, NULL);
	weft__timers_fini(&ts);
	cr_assert_eq(failures, 0);
}
