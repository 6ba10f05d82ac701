/* routine/trim.c - giving the memory of free stacks back, while idle.
 *
 * A stack that was put back stays as it is: the next routine wants it warm.
 * Batches in the depot carry the tick at which they came.  When one is two
 * ticks old
 *   - and there are enough younger ones, it is made cold: all its pages go
 *     back, neighbours with one call, and it becomes bits in its slabs;
 *   - else it is kept, but those of its stacks whose marks are gone, which
 *     therefore once were deep, lose all pages but the top one.  The marks are
 *     set again, so looking twice costs nothing.
 *
 * Steps for cold ones, one trimmer per pool at a time:
 *   1. lock: unlink the batches from the old end; they are ours
 *   2. set a bit for each in slab->trim; where several stacks share a page,
 *      lock and claim the cold ones of that page too, or it would stay
 *   3. discard the runs of bits
 *   4. lock: the bits become slab->cold, where refills find them
 *
 * Ordering
 *   T1  trimming: exchange-acquire to begin, store-release to end.  The next
 *       trimmer sees slab->trim all zero.
 */
#include "base/base.h"
#include "os/os.h"
#include "routine/slab.h"

enum { MARKS = 4, KEEP_BATCHES = 4, RUNS = 64 };

static const uint16_t mark_at[MARKS] = { 0, 4, 12, 28 };
#define MARK UINT64_C(0x7765667473746b21)

/* --- marks ----------------------------------------------------------------- */

/* The low end of the top page; NULL when that page is all there is. */
static uint64_t *marks(const struct stack *s)
{
	size_t page = weft__os_page();

	if (s->size <= page)
		return NULL;
	return (uint64_t *)(void *)(s->base + s->size - page);
}

WEFT_NO_SANITIZE
void weft__marks_set(struct stack *s)
{
	uint64_t *m = marks(s);

	if (!m || WEFT_ON_VALGRIND())
		return;
	for (int i = 0; i < MARKS; i++)
		m[mark_at[i]] = MARK;
}

WEFT_NO_SANITIZE
bool weft__marks_intact(const struct stack *s)
{
	const uint64_t *m = marks(s);

	if (!m || WEFT_ON_VALGRIND())
		return false;
	for (int i = 0; i < MARKS; i++)
		if (m[mark_at[i]] != MARK)
			return false;
	return true;
}

/* --- kept ones: only the deep part ------------------------------------------ */

static void trim_deep(struct stack *batch)
{
	size_t page = weft__os_page();

	for (struct stack *s = batch; s; s = s->next) {
		if (s->size <= page || weft__marks_intact(s))
			continue;
		weft__os_discard(s->base, s->size - page);
		weft__marks_set(s);
	}
}

/* --- cold ones ----------------------------------------------------------------- */

struct gathered {
	struct iovec run[RUNS];
	size_t n;
};

static void flush_runs(struct gathered *g)
{
	weft__os_discard_many(g->run, g->n);
	g->n = 0;
}

/* Slots [from, to) of s: whole pages only. */
static void add_run(struct gathered *g, struct slab *s, uint32_t from,
		    uint32_t to)
{
	uintptr_t page = weft__os_page();
	uintptr_t lo = (uintptr_t)slab_base(s, from);
	uintptr_t hi = (uintptr_t)(slab_base(s, to - 1) + s->size);

	lo = (lo + page - 1) & ~(page - 1);
	hi &= ~(page - 1);
	if (lo >= hi)
		return;
	g->run[g->n++] = (struct iovec){ (void *)lo, hi - lo };
	if (g->n == RUNS)
		flush_runs(g);
}

static void discard_slab(struct gathered *g, struct slab *s)
{
	uint32_t start = 0, words = (s->cut + 63) / 64;
	bool in_run = false;

	for (uint32_t w = 0; w < words; w++) {
		uint64_t bits = s->trim[w];

		if (bits == (in_run ? ~UINT64_C(0) : 0))
			continue;
		for (uint32_t b = 0; b < 64; b++) {
			bool set = bits >> b & 1;

			if (set == in_run)
				continue;
			if (set)
				start = w * 64 + b;
			else
				add_run(g, s, start, w * 64 + b);
			in_run = set;
		}
	}
	if (in_run)
		add_run(g, s, start, words * 64 < s->slots ?
			words * 64 : s->slots);
}

/* Where several stacks share a page, a cold neighbour's page could not go
 * when it did: claim it again. */
static void claim_mates(struct stack_depot *d, struct slab *s, uint32_t slot)
{
	uint32_t group = (uint32_t)(weft__os_page() / s->stride);
	uint64_t mask, mates;

	if (group < 2 || !s->cold_count)
		return;
	mask = (group >= 64 ? 0 : UINT64_C(1) << group) - 1;
	mates = s->cold[slot / 64] & mask << slot % 64 / group * group;
	s->cold[slot / 64] &= ~mates;
	s->trim[slot / 64] |= mates;
	mates = (uint64_t)__builtin_popcountll(mates);
	s->cold_count -= (uint32_t)mates;
	s->trim_count += (uint32_t)mates;
	d->cold -= mates;
}

/* Step 2; the slabs concerned are chained by trim_next. */
static struct slab *mark_trim(struct stack_depot *d, struct stack *batch)
{
	struct slab *slabs = NULL;

	while (batch) {
		struct stack *next_batch = batch->older, *s, *next;

		for (s = batch; s; s = next) {
			struct slab *slab = s->slab;
			uint32_t slot = slab_slot(slab, s);

			next = s->next;
			if (WEFT_ON_VALGRIND())
				WEFT_VALGRIND_DEREGISTER(s->valgrind);
			if (!slab->trim_count++) {
				slab->trim_next = slabs;
				slabs = slab;
			}
			slab->trim[slot / 64] |= UINT64_C(1) << slot % 64;
			if (slab->stride >= weft__os_page())
				continue;
			spin_lock(&d->lock);
			claim_mates(d, slab, slot);
			spin_unlock(&d->lock);
		}
		batch = next_batch;
	}
	return slabs;
}

/* Step 4. */
static void publish_cold(struct stack_depot *d, struct slab *s)
{
	spin_lock(&d->lock);
	for (uint32_t w = 0; w < (s->cut + 63) / 64; w++)
		s->cold[w] |= s->trim[w];
	s->cold_count += s->trim_count;
	d->cold += s->trim_count;
	spin_unlock(&d->lock);
	memset(s->trim, 0, (s->slots + 63) / 64 * sizeof *s->trim);
	s->trim_count = 0;
}

static void make_cold(struct stack_depot *d, struct stack *batches)
{
	struct gathered g;
	struct slab *s = mark_trim(d, batches), *first = s, *next;

	g.n = 0;
	for (; s; s = s->trim_next)
		discard_slab(&g, s);
	flush_runs(&g);
	for (s = first; s; s = next) {
		next = s->trim_next;
		publish_cold(d, s);
	}
}

/* --- choosing --------------------------------------------------------------------- */

static void unlink_locked(struct stack_depot *d, struct stack *b)
{
	if (b->newer)
		b->newer->older = b->older;
	else
		d->newest = b->older;
	if (b->older)
		b->older->newer = b->newer;
	else
		d->oldest = b->newer;
	sub_rlx(&d->hot, b->count);
}

/* Stamp 0 is an old batch that was looked at. */
static bool is_old(const struct stack *b, uint32_t tick)
{
	return !b->stamp || tick - b->stamp >= 2;
}

/* Old batches beyond those to keep, up to max stacks, chained by `older`. */
static struct stack *take_surplus(struct stack_depot *d, uint32_t tick,
				  size_t max, size_t *count)
{
	struct stack *chain = NULL, *b;

	*count = 0;
	spin_lock(&d->lock);
	while ((b = d->oldest) && *count < max && is_old(b, tick) &&
	       load_rlx(&d->hot) > (size_t)KEEP_BATCHES * b->count) {
		unlink_locked(d, b);
		b->older = chain;
		chain = b;
		*count += b->count;
	}
	spin_unlock(&d->lock);
	return chain;
}

/* The kept ones that nobody looked at since they came. */
static void look_at_kept(struct stack_depot *d, uint32_t tick)
{
	struct stack *b;

	for (int i = 0; i < KEEP_BATCHES; i++) {
		spin_lock(&d->lock);
		for (b = d->oldest; b && !b->stamp; b = b->newer)
			;
		if (b && is_old(b, tick))
			unlink_locked(d, b);
		else
			b = NULL;
		spin_unlock(&d->lock);
		if (!b)
			return;
		trim_deep(b);
		b->stamp = 0;
		spin_lock(&d->lock);
		b->older = NULL;
		b->newer = d->oldest;
		if (d->oldest)
			d->oldest->older = b;
		else
			d->newest = b;
		d->oldest = b;
		add_rlx(&d->hot, b->count);
		spin_unlock(&d->lock);
	}
}

static size_t trim_depot(struct stack_depot *d, uint32_t tick, size_t max)
{
	struct stack *surplus;
	size_t n;

	if (!load_rlx(&d->hot))
		return 0;
	surplus = take_surplus(d, tick, max, &n);
	if (surplus)
		make_cold(d, surplus);
	else
		look_at_kept(d, tick);
	return n;
}

/* Is there anything that is not both kept and looked at? */
static bool has_work(struct stack_depot *d)
{
	bool work;

	if (!load_rlx(&d->hot))
		return false;
	spin_lock(&d->lock);
	work = d->newest && (d->newest->stamp || load_rlx(&d->hot) >
			     (size_t)KEEP_BATCHES * d->oldest->count);
	spin_unlock(&d->lock);
	return work;
}

size_t weft__stack_trim(struct stack_pool *p, int64_t now, size_t max_batch)
{
	bool work = false;
	size_t n = 0;

	if (!load_rlx(&p->pending))
		return 0;
	if (now - load_rlx(&p->ticked) < TRIM_TICK && !load_rlx(&p->more))
		return 0;
	if (xchg_acq(&p->trimming, 1))                              /* T1 */
		return 0;
	if (now - load_rlx(&p->ticked) >= TRIM_TICK) {
		store_rlx(&p->ticked, now);
		add_rlx(&p->tick, 1);
	}
	/* Before looking: a spill during the work sets it again. */
	store_rlx(&p->pending, 0);
	for (unsigned cls = 0; cls < STACK_CLASSES && n < max_batch; cls++)
		n += trim_depot(&p->depot[cls], load_rlx(&p->tick),
				max_batch - n);
	for (unsigned cls = 0; cls < STACK_CLASSES && !work; cls++)
		work = has_work(&p->depot[cls]);
	if (work)
		store_rlx(&p->pending, 1);
	store_rlx(&p->more, n >= max_batch);
	store_rel(&p->trimming, 0);                                 /* T1 */
	return n;
}

/* --- measuring ----------------------------------------------------------------------- */

/* Pages are looked at only where they are there: looking must not make them. */
WEFT_NO_SANITIZE
size_t weft__stack_used(const struct stack *s)
{
	size_t page = weft__os_page();
	const char *end = s->base + s->size;
	const char *p = (const char *)((uintptr_t)s->base & ~(page - 1));

	while (p < end && !weft__os_resident(p, page))
		p += page;
	p = p < s->base ? s->base : p;
	if (!WEFT_ON_VALGRIND())
		while (p + 8 <= end && !*(const volatile uint64_t *)(const void *)p)
			p += 8;
	return (size_t)(end - p);
}
