/* SPDX-License-Identifier: MIT */
/* pingpong.c - row pingpong: a round trip over two unbuffered channels. */
#include "bench.h"

static weft_chan *there, *back;

static void partner(void *arg)
{
	long v;

	(void)arg;
	while (weft_chan_recv(there, &v) == 0) {
		v++;
		bench_must(weft_chan_send(back, &v));
	}
	weft_chan_close(back);
}

static void pingpong(long ops)
{
	long v = 0, none;
	int end;

	there = weft_chan_new(sizeof(long), 0);
	back = weft_chan_new(sizeof(long), 0);
	bench_check(there && back, "no channel");
	bench_must(weft_go(partner, NULL));
	for (long i = 0; i < ops; i++) {
		bench_must(weft_chan_send(there, &v));
		bench_must(weft_chan_recv(back, &v));
	}
	weft_chan_close(there);
	end = weft_chan_recv(back, &none);
	bench_check(v == ops && end < 0, "%ld round trips", v);
	weft_chan_unref(there);
	weft_chan_unref(back);
}

static const struct bench_case cases[] = {
	{ .row = "pingpong", .unit = "ns", .ops = 1000000, .warm = 10000,
	  .work = pingpong },
};

BENCH_PROGRAM("pingpong", cases)
