/* SPDX-License-Identifier: MIT */
/* scope.c - rows scope-1, scope-100, scope-deadline, scope-cancel-10k and
 * cancelled: groups of routines that are waited for and cancelled as one. */
#include "bench.h"

#include <stdatomic.h>

static atomic_long ran;

static int count(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&ran, 1, memory_order_relaxed);
	return 0;
}

static void groups_of(long ops, long n, weft_time limit)
{
	weft_scope s;

	ran = 0;
	for (long i = 0; i < ops / n; i++) {
		bench_must(weft_scope_begin(&s, limit == WEFT_FOREVER ?
					    limit : weft_in(limit)));
		for (long k = 0; k < n; k++)
			bench_must(weft_scope_go(&s, count, NULL));
		bench_must(weft_scope_end(&s));
	}
	bench_check(ran == ops / n * n, "%ld ran", (long)ran);
}

static void one(long ops)
{
	groups_of(ops, 1, WEFT_FOREVER);
}

static void hundred(long ops)
{
	groups_of(ops, 100, WEFT_FOREVER);
}

static void deadline(long ops)
{
	groups_of(ops, 1, WEFT_S);
}

static int wait_for_it(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&ran, 1, memory_order_relaxed);
	return weft_chan_recv(NULL, NULL);
}

/* ops routines wait; how long until all have ended, each. */
static void cancel_many(const struct bench *b, long ops)
{
	struct bench_time t;
	weft_scope s;

	ran = 0;
	bench_must(weft_scope_begin(&s, WEFT_FOREVER));
	for (long i = 0; i < ops; i++)
		bench_must(weft_scope_go(&s, wait_for_it, NULL));
	while (ran < ops)
		weft_yield();
	weft_yield();
	t = bench_now();
	bench_must(weft_scope_cancel(&s, -EINTR));
	bench_check(weft_scope_end(&s) == -EINTR, "not the reason");
	t = bench_since(t);
	bench_check(weft_scope_failures(&s) == (size_t)ops, "some went on");
	bench_report(b, "scope-cancel-10k", (double)t.wall / (double)ops,
		     (double)t.cpu / (double)ops, "ns");
}

static void ask(long ops)
{
	weft_scope s;
	long n = 0;

	bench_must(weft_scope_begin(&s, WEFT_FOREVER));
	for (long i = 0; i < ops; i++)
		n += weft_cancelled();
	bench_must(weft_scope_end(&s));
	bench_check(n == 0, "cancelled");
}

static const struct bench_case cases[] = {
	{ .row = "scope-1", .unit = "ns", .ops = 500000, .warm = 10000,
	  .work = one },
	{ .row = "scope-100", .unit = "ns", .ops = 1000000, .warm = 10000,
	  .work = hundred },
	{ .row = "scope-deadline", .unit = "ns", .ops = 500000, .warm = 10000,
	  .work = deadline },
	{ .row = "scope-cancel-10k", .unit = "ns", .ops = 10000,
	  .custom = cancel_many },
	{ .row = "cancelled", .unit = "ns", .ops = 20000000, .work = ask },
};

BENCH_PROGRAM("scope", cases)
