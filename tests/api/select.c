/* api/select.c - the first of several channel operations, and only that one. */
#include "support/rt.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

TestSuite(select, .timeout = 120);

enum { UNTOUCHED = -77 };

/* body on each number of workers, and on a plain thread without a runtime. */
static void anywhere(int (*body)(void *))
{
	cr_assert_eq(body(NULL), 0);
	cr_assert_eq(failures, 0, "no runtime");
	EACH(body);
}

static int select_now(weft_case *k, size_t n)
{
	return weft_select(k, n, WEFT_NOWAIT);
}

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

/* Chi-square of n equally likely outcomes is beyond n + 6 sqrt(2n) + 12 less
 * often than once in 10^8. */
static void check_even(const int *seen, int n, int rounds)
{
	double x = 0, mean = (double)rounds / n, over;

	for (int i = 0; i < n; i++)
		x += (seen[i] - mean) * (seen[i] - mean) / mean;
	over = x - n - 12;
	CHECK(over <= 0 || over * over <= 72.0 * n);
}

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

/* --- parked ------------------------------------------------------------------------- */

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
	static pthread_t t;

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

Test(select, exactly_one_case_fires)
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

Test(select, a_value_is_read_when_its_send_pairs)
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

Test(select, close_wakes_the_parked)
{
	anywhere(closes);
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

Test(select, is_never_its_own_partner)
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

Test(select, a_channel_may_appear_twice)
{
	anywhere(twins);
}
