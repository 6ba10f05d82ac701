/* chan/many.c - several values in one operation.
 *
 * One lock for the batch, and whole runs of slots are copied at once.  Only
 * the first value is waited for.  It is then alone: once matched, the partner
 * may have dropped the channel (chan.h), so a call that parked returns 1.
 */
#include "base/base.h"
#include "chan/chan.h"

static inline size_t run_length(const char *pos, const char *end, size_t esize,
				uint64_t want)
{
	size_t slots;

	if (!esize)
		return want;
	slots = (size_t)(end - pos) / esize;
	return slots < want ? slots : want;
}

/* --- send -------------------------------------------------------------------- */

struct batch {
	const char *from;       /* NULL: zeroes */
	size_t done, n;
	struct chain woken;
	struct block *fresh;
};

static const char *batch_next(const struct batch *b, size_t esize)
{
	return b->from ? b->from + b->done * esize : NULL;
}

/* Under the lock: put what goes without waiting.  False: a block is needed. */
static bool put_batch(struct weft_chan *c, struct batch *b)
{
	size_t size = c->esize, k;
	struct waiter *who;
	uint64_t s;

	while (b->done < b->n) {
		s = load_rlx(&c->state);
		if (s & CLOSED)
			break;
		who = waiter_claim(c, &c->receivers, RECEIVERS);
		if (who) {
			value_copy(who->elem, batch_next(b, size), size);
			chain_add(&b->woken, who);
			b->done++;
			continue;
		}
		if (s >= c->limit)
			break;
		if (!slot_to_write(c, &b->fresh))
			return false;
		k = run_length(c->wpos, c->wend, size,
			       c->limit - s < b->n - b->done ?
			       c->limit - s : b->n - b->done);
		value_copy(c->wpos, batch_next(b, size), k * size);
		c->wpos += k * size;
		b->done += k;
		store_rel(&c->state, s + k);                        /* C1 */
	}
	return true;
}

ssize_t weft_chan_send_many(weft_chan *c, const void *elems, size_t n,
			    weft_time deadline)
{
	struct worker *w = weft__worker();
	struct batch b = { .from = elems, .n = n };
	int err = 0;

	if (!n)
		return 0;
	if (unlikely(weft__cancelled(w)) && deadline != WEFT_NOWAIT)
		return -ECANCELED;
	if (!c)
		return weft__chan_nil(w, deadline);
	if (b.n > PTRDIFF_MAX)
		b.n = PTRDIFF_MAX;
	chain_init(&b.woken);
	spin_lock(&c->lock);
	while (!put_batch(c, &b)) {
		spin_unlock(&c->lock);
		b.fresh = weft__block_new(c);
		spin_lock(&c->lock);
		if (!b.fresh) {
			err = -ENOMEM;
			break;
		}
	}
	if (!b.done && !err) {
		if (!(load_rlx(&c->state) & CLOSED)) {
			err = chan_park(w, c, SENDERS, (void *)elems,
					deadline);
			return err ? err : 1;
		}
		err = -EPIPE;
	}
	spin_unlock(&c->lock);
	weft__block_free(b.fresh);
	weft__chan_ready_chain(w, &b.woken);
	weft__budget(w);
	return b.done ? (ssize_t)b.done : err;
}

/* --- receive ----------------------------------------------------------------- */

/* Under the lock, with s values left: those of parked senders move to the room. */
static void refill(struct weft_chan *c, uint64_t s, struct chain *woken)
{
	struct waiter *who;

	while (s < c->limit &&
	       (who = waiter_claim(c, &c->senders, SENDERS))) {
		slot_to_write(c, NULL);         /* bounded: always there */
		value_copy(c->wpos, who->elem, c->esize);
		c->wpos += c->esize;
		chain_add(woken, who);
		s++;
	}
	store_rel(&c->state, s);                                    /* C1 */
}

/* Under the lock: take what is there.  Returns how many. */
static size_t take_batch(struct weft_chan *c, char *to, size_t max,
			 struct chain *woken, struct block **dead)
{
	size_t got = 0, size = c->esize, k;
	struct waiter *who;
	uint64_t s, have;

	while (got < max) {
		char *dst = to ? to + got * size : NULL;

		s = load_rlx(&c->state);
		have = s & ~CLOSED;
		if (have) {
			slot_to_read(c, dead);
			k = run_length(c->rpos, c->rend, size,
				       have < max - got ? have : max - got);
			value_copy(dst, c->rpos, k * size);
			c->rpos += k * size;
			got += k;
			waiting_change(c, load_rlx(&c->waiting));
			refill(c, s - k, woken);
			continue;
		}
		who = waiter_claim(c, &c->senders, SENDERS);
		if (!who)
			break;
		value_copy(dst, who->elem, size);
		chain_add(woken, who);
		got++;
	}
	return got;
}

ssize_t weft_chan_recv_many(weft_chan *c, void *elems, size_t max,
			    weft_time deadline)
{
	struct worker *w = weft__worker();
	struct block *dead = NULL;
	struct chain woken;
	size_t got;
	int err;

	if (!max)
		return 0;
	if (unlikely(weft__cancelled(w)) && deadline != WEFT_NOWAIT)
		return -ECANCELED;
	if (!c)
		return weft__chan_nil(w, deadline);
	if (max > PTRDIFF_MAX)
		max = PTRDIFF_MAX;
	chain_init(&woken);
	spin_lock(&c->lock);
	got = take_batch(c, elems, max, &woken, &dead);
	if (!got && (!(load_rlx(&c->state) & CLOSED) || chan_is_ticks(c))) {
		err = chan_is_ticks(c) ?
		      weft__ticks_recv(w, c, elems, deadline) :
		      chan_park(w, c, RECEIVERS, elems, deadline);
		return err ? err : 1;
	}
	spin_unlock(&c->lock);
	weft__block_free(dead);
	weft__chan_ready_chain(w, &woken);
	weft__budget(w);
	return got ? (ssize_t)got : -EPIPE;
}
