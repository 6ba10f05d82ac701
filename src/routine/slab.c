/* routine/slab.c - mapping slabs and finding the one an address is in.
 *
 * Ordering: rules R1 and R2 of slab.h, and
 *   R3  used: the table is walked up to it; acquire-release raised before an
 *       entry can become live.
 */
#include "base/base.h"
#include "os/os.h"
#include "routine/slab.h"

static struct slab table[SLAB_MAX];
static _Atomic uint32_t used;           /* entries ever claimed: below it */

enum {
	HUGE_PAGE = 2 << 20,
	HUGE_FROM = 4 << 20,            /* smaller slabs would waste too much */
	GUARD_MAX = 64 << 10,
};

struct slab *weft__slab_find(const void *addr)
{
	const char *a = addr;
	uint32_t n = load_acq(&used);                               /* R3 */

	for (uint32_t i = 0; i < n; i++) {
		struct slab *s = &table[i];

		if (load_acq(&s->live) == SLAB_LIVE &&              /* R1 */
		    a >= s->lo && a < s->hi)
			return s;
	}
	return NULL;
}

static struct slab *claim(void)
{
	for (uint32_t i = 0; i < SLAB_MAX; i++) {
		struct slab *s = &table[i];
		uint32_t empty = SLAB_FREE, n = load_rlx(&used);

		if (load_rlx(&s->live) != SLAB_FREE ||
		    !cas_acqrel(&s->live, &empty, SLAB_CLAIMED))    /* R2 */
			continue;
		while (n <= i && !cas_acqrel(&used, &n, i + 1))     /* R3 */
			;
		return s;
	}
	return NULL;
}

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* Frames that jump over a page are likelier in larger stacks. */
static size_t guard_size(unsigned cls, size_t size)
{
	size_t page = weft__os_page(), g = size / 32;

	if (cls == STACK_SUBPAGE)
		return 0;
	g = g > GUARD_MAX ? GUARD_MAX : g;
	return round_up(g ? g : 1, page);
}

static size_t bitmap_bytes(uint32_t slots)
{
	return (slots + 63) / 64 * sizeof(uint64_t);
}

/* The bitmaps stand at the low end, before the first guard. */
static char *map(struct slab *s, uint32_t slots)
{
	size_t head = round_up(3 * bitmap_bytes(slots), weft__os_page());
	size_t len = head + round_up(slots * s->stride, weft__os_page());
	size_t align = s->cls == STACK_SUBPAGE && len >= HUGE_FROM ?
		       HUGE_PAGE : 1;

	if (slots > (SIZE_MAX / 2 - head) / s->stride)
		return NULL;
	s->lo = weft__os_map_aligned(len, align);
	if (!s->lo)
		return NULL;
	s->huge = align == HUGE_PAGE && !WEFT_ASAN;
	weft__os_huge(s->lo, len, s->huge);
	s->hi = s->lo + len;
	s->first = s->lo + head;
	s->slots = slots;
	return s->lo;
}

struct slab *weft__slab_map(struct stack_pool *p, unsigned cls,
			    uint32_t slots)
{
	struct slab *s = claim();

	if (!s)
		return NULL;
	s->cls = (uint8_t)cls;
	s->pool = p;
	s->size = weft__stack_class_size(cls);
	s->guard = guard_size(cls, s->size);
	s->stride = s->size + s->guard;
	while (!map(s, slots)) {
		if (slots == 1) {
			store_rel(&s->live, SLAB_FREE);             /* R2 */
			return NULL;
		}
		slots /= 2;
	}
	s->tier = (uint8_t)weft__guard_choose(p, cls, s->first, s->guard,
					      &s->slots);
	s->next = NULL;
	s->cut = s->cold_count = s->trim_count = 0;
	s->cold = (uint64_t *)(void *)s->lo;
	s->bare = s->cold + (s->slots + 63) / 64;
	s->trim = s->bare + (s->slots + 63) / 64;
	s->trim_next = NULL;
	add_rlx(&p->mapped, (size_t)(s->hi - s->lo));
	store_rel(&s->live, SLAB_LIVE);                             /* R1 */
	return s;
}

void weft__slab_unmap(struct slab *s)
{
	size_t len = (size_t)(s->hi - s->lo);

	store_rel(&s->live, SLAB_CLAIMED);                          /* R1 */
	weft__san_unpoison(s->lo, len);
	weft__os_unmap(s->lo, len);
	weft__guard_release((enum guard_tier)s->tier, s->slots);
	sub_rlx(&s->pool->mapped, len);
	store_rel(&s->live, SLAB_FREE);                             /* R2 */
}
