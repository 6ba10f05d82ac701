/* SPDX-License-Identifier: MIT */
/* spawn.c - rows spawn-1, spawn-1000, spawn-100k: from birth to the end,
 * per routine, in batches of that many.
 */
#include "bench.h"

static struct {
	weft_waitgroup wg;
	_Atomic long ran;
} s;

static void body(void *arg)
{
	(void)arg;
	s.ran++;
	weft_waitgroup_done(&s.wg);
}

static void spawn_batches(long batch, long ops)
{
	long n = ops / batch;

	s.ran = 0;
	for (long i = 0; i < n; i++) {
		weft_waitgroup_add(&s.wg, batch);
		for (long k = 0; k < batch; k++)
			bench_must(weft_go(body, NULL));
		weft_waitgroup_wait(&s.wg);
	}
	bench_check(s.ran == n * batch, "%ld routines ran", s.ran);
}

static void batch_1(long ops)
{
	spawn_batches(1, ops);
}

static void batch_1000(long ops)
{
	spawn_batches(1000, ops);
}

static void batch_100k(long ops)
{
	spawn_batches(100000, ops);
}

static const struct bench_case cases[] = {
	{ .row = "spawn-1", .unit = "ns", .ops = 1000000, .warm = 10000,
	  .work = batch_1 },
	{ .row = "spawn-1000", .unit = "ns", .ops = 1000000, .warm = 10000,
	  .work = batch_1000 },
	{ .row = "spawn-100k", .unit = "ns", .ops = 1000000, .warm = 100000,
	  .work = batch_100k },
};

BENCH_PROGRAM("spawn", cases)
