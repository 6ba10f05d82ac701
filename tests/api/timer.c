/* tests/api/timer.c - timers whose value is received, from routines and from
 * plain threads; one user each.  Shared ones: timer_shared.c; those that start
 * routines: after_func.c. */
#include "support/crew.h"

#include <stdlib.h>

TestSuite(timer, .timeout = 120);

/* --- arguments ---------------------------------------------------------------- */

static int refusals(void *arg)
{
	static weft_timer zero;
	weft_timer t, copy;

	(void)arg;
	CHECK_EQ(weft_timer_start(&zero, weft_in(1), 0), -EINVAL);
	CHECK_EQ(weft_timer_stop(&zero), -EINVAL);
	CHECK_EQ(weft_timer_wait(&zero, WEFT_FOREVER), -EINVAL);
	CHECK(!weft_timer_chan(&zero));
	weft_timer_fini(&zero);
	CHECK_EQ(weft_timer_start(NULL, 1, 0), -EINVAL);
	CHECK_EQ(weft_timer_stop(NULL), -EINVAL);
	CHECK_EQ(weft_timer_wait(NULL, 1), -EINVAL);
	CHECK(!weft_timer_chan(NULL));
	weft_timer_fini(NULL);

	weft_timer_init(&t);
	copy = t;
	CHECK_EQ(weft_timer_start(&copy, 1, 0), -EINVAL);
	CHECK_EQ(weft_timer_start(&t, 1, -1), -EINVAL);
	CHECK_EQ(weft_timer_start(&t, 1, INT64_MIN), -EINVAL);
	CHECK_EQ(weft_timer_stop(&t), 0);
	CHECK_EQ(weft_timer_start(&t, WEFT_FOREVER, 0), 0);
	CHECK_EQ(weft_timer_start(&t, 1, -1), -EINVAL);
	CHECK_EQ(weft_timer_stop(&t), 1);
	weft_timer_fini(&t);
	CHECK_EQ(weft_timer_start(&t, 1, 0), -EINVAL);
	weft_timer_init(&t);
	CHECK_EQ(weft_timer_stop(&t), 0);
	weft_timer_fini(&t);
	return 0;
}

Test(timer, bad_arguments)
{
	ANYWHERE(refusals);
}

/* --- firing -------------------------------------------------------------------- */

static int never_early(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	weft_timer t;
	weft_chan *c;
	weft_time v, at;

	weft_timer_init(&t);
	c = weft_timer_chan(&t);
	CHECK(c && c == weft_timer_chan(&t));
	for (int i = 0; i < 30; i++) {
		at = weft_in(rnd(&seed, 2000000));
		CHECK_EQ(weft_timer_start(&t, at, 0), 0);
		CHECK_EQ(weft_chan_recv(c, &v), 0);
		CHECK(v >= at && v <= weft_now());
		at = weft_in(rnd(&seed, 1000000));
		CHECK_EQ(weft_timer_start(&t, at, 0), 0);
		CHECK_EQ(weft_timer_wait(&t, WEFT_FOREVER), 0);
		CHECK(weft_now() >= at);
		CHECK_EQ(weft_timer_stop(&t), 0);
	}
	weft_timer_fini(&t);
	return 0;
}

static int never_early_together(void *arg)
{
	weft_id id[50];

	(void)arg;
	for (int i = 0; i < 50; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, never_early,
				    (void *)(intptr_t)i), 0);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	return 0;
}

Test(timer, is_never_early)
{
	cr_assert_eq(never_early((void *)77), 0);
	cr_assert_eq(failures, 0);
	EACH(never_early_together);
}

static int deadlines_past(void *arg)
{
	const weft_time past[] = { INT64_MIN, -1, 0, 1, weft_now() - WEFT_S,
				   weft_now() };
	weft_timer t;
	weft_chan *c;
	weft_time v, before;

	(void)arg;
	weft_timer_init(&t);
	c = weft_timer_chan(&t);
	for (size_t i = 0; i < COUNT(past); i++) {
		before = weft_now();
		CHECK_EQ(weft_timer_start(&t, past[i], 0), 0);
		CHECK_EQ(weft_chan_len(c), 1);
		CHECK_EQ(weft_chan_recv(c, &v), 0);
		CHECK(v >= before && v <= weft_now());
		CHECK_EQ(weft_chan_len(c), 0);
		CHECK_EQ(weft_timer_start(&t, past[i], 0), 0);
		CHECK_EQ(weft_timer_wait(&t, WEFT_NOWAIT), 0);
		CHECK_EQ(weft_timer_wait(&t, WEFT_NOWAIT), -EAGAIN);
		/* A grid that begins long ago: one missed tick, then the next,
		 * which is years away whatever the clock says. */
		CHECK_EQ(weft_timer_start(&t, past[i], INT64_MAX / 3), 0);
		CHECK_EQ(weft_timer_wait(&t, -1), 0);
		CHECK_EQ(weft_timer_wait(&t, -1), -ETIMEDOUT);
		CHECK_EQ(weft_timer_stop(&t), 1);
	}
	weft_timer_fini(&t);
	return 0;
}

Test(timer, a_time_that_is_past_fires_at_once)
{
	ANYWHERE(deadlines_past);
}

static int never(void *arg)
{
	weft_timer t;

	(void)arg;
	weft_timer_init(&t);
	CHECK_EQ(weft_timer_start(&t, WEFT_FOREVER, 0), 0);
	CHECK_EQ(weft_timer_wait(&t, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_timer_wait(&t, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_timer_stop(&t), 1);
	CHECK_EQ(weft_timer_start(&t, WEFT_FOREVER, WEFT_MS), 0);
	CHECK_EQ(weft_timer_wait(&t, weft_in(WEFT_MS)), -ETIMEDOUT);
	/* A sum that saturates never comes either. */
	CHECK_EQ(weft_timer_start(&t, weft_now(), INT64_MAX), 1);
	CHECK_EQ(weft_timer_wait(&t, WEFT_NOWAIT), 0);
	CHECK_EQ(weft_timer_wait(&t, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_timer_stop(&t), 1);
	CHECK_EQ(weft_timer_stop(&t), 0);
	weft_timer_fini(&t);
	return 0;
}

Test(timer, for_ever_never_fires)
{
	ANYWHERE(never);
}

/* --- stop and restart ------------------------------------------------------------ */

static void until(weft_time t)
{
	CHECK_EQ(weft_sleep_until(t), 0);
}

static int stops(void *arg)
{
	weft_time v = 7, at;
	weft_timer t;
	weft_chan *c;

	(void)arg;
	weft_timer_init(&t);
	c = weft_timer_chan(&t);
	/* before it fires */
	CHECK_EQ(weft_timer_start(&t, weft_in(3600 * WEFT_S), 0), 0);
	CHECK_EQ(weft_timer_stop(&t), 1);
	CHECK_EQ(weft_timer_stop(&t), 0);
	/* after it fired, the value not taken */
	at = weft_in(WEFT_MS);
	CHECK_EQ(weft_timer_start(&t, at, 0), 0);
	until(at);
	CHECK_EQ(weft_chan_len(c), 1);
	CHECK_EQ(weft_timer_stop(&t), 1);
	CHECK_EQ(weft_chan_len(c), 0);
	CHECK_EQ(weft_chan_try_recv(c, &v), -EAGAIN);
	CHECK_EQ(v, 7);
	CHECK_EQ(weft_timer_stop(&t), 0);
	/* the value taken */
	CHECK_EQ(weft_timer_start(&t, at, 0), 0);
	CHECK_EQ(weft_chan_try_recv(c, NULL), 0);
	CHECK_EQ(weft_timer_stop(&t), 0);
	/* restart drops the old value */
	CHECK_EQ(weft_timer_start(&t, at, 0), 0);
	CHECK_EQ(weft_timer_start(&t, weft_in(3600 * WEFT_S), 0), 1);
	CHECK_EQ(weft_chan_try_recv(c, &v), -EAGAIN);
	at = weft_in(WEFT_MS);
	CHECK_EQ(weft_timer_start(&t, at, 0), 1);
	CHECK_EQ(weft_chan_recv(c, &v), 0);
	CHECK(v >= at);
	CHECK_EQ(weft_timer_start(&t, weft_in(3600 * WEFT_S), 0), 0);
	CHECK_EQ(weft_timer_stop(&t), 1);
	weft_timer_fini(&t);
	return 0;
}

Test(timer, stop_and_restart_leave_nothing_stale)
{
	ANYWHERE(stops);
}

/* --- ticks ------------------------------------------------------------------------- */

static int ticks(void *arg)
{
	const weft_time period = 300 * WEFT_US;
	weft_time start, now, v, last;
	weft_timer t;
	weft_chan *c;

	(void)arg;
	weft_timer_init(&t);
	c = weft_timer_chan(&t);
	/* After the channel: one that begins later has its first tick later. */
	start = weft_in(WEFT_MS);
	last = start - period;
	CHECK_EQ(weft_timer_start(&t, start, period), 0);
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(weft_chan_recv(c, &v), 0);
		now = weft_now();
		CHECK(v > last && v <= now);
		CHECK_EQ((v - start) % period, 0);
		last = v;
	}
	/* Miss some: the first of them is there, and then the next to come. */
	until(now + 10 * period);
	CHECK_EQ(weft_chan_len(c), 1);
	CHECK_EQ(weft_chan_recv(c, &v), 0);
	CHECK(v > last && v <= now + period);
	CHECK_EQ((v - start) % period, 0);
	CHECK_EQ(weft_chan_recv(c, &v), 0);
	CHECK(v > now + 10 * period && v <= weft_now());
	CHECK_EQ((v - start) % period, 0);
	CHECK_EQ(weft_timer_stop(&t), 1);
	CHECK_EQ(weft_timer_wait(&t, weft_in(2 * period)), -ETIMEDOUT);
	weft_timer_fini(&t);
	return 0;
}

Test(timer, ticks_keep_the_grid_and_missed_ones_are_dropped)
{
	ANYWHERE(ticks);
}

/* --- the channel ------------------------------------------------------------------- */

static int view(void *arg)
{
	weft_time v[4] = { 1, 2, 3, 4 }, past = 1;
	weft_timer t;
	weft_chan *c;

	(void)arg;
	weft_timer_init(&t);
	CHECK_EQ(weft_timer_start(&t, past, 0), 0);
	c = weft_timer_chan(&t);
	CHECK_EQ(weft_chan_cap(c), 1);
	CHECK_EQ(weft_chan_len(c), 1);
	CHECK_EQ(weft_chan_recv_many(c, v, 4, WEFT_FOREVER), 1);
	CHECK(v[0] > 1);
	CHECK_EQ(v[1], 2);
	CHECK_EQ(weft_chan_recv_many(c, v, 4, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_chan_recv_many(c, v, 4, weft_in(WEFT_US)), -ETIMEDOUT);
	CHECK_EQ(weft_chan_recv_until(c, v, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_chan_recv_until(c, v, -1), -ETIMEDOUT);
	CHECK_EQ(weft_chan_send(c, v), -EPIPE);
	CHECK_EQ(weft_chan_try_send(c, v), -EPIPE);
	CHECK_EQ(weft_chan_close(c), -EALREADY);
	CHECK_EQ(weft_timer_start(&t, past, 0), 0);
	CHECK_EQ(weft_chan_recv_until(c, v, -1), 0);
	/* With a reference of one's own it outlives the timer, closed. */
	weft_chan_ref(c);
	CHECK_EQ(weft_timer_start(&t, past, 0), 0);
	weft_timer_fini(&t);
	CHECK_EQ(weft_chan_recv(c, v), -EPIPE);
	CHECK_EQ(v[0], 0);
	CHECK_EQ(weft_chan_len(c), 0);
	weft_chan_unref(c);
	return 0;
}

Test(timer, its_channel_is_a_channel)
{
	ANYWHERE(view);
}
