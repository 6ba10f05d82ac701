/* chan/look.h - what can be done at many channels, seen without a lock.
 *
 * Place in the life of a routine:  running -> [ look ] -> select
 *
 * Each case is looked at for itself; together they say more.
 *
 * Nothing to do, as an atomic statement.  Between two looks at all there is a
 * moment; if each operation was impossible throughout the time from its first
 * look to its second, it was so at that moment.  Impossible at either end it
 * was; and had it become possible and impossible again in between, then
 *   - where a partner waits that did not, a waiter has come since the first look;
 *   - where a value was buffered or room was made, one has been taken from the
 *     buffer since the first look, to the end of possibility or at its begin.
 * Both are counted in c->waiting, before they show in c->state (chan.h), so the
 * first look reads waiting before state and the second state before waiting.
 * The counters only grow, hence their sum is the same if each is.  (They have
 * 30 bits: a look in which one moves exactly so far takes seconds.)
 * What is never over, CLOSED, the second look sees.
 *
 * Puts are not counted.  Room that was made and filled again still shows in the
 * count, unless the first look fell into the middle of the taking, after the count
 * and before the room.  Then the lock is held; so where there is no room, a first
 * look asks for the lock, and again for room.
 *
 * Who holds the lock of one of the channels may look at all, for nobody can change
 * that one.  Of a timer's channel it cannot always say: then it seems possible.
 */
#ifndef WEFT_CHAN_LOOK_H
#define WEFT_CHAN_LOOK_H

#include "base/base.h"
#include "chan/chan.h"

#include <weft/select.h>

enum { CHUNK = 64 };            /* cases that are looked at together */

struct look {
	size_t base;            /* first of up to CHUNK cases                */
	uint64_t ready;         /* which of them can be done, as it seems    */
	uint64_t changes;       /* of all channels, summed; or LOOK_AMIDST   */
	bool bad;               /* an op does not exist                      */
};

/* In `changes` of a first look: somebody is at it.  Above all sums. */
#define LOOK_AMIDST (UINT64_C(1) << 63)

/* A number below n, each equally likely. */
uint32_t weft__draw(uint32_t n);

static inline unsigned bits(uint64_t set)
{
	unsigned n;

	for (n = 0; set; n++)
		set &= set - 1;
	return n;
}

/* Of a channel that is closed and empty: can it be received from?  It is not held,
 * or it is `held`. */
bool weft__look_closed(struct weft_chan *c, const struct weft_chan *held);

/* Not `exact`: perhaps, if it is a timer's channel; no calls. */
static ALWAYS_INLINE bool case_ready(int op, struct weft_chan *c,
				     uint64_t state, uint32_t waiting,
				     bool exact, const struct weft_chan *held)
{
	if (op == WEFT_CASE_SEND)       /* below the limit, or CLOSED */
		return (int64_t)state < (int64_t)c->limit ||
		       waiting & RECEIVERS;
	if (waiting & SENDERS)
		return true;
	return state && (!exact || likely(state != CLOSED) ||
			 weft__look_closed(c, held));
}

/* There seemed to be no room: was somebody about to make some? */
static inline bool amidst(struct weft_chan *c, const struct weft_chan *held)
{
	return c != held && (load_acq(&c->lock.locked) ||  /* spinlock L1 */
			     (int64_t)load_acq(&c->state) <         /* C1 */
				     (int64_t)c->limit);
}

/* `again`: the second look of the statement above.  `held`: the channel whose lock
 * the caller holds, or NULL. */
static ALWAYS_INLINE struct look look_chunk(const weft_case *k, size_t n,
					    bool again, bool exact,
					    const struct weft_chan *held)
{
	const weft_case *end = k + n;
	struct look l = { 0 };
	uint64_t bit = 1, state;
	uint32_t waiting;

	for (; k != end; k++, bit <<= 1) {
		struct weft_chan *c = k->chan;
		int op = k->op;

		if (!again && unlikely((unsigned)op - WEFT_CASE_RECV > 1)) {
			l.bad = true;
			break;
		}
		if (unlikely(!c))
			continue;
		if (again) {
			state = load_acq(&c->state);                /* C1 */
			waiting = load_acq(&c->waiting);            /* C2 */
		} else {
			waiting = load_acq(&c->waiting);            /* C2 */
			state = load_acq(&c->state);                /* C1 */
		}
		if (case_ready(op, c, state, waiting, exact, held))
			l.ready |= bit;
		else if (!again && op == WEFT_CASE_SEND && amidst(c, held))
			l.changes |= LOOK_AMIDST;
		else if (again && exact && state == CLOSED) /* a timer's */
			waiting = load_acq(&c->waiting);            /* C2 */
		l.changes += waiting / CHANGE;
	}
	return l;
}

/* Any number of cases.  What is ready is of one chunk: the first that has any if
 * `ordered`, else drawn by how many each has. */
struct look weft__look_at(const weft_case *cases, size_t n, bool ordered,
			  bool again, const struct weft_chan *held);

#endif
