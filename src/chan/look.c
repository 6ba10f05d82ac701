/* chan/look.c - looking at any number of cases; what looks say: look.h. */
#include "base/base.h"
#include "chan/look.h"

/*
 * The only source of chance of a select.  Nothing in here switches, so the
 * thread's own state may be addressed.
 */
NOINLINE uint32_t weft__draw(uint32_t n)
{
	static _Thread_local uint64_t state;
	uint64_t x = state;
	__extension__ unsigned __int128 y;

	if (unlikely(!x))
		x = (uint64_t)weft__clock() ^ (uintptr_t)&state;
	state = x + UINT64_C(0xa0761d6478bd642f);       /* wyrand, Wang Yi 2019 */
	y = x;
	y *= x ^ UINT64_C(0xe7037ed1a0b428db);
	x = (uint64_t)(y >> 64) ^ (uint64_t)y;
	return (uint32_t)((x >> 32) * n >> 32);
}

/* A timer's channel has a value when it is time (ticks.h).  Two locks are held at
 * once here, so the second is only tried. */
NOINLINE bool weft__look_closed(struct weft_chan *c, const struct weft_chan *held)
{
	bool ready;

	if (!chan_is_ticks(c))
		return true;
	if (c != held && held && !spin_trylock(&c->lock))
		return true;            /* it cannot be told */
	if (!held)
		spin_lock(&c->lock);
	ready = !chan_is_ticks(c) || weft__ticks_due(c);
	if (c != held)
		spin_unlock(&c->lock);
	return ready;
}

NOINLINE struct look weft__look_at(const weft_case *cases, size_t n,
				   bool ordered, bool again,
				   const struct weft_chan *held)
{
	struct look found = { 0 };
	uint32_t all = 0, count;

	for (size_t base = 0; base < n && !found.bad; base += CHUNK) {
		struct look l = look_chunk(cases + base, n - base < CHUNK ?
					   n - base : CHUNK, again, true,
					   held);

		count = bits(l.ready);
		all += count;
		if (count && (all == count ||
			      (!ordered && weft__draw(all) < count))) {
			found.base = base;
			found.ready = l.ready;
		}
		found.changes = (found.changes | (l.changes & LOOK_AMIDST)) +
				(l.changes & ~LOOK_AMIDST);
		found.bad = l.bad;
	}
	return found;
}
