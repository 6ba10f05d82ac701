/* sched/blocking.h - threads for calls that block and cannot park.
 *
 * Protocol and reasons: blocking.c.
 */
#ifndef WEFT_SCHED_BLOCKING_H
#define WEFT_SCHED_BLOCKING_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/list.h"

#include <pthread.h>

struct weft_runtime;

enum keeper { KEEPER_ABSENT, KEEPER_ASLEEP, KEEPER_WATCHING };

struct blocking_pool {
	pthread_mutex_t lock;           /* a thread may sleep holding it    */
	pthread_cond_t overdue;         /* wakes the keeper                 */
	pthread_cond_t gone;            /* a thread left                    */
	pthread_t left;                 /* lock: B8, if any_left            */
	struct list jobs;               /* lock */
	struct list idle;               /* lock: threads, the newest last   */
	struct list early;              /* lock: B7, jobs being run         */
	unsigned threads;               /* lock: that run calls             */
	unsigned coming;                /* lock: woken or made for a job, not
					 * yet at the queue                 */
	unsigned queued;                /* lock: jobs that nobody has begun */
	unsigned pending;               /* lock: queued or being run        */
	unsigned peak;                  /* lock: most threads at a time     */
	enum keeper keeper;             /* lock */
	unsigned min, max;              /* fixed */
	bool any_left;                  /* lock */
	bool stopping;                  /* lock */
};

int weft__blocking_init(struct weft_runtime *rt);
/* Waits for the calls in progress, and for the threads' ends; jobs not begun are
 * dropped. */
void weft__blocking_fini(struct weft_runtime *rt);

/*
 * weft_blocking for a call that may wait for ever.  When the routine is cancelled
 * or discarded, *told is set and the call's thread interrupted, again and again:
 * fn makes a system call as long as that gives -EINTR and *told is not set.  Not
 * for plain threads.  0, fn has returned; -ECANCELED, and fn was not called; or
 * as weft_blocking.
 */
int weft__blocking_early(void *(*fn)(void *), void *arg, _Atomic uint32_t *told);
/* Hold the pool as it is; returns the calls in progress or queued. */
unsigned weft__blocking_hold(struct weft_runtime *rt);
void weft__blocking_release(struct weft_runtime *rt);

#endif
