/* sched/runq.c - moving batches between rings: overflow and stealing.
 *
 * Invariants and orderings Q1, Q2: runq.h.
 */
#include "sched/runq.h"

struct routine *weft__runq_spill(struct runq *q, uint32_t *n,
				 struct routine **last)
{
	uint32_t head = load_acq(&q->head);                         /* Q2 */
	uint32_t tail = load_rlx(&q->tail);     /* the owner wrote it */
	struct routine *batch[RUNQ_CAP / 2];
	uint32_t half;

	do {
		half = (tail - head) / 2;
		if (half == 0)
			return NULL;    /* thieves made room */
		for (uint32_t i = 0; i < half; i++)
			batch[i] = load_rlx(&q->slot[(head + i) % RUNQ_CAP]);
	} while (!cas_acqrel(&q->head, &head, head + half));        /* Q2 */

	for (uint32_t i = 0; i + 1 < half; i++)
		batch[i]->next = batch[i + 1];
	batch[half - 1]->next = NULL;
	*last = batch[half - 1];
	*n = half;
	return batch[0];
}

struct routine *weft__runq_steal(struct runq *to, struct runq *from)
{
	uint32_t mine = load_rlx(&to->tail);    /* the owner wrote it */
	uint32_t head = load_acq(&from->head);                      /* Q2 */
	struct routine *first;
	uint32_t half;

	do {
		uint32_t n = load_acq(&from->tail) - head;          /* Q1 */

		/* A torn pair (head older than tail) looks too long. */
		if (n > RUNQ_CAP)
			n = RUNQ_CAP;
		half = n - n / 2;
		if (half == 0)
			return NULL;
		if (half > RUNQ_CAP / 2)
			half = RUNQ_CAP / 2;
		first = load_rlx(&from->slot[head % RUNQ_CAP]);
		for (uint32_t i = 1; i < half; i++)
			store_rlx(&to->slot[(mine + i - 1) % RUNQ_CAP],
				  load_rlx(&from->slot[(head + i) % RUNQ_CAP]));
	} while (!cas_acqrel(&from->head, &head, head + half));     /* Q2 */

	if (half > 1)
		store_seq(&to->tail, mine + half - 1);              /* Q1 */
	return first;
}
