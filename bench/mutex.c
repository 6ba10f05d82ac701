/* SPDX-License-Identifier: MIT */
/* mutex.c - rows mutex and mutex-8: lock, count, unlock; alone, and eight
 * routines that do nothing else. */
#include "bench.h"

enum { PARTIES = 8 };

struct shared {
	weft_mutex m;
	long count;             /* m */
	long each;
};

static void alone(long ops)
{
	static struct shared s;

	s.count = 0;
	for (long i = 0; i < ops; i++) {
		weft_mutex_lock(&s.m);
		s.count++;
		weft_mutex_unlock(&s.m);
	}
	bench_check(s.count == ops, "count %ld", s.count);
}

static void party(void *arg)
{
	struct shared *s = arg;

	for (long i = 0; i < s->each; i++) {
		weft_mutex_lock(&s->m);
		s->count++;
		weft_mutex_unlock(&s->m);
	}
}

static void eight(long ops)
{
	struct shared s = { .each = ops / PARTIES };
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	for (int i = 0; i < PARTIES; i++)
		bench_must(weft_waitgroup_go(&all, party, &s));
	weft_waitgroup_wait(&all);
	bench_check(s.count == ops, "count %ld", s.count);
}

static const struct bench_case cases[] = {
	{ .row = "mutex", .unit = "ns", .ops = 20000000, .warm = 100000,
	  .work = alone },
	{ .row = "mutex-8", .unit = "ns", .ops = 16000000, .warm = 80000,
	  .work = eight },
};

BENCH_PROGRAM("mutex", cases)
