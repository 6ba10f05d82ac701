/* routine/guard.c - what stands below a stack.
 *
 * Three tiers, the best that works first:
 *   madvise   a guard inside the mapping: costs half a microsecond once, splits
 *             nothing, so a million of them fit any system
 *   mprotect  splits the mapping, so only as many as 40 % of the mappings that
 *             the process may have; two each
 *   canary    the lowest words of the stack, which are zero as long as nobody
 *             came there.  They are never written, so they cost no page; they
 *             are looked at when a routine parks or ends deep.
 *
 * A guard that cannot be made never fails a spawn: the stack goes on as "bare"
 * and is checked like a canary one.
 *
 * Ordering
 *   B1  budget: acquire-release add and subtract of an independent count.
 */
#include "base/base.h"
#include "os/os.h"
#include "routine/slab.h"

enum { CANARY_WORDS = 8, SP_MARGIN = 128 };

/* Guards made by mprotect in this process, for all runtimes. */
static _Atomic long forbidden;
static _Atomic long forbidden_max;      /* 0: not yet asked */

static const char *const tier_name[] = {
	[GUARD_AUTO] = "auto", [GUARD_MADVISE] = "madvise",
	[GUARD_MPROTECT] = "mprotect", [GUARD_CANARY] = "canary",
};

const char *weft__guard_tier_name(enum guard_tier tier)
{
	return tier_name[tier];
}

static long budget_max(void)
{
	long max = load_rlx(&forbidden_max);

	if (!max) {
		max = weft__os_map_limit() / 5;         /* 40 %, two each */
		max = max > 0 ? max : 1;
		store_rlx(&forbidden_max, max);
	}
	return max;
}

/* Up to `want` guards of the budget. */
static uint32_t budget_take(uint32_t want)
{
	long max = budget_max();
	long before = add_acqrel(&forbidden, (long)want);           /* B1 */
	long room = max - before;

	if (room >= (long)want)
		return want;
	room = room > 0 ? room : 0;
	sub_acqrel(&forbidden, (long)want - room);                  /* B1 */
	return (uint32_t)room;
}

void weft__guard_release(enum guard_tier tier, uint32_t slots)
{
	if (tier == GUARD_MPROTECT)
		sub_acqrel(&forbidden, (long)slots);                /* B1 */
}

enum guard_tier weft__guard_choose(struct stack_pool *p, unsigned cls,
				   char *probe, size_t guard, uint32_t *slots)
{
	uint32_t room;

	if (cls == STACK_SUBPAGE || p->tier == GUARD_CANARY)
		return GUARD_CANARY;
	/* Locked memory refuses guards, and only trying tells. */
	if (p->tier == GUARD_MADVISE && weft__os_guard(probe, guard) == 0)
		return GUARD_MADVISE;
	room = budget_take(*slots);
	if (!room)
		return GUARD_CANARY;
	*slots = room;
	return GUARD_MPROTECT;
}

enum guard_tier weft__guard_tier(struct stack_pool *p)
{
	if (p->tier == GUARD_MPROTECT && load_rlx(&forbidden) >= budget_max())
		return GUARD_CANARY;
	return p->tier;
}

void weft__guard_make(struct slab *s, uint32_t from, uint32_t n,
		      uint64_t *bare)
{
	struct iovec v[64];
	uint32_t done = 0;

	*bare = 0;
	if (s->tier == GUARD_CANARY) {
		*bare = ~UINT64_C(0);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		v[i] = (struct iovec){ slab_guard(s, from + i), s->guard };
	if (s->tier == GUARD_MADVISE && n)
		done = (uint32_t)weft__os_guard_many(v, n);
	for (; done < n; done++) {
		int rc = s->tier == GUARD_MADVISE ?
			 weft__os_guard(v[done].iov_base, s->guard) :
			 weft__os_forbid(v[done].iov_base, s->guard);

		if (rc < 0)
			*bare |= UINT64_C(1) << done;
	}
}

/* --- the canary ------------------------------------------------------------- */

WEFT_NO_SANITIZE
void weft__stack_check_slow(const struct stack *s, const void *sp)
{
	const volatile uint64_t *w = (const void *)s->base;

	if (sp && (const char *)sp < s->base + SP_MARGIN)
		goto gone;
	if (WEFT_ON_VALGRIND() || weft__marks_intact(s))
		return;
	for (int i = 0; i < CANARY_WORDS; i++)
		if (w[i])
			goto gone;
	return;
gone:
	weft__fatal("stack overflow: a routine ran below its stack of %u bytes"
		    " (no guard page here: tier canary); ask for a larger one:"
		    " weft_attr.stack_size = %zu or WEFT_STACK=%zu",
		    s->size - (uint32_t)sizeof *s, 2 * (size_t)s->size,
		    2 * (size_t)s->size);
}
