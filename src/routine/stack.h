/* routine/stack.h - the stacks that routines run on, and who holds them.
 *
 * Place in the life of a routine:  first run <- [ get ] ... [ put ] <- end
 *
 *     low                                                            high
 *     | guard | canary ...... untouched ...... marks | frames | colour | H |
 *             ^ base                           ^ the top page             ^
 *
 * H is struct stack itself, at the high end, in the page that is touched
 * anyway.  The first frame starts `colour` bytes below it, different from
 * stack to stack so that equal frames of many routines fall into different
 * cache sets.  "marks" are words that a shallow routine leaves alone: when
 * they are gone the stack has pages to give back (trim.c).
 *
 * A stack is always in exactly one place:
 *   a routine       its frames are live
 *   a rack          free, in one worker's cache, LIFO: no lock, no atomic
 *   the hot depot   free, in batches linked through H; the pool's lock
 *   cold            free and given back: one bit in its slab; H reads as zero
 *   never cut       beyond slab->cut; no guard yet
 *
 * Moving between rack and depot goes by half a rack, so the lock is taken once
 * in many calls.  No system call is ever made under it, nor on the way out of
 * a routine.
 *
 * Invariants
 *   K1  base + size == (char *)(H + 1); H is valid unless the stack is cold or
 *       was never cut.
 *   K2  only the holder of a stack touches its memory; the trimmer holds what
 *       it discards.
 *   K3  a guard, once made, stays until the pool is finished: trimming keeps
 *       it.
 *
 * Lock rank: a pool's locks are leaves; nothing is called under them.
 */
#ifndef WEFT_ROUTINE_STACK_H
#define WEFT_ROUTINE_STACK_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"
#include "routine/sanitize.h"

struct slab;
struct stack_pool;

/* Class 0 is the opt-in one below a page; class c >= 1 has 4096 << (c - 1)
 * bytes, four times as many under AddressSanitizer. */
enum {
	STACK_SUBPAGE = 0,
	STACK_4K = 1,
	STACK_DEFAULT = 5,              /* 64 KB */
	STACK_CLASSES = 20,             /* the last: 1 GB */
};

enum guard_tier { GUARD_AUTO, GUARD_MADVISE, GUARD_MPROTECT, GUARD_CANARY };

enum stack_flag {
	STACK_BARE = 1 << 0,            /* no guard page: look at the canary */
	STACK_THREAD = 1 << 1,          /* a thread's own, not pooled        */
	STACK_LIVE = 1 << 2,            /* between get and put; sanitizers   */
};

struct stack {
	char *base;                     /* lowest usable address             */
	uint32_t size;                  /* usable bytes, H included          */
	uint32_t top;                   /* first frame: base + top, coloured */
	uint8_t cls;
	uint8_t guard;                  /* enum guard_tier                   */
	uint8_t flags;                  /* enum stack_flag; holder           */
	uint8_t unused;
	uint32_t valgrind;              /* its stack id while H is valid     */
	struct slab *slab;              /* NULL: a thread's                  */
	struct stack *next;             /* hot depot: link in its batch      */
	/* first of a batch in the hot depot; under the pool's lock */
	struct stack *newer, *older;
	uint32_t count;                 /* stacks in the batch               */
	uint32_t stamp;                 /* pool's tick when it came          */
#if WEFT_SANITIZED
	struct stack_sanitizer san;
#endif
};
#if WEFT_SANITIZED
#include "routine/sanitize_inline.h"
#else
_Static_assert(sizeof(struct stack) == 64, "the header is one cache line");
#endif

/* --- the cache of one worker ---------------------------------------------- */

enum { RACK_SIZE = WEFT_SHRINK(64, 4) };

struct stack_rack {
	uint32_t count;
	uint32_t limit;                 /* 0: not yet used */
	struct stack *slot[RACK_SIZE];
};

/* All zero but the pool is a valid, empty cache.  Owner only. */
struct stack_cache {
	struct stack_pool *pool;
	struct stack_rack rack[STACK_CLASSES];
};

/* --- the pool: one per runtime -------------------------------------------- */

/* The free stacks of one class that no worker holds; under lock. */
struct stack_depot {
	CACHE_ALIGNED struct spinlock lock;
	struct stack *newest, *oldest;  /* hot: batches, LIFO                */
	_Atomic size_t hot;             /* stacks in them; others may peek   */
	size_t cold;                    /* bits set in the slabs             */
	struct slab *slabs;             /* all of this class, newest first   */
	struct slab *cold_hint;         /* where a cold one was found last   */
	uint32_t next_slots;            /* size of the next slab             */
};

struct stack_pool {
	enum guard_tier tier;           /* fixed at init: what is tried      */
	_Atomic size_t bare;            /* cut stacks that have no guard     */
	_Atomic size_t mapped;          /* bytes of address space            */
	_Atomic size_t cut;             /* stacks that were ever handed out  */
	/* the trimmer writes, others peek */
	_Atomic uint32_t tick;          /* age of batches; never 0           */
	_Atomic uint32_t trimming;      /* 1: somebody trims (T1)            */
	_Atomic uint32_t more;          /* it left work that can be done now */
	_Atomic uint32_t pending;       /* there is or will be work; spills
					 * set it, the trimmer clears it     */
	_Atomic int64_t ticked;         /* when tick moved                   */
	struct stack_depot depot[STACK_CLASSES];
};

/*
 * Make an empty pool.  `tier` is what the configuration asks for; one that
 * does not work here falls to the next, which weft__guard_tier tells.
 * Allocates nothing and cannot fail.
 */
void weft__stack_pool_init(struct stack_pool *p, enum guard_tier tier);

/*
 * Unmap every stack of the pool, in use or not.  All caches were flushed or
 * are forgotten; no routine of the runtime will run again.
 */
void weft__stack_pool_fini(struct stack_pool *p);

/* What protects the next stack of a page or more. */
enum guard_tier weft__guard_tier(struct stack_pool *p);
const char *weft__guard_tier_name(enum guard_tier tier);

/* Class for a wanted size: 0 = default, exactly WEFT_STACK_SUBPAGE (2048) =
 * subpage, else rounded up to 4 KB or more; -EINVAL when larger than the
 * largest. */
int weft__stack_class(size_t bytes);
size_t weft__stack_class_size(unsigned cls);

/* --- get and put ---------------------------------------------------------- */

void weft__stack_cache_init(struct stack_cache *c, struct stack_pool *p);

/* Give everything back to the pool: the worker stops or sleeps for long. */
void weft__stack_cache_flush(struct stack_cache *c);

/* Slow halves. */
struct stack *weft__stack_refill(struct stack_cache *c, unsigned cls);
void weft__stack_spill(struct stack_cache *c, struct stack *s);

/* The canary of a stack without guard: panics when it is gone, naming what
 * weft__panic_describe knows.  `sp` is where it stands now, or NULL. */
void weft__stack_check_slow(const struct stack *s, const void *sp);

static ALWAYS_INLINE void weft__stack_check(const struct stack *s,
					    const void *sp)
{
	if (unlikely(s->flags & STACK_BARE))
		weft__stack_check_slow(s, sp);
}

/* A free stack, NULL when there is no memory.  Never parks. */
static ALWAYS_INLINE struct stack *weft__stack_get(struct stack_cache *c,
						   unsigned cls)
{
	struct stack_rack *r = &c->rack[cls];
	struct stack *s;

	if (likely(r->count)) {
		s = r->slot[--r->count];
	} else {
		s = weft__stack_refill(c, cls);
		if (unlikely(!s))
			return NULL;
	}
	weft__san_stack_get(s);
	return s;
}

/* One of the cache's own, or NULL: no lock, no call. */
static ALWAYS_INLINE struct stack *weft__stack_at_hand(struct stack_cache *c,
						       unsigned cls)
{
	struct stack_rack *r = &c->rack[cls];
	struct stack *s;

	if (unlikely(!r->count))
		return NULL;
	s = r->slot[--r->count];
	weft__san_stack_get(s);
	return s;
}

/* Take back the stack that the caller itself runs on, if it can be done without
 * anybody else getting it before the caller has left it. */
static ALWAYS_INLINE bool weft__stack_put_own(struct stack_cache *c,
					      struct stack *s)
{
	struct stack_rack *r = &c->rack[s->cls];

	if (WEFT_SANITIZED || unlikely(s->flags & STACK_BARE ||
				       r->count >= r->limit))
		return false;
	r->slot[r->count++] = s;
	return true;
}

/* Take back a stack that nothing runs on any more.  Never fails, never parks,
 * makes no system call. */
static ALWAYS_INLINE void weft__stack_put(struct stack_cache *c,
					  struct stack *s)
{
	struct stack_rack *r = &c->rack[s->cls];

	weft__stack_check(s, NULL);
	weft__san_stack_put(s);
	if (likely(r->count < r->limit))
		r->slot[r->count++] = s;
	else
		weft__stack_spill(c, s);
}

/* Where the first frame starts: 16-aligned, below the header. */
static ALWAYS_INLINE void *weft__stack_top(const struct stack *s)
{
	return s->base + s->top;
}

/* Describe the calling thread's own stack, so that a switch from it has both
 * sides. */
void weft__stack_thread(struct stack *s);

/* --- giving memory back --------------------------------------------------- */

/*
 * Give pages of stacks that have been free for TRIM_TICK..2 * TRIM_TICK back
 * to the system, at most about max_batch stacks per call; the answer is how
 * many.  Call it from idle workers and the monitor, every 10 to 100 ms, again
 * at once while it returns max_batch or more.  `now` is monotonic ns.  Costs
 * a few ns when there is nothing to do.  Any thread; a second caller
 * returns 0.
 */
#define TRIM_TICK INT64_C(100000000)
size_t weft__stack_trim(struct stack_pool *p, int64_t now, size_t max_batch);

/* Will a later trim find something?  Whoever would sleep for ever and sees this
 * true sleeps TRIM_TICK instead and trims; false again about three ticks after
 * the last stack came back. */
static inline bool weft__stack_trim_wanted(struct stack_pool *p)
{
	return load_rlx(&p->pending);
}

/* Bytes of the stack that were ever used since its pages were fresh; asks
 * the kernel, so for reports only.  The stack must not be cold. */
size_t weft__stack_used(const struct stack *s);

#endif
