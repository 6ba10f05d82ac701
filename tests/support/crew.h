/* support/crew.h - routines and plain threads that run one function.
 *
 * A body of ANYWHERE gets the number of workers, 0 on a plain thread with no
 * runtime; there crews are threads only.
 */
#ifndef WEFT_SUPPORT_CREW_H
#define WEFT_SUPPORT_CREW_H

#include "support/rt.h"

#include <pthread.h>

enum { CREW_MAX = 64 };

struct crew {
	weft_id id[CREW_MAX];
	pthread_t thread[CREW_MAX];
	int routines, threads;
	int (*fn)(void *);
	void *arg;
};

static void *crew_thread(void *c)
{
	((struct crew *)c)->fn(((struct crew *)c)->arg);
	return NULL;
}

__attribute__((unused))
static void crew_start(struct crew *c, int routines, int threads,
		       int (*fn)(void *), void *arg)
{
	c->fn = fn;
	c->arg = arg;
	c->routines = weft_self() ? routines : 0;
	c->threads = weft_self() ? threads : routines + threads;
	for (int i = 0; i < c->routines; i++)
		CHECK_EQ(weft_spawn(&c->id[i], NULL, fn, arg), 0);
	for (int i = 0; i < c->threads; i++)
		CHECK_EQ(pthread_create(&c->thread[i], NULL, crew_thread, c), 0);
}

__attribute__((unused))
static void crew_join(struct crew *c)
{
	for (int i = 0; i < c->routines; i++)
		CHECK_EQ(weft_join(c->id[i], NULL), 0);
	for (int i = 0; i < c->threads; i++)
		CHECK_EQ(pthread_join(c->thread[i], NULL), 0);
}

/* How many wait in a once, semaphore, barrier, latch or one-shot. */
#define WAITING(o) __atomic_load_n(&(o)->weft__waiting, __ATOMIC_RELAXED)

/* Without a runtime, then as the main routine on each number of workers. */
#define ANYWHERE(fn) \
	do { \
		cr_assert_eq(fn(NULL), 0); \
		cr_assert_eq(failures, 0, "without a runtime"); \
		EACH(fn); \
	} while (0)

#endif
