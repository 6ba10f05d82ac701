/* api/select_waits.c - selects that wait, and those that name a channel twice. */
#include "support/selects.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

TestSuite(select_waits, .timeout = 120);

/* --- one that waits ------------------------------------------------------------------ */

struct parked {
	weft_case *k;
	size_t n;
	weft_time deadline;
	bool ordered;
	atomic_int result;
};

enum { PENDING = INT_MIN };

static void select_all(void *arg)
{
	struct parked *p = arg;

	atomic_store(&p->result, (p->ordered ? weft_select_ordered
					     : weft_select)
		     (p->k, p->n, p->deadline));
}

static void *select_thread(void *arg)
{
	select_all(arg);
	return NULL;
}

static void settle(void)
{
	for (int i = 0; i < 100; i++)
		weft_yield();
}

/* A select of another party that has nothing to do yet. */
static void park_select(struct parked *p, weft_case *k, size_t n)
{
	pthread_t t;

	*p = (struct parked){ .k = k, .n = n, .deadline = WEFT_FOREVER,
			      .ordered = p->ordered };
	atomic_store(&p->result, PENDING);
	if (weft_self()) {
		CHECK_EQ(weft_go(select_all, p), 0);
	} else {
		CHECK_EQ(pthread_create(&t, NULL, select_thread, p), 0);
		pthread_detach(t);
	}
	settle();
}

static int result_of(struct parked *p)
{
	wait_until(atomic_load(&p->result) != PENDING);
	return atomic_load(&p->result);
}

static int one_of_many(size_t n)
{
	weft_chan *c[300];
	weft_case k[300];
	struct parked p = { 0 };
	int v[300], x;

	for (size_t i = 0; i < n; i++)
		c[i * 11 % n] = ints(i % 3 ? 0 : 2);
	for (int round = 0; round < 12; round++) {
		size_t hit = (size_t)round * 31 % n;

		for (size_t i = 0; i < n; i++) {
			v[i] = UNTOUCHED;
			k[i] = WEFT_RECV(c[i], &v[i]);
		}
		if (round % 3 == 2 && n > 1)
			k[(hit + 1) % n].chan = NULL;
		p.ordered = round % 2;
		park_select(&p, k, n);
		give(c[hit], 100 + round);
		CHECK_EQ(result_of(&p), hit);
		for (size_t i = 0; i < n; i++)
			CHECK_EQ(v[i], i == hit ? 100 + round : UNTOUCHED);
		CHECK_EQ(k[hit].err, 0);
		/* nobody is left in any queue */
		for (size_t i = 0; i < n; i++)
			if (weft_chan_cap(c[i]) == 0)
				CHECK_EQ(weft_chan_try_send(c[i], &x), -EAGAIN);
	}
	for (size_t i = 0; i < n; i++)
		weft_chan_unref(c[i]);
	return 0;
}

static int one_fires(void *arg)
{
	static const size_t sizes[] = { 1, 2, 3, 8, 63, 64, 65, 300 };

	(void)arg;
	for (size_t i = 0; i < COUNT(sizes); i++)
		one_of_many(sizes[i]);
	return 0;
}

Test(select_waits, exactly_one_case_fires)
{
	anywhere(one_fires);
}

static int reads_late(void *arg)
{
	weft_chan *c = ints(0), *d = ints(1);
	int x = 1, v = UNTOUCHED;
	weft_case k[] = { WEFT_SEND(c, &x), WEFT_SEND(d, &x), WEFT_RECV(c, &v) };
	struct parked p = { 0 };

	(void)arg;
	give(d, 7);
	park_select(&p, k, 3);
	x = 2;                          /* it is parked: nobody reads it now */
	CHECK_EQ(take(c), 2);
	CHECK_EQ(result_of(&p), 0);
	x = 3;
	park_select(&p, k, 3);
	x = 4;
	CHECK_EQ(take(d), 7);           /* makes room: the value moves up */
	CHECK_EQ(result_of(&p), 1);
	CHECK_EQ(take(d), 4);
	CHECK(weft_chan_len(d) == 0 && v == UNTOUCHED);
	weft_chan_unref(c);
	weft_chan_unref(d);
	return 0;
}

Test(select_waits, a_value_is_read_when_its_send_pairs)
{
	anywhere(reads_late);
}

static int closes(void *arg)
{
	(void)arg;
	for (int which = 0; which < 4; which++) {
		weft_chan *a = ints(0), *b = ints(1);
		int v = UNTOUCHED, w = UNTOUCHED, x = 1;
		weft_case k[] = { WEFT_RECV(a, &v), WEFT_SEND(a, &x),
				  WEFT_RECV(b, &w), WEFT_RECV(a, NULL) };
		struct parked p = { 0 };

		park_select(&p, k, 4);
		if (which < 2) {
			weft_chan_close(a);
			CHECK(k[result_of(&p)].chan == a && w == UNTOUCHED);
			CHECK(v == (p.result == 0 ? 0 : UNTOUCHED));
		} else {
			weft_chan_close(b);
			CHECK_EQ(result_of(&p), 2);
			CHECK(w == 0 && v == UNTOUCHED);
		}
		CHECK_EQ(k[p.result].err, -EPIPE);
		weft_chan_unref(a);
		weft_chan_unref(b);
	}
	return 0;
}

Test(select_waits, close_wakes_the_parked)
{
	anywhere(closes);
}

/* --- a timer among them ------------------------------------------------------------ */

/* A value is sent on a later channel after the time of an earlier timer's. */
static int late(void *arg)
{
	weft_chan *c = ints(1), *due;
	weft_timer t;

	(void)arg;
	weft_timer_init(&t);
	due = weft_timer_chan(&t);
	for (int i = 0; i < 40; i++) {
		weft_time at = weft_in(5 * WEFT_MS), when = UNTOUCHED;
		int v = UNTOUCHED;
		weft_case k[] = { WEFT_RECV(due, &when), WEFT_RECV(c, &v) };
		struct parked p = { .ordered = true };

		CHECK_EQ(weft_timer_start(&t, at, 0), 0);
		park_select(&p, k, 2);
		while (weft_now() < at)
			;               /* a single worker fires no timer */
		give(c, i);
		CHECK_EQ(result_of(&p), 0);
		CHECK(when >= at && v == UNTOUCHED);
		CHECK_EQ(take(c), i);
	}
	weft_timer_fini(&t);
	weft_chan_unref(c);
	return 0;
}

Test(select_waits, a_timer_that_is_due_is_not_overtaken)
{
	anywhere(late);
}

/* Its deadline is when the timer fires. */
static int same_time(void *arg)
{
	weft_timer t;

	(void)arg;
	weft_timer_init(&t);
	for (int i = 0; i < 40; i++) {
		weft_time at = weft_in(100 * WEFT_US), when = UNTOUCHED;
		weft_case k = WEFT_RECV(weft_timer_chan(&t), &when);

		CHECK_EQ(weft_timer_start(&t, at, 0), 0);
		CHECK_EQ((i % 2 ? weft_select_ordered : weft_select)(&k, 1, at),
			 0);
		CHECK(when >= at);
	}
	weft_timer_fini(&t);
	return 0;
}

Test(select_waits, a_timer_that_is_due_at_the_deadline_is_done)
{
	anywhere(same_time);
}

/* --- one channel more than once --------------------------------------------------- */

static int itself(void *arg)
{
	weft_chan *c = ints(0);
	int v = UNTOUCHED, x = 8, y = 0;
	weft_case k[] = { WEFT_RECV(c, &v), WEFT_SEND(c, &x) };
	weft_case other[] = { WEFT_SEND(c, &v), WEFT_RECV(c, &y) };
	struct parked p = { 0 };

	(void)arg;
	CHECK_EQ(select_now(k, 2), -EAGAIN);
	CHECK_EQ(weft_select(k, 2, weft_in(100 * WEFT_US)), -ETIMEDOUT);
	for (int i = 0; i < 20; i++) {
		int got;

		v = UNTOUCHED;
		y = 0;
		park_select(&p, k, 2);
		/* two of a kind do meet, either way round */
		other[0].elem = &y;
		got = weft_select(other, 2, WEFT_FOREVER);
		CHECK_EQ(result_of(&p), got);
		CHECK(got == 0 ? v == 0 : v == UNTOUCHED && y == 8);
		CHECK_EQ(select_now(other, 2), -EAGAIN);
	}
	weft_chan_unref(c);
	return 0;
}

Test(select_waits, is_never_its_own_partner)
{
	anywhere(itself);
}

static int twins(void *arg)
{
	int seen[3] = { 0 }, rounds = 600, x = 1;
	weft_chan *c = ints(0), *d = ints(0);

	(void)arg;
	for (int i = 0; i < rounds; i++) {
		int v[3] = { UNTOUCHED, UNTOUCHED, UNTOUCHED }, got;
		weft_case k[] = { WEFT_RECV(c, &v[0]), WEFT_SEND(c, &x),
				  WEFT_RECV(d, NULL), WEFT_RECV(c, &v[1]),
				  WEFT_RECV(c, &v[2]) };
		struct parked p = { .ordered = i % 3 == 0 };

		park_select(&p, k, 5);
		give(c, i);
		/* the channel may go before the select returns */
		if (i % 8 == 0) {
			weft_chan_unref(c);
			c = ints(0);
		}
		got = result_of(&p);
		CHECK(got == 0 || (!p.ordered && got > 2));
		got = got ? got - 2 : 0;
		for (int j = 0; j < 3; j++)
			CHECK_EQ(v[j], j == got ? i : UNTOUCHED);
		if (!p.ordered)
			seen[got]++;
	}
	check_even(seen, 3, rounds - rounds / 3);
	weft_chan_unref(c);
	weft_chan_unref(d);
	return 0;
}

Test(select_waits, a_channel_may_appear_twice)
{
	anywhere(twins);
}

/* A close makes it possible to send and to receive, at the same time. */
static int closed_twins(void *arg)
{
	int rounds = 300, seen[2] = { 0 }, x = 1, v, got;

	(void)arg;
	for (int i = 0; i < rounds; i++) {
		weft_chan *c = ints(0);
		weft_case k[] = { WEFT_SEND(c, &x), WEFT_RECV(c, &v) };
		struct parked p = { .ordered = i % 3 == 0 };

		v = UNTOUCHED;
		park_select(&p, k, 2);
		CHECK_EQ(weft_chan_close(c), 0);
		got = result_of(&p);
		CHECK(p.ordered ? got == 0 : got == 0 || got == 1);
		CHECK(k[got == 1].err == -EPIPE && v == (got == 1 ? 0 : UNTOUCHED));
		if (!p.ordered)
			seen[got == 1]++;
		weft_chan_unref(c);
	}
	check_even(seen, 2, rounds - rounds / 3);
	return 0;
}

Test(select_waits, a_channel_that_appears_twice_may_be_closed)
{
	anywhere(closed_twins);
}
