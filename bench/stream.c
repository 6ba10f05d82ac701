/* SPDX-License-Identifier: MIT */
/* stream.c - rows stream-* and mpmc-4x4-*: values from n producers to n
 * consumers over one channel, per value.
 */
#include "bench.h"

struct total {
	long sum;
	long count;
};

static struct {
	weft_chan *items;
	weft_chan *totals;
	weft_waitgroup producers;
	long each;
} s;

static void consumer(void *arg)
{
	struct total t = { 0, 0 };
	long v;

	(void)arg;
	while (weft_chan_recv(s.items, &v) == 0) {
		t.sum += v;
		t.count++;
	}
	bench_must(weft_chan_send(s.totals, &t));
}

static void producer(void *arg)
{
	long each = s.each;

	(void)arg;
	for (long v = 1; v <= each; v++)
		bench_must(weft_chan_send(s.items, &v));
	weft_waitgroup_done(&s.producers);
}

static void stream(long n, size_t capacity, long ops)
{
	struct total all = { 0, 0 }, t;

	s.items = weft_chan_new(sizeof(long), capacity);
	s.totals = weft_chan_new(sizeof(struct total), (size_t)n);
	bench_check(s.items && s.totals, "no channel");
	s.each = ops / n;
	for (long i = 0; i < n; i++)
		bench_must(weft_go(consumer, NULL));
	weft_waitgroup_add(&s.producers, n);
	for (long i = 0; i < n; i++)
		bench_must(weft_go(producer, NULL));
	weft_waitgroup_wait(&s.producers);
	weft_chan_close(s.items);
	for (long i = 0; i < n; i++) {
		bench_must(weft_chan_recv(s.totals, &t));
		all.sum += t.sum;
		all.count += t.count;
	}
	bench_check(all.count == n * s.each &&
		    all.sum == n * (s.each * (s.each + 1) / 2),
		    "%ld items, sum %ld", all.count, all.sum);
	weft_chan_unref(s.items);
	weft_chan_unref(s.totals);
}

static void one_unbuf(long ops)
{
	stream(1, 0, ops);
}

static void one_128(long ops)
{
	stream(1, 128, ops);
}

static void four_unbuf(long ops)
{
	stream(4, 0, ops);
}

static void four_128(long ops)
{
	stream(4, 128, ops);
}

static const struct bench_case cases[] = {
	{ .row = "stream-unbuf", .unit = "ns", .ops = 2000000, .warm = 20000,
	  .work = one_unbuf },
	{ .row = "stream-128", .unit = "ns", .ops = 5000000, .warm = 50000,
	  .work = one_128 },
	{ .row = "mpmc-4x4-unbuf", .unit = "ns", .ops = 2000000,
	  .warm = 20000, .work = four_unbuf },
	{ .row = "mpmc-4x4-128", .unit = "ns", .ops = 5000000, .warm = 50000,
	  .work = four_128 },
};

BENCH_PROGRAM("stream", cases)
