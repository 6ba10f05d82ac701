/* SPDX-License-Identifier: MIT */
/* select.c - rows select-N-ready, select-N-none, select-N-block: one select
 * over N channels that all have a value, that have none, and of two partners
 * who wait for each other; select-done-8: eight routines with work of their
 * own, that all watch one channel which says when to stop. */
#include "bench.h"

#include <errno.h>

enum { MOST = 8 };

static weft_chan *make(size_t cap)
{
	weft_chan *c = weft_chan_new(sizeof(long), cap);

	bench_check(c, "no channel");
	return c;
}

static void make_all(weft_chan **c, int n, size_t cap)
{
	for (int i = 0; i < n; i++)
		c[i] = make(cap);
}

static void drop_all(weft_chan **c, int n)
{
	for (int i = 0; i < n; i++)
		weft_chan_unref(c[i]);
}

static int receive_any(weft_chan **c, int n, long *v, weft_time deadline)
{
	weft_case cases[MOST];

	for (int i = 0; i < n; i++)
		cases[i] = WEFT_RECV(c[i], v);
	return weft_select(cases, (size_t)n, deadline);
}

/* --- something can be done: take it, and put it back ------------------------ */

static void ready(long ops, int n)
{
	weft_chan *c[MOST];
	long v, sum = 0, taken[MOST] = { 0 };

	make_all(c, n, 1);
	for (long i = 0; i < n; i++)
		bench_must(weft_chan_send(c[i], &i));
	for (long i = 0; i < ops; i++) {
		int k = receive_any(c, n, &v, WEFT_FOREVER);

		bench_check(k >= 0 && v == k, "select: %d, value %ld", k, v);
		taken[k]++;
		bench_must(weft_chan_send(c[k], &v));
	}
	for (int i = 0; i < n; i++) {
		bench_check(ops < 1000 || taken[i], "case %d never", i);
		sum += taken[i];
	}
	bench_check(sum == ops, "%ld taken", sum);
	drop_all(c, n);
}

static void ready_2(long ops)
{
	ready(ops, 2);
}

static void ready_8(long ops)
{
	ready(ops, 8);
}

/* --- nothing can be done ------------------------------------------------------ */

static void none(long ops, int n)
{
	weft_chan *c[MOST];
	long v, misses = 0;

	make_all(c, n, 1);
	for (long i = 0; i < ops; i++)
		misses += receive_any(c, n, &v, WEFT_NOWAIT) == -EAGAIN;
	bench_check(misses == ops, "%ld misses", misses);
	drop_all(c, n);
}

static void none_2(long ops)
{
	none(ops, 2);
}

static void none_8(long ops)
{
	none(ops, 8);
}

/* --- both sides park ----------------------------------------------------------- */

static weft_chan *there[MOST], *back[MOST], *over;
static int width;

static void partner(void *arg)
{
	long v, next = 0;

	(void)arg;
	for (;;) {
		int k = receive_any(there, width, &v, WEFT_FOREVER);

		if (v < 0)
			break;
		bench_check(k == next % width && v == next, "value %ld", v);
		v = ++next;
		bench_must(weft_chan_send(back[k], &v));
	}
	weft_chan_close(over);
}

static void block(long ops, int n)
{
	long v = 0, end = -1;

	width = n;
	make_all(there, n, 0);
	make_all(back, n, 0);
	over = make(0);
	bench_must(weft_go(partner, NULL));
	for (long i = 0; i < ops; i++) {
		int k = (int)(i % n);

		bench_must(weft_chan_send(there[k], &v));
		k -= receive_any(back, n, &v, WEFT_FOREVER);
		bench_check(k == 0, "other case");
	}
	bench_check(v == ops, "%ld round trips", v);
	bench_must(weft_chan_send(there[0], &end));
	bench_check(weft_chan_recv(over, &end) == -EPIPE, "no end");
	weft_chan_unref(over);
	drop_all(there, n);
	drop_all(back, n);
}

static void block_2(long ops)
{
	block(ops, 2);
}

static void block_8(long ops)
{
	block(ops, 8);
}

/* --- one channel that everybody watches --------------------------------------- */

static weft_chan *done;
static weft_waitgroup left;

static void watcher(void *arg)
{
	long n = *(long *)arg, got = 0, v = 0;
	weft_chan *work = make(1);

	bench_must(weft_chan_send(work, &v));
	while (got < n) {
		weft_case cases[] = { WEFT_RECV(work, &v),
				      WEFT_RECV(done, NULL) };
		int k = weft_select(cases, 2, WEFT_FOREVER);

		bench_check(k == 0 && v == got, "value %ld of case %d", v, k);
		v = ++got;
		bench_must(weft_chan_send(work, &v));
	}
	weft_chan_unref(work);
	weft_waitgroup_done(&left);
}

static void done_8(long ops)
{
	long each = ops / 8;

	done = make(0);
	weft_waitgroup_add(&left, 8);
	for (int i = 0; i < 8; i++)
		bench_must(weft_go(watcher, &each));
	weft_waitgroup_wait(&left);
	weft_chan_unref(done);
}

static const struct bench_case cases[] = {
	{ .row = "select-2-ready", .unit = "ns", .ops = 5000000,
	  .warm = 100000, .work = ready_2 },
	{ .row = "select-8-ready", .unit = "ns", .ops = 2000000,
	  .warm = 100000, .work = ready_8 },
	{ .row = "select-2-none", .unit = "ns", .ops = 10000000,
	  .warm = 100000, .work = none_2 },
	{ .row = "select-8-none", .unit = "ns", .ops = 2000000,
	  .warm = 100000, .work = none_8 },
	{ .row = "select-2-block", .unit = "ns", .ops = 1000000,
	  .warm = 10000, .work = block_2 },
	{ .row = "select-8-block", .unit = "ns", .ops = 500000,
	  .warm = 10000, .work = block_8 },
	{ .row = "select-done-8", .unit = "ns", .ops = 4000000,
	  .warm = 80000, .work = done_8 },
};

BENCH_PROGRAM("select", cases)
