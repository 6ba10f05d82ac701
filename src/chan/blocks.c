/* chan/blocks.c - the slots of an unbounded channel: a list of blocks.
 *
 * rpos walks through the first block, wpos through the last.  A block that has
 * been read is kept as a spare and becomes the last one again later, so a
 * channel in a steady state allocates nothing.  A few spares are kept, the
 * rest goes back to the system.
 *
 * Invariants (under the channel's lock, chan.h)
 *   I1  first .. last are linked by next; both are NULL before the first send.
 *   I2  rend is the end of first, wend the end of last.
 *   I3  rpos == rend with values buffered: the value is in first->next.
 *
 * A block is allocated and freed without the lock: the sender that finds
 * neither room nor a spare unlocks, allocates, and looks again.
 */
#include "base/base.h"
#include "chan/chan.h"

#include <sys/param.h>

enum {
	BLOCK_BYTES = WEFT_SHRINK(1024, 16),
	SPARES_MAX = 8,
};

struct blocks {
	struct block *first, *last;
	struct block *spare;
	unsigned spares;
	size_t bytes;           /* of the slots of one block; fixed */
};

struct blocks *weft__blocks_new(size_t esize)
{
	struct blocks *b = calloc(1, sizeof *b);

	if (b && esize)
		b->bytes = MAX(BLOCK_BYTES / esize, 1) * esize;
	return b;
}

void weft__blocks_free(struct blocks *b)
{
	if (!b)
		return;
	weft__block_free(b->first);
	weft__block_free(b->spare);
	free(b);
}

struct block *weft__block_new(const struct weft_chan *c)
{
	size_t bytes = c->blocks->bytes;
	struct block *b;

	if (bytes > PTRDIFF_MAX - 2 * sizeof *b)
		return NULL;
	bytes = (bytes + sizeof *b + WEFT_CACHELINE - 1) &
		~(size_t)(WEFT_CACHELINE - 1);
	b = aligned_alloc(WEFT_CACHELINE, bytes);
	if (b)
		b->next = NULL;
	return b;
}

void weft__block_free(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

bool weft__blocks_write_next(struct weft_chan *c, struct block **fresh)
{
	struct blocks *all = c->blocks;
	struct block *b = all->spare;

	if (b) {
		all->spare = b->next;
		all->spares--;
	} else if (*fresh) {
		b = *fresh;
		*fresh = b->next;
	} else {
		return false;
	}
	b->next = NULL;
	c->wpos = b->slot;
	c->wend = b->slot + all->bytes;
	if (all->last) {
		all->last->next = b;
	} else {
		all->first = b;
		c->rpos = c->wpos;
		c->rend = c->wend;
	}
	all->last = b;
	return true;
}

void weft__blocks_read_next(struct weft_chan *c, struct block **dead)
{
	struct blocks *all = c->blocks;
	struct block *b = all->first;

	all->first = b->next;
	c->rpos = all->first->slot;
	c->rend = c->rpos + all->bytes;
	if (all->spares < SPARES_MAX) {
		b->next = all->spare;
		all->spare = b;
		all->spares++;
	} else {
		b->next = *dead;
		*dead = b;
	}
}
