/* stress/stress.h - what the stress programs share: a seed, a clock, a verdict.
 *
 * WEFT_SEED repeats a run's choices (not its interleaving), WEFT_STRESS_SECONDS
 * says for how long.
 */
#ifndef WEFT_STRESS_H
#define WEFT_STRESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* before any header of the system */
#endif

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weft.h>

struct rng {
	uint64_t x;
};

/* splitmix64, Vigna 2015: any seed will do, zero included */
static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->x += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline unsigned rng_below(struct rng *r, unsigned n)
{
	return (unsigned)(rng_next(r) % n);
}

static inline uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static inline uint64_t stress_seed(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return env_number("WEFT_SEED", (uint64_t)t.tv_sec * 1000003u ^
			  (uint64_t)t.tv_nsec);
}

static inline weft_time stress_end(uint64_t seconds)
{
	return weft_in((weft_time)env_number("WEFT_STRESS_SECONDS", seconds) *
		       WEFT_S);
}

static uint64_t stress_current_seed;

__attribute__((format(printf, 1, 2)))
static _Noreturn inline void stress_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "FAILED (seed=%" PRIu64 "): ", stress_current_seed);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

#define MUST(c, ...) do { if (!(c)) stress_fail(__VA_ARGS__); } while (0)

/* The program's choices, from a seed that it tells first. */
static inline struct rng stress_begin(void)
{
	stress_current_seed = stress_seed();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed=%" PRIu64 "\n", stress_current_seed);
	return (struct rng){ stress_current_seed };
}

static inline int stress_run(unsigned workers, int (*fn)(void *), void *arg)
{
	weft_config config;

	weft_config_init(&config);
	config.workers = workers;
	return weft_run_config(&config, fn, arg);
}

/* fn(arg) on one to ten workers, over in so many seconds. */
static inline void stress_round(struct rng *rng, unsigned patience,
				int on_deadlock, int (*fn)(void *), void *arg)
{
	weft_config config;
	int err;

	weft_config_init(&config);
	config.workers = 1 + rng_below(rng, 10);
	config.on_deadlock = on_deadlock;
	alarm(patience);
	err = weft_run_config(&config, fn, arg);
	MUST(err == 0, "run: %d", err);
}

#endif
