/* SPDX-License-Identifier: MIT */
/* steal.c - row steal: work that only another worker can take.
 *
 * The caller starts a batch of routines, fewer than a run queue holds, and
 * keeps its own worker busy until all have run, so every one of them is
 * stolen.  The figure covers start, steal and end of a routine, and the
 * moment until the thief notices a new batch; it is an upper bound of what
 * one steal costs.  Needs two workers.
 */
#include "bench.h"

#define BATCH 128

static _Atomic long ran;

static void body(void *arg)
{
	(void)arg;
	ran++;
}

static void steal(long ops)
{
	long want = 0;

	bench_check(weft_workers() > 1, "steal needs two workers");
	ran = 0;
	while (want < ops) {
		for (int i = 0; i < BATCH; i++)
			bench_must(weft_go(body, NULL));
		want += BATCH;
		while (ran < want)
			;
		weft_yield();
	}
	bench_check(ran == want, "%ld routines ran", (long)ran);
}

static const struct bench_case cases[] = {
	{ .row = "steal", .unit = "ns", .ops = 200000, .warm = 2000,
	  .work = steal },
};

BENCH_PROGRAM("steal", cases)
