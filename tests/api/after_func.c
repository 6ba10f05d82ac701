/* tests/api/after_func.c - timers that start a routine. */
#include "support/crew.h"

#include <stdlib.h>

TestSuite(after_func, .timeout = 120);

static atomic_int runs;

static void count(void *arg)
{
	(void)arg;
	CHECK(weft_self() != 0);
	runs++;
}

/* What fired before may still have to run. */
static void settle(weft_time ns)
{
	CHECK_EQ(weft_sleep(ns), 0);
}

/* --- once ------------------------------------------------------------------------ */

static int refusals(void *arg)
{
	weft_timer t;

	(void)arg;
	CHECK_EQ(weft_after_func(&t, 1, NULL, NULL), -EINVAL);
	CHECK_EQ(weft_after_func(NULL, 1, count, NULL), -EINVAL);
	runs = 0;
	CHECK_EQ(weft_after_func(&t, WEFT_FOREVER, count, NULL), 0);
	CHECK(!weft_timer_chan(&t));
	CHECK_EQ(weft_timer_wait(&t, WEFT_FOREVER), -EINVAL);
	CHECK_EQ(weft_timer_start(&t, 1, -1), -EINVAL);
	CHECK_EQ(weft_timer_stop(&t), 1);
	CHECK_EQ(weft_timer_stop(&t), 0);
	weft_timer_fini(&t);
	CHECK_EQ(weft_timer_stop(&t), -EINVAL);
	CHECK_EQ(runs, 0);
	return 0;
}

Test(after_func, bad_arguments)
{
	EACH(refusals);
}

struct shot {
	weft_timer t;
	weft_time at;
	weft_id id;
	atomic_int ran;
};

static void shoot(void *arg)
{
	struct shot *s = arg;

	CHECK(weft_now() >= s->at);
	s->id = weft_self();
	s->ran++;
}

static int once(void *arg)
{
	static const weft_time past[] = { INT64_MIN, -1, 0, 1 };
	struct shot s = { .at = INT64_MIN };
	int want = 0;

	(void)arg;
	for (size_t i = 0; i < COUNT(past); i++) {
		CHECK_EQ(weft_after_func(&s.t, past[i], shoot, &s), 0);
		want++;
		wait_until(s.ran == want);
	}
	for (int i = 0; i < 20; i++) {
		s.at = weft_in(i * 50 * WEFT_US);
		if (i % 2)
			CHECK_EQ(weft_after_func(&s.t, s.at, shoot, &s), 0);
		else
			CHECK_EQ(weft_timer_start(&s.t, s.at, 0), 0);
		want++;
		wait_until(s.ran == want);
		CHECK(s.id != 0 && s.id != weft_self());
		CHECK_EQ(weft_timer_stop(&s.t), 0);
	}
	settle(WEFT_MS);
	CHECK_EQ(s.ran, want);
	/* Stopped, or moved, it does not run, unless it says that it has. */
	CHECK_EQ(weft_after_func(&s.t, weft_in(WEFT_MS), shoot, &s), 0);
	want += !weft_timer_start(&s.t, weft_in(100 * WEFT_S), 0);
	CHECK_EQ(weft_after_func(&s.t, weft_in(WEFT_MS), shoot, &s), 0);
	want += !weft_timer_stop(&s.t);
	wait_until(s.ran >= want);
	CHECK_EQ((settle(3 * WEFT_MS), s.ran), want);
	weft_timer_fini(&s.t);
	return 0;
}

Test(after_func, runs_once_and_never_early)
{
	EACH(once);
}

/* One timer becomes the other kind. */
static int kinds(void *arg)
{
	weft_timer t;

	(void)arg;
	runs = 0;
	weft_timer_init(&t);
	CHECK(weft_timer_chan(&t) != NULL);
	CHECK_EQ(weft_timer_start(&t, 1, 0), 0);
	CHECK_EQ(weft_after_func(&t, 1, count, NULL), 0);
	wait_until(runs == 1);
	CHECK(!weft_timer_chan(&t));
	CHECK_EQ(weft_timer_start(&t, WEFT_FOREVER, 0), 0);
	weft_timer_fini(&t);
	weft_timer_init(&t);
	CHECK_EQ(weft_timer_start(&t, 1, 0), 0);
	CHECK_EQ(weft_timer_wait(&t, WEFT_NOWAIT), 0);
	weft_timer_fini(&t);
	return 0;
}

Test(after_func, the_two_kinds_in_turn)
{
	EACH(kinds);
}

/* What it runs may free it. */
static atomic_int freed;

static void free_it(void *arg)
{
	memset(arg, 0xa5, sizeof(struct shot));
	free(arg);
	freed++;
}

static int frees(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	const int n = fewer(3000);
	struct shot *s;

	freed = 0;
	for (int i = 0; i < n; i++) {
		s = malloc(sizeof *s);
		CHECK_EQ(weft_after_func(&s->t, weft_in(rnd(&seed, 300000)),
					 free_it, s), 0);
	}
	wait_until(freed == n);
	return 0;
}

Test(after_func, what_it_runs_may_free_it)
{
	EACH(frees);
}

/* Also when it has started it again before. */
struct retry {
	weft_timer t;
	int left;
};

static void retry(void *arg)
{
	struct retry *r = arg;

	if (--r->left) {
		CHECK_EQ(weft_timer_start(&r->t, weft_now(), 0), 0);
		return;
	}
	free(r);
	freed++;
}

static int frees_later(void *arg)
{
	const int n = fewer(500);
	struct retry *r;

	(void)arg;
	freed = 0;
	for (int i = 0; i < n; i++) {
		r = malloc(sizeof *r);
		r->left = 1 + i % 7;
		CHECK_EQ(weft_after_func(&r->t, -1, retry, r), 0);
	}
	wait_until(freed == n);
	return 0;
}

Test(after_func, what_it_runs_may_free_it_later)
{
	EACH(frees_later);
}

/* --- again ------------------------------------------------------------------------- */

struct chime {
	weft_timer t;
	weft_time start, period;
	atomic_int rang, stopped;
	int most;
};

static void ring(void *arg)
{
	struct chime *c = arg;

	CHECK(weft_now() >= c->start);
	if (++c->rang == c->most)
		c->stopped = weft_timer_stop(&c->t);
}

/* Static: what was started before a stop may run after it. */
static struct chime bell, patter;

static int periodic(void *arg)
{
	struct chime *c = &bell;

	(void)arg;
	c->period = 500 * WEFT_US;
	c->most = 20;
	c->rang = c->stopped = 0;
	CHECK_EQ(weft_after_func(&c->t, WEFT_FOREVER, ring, c), 0);
	c->start = weft_in(WEFT_MS);
	CHECK_EQ(weft_timer_start(&c->t, c->start, c->period), 1);
	wait_until(c->stopped == 1);
	CHECK(weft_now() >= c->start + (c->most - 1) * c->period);
	CHECK_EQ(weft_timer_stop(&c->t), 0);
	weft_timer_fini(&c->t);
	/* A grid that is finer than anybody can follow drops what it must. */
	c = &patter;
	c->most = 1 << 30;
	c->rang = 0;
	c->start = weft_now();
	CHECK_EQ(weft_after_func(&c->t, WEFT_FOREVER, ring, c), 0);
	CHECK_EQ(weft_timer_start(&c->t, c->start, 1), 1);
	wait_until(c->rang > 100);
	CHECK_EQ(weft_timer_stop(&c->t), 1);
	weft_timer_fini(&c->t);
	settle(WEFT_MS);
	return 0;
}

Test(after_func, with_a_period)
{
	EACH(periodic);
}

static void ring_again(void *arg)
{
	struct chime *c = arg;
	const int most = c->most;       /* it may go after the last one */

	if (++c->rang < most)
		CHECK_EQ(weft_timer_start(&c->t, weft_in(10 * WEFT_US), 0), 0);
}

static int restarts_itself(void *arg)
{
	struct chime c = { .most = 200 };

	(void)arg;
	CHECK_EQ(weft_after_func(&c.t, 1, ring_again, &c), 0);
	wait_until(c.rang == c.most);
	CHECK_EQ(weft_timer_stop(&c.t), 0);
	weft_timer_fini(&c.t);
	return 0;
}

Test(after_func, restarts_itself)
{
	EACH(restarts_itself);
}

enum { MANY = 100000 };

static int many(void *arg)
{
	const int n = fewer(SANITIZED ? MANY / 10 : MANY);
	weft_timer *t = malloc((size_t)n * sizeof *t);
	unsigned seed = (unsigned)(uintptr_t)arg;
	int stopped = 0;

	runs = 0;
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_after_func(&t[i],
				weft_in(WEFT_MS * 20 + rnd(&seed, 50000000)),
				count, NULL), 0);
	for (int i = 0; i < n; i += 3)
		stopped += weft_timer_stop(&t[i]);
	for (int i = 1; i < n; i += 3)
		CHECK(weft_timer_start(&t[i], weft_in(rnd(&seed, 10000000)),
				       0) >= 0);
	wait_until(runs >= n - stopped);
	settle(WEFT_MS);
	for (int i = 0; i < n; i++)
		weft_timer_fini(&t[i]);
	CHECK(runs >= n - stopped && runs <= n - stopped + n / 3 + 1);
	free(t);
	return 0;
}

Test(after_func, a_hundred_thousand)
{
	EACH(many);
}

static int busy(void *arg)
{
	struct shot s = { .at = weft_in(5 * WEFT_MS) };

	(void)arg;
	CHECK_EQ(weft_after_func(&s.t, s.at, shoot, &s), 0);
	wait_until(s.ran == 1);         /* yields: the worker never rests */
	weft_timer_fini(&s.t);
	return 0;
}

Test(after_func, comes_though_the_workers_are_busy)
{
	EACH(busy);
}

/* Every start begins a life that ends in one way: the function runs, a stop
 * says 1, or a start does. */
static struct {
	weft_timer t;
	atomic_long begun, ran, stopped, moved;
	atomic_uint seed;
	atomic_int left;
} race;

static void race_run(void *arg)
{
	(void)arg;
	race.ran++;
}

static int racer(void *arg)
{
	unsigned seed = race.seed++;
	int was;

	for (int i = fewer(2000); i > 0; i--) {
		if (rnd(&seed, 2)) {
			was = weft_timer_start(&race.t,
				weft_in((weft_time)rnd(&seed, 40000) - 10000),
				0);
			CHECK(was == 0 || was == 1);
			race.begun++;
			race.moved += was;
		} else {
			race.stopped += weft_timer_stop(&race.t);
		}
		if (!rnd(&seed, 8))
			weft_yield();
	}
	race.left--;
	(void)arg;
	return 0;
}

static int races(void *arg)
{
	struct crew c;

	(void)arg;
	race.begun = 1;
	race.ran = race.stopped = race.moved = 0;
	race.seed = 0;
	race.left = 6;
	CHECK_EQ(weft_after_func(&race.t, weft_in(1), race_run, NULL), 0);
	crew_start(&c, 4, 2, racer, NULL);
	while (race.left)
		weft_yield();
	crew_join(&c);
	race.stopped += weft_timer_stop(&race.t);
	wait_until(race.begun == race.ran + race.stopped + race.moved);
	settle(WEFT_MS);
	CHECK_EQ(race.begun, race.ran + race.stopped + race.moved);
	weft_timer_fini(&race.t);
	return 0;
}

Test(after_func, start_and_stop_from_several_threads)
{
	EACH(races);
}

/* --- runtimes ---------------------------------------------------------------------------- */

static weft_timer outlives[20];

static int leave_armed(void *arg)
{
	for (size_t i = 0; i < COUNT(outlives); i++)
		CHECK_EQ(weft_after_func(&outlives[i],
					 weft_in((weft_time)i * WEFT_US * 100),
					 count, NULL), 0);
	(void)arg;
	return 0;
}

static int none_armed(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COUNT(outlives); i++)
		CHECK_EQ(weft_timer_stop(&outlives[i]), 0);
	runs = 0;
	for (size_t i = 0; i < COUNT(outlives); i++)
		CHECK_EQ(weft_timer_start(&outlives[i], weft_in(WEFT_US), 0),
			 0);
	wait_until(runs == COUNT(outlives));
	return 0;
}

Test(after_func, is_stopped_by_the_end_of_its_runtime)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		cr_assert_eq(run_on(worker_counts[i], leave_armed, NULL), 0);
		cr_assert_eq(weft_timer_stop(&outlives[19]), 0);
		cr_assert_eq(weft_timer_start(&outlives[0], 1, 0), -EPERM);
		cr_assert_eq(run_on(worker_counts[i], none_armed, NULL), 0);
		cr_assert_eq(failures, 0);
	}
}

static int arm_here(void *arg)
{
	return weft_after_func(arg, WEFT_FOREVER, count, NULL);
}

Test(after_func, on_a_plain_thread_needs_the_one_runtime)
{
	weft_config c = { .workers = 2 };
	weft_runtime *a, *b;
	weft_timer t, far;

	runs = 0;
	cr_assert_eq(weft_after_func(&t, 1, count, NULL), -EPERM);
	cr_assert_eq(weft_timer_stop(&t), 0);
	cr_assert_eq(weft_timer_start(&t, 1, 0), -EPERM);
	cr_assert_eq(weft_start(&c, &a), 0);
	cr_assert_eq(weft_timer_start(&t, weft_in(WEFT_MS), 0), 0);
	wait_until(runs == 1);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(weft_timer_start(&t, weft_in(3600 * WEFT_S), 0), 0);
		cr_assert_eq(weft_timer_start(&t, weft_in(WEFT_US), 0), 1);
		wait_until(runs == 2 + i);
	}
	cr_assert_eq(weft_start(&c, &b), 0);
	cr_assert_eq(weft_timer_start(&t, weft_in(WEFT_US), 0), -EPERM);
	/* Set in the one, stopped from outside, from the other, by its end. */
	cr_assert_eq(weft_call(a, arm_here, &far), 0);
	cr_assert_eq(weft_timer_stop(&far), 1);
	cr_assert_eq(weft_call(a, arm_here, &far), 0);
	cr_assert_eq(weft_call(b, arm_here, &far), 0);
	cr_assert_eq(weft_call(a, arm_here, &far), 0);
	cr_assert_eq(weft_call(b, arm_here, &t), 0);
	cr_assert_eq(weft_stop(b, WEFT_FOREVER), 0);
	cr_assert_eq(weft_timer_stop(&t), 0);
	cr_assert_eq(weft_timer_stop(&far), 1);
	cr_assert_eq(weft_timer_start(&t, WEFT_FOREVER, 0), 0);
	cr_assert_eq(weft_stop(a, weft_in(60 * WEFT_S)), 0);
	cr_assert_eq(weft_timer_stop(&t), 0);
	cr_assert_eq(runs, 101);
	cr_assert_eq(failures, 0);
}

/* Alarms of an hour's time do not hold up a stop, whatever arms them. */
static weft_timer rearmed;
static atomic_bool stop_rearming;

static void *rearm(void *arg)
{
	int rc;

	while (!stop_rearming) {
		rc = weft_timer_start(&rearmed, weft_in(3600 * WEFT_S), 0);
		CHECK(rc == 0 || rc == 1 || rc == -EPERM || rc == -ECANCELED);
	}
	return arg;
}

Test(after_func, a_stop_does_not_wait_for_them)
{
	weft_config c = { .workers = 2 };
	weft_runtime *rt;
	pthread_t thread;

	stop_rearming = false;
	cr_assert_eq(weft_after_func(&rearmed, 1, count, NULL), -EPERM);
	cr_assert_eq(pthread_create(&thread, NULL, rearm, NULL), 0);
	for (int i = fewer(200); i > 0; i--) {
		cr_assert_eq(weft_start(&c, &rt), 0);
		for (int k = 0; k < i % 20; k++)
			weft_yield();
		cr_assert_eq(weft_stop(rt, weft_in(60 * WEFT_S)), 0);
	}
	stop_rearming = true;
	pthread_join(thread, NULL);
	cr_assert_eq(weft_timer_stop(&rearmed), 0);
	cr_assert_eq(failures, 0);
}

/* With WEFT_WAIT_ALL what a timer will start is waited for; a plain thread
 * that stops it is noticed. */
static atomic_int armed;

static void *stop_it(void *arg)
{
	wait_until(armed);
	wait_until(weft_timer_stop(arg) == 1);
	return NULL;
}

static int arm_and_leave(void *arg)
{
	CHECK_EQ(weft_after_func(arg, weft_in(3600 * WEFT_S), count, NULL), 0);
	armed = 1;
	return 0;
}

Test(after_func, the_last_one_stopped_ends_a_run)
{
	weft_config c = { .workers = 2, .flags = WEFT_WAIT_ALL };
	static weft_timer t;
	pthread_t thread;

	for (int i = 0; i < 50; i++) {
		armed = 0;
		c.workers = 1 + (unsigned)i % 3;
		cr_assert_eq(pthread_create(&thread, NULL, stop_it, &t), 0);
		cr_assert_eq(weft_run_config(&c, arm_and_leave, &t), 0);
		pthread_join(thread, NULL);
	}
	cr_assert_eq(failures, 0);
}

/* The limit on routines holds it up for a while, but it comes. */
static int wait_at(void *gate)
{
	return weft_chan_recv(gate, NULL);
}

static int at_the_limit(void *arg)
{
	struct shot s = { .at = weft_in(WEFT_MS) };
	weft_chan *gate = ints(0);
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, wait_at, gate), 0);
	CHECK_EQ(weft_after_func(&s.t, s.at, shoot, &s), 0);
	settle(5 * WEFT_MS);
	CHECK_EQ(s.ran, 0);
	CHECK_EQ(weft_timer_stop(&s.t), 1);
	CHECK_EQ(weft_timer_start(&s.t, s.at, 0), 0);
	CHECK_EQ(weft_chan_close(gate), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	wait_until(s.ran == 1);
	weft_timer_fini(&s.t);
	weft_chan_unref(gate);
	return 0;
}

Test(after_func, waits_for_room)
{
	weft_config c = { .workers = 2, .max_routines = 2 };

	cr_assert_eq(weft_run_config(&c, at_the_limit, NULL), 0);
	cr_assert_eq(failures, 0);
}
