/* api/await.c - callbacks as blocking calls, one sentence a test. */
#include "support/crew.h"

#include <weft/await.h>

TestSuite(await, .timeout = 120);

/* An operation that somebody else will end. */
struct op {
	_Atomic(weft_await_token *) token;
	int status;
	void *value;
	atomic_int started, finished, done_said;
};

static void keep(weft_await_token *t, void *arg)
{
	struct op *op = arg;

	op->started++;
	op->token = t;
}

static void finish_at_once(weft_await_token *t, void *arg)
{
	struct op *op = arg;

	keep(t, arg);
	CHECK_EQ(weft_await_done(t, op->status, op->value), 0);
}

static int codes(void *arg)
{
	int a;
	struct op op = { .status = 0, .value = &a };
	void *v = &op;
	weft_time t;

	(void)arg;
	CHECK_EQ(weft_await(NULL, &op, &v, WEFT_FOREVER), -EINVAL);
	CHECK_EQ(weft_await(keep, &op, &v, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_await_done(op.token, 0, &a), -EALREADY);
	CHECK_EQ(weft_await(keep, &op, &v, -1), -ETIMEDOUT);
	CHECK_EQ(weft_await_done(op.token, 0, &a), -EALREADY);
	CHECK_EQ(weft_await(keep, &op, &v, 1), -ETIMEDOUT);
	t = weft_in(WEFT_MS);
	CHECK_EQ(weft_await(keep, &op, &v, t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	CHECK_EQ(weft_await_done(op.token, 0, &a), -EALREADY);
	CHECK(v == &op);
	CHECK_EQ(op.started, 4);
	CHECK_EQ(weft_await(finish_at_once, &op, &v, WEFT_FOREVER), 0);
	CHECK(v == &a);
	CHECK_EQ(weft_await_done(op.token, 0, &a), -EALREADY);
	/* What is done is taken, however late it is. */
	v = NULL;
	CHECK_EQ(weft_await(finish_at_once, &op, &v, WEFT_NOWAIT), 0);
	CHECK(v == &a);
	CHECK_EQ(weft_await(finish_at_once, &op, NULL, -1), 0);
	/* Any status goes through, with its result. */
	op.status = -EIO;
	v = NULL;
	CHECK_EQ(weft_await(finish_at_once, &op, &v, WEFT_FOREVER), -EIO);
	CHECK(v == &a);
	op.status = 7;
	CHECK_EQ(weft_await(finish_at_once, &op, &v, WEFT_FOREVER), 7);
	/* What never was a token. */
	CHECK_EQ(weft_await_done(NULL, 0, NULL), -EINVAL);
	CHECK_EQ(weft_await_done((weft_await_token *)(UINTPTR_MAX >> 1), 0,
				 NULL), -EINVAL);
	return 0;
}

Test(await, answers_with_the_codes_of_the_contract)
{
	ANYWHERE(codes);
}

static void *foreign(void *arg)
{
	struct op *op = arg;

	CHECK_EQ(weft_await_done(op->token, op->status, op->value), 0);
	op->finished++;
	return NULL;
}

/* A library with threads of its own. */
static void begin_thread(weft_await_token *t, void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	keep(t, arg);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	CHECK_EQ(pthread_create(&thread, &attr, foreign, arg), 0);
	pthread_attr_destroy(&attr);
}

static int from_threads(void *arg)
{
	static struct op op[200];
	int laps = fewer((int)COUNT(op));

	(void)arg;
	memset(op, 0, sizeof op);
	for (int i = 0; i < laps; i++) {
		void *v = NULL;

		op[i].status = -i;
		op[i].value = &op[i];
		CHECK_EQ(weft_await(begin_thread, &op[i], &v, WEFT_FOREVER),
			 -i);
		CHECK(v == &op[i]);
	}
	for (int i = 0; i < laps; i++)
		wait_until(op[i].finished == 1);
	return 0;
}

Test(await, is_ended_by_threads_that_the_library_does_not_know)
{
	ANYWHERE(from_threads);
}

enum { RACERS = 4 };

struct race {
	_Atomic(weft_await_token *) token;
	atomic_int arrived, won, lost;
	char mark[RACERS];
};

static void publish(weft_await_token *t, void *arg)
{
	((struct race *)arg)->token = t;
}

static int race_to_finish(void *arg)
{
	struct race *r = arg;
	int i = r->arrived++, err;

	wait_until(r->token);
	err = weft_await_done(r->token, i, &r->mark[i]);
	CHECK(err == 0 || err == -EALREADY);
	err ? r->lost++ : r->won++;
	return 0;
}

static int race(void *arg)
{
	(void)arg;
	for (int lap = fewer(200); lap > 0; lap--) {
		struct race r = { .token = NULL };
		struct crew c;
		void *v = NULL;
		int i;

		crew_start(&c, lap % 2 ? RACERS : 0, lap % 2 ? 0 : RACERS,
			   race_to_finish, &r);
		i = weft_await(publish, &r, &v, WEFT_FOREVER);
		CHECK(i >= 0 && i < RACERS && v == &r.mark[i]);
		crew_join(&c);
		CHECK_EQ(r.won, 1);
		CHECK_EQ(r.lost, RACERS - 1);
	}
	return 0;
}

Test(await, is_ended_by_exactly_one_of_many)
{
	ANYWHERE(race);
}

/* Whoever is first, deadline or callback: told the same on both sides. */
static int photo(void *arg)
{
	int done = 0, late = 0;

	(void)arg;
	for (int lap = fewer(1000); lap > 0; lap--) {
		struct race r = { .token = NULL };
		struct crew c;
		void *v = &r;
		int err;

		crew_start(&c, lap % 2, lap % 2 == 0, race_to_finish, &r);
		err = weft_await(publish, &r, &v,
				 weft_in(lap % 64 * 2 * WEFT_US));
		crew_join(&c);
		CHECK(err == 0 || err == -ETIMEDOUT);
		CHECK_EQ(r.won, err == 0);
		CHECK(v == (err ? (void *)&r : (void *)&r.mark[0]));
		err ? late++ : done++;
	}
	cr_log_info("%d done, %d late", done, late);
	return 0;
}

Test(await, is_given_up_or_done_never_both)
{
	ANYWHERE(photo);
}

static int canceled(void *arg)
{
	struct op *op = arg;
	void *v = arg;

	CHECK_EQ(weft_await(keep, op, &v, WEFT_FOREVER), -ECANCELED);
	CHECK(v == arg);
	/* Sticky, and before any effect. */
	CHECK_EQ(weft_await(keep, op, &v, WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_await(keep, op, &v, WEFT_NOWAIT), -EAGAIN);
	return 0;
}

static int cancel(void *arg)
{
	struct op op = { .status = 0 };
	weft_await_token *first;
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, canceled, &op), 0);
	wait_until(op.token);
	first = op.token;
	for (int i = 0; i < 10; i++)
		weft_yield();
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(op.started, 2);
	CHECK_EQ(weft_await_done(first, 0, NULL), -EALREADY);
	CHECK_EQ(weft_await_done(op.token, 0, NULL), -EALREADY);
	return 0;
}

Test(await, is_a_cancel_point_and_a_late_callback_does_no_harm)
{
	EACH(cancel);
}

static void panic_in_start(weft_await_token *t, void *arg)
{
	keep(t, arg);
	weft_panic("no start");
}

static int start_panics(void *arg)
{
	return weft_await(panic_in_start, arg, NULL, WEFT_FOREVER);
}

static int exit_in_start(void *arg)
{
	return weft_try(start_panics, arg);
}

static int leaves(void *arg)
{
	struct op op = { .status = 0 };

	(void)arg;
	CHECK_EQ(weft_try(start_panics, &op), WEFT_EPANIC);
	CHECK_EQ(weft_await_done(op.token, 0, NULL), -EALREADY);
	CHECK_EQ(exit_in_start(&op), WEFT_EPANIC);
	CHECK_EQ(weft_await_done(op.token, 0, NULL), -EALREADY);
	return 0;
}

Test(await, is_over_when_start_panics)
{
	EACH(leaves);
}

/* start may park; the answer comes before it returns or after. */
static void slow_start(weft_await_token *t, void *arg)
{
	begin_thread(t, arg);
	if (((struct op *)arg)->done_said)
		wait_until(((struct op *)arg)->finished);
	for (int i = 0; i < 5; i++)
		weft_yield();
}

static int slow(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < 20; lap++) {
		struct op op = { .value = &op, .done_said = lap % 2 };
		void *v = NULL;

		CHECK_EQ(weft_await(slow_start, &op, &v, WEFT_FOREVER), 0);
		CHECK(v == &op);
		wait_until(op.finished);
	}
	return 0;
}

Test(await, lets_start_park)
{
	ANYWHERE(slow);
}

/* Many at once, ended in another order than they began. */
enum { MANY = 1500 };

struct crowd {
	_Atomic(weft_await_token *) token[MANY];
	atomic_int waiting, back;
};

struct one {
	struct crowd *crowd;
	int i;
};

static void enroll(weft_await_token *t, void *arg)
{
	struct one *o = arg;

	o->crowd->token[o->i] = t;
	o->crowd->waiting++;
}

static void wait_in_crowd(void *arg)
{
	struct one *o = arg;
	void *v = NULL;

	CHECK_EQ(weft_await(enroll, o, &v, WEFT_FOREVER), -o->i);
	CHECK(v == &o->crowd->token[o->i]);
	o->crowd->back++;
}

static int many(void *arg)
{
	static struct crowd c;
	int n = fewer(MANY);

	(void)arg;
	c.waiting = c.back = 0;
	for (int i = 0; i < n; i++) {
		struct one o = { &c, i };

		CHECK_EQ(weft_go_copy(NULL, wait_in_crowd, &o, sizeof o), 0);
	}
	wait_until(c.waiting == n);
	for (int i = n - 1; i >= 0; i--)
		CHECK_EQ(weft_await_done(c.token[i], -i, (void *)&c.token[i]), 0);
	wait_until(c.back == n);
	return 0;
}

Test(await, holds_more_than_a_thousand_at_once)
{
	EACH(many);
}

/* The only thing that can wake the run is a callback to come, and the thread
 * that will make it has touched nothing yet. */
static _Atomic(weft_await_token *) quiet_token;

static void *quiet_thread(void *arg)
{
	weft_time until = weft_in(20 * WEFT_MS);

	/* Not to let something happen: to give a wrong verdict its chance. */
	while (weft_now() < until)
		sched_yield();
	CHECK_EQ(weft_await_done(quiet_token, 0, arg), 0);
	return NULL;
}

static void begin_quiet(weft_await_token *t, void *arg)
{
	quiet_token = t;
	CHECK_EQ(pthread_create(arg, NULL, quiet_thread, NULL), 0);
}

static int quiet(void *arg)
{
	pthread_t thread;

	(void)arg;
	CHECK_EQ(weft_await(begin_quiet, &thread, NULL, WEFT_FOREVER), 0);
	pthread_join(thread, NULL);
	return 0;
}

Test(await, is_no_deadlock)
{
	EACH(quiet);
}

/* A run that ends discards who waits; its callback is only late. */
static void wait_for_ever(void *arg)
{
	CHECK_EQ(weft_await(keep, arg, NULL, WEFT_FOREVER), 0);
	abort();
}

static int leave_it(void *arg)
{
	CHECK_EQ(weft_go(wait_for_ever, arg), 0);
	wait_until(((struct op *)arg)->token);
	return 0;
}

Test(await, of_a_discarded_routine_is_over)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		struct op op = { .status = 0 };

		cr_assert_eq(run_on(worker_counts[i], leave_it, &op), 0);
		/* One that had not parked yet has not given up, either. */
		CHECK(weft_await_done(op.token, 0, NULL) <= 0);
		CHECK_EQ(weft_await_done(op.token, 0, NULL), -EALREADY);
	}
	cr_assert_eq(failures, 0, "%s", first_failure);
}
