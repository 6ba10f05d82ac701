/* tests/api/embed.c - runtimes beside plain threads, and beside one another. */
#include "support/rt.h"

#include <pthread.h>
#include <stdlib.h>

TestSuite(embed, .timeout = 120);

static atomic_int ran;
static atomic_bool go_on;
static weft_chan *parked;

static weft_runtime *started(unsigned workers)
{
	weft_config c = { .workers = workers };
	weft_runtime *rt = NULL;

	cr_assert_eq(weft_start(&c, &rt), 0);
	cr_assert_not_null(rt);
	return rt;
}

static void count(void *arg)
{
	ran += (int)(intptr_t)arg;
}

static int twice(void *arg)
{
	weft_yield();
	return 2 * (int)(intptr_t)arg;
}

static int workers_here(void *arg)
{
	CHECK(weft_self() != 0);
	return (int)weft_workers() + (int)(intptr_t)arg;
}

static int leave(void *arg)
{
	weft_exit((int)(intptr_t)arg);
}

Test(embed, submit_and_call_from_plain_threads)
{
	for (size_t k = 0; k < COUNT(worker_counts); k++) {
		weft_runtime *rt = started(worker_counts[k]);

		ran = 0;
		for (int i = 0; i < 1000; i++)
			cr_assert_eq(weft_submit(rt, count, (void *)1), 0);
		for (int i = -50; i < 50; i++)
			cr_assert_eq(weft_call(rt, twice, (void *)(intptr_t)i),
				     2 * i);
		cr_assert_eq(weft_call(rt, leave, (void *)-9), -9);
		cr_assert_eq(weft_call(rt, workers_here, NULL),
			     (int)worker_counts[k]);
		cr_assert_eq(weft_workers(), worker_counts[k]);
		/* The one runtime there is takes spawns, too. */
		cr_assert_eq(weft_go(count, (void *)1), 0);
		wait_until(ran == 1001);
		cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
		cr_assert_eq(weft_workers(), 0);
		cr_assert_eq(failures, 0);
	}
}

Test(embed, refuses_bad_arguments)
{
	weft_config bad[] = {
		{ .workers = 1 << 20 }, { .stack_size = SIZE_MAX },
		{ .guard = -1 }, { .guard = 99 }, { .on_panic = 7 },
		{ .on_deadlock = 9 }, { .flags = 1u << 31 },
		{ .blocking_min = 9, .blocking_max = 3 },
	};
	weft_runtime *rt = (void *)&rt;

	cr_assert_eq(weft_start(NULL, NULL), -EINVAL);
	for (size_t i = 0; i < COUNT(bad); i++) {
		rt = (void *)&rt;
		cr_assert_eq(weft_start(&bad[i], &rt), -EINVAL, "%zu", i);
		cr_assert_null(rt);
		cr_assert_eq(weft_run_config(&bad[i], twice, NULL), -EINVAL);
	}
	cr_assert_eq(weft_submit(NULL, count, NULL), -EINVAL);
	cr_assert_eq(weft_call(NULL, twice, NULL), -EINVAL);
	cr_assert_eq(weft_stop(NULL, WEFT_FOREVER), -EINVAL);
	rt = started(1);
	cr_assert_eq(weft_submit(rt, NULL, NULL), -EINVAL);
	cr_assert_eq(weft_call(rt, NULL, NULL), -EINVAL);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(weft_start(NULL, &rt), 0);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
}

static void *many_calls(void *arg)
{
	for (int i = 0; i < 200; i++)
		CHECK_EQ(weft_call(arg, twice, (void *)(intptr_t)i), 2 * i);
	return NULL;
}

Test(embed, many_threads_call_at_once)
{
	for (size_t k = 0; k < COUNT(worker_counts); k++) {
		weft_runtime *rt = started(worker_counts[k]);
		pthread_t t[5];

		for (int i = 0; i < 5; i++)
			cr_assert_eq(pthread_create(&t[i], NULL, many_calls,
						    rt), 0);
		for (int i = 0; i < 5; i++)
			pthread_join(t[i], NULL);
		cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
		cr_assert_eq(failures, 0);
	}
}

/* --- stop ----------------------------------------------------------------------- */

static void receive(void *arg)
{
	ran++;
	CHECK_EQ(weft_chan_recv(arg, NULL), -ECANCELED);
	CHECK_EQ(weft_sleep(WEFT_S), -ECANCELED);       /* for good */
	ran++;
}

/* No cancel point. */
static void park_for_ever(void *arg)
{
	ran++;
	weft_waitgroup_wait(arg);
	CHECK(!"woken");
}

static void loop_politely(void *arg)
{
	ran++;
	while (!go_on)
		weft_yield();
	CHECK_EQ(weft_go(count, NULL), -ECANCELED);
	CHECK_EQ(weft_spawn(&(weft_id){ 0 }, NULL, twice, NULL), -ECANCELED);
	ran++;
	(void)arg;
}

Test(embed, stop_cancels_the_parked)
{
	for (size_t k = 0; k < COUNT(worker_counts); k++) {
		weft_runtime *rt = started(worker_counts[k]);

		ran = 0;
		parked = ints(0);
		for (int i = 0; i < 20; i++)
			cr_assert_eq(weft_submit(rt, receive, parked), 0);
		wait_until(ran == 20);
		cr_assert_eq(weft_stop(rt, weft_in(60 * WEFT_S)), 0);
		cr_assert_eq(ran, 40);
		cr_assert_eq(weft_chan_try_send(parked, &(int){ 1 }), -EAGAIN);
		weft_chan_unref(parked);
		cr_assert_eq(failures, 0);
	}
}

Test(embed, stop_discards_those_that_cannot_be_cancelled)
{
	for (size_t k = 0; k < COUNT(worker_counts); k++) {
		weft_runtime *rt = started(worker_counts[k]);
		weft_waitgroup never = WEFT_WAITGROUP_INIT;

		ran = 0;
		weft_waitgroup_add(&never, 1);
		for (int i = 0; i < 20; i++)
			cr_assert_eq(weft_submit(rt, park_for_ever, &never), 0);
		wait_until(ran == 20);
		cr_assert_eq(weft_stop(rt, weft_in(60 * WEFT_S)), 0);
		/* Their waits are withdrawn: nobody is woken. */
		weft_waitgroup_done(&never);
		cr_assert_eq(failures, 0);
	}
}

static int stop_slowly(void *arg)
{
	weft_runtime *rt;
	weft_config c = { .workers = 2 };
	weft_time t;

	(void)arg;
	go_on = false;
	ran = 0;
	if (weft_start(&c, &rt) || weft_submit(rt, loop_politely, NULL))
		return 1;
	wait_until(ran == 1);
	CHECK_EQ(weft_stop(rt, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_submit(rt, count, NULL), -ECANCELED);
	CHECK_EQ(weft_call(rt, twice, NULL), -ECANCELED);
	t = weft_in(20 * WEFT_MS);
	CHECK_EQ(weft_stop(rt, t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	CHECK_EQ(weft_stop(rt, -1), -ETIMEDOUT);
	go_on = true;
	CHECK_EQ(weft_stop(rt, weft_in(60 * WEFT_S)), 0);
	CHECK_EQ(ran, 2);
	return failures;
}

Test(embed, stop_waits_for_the_running_and_names_them)
{
	cr_assert_eq(in_child(stop_slowly, NULL), 0, "%s", said);
	cr_assert_not_null(strstr(said, "routine "), "%s", said);
}

static int stop_own(void *arg)
{
	return weft_stop(arg, WEFT_FOREVER);
}

Test(embed, stop_from_inside_is_refused)
{
	weft_runtime *rt = started(2);

	cr_assert_eq(weft_call(rt, stop_own, rt), -EDEADLK);
	cr_assert_eq(weft_call(rt, twice, (void *)3), 6);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
}

Test(embed, stop_at_once)
{
	for (int i = 0; i < 100; i++) {
		weft_runtime *rt = started(worker_counts[i % 4]);

		/* Nothing was started, so nothing can be in the way. */
		cr_assert_eq(weft_stop(rt, i % 3 ? i % 3 == 1 ? -1 :
				       WEFT_FOREVER : WEFT_NOWAIT), 0, "%d", i);
	}
}

static int recv_for_ever(void *arg)
{
	ran++;
	return weft_chan_recv(arg, NULL);
}

struct call {
	weft_runtime *rt;
	weft_chan *c;
};

static void *call_discarded(void *arg)
{
	struct call *k = arg;

	CHECK_EQ(weft_call(k->rt, recv_for_ever, k->c), -ECANCELED);
	return NULL;
}

static int call_other(void *arg)
{
	struct call *k = arg;

	CHECK_EQ(weft_call(k->rt, recv_for_ever, k->c), -ECANCELED);
	return 5;
}

static void *call_call_other(void *arg)
{
	CHECK_EQ(weft_call(((struct call *)arg)[1].rt, call_other, arg), 5);
	return NULL;
}

Test(embed, callers_of_discarded_routines_are_told)
{
	struct call k[2] = { { started(2), ints(0) }, { started(2), NULL } };
	pthread_t a, b;

	ran = 0;
	cr_assert_eq(pthread_create(&a, NULL, call_discarded, k), 0);
	cr_assert_eq(pthread_create(&b, NULL, call_call_other, k), 0);
	wait_until(ran == 2);
	cr_assert_eq(weft_stop(k[0].rt, weft_in(60 * WEFT_S)), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	cr_assert_eq(weft_stop(k[1].rt, weft_in(60 * WEFT_S)), 0);
	weft_chan_unref(k[0].c);
	cr_assert_eq(failures, 0);
}

/* --- several -------------------------------------------------------------------- */

enum { RUNTIMES = 3, VALUES = 500 };

static weft_chan *ring[RUNTIMES];
static weft_id ids[RUNTIMES][VALUES];

static int pass_on(void *arg)
{
	intptr_t i = (intptr_t)arg;

	for (int v = 0; v < VALUES; v++)
		give(ring[(i + 1) % RUNTIMES], take(ring[i]) + 1);
	return 0;
}

static int tell(void *arg)
{
	*(weft_id *)arg = weft_self();
	return 0;
}

static int collect_ids(void *arg)
{
	weft_id *to = arg, id;

	for (int i = 0; i < VALUES; i++) {
		CHECK_EQ(weft_spawn(&id, NULL, tell, &to[i]), 0);
		CHECK_EQ(weft_join(id, NULL), 0);
		CHECK(to[i] == id);
	}
	return 0;
}

struct task {
	weft_runtime *rt;
	int (*fn)(void *);
	void *arg;
	pthread_t thread;
};

static void *do_task(void *p)
{
	struct task *t = p;

	CHECK_EQ(weft_call(t->rt, t->fn, t->arg), 0);
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	weft_id x = *(const weft_id *)a, y = *(const weft_id *)b;

	return x < y ? -1 : x > y;
}

Test(embed, three_side_by_side)
{
	struct task t[RUNTIMES];
	weft_id *all = &ids[0][0];

	for (int i = 0; i < RUNTIMES; i++) {
		t[i].rt = started((unsigned)i + 1);
		ring[i] = ints((size_t)i % 2);
	}
	/* Several: a plain thread has to say which. */
	cr_assert_eq(weft_workers(), 0);
	cr_assert_eq(weft_go(count, NULL), -EPERM);
	for (int i = 0; i < RUNTIMES; i++) {
		t[i].fn = pass_on;
		t[i].arg = (void *)(intptr_t)i;
		cr_assert_eq(pthread_create(&t[i].thread, NULL, do_task, &t[i]),
			     0);
	}
	/* The one value goes round; the last runtime waits to give it back. */
	give(ring[0], 0);
	pthread_join(t[0].thread, NULL);
	pthread_join(t[1].thread, NULL);
	cr_assert_eq(take(ring[0]), RUNTIMES * VALUES);
	pthread_join(t[2].thread, NULL);
	for (int i = 0; i < RUNTIMES; i++) {
		t[i].fn = collect_ids;
		t[i].arg = ids[i];
		cr_assert_eq(pthread_create(&t[i].thread, NULL, do_task, &t[i]),
			     0);
	}
	for (int i = 0; i < RUNTIMES; i++)
		pthread_join(t[i].thread, NULL);
	qsort(all, RUNTIMES * VALUES, sizeof *all, by_id);
	for (int i = 1; i < RUNTIMES * VALUES; i++)
		cr_assert(all[i] != all[i - 1]);
	for (int i = 0; i < RUNTIMES; i++) {
		cr_assert_eq(weft_stop(t[i].rt, WEFT_FOREVER), 0);
		weft_chan_unref(ring[i]);
	}
	cr_assert_eq(failures, 0);
}

static int use_other(void *arg)
{
	for (int i = 0; i < 300; i++)
		CHECK_EQ(weft_call(arg, twice, (void *)(intptr_t)i), 2 * i);
	CHECK_EQ(weft_submit(arg, count, (void *)1), 0);
	return 0;
}

static int start_inside(void *arg)
{
	weft_runtime *rt;
	weft_config c = { .workers = 1 };

	(void)arg;
	CHECK_EQ(weft_start(&c, &rt), 0);
	CHECK_EQ(weft_call(rt, twice, (void *)4), 8);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	return 0;
}

Test(embed, routines_call_into_other_runtimes)
{
	weft_runtime *a = started(2), *b = started(1);

	ran = 0;
	cr_assert_eq(weft_call(a, use_other, b), 0);
	cr_assert_eq(weft_call(b, use_other, a), 0);
	cr_assert_eq(weft_call(a, use_other, a), 0);
	cr_assert_eq(weft_call(a, start_inside, NULL), 0);
	wait_until(ran == 3);
	cr_assert_eq(weft_stop(a, WEFT_FOREVER), 0);
	cr_assert_eq(weft_stop(b, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}
