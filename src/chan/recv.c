/* chan/recv.c - taking one value out of a channel.
 *
 * The mirror of send.c; protocol and ordering rules: chan.h.
 */
#include "base/base.h"
#include "chan/chan.h"

/* Take the first buffered value; a sender that waited for the room gets it. */
static int take_buffered(struct worker *w, struct weft_chan *c, void *elem,
			 uint64_t s)
{
	struct block *dead = NULL;
	struct waiter *who = NULL;
	size_t size = c->esize;

	slot_to_read(c, &dead);
	value_copy(elem, c->rpos, size);
	c->rpos += size;
	waiting_change(c, load_rlx(&c->waiting));
	if (load_rlx(&c->waiting) & SENDERS)
		who = waiter_claim(c, &c->senders, SENDERS);
	if (who) {
		slot_to_write(c, NULL);         /* bounded: always there */
		value_copy(c->wpos, who->elem, size);
		c->wpos += size;
	} else {
		store_rel(&c->state, s - 1);                        /* C1 */
	}
	spin_unlock(&c->lock);
	if (who)
		weft__ready(w, who->wait);
	weft__block_free(dead);
	return op_done(w, 0);
}

/* Nothing there, and open. */
WEFT_ARCH_RETURNS
static NOINLINE int recv_wait(struct worker *w, struct weft_chan *c,
			      void *elem, int64_t deadline)
{
	size_t size = c->esize;
	int err;

	WEFT_ARCH_LEAVES(outer);
	err = chan_park(w, c, RECEIVERS, elem, deadline);
	if (unlikely(err == -EPIPE))
		value_copy(elem, NULL, size);
	return err;
}

/* The timer of this channel, if it is one's, has the value. */
static NOINLINE int recv_tick(struct worker *w, struct weft_chan *c,
			      void *elem, int64_t deadline)
{
	int err = weft__ticks_recv(w, c, elem, deadline);

	if (err == -EPIPE)
		value_copy(elem, NULL, sizeof(weft_time));
	return err;
}

static NOINLINE int recv_closed(struct worker *w, struct weft_chan *c,
				void *elem)
{
	value_copy(elem, NULL, c->esize);
	return op_done(w, -EPIPE);
}

int weft__chan_recv_slow(struct worker *w, struct weft_chan *c,
			 void *elem, int64_t deadline)
{
	uint64_t s = load_rlx(&c->state);
	size_t size = c->esize;
	struct waiter *who;

	if (s & ~CLOSED)
		return take_buffered(w, c, elem, s);
	if (s & CLOSED) {
		if (unlikely(chan_is_ticks(c)))
			return recv_tick(w, c, elem, deadline);
		spin_unlock(&c->lock);
		return recv_closed(w, c, elem);
	}
	who = waiter_claim(c, &c->senders, SENDERS);
	if (!who)
		return recv_wait(w, c, elem, deadline);
	spin_unlock(&c->lock);
	value_copy(elem, who->elem, size);
	weft__ready(w, who->wait);
	return op_done(w, 0);
}

static NOINLINE int recv_contended(struct worker *w, struct weft_chan *c,
				   void *elem, int64_t deadline)
{
	weft__spin_wait(&c->lock);
	return weft__chan_recv_slow(w, c, elem, deadline);
}

static ALWAYS_INLINE int recv_value(struct worker *w, struct weft_chan *c,
				    void *elem, int64_t deadline)
{
	uint32_t waiting;
	uint64_t s;
	size_t size;
	char *from;

	if (unlikely(!spin_trylock(&c->lock)))
		return recv_contended(w, c, elem, deadline);
	s = load_rlx(&c->state);
	waiting = load_rlx(&c->waiting);
	if (waiting & SENDERS)
		return weft__chan_recv_slow(w, c, elem, deadline);
	if (s == 0)
		return recv_wait(w, c, elem, deadline);
	if (unlikely(s == CLOSED || !elem))
		return weft__chan_recv_slow(w, c, elem, deadline);
	from = c->rpos;
	if (unlikely(from == c->rend)) {
		if (c->blocks)
			return weft__chan_recv_slow(w, c, elem, deadline);
		from = chan_ring(c);
	}
	size = c->esize;
	if (unlikely(!value_copy_small(elem, from, size)))
		return weft__chan_recv_slow(w, c, elem, deadline);
	c->rpos = from + size;
	waiting_change(c, waiting);
	store_rel(&c->state, s - 1);                                /* C1 */
	spin_unlock(&c->lock);
	return op_done(w, 0);
}

/* By a plain thread, which is known before it has any effect. */
static NOINLINE int recv_plain(struct weft_chan *c, void *elem,
			      int64_t deadline)
{
	weft__plain_act();
	return c ? recv_contended(NULL, c, elem, deadline) :
		   weft__chan_nil(NULL, deadline);
}

int weft_chan_recv(weft_chan *c, void *elem)
{
	struct worker *w = weft__worker();

	if (unlikely(!w))
		return recv_plain(c, elem, WEFT_FOREVER);
	if (unlikely(weft__cancelled(w)))
		return -ECANCELED;
	if (unlikely(!c))
		return weft__chan_nil(w, WEFT_FOREVER);
	return recv_value(w, c, elem, WEFT_FOREVER);
}

int weft_chan_try_recv(weft_chan *c, void *elem)
{
	struct worker *w = weft__worker();
	uint64_t s;

	if (unlikely(!c))
		return weft__chan_nil(w, WEFT_NOWAIT);
	if (likely(!(load_acq(&c->waiting) & SENDERS))) {           /* C2 */
		s = load_acq(&c->state);                            /* C1 */
		if (likely(s == 0))
			return op_done(w, -EAGAIN);
		if (s == CLOSED && likely(!chan_is_ticks(c)))
			return recv_closed(w, c, elem);
	}
	if (unlikely(!w))
		return recv_plain(c, elem, WEFT_NOWAIT);
	return recv_value(w, c, elem, WEFT_NOWAIT);
}

int weft_chan_recv_until(weft_chan *c, void *elem, weft_time deadline)
{
	struct worker *w = weft__worker();

	if (unlikely(!w))
		return recv_plain(c, elem, deadline);
	if (deadline != WEFT_NOWAIT && unlikely(weft__cancelled(w)))
		return -ECANCELED;
	if (unlikely(!c))
		return weft__chan_nil(w, deadline);
	return recv_value(w, c, elem, deadline);
}
