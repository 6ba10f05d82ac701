/* api/select_ends.c - a select that is cancelled, left at the end of a run, or
 * whose partner takes its channel away; and the short names of go.h. */
#include "support/rt.h"

#include <weft/go.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>

TestSuite(select_ends, .timeout = 120);

/* --- cancel ------------------------------------------------------------------------ */

struct job {
	weft_chan *a, *b;
	int v, first, second, third;
	weft_time deadline;
	atomic_int stage;
};

static int cancelled(void *arg)
{
	struct job *j = arg;
	weft_case k[] = { WEFT_RECV(j->a, &j->v), WEFT_SEND(j->b, &j->v) };

	atomic_store(&j->stage, 1);
	j->first = weft_select(k, j->a ? 2 : 0, j->deadline);
	/* it stays so, ready or not, but for what cannot wait */
	CHECK_EQ(weft_chan_try_send(j->b, &j->v), j->a ? -EAGAIN : 0);
	j->second = weft_select_ordered(k + 1, 1, -1);
	j->third = weft_select(k + 1, 1, WEFT_NOWAIT);
	return 0;
}

static int cancels(void *arg)
{
	for (int i = 0; i < 8; i++) {
		struct job j = { i & 1 ? NULL : ints(0), ints(1), 5, 0, 0, 0,
				 i & 2 ? WEFT_FOREVER : weft_in(99 * WEFT_S),
				 0 };
		weft_id id;

		(void)arg;
		if (j.a)
			give(j.b, 1);
		CHECK_EQ(weft_spawn(&id, NULL, cancelled, &j), 0);
		if (i & 4)
			wait_until(atomic_load(&j.stage) == 1);
		for (int n = 0; n < 50 && i & 4; n++)
			weft_yield();
		CHECK_EQ(weft_cancel(id), 0);
		CHECK_EQ(weft_join(id, NULL), 0);
		CHECK(j.v == 5 && j.first == -ECANCELED &&
		      j.second == -ECANCELED && j.third == -EAGAIN);
		if (j.a)
			CHECK_EQ(weft_chan_try_send(j.a, &j.v), -EAGAIN);
		CHECK_EQ(take(j.b), j.a ? 1 : 5);
		weft_chan_unref(j.a);
		weft_chan_unref(j.b);
	}
	return 0;
}

Test(select_ends, a_cancel_ends_it_and_stays)
{
	EACH(cancels);
}

/* --- the end of the run -------------------------------------------------------------- */

static weft_chan *left, *right;
static pthread_t giver;

static void wait_for_both(void *arg)
{
	weft_time deadline = *(weft_time *)arg;
	int v;
	weft_case k[] = { WEFT_RECV(left, &v), WEFT_RECV(right, &v),
			  WEFT_SEND(right, &v) };

	while (weft_select(k, 3, deadline) >= 0)
		;
}

static void *give_left(void *arg)
{
	for (int i = 0; i < 200; i++)
		if (weft_chan_try_send(left, &i) != 0)
			sched_yield();
	return arg;
}

/* Ends with selects parked, readied but not run, and due. */
static int leave_them(void *arg)
{
	static weft_time deadlines[] = { WEFT_FOREVER, 0, 0 };
	bool threads = (uintptr_t)arg & 1;

	deadlines[1] = weft_in(WEFT_S);
	deadlines[2] = weft_in(10 * WEFT_US);
	for (int i = 0; i < 12; i++)
		CHECK_EQ(weft_go(wait_for_both, &deadlines[i % 3]), 0);
	if (threads)
		CHECK_EQ(pthread_create(&giver, NULL, give_left, NULL), 0);
	for (int i = 0; i < 40; i++)
		weft_yield();
	for (int i = 0; i < 3; i++)
		if (weft_chan_try_send(left, &i) != 0)
			break;
	return 0;
}

Test(select_ends, a_run_may_end_while_some_are_parked)
{
	for (int i = 0; i < 40; i++) {
		int v;

		left = ints(0);
		right = ints(0);
		/* the thread is still at it when the run is over */
		cr_assert_eq(run_on(worker_counts[i / 2 % 4], leave_them,
				    (void *)(uintptr_t)(i % 2)), 0);
		if (i % 2)
			pthread_join(giver, NULL);
		cr_assert_eq(failures, 0);
		cr_assert_eq(weft_chan_try_send(left, &v), -EAGAIN);
		cr_assert_eq(weft_chan_try_send(right, &v), -EAGAIN);
		cr_assert_eq(weft_chan_try_recv(right, &v), -EAGAIN);
		weft_chan_close(right);
		weft_chan_unref(right);
		weft_chan_unref(left);
	}
}

/* --- the matched channel is not looked at again ----------------------------------------- */

struct meeting {
	weft_chan *c;
	bool closing;
	atomic_int over;
};

/* One reference for both: the sender drops it once the select is matched, or
 * the select once it has seen the close. */
static void take_away(void *arg)
{
	struct meeting *m = arg;
	int v = 7;

	if (m->closing) {
		CHECK_EQ(weft_chan_close(m->c), 0);
	} else {
		CHECK_EQ(weft_chan_send(m->c, &v), 0);
		weft_chan_unref(m->c);
	}
	atomic_store(&m->over, 1);
}

static void *take_away_thread(void *arg)
{
	take_away(arg);
	return NULL;
}

static int meetings(void *arg)
{
	weft_chan *other = ints(0);

	for (int i = 0; i < 400; i++) {
		struct meeting m = { ints(0), i & 1, 0 };
		int v = -1, w = -1;
		weft_case k[] = { WEFT_RECV(m.c, &v), WEFT_RECV(other, NULL),
				  WEFT_RECV(m.c, &w) };
		bool plain = !arg || i % 16 == 0;
		pthread_t t;

		if (plain)
			CHECK_EQ(pthread_create(&t, NULL, take_away_thread, &m),
				 0);
		else
			CHECK_EQ(weft_go(take_away, &m), 0);
		CHECK_EQ(weft_select(k, 3, WEFT_FOREVER) % 2, 0);
		CHECK(m.closing ? v + w == -1 : v + w == 6);
		if (m.closing)
			weft_chan_unref(m.c);
		if (plain)
			pthread_join(t, NULL);
		else
			wait_until(atomic_load(&m.over));
	}
	weft_chan_unref(other);
	return 0;
}

Test(select_ends, the_partner_may_drop_the_channel)
{
	meetings(NULL);
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		/* A thread that has not begun is no hope to anybody. */
		weft_config c = { .workers = worker_counts[i],
				  .on_deadlock = WEFT_DEADLOCK_IGNORE };

		cr_assert_eq(weft_run_config(&c, meetings, &c), 0);
		cr_assert_eq(failures, 0);
	}
}

/* --- go.h ------------------------------------------------------------------------------ */

struct pair {
	long a, b;
};

static int calls;

static int once(int v)
{
	calls++;
	return v;
}

static chan(int) same(chan(int) c)
{
	calls++;
	return c;
}

static int short_names(void *arg)
{
	const double real = 3.9;
	chan(int) i = chan_make(int, 1), none = NULL;
	chan(struct pair) p = chan_make(struct pair, 1);
	chan(const char *) s = chan_make(const char *, WEFT_UNBOUNDED);
	chan(unsigned char) u = chan_make(unsigned char, 2);
	struct pair x = { 1, 2 }, y = { 0, 0 };
	unsigned char small = 0;
	const char *text = NULL;
	int v = -1, err = 9;

	(void)arg;
	calls = 0;
	CHECK_EQ(chan_select(WEFT_NOWAIT, on_recv(i, &v), on_recv(p, &y, &err),
			     on_recv(none, NULL)), -EAGAIN);
	CHECK_EQ(chan_select(weft_in(1)), -ETIMEDOUT);
	CHECK_EQ(chan_select(once(0), on_send(same(i), once(42))), 0);
	CHECK_EQ(calls, 3);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_recv(p, &y), on_send(i, 3),
			     on_recv(same(i), &v, &err)), 2);
	CHECK(v == 42 && err == 0);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_send(p, x)), 0);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_send(p, x), on_recv(p, &y)), 1);
	CHECK(y.a == 1 && y.b == 2);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_send(p, (struct pair){ 3, 4 })), 0);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_recv(p, NULL)), 0);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_send(s, "word")), 0);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_recv(s, &text)), 0);
	CHECK(strcmp(text, "word") == 0);
	/* converted as in an assignment */
	CHECK_EQ(chan_select(WEFT_FOREVER, on_send(u, once(0x1ff))), 0);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_send(u, real)), 0);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_recv(u, &small)), 0);
	CHECK_EQ(small, 0xff);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_recv(u, &small)), 0);
	CHECK_EQ(small, 3);
	chan_close(i);
	CHECK_EQ(chan_select(WEFT_FOREVER, on_recv(i, &v, &err)), 0);
	CHECK(v == 0 && err == -EPIPE);
	err = 0;
	CHECK_EQ(chan_select(WEFT_FOREVER, on_send_err(i, 1, &err)), 0);
	CHECK_EQ(err, -EPIPE);
	chan_free(i);
	chan_free(p);
	chan_free(s);
	chan_free(u);
	return 0;
}

Test(select_ends, go_style_names)
{
	EACH(short_names);
}
