/* api/select.c - the first of several channel operations, and only that one. */
#include "support/selects.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

TestSuite(select, .timeout = 120);

/* --- bad input, and what is never ready ---------------------------------------- */

static int refuses(void *arg)
{
	weft_chan *c = ints(1);
	int v = UNTOUCHED;
	weft_case k[2] = { WEFT_RECV(c, &v), WEFT_RECV(c, &v) };

	(void)arg;
	give(c, 1);
	CHECK_EQ(weft_select(NULL, 1, WEFT_NOWAIT), -EINVAL);
	CHECK_EQ(weft_select_ordered(NULL, 2, WEFT_FOREVER), -EINVAL);
	CHECK_EQ(weft_select(k, (size_t)-1, WEFT_FOREVER), -EINVAL);
	CHECK_EQ(weft_select(k, (size_t)INT_MAX + 1, WEFT_NOWAIT), -EINVAL);
	for (int op = -3; op < 300; op += 7) {
		if (op == WEFT_CASE_RECV || op == WEFT_CASE_SEND)
			continue;
		k[1].op = op;
		CHECK_EQ(weft_select(k, 2, WEFT_FOREVER), -EINVAL);
		CHECK_EQ(weft_select_ordered(k, 2, WEFT_NOWAIT), -EINVAL);
	}
	k[1] = (weft_case){ 0 };
	CHECK_EQ(weft_select(k, 2, WEFT_FOREVER), -EINVAL);
	CHECK_EQ(v, UNTOUCHED);
	CHECK_EQ(weft_chan_len(c), 1);
	weft_chan_unref(c);
	return 0;
}

Test(select, bad_input_has_no_effect)
{
	anywhere(refuses);
}

static int deadlines(void *arg)
{
	weft_chan *c = ints(0), *full = ints(1), *shut = ints(0);
	int v = UNTOUCHED, w = 4;
	weft_case k[] = { WEFT_RECV(c, &v), WEFT_SEND(NULL, &w),
			  WEFT_SEND(full, &w), WEFT_RECV(NULL, &v) };
	weft_time end;

	(void)arg;
	give(full, 1);
	for (size_t n = 0; n <= 4; n++) {
		CHECK_EQ(select_now(k, n), -EAGAIN);
		CHECK_EQ(weft_select(n ? k : NULL, n, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(weft_select(k, n, -1), -ETIMEDOUT);
		CHECK_EQ(weft_select(k, n, INT64_MIN), -ETIMEDOUT);
		CHECK_EQ(weft_select(k, n, 1), -ETIMEDOUT);
		CHECK_EQ(weft_select_ordered(k, n, weft_now() - 5), -ETIMEDOUT);
		end = weft_in(200 * WEFT_US);
		CHECK_EQ(weft_select(k, n, end), -ETIMEDOUT);
		CHECK(weft_now() >= end);
	}
	CHECK_EQ(v, UNTOUCHED);
	CHECK_EQ(weft_chan_len(full), 1);
	/* what is ready is done though it is late */
	k[2] = WEFT_RECV(full, &v);
	CHECK_EQ(weft_select(k, 4, -1), 2);
	CHECK(v == 1 && k[2].err == 0);
	weft_chan_close(shut);
	k[0] = WEFT_SEND(shut, &w);
	CHECK_EQ(weft_select(k, 4, 1), 0);
	CHECK_EQ(k[0].err, -EPIPE);
	/* nothing is left in any queue */
	CHECK_EQ(weft_chan_try_send(c, &w), -EAGAIN);
	CHECK_EQ(weft_chan_try_recv(full, &v), -EAGAIN);
	weft_chan_unref(c);
	weft_chan_unref(full);
	weft_chan_unref(shut);
	return 0;
}

Test(select, deadline_forms_and_null_channels)
{
	anywhere(deadlines);
}

/* --- what a case does ------------------------------------------------------------ */

static int case_effects(void *arg)
{
	size_t caps[] = { 1, 3, WEFT_UNBOUNDED };

	(void)arg;
	for (size_t i = 0; i < COUNT(caps); i++) {
		weft_chan *a = ints(caps[i]), *b = ints(0);
		int v = UNTOUCHED, w = UNTOUCHED, x = 5;
		weft_case k[] = { WEFT_RECV(b, &w), WEFT_SEND(a, &x),
				  WEFT_RECV(a, &v) };

		k[1].err = k[0].err = UNTOUCHED;
		CHECK_EQ(select_now(k, 3), 1);
		CHECK(k[1].err == 0 && v == UNTOUCHED);
		x = 6;
		CHECK_EQ(weft_chan_len(a), 1);
		k[1] = WEFT_SEND(b, &x);
		CHECK_EQ(weft_select(k, 3, WEFT_FOREVER), 2);
		CHECK(v == 5 && w == UNTOUCHED && k[0].err == UNTOUCHED);
		k[2] = WEFT_SEND(a, NULL);
		CHECK_EQ(select_now(k, 3), 2);
		CHECK_EQ(take(a), 0);
		give(a, 3);
		k[2] = WEFT_RECV(a, NULL);
		CHECK_EQ(select_now(k, 3), 2);
		CHECK_EQ(weft_chan_len(a), 0);
		/* buffered values come before the close is seen */
		give(a, 9);
		weft_chan_close(a);
		k[2] = WEFT_RECV(a, &v);
		CHECK_EQ(select_now(k, 3), 2);
		CHECK(v == 9 && k[2].err == 0);
		CHECK_EQ(select_now(k, 3), 2);
		CHECK(v == 0 && k[2].err == -EPIPE);
		weft_chan_unref(a);
		weft_chan_unref(b);
	}
	return 0;
}

Test(select, does_what_the_case_says)
{
	anywhere(case_effects);
}

static int earlier_first(void *arg)
{
	weft_chan *c[70];
	weft_case k[70];
	int v;

	(void)arg;
	for (int i = 0; i < 70; i++) {
		c[i] = ints(1);
		k[i] = WEFT_RECV(c[i], &v);
		give(c[i], i);
	}
	for (int n = 69; n > 0; n -= 17)
		for (int i = 0; i < n; i++) {
			CHECK_EQ(weft_select_ordered(k, (size_t)n, WEFT_NOWAIT),
				 i);
			CHECK_EQ(v, i);
			if (i == n - 1)
				for (int j = 0; j < n; j++)
					give(c[j], j);
		}
	for (int i = 0; i < 70; i++)
		weft_chan_unref(c[i]);
	return 0;
}

Test(select, ordered_prefers_earlier_cases)
{
	anywhere(earlier_first);
}

/* --- chance ---------------------------------------------------------------------- */

static void check_chance(int n, int ready, int first, int step)
{
	weft_chan *c[200];
	weft_case k[200];
	int seen[200] = { 0 }, v, i;
	int rounds = fewer(2000) + ready * fewer(300);

	for (i = 0; i < n; i++) {
		c[i] = ints(1);
		k[i] = WEFT_RECV(c[i], &v);
	}
	for (i = 0; i < ready; i++)
		give(c[first + i * step], first + i * step);
	for (int r = 0; r < rounds; r++) {
		i = select_now(k, (size_t)n);
		if (!CHECK(i >= 0 && v == i))
			break;
		give(c[i], i);
		seen[(i - first) / step]++;
	}
	check_even(seen, ready, rounds);
	for (i = 0; i < n; i++)
		weft_chan_unref(c[i]);
}

static int chances(void *arg)
{
	(void)arg;
	check_chance(2, 2, 0, 1);
	check_chance(3, 3, 0, 1);
	check_chance(8, 8, 0, 1);
	check_chance(8, 2, 0, 7);
	check_chance(8, 3, 0, 1);
	check_chance(64, 5, 3, 13);
	check_chance(64, 64, 0, 1);
	check_chance(65, 65, 0, 1);
	check_chance(200, 3, 0, 90);
	check_chance(200, 200, 0, 1);
	return 0;
}

Test(select, each_ready_case_is_equally_likely)
{
	anywhere(chances);
}

/* --- one moment for all ------------------------------------------------------------- */

/* Two channels of which one can always be read (or written): each side of a
 * move is done before the other is undone. */
struct pair {
	weft_chan *a, *b;
	bool writing;
	atomic_bool stop;
	atomic_int moved;
};

static void swap_sides(struct pair *p)
{
	weft_chan *from = p->a, *to = p->b, *x;

	while (!atomic_load(&p->stop)) {
		if (p->writing) {
			take(to);
			give(from, 1);
		} else {
			give(to, 1);
			take(from);
		}
		x = from;
		from = to;
		to = x;
		if (atomic_fetch_add(&p->moved, 1) % 256 == 0)
			weft_yield();
	}
}

static void *swap_thread(void *arg)
{
	swap_sides(arg);
	return NULL;
}

static void swap_routine(void *arg)
{
	struct pair *p = arg;

	swap_sides(p);
	atomic_store(&p->moved, -1);
}

static int never_none(struct pair *p, bool plain, int between)
{
	static weft_case k[502];
	weft_chan *dull = ints(0);
	pthread_t t;
	size_t n = 0;
	int v = 1;

	p->a = ints(1);
	p->b = ints(1);
	give(p->a, 1);
	if (p->writing)
		give(p->b, 1), take(p->a);
	atomic_store(&p->stop, false);
	atomic_store(&p->moved, 0);
	if (plain)
		CHECK_EQ(pthread_create(&t, NULL, swap_thread, p), 0);
	else
		CHECK_EQ(weft_go(swap_routine, p), 0);
	k[n++] = p->writing ? WEFT_SEND(p->a, &v) : WEFT_RECV(p->a, &v);
	while ((int)n <= between)
		k[n++] = WEFT_RECV(dull, &v);
	k[n++] = p->writing ? WEFT_SEND(p->b, &v) : WEFT_RECV(p->b, &v);
	for (int i = fewer(150); i > 0; i--) {
		int before = atomic_load(&p->moved), got;

		/* the value is on the move again */
		wait_until(atomic_load(&p->moved) - before > 2);
		got = select_now(k, n);
		if (!CHECK(got >= 0))
			break;
		/* a value taken in the middle of a move comes back at once */
		if (p->writing)
			take(k[got].chan);
		else
			give(k[got].chan, v);
	}
	atomic_store(&p->stop, true);
	if (plain)
		pthread_join(t, NULL);
	else
		wait_until(atomic_load(&p->moved) == -1);
	weft_chan_unref(dull);
	weft_chan_unref(p->a);
	weft_chan_unref(p->b);
	return 0;
}

static int atomic_default(void *arg)
{
	struct pair p = { .writing = false };

	for (int i = 0; i < 8; i++) {
		p.writing = i & 1;
		never_none(&p, !arg || i & 2, i & 4 ? 500 : 0);
	}
	return 0;
}

Test(select, default_means_that_nothing_was_ready_at_one_moment)
{
	anywhere(atomic_default);
}
