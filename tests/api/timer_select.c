/* tests/api/timer_select.c - a timer's channel among the cases of a select. */
#include "support/crew.h"

TestSuite(timer_select, .timeout = 120);

static int timeouts(void *arg)
{
	weft_chan *c = ints(1);
	weft_time at, v;
	weft_timer t;
	int x = 0;

	(void)arg;
	weft_timer_init(&t);
	for (int i = 0; i < 20; i++) {
		weft_case cases[] = { WEFT_RECV(c, &x),
				      WEFT_RECV(weft_timer_chan(&t), &v) };

		/* nothing armed, nothing there */
		v = 7;
		CHECK_EQ(weft_select(cases, 2, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(weft_select(cases, 2, -1), -ETIMEDOUT);
		CHECK_EQ(weft_select(cases, 2, weft_in(50 * WEFT_US)),
			 -ETIMEDOUT);
		/* armed: not before its time */
		at = weft_in(200 * WEFT_US);
		CHECK_EQ(weft_timer_start(&t, at, 0), 0);
		CHECK_EQ(v, 7);
		CHECK_EQ(weft_select(cases, 2, i % 2 ? WEFT_FOREVER :
					       weft_in(60 * WEFT_S)), 1);
		CHECK(weft_now() >= at);
		CHECK(v >= at && v <= weft_now());
		CHECK_EQ(cases[1].err, 0);
		/* the other case comes first */
		CHECK_EQ(weft_timer_start(&t, weft_in(3600 * WEFT_S), 0), 0);
		give(c, i);
		CHECK_EQ(weft_select(cases, 2, WEFT_FOREVER), 0);
		CHECK_EQ(x, i);
		CHECK_EQ(weft_timer_stop(&t), 1);
		/* a time that is past */
		CHECK_EQ(weft_timer_start(&t, -1, 0), 0);
		CHECK_EQ(weft_select(cases, 2, WEFT_NOWAIT), 1);
		CHECK_EQ(weft_select(cases, 2, WEFT_NOWAIT), -EAGAIN);
	}
	weft_timer_fini(&t);
	weft_chan_unref(c);
	return 0;
}

Test(timer_select, as_a_timeout)
{
	ANYWHERE(timeouts);
}

static int in_order(void *arg)
{
	enum { N = 8 };
	weft_case cases[N];
	weft_timer t[N];
	weft_time v[N];
	int got = 0;

	(void)arg;
	for (int i = 0; i < N; i++) {
		weft_timer_init(&t[i]);
		cases[i] = WEFT_RECV(weft_timer_chan(&t[i]), &v[i]);
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft_timer_start(&t[i],
			weft_in((1 + (i * 5) % N) * WEFT_MS), 0), 0);
	for (int k = 0; k < N; k++) {
		int i = weft_select(cases, N, WEFT_FOREVER);

		CHECK(i >= 0 && !(got & 1 << i));
		got |= 1 << i;
	}
	CHECK_EQ(got, (1 << N) - 1);
	CHECK_EQ(weft_select(cases, N, weft_in(WEFT_MS)), -ETIMEDOUT);
	for (int i = 0; i < N; i++) {
		CHECK_EQ(weft_timer_stop(&t[i]), 0);
		weft_timer_fini(&t[i]);
	}
	return 0;
}

Test(timer_select, several_of_them)
{
	ANYWHERE(in_order);
}

/* Twice the same one, and a send, which no timer takes. */
static int odd_ones(void *arg)
{
	weft_time a = 0, b = 0;
	weft_timer t;

	(void)arg;
	weft_timer_init(&t);
	for (int i = 0; i < 10; i++) {
		weft_case cases[] = { WEFT_RECV(weft_timer_chan(&t), &a),
				      WEFT_RECV(weft_timer_chan(&t), &b),
				      WEFT_SEND(weft_timer_chan(&t), &b) };
		weft_time at = weft_in(i * 20 * WEFT_US);
		int k;

		a = b = 0;
		CHECK_EQ(weft_timer_start(&t, at, 0), 0);
		k = weft_select(cases, 2, WEFT_FOREVER);
		CHECK(k == 0 || k == 1);
		CHECK((k ? b : a) >= at && (k ? a : b) == 0);
		CHECK_EQ(weft_select(cases, 3, WEFT_FOREVER), 2);
		CHECK_EQ(cases[2].err, -EPIPE);
	}
	weft_timer_fini(&t);
	return 0;
}

Test(timer_select, twice_and_sends)
{
	ANYWHERE(odd_ones);
}

/* --- while the timer changes ------------------------------------------------------ */

static struct {
	weft_timer t;
	weft_chan *c;
	atomic_int waiting, got;
} s;

static int select_both(void *arg)
{
	int x;
	weft_case cases[] = { WEFT_RECV(s.c, &x),
			      WEFT_RECV(weft_timer_chan(&s.t), NULL) };

	(void)arg;
	s.waiting++;
	CHECK_EQ(weft_select(cases, 2, WEFT_FOREVER), 1);
	s.got++;
	return 0;
}

static void *select_thread(void *arg)
{
	select_both(arg);
	return NULL;
}

static int changes(void *arg)
{
	enum { N = 10 };
	pthread_t thread;
	weft_id id[N];
	weft_time at;

	(void)arg;
	weft_timer_init(&s.t);
	s.c = ints(0);
	s.waiting = s.got = 0;
	CHECK_EQ(weft_timer_start(&s.t, weft_in(3600 * WEFT_S), 0), 0);
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, select_both, NULL), 0);
	CHECK_EQ(pthread_create(&thread, NULL, select_thread, NULL), 0);
	wait_until(s.waiting == N + 1);
	for (int i = 0; i < 50; i++) {
		weft_yield();
		CHECK_EQ(weft_timer_start(&s.t, weft_in(3600 * WEFT_S), 0),
			 i % 3 != 1);
		if (i % 3 == 0)
			CHECK_EQ(weft_timer_stop(&s.t), 1);
	}
	CHECK_EQ(s.got, 0);
	at = weft_in(WEFT_MS);
	CHECK(weft_timer_start(&s.t, at, 100 * WEFT_US) >= 0);
	for (int i = 0; i < N; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	wait_until(s.got == N + 1);
	pthread_join(thread, NULL);
	CHECK(weft_now() >= at + N * 100 * WEFT_US);
	CHECK_EQ(weft_timer_stop(&s.t), 1);
	weft_timer_fini(&s.t);
	weft_chan_unref(s.c);
	return 0;
}

Test(timer_select, moved_under_many)
{
	EACH(changes);
}

/* A ticker beside work: neither starves the other. */
static int ticker(void *arg)
{
	weft_chan *c = ints(1);
	int x = 0, ticks = 0, works = 0;
	weft_timer t;
	weft_case cases[] = { WEFT_RECV(c, &x), WEFT_SEND(c, &x),
			      WEFT_RECV(NULL, NULL) };

	(void)arg;
	weft_timer_init(&t);
	cases[2].chan = weft_timer_chan(&t);
	CHECK_EQ(weft_timer_start(&t, weft_now(), 50 * WEFT_US), 0);
	while (ticks < 50) {
		int k = weft_select(cases, 3, WEFT_FOREVER);

		CHECK(k >= 0 && k < 3);
		ticks += k == 2;
		works += k != 2;
	}
	CHECK(works > 0);
	CHECK_EQ(weft_timer_stop(&t), 1);
	weft_timer_fini(&t);
	weft_chan_unref(c);
	return 0;
}

Test(timer_select, a_ticker_beside_work)
{
	ANYWHERE(ticker);
}
