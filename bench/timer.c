/* SPDX-License-Identifier: MIT */
/* timer.c - rows timer-restart, timer-restart-chan, timer-new-stop,
 * timer-func-restart and timer-func-100k: timers that are set and do not fire.
 *
 * A restart moves a pending timer to a later deadline, as a connection does
 * with its timeout whenever something arrives.  Each language has its native
 * form: an absolute deadline here, a duration in Go, which has to read the
 * clock for it.
 */
#include "bench.h"

#include <stdlib.h>

#define HOUR (3600 * WEFT_S)

static void restart(long ops)
{
	weft_time deadline = weft_in(HOUR);
	long moved = 0;
	weft_timer t;

	weft_timer_init(&t);
	bench_check(weft_timer_start(&t, deadline, 0) == 0, "was pending");
	for (long i = 0; i < ops; i++)
		moved += weft_timer_start(&t, deadline + i, 0);
	bench_check(moved == ops, "%ld moved", moved);
	bench_check(weft_timer_stop(&t) == 1, "not pending");
	weft_timer_fini(&t);
}

/* The same when its channel is in use, in select for instance. */
static void restart_chan(long ops)
{
	weft_time deadline = weft_in(HOUR);
	long moved = 0;
	weft_timer t;

	weft_timer_init(&t);
	bench_check(weft_timer_chan(&t), "no channel");
	bench_check(weft_timer_start(&t, deadline, 0) == 0, "was pending");
	for (long i = 0; i < ops; i++)
		moved += weft_timer_start(&t, deadline + i, 0);
	bench_check(moved == ops, "%ld moved", moved);
	weft_timer_fini(&t);
}

static void new_stop(long ops)
{
	weft_time deadline = weft_in(HOUR);
	long stopped = 0;

	for (long i = 0; i < ops; i++) {
		weft_timer t;

		weft_timer_init(&t);
		weft_timer_start(&t, deadline, 0);
		stopped += weft_timer_stop(&t);
		weft_timer_fini(&t);
	}
	bench_check(stopped == ops, "%ld stopped", stopped);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void func_restart(long ops)
{
	weft_time deadline = weft_in(HOUR);
	long moved = 0;
	weft_timer t;

	bench_must(weft_after_func(&t, deadline, nothing, NULL));
	for (long i = 0; i < ops; i++)
		moved += weft_timer_start(&t, deadline + i, 0);
	bench_check(moved == ops, "%ld moved", moved);
	weft_timer_fini(&t);
}

enum { CROWD = 100000 };

/* The same for a random one of many that are pending. */
static void func_crowd(long ops)
{
	weft_timer *t = malloc(CROWD * sizeof *t);
	weft_time deadline = weft_in(HOUR);
	long moved = 0;
	uint32_t x = 1;

	bench_check(t, "no memory");
	for (int i = 0; i < CROWD; i++)
		bench_must(weft_after_func(&t[i], deadline, nothing, NULL));
	for (long i = 0; i < ops; i++) {
		x = x * 1664525 + 1013904223;
		moved += weft_timer_start(&t[(x >> 8) % CROWD],
					  deadline + (x >> 4), 0);
	}
	bench_check(moved == ops, "%ld moved", moved);
	for (int i = 0; i < CROWD; i++)
		weft_timer_fini(&t[i]);
	free(t);
}

static const struct bench_case cases[] = {
	{ .row = "timer-restart", .unit = "ns", .ops = 10000000,
	  .warm = 100000, .work = restart },
	{ .row = "timer-restart-chan", .unit = "ns", .ops = 10000000,
	  .warm = 100000, .work = restart_chan },
	{ .row = "timer-new-stop", .unit = "ns", .ops = 10000000,
	  .warm = 100000, .work = new_stop },
	{ .row = "timer-func-restart", .unit = "ns", .ops = 5000000,
	  .warm = 100000, .work = func_restart },
	{ .row = "timer-func-100k", .unit = "ns", .ops = 2000000,
	  .warm = 200000, .work = func_crowd },
};

BENCH_PROGRAM("timer", cases)
