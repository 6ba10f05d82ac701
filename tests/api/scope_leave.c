/* api/scope_leave.c - scopes of plain threads, scopes that are left by an exit, a
 * panic or the end of a run, and their misuse. */
#include "support/scopes.h"

#include <pthread.h>

TestSuite(scope_leave, .timeout = 120);

/* --- plain threads --------------------------------------------------------------------- */

static void plain_scopes(void)
{
	weft_scope s, t;
	atomic_int n = 0;

	BEGIN(&s);
	for (int i = 0; i < 100; i++)
		GO(&s, add_one, &n);
	CHECK_EQ(weft_scope_end(&s), 0);
	CHECK_EQ(n, 100);

	CHECK_EQ(weft_scope_begin(&s, weft_in(200 * WEFT_MS)), 0);
	go_or_refused(&s, -ETIMEDOUT);
	BEGIN(&t);
	go_or_refused(&t, -ECANCELED);
	CHECK_EQ(weft_scope_end(&t), -ECANCELED);
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);

	BEGIN(&s);
	GO(&s, sleep_long, NULL);
	GO(&s, code, -EIO);
	CHECK_EQ(weft_scope_end(&s), -EIO);
}

Test(scope_leave, works_on_a_plain_thread)
{
	weft_scope s;
	weft_runtime *rt, *rt2;

	cr_assert_eq(weft_scope_begin(NULL, WEFT_FOREVER), -EINVAL);
	cr_assert_eq(weft_scope_begin(&s, WEFT_FOREVER), -EPERM);
	cr_assert_eq(weft_start(NULL, &rt), 0);
	plain_scopes();
	cr_assert_eq(failures, 0, "%s", first_failure);
	cr_assert_eq(weft_start(NULL, &rt2), 0);
	cr_assert_eq(weft_scope_begin(&s, WEFT_FOREVER), -EPERM);
	cr_assert_eq(weft_stop(rt2, WEFT_FOREVER), 0);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
}

/* The run ends under it: those in it are gone, and it says so. */
static int hold_thread(void *arg)
{
	wait_until(*(atomic_int *)arg);
	return 0;
}

static void *own_scope(void *arg)
{
	weft_scope s;
	int err;

	wait_until(weft_workers() == 2);
	err = weft_scope_begin(&s, weft_in(1000 * WEFT_S));
	for (int i = 0; !err && i < 10; i++)
		GO(&s, sleep_long, NULL);
	*(atomic_int *)arg = 1;
	if (!err)
		CHECK_EQ(weft_scope_end(&s), -ECANCELED);
	return NULL;
}

Test(scope_leave, of_a_plain_thread_when_the_run_ends)
{
	for (int lap = 0; lap < 20; lap++) {
		atomic_int begun = 0;
		pthread_t t;

		cr_assert_eq(pthread_create(&t, NULL, own_scope, &begun), 0);
		cr_assert_eq(run_on(2, hold_thread, &begun), 0);
		pthread_join(t, NULL);
		cr_assert_eq(failures, 0, "%s", first_failure);
	}
}

/* --- leaving otherwise -------------------------------------------------------------------- */

static int exit_child(void *arg)
{
	weft_exit((int)(intptr_t)arg);
}

static int exit_body(void *arg)
{
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	GO(&s, exit_child, 3);
	CHECK_EQ(weft_scope_end(&s), 0);
	BEGIN(&s);
	GO(&s, sleep_long, NULL);
	GO(&s, exit_child, -EDOM);
	CHECK_EQ(weft_scope_end(&s), -EDOM);
	return 0;
}

Test(scope_leave, a_child_may_exit_with_its_status)
{
	EACH(exit_body);
}

static atomic_int left;

static int count_left(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_sleep(WEFT_FOREVER), -ECANCELED);
	left++;
	return 0;
}

/* Its frames go, so those in its scopes must be gone first. */
static int exit_owner(void *arg)
{
	weft_scope s, t;

	BEGIN(&s);
	GO(&s, count_left, NULL);
	CHECK_EQ(weft_scope_begin(&t, weft_in(1000 * WEFT_S)), 0);
	GO(&t, count_left, NULL);
	weft_exit((int)(intptr_t)arg);
}

static int owner_body(void *arg)
{
	int status = 0;
	weft_scope s;
	weft_id id;

	(void)arg;
	left = 0;
	CHECK_EQ(weft_spawn(&id, NULL, exit_owner, (void *)11), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, 11);
	CHECK_EQ(left, 2);
	BEGIN(&s);
	GO(&s, exit_owner, -EDOM);
	CHECK_EQ(weft_scope_end(&s), -EDOM);
	CHECK_EQ(left, 4);
	return 0;
}

Test(scope_leave, an_owner_that_exits_takes_its_children_along)
{
	EACH(owner_body);
}

/* --- panics ---------------------------------------------------------------------------------- */

static int panic_child(void *arg)
{
	(void)arg;
	weft_panic("the child cannot go on");
}

static int panic_body(void *arg)
{
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	GO(&s, sleep_long, NULL);
	GO(&s, panic_child, NULL);
	CHECK_EQ(weft_scope_end(&s), WEFT_EPANIC);

	BEGIN(&s);
	CHECK_EQ(weft_scope_policy(&s, WEFT_SCOPE_COLLECT), 0);
	GO(&s, panic_child, NULL);
	GO(&s, code, 0);
	CHECK_EQ(weft_scope_end(&s), WEFT_EPANIC);
	CHECK_EQ(weft_scope_failures(&s), 1);
	return 0;
}

Test(scope_leave, a_panic_is_a_failure_of_the_child)
{
	EACH(panic_body);
}

/* Inside two scopes and a shield. */
static int panic_inside(void *arg)
{
	weft_scope s, t;

	(void)arg;
	BEGIN(&s);
	GO(&s, count_left, NULL);
	weft_shield_begin();
	CHECK_EQ(weft_scope_begin(&t, weft_in(1000 * WEFT_S)), 0);
	GO(&t, count_left, NULL);
	weft_panic("the owner cannot go on");
}

static int try_body(void *arg)
{
	weft_scope s;

	(void)arg;
	left = 0;
	BEGIN(&s);
	CHECK_EQ(weft_try(panic_inside, NULL), WEFT_EPANIC);
	CHECK_EQ(left, 2);
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	CHECK_EQ(weft_cancelled(), -EINTR);     /* the shield is gone, too */
	CHECK_EQ(weft_scope_end(&s), -EINTR);

	left = 0;
	BEGIN(&s);
	GO(&s, panic_inside, NULL);
	CHECK_EQ(weft_scope_end(&s), WEFT_EPANIC);
	CHECK_EQ(left, 2);
	return 0;
}

Test(scope_leave, a_panic_of_the_owner_takes_its_children_along)
{
	EACH(try_body);
}

static void end_scope(void *arg)
{
	CHECK_EQ(weft_scope_end(arg), 0);
	left++;
}

/* The end is owed by the user's own deferred call, made first. */
static int defers_end(void *arg)
{
	weft_scope s;

	BEGIN(&s);
	WEFT_DEFER(end_scope, &s);
	GO(&s, code, 0);
	if (arg)
		weft_panic("with a deferred end");
	return 0;
}

static void count_it(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

/* A call deferred after begin is still owed at the end. */
static int ends_under_defer(void *arg)
{
	weft_scope s;

	BEGIN(&s);
	WEFT_DEFER(count_it, arg);
	GO(&s, code, 0);
	return weft_scope_end(&s);
}

static int defer_body(void *arg)
{
	atomic_int n = 0;

	(void)arg;
	left = 0;
	CHECK_EQ(defers_end(NULL), 0);
	CHECK_EQ(weft_try(defers_end, &n), WEFT_EPANIC);
	CHECK_EQ(left, 2);
	CHECK_EQ(ends_under_defer(&n), 0);
	CHECK_EQ(n, 1);
	return 0;
}

Test(scope_leave, deferred_calls_and_scopes_mix)
{
	EACH(defer_body);
}

static weft_key key;
static atomic_int destroyed;

static void destroy(void *v)
{
	(void)v;
	weft_yield();
	destroyed++;
}

static int with_key(void *arg)
{
	CHECK_EQ(weft_set(key, arg), 0);
	if (arg == (void *)2)
		weft_exit(0);
	return 0;
}

static int key_body(void *arg)
{
	weft_scope s;

	(void)arg;
	destroyed = 0;
	BEGIN(&s);
	GO(&s, with_key, 1);
	GO(&s, with_key, 2);
	CHECK_EQ(weft_scope_end(&s), 0);
	CHECK_EQ(destroyed, 2);
	return 0;
}

Test(scope_leave, key_destructors_run_before_the_end)
{
	cr_assert_eq(weft_key_create(&key, destroy), 0);
	EACH(key_body);
}

static atomic_int asleep;

static int fall_asleep(void *arg)
{
	int err;

	(void)arg;
	asleep++;
	err = weft_sleep(WEFT_FOREVER);
	asleep--;
	return err;
}

/* A run that ends leaves scopes as they stand. */
static int forgotten(void *arg)
{
	weft_scope s;

	BEGIN(&s);
	GO(&s, fall_asleep, NULL);
	(void)arg;
	return weft_scope_end(&s);
}

static int forget_body(void *arg)
{
	weft_id id;

	(void)arg;
	asleep = 0;
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_spawn(&id, NULL, forgotten, NULL), 0);
	wait_until(asleep == 10);
	return 0;
}

Test(scope_leave, may_be_left_behind_by_a_run)
{
	EACH(forget_body);
}

static void begin_and_wait(void *arg)
{
	forgotten(arg);
	left++;
}

Test(scope_leave, a_stop_cancels_what_is_in_it)
{
	weft_runtime *rt;

	left = asleep = 0;
	cr_assert_eq(weft_start(NULL, &rt), 0);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(weft_submit(rt, begin_and_wait, NULL), 0);
	wait_until(asleep == 10);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(left, 10);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- misuse --------------------------------------------------------------------------------- */

static int end_twice(void *arg)
{
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	weft_scope_end(&s);
	return weft_scope_end(&s);
}

static int end_outer_first(void *arg)
{
	weft_scope s, t;

	(void)arg;
	BEGIN(&s);
	BEGIN(&t);
	return weft_scope_end(&s);
}

static int end_it(void *arg)
{
	return weft_scope_end(arg);
}

static int end_by_child(void *arg)
{
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	GO(&s, end_it, &s);
	return weft_scope_end(&s);
}

struct misuse {
	int (*fn)(void *);
	const char *sentence;
};

static int run_misuse(void *arg)
{
	struct misuse *m = arg;

	return run_on(2, m->fn, NULL) == WEFT_EPANIC ? 3 : 4;
}

Test(scope_leave, misuse_panics_with_a_sentence)
{
	static struct misuse all[] = {
		{ end_twice, "scope: end of a scope that is not open" },
		{ end_outer_first, "scope: end out of order" },
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		cr_assert_eq(in_child(run_misuse, &all[i]), 3);
		cr_assert(strstr(said, all[i].sentence), "%s", said);
	}
}

/* The child panics for it, which is its scope's first failure. */
Test(scope_leave, end_by_another_routine_is_misuse)
{
	cr_assert_eq(run_on(2, end_by_child, NULL), WEFT_EPANIC);
}
