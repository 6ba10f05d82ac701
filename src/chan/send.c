/* chan/send.c - putting one value into a channel.
 *
 * The inline part does what needs no partner and no new slot: lock, copy,
 * count, unlock.  It calls nothing before its end, so it saves no registers.
 * Protocol and ordering rules: chan.h.
 */
#include "base/base.h"
#include "chan/chan.h"

WEFT_ARCH_RETURNS
static NOINLINE int send_wait(struct worker *w, struct weft_chan *c,
			      const void *elem, int64_t deadline)
{
	WEFT_ARCH_LEAVES(outer);
	return chan_park(w, c, SENDERS, (void *)elem, deadline);
}

int weft__chan_send_slow(struct worker *w, struct weft_chan *c,
			 const void *elem, int64_t deadline)
{
	struct block *fresh = NULL;
	struct waiter *who;
	size_t size = c->esize;
	uint64_t s;

	for (;;) {
		s = load_rlx(&c->state);
		if (unlikely(s & CLOSED)) {
			spin_unlock(&c->lock);
			weft__block_free(fresh);
			return op_done(w, -EPIPE);
		}
		who = waiter_claim(c, &c->receivers, RECEIVERS);
		if (who) {
			spin_unlock(&c->lock);
			value_copy(who->elem, elem, size);
			weft__ready(w, who->wait);
			break;
		}
		if (s >= c->limit)
			return send_wait(w, c, elem, deadline);
		if (slot_to_write(c, &fresh)) {
			value_copy(c->wpos, elem, size);
			c->wpos += size;
			store_rel(&c->state, s + 1);                /* C1 */
			spin_unlock(&c->lock);
			break;
		}
		spin_unlock(&c->lock);
		fresh = weft__block_new(c);
		if (!fresh)
			return -ENOMEM;
		spin_lock(&c->lock);
	}
	weft__block_free(fresh);
	return op_done(w, 0);
}

static NOINLINE int send_contended(struct worker *w, struct weft_chan *c,
				   const void *elem, int64_t deadline)
{
	weft__spin_wait(&c->lock);
	return weft__chan_send_slow(w, c, elem, deadline);
}

/* A receiver seems to wait. */
static NOINLINE int send_to_waiter(struct worker *w, struct weft_chan *c,
				   const void *elem, int64_t deadline)
{
	struct waiter *who;
	size_t size = c->esize;

	if (unlikely(load_rlx(&c->state) & CLOSED))     /* a timer's */
		return weft__chan_send_slow(w, c, elem, deadline);
	who = waiter_claim(c, &c->receivers, RECEIVERS);
	if (unlikely(!who))
		return weft__chan_send_slow(w, c, elem, deadline);
	spin_unlock(&c->lock);
	value_copy(who->elem, elem, size);
	weft__ready(w, who->wait);
	return op_done(w, 0);
}

static ALWAYS_INLINE int send_value(struct worker *w, struct weft_chan *c,
				    const void *elem, int64_t deadline)
{
	uint64_t s;
	size_t size;
	char *to;

	if (unlikely(!spin_trylock(&c->lock)))
		return send_contended(w, c, elem, deadline);
	s = load_rlx(&c->state);
	if (load_rlx(&c->waiting) & RECEIVERS)
		return send_to_waiter(w, c, elem, deadline);
	if (unlikely(s >= c->limit || !elem))
		return s >= c->limit && !(s & CLOSED) ?
		       send_wait(w, c, elem, deadline) :
		       weft__chan_send_slow(w, c, elem, deadline);
	to = c->wpos;
	if (unlikely(to == c->wend)) {
		if (c->blocks)
			return weft__chan_send_slow(w, c, elem, deadline);
		to = chan_ring(c);
	}
	size = c->esize;
	if (unlikely(!value_copy_small(to, elem, size)))
		return weft__chan_send_slow(w, c, elem, deadline);
	c->wpos = to + size;
	store_rel(&c->state, s + 1);                                /* C1 */
	spin_unlock(&c->lock);
	return op_done(w, 0);
}

/* By a plain thread, which is known before it has any effect. */
static NOINLINE int send_plain(struct weft_chan *c, const void *elem,
			      int64_t deadline)
{
	weft__plain_act();
	return c ? send_contended(NULL, c, elem, deadline) :
		   weft__chan_nil(NULL, deadline);
}

int weft_chan_send(weft_chan *c, const void *elem)
{
	struct worker *w = weft__worker();

	if (unlikely(!w))
		return send_plain(c, elem, WEFT_FOREVER);
	if (unlikely(weft__cancelled(w)))
		return -ECANCELED;
	if (unlikely(!c))
		return weft__chan_nil(w, WEFT_FOREVER);
	return send_value(w, c, elem, WEFT_FOREVER);
}

int weft_chan_try_send(weft_chan *c, const void *elem)
{
	struct worker *w = weft__worker();
	uint64_t s;

	if (unlikely(!c))
		return weft__chan_nil(w, WEFT_NOWAIT);
	if (likely(!(load_acq(&c->waiting) & RECEIVERS))) {         /* C2 */
		s = load_acq(&c->state);                            /* C1 */
		if (s >= c->limit)
			return op_done(w, s & CLOSED ? -EPIPE : -EAGAIN);
	}
	if (unlikely(!w))
		return send_plain(c, elem, WEFT_NOWAIT);
	return send_value(w, c, elem, WEFT_NOWAIT);
}

int weft_chan_send_until(weft_chan *c, const void *elem, weft_time deadline)
{
	struct worker *w = weft__worker();

	if (unlikely(!w))
		return send_plain(c, elem, deadline);
	if (deadline != WEFT_NOWAIT && unlikely(weft__cancelled(w)))
		return -ECANCELED;
	if (unlikely(!c))
		return weft__chan_nil(w, deadline);
	return send_value(w, c, elem, deadline);
}
