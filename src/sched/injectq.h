/* sched/injectq.h - the shared queue: overflow, foreign threads, starved ones.
 *
 * Place in the life of a routine:  ring overflow, plain thread -> [ injectq ]
 *
 * A locked FIFO linked through routine.next, with its length readable without
 * the lock.
 *
 * Invariants
 *   J1  a routine in it is NEW or RUNNABLE and in no other queue.
 *   J2  len is the length whenever the lock is free.
 *
 * Ordering
 *   Q4  len: store-seq after a push, before the waker looks for sleepers /
 *       load-seq in the last look of a worker that goes idle (idle.h, D1).
 *
 * Lock rank: INJECT.
 */
#ifndef WEFT_SCHED_INJECTQ_H
#define WEFT_SCHED_INJECTQ_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"
#include "routine/routine.h"
#include "sched/runq.h"

struct injectq {
	CACHE_ALIGNED struct spinlock lock;
	_Atomic uint32_t len;           /* J2 */
	struct routine *head, *tail;    /* lock */
};

/* Append the chain first..last of n routines. */
void weft__injectq_push(struct injectq *q, struct routine *first,
			struct routine *last, uint32_t n);

/* Put one routine before all others. */
void weft__injectq_push_front(struct injectq *q, struct routine *r);

/* Take the oldest, and move up to `more` further ones into the caller's own
 * ring as far as there is room.  NULL: empty. */
struct routine *weft__injectq_take(struct injectq *q, struct runq *into,
				   uint32_t more);

static inline bool injectq_empty(struct injectq *q)
{
	return load_rlx(&q->len) == 0;
}

static inline bool injectq_empty_seq(struct injectq *q)
{
	return load_seq(&q->len) == 0;                              /* Q4 */
}

#endif
