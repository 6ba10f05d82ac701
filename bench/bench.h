/* SPDX-License-Identifier: MIT */
/* bench.h - what every benchmark program shares.
 *
 * A program measures one verb and has a table of cases, one per row of the
 * result table.  It runs the cases named on its command line, once each, and
 * prints one line per result:
 *
 *	name<TAB>case<TAB>weft<TAB>workers<TAB>value<TAB>cpu<TAB>unit
 *
 * The runner starts it anew for every round, so that no round profits from
 * what an earlier one left behind.  Starting the runtime and a warm-up of
 * fixed length stay outside the timing.
 *
 * Usage: PROGRAM [--quick] [--ops=N] [--about] [CASE...]
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <weft.h>

struct bench;

struct bench_case {
	const char *row;        /* its name in the result table */
	const char *unit;       /* ns per operation, or ms for the whole */
	long ops;               /* operations that are timed */
	long warm;              /* operations before that; 0 = none */
	void (*work)(long ops); /* does and checks that many operations */
	/* Runs instead of work where set, and reports for itself. */
	void (*custom)(const struct bench *b, long ops);
	int bare;               /* runs outside any runtime */
};

/* One program. */
struct bench {
	const char *name;
	const struct bench_case *cases;
	size_t count;
};

/* Wall and process CPU time at one moment, ns. */
struct bench_time {
	int64_t wall;
	int64_t cpu;
};

int bench_main(const struct bench *b, int argc, char **argv);

struct bench_time bench_now(void);
struct bench_time bench_since(struct bench_time start);

/* Prints one result line; the second form names the implementation. */
void bench_report(const struct bench *b, const char *row, double value,
		  double cpu, const char *unit);
void bench_report_as(const struct bench *b, const char *impl, const char *row,
		     double value, double cpu, const char *unit);

/* Sleeps 1 ms n times: by how many ns each was late, the least first. */
void bench_lateness(int64_t *late, long n);

/* Ends the program when an answer is wrong or a call failed. */
#define bench_check(ok, ...) do {                               \
	if (__builtin_expect(!(ok), 0))                         \
		bench_fail(__FILE__, __LINE__, __VA_ARGS__);    \
} while (0)

_Noreturn void bench_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* For calls that must not fail: spawn, send, receive. */
#define bench_must(call) do {                                   \
	int bench_err = (call);                                 \
	bench_check(bench_err == 0, #call ": %s",               \
		    weft_strerror(bench_err));                  \
} while (0)

#define BENCH_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define BENCH_PROGRAM(name, cases)                                      \
int main(int argc, char **argv)                                         \
{                                                                       \
	static const struct bench b = { name, cases, BENCH_COUNT(cases) }; \
	return bench_main(&b, argc, argv);                              \
}

#endif
