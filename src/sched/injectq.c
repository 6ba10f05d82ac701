/* sched/injectq.c - see injectq.h.
 *
 * What a ring spills arrives as a block of pointers to up to half a ring of
 * routines and leaves as one, so that the records themselves, long out of the
 * cache, are not touched on the way.
 *
 * Blocks are cut from chunks that stay until the queue is finished: a bit more
 * than 8 bytes for each routine that ever waited here at once.
 */
#include "sched/injectq.h"
#include "os/os.h"
#include "os/thread.h"

enum { CHUNK_BLOCKS = 62 };             /* with the header about 64 KB */

struct inject_chunk {
	struct inject_chunk *next;
	struct inject_block block[CHUNK_BLOCKS];
};

static void grow_locked(struct injectq *q, uint32_t n)
{
	store_seq(&q->len, load_rlx(&q->len) + n);                  /* Q4 */
}

/* --- in ----------------------------------------------------------------------- */

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
	grow_locked(q, n);
	spin_unlock(&q->lock);
}

void weft__injectq_push_block(struct injectq *q, struct inject_block *b,
			      uint32_t n)
{
	b->first = 0;
	b->end = n;
	b->newer = NULL;
	b->due = weft__os_now() + INJECT_AGE;
	spin_lock(&q->lock);
	b->older = q->newest;
	if (q->newest)
		q->newest->newer = b;
	else
		q->oldest = b;
	q->newest = b;
	grow_locked(q, n);
	spin_unlock(&q->lock);
}

/* --- blocks ------------------------------------------------------------------- */

static struct inject_block *spare_locked(struct injectq *q)
{
	struct inject_block *b = q->spare;

	if (b)
		q->spare = b->older;
	return b;
}

static void recycle_locked(struct injectq *q, struct inject_block *b)
{
	b->older = q->spare;
	q->spare = b;
}

struct inject_block *weft__injectq_block(struct injectq *q)
{
	struct inject_block *b;
	struct inject_chunk *c;

	spin_lock(&q->lock);
	b = spare_locked(q);
	spin_unlock(&q->lock);
	if (likely(b != NULL))
		return b;
	c = weft__os_map(sizeof *c);
	if (!c)
		return NULL;
	spin_lock(&q->lock);
	c->next = q->chunks;
	q->chunks = c;
	for (int i = CHUNK_BLOCKS; i-- > 1;)
		recycle_locked(q, &c->block[i]);
	spin_unlock(&q->lock);
	return &c->block[0];
}

void weft__injectq_block_back(struct injectq *q, struct inject_block *b)
{
	spin_lock(&q->lock);
	recycle_locked(q, b);
	spin_unlock(&q->lock);
}

void weft__injectq_fini(struct injectq *q)
{
	struct inject_chunk *c, *next;

	for (c = q->chunks; c; c = next) {
		next = c->next;
		weft__os_unmap(c, sizeof *c);
	}
	q->chunks = NULL;
	q->spare = NULL;
}

/* --- out ---------------------------------------------------------------------- */

static struct routine *single_locked(struct injectq *q)
{
	struct routine *r = q->head;

	q->head = r->next;
	if (!q->head)
		q->tail = NULL;
	return r;
}

/* Move at most `most` singles; returns how many it could. */
static uint32_t move_singles_locked(struct injectq *q, struct runq *into,
				    uint32_t most)
{
	uint32_t n = 0;

	/* A thief may run one as soon as it is in the ring: unlink it before. */
	while (n < most && q->head && runq_room(into)) {
		struct routine *r = single_locked(q);

		n += runq_push_some(into, &r, 1);
	}
	return n;
}

/* Take the first of a block, and move at most *more others; *more becomes how
 * many.  A block that is used up leaves. */
static struct routine *open_locked(struct injectq *q, struct inject_block *b,
				   struct runq *into, uint32_t *more)
{
	struct routine *r = b->slot[b->first++];
	uint32_t n = b->end - b->first;

	n = n < *more ? n : *more;
	*more = n ? runq_push_some(into, &b->slot[b->first], n) : 0;
	b->first += *more;
	if (b->first == b->end) {
		*(b->newer ? &b->newer->older : &q->newest) = b->older;
		*(b->older ? &b->older->newer : &q->oldest) = b->newer;
		recycle_locked(q, b);
	}
	return r;
}

/* Q4: what left is the caller's, or in its ring. */
static void shrink_locked(struct injectq *q, uint32_t n)
{
	store_rel(&q->len, load_rlx(&q->len) - n);                  /* Q4 */
}

struct routine *weft__injectq_take(struct injectq *q, struct runq *into,
				   uint32_t more)
{
	struct routine *first = NULL;

	if (injectq_empty(q))
		return NULL;
	spin_lock(&q->lock);
	if (q->head) {
		first = single_locked(q);
		more = more ? move_singles_locked(q, into, more) : 0;
	} else if (q->newest) {
		first = open_locked(q, q->newest, into, &more);
	}
	if (first)
		shrink_locked(q, 1 + more);
	spin_unlock(&q->lock);
	return first;
}

struct routine *weft__injectq_look(struct injectq *q)
{
	struct routine *r = NULL;
	uint32_t more = 0;

	if (injectq_empty(q))
		return NULL;
	spin_lock(&q->lock);
	if (q->oldest && (q->turn || !q->head) &&
	    q->oldest->due <= weft__os_now())
		r = open_locked(q, q->oldest, NULL, &more);
	else if (q->head)
		r = single_locked(q);
	q->turn = !q->turn;
	if (r)
		shrink_locked(q, 1);
	spin_unlock(&q->lock);
	return r;
}
