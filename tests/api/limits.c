/* tests/api/limits.c - what is bounded, and what the environment may say. */
#define _GNU_SOURCE
#include "support/rt.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

TestSuite(limits, .timeout = 120);

/* --- max_routines ------------------------------------------------------------ */

static int until_closed(void *arg)
{
	CHECK_EQ(weft_chan_recv(arg, NULL), -EPIPE);
	return 0;
}

static void nothing(void *arg)
{
	(void)arg;
}

/* Ten may live; main is one of them. */
static int reach_limit(void *arg)
{
	weft_id id[10];

	(void)arg;
	for (int round = 0; round < 20; round++) {
		weft_chan *c = ints(0);

		for (int i = 0; i < 9; i++)
			CHECK_EQ(weft_spawn(&id[i], NULL, until_closed, c), 0);
		id[9] = 1;
		CHECK_EQ(weft_spawn(&id[9], NULL, until_closed, c), -EAGAIN);
		CHECK_EQ(id[9], 0);
		CHECK_EQ(weft_go(nothing, NULL), -EAGAIN);
		CHECK_EQ(weft_go_copy(NULL, nothing, "x", 1), -EAGAIN);
		/* A refusal for another reason costs no place. */
		CHECK_EQ(weft_chan_close(c), 0);
		for (int i = 0; i < 9; i++)
			CHECK_EQ(weft_join(id[i], NULL), 0);
		for (int i = 0; i < 50; i++)
			CHECK_EQ(weft_go_attr(&(weft_attr){ .priority = 9 },
					      nothing, NULL), -EINVAL);
		weft_chan_unref(c);
	}
	return 0;
}

Test(limits, max_routines_refuses_and_recovers)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		weft_config c = {
			.workers = worker_counts[i], .max_routines = 10,
		};

		cr_assert_eq(weft_run_config(&c, reach_limit, NULL), 0);
		cr_assert_eq(failures, 0);
	}
}

/* Places come back however a routine ends and whoever spawned it. */
static int churn(void *arg)
{
	int refused = 0;

	(void)arg;
	for (int i = 0; i < 20000; i++) {
		int err = weft_go(nothing, NULL);

		if (err) {
			CHECK_EQ(err, -EAGAIN);
			refused++;
			weft_yield();
		}
	}
	wait_until(weft_go(nothing, NULL) == 0);
	CHECK(refused > 0);
	return 0;
}

Test(limits, places_come_back)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		weft_config c = {
			.workers = worker_counts[i], .max_routines = 5,
		};
		weft_runtime *rt;

		cr_assert_eq(weft_run_config(&c, churn, NULL), 0);
		cr_assert_eq(weft_start(&c, &rt), 0);
		for (int k = 0; k < 2000; k++) {
			int err = weft_submit(rt, nothing, NULL);

			cr_assert(!err || err == -EAGAIN);
		}
		wait_until(weft_submit(rt, nothing, NULL) == 0);
		cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
		cr_assert_eq(failures, 0);
	}
}

/* Whoever learns that routines have ended may start as many again. */
enum { CHILDREN = 3, ROUNDS = 3000 };

static int child(void *arg)
{
	return weft_checkpoint(), (int)(uintptr_t)arg;
}

static int scope_after_scope(void *arg)
{
	(void)arg;
	for (int round = 0; round < fewer(ROUNDS); round++) {
		/* Now and then with a deadline that comes. */
		weft_time deadline = round % 64 ? WEFT_FOREVER : weft_now();
		weft_scope s;
		int err = 0;

		CHECK_EQ(weft_scope_begin(&s, deadline), 0);
		for (int i = 0; i < CHILDREN && !err; i++)
			err = weft_scope_go(&s, child, NULL);
		CHECK(err == 0 || (err == -ECANCELED && round % 64 == 0));
		err = weft_scope_end(&s);
		CHECK(err == 0 || (err == -ETIMEDOUT && round % 64 == 0));
	}
	return 0;
}

static int group_after_group(void *arg)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	for (int round = 0; round < fewer(ROUNDS); round++) {
		for (int i = 0; i < CHILDREN; i++)
			CHECK_EQ(weft_waitgroup_go(&g, nothing, arg), 0);
		weft_waitgroup_wait(&g);
	}
	return 0;
}

Test(limits, places_are_free_when_their_routines_are_waited_for)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		weft_config c = {
			.workers = worker_counts[i],
			.max_routines = CHILDREN + 1,
		};

		cr_assert_eq(weft_run_config(&c, scope_after_scope, NULL), 0);
		cr_assert_eq(failures, 0, "%s", first_failure);
		cr_assert_eq(weft_run_config(&c, group_after_group, NULL), 0);
		cr_assert_eq(failures, 0, "%s", first_failure);
	}
}

/* One that is waited for, and still runs its destructors, is alive. */
static weft_key key;
static atomic_int ended;

static void linger(void *c)
{
	CHECK_EQ(weft_chan_recv(c, NULL), -EPIPE);
	ended++;
}

static void owes(void *c)
{
	CHECK_EQ(weft_set(key, c), 0);
}

static int crowd(void *arg)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;
	weft_chan *c = ints(0);

	(void)arg;
	ended = 0;
	for (int i = 0; i < CHILDREN; i++)
		CHECK_EQ(weft_waitgroup_go(&g, owes, c), 0);
	weft_waitgroup_wait(&g);
	CHECK_EQ(weft_waitgroup_go(&g, owes, c), -EAGAIN);
	CHECK_EQ(weft_chan_close(c), 0);
	wait_until(weft_waitgroup_go(&g, nothing, NULL) == 0);
	weft_waitgroup_wait(&g);
	wait_until(ended == CHILDREN);
	weft_chan_unref(c);
	return 0;
}

Test(limits, who_runs_destructors_has_a_place)
{
	cr_assert_eq(weft_key_create(&key, linger), 0);
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		weft_config c = {
			.workers = worker_counts[i],
			.max_routines = CHILDREN + 1,
		};

		cr_assert_eq(weft_run_config(&c, crowd, NULL), 0);
		cr_assert_eq(failures, 0, "%s", first_failure);
	}
}

/* --- workers -------------------------------------------------------------------- */

static int tell_workers(void *arg)
{
	(void)arg;
	return (int)weft_workers();
}

Test(limits, workers_are_as_many_as_asked_for)
{
	unsigned few = 0;
	weft_config c;
	cpu_set_t all, one;

	for (unsigned n = 1; n < 20; n += 3)
		cr_assert_eq(run_on(n, tell_workers, NULL), (int)n);
	weft_config_init(&c);
	cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
	few = (unsigned)weft_run_config(&c, tell_workers, NULL);
	cr_assert(few >= 1 && few <= (unsigned)CPU_COUNT(&all));
	/* The default follows the affinity mask. */
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &one);
			break;
		}
	cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
	cr_assert_eq(weft_run(tell_workers, NULL), 1);
	cr_assert_eq(sched_setaffinity(0, sizeof all, &all), 0);
}

/* --- the environment --------------------------------------------------------------- */

struct variable {
	const char *name, *value;
	int good;
};

/* 0: taken or ignored as it should be; the warning is on stderr. */
static int init_with(void *arg)
{
	const struct variable *v = arg;
	weft_config before, after;

	weft_config_init(&before);
	setenv(v->name, v->value, 1);
	weft_config_init(&after);
	return memcmp(&before, &after, sizeof before) == 0 ? 0 : 1;
}

Test(limits, a_bad_value_is_named_in_one_warning_and_ignored)
{
	static const struct variable v[] = {
		{ "WEFT_WORKERS", "3", 1 }, { "WEFT_WORKERS", "0", 0 },
		{ "WEFT_WORKERS", "-1", 0 }, { "WEFT_WORKERS", "many", 0 },
		{ "WEFT_WORKERS", "3x", 0 }, { "WEFT_WORKERS", "99999999", 0 },
		{ "WEFT_WORKERS", "99999999999999999999999", 0 },
		{ "WEFT_WORKERS", " 3", 0 }, { "WEFT_WORKERS", "3 ", 0 },
		{ "WEFT_WORKERS", "2K", 0 },
		{ "WEFT_STACK", "131072", 1 }, { "WEFT_STACK", "128K", 1 },
		{ "WEFT_STACK", "128Q", 0 }, { "WEFT_STACK", "K", 0 },
		{ "WEFT_STACK", "0", 0 }, { "WEFT_STACK", "-5", 0 },
		{ "WEFT_STACK", "128KK", 0 },
		{ "WEFT_STACK", "999999999999999K", 0 },
		{ "WEFT_STACK", "18446744073709551615K", 0 },
		{ "WEFT_GUARD", "canary", 1 }, { "WEFT_GUARD", "none", 0 },
		{ "WEFT_BLOCKING_MAX", "7", 1 },
		{ "WEFT_BLOCKING_MAX", "seven", 0 },
	};

	for (size_t i = 0; i < COUNT(v); i++) {
		int rc = in_child(init_with, &v[i]);
		const char *at = strstr(said, v[i].name);

		cr_expect_eq(rc, v[i].good, "%s=%s", v[i].name, v[i].value);
		if (v[i].good) {
			cr_expect_str_eq(said, "", "%s", said);
			continue;
		}
		cr_assert_not_null(at, "%s=%s: %s", v[i].name, v[i].value, said);
		cr_expect_not_null(strstr(at, v[i].value), "%s", said);
		cr_expect_null(strstr(at + 1, v[i].name), "%s", said);
	}
}

static int empty_is_unset(void *arg)
{
	weft_config before, after;

	(void)arg;
	weft_config_init(NULL);
	weft_config_init(&before);
	setenv("WEFT_WORKERS", "", 1);
	setenv("WEFT_STACK", "", 1);
	weft_config_init(&after);
	return memcmp(&before, &after, sizeof before) != 0;
}

Test(limits, an_empty_value_is_none)
{
	cr_assert_eq(in_child(empty_is_unset, NULL), 0);
	cr_assert_str_eq(said, "", "%s", said);
}

static int workers_from_environment(void *arg)
{
	weft_config zero = { .workers = 0 };
	int plain;

	(void)arg;
	plain = weft_run_config(&zero, tell_workers, NULL);
	setenv("WEFT_WORKERS", "7", 1);
	if (weft_run(tell_workers, NULL) != 7)
		return 1;
	if (weft_run_config(NULL, tell_workers, NULL) != 7)
		return 2;
	/* All zero means the defaults, without a look at the environment. */
	if (weft_run_config(&zero, tell_workers, NULL) != plain)
		return 3;
	return 0;
}

Test(limits, the_environment_reaches_weft_run)
{
	cr_assert_eq(in_child(workers_from_environment, NULL), 0);
	cr_assert_null(strstr(said, "WEFT_WORKERS"), "%s", said);
}

/* --- WEFT_DEBUG=leaks ------------------------------------------------------------------ */

static int leave_one(void *arg)
{
	weft_attr a = { .name = "forgotten" };
	weft_chan *c = arg;
	weft_id id;

	CHECK_EQ(weft_spawn(&id, &a, until_closed, c), 0);
	return 0;
}

static int leak(void *arg)
{
	setenv("WEFT_DEBUG", arg, 1);
	return run_on(2, leave_one, ints(0));
}

Test(limits, leaks_are_listed_on_request)
{
	cr_assert_eq(in_child(leak, "leaks"), 0);
	cr_assert_not_null(strstr(said, "leaks"), "%s", said);
	cr_assert_not_null(strstr(said, "forgotten"), "%s", said);
	cr_assert_eq(in_child(leak, ""), 0);
	cr_assert_null(strstr(said, "leaks"), "%s", said);
	cr_assert_null(strstr(said, "forgotten"), "%s", said);
	cr_assert_eq(in_child(leak, "sieves"), 0);
	cr_assert_not_null(strstr(said, "WEFT_DEBUG=sieves"), "%s", said);
}
