/* sched/injectq.h - the shared queue: overflow, foreign threads, starved ones.
 *
 * Place in the life of a routine:  ring overflow, plain thread -> [ injectq ]
 *
 * A locked FIFO of single routines, linked through routine.next, and of blocks
 * of them; its length is readable without the lock.
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
	struct routine *head, *tail;    /* lock: elements (injectq.c)       */
	struct inject_block *spare;     /* lock: free, linked by next       */
	struct inject_chunk *chunks;    /* lock: all blocks ever made       */
};

/* Many in one element; whoever has it fills slot before it is pushed. */
struct inject_block {
	struct routine *next;           /* lock: the element after it       */
	uint32_t first, end;            /* lock: what is left of slot       */
	struct routine *slot[RUNQ_SPILL];
};

/* Append the chain first..last of n routines. */
void weft__injectq_push(struct injectq *q, struct routine *first,
			struct routine *last, uint32_t n);

/* A block to fill, NULL without memory; append it with n routines in it, or
 * give it back as it is. */
struct inject_block *weft__injectq_block(struct injectq *q);
void weft__injectq_push_block(struct injectq *q, struct inject_block *b,
			      uint32_t n);
void weft__injectq_block_back(struct injectq *q, struct inject_block *b);

/* Free the blocks.  The routines in them are forgotten. */
void weft__injectq_fini(struct injectq *q);

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
