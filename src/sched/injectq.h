/* sched/injectq.h - the shared queue: overflow, foreign threads, starved ones.
 *
 * Place in the life of a routine:  ring overflow, plain thread -> [ injectq ]
 *
 * Two queues under one lock: single routines, first in first out, linked
 * through routine.next; and blocks of them, which rings that overflow put on
 * one end.  A worker that has nothing takes the newest block, so that a tree of
 * routines is walked depth first: few stand half done, and those are hot.  The
 * length of both together is readable without the lock.
 *
 * Invariants
 *   J1  a routine in it is NEW or RUNNABLE and in no other queue.
 *   J2  len is the length whenever the lock is free.
 *   J3  nobody is overtaken for ever.  weft__injectq_look, which each worker
 *       calls again and again however busy it is (F2 in worker.c), takes the
 *       first single or, once that has waited for INJECT_AGE, the first of
 *       the oldest block, to be run at once; when it could take either, by
 *       turns.  What is ahead of a routine on its side only ever shrinks:
 *       singles are added last, blocks on the other end.
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

/* How long blocks may be taken newest first, ns: longer than trees of a million
 * routines take, shorter than anybody minds. */
#define INJECT_AGE WEFT_SHRINK(INT64_C(50000000), INT64_C(20000))

/* More than a tree of routines has waiting, walked depth first: a pile. */
#define INJECT_PILE (16 * RUNQ_SPILL)

struct injectq {
	CACHE_ALIGNED struct spinlock lock;
	_Atomic uint32_t len;           /* J2 */
	bool turn;                      /* lock: a block's next, J3         */
	struct routine *head, *tail;    /* lock: singles                    */
	struct inject_block *newest, *oldest;   /* lock                     */
	struct inject_block *spare;     /* lock: free, linked by older      */
	struct inject_chunk *chunks;    /* lock: all blocks ever made       */
};

/* What a ring spills; whoever has it fills slot before it is pushed. */
struct inject_block {
	struct inject_block *newer, *older;     /* lock                     */
	uint32_t first, end;            /* lock: what is left of slot       */
	int64_t due;                    /* lock: J3, by the clock           */
	struct routine *slot[RUNQ_SPILL];
};

/* Append the chain first..last of n single routines. */
void weft__injectq_push(struct injectq *q, struct routine *first,
			struct routine *last, uint32_t n);

/* A block to fill, NULL without memory; make it the newest with n routines in
 * it, or give it back as it is. */
struct inject_block *weft__injectq_block(struct injectq *q);
void weft__injectq_push_block(struct injectq *q, struct inject_block *b,
			      uint32_t n);
void weft__injectq_block_back(struct injectq *q, struct inject_block *b);

/* Free the blocks.  The routines in them are forgotten. */
void weft__injectq_fini(struct injectq *q);

/* Take the first single, else the first of the newest block, and move up to
 * `more` that come after it in the same queue or block into the caller's own
 * ring as far as there is room.  NULL: empty. */
struct routine *weft__injectq_take(struct injectq *q, struct runq *into,
				   uint32_t more);

/* A look in passing (J3).  NULL: nobody's turn. */
struct routine *weft__injectq_look(struct injectq *q);

static inline bool injectq_empty(struct injectq *q)
{
	return load_rlx(&q->len) == 0;
}

static inline bool injectq_piled(struct injectq *q)
{
	return load_rlx(&q->len) > INJECT_PILE;
}

static inline bool injectq_empty_seq(struct injectq *q)
{
	return load_seq(&q->len) == 0;                              /* Q4 */
}

#endif
