/* SPDX-License-Identifier: MIT */
/* yield.c - rows yield-2 and yield-1000: giving way to the others. */
#include "bench.h"

static struct {
	weft_waitgroup wg;
	long each;
	_Atomic long done;
} y;

static void yielder(void *arg)
{
	long k, each = y.each;

	(void)arg;
	for (k = 0; k < each; k++)
		weft_yield();
	y.done += k;
	weft_waitgroup_done(&y.wg);
}

/* Shares ops yields among n routines. */
static void yield_among(long n, long ops)
{
	y.each = ops / n;
	y.done = 0;
	weft_waitgroup_add(&y.wg, n);
	for (long i = 0; i < n; i++)
		bench_must(weft_go(yielder, NULL));
	weft_waitgroup_wait(&y.wg);
	bench_check(y.done == n * y.each, "%ld yields", y.done);
}

static void among_2(long ops)
{
	yield_among(2, ops);
}

static void among_1000(long ops)
{
	yield_among(1000, ops);
}

static const struct bench_case cases[] = {
	{ .row = "yield-2", .unit = "ns", .ops = 5000000, .warm = 50000,
	  .work = among_2 },
	{ .row = "yield-1000", .unit = "ns", .ops = 5000000, .warm = 50000,
	  .work = among_1000 },
};

BENCH_PROGRAM("yield", cases)
