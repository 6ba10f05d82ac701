/* sched/monitor.h - the thread that watches the workers.
 *
 * Protocol and reasons: monitor.c.
 */
#ifndef WEFT_SCHED_MONITOR_H
#define WEFT_SCHED_MONITOR_H

#include "base/base.h"
#include "base/atomic.h"
#include "os/thread.h"

struct weft_runtime;
struct worker;

struct monitor {
	_Atomic uint32_t asleep;        /* futex: 1 while nothing moves     */
	_Atomic uint32_t stop;
	bool started;
	pthread_t thread;
	_Atomic uint32_t lent;          /* spares at work                   */
	_Atomic uint32_t wanted;        /* spares that should be at work    */
	bool wanting;                   /* its own: others had to wait for one
					 * that stands still               */
	int64_t silent;                 /* its own: names nobody until then */
	_Atomic bool stranded;          /* F6: who stands still has work    */
};

int weft__monitor_start(struct weft_runtime *rt);
void weft__monitor_stop(struct weft_runtime *rt);

/* A spare worker with attention set: was it called back?  Then it is shelved
 * until the next loan or the stop. */
void weft__spare_attend(struct worker *w);

/* A worker was woken: the monitor has something to watch again. */
void weft__monitor_wake(struct weft_runtime *rt);

#define weft__monitor_notice(rt) \
	do { \
		if (unlikely(load_seq(&(rt)->monitor.asleep)))  /* V1 */ \
			weft__monitor_wake(rt); \
	} while (0)

#endif
