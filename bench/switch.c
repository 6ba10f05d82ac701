/* SPDX-License-Identifier: MIT */
/* switch.c - rows switch and switch-ring-1000: from stack to stack and back.
 *
 * One caller resumes n coroutines in turn; a resume and its yield are two
 * switches.  The bare limit of this CPU is measured in the same shape in
 * the same process, as the implementation `limit`.
 */
#include "bench.h"

#include "limit.h"

#define STACK (16 * 1024)

static void counter(void *arg)
{
	uintptr_t i = 0;

	(void)arg;
	while (weft_coro_yield((void *)i, NULL) == 0)
		i++;
}

/* Each of n coroutines counts on from `from`, once a lap. */
static void weft_ring(weft_coro **co, long n, long from, long laps)
{
	uint64_t sum = 0, want = (uint64_t)n * (uint64_t)laps;
	void *out;

	for (long lap = 0; lap < laps; lap++) {
		for (long i = 0; i < n; i++) {
			bench_must(weft_coro_resume(co[i], NULL, &out));
			sum += (uintptr_t)out;
		}
	}
	want = want * (uint64_t)(2 * from + laps - 1) / 2;
	bench_check(sum == want, "sum %ju", (uintmax_t)sum);
}

static void measure_weft(const struct bench *b, const char *row, long n,
			 long ops)
{
	weft_coro **co = calloc((size_t)n, sizeof(*co));
	long laps = ops / 2 / n, warm = laps / 10 + 1;
	struct bench_time t;

	bench_check(co, "no memory");
	for (long i = 0; i < n; i++) {
		co[i] = weft_coro_new(counter, NULL, STACK);
		bench_check(co[i], "no coroutine");
	}
	weft_ring(co, n, 0, warm);
	t = bench_now();
	weft_ring(co, n, warm, laps);
	t = bench_since(t);
	bench_report(b, row, (double)t.wall / (double)(2 * n * laps),
		     (double)t.cpu / (double)(2 * n * laps), "ns");
	for (long i = 0; i < n; i++)
		weft_coro_free(co[i]);
	free(co);
}

#if BENCH_LIMIT

#define COLOURS 16

static void *limit_caller;
static void **limit_self;
static uint64_t limit_hops;

static void limit_body(void)
{
	void **self = limit_self;

	for (;;) {
		limit_hops++;
		bench_limit_switch(self, limit_caller);
	}
}

static void limit_ring(void **sp, long n, long laps)
{
	for (long lap = 0; lap < laps; lap++) {
		for (long i = 0; i < n; i++) {
			limit_self = &sp[i];
			bench_limit_switch(&limit_caller, sp[i]);
		}
	}
}

static void measure_limit(const struct bench *b, const char *row, long n,
			  long ops)
{
	size_t slot = STACK + COLOURS * 64;
	char *mem = malloc((size_t)n * slot);
	void **sp = calloc((size_t)n, sizeof(*sp));
	long laps = ops / 2 / n;
	struct bench_time t;

	bench_check(mem && sp, "no memory");
	for (long i = 0; i < n; i++)
		sp[i] = bench_limit_frame(mem + (size_t)i * slot + STACK +
					  i % COLOURS * 64, limit_body);
	limit_hops = 0;
	limit_ring(sp, n, laps / 10 + 1);
	t = bench_now();
	limit_ring(sp, n, laps);
	t = bench_since(t);
	bench_check(limit_hops == (uint64_t)(n * (laps + laps / 10 + 1)),
		    "%ju hops", (uintmax_t)limit_hops);
	bench_report_as(b, "limit", row,
			(double)t.wall / (double)(2 * n * laps),
			(double)t.cpu / (double)(2 * n * laps), "ns");
	free(sp);
	free(mem);
}
#else
static void measure_limit(const struct bench *b, const char *row, long n,
			  long ops)
{
	(void)b, (void)row, (void)n, (void)ops;
}
#endif

static void two_stacks(const struct bench *b, long ops)
{
	measure_weft(b, "switch", 1, ops);
	measure_limit(b, "switch", 1, ops);
}

static void ring_1000(const struct bench *b, long ops)
{
	measure_weft(b, "switch-ring-1000", 1000, ops);
	measure_limit(b, "switch-ring-1000", 1000, ops);
}

static const struct bench_case cases[] = {
	{ .row = "switch", .unit = "ns", .ops = 10000000,
	  .custom = two_stacks, .bare = 1 },
	{ .row = "switch-ring-1000", .unit = "ns", .ops = 10000000,
	  .custom = ring_1000, .bare = 1 },
};

BENCH_PROGRAM("switch", cases)
