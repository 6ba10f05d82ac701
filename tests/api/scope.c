/* api/scope.c - a scope joins what was started in it, and cancels it. */
#include "support/scopes.h"

#include <pthread.h>

TestSuite(scope, .timeout = 120);

/* --- end: what it waits for, what it returns --------------------------------- */

static int joins_body(void *arg)
{
	atomic_int n = 0;
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	CHECK_EQ(weft_scope_end(&s), 0);
	for (int lap = 0; lap < 50; lap++) {
		n = 0;
		BEGIN(&s);
		for (int i = 0; i < 100; i++)
			GO(&s, add_one, &n);
		GO(&s, code, INT32_MAX);        /* no failure */
		CHECK_EQ(weft_scope_end(&s), 0);
		CHECK_EQ(n, 100);
		CHECK_EQ(weft_scope_failures(&s), 0);
	}
	return 0;
}

Test(scope, end_joins_everybody)
{
	EACH(joins_body);
}

static int first_body(void *arg)
{
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	for (int i = 0; i < 20; i++)
		GO(&s, wait_for_cancel, -EIO);
	GO(&s, code, -EIO);
	CHECK_EQ(weft_scope_end(&s), -EIO);
	CHECK_EQ(weft_scope_failures(&s), 21);
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_sleep(1), 0);
	return 0;
}

Test(scope, the_first_error_cancels_the_siblings)
{
	EACH(first_body);
}

static int nap(void *arg)
{
	return weft_sleep((intptr_t)arg);
}

static int collect_body(void *arg)
{
	atomic_int n = 0;
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	CHECK_EQ(weft_scope_policy(&s, 7), -EINVAL);
	CHECK_EQ(weft_scope_policy(&s, WEFT_SCOPE_COLLECT), 0);
	GO(&s, code, -EIO);
	wait_until(weft_scope_failures(&s) == 1);
	GO(&s, nap, WEFT_MS);
	GO(&s, code, -ENOENT);
	GO(&s, add_one, &n);
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_scope_end(&s), -EIO);
	CHECK_EQ(weft_scope_failures(&s), 2);
	CHECK_EQ(n, 1);
	CHECK_EQ(weft_scope_policy(&s, 0), -EINVAL);
	return 0;
}

Test(scope, collect_all_cancels_nobody)
{
	EACH(collect_body);
}

static int collect_cancel_body(void *arg)
{
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	CHECK_EQ(weft_scope_policy(&s, WEFT_SCOPE_COLLECT), 0);
	GO(&s, wait_for_cancel, -EINTR);
	GO(&s, code, -EIO);
	wait_until(weft_scope_failures(&s) == 1);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	CHECK_EQ(weft_cancelled(), -EINTR);
	CHECK_EQ(weft_scope_end(&s), -EIO);
	return 0;
}

Test(scope, collect_all_is_cancelled_like_others)
{
	EACH(collect_cancel_body);
}

static int cancel_body(void *arg)
{
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	CHECK_EQ(weft_scope_cancel(&s, 0), -EINVAL);
	CHECK_EQ(weft_scope_cancel(&s, 3), -EINVAL);
	CHECK_EQ(weft_scope_cancel(NULL, -EIO), -EINVAL);
	GO(&s, wait_for_cancel, -EINTR);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	CHECK_EQ(weft_scope_cancel(&s, -EIO), 0);
	CHECK_EQ(weft_cancelled(), -EINTR);
	CHECK_EQ(weft_sleep(1), -ECANCELED);
	CHECK_EQ(weft_scope_go(&s, code, NULL), -ECANCELED);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_scope_cancel(&s, -EIO), -EINVAL);
	CHECK_EQ(weft_scope_go(&s, code, NULL), -EINVAL);
	return 0;
}

Test(scope, cancel_gives_the_reason_and_the_first_wins)
{
	EACH(cancel_body);
}

/* --- deadlines ---------------------------------------------------------------- */

static int deadline_body(void *arg)
{
	weft_time t = weft_now();
	weft_scope s;

	(void)arg;
	CHECK_EQ(weft_scope_begin(&s, weft_in(2 * WEFT_MS)), 0);
	go_or_refused(&s, -ETIMEDOUT);
	CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);
	CHECK(weft_now() - t >= 2 * WEFT_MS);

	CHECK_EQ(weft_scope_begin(&s, weft_in(1000 * WEFT_S)), 0);
	GO(&s, code, 0);
	CHECK_EQ(weft_scope_end(&s), 0);

	CHECK_EQ(weft_scope_begin(&s, weft_in(1000 * WEFT_S)), 0);
	GO(&s, code, -EIO);
	CHECK_EQ(weft_scope_end(&s), -EIO);
	return 0;
}

Test(scope, the_deadline_cancels_only_when_it_comes)
{
	EACH(deadline_body);
}

static int past_body(void *arg)
{
	static const weft_time past[] = { WEFT_NOWAIT, -1, INT64_MIN, 1 };
	weft_scope s;

	(void)arg;
	for (size_t i = 0; i < COUNT(past); i++) {
		CHECK_EQ(weft_scope_begin(&s, past[i]), 0);
		CHECK_EQ(weft_cancelled(), -ETIMEDOUT);
		CHECK_EQ(weft_scope_go(&s, code, NULL), -ECANCELED);
		CHECK_EQ(weft_sleep(WEFT_S), -ECANCELED);
		CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);
		CHECK_EQ(weft_cancelled(), 0);
	}
	return 0;
}

Test(scope, a_past_deadline_cancels_at_once)
{
	EACH(past_body);
}

/* The nearest counts, whichever it is. */
static int nearest_body(void *arg)
{
	weft_scope outer, inner;

	(void)arg;
	CHECK_EQ(weft_scope_begin(&outer, weft_in(2 * WEFT_MS)), 0);
	CHECK_EQ(weft_scope_begin(&inner, weft_in(1000 * WEFT_S)), 0);
	go_or_refused(&inner, -ECANCELED);
	CHECK_EQ(weft_scope_end(&inner), -ECANCELED);
	CHECK_EQ(weft_cancelled(), -ETIMEDOUT);
	CHECK_EQ(weft_scope_end(&outer), -ETIMEDOUT);

	CHECK_EQ(weft_scope_begin(&outer, weft_in(1000 * WEFT_S)), 0);
	CHECK_EQ(weft_scope_begin(&inner, weft_in(2 * WEFT_MS)), 0);
	go_or_refused(&inner, -ETIMEDOUT);
	CHECK_EQ(weft_scope_end(&inner), -ETIMEDOUT);
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_scope_end(&outer), 0);
	return 0;
}

Test(scope, of_nested_deadlines_the_nearest_counts)
{
	EACH(nearest_body);
}

/* It ends as its deadline comes: one or the other, never a hang. */
static int close_call_body(void *arg)
{
	weft_scope s;

	(void)arg;
	for (int i = 0; i < 1000; i++) {
		int err;

		CHECK_EQ(weft_scope_begin(&s, weft_in(i % 40 * WEFT_US)), 0);
		err = weft_scope_go(&s, nap, (void *)(intptr_t)
				    (i % 37 * WEFT_US));
		CHECK(err == 0 || err == -ECANCELED);
		err = weft_scope_end(&s);
		CHECK(err == 0 || err == -ETIMEDOUT);
	}
	return 0;
}

Test(scope, the_deadline_may_come_as_it_ends)
{
	EACH(close_call_body);
}

/* --- nesting ------------------------------------------------------------------- */

static atomic_int ready;

static int inside(void *arg)
{
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	GO(&s, wait_for_cancel, -ECANCELED);
	ready++;
	CHECK_EQ(weft_scope_end(&s), -ECANCELED);
	CHECK_EQ(weft_cancelled(), -EINTR);
	BEGIN(&s);                      /* cancelled from the start */
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	CHECK_EQ(weft_scope_go(&s, code, NULL), -ECANCELED);
	CHECK_EQ(weft_scope_end(&s), -ECANCELED);
	return 0;
}

static int nested_body(void *arg)
{
	weft_scope s, t;

	(void)arg;
	ready = 0;
	BEGIN(&s);
	for (int i = 0; i < 10; i++)
		GO(&s, inside, NULL);
	BEGIN(&t);
	GO(&t, wait_for_cancel, -ECANCELED);
	wait_until(ready == 10);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	CHECK_EQ(weft_scope_end(&t), -ECANCELED);
	CHECK_EQ(weft_cancelled(), -EINTR);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	CHECK_EQ(weft_cancelled(), 0);
	return 0;
}

Test(scope, cancelling_reaches_what_is_nested)
{
	EACH(nested_body);
}

/* The inner one's failure is the outer one's only if the owner says so. */
static int inner_body(void *arg)
{
	weft_scope s, t;

	(void)arg;
	BEGIN(&s);
	GO(&s, nap, WEFT_MS);
	BEGIN(&t);
	GO(&t, code, -EIO);
	CHECK_EQ(weft_scope_end(&t), -EIO);
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_scope_end(&s), 0);
	return 0;
}

Test(scope, an_inner_failure_stays_inside)
{
	EACH(inner_body);
}

enum { DEPTH = 1000 };

static int deep_body(void *arg)
{
	weft_scope *s = calloc(DEPTH, sizeof *s);

	(void)arg;
	for (int i = 0; i < DEPTH; i++)
		BEGIN(&s[i]);
	GO(&s[DEPTH - 1], wait_for_cancel, -ECANCELED);
	GO(&s[DEPTH / 2], wait_for_cancel, -ECANCELED);
	for (int i = 0; i < 20; i++)
		weft_yield();
	CHECK_EQ(weft_scope_cancel(&s[0], -EINTR), 0);
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	for (int i = DEPTH; i-- > 0;)
		CHECK_EQ(weft_scope_end(&s[i]), i ? -ECANCELED : -EINTR);
	CHECK_EQ(weft_cancelled(), 0);
	free(s);
	return 0;
}

Test(scope, a_thousand_deep_in_one_routine)
{
	EACH(deep_body);
}

static atomic_int at_bottom;

static int descend(void *arg)
{
	intptr_t depth = (intptr_t)arg;
	weft_scope s;
	int err;

	BEGIN(&s);
	if (depth > 0) {
		GO(&s, descend, depth - 1);
		return weft_scope_end(&s);
	}
	at_bottom = 1;
	err = weft_sleep(WEFT_FOREVER);
	CHECK_EQ(weft_scope_end(&s), -ECANCELED);
	return err;
}

static int chain_body(void *arg)
{
	weft_scope s;

	(void)arg;
	for (int lap = 0; lap < 3; lap++) {
		at_bottom = 0;
		BEGIN(&s);
		GO(&s, descend, DEPTH);
		wait_until(at_bottom);
		CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
		CHECK_EQ(weft_scope_end(&s), -EINTR);
	}
	return 0;
}

Test(scope, a_thousand_deep_in_a_chain_of_routines)
{
	EACH(chain_body);
}

static int chain_id_body(void *arg)
{
	int status = 0;
	weft_id id;

	(void)arg;
	at_bottom = 0;
	CHECK_EQ(weft_spawn(&id, NULL, descend, (void *)DEPTH), 0);
	wait_until(at_bottom);
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, -ECANCELED);
	return 0;
}

Test(scope, cancel_by_id_reaches_the_scopes_that_it_owns)
{
	EACH(chain_id_body);
}

/* --- many ------------------------------------------------------------------------ */

#ifdef __SANITIZE_THREAD__
enum { MANY = 2000 };           /* it knows 8128 threads at most */
#else
enum { MANY = 10000 };
#endif

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

static int many_body(void *arg)
{
	weft_scope s;

	(void)arg;
	for (int lap = 0; lap < 2; lap++) {
		BEGIN(&s);
		for (int i = 0; i < MANY; i++)
			GO(&s, fall_asleep, NULL);
		if (lap)
			wait_until(asleep == MANY);
		CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
		CHECK_EQ(weft_scope_end(&s), -EINTR);
		CHECK_EQ(asleep, 0);
		CHECK_EQ(weft_scope_failures(&s), MANY);
	}
	return 0;
}

Test(scope, ten_thousand_are_cancelled_at_once)
{
	EACH(many_body);
}

/* --- who may start, and cancel ----------------------------------------------------- */

struct family {
	weft_scope s;
	atomic_int n;
};

static int start_more(void *arg)
{
	struct family *f = arg;

	if (atomic_fetch_add(&f->n, 1) < 500) {
		GO(&f->s, start_more, f);
		GO(&f->s, add_one, &f->n);
	}
	return 0;
}

static int family_body(void *arg)
{
	struct family f = { .n = 0 };

	(void)arg;
	BEGIN(&f.s);
	GO(&f.s, start_more, &f);
	CHECK_EQ(weft_scope_end(&f.s), 0);
	CHECK(f.n > 500);
	return 0;
}

Test(scope, children_start_siblings)
{
	EACH(family_body);
}

static void *from_thread(void *arg)
{
	weft_scope *s = arg;
	int n = 0;

	while (weft_scope_go(s, sleep_long, NULL) == 0 && ++n < 100)
		continue;
	CHECK_EQ(n, 100);
	CHECK_EQ(weft_scope_cancel(s, -EINTR), 0);
	return NULL;
}

static int thread_body(void *arg)
{
	pthread_t t;
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	GO(&s, sleep_long, NULL);
	CHECK_EQ(pthread_create(&t, NULL, from_thread, &s), 0);
	CHECK_EQ(weft_sleep(1000 * WEFT_S), -ECANCELED);
	pthread_join(t, NULL);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	return 0;
}

Test(scope, any_thread_may_start_and_cancel)
{
	EACH(thread_body);
}

/* weft_go and weft_spawn join no scope. */
static int outsider_body(void *arg)
{
	int status = 1;
	weft_scope s;
	weft_id id;

	(void)arg;
	BEGIN(&s);
	CHECK_EQ(weft_spawn(&id, NULL, nap, (void *)WEFT_MS), 0);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, 0);
	return 0;
}

Test(scope, spawn_joins_no_scope)
{
	EACH(outsider_body);
}

/* --- errors of go -------------------------------------------------------------------- */

static int limit_body(void *arg)
{
	weft_time limit = 100 * WEFT_MS;
	weft_scope s;
	int n, err;

	(void)arg;
	CHECK_EQ(weft_scope_go(NULL, code, NULL), -EINVAL);
	/* On a slow machine, again: the deadline comes too early, and what it
	 * starts may have a place. */
	do {
		n = 0;
		limit *= 2;
		CHECK_EQ(weft_scope_begin(&s, weft_in(limit)), 0);
		CHECK_EQ(weft_scope_go(&s, NULL, NULL), -EINVAL);
		while ((err = weft_scope_go(&s, sleep_long, NULL)) == 0)
			n++;
		/* The deadline comes although nobody else may be started. */
		CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);
	} while ((err == -ECANCELED || n < 7) && limit < 20 * WEFT_S);
	CHECK_EQ(n, 7);
	CHECK_EQ(err, -EAGAIN);
	return 0;
}

Test(scope, go_is_refused_beyond_max_routines)
{
	weft_config c = { .workers = 2, .max_routines = 8 };

	cr_assert_eq(weft_run_config(&c, limit_body, NULL), 0);
	cr_assert_eq(failures, 0);
}
