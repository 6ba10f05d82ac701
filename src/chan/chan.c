/* chan/chan.c - a channel's life, its inquiries, close, and the way to park.
 *
 * The protocol, its invariants and its ordering rules are in chan.h.
 */
#include "base/base.h"
#include "chan/chan.h"

static void set_positions(struct weft_chan *c)
{
	if (c->blocks && c->esize) {
		c->rpos = c->rend = c->wpos = c->wend = NULL;
		return;
	}
	c->rpos = c->wpos = chan_ring(c);
	/* Values of no bytes never move on, so the end must be elsewhere. */
	c->rend = c->wend = c->esize ? c->rpos + c->esize * c->cap
				     : c->rpos + 1;
}

weft_chan *weft_chan_new(size_t elem_size, size_t capacity)
{
	bool unbounded = capacity == WEFT_UNBOUNDED;
	size_t bytes = sizeof(struct weft_chan);
	size_t slots = 0;
	struct weft_chan *c;

	if (elem_size > PTRDIFF_MAX)
		return NULL;
	if (!unbounded && __builtin_mul_overflow(elem_size, capacity, &slots))
		return NULL;
	if (slots > PTRDIFF_MAX - bytes - WEFT_CACHELINE)
		return NULL;
	bytes = (bytes + slots + WEFT_CACHELINE - 1) &
		~(size_t)(WEFT_CACHELINE - 1);
	c = aligned_alloc(WEFT_CACHELINE, bytes);
	if (!c)
		return NULL;
	memset(c, 0, sizeof *c);
	c->esize = elem_size;
	c->cap = capacity;
	c->limit = capacity < CLOSED ? capacity : CLOSED - 1;
	store_rlx(&c->refs, 1);
	if (unbounded) {
		c->blocks = weft__blocks_new(elem_size);
		if (!c->blocks) {
			free(c);
			return NULL;
		}
	}
	set_positions(c);
	return c;
}

void (*_Atomic weft__chan_abandoned)(struct weft_chan *c);

weft_chan *weft_chan_ref(weft_chan *c)
{
	if (c)
		add_rlx(&c->refs, 1);
	return c;
}

void weft_chan_unref(weft_chan *c)
{
	if (!c)
		return;
	if (load_acq(&c->refs) != 1) {                              /* C3 */
		size_t was = sub_acqrel(&c->refs, 1);               /* C3 */

		if (unlikely(was == (FED | 1)))
			load_rlx(&weft__chan_abandoned)(c);
		else if (was != 1)
			return;
	}
	/* Whoever completed the operation that let us go is out by now. */
	spin_lock(&c->lock);
	if (unlikely(!list_empty(&c->receivers) || !list_empty(&c->senders))) {
		bool sender = !list_empty(&c->senders);

		store_rlx(&c->refs, 1);
		spin_unlock(&c->lock);
		weft__panic("chan: last reference dropped while a %s is parked",
			    sender ? "sender" : "receiver");
	}
	weft__blocks_free(c->blocks);
	free(c);
}

size_t weft_chan_len(const weft_chan *c)
{
	if (!c)
		return 0;
	if (unlikely(chan_is_ticks(c)))
		return weft__ticks_len((weft_chan *)(uintptr_t)c);
	return (size_t)(load_acq(&c->state) & ~CLOSED);             /* C1 */
}

size_t weft_chan_cap(const weft_chan *c)
{
	return c ? c->cap : 0;
}

/* --- close ------------------------------------------------------------------ */

void weft__chan_ready_chain(struct worker *w, struct chain *ch)
{
	struct link *n = ch->head;

	if (n && !n->next) {
		weft__ready(w, container_of(n, struct waiter, link)->wait);
		return;
	}
	while (n) {
		struct waiter *who = container_of(n, struct waiter, link);

		n = n->next;    /* the frame may go at once */
		weft__ready_many(w, who->wait);
	}
}

static void dismiss(struct weft_chan *c, struct list *q, uint32_t flag,
		    struct chain *ch)
{
	struct waiter *who;

	while ((who = waiter_claim(c, q, flag))) {
		who->wait->result = -EPIPE;
		chain_add(ch, who);
	}
}

int weft_chan_close(weft_chan *c)
{
	struct worker *w = weft__worker();
	struct chain ch;
	uint64_t s;

	if (!c)
		return -EINVAL;
	weft__known(w);
	chain_init(&ch);
	spin_lock(&c->lock);
	s = load_rlx(&c->state);
	if (unlikely(s & CLOSED)) {
		spin_unlock(&c->lock);
		return op_done(w, -EALREADY);
	}
	store_rel(&c->state, s | CLOSED);                           /* C1 */
	dismiss(c, &c->receivers, RECEIVERS, &ch);
	dismiss(c, &c->senders, SENDERS, &ch);
	spin_unlock(&c->lock);
	weft__chan_ready_chain(w, &ch);
	return op_done(w, 0);
}

/* --- parking ---------------------------------------------------------------- */

COLD int weft__chan_spent(struct worker *w, int result)
{
	if (w)
		weft__budget_spent(w);
	else
		weft__plain_act();
	return result;
}

int weft__chan_refuse(struct worker *w, struct weft_chan *c, int64_t deadline)
{
	spin_unlock(&c->lock);
	return op_done(w, deadline == WEFT_NOWAIT ? -EAGAIN : -ETIMEDOUT);
}

bool weft__chan_unlink(struct waiter *who)
{
	struct weft_chan *c = who->object;
	bool was;

	spin_lock(&c->lock);
	was = waiter_remove(c, who);
	spin_unlock(&c->lock);
	return was;
}

bool weft__chan_withdraw(struct wait *wt)
{
	return weft__chan_unlink(&container_of(wt, struct parked, wt)->node);
}

static bool withdraw_nil(struct wait *wt)
{
	(void)wt;
	return true;    /* it is in no queue */
}

COLD int weft__chan_nil(struct worker *w, int64_t deadline)
{
	struct wait wt;

	if (deadline <= WEFT_NOWAIT)
		return op_done(w, deadline == WEFT_NOWAIT ? -EAGAIN
							  : -ETIMEDOUT);
	wait_init(&wt, weft__current(w), deadline);
	wt.withdraw = withdraw_nil;
	weft__park(w, &wt, NULL, PARK_CHAN_NIL);
	return wt.result;
}
