/* tests/api/join.c - who gets the end of a routine, and who does not. */
#include "support/rt.h"

#include <pthread.h>

TestSuite(join, .timeout = 120);

static int answer(void *arg)
{
	return (int)(intptr_t)arg;
}

/* Ends when its channel is closed. */
static int until_closed(void *arg)
{
	CHECK_EQ(weft_chan_recv(arg, NULL), -EPIPE);
	return 77;
}

static void drain(weft_id id, weft_chan *c, int err)
{
	int status = 0;

	CHECK_EQ(weft_chan_close(c), 0);
	CHECK_EQ(weft_join(id, &status), err);
	CHECK_EQ(status, err ? 0 : 77);
	weft_chan_unref(c);
}

/* --- statuses ---------------------------------------------------------------- */

static int statuses(void *arg)
{
	static const int values[] = {
		0, 1, -1, -ECANCELED, -ETIMEDOUT, WEFT_EPANIC, INT32_MIN,
		INT32_MAX,
	};
	weft_id id;
	int status;

	(void)arg;
	for (size_t i = 0; i < COUNT(values); i++) {
		status = 5;
		CHECK_EQ(weft_spawn(&id, NULL, answer,
				    (void *)(intptr_t)values[i]), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, values[i]);
		status = 5;
		CHECK_EQ(weft_join(id, &status), -ESRCH);
		CHECK_EQ(weft_detach(id), -ESRCH);
		CHECK_EQ(weft_unpark(id), -ESRCH);
		CHECK_EQ(status, 5);
	}
	CHECK_EQ(weft_spawn(&id, NULL, answer, NULL), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	return 0;
}

Test(join, gives_the_status_unchanged_and_retires_the_id)
{
	EACH(statuses);
}

static int ended_first(void *arg)
{
	enum { N = 200 };
	weft_id id[N];
	int status = 0;

	(void)arg;
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, answer, (void *)(intptr_t)i),
			 0);
	for (int i = 0; i < 10; i++)
		weft_yield();
	for (int i = N - 1; i >= 0; i--) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, i);
	}
	return 0;
}

Test(join, works_after_the_end)
{
	EACH(ended_first);
}

/* --- refusals ------------------------------------------------------------------ */

static void idle(void *arg)
{
	weft_chan **c = arg;
	weft_id me = weft_self();

	CHECK_EQ(weft_chan_send(c[0], &me), 0);
	CHECK_EQ(weft_chan_recv(c[1], NULL), -EPIPE);
}

static int nobody(void *arg)
{
	weft_chan *c[2] = { weft_chan_new(sizeof(weft_id), 0), ints(0) };
	weft_id id = 0;

	(void)arg;
	CHECK_EQ(weft_join(0, NULL), -ESRCH);
	CHECK_EQ(weft_join(1, NULL), -ESRCH);
	CHECK_EQ(weft_join(UINT64_MAX, NULL), -ESRCH);
	CHECK_EQ(weft_join(UINT64_C(1) << 32 | 0x7fffffff, NULL), -ESRCH);
	CHECK_EQ(weft_detach(0), -ESRCH);
	CHECK_EQ(weft_detach(UINT64_MAX), -ESRCH);
	CHECK_EQ(weft_unpark(0), -ESRCH);
	CHECK_EQ(weft_unpark(UINT64_MAX), -ESRCH);
	CHECK_EQ(weft_join(weft_self(), NULL), -EDEADLK);
	CHECK_EQ(weft_join_until(weft_self(), NULL, WEFT_NOWAIT), -EDEADLK);
	/* What weft_go starts cannot be joined, though it has an id. */
	CHECK_EQ(weft_go(idle, c), 0);
	CHECK_EQ(weft_chan_recv(c[0], &id), 0);
	CHECK_EQ(weft_join(id, NULL), -ESRCH);
	CHECK_EQ(weft_detach(id), -ESRCH);
	CHECK_EQ(weft_unpark(id), 0);
	CHECK_EQ(weft_chan_close(c[1]), 0);
	wait_until(weft_unpark(id) == -ESRCH);
	weft_chan_unref(c[0]);
	weft_chan_unref(c[1]);
	return 0;
}

Test(join, of_nobody_oneself_and_the_unjoinable_is_refused)
{
	EACH(nobody);
}

static int stale(void *arg)
{
	enum { N = 300 };
	weft_id old, id[N];
	int status = 0;

	(void)arg;
	CHECK_EQ(weft_spawn(&old, NULL, answer, (void *)9), 0);
	CHECK_EQ(weft_join(old, NULL), 0);
	/* Enough to take its record again. */
	for (int i = 0; i < N; i++) {
		CHECK_EQ(weft_spawn(&id[i], NULL, answer, (void *)3), 0);
		CHECK(id[i] != old);
	}
	CHECK_EQ(weft_join(old, &status), -ESRCH);
	CHECK_EQ(weft_detach(old), -ESRCH);
	CHECK_EQ(weft_unpark(old), -ESRCH);
	for (int i = 0; i < N; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, 3);
	}
	return 0;
}

Test(join, of_a_stale_id_is_refused_after_reuse)
{
	EACH(stale);
}

/* --- deadlines ------------------------------------------------------------------- */

static int deadlines(void *arg)
{
	weft_chan *c = ints(0);
	int status = 5;
	weft_id id;
	weft_time t;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, until_closed, c), 0);
	CHECK_EQ(weft_join_until(id, &status, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_join_until(id, &status, -1), -ETIMEDOUT);
	CHECK_EQ(weft_join_until(id, &status, INT64_MIN), -ETIMEDOUT);
	CHECK_EQ(weft_join_until(id, &status, weft_now() - 1), -ETIMEDOUT);
	for (int i = 0; i < 20; i++) {
		t = weft_in(200 * WEFT_US);
		CHECK_EQ(weft_join_until(id, &status, t), -ETIMEDOUT);
		CHECK(weft_now() >= t);
	}
	CHECK_EQ(status, 5);
	drain(id, c, 0);
	/* What is ready is done though the deadline is past. */
	CHECK_EQ(weft_spawn(&id, NULL, answer, (void *)6), 0);
	wait_until(weft_join_until(id, &status, WEFT_NOWAIT) != -EAGAIN);
	CHECK_EQ(status, 6);
	CHECK_EQ(weft_spawn(&id, NULL, answer, (void *)8), 0);
	wait_until(weft_join_until(id, &status, 1) != -ETIMEDOUT);
	CHECK_EQ(status, 8);
	CHECK_EQ(weft_spawn(&id, NULL, answer, (void *)7), 0);
	CHECK_EQ(weft_join_until(id, &status, weft_in(100 * WEFT_S)), 0);
	CHECK_EQ(status, 7);
	return 0;
}

Test(join, that_timed_out_may_be_repeated)
{
	EACH(deadlines);
}

/* The deadline races with the end: the status is got exactly once. */
static int brief(void *arg)
{
	for (intptr_t i = 0; i < (intptr_t)arg; i++)
		weft_yield();
	return 11;
}

static int race(void *arg)
{
	int status = 0;
	weft_id id;

	(void)arg;
	for (int i = 0; i < 1000; i++) {
		int err = 0;

		CHECK_EQ(weft_spawn(&id, NULL, brief, (void *)(intptr_t)(i % 7)),
			 0);
		wait_until((err = weft_join_until(id, &status,
				weft_in(i % 50 * WEFT_US / 10))) != -ETIMEDOUT);
		CHECK_EQ(err, 0);
		CHECK_EQ(status, 11);
		CHECK_EQ(weft_join_until(id, &status, WEFT_NOWAIT), -ESRCH);
	}
	return 0;
}

Test(join, deadline_races_with_the_end)
{
	EACH(race);
}

/* --- two joiners ------------------------------------------------------------------ */

static weft_id wanted;
static atomic_int got, refused;

static int joiner(void *arg)
{
	int status = 0, err = weft_join(wanted, &status);

	(void)arg;
	if (!err)
		CHECK_EQ(status, 77);
	else
		CHECK_EQ(err, -ESRCH);
	atomic_fetch_add(err ? &refused : &got, 1);
	return 0;
}

static void *joiner_thread(void *arg)
{
	joiner(arg);
	return NULL;
}

static int two(void *arg)
{
	enum { N = 8 };
	weft_id id[N];

	(void)arg;
	for (int round = 0; round < 50; round++) {
		weft_chan *c = ints(0);

		got = refused = 0;
		CHECK_EQ(weft_spawn(&wanted, NULL, until_closed, c), 0);
		for (int i = 0; i < N; i++)
			CHECK_EQ(weft_spawn(&id[i], NULL, joiner, NULL), 0);
		if (round % 2)
			wait_until(refused == N - 1);
		CHECK_EQ(weft_chan_close(c), 0);
		for (int i = 0; i < N; i++)
			CHECK_EQ(weft_join(id[i], NULL), 0);
		CHECK_EQ(got, 1);
		CHECK_EQ(refused, N - 1);
		weft_chan_unref(c);
	}
	return 0;
}

Test(join, of_many_joiners_gives_one_the_status)
{
	EACH(two);
}

static int threads_join(void *arg)
{
	enum { N = 3 };
	pthread_t t[N];

	(void)arg;
	for (int round = 0; round < 20; round++) {
		weft_chan *c = ints(0);

		got = refused = 0;
		CHECK_EQ(weft_spawn(&wanted, NULL, until_closed, c), 0);
		for (int i = 0; i < N; i++)
			CHECK_EQ(pthread_create(&t[i], NULL, joiner_thread,
						NULL), 0);
		if (round % 2)
			wait_until(refused == N - 1);
		CHECK_EQ(weft_chan_close(c), 0);
		wait_until(got + refused == N);
		CHECK_EQ(got, 1);
		for (int i = 0; i < N; i++)
			pthread_join(t[i], NULL);
		weft_chan_unref(c);
	}
	return 0;
}

Test(join, works_from_plain_threads)
{
	EACH(threads_join);
}

/* --- detach ----------------------------------------------------------------------- */

static int detach(void *arg)
{
	weft_chan *c = ints(0);
	int status = 0;
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, until_closed, c), 0);
	CHECK_EQ(weft_detach(id), 0);
	CHECK_EQ(weft_detach(id), -ESRCH);
	CHECK_EQ(weft_join(id, &status), -ESRCH);
	CHECK_EQ(weft_join_until(id, &status, WEFT_NOWAIT), -ESRCH);
	CHECK_EQ(weft_chan_close(c), 0);
	wait_until(weft_unpark(id) == -ESRCH);
	weft_chan_unref(c);
	/* One that has ended. */
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(weft_spawn(&id, NULL, answer, NULL), 0);
		if (i % 2)
			weft_yield();
		CHECK_EQ(weft_detach(id), 0);
		CHECK_EQ(weft_join(id, NULL), -ESRCH);
	}
	return 0;
}

Test(join, detached_ones_are_gone)
{
	EACH(detach);
}

static int detach_self(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_detach(weft_self()), 0);
	CHECK_EQ(weft_detach(weft_self()), -ESRCH);
	got++;
	return 3;
}

static int detach_selves(void *arg)
{
	weft_id id[50];

	(void)arg;
	got = 0;
	for (int i = 0; i < 50; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, detach_self, NULL), 0);
	wait_until(got == 50);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(weft_join(id[i], NULL), -ESRCH);
	return 0;
}

Test(join, a_routine_may_detach_itself)
{
	EACH(detach_selves);
}

/* --- what the routine did happens before join -------------------------------------- */

static int fill(void *arg)
{
	memset(arg, 0x5a, 1000);
	return 0;
}

static int see(void *arg)
{
	char buf[1000];
	weft_id id;

	(void)arg;
	for (int i = 0; i < 300; i++) {
		memset(buf, 0, sizeof buf);
		CHECK_EQ(weft_spawn(&id, NULL, fill, buf), 0);
		CHECK_EQ(weft_join(id, NULL), 0);
		CHECK(buf[0] == 0x5a && buf[999] == 0x5a);
	}
	return 0;
}

Test(join, sees_what_the_routine_did)
{
	EACH(see);
}
