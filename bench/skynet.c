/* SPDX-License-Identifier: MIT */
/* skynet.c - row skynet-1M: a tree of routines, ten children a node, with a
 * million leaves that send their numbers up; the whole, in ms.
 */
#include "bench.h"

#include <weft/go.h>

static void skynet(chan(long) out, long num, long size)
{
	long sum = 0, v;

	if (size == 1) {
		bench_must(chan_send(out, num));
		return;
	}
	chan(long) up = chan_make(long);
	bench_check(up, "no channel");
	for (long i = 0; i < 10; i++)
		bench_must(go(skynet, up, num + i * (size / 10), size / 10));
	for (int i = 0; i < 10; i++) {
		bench_must(chan_recv(up, &v));
		sum += v;
	}
	chan_free(up);
	bench_must(chan_send(out, sum));
}

static void whole(long size)
{
	chan(long) out = chan_make(long);
	long sum;

	bench_check(out, "no channel");
	bench_must(go(skynet, out, 0L, size));
	bench_must(chan_recv(out, &sum));
	bench_check(sum == size * (size - 1) / 2, "sum %ld", sum);
	chan_free(out);
}

static const struct bench_case cases[] = {
	{ .row = "skynet-1M", .unit = "ms", .ops = 1000000, .work = whole },
};

BENCH_PROGRAM("skynet", cases)
