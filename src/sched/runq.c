/* sched/runq.c - moving batches between rings: overflow and stealing.
 *
 * Invariants and orderings Q1, Q2: runq.h.
 */
#include "sched/runq.h"

struct routine *weft__runq_spill(struct runq *q, uint32_t *n,
				 struct routine **last)
{
	uint64_t head = load_acq(&q->head);                         /* Q2 */
	uint32_t tail = load_rlx(&q->tail);     /* the owner wrote it */
	struct routine *first, *r;
	uint32_t half;

	do {
		half = (tail - (uint32_t)head) / 2;
		if (half == 0)
			return NULL;    /* thieves made room */
	} while (!cas_acqrel(&q->head, &head,
			     runq_head_add(head, half)));           /* Q2 */

	/* Ours now, and so are the slots: only the owner writes them.  No copy
	 * on the stack, which may be a small routine's. */
	first = r = load_rlx(&q->slot[head % RUNQ_CAP]);
	for (uint32_t i = 1; i < half; i++) {
		r->next = load_rlx(&q->slot[(head + i) % RUNQ_CAP]);
		r = r->next;
	}
	r->next = NULL;
	*last = r;
	*n = half;
	return first;
}

struct routine *weft__runq_steal(struct runq *to, struct runq *from)
{
	uint32_t mine = load_rlx(&to->tail);    /* the owner wrote it */
	struct routine *first;
	uint64_t head;
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
	} while (!cas_acqrel(&from->head, &head,
			     runq_head_add(head, half)));           /* Q2 */

	if (half > 1)
		store_seq(&to->tail, mine + half - 1);              /* Q1 */
	return first;
}
