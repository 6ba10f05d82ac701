/* SPDX-License-Identifier: MIT */
/* rwlock.c - rows rwlock-read and rwlock-read-8: lock to read, look, unlock;
 * alone, and eight routines that do nothing else.  rwlock-write-8: one
 * operation in 100 writes. */
#include "bench.h"

enum { PARTIES = 8 };

struct shared {
	weft_rwlock l;
	long value;             /* l */
	long each, every;       /* fixed: one operation in `every` writes */
	_Atomic long sum;
};

static void alone(long ops)
{
	static struct shared s = { .value = 1 };
	long sum = 0;

	for (long i = 0; i < ops; i++) {
		weft_rwlock_rlock(&s.l);
		sum += s.value;
		weft_rwlock_runlock(&s.l);
	}
	bench_check(sum == ops, "sum %ld", sum);
}

static void read_party(void *arg)
{
	struct shared *s = arg;
	long sum = 0;

	for (long i = 0; i < s->each; i++) {
		weft_rwlock_rlock(&s->l);
		sum += s->value;
		weft_rwlock_runlock(&s->l);
	}
	s->sum += sum;
}

static void read_eight(long ops)
{
	struct shared s = { .value = 1, .each = ops / PARTIES };
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	for (int i = 0; i < PARTIES; i++)
		bench_must(weft_waitgroup_go(&all, read_party, &s));
	weft_waitgroup_wait(&all);
	bench_check(s.sum == ops, "sum %ld", s.sum);
}

static void mixed_party(void *arg)
{
	struct shared *s = arg;
	long sum = 0;

	for (long i = 0; i < s->each; i++) {
		if (i % s->every) {
			weft_rwlock_rlock(&s->l);
			sum += s->value >= 0;
			weft_rwlock_runlock(&s->l);
		} else {
			weft_rwlock_lock(&s->l);
			s->value++;
			weft_rwlock_unlock(&s->l);
		}
	}
	s->sum += sum;
}

static void mixed_eight(long ops)
{
	struct shared s = { .each = ops / PARTIES, .every = 100 };
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	for (int i = 0; i < PARTIES; i++)
		bench_must(weft_waitgroup_go(&all, mixed_party, &s));
	weft_waitgroup_wait(&all);
	bench_check(s.sum + s.value == ops, "sum %ld, value %ld", s.sum,
		    s.value);
}

static const struct bench_case cases[] = {
	{ .row = "rwlock-read", .unit = "ns", .ops = 20000000, .warm = 100000,
	  .work = alone },
	{ .row = "rwlock-read-8", .unit = "ns", .ops = 16000000,
	  .warm = 80000, .work = read_eight },
	{ .row = "rwlock-mixed-8", .unit = "ns", .ops = 8000000,
	  .warm = 80000, .work = mixed_eight },
};

BENCH_PROGRAM("rwlock", cases)
