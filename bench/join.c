/* SPDX-License-Identifier: MIT */
/* join.c - rows join-1 and fib-30: a routine's result, taken by its joiner. */
#include "bench.h"

static int give(void *arg)
{
	return (int)(intptr_t)arg;
}

/* Starts one routine and takes its result, ops times. */
static void join_one(long ops)
{
	long sum = 0, want = 0;

	for (long i = 0; i < ops; i++) {
		weft_id id;
		int v;

		bench_must(weft_spawn(&id, NULL, give,
				      (void *)(intptr_t)(i & 7)));
		bench_must(weft_join(id, &v));
		sum += v;
		want += i & 7;
	}
	bench_check(sum == want, "sum %ld", sum);
}

/* One half of every call is a routine of its own. */
static int fib(void *arg)
{
	intptr_t n = (intptr_t)arg;
	weft_id id;
	int x, y;

	if (n < 2)
		return (int)n;
	bench_must(weft_spawn(&id, NULL, fib, (void *)(n - 1)));
	y = fib((void *)(n - 2));
	bench_must(weft_join(id, &x));
	return x + y;
}

static void fib_whole(long n)
{
	int v = fib((void *)n);
	int a = 0, b = 1;

	for (long i = 0; i < n; i++) {
		int next = a + b;

		a = b;
		b = next;
	}
	bench_check(v == a, "fib(%ld) = %d", n, v);
}

static const struct bench_case cases[] = {
	{ .row = "join-1", .unit = "ns", .ops = 1000000, .warm = 10000,
	  .work = join_one },
	{ .row = "fib-30", .unit = "ms", .ops = 30, .work = fib_whole },
};

BENCH_PROGRAM("join", cases)
