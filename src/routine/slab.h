/* routine/slab.h - big mappings that stacks are cut from, and their registry.
 *
 *     lo                 first                                          hi
 *     | bitmaps | guard stack 0 | guard stack 1 | ...                   |
 *                 <-- stride -->
 *
 * A slab belongs to one class of one pool.  Slots are cut in address order, so
 * stacks that are born together are neighbours and can be given back together.
 *
 * Slab descriptors live in a fixed table of the process, never freed: the
 * signal handler that asks "is this a guard of ours?" can walk it at any
 * moment, from any thread, with no lock.
 *
 * Ordering
 *   R1  live: store-release when the descriptor is filled / load-acquire by
 *       whoever walks the table.  A walker that sees LIVE sees lo .. guard.
 *   R2  live: CAS-acquire-release to claim a free entry; the last owner's
 *       store-release to free it comes first.
 */
#ifndef WEFT_ROUTINE_SLAB_H
#define WEFT_ROUTINE_SLAB_H

#include "base/base.h"
#include "base/atomic.h"
#include "routine/stack.h"

enum { SLAB_MAX = 4096, SLOTS_MAX = 16384 };

enum slab_live { SLAB_FREE, SLAB_CLAIMED, SLAB_LIVE };

struct slab {
	_Atomic uint32_t live;          /* enum slab_live                    */
	uint32_t slots;
	/* fixed while live */
	char *lo, *hi;
	char *first;                    /* the guard of slot 0               */
	size_t stride, size, guard;     /* bytes; guard 0: no guard pages    */
	struct stack_pool *pool;
	uint8_t cls;
	uint8_t tier;                   /* enum guard_tier                   */
	bool huge;                      /* on huge pages                     */
	/* under the depot's lock */
	struct slab *next;
	uint32_t cut;                   /* slots ever handed out: below it   */
	uint32_t cold_count;
	uint64_t *cold;                 /* bit: free and given back          */
	uint64_t *bare;                 /* bit: its guard could not be made  */
	/* the trimmer's */
	uint64_t *trim;                 /* bit: being given back             */
	uint32_t trim_count;
	struct slab *trim_next;
};

/* Map a slab of `slots` slots for class cls, fewer when address space is short;
 * NULL when there is none.  The caller adds it to the depot. */
struct slab *weft__slab_map(struct stack_pool *p, unsigned cls,
			    uint32_t slots);
void weft__slab_unmap(struct slab *s);

/* The live slab an address is in, or NULL.  Async-signal-safe. */
struct slab *weft__slab_find(const void *addr);

static inline char *slab_guard(const struct slab *s, uint32_t slot)
{
	return s->first + (size_t)slot * s->stride;
}

static inline char *slab_base(const struct slab *s, uint32_t slot)
{
	return slab_guard(s, slot) + (s->stride - s->size);
}

static inline struct stack *slab_stack(const struct slab *s, uint32_t slot)
{
	return (struct stack *)(void *)(slab_base(s, slot) + s->size) - 1;
}

static inline uint32_t slab_slot(const struct slab *s, const struct stack *k)
{
	return (uint32_t)((size_t)((const char *)k - s->first) / s->stride);
}

/* --- guard.c ---------------------------------------------------------------- */

/* The tier of a new slab whose first guard is at `probe`.  For mprotect takes
 * its share of the budget, and may lower *slots to what was left. */
enum guard_tier weft__guard_choose(struct stack_pool *p, unsigned cls,
				   char *probe, size_t guard, uint32_t *slots);

/* Give a share of the budget back. */
void weft__guard_release(enum guard_tier tier, uint32_t slots);

/* Make the guards of slots [from, from + n).  Those that cannot be made get
 * their bit in *bare (bit 0 = slot `from`, n <= 64). */
void weft__guard_make(struct slab *s, uint32_t from, uint32_t n,
		      uint64_t *bare);

/* --- marks (trim.c) ---------------------------------------------------------- */

/* Set the words that a deep routine destroys. */
void weft__marks_set(struct stack *s);
bool weft__marks_intact(const struct stack *s);

#endif
