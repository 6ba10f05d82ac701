/* SPDX-License-Identifier: MIT */
/* chan.c - rows buf128-same and try-recv-empty: a channel and one routine. */
#include "bench.h"

#include <errno.h>

static void buf_same(long ops)
{
	weft_chan *c = weft_chan_new(sizeof(long), 128);
	long sum = 0, v;

	bench_check(c, "no channel");
	for (long i = 0; i < ops; i++) {
		bench_must(weft_chan_send(c, &i));
		bench_must(weft_chan_recv(c, &v));
		sum += v;
	}
	bench_check(sum == ops * (ops - 1) / 2, "sum %ld", sum);
	weft_chan_unref(c);
}

static void try_recv_empty(long ops)
{
	weft_chan *c = weft_chan_new(sizeof(long), 128);
	long misses = 0, v;

	bench_check(c, "no channel");
	for (long i = 0; i < ops; i++)
		misses += weft_chan_try_recv(c, &v) == -EAGAIN;
	bench_check(misses == ops, "%ld misses", misses);
	weft_chan_unref(c);
}

static const struct bench_case cases[] = {
	{ .row = "buf128-same", .unit = "ns", .ops = 10000000,
	  .warm = 100000, .work = buf_same },
	{ .row = "try-recv-empty", .unit = "ns", .ops = 50000000,
	  .warm = 100000, .work = try_recv_empty },
};

BENCH_PROGRAM("chan", cases)
