/* SPDX-License-Identifier: MIT */
/* ring.c - row ring-1000: a counter passed round a thousand routines, the
 * caller among them, over unbuffered channels; per hop.
 */
#include "bench.h"

#define RING 1000

static weft_chan *seat[RING];
static long laps;

static void hop(void *arg)
{
	weft_chan **in = arg, **out = in + 1;
	long v;

	for (long lap = 0; lap < laps; lap++) {
		bench_must(weft_chan_recv(*in, &v));
		v++;
		bench_must(weft_chan_send(*out, &v));
	}
}

static void ring(long ops)
{
	long v = 0;

	laps = ops / RING;
	for (long i = 0; i < RING; i++) {
		seat[i] = weft_chan_new(sizeof(long), 0);
		bench_check(seat[i], "no channel");
	}
	for (long i = 0; i < RING - 1; i++)
		bench_must(weft_go(hop, &seat[i]));
	for (long lap = 0; lap < laps; lap++) {
		bench_must(weft_chan_send(seat[0], &v));
		bench_must(weft_chan_recv(seat[RING - 1], &v));
		v++;
	}
	bench_check(v == laps * RING, "%ld hops", v);
	for (long i = 0; i < RING; i++)
		weft_chan_unref(seat[i]);
}

static const struct bench_case cases[] = {
	{ .row = "ring-1000", .unit = "ns", .ops = 2000000, .warm = 20000,
	  .work = ring },
};

BENCH_PROGRAM("ring", cases)
