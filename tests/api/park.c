/* tests/api/park.c - weft_park_until and weft_unpark: one permit, never lost. */
#include "support/rt.h"

#include <pthread.h>

TestSuite(park, .timeout = 120);

static int alone(void *arg)
{
	weft_time t;

	(void)arg;
	CHECK_EQ(weft_park_until(WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_park_until(-1), -ETIMEDOUT);
	CHECK_EQ(weft_park_until(weft_now()), -ETIMEDOUT);
	t = weft_in(WEFT_MS);
	CHECK_EQ(weft_park_until(t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	/* A permit that is there ends any park at once, once. */
	CHECK_EQ(weft_unpark(weft_self()), 0);
	CHECK_EQ(weft_unpark(weft_self()), 0);
	CHECK_EQ(weft_park_until(WEFT_FOREVER), 0);
	CHECK_EQ(weft_park_until(WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_unpark(weft_self()), 0);
	CHECK_EQ(weft_park_until(WEFT_NOWAIT), 0);
	CHECK_EQ(weft_unpark(weft_self()), 0);
	CHECK_EQ(weft_park_until(-5), 0);
	CHECK_EQ(weft_park_until(WEFT_NOWAIT), -EAGAIN);
	return 0;
}

Test(park, takes_one_permit)
{
	EACH(alone);
}

static atomic_int awake;

static int park_times(void *arg)
{
	for (intptr_t i = 0; i < (intptr_t)arg; i++) {
		CHECK_EQ(weft_park_until(WEFT_FOREVER), 0);
		awake++;
	}
	return 1;
}

static int before_the_first_run(void *arg)
{
	weft_id id;
	int status = 0;

	(void)arg;
	for (int i = 0; i < 300; i++) {
		CHECK_EQ(weft_spawn(&id, NULL, park_times, (void *)1), 0);
		if (i % 3 == 1)
			weft_yield();
		CHECK_EQ(weft_unpark(id), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, 1);
	}
	/* Of one that has ended and is not joined yet: legal, no effect. */
	CHECK_EQ(weft_spawn(&id, NULL, park_times, NULL), 0);
	for (int i = 0; i < 10; i++)
		weft_yield();
	CHECK_EQ(weft_unpark(id), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	return 0;
}

Test(park, unpark_may_come_before_the_first_run)
{
	EACH(before_the_first_run);
}

static int wakes_each(void *arg)
{
	enum { N = 20, TIMES = 50 };
	weft_id id[N];

	(void)arg;
	awake = 0;
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, park_times, (void *)TIMES), 0);
	for (int t = 0; t < TIMES; t++) {
		for (int i = 0; i < N; i++)
			CHECK_EQ(weft_unpark(id[i]), 0);
		wait_until(awake == N * (t + 1));
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	return 0;
}

Test(park, wakes_once_per_unpark)
{
	EACH(wakes_each);
}

/* --- an unpark ends nothing but a park ---------------------------------------- */

static int not_parked(void *arg)
{
	weft_chan *c = arg;
	int v = 0;

	CHECK_EQ(weft_chan_recv(c, &v), 0);
	CHECK_EQ(v, 5);
	CHECK_EQ(weft_sleep(WEFT_MS), 0);
	CHECK_EQ(weft_park_until(WEFT_NOWAIT), 0);
	CHECK_EQ(weft_park_until(WEFT_NOWAIT), -EAGAIN);
	return 0;
}

static int other_waits(void *arg)
{
	weft_chan *c = ints(0);
	weft_id id;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(weft_spawn(&id, NULL, not_parked, c), 0);
		for (int k = 0; k < 5; k++) {
			CHECK_EQ(weft_unpark(id), 0);
			weft_yield();
		}
		give(c, 5);
		CHECK_EQ(weft_join(id, NULL), 0);
	}
	weft_chan_unref(c);
	return 0;
}

Test(park, unpark_ends_no_other_wait)
{
	EACH(other_waits);
}

/* --- the deadline never eats a permit -------------------------------------------- */

static atomic_int permits, taken;
static atomic_bool over;

static int park_briefly(void *arg)
{
	unsigned n = 0;

	(void)arg;
	while (!over || permits > taken) {
		int err = weft_park_until(weft_in(n++ % 30 * WEFT_US));

		if (!err)
			taken++;
		else
			CHECK_EQ(err, -ETIMEDOUT);
	}
	CHECK_EQ(weft_park_until(WEFT_NOWAIT), -EAGAIN);
	return 0;
}

static int deadline_race(void *arg)
{
	weft_id id;

	(void)arg;
	permits = taken = 0;
	over = false;
	CHECK_EQ(weft_spawn(&id, NULL, park_briefly, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		permits++;
		CHECK_EQ(weft_unpark(id), 0);
		/* Two permits are one, so each waits for the last. */
		if (!wait_until(taken == permits))
			break;
	}
	over = true;
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(taken, permits);
	return 0;
}

Test(park, deadline_never_loses_a_permit)
{
	EACH(deadline_race);
}

/* --- from elsewhere ----------------------------------------------------------------- */

static void *unpark_often(void *arg)
{
	weft_id id = *(weft_id *)arg;

	for (int i = 0; i < 1000; i++) {
		permits++;
		CHECK_EQ(weft_unpark(id), 0);
		wait_until(taken == permits);
	}
	return NULL;
}

static int from_thread(void *arg)
{
	pthread_t t;
	weft_id me = weft_self();

	(void)arg;
	permits = taken = 0;
	CHECK_EQ(pthread_create(&t, NULL, unpark_often, &me), 0);
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(weft_park_until(weft_in(100 * WEFT_S)), 0);
		taken++;
	}
	pthread_join(t, NULL);
	return 0;
}

Test(park, unpark_works_from_plain_threads)
{
	EACH(from_thread);
}

static int value;

static int publish(void *arg)
{
	value = 4711;
	CHECK_EQ(weft_unpark(*(weft_id *)arg), 0);
	return 0;
}

static int orders(void *arg)
{
	weft_id me = weft_self(), id;

	(void)arg;
	for (int i = 0; i < 300; i++) {
		value = 0;
		CHECK_EQ(weft_spawn(&id, NULL, publish, &me), 0);
		CHECK_EQ(weft_park_until(WEFT_FOREVER), 0);
		CHECK_EQ(value, 4711);
		CHECK_EQ(weft_join(id, NULL), 0);
	}
	return 0;
}

Test(park, what_came_before_unpark_is_seen)
{
	EACH(orders);
}
