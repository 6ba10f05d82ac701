/* sched/runq.h - one worker's bounded queue of runnable routines.
 *
 * Place in the life of a routine:  spawn, wake -> [ runq ] -> worker -> switch
 *
 * A ring with one producer, the owning worker, and many consumers: the owner
 * and any thief.  The owner pushes at tail; everybody takes at head.
 *
 * Invariants
 *   I1  tail - head <= RUNQ_CAP, as unsigned arithmetic, wrap included.
 *   I2  only the owner writes tail.  head only ever grows, by CAS: its lower
 *       half is the index of the oldest, its upper half grows whenever the
 *       owner takes the newest back, so that a thief that has read an older
 *       tail fails.
 *   I3  a routine in the ring is NEW or RUNNABLE and in no other queue.
 *
 * Ordering
 *   Q1  tail: store-release or -seq in push / load-acquire or -seq in take.
 *       A thief that sees the new tail sees the slot and the routine.
 *   Q2  head: CAS-acquire-release in take / load-acquire in push, take.
 *       The owner that sees the new head may overwrite the slot; a thief
 *       that sees it reads a tail no older.
 *   Q5  the newest: tail goes down (store-relaxed), then head's upper half up
 *       (CAS-acquire-release) / a thief loads head, then tail, then CAS head.
 *       A thief whose CAS comes after ours saw the lower tail, by Q2.
 *   Q3  tail: store-seq in push when others may have to be woken / load-seq
 *       in the last look of a worker that goes idle: see sched/idle.h, D1.
 *
 * After the local queue of Go 1.1's scheduler (Vyukov, "Scalable Go
 * Scheduler Design Doc", 2012).
 */
#ifndef WEFT_SCHED_RUNQ_H
#define WEFT_SCHED_RUNQ_H

#include "base/base.h"
#include "base/atomic.h"
#include "routine/routine.h"

enum { RUNQ_CAP = WEFT_SHRINK(256, 4), RUNQ_SPILL = RUNQ_CAP / 2 };

struct runq {
	CACHE_ALIGNED _Atomic uint64_t head;       /* any worker, by CAS     */
	_Atomic uint32_t tail;                     /* owner writes, all read */
	_Atomic(struct routine *) slot[RUNQ_CAP];  /* owner fills, one taker */
};

/* Owner: append r.  False: full, r is still the caller's.  Others may be
 * asleep: the caller wakes one after it (idle.h). */
static ALWAYS_INLINE bool runq_push(struct runq *q, struct routine *r)
{
	uint32_t tail = load_rlx(&q->tail);
	uint32_t head = (uint32_t)load_acq(&q->head);               /* Q2 */

	if (unlikely(tail - head >= RUNQ_CAP))
		return false;
	store_rlx(&q->slot[tail % RUNQ_CAP], r);
	store_seq(&q->tail, tail + 1);                              /* Q1 Q3 */
	return true;
}

/* The same, when nobody needs to be woken for it: a yield. */
static ALWAYS_INLINE bool runq_push_quiet(struct runq *q, struct routine *r)
{
	uint32_t tail = load_rlx(&q->tail);
	uint32_t head = (uint32_t)load_acq(&q->head);               /* Q2 */

	if (unlikely(tail - head >= RUNQ_CAP))
		return false;
	store_rlx(&q->slot[tail % RUNQ_CAP], r);
	store_rel(&q->tail, tail + 1);                              /* Q1 */
	return true;
}

/* Owner: how many more fit. */
static ALWAYS_INLINE uint32_t runq_room(struct runq *q)
{
	uint32_t head = (uint32_t)load_acq(&q->head);               /* Q2 */

	return RUNQ_CAP - (load_rlx(&q->tail) - head);
}

/* Owner: append up to n of r[], as many as fit; returns that number. */
static inline uint32_t runq_push_some(struct runq *q, struct routine **r,
				      uint32_t n)
{
	uint32_t tail = load_rlx(&q->tail);
	uint32_t room = runq_room(q);

	if (n > room)
		n = room;
	for (uint32_t i = 0; i < n; i++)
		store_rlx(&q->slot[(tail + i) % RUNQ_CAP], r[i]);
	store_rel(&q->tail, tail + n);                              /* Q1 */
	return n;
}

/* The index n further on; a carry into the upper half does no harm (I2). */
static ALWAYS_INLINE uint64_t runq_head_add(uint64_t head, uint32_t n)
{
	return head + n;
}

/* Owner: the oldest routine, or NULL. */
static ALWAYS_INLINE struct routine *runq_take(struct runq *q)
{
	uint64_t head = load_acq(&q->head);                         /* Q2 */

	while ((uint32_t)head != load_rlx(&q->tail)) {  /* ours: we write it */
		struct routine *r = load_rlx(&q->slot[head % RUNQ_CAP]);

		uint64_t to = runq_head_add(head, 1);

		if (likely(cas_acqrel(&q->head, &head, to))) {      /* Q2 */
			/* One that comes soon: a stale slot costs nothing. */
			struct routine *then =
				load_rlx(&q->slot[(head + 2) % RUNQ_CAP]);

			__builtin_prefetch(then);
			__builtin_prefetch((void *)((uintptr_t)then + 64));
			return r;
		}
	}
	return NULL;
}

#define TAKEN_BACK (UINT64_C(1) << 32)  /* one in head's upper half */

/* Owner: take r back, if it is the newest. */
static ALWAYS_INLINE bool runq_take_newest(struct runq *q, struct routine *r)
{
	uint32_t tail = load_rlx(&q->tail);     /* ours: we write it */
	uint64_t head = load_acq(&q->head);                         /* Q2 */

	if ((uint32_t)head == tail ||
	    load_rlx(&q->slot[(tail - 1) % RUNQ_CAP]) != r)
		return false;
	store_rlx(&q->tail, tail - 1);                              /* Q5 */
	if (likely(cas_acqrel(&q->head, &head, head + TAKEN_BACK))) /* Q5 */
		return true;
	store_rel(&q->tail, tail);      /* Q1: a thief was here, never mind */
	return false;
}

/* Anybody: does it look empty?  A worker's last look before it sleeps. */
static inline bool runq_empty_seq(struct runq *q)
{
	uint32_t head = (uint32_t)load_seq(&q->head);               /* Q2 */

	return head == load_seq(&q->tail);                          /* Q3 */
}

static inline uint32_t runq_len(struct runq *q)
{
	uint32_t head = (uint32_t)load_acq(&q->head);               /* Q2 */

	return load_acq(&q->tail) - head;                           /* Q1 */
}

/* Owner: take the oldest half, at most RUNQ_SPILL, out of the ring and into
 * to[]; returns how many, oldest first. */
uint32_t weft__runq_spill(struct runq *q, struct routine **to);

/* Owner of `to`, whose ring is empty: move half of `from` into it, except one
 * that is returned to be run now.  NULL: nothing to take. */
struct routine *weft__runq_steal(struct runq *to, struct runq *from);

/* Anybody: the oldest only, or NULL. */
struct routine *weft__runq_steal_one(struct runq *from);

#endif
