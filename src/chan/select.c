/* chan/select.c - one of several channel operations.
 *
 * Place in the life of a routine:  running -> [ select ] -> park
 *                                  wake    <- [ a partner ] -> ready
 *
 *     look at all, without a lock      something can be done: draw a case, try
 *     |                                it; if another was faster, draw again
 *     nothing: may it wait?            no: look again; if nothing has moved,
 *     |                                there was a moment with nothing to do
 *     shut the gate
 *     enter each queue, each under its own lock, by address; something can be
 *     |                                done: leave them, begin anew
 *     park; the gate opens once the context is saved
 *     leave the queues of the others
 *
 * Invariants
 *   S1  A select is claimed through one of its waiters, by a timer, by a cancel
 *       or by a discard, and only once.  Contenders of a shared wait meet in
 *       wait_claim; without one there are only partners, who meet in wt.claim.
 *   S2  Nobody claims while the gate is shut: the waiters are not all in their
 *       queues yet, or the context is not saved.  A partner that comes early
 *       waits at the gate, holding its channel's lock, as it would for a lock
 *       that the parker held until it has gone.
 *   S3  A parker with its gate shut takes channel locks by rising address and
 *       each once, and enters all queues of that channel then.  So a partner
 *       that holds c's lock waits for one who may wait for a higher lock only:
 *       there is no cycle.
 *   S4  Whoever claims through a channel takes the select's other waiters out of
 *       that channel too, under its lock.  The select does not look at it again.
 *   S5  The waiters and the gate are in the frame of the select.  It stands
 *       until the gate is open and every waiter out: who opens it has saved the
 *       context, who pops a waiter holds the channel's lock until done with it.
 *   S7  In order: under the lock of the case that is done, two looks at those
 *       before it say that there was a moment at which it was the first (look.h).
 *       Where others keep those busy, it is enough at last that each of them was
 *       impossible at a time of its own under that lock: a case that can be done,
 *       and stays so, is not overtaken by a later one that came after it.  (A send
 *       that finds its channel without memory for the value is decided on before
 *       it gets some.)
 *   S8  A timer's channel can be received from when it is time, with nobody to pass
 *       the gate.  So the select's own wait ends at the first of these times, due,
 *       at the latest; then it looks again.  In order no partner claims it from
 *       then on.
 *
 * Ordering
 *   S6  claim of a wait that is not shared: CAS-acquire-release by partners.
 *   The gate is a short lock (spinlock L1): who sees it open sees the context
 *   saved and the waiters as they will be.
 */
#include "base/base.h"
#include "chan/look.h"
#include "chan/ticks.h"

#include <limits.h>

enum {
	CASES_ON_STACK = 64,
	LOOKS = WEFT_SHRINK(16, 0), /* before it is said under locks, or at last */
	AGAIN = INT_MIN,        /* something has moved: begin anew           */
};

/* One parked select. */
struct select {
	struct wait wt;
	struct spinlock gate;           /* locked: shut; S2                  */
	bool ordered;
	bool twice;                     /* a channel has more than one waiter */
	size_t esize;                   /* of the channel that was matched   */
	int64_t due;                    /* S8 */
	size_t n;
	struct waiter *node;            /* one per case; object NULL: in no
					 * queue, ever                       */
};

/* --- trying ------------------------------------------------------------------ */

/* One of the bits, each equally likely; all are below n. */
static inline uint64_t draw_bit(uint64_t set, uint32_t n)
{
	uint64_t bit;

	if (!(set & (set - 1)))
		return set;
	bit = UINT64_C(1) << weft__draw(n);
	if (bit & set)
		return bit;
	for (uint32_t skip = weft__draw(bits(set)); skip; skip--)
		set &= set - 1;
	return set & -set;
}

static ALWAYS_INLINE int chosen(const weft_case *cases, weft_case *k, int err)
{
	if (unlikely(err == -ENOMEM))
		return err;
	k->err = err;
	return (int)(k - cases);
}

/* Try the ready cases of l, drawn one by one; AGAIN: none could be done. */
static ALWAYS_INLINE int try_ready(weft_case *cases, size_t n, size_t base,
				   uint64_t ready)
{
	uint32_t below = n - base < CHUNK ? (uint32_t)(n - base) : CHUNK;
	uint64_t bit;
	weft_case *k;
	int err;

	while (ready) {
		bit = draw_bit(ready, below);
		k = &cases[base + (size_t)__builtin_ctzll(bit)];
		err = k->op == WEFT_CASE_RECV ?
		      weft_chan_try_recv(k->chan, k->elem) :
		      weft_chan_try_send(k->chan, k->elem);
		if (likely(err != -EAGAIN))
			return chosen(cases, k, err);
		ready ^= bit;
	}
	return AGAIN;
}

/* Under the lock of case i's channel: can it be done, and none before it?  S7 */
static bool is_first(const weft_case *cases, size_t i, bool exact)
{
	const weft_case *k = &cases[i];
	struct look before, after;

	if (!look_chunk(k, 1, false, true, k->chan).ready)
		return false;
	before = weft__look_at(cases, i, true, false, k->chan);
	if (before.ready || !exact)
		return !before.ready;
	after = weft__look_at(cases, i, true, true, k->chan);
	return !after.ready && after.changes == before.changes;
}

static NOINLINE int try_in_order(weft_case *cases, size_t i, bool exact)
{
	struct worker *w = weft__worker();
	weft_case *k = &cases[i];
	struct weft_chan *c = k->chan;
	int err;

	weft__known(w);
	spin_lock(&c->lock);
	if (!is_first(cases, i, exact)) {
		spin_unlock(&c->lock);
		return AGAIN;
	}
	err = k->op == WEFT_CASE_RECV ?
	      weft__chan_recv_slow(w, c, k->elem, WEFT_NOWAIT) :
	      weft__chan_send_slow(w, c, k->elem, WEFT_NOWAIT);
	return err == -EAGAIN ? AGAIN : chosen(cases, k, err);
}

/* --- the gate, and the claim ------------------------------------------------- */

static inline void gate_pass(struct select *s)
{
	if (unlikely(load_acq(&s->gate.locked))) {         /* spinlock L1 */
		weft__spin_wait(&s->gate);
		spin_unlock(&s->gate);
	}
}

/* S8 */
static inline bool is_due(const struct select *s)
{
	return unlikely(s->due != INT64_MAX) && s->due <= weft__clock();
}

static NOINLINE bool is_over(struct select *s)
{
	gate_pass(s);
	return is_due(s);
}

static inline bool claim(struct select *s)
{
	uint32_t open = 0;

	gate_pass(s);
	return s->wt.shared ? wait_claim(&s->wt) :
			      cas_acqrel(&s->wt.claim, &open, 1);   /* S6 */
}

/* Before the gate has opened: nobody will claim it any more. */
static void shut_for_good(struct select *s)
{
	s->wt.shared = false;
	store_rlx(&s->wt.claim, 1);
	spin_unlock(&s->gate);
}

/* S4.  Of several waiters in q each could be the partner, and in either queue if c
 * is closed: draw one. */
static NOINLINE struct waiter *take_twins(struct select *s, struct weft_chan *c,
					  struct list *q, struct waiter *who)
{
	uint32_t twins = 1;

	for (size_t i = 0; i < s->n; i++) {
		struct waiter *twin = &s->node[i];
		bool same;

		if (twin->object != c)
			continue;
		same = twin->link.list == q || load_rlx(&c->state) & CLOSED;
		if (!waiter_remove(c, twin) || !same)
			continue;
		if (s->ordered ? twin < who : weft__draw(++twins) == 0)
			who = twin;
	}
	return who;
}

struct waiter *weft__select_claim(struct weft_chan *c, struct list *q,
				  struct waiter *who)
{
	struct select *s = container_of(who->wait, struct select, wt);

	if ((unlikely(s->ordered) && is_over(s)) || !claim(s))
		return NULL;
	if (unlikely(s->twice))
		who = take_twins(s, c, q, who);
	s->wt.winner = who;
	s->esize = c->esize;
	return who;
}

/* --- the queues -------------------------------------------------------------- */

static inline bool comes_before(const weft_case *cases, uint32_t a, uint32_t b)
{
	uintptr_t x = (uintptr_t)cases[a].chan, y = (uintptr_t)cases[b].chan;

	return x < y || (x == y && a < b);
}

/* The cases that have a channel, by its address; returns how many. */
static size_t sort(const weft_case *cases, size_t n, uint32_t *order)
{
	size_t m = 0, gap = 1, i, j;

	for (i = 0; i < n; i++)
		if (cases[i].chan)
			order[m++] = (uint32_t)i;
	while (gap < m / 9)
		gap = 3 * gap + 1;
	for (; gap; gap /= 3) {         /* Shell sort, gaps of Knuth 1973 */
		for (i = gap; i < m; i++) {
			uint32_t x = order[i];

			for (j = i; j >= gap &&
			     comes_before(cases, x, order[j - gap]); j -= gap)
				order[j] = order[j - gap];
			order[j] = x;
		}
	}
	return m;
}

/* The lock is held: enter the queues of the n cases of one channel, unless one
 * of them can be done. */
static bool enter(struct select *s, const weft_case *cases,
		  const uint32_t *order, size_t n)
{
	struct weft_chan *c = cases[order[0]].chan;
	uint32_t waiting = load_rlx(&c->waiting);
	uint64_t state = load_rlx(&c->state);

	if (unlikely(state == CLOSED && chan_is_ticks(c))) {
		int64_t next = weft__ticks_rely(c);

		for (size_t i = 0; i < n; i++)
			if (cases[order[i]].op == WEFT_CASE_SEND)
				return false;
		if (next <= weft__clock())
			return false;
		if (next < s->due)
			s->due = next;
		if (next < s->wt.timer.deadline) {
			s->wt.timer.deadline = next;
			s->wt.shared = true;
		}
	} else {
		for (size_t i = 0; i < n; i++)
			if (case_ready(cases[order[i]].op, c, state, waiting,
				       false, c))
				return false;
	}
	s->twice |= n > 1;
	for (size_t i = 0; i < n; i++) {
		const weft_case *k = &cases[order[i]];
		struct waiter *node = &s->node[order[i]];

		node->object = c;
		waiter_push(c, k->op == WEFT_CASE_SEND ? SENDERS : RECEIVERS,
			    node);
	}
	return true;
}

static bool enter_all(struct select *s, const weft_case *cases,
		      const uint32_t *order, size_t m)
{
	size_t end;
	bool in;

	for (size_t i = 0; i < m; i = end) {
		struct weft_chan *c = cases[order[i]].chan;

		end = i + 1;
		while (end < m && cases[order[end]].chan == c)
			end++;
		spin_lock(&c->lock);
		in = enter(s, cases, order + i, end - i);
		spin_unlock(&c->lock);
		if (unlikely(!in))
			return false;
	}
	return true;
}

/* Out of all queues but those of the channel that was matched (S4). */
static void leave_all(struct select *s)
{
	const struct weft_chan *done = s->wt.winner ? s->wt.winner->object
						    : NULL;

	for (size_t i = 0; i < s->n; i++)
		if (s->node[i].object && s->node[i].object != done)
			weft__chan_unlink(&s->node[i]);
}

/* May be asked twice: a claimer has to finish first. */
bool weft__select_withdraw(struct wait *wt)
{
	struct select *s = container_of(wt, struct select, wt);
	bool ours = claim(s);

	if (!ours &&
	    load_acq(&wt->routine->state) == ROUTINE_PARKED)  /* discard O2 */
		return false;
	leave_all(s);
	return ours;
}

/* --- waiting ----------------------------------------------------------------- */

static int outcome(struct select *s, weft_case *cases, weft_time deadline)
{
	int err = s->wt.result;
	weft_case *k;

	if (s->wt.winner && err != -EAGAIN) {
		k = &cases[s->wt.winner - s->node];
		if (err == -EPIPE && k->op == WEFT_CASE_RECV)
			value_copy(k->elem, NULL, s->esize);
		k->err = err;
		return (int)(k - cases);
	}
	if (err == -EAGAIN ||           /* a timer was set anew */
	    (err == -ETIMEDOUT && s->due != INT64_MAX && s->due <= deadline))
		return AGAIN;
	return err;
}

/* With node and order in place; AGAIN: something could be done meanwhile. */
static int wait_in_queues(struct worker *w, struct select *s, weft_case *cases,
			  uint32_t *order, weft_time deadline)
{
	size_t m = sort(cases, s->n, order);
	bool in;

	for (size_t i = 0; i < s->n; i++) {
		s->node[i].wait = &s->wt;
		s->node[i].elem = cases[i].elem;
		s->node[i].object = NULL;
	}
	wait_init(&s->wt, weft__current(w), deadline);
	s->wt.withdraw = weft__select_withdraw;
	s->wt.winner = NULL;
	s->due = INT64_MAX;
	store_rlx(&s->gate.locked, 1);
	in = enter_all(s, cases, order, m);
	if (unlikely(!in || deadline <= WEFT_NOWAIT)) {
		/* In all of them nothing could be done before this, nor is one due. */
		in = in && !is_due(s);
		shut_for_good(s);
		leave_all(s);
		return in ? -EAGAIN : AGAIN;
	}
	weft__park(w, &s->wt, &s->gate, PARK_SELECT);
	if (s->wt.routine)              /* discard.c asks */
		store_rlx(&s->wt.routine->reason, PARK_NONE);
	gate_pass(s);
	leave_all(s);
	return outcome(s, cases, deadline);
}

static NOINLINE int wait_few(struct worker *w, weft_case *cases, size_t n,
			     weft_time deadline, bool ordered)
{
	struct waiter *node = __builtin_alloca(n * sizeof *node + 1);
	uint32_t *order = __builtin_alloca(n * sizeof *order + 1);
	struct select s = { .ordered = ordered, .n = n, .node = node };

	return wait_in_queues(w, &s, cases, order, deadline);
}

static NOINLINE int wait_many(struct worker *w, weft_case *cases, size_t n,
			      weft_time deadline, bool ordered)
{
	struct select s = { .ordered = ordered, .n = n };
	struct hold h;
	uint32_t *order;
	int result;

	s.node = malloc(n * (sizeof *s.node + sizeof *order));
	if (!s.node)
		return -ENOMEM;
	order = (uint32_t *)(s.node + n);
	weft__hold(&h, free, s.node);
	result = wait_in_queues(w, &s, cases, order, deadline);
	weft__hold_end(&h);
	free(s.node);
	return result;
}

/* --- the calls --------------------------------------------------------------- */

static int wait_for_one(weft_case *cases, size_t n, weft_time deadline,
			bool ordered)
{
	struct worker *w = weft__worker();

	return n <= CASES_ON_STACK ?
	       wait_few(w, cases, n, deadline, ordered) :
	       wait_many(w, cases, n, deadline, ordered);
}

/* The general form. */
static NOINLINE int select_slow(weft_case *cases, size_t n, weft_time deadline,
				bool ordered)
{
	struct look first, second;
	int64_t looks = 0;
	size_t i;
	int result;

	if (n > INT_MAX || (n && !cases))
		return -EINVAL;
	do {
		first = weft__look_at(cases, n, ordered, false, NULL);
		if (first.bad)
			return -EINVAL;
		if (deadline != WEFT_NOWAIT && weft__cancelled(weft__worker()))
			return -ECANCELED;
		if (first.ready && ordered) {
			i = first.base + (size_t)__builtin_ctzll(first.ready);
			result = i ? try_in_order(cases, i, looks++ <= LOOKS) :
				     try_ready(cases, n, 0, 1);
		} else if (first.ready) {
			result = try_ready(cases, n, first.base, first.ready);
		} else if (deadline > WEFT_NOWAIT || looks++ >= LOOKS) {
			result = wait_for_one(cases, n, deadline, ordered);
		} else {
			second = weft__look_at(cases, n, ordered, true, NULL);
			result = second.ready ||
				 second.changes != first.changes ? AGAIN
								 : -EAGAIN;
		}
	} while (result == AGAIN);
	if (result == -EAGAIN)
		return op_done(weft__worker(), deadline == WEFT_NOWAIT ?
					       -EAGAIN : -ETIMEDOUT);
	return result;
}

static NOINLINE int select_ready(weft_case *cases, size_t n, uint64_t ready,
				 weft_time deadline)
{
	int result = try_ready(cases, n, 0, ready);

	return likely(result != AGAIN) ? result :
	       select_slow(cases, n, deadline, false);
}

static NOINLINE int select_wait(weft_case *cases, size_t n, weft_time deadline)
{
	int result = wait_for_one(cases, n, deadline, false);

	return likely(result != AGAIN) ? result :
	       select_slow(cases, n, deadline, false);
}

/* Nothing was ready at the first look, and it may not wait. */
static NOINLINE int select_none(weft_case *cases, size_t n, weft_time deadline,
				uint64_t changes)
{
	struct look second = look_chunk(cases, n, true, false, NULL);

	if (unlikely(second.ready || second.changes != changes))
		return select_slow(cases, n, deadline, false);
	return op_done(weft__worker(), deadline == WEFT_NOWAIT ? -EAGAIN
							       : -ETIMEDOUT);
}

int weft_select(weft_case *cases, size_t n, weft_time deadline)
{
	struct look first;

	if (unlikely(n - 1 >= CHUNK || !cases))
		return select_slow(cases, n, deadline, false);
	first = look_chunk(cases, n, false, false, NULL);
	if (unlikely(first.bad))
		return -EINVAL;
	if (deadline != WEFT_NOWAIT && unlikely(weft__cancelled(weft__worker())))
		return -ECANCELED;
	if (first.ready)
		return select_ready(cases, n, first.ready, deadline);
	if (deadline > WEFT_NOWAIT)
		return select_wait(cases, n, deadline);
	return select_none(cases, n, deadline, first.changes);
}

int weft_select_ordered(weft_case *cases, size_t n, weft_time deadline)
{
	return select_slow(cases, n, deadline, true);
}
