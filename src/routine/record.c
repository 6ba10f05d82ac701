/* routine/record.c - where routine records come from and stale ids end.
 *
 * Place in the life of a routine:  [ record ] -> spawn ... end -> [ record ]
 *
 * Records live in chunks that are mapped once and never unmapped: a pointer
 * made from any id is safe to read for ever.  The pool is the process's, not a
 * runtime's, because ids are unique across runtimes.
 *
 * Free records sit in private caches (a worker's, no lock) over a depot of
 * whole batches (one short lock per RECORD_BATCH spawns).
 *
 * Invariants
 *   R1  a record is in exactly one place: in use, in one cache, in the depot.
 *   R2  its generation grows each time it is retired, before it becomes free;
 *       it starts at 1, so no id is 0.
 *   R3  chunk[i] is written once, before any id inside it is given out.
 *
 * Ordering
 *   C1  chunk: store-release when made / load-acquire in find.  Who sees the
 *       pointer sees the records' generation and index.
 *   H1  handle: as routine.h says.
 *
 * Lock rank: leaf.  Idea of the versioned, never-freed pool: brpc's
 * ResourcePool and bthread ids.
 */
#include "base/base.h"
#include "routine/routine.h"
#include "base/fork.h"
#include "base/spinlock.h"
#include "arch/arch.h"
#include "os/os.h"
#include "os/thread.h"
#include "routine/sanitize.h"

enum {
	CHUNK_RECORDS = 8192,           /* 1 MB */
	CHUNK_MAX = 16384,              /* 134 million records */
};

static struct {
	struct spinlock lock;
	struct routine *batch;          /* lock: batches linked by ->wait   */
	uint32_t made;                  /* lock: records cut from chunks    */
	_Atomic(struct routine *) chunk[CHUNK_MAX];     /* C1 */
} depot;

/* A free batch is a chain by ->next; its head links the next batch through its
 * (unused) wait field and counts its records in status. */
static struct routine *batch_next(struct routine *b)
{
	return (struct routine *)(void *)b->wait;
}

static struct routine *chunk_make(uint32_t n)
{
	struct routine *c;

	if (n >= CHUNK_MAX)
		return NULL;
	c = weft__os_map(CHUNK_RECORDS * sizeof *c);
	if (!c)
		return NULL;
	store_rel(&depot.chunk[n], c);                              /* C1 */
	return c;
}

/* Cut the next batch of never-used records.  Lock held. */
static struct routine *batch_cut_locked(void)
{
	uint32_t first = depot.made;
	struct routine *c, *r;

	if (first / CHUNK_RECORDS >= CHUNK_MAX)
		return NULL;
	c = load_rlx(&depot.chunk[first / CHUNK_RECORDS]);
	if (!c) {
		c = chunk_make(first / CHUNK_RECORDS);
		if (!c)
			return NULL;
	}
	r = &c[first % CHUNK_RECORDS];
	for (uint32_t i = 0; i < RECORD_BATCH; i++) {
		r[i].index = first + i;
		r[i].next = i + 1 < RECORD_BATCH ? &r[i + 1] : NULL;
		store_rlx(&r[i].handle, UINT64_C(1) << 32);         /* R2 */
	}
	r->word[0] = RECORD_BATCH;
	depot.made = first + RECORD_BATCH;
	return r;
}

bool weft__record_refill(struct record_cache *c)
{
	struct routine *b = c->full;

	if (b) {
		c->full = NULL;
		c->free = b;
		c->count = RECORD_BATCH;
		return true;
	}
	spin_lock(&depot.lock);
	b = depot.batch;
	if (b)
		depot.batch = batch_next(b);
	else
		b = batch_cut_locked();
	spin_unlock(&depot.lock);
	if (!b)
		return false;
	c->free = b;
	c->count = (unsigned)b->word[0];
	return true;
}

static void batch_give(struct routine *b, unsigned count)
{
	b->word[0] = count;
	spin_lock(&depot.lock);
	b->wait = (struct wait *)(void *)depot.batch;
	depot.batch = b;
	spin_unlock(&depot.lock);
}

void weft__record_spill(struct record_cache *c)
{
	if (c->full)
		batch_give(c->full, RECORD_BATCH);
	c->full = c->free;
	c->free = NULL;
	c->count = 0;
}

void weft__record_flush(struct record_cache *c)
{
	if (c->full)
		batch_give(c->full, RECORD_BATCH);
	if (c->free)
		batch_give(c->free, c->count);
	c->full = c->free = NULL;
	c->count = 0;
}

struct routine *weft__record_at(uint32_t index)
{
	struct routine *c;

	if (index / CHUNK_RECORDS >= CHUNK_MAX)
		return NULL;
	c = load_acq(&depot.chunk[index / CHUNK_RECORDS]);          /* C1 */
	return c ? &c[index % CHUNK_RECORDS] : NULL;
}

struct routine *weft__record_find(uint64_t id)
{
	return id >> 32 ? weft__record_at((uint32_t)id) : NULL;
}

bool weft__handle_lock(struct routine *r, uint64_t id)
{
	uint64_t h = load_rlx(&r->handle);

	for (unsigned spins = 0;; spins++) {
		if (h >> 32 != id >> 32 || !(h & HANDLE_LIVE))
			return false;
		if (!(h & HANDLE_LOCKED)) {
			if (cas_acq(&r->handle, &h, h | HANDLE_LOCKED)) /* H1 */
				return true;
			continue;
		}
		if (spins > 64)
			weft__os_yield();
		else
			weft__arch_pause();
		h = load_rlx(&r->handle);
	}
}

void weft__handle_lock_own(struct routine *r)
{
	bool live = weft__handle_lock(r, routine_id(r));

	WEFT_ASSERT(live);
	(void)live;
}

void weft__record_roots(void)
{
	struct routine *c;

	for (unsigned i = 0; i < CHUNK_MAX; i++) {
		c = load_acq(&depot.chunk[i]);                      /* C1 */
		if (!c)
			break;
		weft__san_root(c, CHUNK_RECORDS * sizeof *c);
	}
}

/* --- fork ----------------------------------------------------------------- */

static void depot_hold(void)
{
	spin_lock(&depot.lock);
}

static void depot_release(void)
{
	spin_unlock(&depot.lock);
}

FORK_HOOK(FORK_RECORDS, depot_hold, depot_release, NULL)
