/* sched/injectq.c - see injectq.h.
 *
 * An element is a routine or a block of pointers to up to half a ring of them;
 * the lowest bit of a link says which.  What a ring spills arrives as a block
 * and leaves as one, so that the records themselves, long out of the cache,
 * are not touched on the way.
 *
 * Blocks are cut from chunks that stay until the queue is finished: a bit more
 * than 8 bytes for each routine that ever waited here at once.
 */
#include "sched/injectq.h"
#include "os/os.h"

enum { CHUNK_BLOCKS = 62 };             /* with the header about 64 KB */

struct inject_chunk {
	struct inject_chunk *next;
	struct inject_block block[CHUNK_BLOCKS];
};

static struct routine *block_link(struct inject_block *b)
{
	return (struct routine *)((uintptr_t)b | 1);
}

/* NULL: the element is a routine. */
static struct inject_block *block_of(struct routine *e)
{
	return (uintptr_t)e & 1 ?
	       (struct inject_block *)((uintptr_t)e & ~(uintptr_t)1) : NULL;
}

static struct routine **link_of(struct routine *e)
{
	struct inject_block *b = block_of(e);

	return b ? &b->next : &e->next;
}

/* --- in ----------------------------------------------------------------------- */

static void append(struct injectq *q, struct routine *first,
		   struct routine *last, uint32_t n)
{
	*link_of(last) = NULL;
	spin_lock(&q->lock);
	if (q->tail)
		*link_of(q->tail) = first;
	else
		q->head = first;
	q->tail = last;
	store_seq(&q->len, load_rlx(&q->len) + n);                  /* Q4 */
	spin_unlock(&q->lock);
}

void weft__injectq_push(struct injectq *q, struct routine *first,
			struct routine *last, uint32_t n)
{
	append(q, first, last, n);
}

void weft__injectq_push_block(struct injectq *q, struct inject_block *b,
			      uint32_t n)
{
	b->first = 0;
	b->end = n;
	append(q, block_link(b), block_link(b), n);
}

/* --- blocks ------------------------------------------------------------------- */

static struct inject_block *spare_locked(struct injectq *q)
{
	struct inject_block *b = q->spare;

	if (b)
		q->spare = block_of(b->next);
	return b;
}

static void recycle_locked(struct injectq *q, struct inject_block *b)
{
	b->next = q->spare ? block_link(q->spare) : NULL;
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

/* The first element is used up. */
static void advance_locked(struct injectq *q)
{
	struct inject_block *b = block_of(q->head);

	q->head = *link_of(q->head);
	if (!q->head)
		q->tail = NULL;
	if (b)
		recycle_locked(q, b);
}

static struct routine *first_locked(struct injectq *q)
{
	struct routine *r = q->head;
	struct inject_block *b = block_of(r);

	if (b) {
		r = b->slot[b->first++];
		if (b->first < b->end)
			return r;
	}
	advance_locked(q);
	return r;
}

/* Move at most `more` of the first element; returns how many it could. */
static uint32_t move_locked(struct injectq *q, struct runq *into, uint32_t more)
{
	struct routine *r = q->head;
	struct inject_block *b = block_of(r);
	uint32_t n;

	if (!b) {
		/* A thief may run r as soon as it is in the ring. */
		if (runq_room(into) == 0)
			return 0;
		advance_locked(q);
		return runq_push_some(into, &r, 1);
	}
	n = b->end - b->first;
	n = runq_push_some(into, &b->slot[b->first], n < more ? n : more);
	b->first += n;
	if (b->first == b->end)
		advance_locked(q);
	return n;
}

struct routine *weft__injectq_take(struct injectq *q, struct runq *into,
				   uint32_t more)
{
	struct routine *first = NULL;
	uint32_t left, n;

	if (injectq_empty(q))
		return NULL;
	spin_lock(&q->lock);
	if (q->head) {
		left = load_rlx(&q->len) - 1;
		first = first_locked(q);
		while (more && q->head && (n = move_locked(q, into, more))) {
			more -= n;
			left -= n;
		}
		store_rel(&q->len, left); /* Q4: what moved is in the ring */
	}
	spin_unlock(&q->lock);
	return first;
}
