/* chan/ticks.c - a timer's channel; what it is and its rules: ticks.h. */
#include "base/base.h"
#include "chan/ticks.h"
#include "base/grid.h"

struct weft_chan *weft__ticks_chan(struct ticks *t)
{
	struct weft_chan *c = weft_chan_new(sizeof(weft_time), 1);

	if (!c)
		return NULL;
	store_rlx(&c->state, CLOSED);
	store_rlx(&c->ticks, t);
	return c;
}

int64_t weft__ticks_take(struct ticks *t, int64_t now)
{
	int64_t value = t->next > t->begun ? t->next : t->begun;

	t->begun = now;
	if (!t->period)
		t->armed = false;
	else
		t->next = grid_after(t->next, t->period, now);
	return value;
}

int64_t weft__ticks_rely(struct weft_chan *c)
{
	struct ticks *t = load_rlx(&c->ticks);
	int64_t next = ticks_next(t);

	if (list_empty(&c->receivers) || next > t->relied)
		t->relied = next;
	return next;
}

static void dismiss(struct weft_chan *c, int result, struct chain *ch)
{
	struct waiter *who;

	while ((who = waiter_claim(c, &c->receivers, RECEIVERS))) {
		who->wait->result = result;
		chain_add(ch, who);
	}
}

void weft__ticks_changed(struct weft_chan *c, struct chain *ch)
{
	struct ticks *t = load_rlx(&c->ticks);

	waiting_change(c, load_rlx(&c->waiting));                   /* I3 */
	if (list_empty(&c->receivers))
		return;
	/* For one that was stopped they need not wake at all, but a wait
	 * with a deadline is no deadlock. */
	if (t->armed ? t->next < t->relied : t->relied != INT64_MAX)
		dismiss(c, -EAGAIN, ch);
}

void weft__ticks_end(struct worker *w, struct weft_chan *c)
{
	struct chain ch;

	chain_init(&ch);
	spin_lock(&c->lock);
	store_rlx(&c->ticks, NULL);                                 /* I1 */
	dismiss(c, -EPIPE, &ch);
	spin_unlock(&c->lock);
	weft__chan_ready_chain(w, &ch);
	weft_chan_unref(c);
}

/* Under the lock, released: until the time comes, or `deadline`. */
static struct worker *look_later(struct worker *w, struct weft_chan *c,
				 struct parked *p, void *elem,
				 int64_t deadline)
{
	int64_t next = weft__ticks_rely(c);

	wait_init(&p->wt, weft__current(w), next < deadline ? next : deadline);
	p->wt.withdraw = weft__chan_withdraw;
	p->wt.object = c;
	p->node.wait = &p->wt;
	p->node.elem = elem;
	p->node.object = c;
	waiter_push(c, RECEIVERS, &p->node);
	return weft__park(w, &p->wt, &c->lock, PARK_TIMER);
}

int weft__ticks_recv(struct worker *w, struct weft_chan *c, void *elem,
		     int64_t deadline)
{
	struct ticks *t;
	struct parked p;
	int64_t now;

	while ((t = load_rlx(&c->ticks))) {
		now = weft__clock();
		if (ticks_due(t, now)) {
			waiting_change(c, load_rlx(&c->waiting));   /* I3 */
			now = weft__ticks_take(t, now);
			spin_unlock(&c->lock);
			value_copy(elem, &now, sizeof now);
			return op_done(w, 0);
		}
		if (deadline <= now)
			return weft__chan_refuse(w, c, deadline);
		w = look_later(w, c, &p, elem, deadline);
		if (p.wt.result && p.wt.result != -EPIPE)
			weft__chan_unlink(&p.node);
		if (p.wt.result != -ETIMEDOUT && p.wt.result != -EAGAIN)
			return p.wt.result;
		spin_lock(&c->lock);
	}
	spin_unlock(&c->lock);
	return op_done(w, -EPIPE);
}

bool weft__ticks_due(struct weft_chan *c)
{
	struct ticks *t = load_rlx(&c->ticks);

	return t && ticks_due(t, weft__clock());
}

size_t weft__ticks_len(struct weft_chan *c)
{
	bool due;

	spin_lock(&c->lock);
	due = weft__ticks_due(c);
	spin_unlock(&c->lock);
	return due;
}
