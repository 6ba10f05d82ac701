/* SPDX-License-Identifier: MIT */
/* sleep.c - rows sleep-100k, sleep-1ms-late and hog-sleep-1ms: a hundred
 * thousand sleepers at once, how late one wakes on an idle machine, and how
 * late when every worker runs a routine that never gives way.
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdbool.h>

#define NAP (10 * WEFT_MS)

static weft_waitgroup wg;

static void sleeper(void *arg)
{
	(void)arg;
	weft_sleep(NAP);
	weft_waitgroup_done(&wg);
}

static void sleepers(long ops)
{
	weft_time start = weft_now();

	weft_waitgroup_add(&wg, ops);
	for (long i = 0; i < ops; i++)
		bench_must(weft_go(sleeper, NULL));
	weft_waitgroup_wait(&wg);
	bench_check(weft_now() - start >= NAP, "too early");
}

/* How late, the middle one of n times. */
static double lateness(long n)
{
	int64_t *late = calloc((size_t)n, sizeof *late);
	double middle;

	bench_check(late, "no memory");
	bench_lateness(late, n);
	middle = (double)late[n / 2];
	free(late);
	return middle;
}

static void alone(const struct bench *b, long n)
{
	struct bench_time t = bench_now();
	double late = lateness(n);

	t = bench_since(t);
	bench_report(b, "sleep-1ms-late", late, (double)t.cpu / (double)n,
		     "ns");
}

static atomic_bool hogging;
static atomic_int hogs;

static void hog(void *arg)
{
	(void)arg;
	hogs++;
	while (hogging)
		;
	hogs--;
}

static void hogged(const struct bench *b, long n)
{
	int workers = (int)weft_workers();
	double late;

	hogging = true;
	for (int i = 0; i < workers; i++)
		bench_must(weft_go(hog, NULL));
	late = lateness(n);
	bench_check(hogs > 0, "no hog");
	hogging = false;
	bench_report(b, "hog-sleep-1ms", late, 0, "ns");
}

static const struct bench_case cases[] = {
	{ .row = "sleep-100k", .unit = "ns", .ops = 100000, .warm = 100000,
	  .work = sleepers },
	{ .row = "sleep-1ms-late", .unit = "ns", .ops = 500,
	  .custom = alone },
	{ .row = "hog-sleep-1ms", .unit = "ns", .ops = 100,
	  .custom = hogged },
};

BENCH_PROGRAM("sleep", cases)
