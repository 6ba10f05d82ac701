/* sched/runq.c - moving batches between rings: overflow and stealing.
 *
 * Invariants and orderings Q1, Q2: runq.h.
 */
#include "sched/runq.h"

uint32_t weft__runq_spill(struct runq *q, struct routine **to)
{
	uint64_t head = load_acq(&q->head), after;                  /* Q2 */
	uint32_t tail = load_rlx(&q->tail);     /* the owner wrote it */
	uint32_t half;

	do {
		half = (tail - (uint32_t)head) / 2;
		if (half == 0)
			return 0;       /* thieves made room */
		after = runq_head_add(head, half);
	} while (!cas_acqrel(&q->head, &head, after));              /* Q2 */

	/* Ours now, and so are the slots: only the owner writes them. */
	for (uint32_t i = 0; i < half; i++)
		to[i] = load_rlx(&q->slot[((uint32_t)head + i) % RUNQ_CAP]);
	return half;
}

struct routine *weft__runq_steal(struct runq *to, struct runq *from)
{
	uint32_t mine = load_rlx(&to->tail);    /* the owner wrote it */
	struct routine *first;
	uint64_t head, after;
	uint32_t half;

	do {
		uint32_t n;

		/* Anew each time: a CAS that failed has not acquired (Q5). */
		head = load_acq(&from->head);                       /* Q2 */
		n = load_acq(&from->tail) - (uint32_t)head;         /* Q1 */
		/* Head and tail of different moments: too much, or "-1"
		 * while the owner is about to find its newest taken. */
		if (n == 0 || n > RUNQ_CAP)
			return NULL;
		half = n - n / 2;
		first = load_rlx(&from->slot[head % RUNQ_CAP]);
		for (uint32_t i = 1; i < half; i++)
			store_rlx(&to->slot[(mine + i - 1) % RUNQ_CAP],
				  load_rlx(&from->slot[(head + i) % RUNQ_CAP]));
		after = runq_head_add(head, half);
	} while (!cas_acqrel(&from->head, &head, after));           /* Q2 */

	if (half > 1)
		store_seq(&to->tail, mine + half - 1);              /* Q1 */
	return first;
}

struct routine *weft__runq_steal_one(struct runq *from)
{
	struct routine *r;
	uint64_t head, after;

	do {
		uint32_t n;

		head = load_acq(&from->head);                       /* Q2 */
		n = load_acq(&from->tail) - (uint32_t)head;         /* Q1 */
		if (n == 0 || n > RUNQ_CAP)
			return NULL;    /* as above */
		r = load_rlx(&from->slot[head % RUNQ_CAP]);
		after = runq_head_add(head, 1);
	} while (!cas_acqrel(&from->head, &head, after));           /* Q2 */
	return r;
}
