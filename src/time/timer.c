/* time/timer.c - timers in the caller's memory.
 *
 * Two kinds.  One whose value is received (weft_timer_chan, weft_timer_wait)
 * is nothing but a deadline and a period: whoever waits for it sleeps by its
 * own deadline, as chan/ticks.h tells.  It is in no heap, needs no runtime and
 * survives the end of one.  One that starts a routine (weft_after_func) is an
 * alarm, which stands in a worker's heap while it is pending (sched/alarm.h).
 *
 * Invariants
 *   I1  the lock of a timer is the one of its channel once it has a channel,
 *       before that its own.  The channel is set once, under the own lock.
 *   I2  mark is MARK combined with the address, from init to fini: a zeroed or
 *       copied timer is none.
 *   I3  once a stop has returned, no value of before is received and no routine
 *       of before is started: values are made from `armed`, under the lock,
 *       and alarm.h says the same of routines (timers.h: M3, M6).
 *
 * Ordering
 *   T1  view: store-release by who made it / load-acquire: who sees it sees
 *       the timer's fields as its maker left them.
 *
 * Lock rank: a channel timer's lock is a channel's (chan.h).  A function timer's
 * own lock is outside of TIMERS.
 */
#include "base/base.h"
#include "base/spinlock.h"
#include "chan/ticks.h"
#include "sched/alarm.h"
#include "sched/park.h"

#include <weft/time.h>

#define MARK UINT64_C(0x7469636b746f636b)

/* What a weft_timer is. */
struct body {
	uint64_t mark;                  /* I2 */
	_Atomic(weft_chan *) view;      /* T1; NULL: none yet               */
	struct spinlock lock;           /* I1 */
	bool calls;                     /* fixed: of the second kind        */
	union {
		struct ticks ticks;     /* I1 */
		struct alarm alarm;     /* lock */
	};
};
_Static_assert(sizeof(struct body) <= sizeof(weft_timer), "it fits");
_Static_assert(_Alignof(struct body) <= _Alignof(weft_timer), "aligned");

static struct body *body_of(weft_timer *timer)
{
	struct body *t = (struct body *)(void *)timer;

	return t && t->mark == (MARK ^ (uintptr_t)t) ? t : NULL;
}

static struct body *body_init(weft_timer *timer)
{
	struct body *t = (struct body *)(void *)timer;

	memset(timer, 0, sizeof *timer);
	t->mark = MARK ^ (uintptr_t)t;
	return t;
}

void weft_timer_init(weft_timer *t)
{
	body_init(t);
}

/* --- timers whose value is received ------------------------------------------- */

/* Takes the lock, I1; *view is the channel, if there is one. */
static struct spinlock *lock_ticks(struct body *t, weft_chan **view)
{
	weft_chan *c;

	for (;;) {
		c = *view = load_acq(&t->view);                     /* T1 */
		if (c) {
			spin_lock(&c->lock);
			return &c->lock;
		}
		spin_lock(&t->lock);
		if (likely(!load_rlx(&t->view)))
			return &t->lock;
		spin_unlock(&t->lock);
	}
}

/* Returns what the state was. */
static int set_ticks(struct worker *w, struct body *t, bool armed,
		     int64_t deadline, int64_t period)
{
	struct ticks *k = &t->ticks;
	struct spinlock *lock;
	struct chain ch;
	weft_chan *view;
	bool was;

	weft__known(w);
	chain_init(&ch);
	lock = lock_ticks(t, &view);
	was = k->armed;
	k->armed = armed;
	k->next = deadline;
	k->period = period;
	if (view) {
		/* A time that is past by what is known of the clock. */
		if (armed && deadline <= k->begun)
			k->begun = weft__clock();
		weft__ticks_changed(view, &ch);
	}
	spin_unlock(lock);
	weft__chan_ready_chain(w, &ch);
	return op_done(w, was);
}

static weft_chan *make_view(struct body *t)
{
	weft_chan *fresh = weft__ticks_chan(&t->ticks), *c;
	int64_t now = weft__clock();

	if (!fresh)
		return NULL;
	spin_lock(&t->lock);
	c = load_rlx(&t->view);
	if (!c) {
		t->ticks.begun = now;
		c = fresh;
		fresh = NULL;
		store_rel(&t->view, c);                             /* T1 */
	}
	spin_unlock(&t->lock);
	weft_chan_unref(fresh);
	return c;
}

weft_chan *weft_timer_chan(weft_timer *timer)
{
	struct body *t = body_of(timer);
	weft_chan *c;

	if (!t || t->calls)
		return NULL;
	c = load_acq(&t->view);                                     /* T1 */
	return c ? c : make_view(t);
}

int weft_timer_wait(weft_timer *timer, weft_time deadline)
{
	struct body *t = body_of(timer);
	weft_chan *c;

	if (!t || t->calls)
		return -EINVAL;
	c = weft_timer_chan(timer);
	return c ? weft_chan_recv_until(c, NULL, deadline) : -ENOMEM;
}

/* --- timers that start a routine ---------------------------------------------- */

static int set_alarm(struct worker *w, struct body *t, int64_t deadline,
		     int64_t period, const void *site)
{
	struct alarm *a = &t->alarm;
	bool was;
	int err;

	weft__known(w);
	spin_lock(&t->lock);
	if (likely(period == a->period) &&
	    weft__alarm_move(w, a, deadline, &t->lock))
		return op_done(w, 1);
	was = weft__alarm_stop(w, a);
	a->period = period;
	a->site = site;
	err = weft__alarm_set(w, a, deadline, &t->lock);
	return op_done(w, err ? err : was);
}

static int stop_alarm(struct worker *w, struct body *t)
{
	bool was;

	weft__known(w);
	spin_lock(&t->lock);
	was = weft__alarm_stop(w, &t->alarm);
	spin_unlock(&t->lock);
	return op_done(w, was);
}

int weft_after_func(weft_timer *timer, weft_time deadline, void (*fn)(void *),
		    void *arg)
{
	struct worker *w = weft__worker();
	struct body *t;
	int err;

	if (!timer || !fn)
		return -EINVAL;
	weft__alarm_peek(timer, sizeof *timer);
	weft_timer_fini(timer);
	t = body_init(timer);
	t->calls = true;
	alarm_init(&t->alarm);
	t->alarm.fn = fn;
	t->alarm.arg = arg;
	err = set_alarm(w, t, deadline, 0, __builtin_return_address(0));
	return err < 0 ? err : 0;
}

/* --- both ----------------------------------------------------------------------- */

int weft_timer_start(weft_timer *timer, weft_time deadline, weft_time period)
{
	struct worker *w = weft__worker();
	struct body *t = body_of(timer);

	if (unlikely(!t || period < 0))
		return -EINVAL;
	if (t->calls)
		return set_alarm(w, t, deadline, period,
				 __builtin_return_address(0));
	return set_ticks(w, t, true, deadline, period);
}

int weft_timer_stop(weft_timer *timer)
{
	struct worker *w = weft__worker();
	struct body *t = body_of(timer);

	if (unlikely(!t))
		return -EINVAL;
	return t->calls ? stop_alarm(w, t) : set_ticks(w, t, false, 0, 0);
}

void weft_timer_fini(weft_timer *timer)
{
	struct worker *w = weft__worker();
	struct body *t = body_of(timer);
	weft_chan *c;

	if (!t)
		return;
	weft__known(w);
	if (t->calls) {
		spin_lock(&t->lock);
		weft__alarm_stop(w, &t->alarm);
		spin_unlock(&t->lock);
	} else {
		c = load_acq(&t->view);                             /* T1 */
		if (c)
			weft__ticks_end(w, c);
	}
	t->mark = 0;
}
