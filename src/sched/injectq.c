/* sched/injectq.c - see injectq.h. */
#include "sched/injectq.h"

void weft__injectq_push(struct injectq *q, struct routine *first,
			struct routine *last, uint32_t n)
{
	last->next = NULL;
	spin_lock(&q->lock);
	if (q->tail)
		q->tail->next = first;
	else
		q->head = first;
	q->tail = last;
	store_seq(&q->len, load_rlx(&q->len) + n);                  /* Q4 */
	spin_unlock(&q->lock);
}

void weft__injectq_push_front(struct injectq *q, struct routine *r)
{
	spin_lock(&q->lock);
	r->next = q->head;
	q->head = r;
	if (!q->tail)
		q->tail = r;
	store_seq(&q->len, load_rlx(&q->len) + 1);                  /* Q4 */
	spin_unlock(&q->lock);
}

struct routine *weft__injectq_take(struct injectq *q, struct runq *into,
				   uint32_t more)
{
	struct routine *r, *first;
	uint32_t left;

	if (injectq_empty(q))
		return NULL;
	spin_lock(&q->lock);
	first = q->head;
	if (!first) {
		spin_unlock(&q->lock);
		return NULL;
	}
	left = load_rlx(&q->len) - 1;
	r = first->next;
	while (r && more-- > 0) {
		struct routine *next = r->next; /* a thief may run r at once */

		if (!runq_push_quiet(into, r))
			break;
		r = next;
		left--;
	}
	q->head = r;
	if (!r)
		q->tail = NULL;
	store_rel(&q->len, left);       /* Q4: what moved is in the ring */
	spin_unlock(&q->lock);
	return first;
}
