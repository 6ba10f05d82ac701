/* routine/stack.c - the depot: stacks between racks, and the making of new ones.
 *
 * Place in the life of a routine:  rack empty -> [ refill ] -> first run
 *                                  end -> rack full -> [ spill ]
 *
 * A refill takes the first of these that has any:
 *   hot    the newest batch: touched not long ago
 *   cold   given back before; guards are there, headers are written anew
 *   new    never cut: guards are made now, outside the lock
 * and only then maps another slab, twice as large as the last.
 */
#include "base/base.h"
#include "os/os.h"
#include "os/thread.h"
#include "routine/slab.h"

#include <weft/routine.h>

enum {
	FIRST_SLAB = 1 << 20,           /* bytes; then twice as much          */
	LAST_SLAB = 1 << 30,
	COLOUR = 64,
};

/* --- classes ---------------------------------------------------------------- */

size_t weft__stack_class_size(unsigned cls)
{
	if (cls == STACK_SUBPAGE)
		return (size_t)2048 * WEFT_STACK_FACTOR;
	return (size_t)4096 * WEFT_STACK_FACTOR << (cls - 1);
}

int weft__stack_class(size_t bytes)
{
	size_t page = weft__os_page() * WEFT_STACK_FACTOR;
	int cls = STACK_4K;

	if (!bytes)
		return STACK_DEFAULT;
	if (bytes == WEFT_STACK_SUBPAGE)
		return STACK_SUBPAGE;   /* opt-in: this size and no other */
	if (bytes > SIZE_MAX / WEFT_STACK_FACTOR)
		return -EINVAL;
	bytes *= WEFT_STACK_FACTOR;
	bytes = bytes < page ? page : bytes;
	while (weft__stack_class_size((unsigned)cls) < bytes)
		if (++cls == STACK_CLASSES)
			return -EINVAL;
	return cls;
}

/* --- pool and cache --------------------------------------------------------- */

void weft__stack_pool_init(struct stack_pool *p, enum guard_tier tier)
{
	memset(p, 0, sizeof *p);
	if (tier == GUARD_AUTO)
		tier = GUARD_MADVISE;
	if (tier == GUARD_MADVISE && !weft__os_guard_works())
		tier = GUARD_MPROTECT;
	p->tier = tier;
	store_rlx(&p->tick, 1);
}

/* The sanitizers hold on to stacks of routines that never ended. */
static void forget_live(struct slab *s)
{
	if (!WEFT_SANITIZED)
		return;
	for (uint32_t i = 0; i < s->cut; i++) {
		struct stack *k = slab_stack(s, i);

		if (k->flags & STACK_LIVE)
			weft__san_stack_put(k);
	}
}

static void forget_valgrind(struct slab *s)
{
	if (!WEFT_ON_VALGRIND())
		return;
	for (uint32_t i = 0; i < s->cut; i++)
		if (slab_stack(s, i)->base)
			WEFT_VALGRIND_DEREGISTER(slab_stack(s, i)->valgrind);
}

void weft__stack_pool_fini(struct stack_pool *p)
{
	for (unsigned cls = 0; cls < STACK_CLASSES; cls++) {
		struct slab *s = p->depot[cls].slabs, *next;

		for (; s; s = next) {
			next = s->next;
			forget_live(s);
			forget_valgrind(s);
			weft__slab_unmap(s);
		}
	}
	memset(p->depot, 0, sizeof p->depot);
}

void weft__stack_cache_init(struct stack_cache *c, struct stack_pool *p)
{
	memset(c, 0, sizeof *c);
	c->pool = p;
}

/* Large stacks are worth little time and much memory: keep few. */
static uint32_t rack_limit(unsigned cls)
{
	size_t size = weft__stack_class_size(cls) / WEFT_STACK_FACTOR;
	uint32_t n = size <= (64 << 10) ? RACK_SIZE : size <= (1 << 20) ? 8 : 2;

	return n < RACK_SIZE ? n : RACK_SIZE;
}

/* --- the hot depot ------------------------------------------------------------ */

/* Chain v[0..n) into a batch; n > 0. */
static struct stack *batch_link(struct stack **v, uint32_t n)
{
	for (uint32_t i = 0; i + 1 < n; i++)
		v[i]->next = v[i + 1];
	v[n - 1]->next = NULL;
	v[0]->count = n;
	return v[0];
}

static void batch_push(struct stack_pool *p, unsigned cls, struct stack *b)
{
	struct stack_depot *d = &p->depot[cls];

	b->newer = NULL;
	b->stamp = load_rlx(&p->tick);
	spin_lock(&d->lock);
	b->older = d->newest;
	if (d->newest)
		d->newest->newer = b;
	else
		d->oldest = b;
	d->newest = b;
	add_rlx(&d->hot, b->count);
	spin_unlock(&d->lock);
	if (!load_rlx(&p->pending))
		store_rlx(&p->pending, 1);
}

static struct stack *batch_pop_locked(struct stack_depot *d)
{
	struct stack *b = d->newest;

	if (!b)
		return NULL;
	d->newest = b->older;
	if (d->newest)
		d->newest->newer = NULL;
	else
		d->oldest = NULL;
	sub_rlx(&d->hot, b->count);
	return b;
}

/* --- cold and new ones --------------------------------------------------------- */

/* Up to 64 slots of one 64-slot word of a slab. */
struct cutting {
	struct slab *slab;
	uint32_t first;                 /* slot of bit 0, a multiple of 64 */
	uint64_t bits;                  /* which; 0: none                  */
	bool is_new;                    /* guards still to be made         */
};

static bool take_cold_locked(struct stack_depot *d, uint32_t want,
			     struct cutting *c)
{
	struct slab *s = d->cold_hint;
	uint32_t word = 0;

	if (!d->cold)
		return false;
	if (!s || !s->cold_count)
		for (s = d->slabs; !s->cold_count; s = s->next)
			;
	d->cold_hint = s;
	while (!s->cold[word])
		word++;
	c->slab = s;
	c->first = word * 64;
	c->is_new = false;
	c->bits = 0;
	for (uint64_t w = s->cold[word]; w && want; w &= w - 1, want--)
		c->bits |= w & -w;
	s->cold[word] &= ~c->bits;
	s->cold_count -= (uint32_t)__builtin_popcountll(c->bits);
	d->cold -= (size_t)__builtin_popcountll(c->bits);
	return true;
}

static bool take_new_locked(struct stack_depot *d, uint32_t want,
			    struct cutting *c)
{
	struct slab *s = d->slabs;
	uint32_t bit, n;

	/* Two refills that mapped at once leave a second unfinished slab. */
	while (s && s->cut == s->slots && s->next && s->next->cut < s->slots)
		s = s->next;
	if (!s || s->cut == s->slots)
		return false;
	bit = s->cut % 64;
	n = s->slots - s->cut;
	n = n < want ? n : want;
	n = n < 64 - bit ? n : 64 - bit;
	c->slab = s;
	c->first = s->cut - bit;
	c->bits = (n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << bit;
	c->is_new = true;
	s->cut += n;
	return true;
}

/* Write the header of a stack whose memory is cold or new. */
static struct stack *make(struct slab *s, uint32_t slot, bool bare)
{
	struct stack *k = slab_stack(s, slot);
	size_t page = weft__os_page();
	/* Below half a page, so that colour costs no second page. */
	size_t span = s->size / 16 < page / 2 ? s->size / 16 : page / 2;
	uint32_t colours = (uint32_t)(span / COLOUR);

	weft__san_unpoison(k, sizeof *k);
	WEFT_VALGRIND_OPEN(k, sizeof *k);
	memset(k, 0, sizeof *k);
	k->base = slab_base(s, slot);
	k->size = (uint32_t)s->size;
	k->cls = s->cls;
	k->slab = s;
	k->guard = bare ? GUARD_CANARY : s->tier;
	k->flags = bare ? STACK_BARE : 0;
	k->top = (uint32_t)(s->size - sizeof *k) & ~UINT32_C(63);
	if (s->cls != STACK_SUBPAGE && colours)
		k->top -= slot % colours * COLOUR;
	if (WEFT_ON_VALGRIND())
		k->valgrind = WEFT_VALGRIND_REGISTER(k->base,
						     k->base + k->size);
	weft__marks_set(k);
	return k;
}

static uint32_t make_all(struct stack_pool *p, struct cutting *c,
			 struct stack **out)
{
	struct slab *s = c->slab;
	struct stack_depot *d = &p->depot[s->cls];
	uint32_t from = (uint32_t)__builtin_ctzll(c->bits), n = 0;
	uint32_t count = (uint32_t)__builtin_popcountll(c->bits);
	uint64_t bare;

	if (c->is_new) {
		weft__guard_make(s, c->first + from, count, &bare);
		bare = bare << from & c->bits;
		add_rlx(&p->cut, count);
		if (bare) {
			spin_lock(&d->lock);
			s->bare[c->first / 64] |= bare;
			spin_unlock(&d->lock);
			add_rlx(&p->bare,
				(size_t)__builtin_popcountll(bare));
		}
	} else {
		spin_lock(&d->lock);
		bare = s->bare[c->first / 64];
		spin_unlock(&d->lock);
	}
	/* The lowest slot last, so it is the first to be handed out. */
	for (uint64_t w = c->bits; w; w &= w - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(w);

		out[count - ++n] = make(s, c->first + bit, bare >> bit & 1);
	}
	return count;
}

/* Map another slab; outside the lock.  Two at once leave two slabs. */
static bool grow(struct stack_pool *p, unsigned cls, uint32_t batch)
{
	struct stack_depot *d = &p->depot[cls];
	size_t size = weft__stack_class_size(cls);
	uint32_t most = (uint32_t)(LAST_SLAB / size), slots;
	struct slab *s;

	most = !most ? 1 : most > SLOTS_MAX ? SLOTS_MAX : most;
	spin_lock(&d->lock);
	slots = d->next_slots ? d->next_slots : (uint32_t)(FIRST_SLAB / size);
	spin_unlock(&d->lock);
	slots = slots < batch ? batch : slots;
	slots = slots > most ? most : slots;
	s = weft__slab_map(p, cls, slots);
	if (!s)
		return false;
	spin_lock(&d->lock);
	d->next_slots = 2 * s->slots;
	s->next = d->slabs;
	d->slabs = s;
	spin_unlock(&d->lock);
	return true;
}

/* --- refill and spill ------------------------------------------------------------ */

COLD struct stack *weft__stack_refill(struct stack_cache *c, unsigned cls)
{
	struct stack_pool *p = c->pool;
	struct stack_depot *d = &p->depot[cls];
	struct stack_rack *r = &c->rack[cls];
	struct cutting cut = { .bits = 0 };
	struct stack *b;
	uint32_t want;
	bool found;

	r->limit = rack_limit(cls);
	/* Valgrind makes each guard a call, and each call lets all the other
	 * threads run first: there, none is made ahead. */
	want = WEFT_ON_VALGRIND() ? 1 : r->limit / 2;
	do {
		spin_lock(&d->lock);
		b = batch_pop_locked(d);
		found = b || take_cold_locked(d, want, &cut) ||
			take_new_locked(d, want, &cut);
		spin_unlock(&d->lock);
	} while (!found && grow(p, cls, want));
	if (!found)
		return NULL;
	/* The batch's first went in last but one rack ago: coldest. */
	for (; b; b = b->next)
		r->slot[r->count++] = b;
	if (cut.bits)
		r->count = make_all(p, &cut, r->slot);
	return r->slot[--r->count];
}

/* The rack is full: its older half goes to the depot. */
COLD void weft__stack_spill(struct stack_cache *c, struct stack *s)
{
	struct stack_rack *r = &c->rack[s->cls];
	uint32_t n;

	if (!r->limit)
		r->limit = rack_limit(s->cls);
	if (r->count == r->limit) {
		n = r->limit / 2;
		batch_push(c->pool, s->cls, batch_link(r->slot, n));
		r->count -= n;
		memmove(r->slot, r->slot + n, r->count * sizeof *r->slot);
	}
	r->slot[r->count++] = s;
}

void weft__stack_cache_flush(struct stack_cache *c)
{
	for (unsigned cls = 0; cls < STACK_CLASSES; cls++) {
		struct stack_rack *r = &c->rack[cls];
		uint32_t half = r->count / 2, rest = r->count - half;

		/* A batch is never larger than half a rack. */
		if (half)
			batch_push(c->pool, cls, batch_link(r->slot, half));
		if (rest)
			batch_push(c->pool, cls,
				   batch_link(r->slot + half, rest));
		r->count = 0;
	}
}

/* --- a thread's own -------------------------------------------------------------- */

void weft__stack_thread(struct stack *s)
{
	void *base = NULL;
	size_t size = 0;

	memset(s, 0, sizeof *s);
	weft__os_thread_stack(&base, &size);
	s->base = base;
	s->size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	if (size > UINT32_MAX)
		s->base += size - UINT32_MAX;
	s->flags = STACK_THREAD;
}
