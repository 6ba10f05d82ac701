/* SPDX-License-Identifier: MIT */
/* bench.c - command line, clocks and result lines of the benchmarks. */
#include "bench.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

struct run {
	const struct bench *bench;
	const struct bench_case *c;
	long ops;
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void bench_lateness(int64_t *late, long n)
{
	for (long i = 0; i < n; i++) {
		weft_time until = weft_in(WEFT_MS);

		weft_sleep_until(until);
		late[i] = weft_now() - until;
		bench_check(late[i] >= 0, "early");
	}
	qsort(late, (size_t)n, sizeof *late, by_value);
}

struct bench_time bench_now(void)
{
	struct bench_time t;

	t.cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	t.wall = clock_ns(CLOCK_MONOTONIC);
	return t;
}

struct bench_time bench_since(struct bench_time start)
{
	struct bench_time t;

	t.wall = clock_ns(CLOCK_MONOTONIC) - start.wall;
	t.cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start.cpu;
	return t;
}

void bench_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void bench_report_as(const struct bench *b, const char *impl, const char *row,
		     double value, double cpu, const char *unit)
{
	unsigned workers = weft_workers();

	printf("%s\t%s\t%s\t%u\t%.4g\t%.4g\t%s\n", b->name, row, impl,
	       workers ? workers : 1, value, cpu, unit);
	fflush(stdout);
}

void bench_report(const struct bench *b, const char *row, double value,
		  double cpu, const char *unit)
{
	bench_report_as(b, "weft", row, value, cpu, unit);
}

static int run_case(void *arg)
{
	const struct run *r = arg;
	const struct bench_case *c = r->c;
	struct bench_time t;
	double per;

	if (c->custom) {
		c->custom(r->bench, r->ops);
		return 0;
	}
	if (c->warm)
		c->work(c->warm);
	t = bench_now();
	c->work(r->ops);
	t = bench_since(t);
	per = strcmp(c->unit, "ms") ? (double)r->ops : 1e6;
	bench_report(r->bench, c->row, (double)t.wall / per,
		     (double)t.cpu / per, c->unit);
	return 0;
}

static int start_case(const struct bench *b, const struct bench_case *c,
		      long ops)
{
	struct run r = { b, c, ops };

	if (c->bare)
		return run_case(&r);
	return weft_run(run_case, &r);
}

static int wanted(int argc, char **argv, const char *row)
{
	int named = 0;

	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--", 2))
			continue;
		named = 1;
		if (!strcmp(argv[i], row))
			return 1;
	}
	return !named;
}

/* What the figures depend on: CPU, compiler, optimisation. */
static void about(void)
{
#if defined(__x86_64__)
	const char *cpu = "x86_64";
#elif defined(__aarch64__)
	const char *cpu = "aarch64";
#elif defined(__riscv)
	const char *cpu = "riscv64";
#else
	const char *cpu = "unknown";
#endif
#ifdef __clang__
	const char *cc = "clang";
	int major = __clang_major__;
#else
	const char *cc = "gcc";
	int major = __GNUC__;
#endif
#ifdef __OPTIMIZE__
	const char *opt = "optimised";
#else
	const char *opt = "unoptimised";
#endif
	printf("%s\t%s-%d\t%s\n", cpu, cc, major, opt);
}

int bench_main(const struct bench *b, int argc, char **argv)
{
	long forced = 0, quick = 0, ran = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--about"))
			return about(), 0;
		else if (!strcmp(argv[i], "--quick"))
			quick = 1;
		else if (!strncmp(argv[i], "--ops=", 6))
			forced = atol(argv[i] + 6);
	}
	for (size_t i = 0; i < b->count; i++) {
		const struct bench_case *c = &b->cases[i];
		long ops = c->ops;
		int err;

		if (!wanted(argc, argv, c->row))
			continue;
		ran++;
		if (quick && !strcmp(c->unit, "ns"))
			ops /= 10;
		if (forced > 0)
			ops = forced;
		err = start_case(b, c, ops);
		if (err < 0) {
			fprintf(stderr, "%s: %s: %s\n", b->name, c->row,
				weft_strerror(err));
			return 1;
		}
	}
	if (!ran) {
		fprintf(stderr, "%s: no such case\n", b->name);
		return 2;
	}
	return 0;
}
