/* SPDX-License-Identifier: MIT */
/* parked.c - rows parked-1M*, parked-1M-sub* and spike-1M-returned: a million
 * routines that wait in one channel: the time to make each, to wake and end
 * each, what each weighs, and what the system has back a second later.
 *
 * The weight is the rise of the resident set, stacks and records and all;
 * the page tables, which the kernel counts apart, have a line of their own.
 */
#include "bench.h"

#include <string.h>

static struct {
	weft_chan *gate;
	weft_waitgroup wg;
	_Atomic long reached;
	_Atomic long sum;
} p;

struct memory {
	double rss;
	double tables;
};

static struct memory memory(void)
{
	struct memory m = { 0, 0 };
	char line[128];
	long kb;
	FILE *f = fopen("/proc/self/status", "r");

	bench_check(f, "no /proc/self/status");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			m.rss = 1024.0 * (double)kb;
		else if (sscanf(line, "VmPTE: %ld", &kb) == 1)
			m.tables = 1024.0 * (double)kb;
	}
	fclose(f);
	return m;
}

static void waiter(void *arg)
{
	p.reached++;
	weft_chan_recv(p.gate, NULL);
	p.sum += (intptr_t)arg;
	weft_waitgroup_done(&p.wg);
}

static void start_all(const weft_attr *a, long n)
{
	p.reached = 0;
	p.sum = 0;
	weft_waitgroup_add(&p.wg, n);
	for (long i = 0; i < n; i++)
		bench_must(weft_go_attr(a, waiter, (void *)i));
	while (p.reached < n)
		weft_yield();
}

static void end_all(long n)
{
	weft_chan_close(p.gate);
	weft_waitgroup_wait(&p.wg);
	bench_check(p.sum == n * (n - 1) / 2, "sum %ld", (long)p.sum);
}

static void report(const struct bench *b, const char *row, const char *part,
		   double value, double cpu, const char *unit)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", row, part);
	bench_report(b, name, value, cpu, unit);
}

static void park(const struct bench *b, const char *row, size_t stack, long n)
{
	weft_attr a = { .stack_size = stack };
	struct memory before, full, after;
	struct bench_time made, woken;
	double each = (double)n;

	p.gate = weft_chan_new(sizeof(long), 0);
	bench_check(p.gate, "no channel");
	before = memory();
	made = bench_now();
	start_all(&a, n);
	made = bench_since(made);
	full = memory();
	woken = bench_now();
	end_all(n);
	woken = bench_since(woken);
	bench_must(weft_sleep(WEFT_S));
	after = memory();
	weft_chan_unref(p.gate);

	report(b, row, "", (double)made.wall / each, (double)made.cpu / each,
	       "ns");
	report(b, row, "-wake", (double)woken.wall / each,
	       (double)woken.cpu / each, "ns");
	report(b, row, "-rss", (full.rss - before.rss) / each, 0, "B");
	report(b, row, "-tables", (full.tables - before.tables) / each, 0,
	       "B");
	if (stack == 0)
		bench_report(b, "spike-1M-returned",
			     100 * (full.rss - after.rss) /
			     (full.rss - before.rss), 0, "%");
}

static void park_default(const struct bench *b, long n)
{
	park(b, "parked-1M", 0, n);
}

static void park_subpage(const struct bench *b, long n)
{
	park(b, "parked-1M-sub", WEFT_STACK_SUBPAGE, n);
}

static const struct bench_case cases[] = {
	{ .row = "parked-1M", .unit = "ns", .ops = 1000000,
	  .custom = park_default },
	{ .row = "parked-1M-sub", .unit = "ns", .ops = 1000000,
	  .custom = park_subpage },
};

BENCH_PROGRAM("parked", cases)
