/* SPDX-License-Identifier: MIT */
/* cpu.c - row cpu-overhead: the same pure computation in routines and in as
 * many threads as there are workers, alternating; what routines cost more,
 * in percent of the least times, which a busy machine disturbs least.
 */
#include "bench.h"

#include <math.h>
#include <pthread.h>

#define CHUNKS   64
#define TRIALS   15
#define MAX_CPUS 64

static struct {
	weft_waitgroup wg;
	long steps;
	uint64_t out[CHUNKS];
	unsigned threads;
	_Atomic long taken;             /* chunks, by the threads */
} c;

static void compute(long chunk)
{
	uint64_t x = (uint64_t)chunk + 1;

	for (long i = 0; i < c.steps; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	c.out[chunk] = x;
}

static void routine(void *arg)
{
	compute((intptr_t)arg);
	weft_waitgroup_done(&c.wg);
}

static void *thread(void *arg)
{
	long i;

	(void)arg;
	while ((i = c.taken++) < CHUNKS)
		compute(i);
	return NULL;
}

static uint64_t digest(void)
{
	uint64_t d = 0;

	for (int i = 0; i < CHUNKS; i++) {
		d = d * 31 + c.out[i];
		c.out[i] = 0;
	}
	return d;
}

static double in_routines(uint64_t *d)
{
	struct bench_time t = bench_now();

	weft_waitgroup_add(&c.wg, CHUNKS);
	for (long i = 0; i < CHUNKS; i++)
		bench_must(weft_go(routine, (void *)i));
	weft_waitgroup_wait(&c.wg);
	t = bench_since(t);
	*d = digest();
	return (double)t.wall;
}

/* As many threads as workers, from a blocking call, so that both workers are
 * idle meanwhile. */
static void *run_threads(void *arg)
{
	pthread_t id[MAX_CPUS];

	(void)arg;
	c.taken = 0;
	for (unsigned i = 0; i < c.threads; i++)
		bench_check(!pthread_create(&id[i], NULL, thread, NULL),
			    "no thread");
	for (unsigned i = 0; i < c.threads; i++)
		pthread_join(id[i], NULL);
	return NULL;
}

static double in_threads(uint64_t *d)
{
	struct bench_time t = bench_now();

	bench_must(weft_blocking(run_threads, NULL, NULL));
	t = bench_since(t);
	*d = digest();
	return (double)t.wall;
}

static void overhead(const struct bench *b, long steps)
{
	double r, t, routines = INFINITY, threads = INFINITY;
	uint64_t dr, dt;

	c.steps = steps;
	c.threads = weft_workers();
	bench_check(c.threads <= MAX_CPUS, "too many workers");
	for (int i = 0; i < TRIALS; i++) {
		r = in_routines(&dr);
		t = in_threads(&dt);
		bench_check(dr == dt, "different results");
		routines = r < routines ? r : routines;
		threads = t < threads ? t : threads;
	}
	bench_report(b, "cpu-overhead", 100 * (routines / threads - 1), 0,
		     "%");
}

static const struct bench_case cases[] = {
	{ .row = "cpu-overhead", .unit = "%", .ops = 200000,
	  .custom = overhead },
};

BENCH_PROGRAM("cpu", cases)
