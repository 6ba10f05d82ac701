/* chan/chan.h - what a channel IS, and the parts its files share.
 *
 * Place in the life of a routine:  running -> [ send, recv ] -> park
 *                                  wake    <- [ the partner ] -> ready
 *
 * One short lock, a buffer, and two queues of waiters.  A waiter lives on the
 * parked side's stack and points at the value there, so a value is copied once,
 * straight from the one stack to the other.
 *
 * Invariants (all under the lock)
 *   I1  state = number of buffered values, plus CLOSED.  An unbuffered channel
 *       buffers none; limit is 0 for it.
 *   I2  While values are buffered no receiver waits, while there is room no
 *       sender does.  (A waiter whose wait somebody else has claimed does not
 *       count, nor an ordered select's that is due (select.c, S8): it is on its
 *       way out and whoever meets it drops it.)
 *   I3  A channel that is closed has no waiters and gets no values.  (But a
 *       timer's, closed to all senders, may have receivers: ticks.h.)
 *   I4  RECEIVERS, SENDERS in waiting <=> that queue is not empty.  The rest of
 *       the word counts in steps of CHANGE, at least once for each time that a
 *       waiter came or values were taken from the buffer.
 *   I5  Waiters are claimed first come, first served; a value is moved after
 *       the claim.  Where a sender waits for room, the receiver that makes it
 *       moves that sender's value to the buffer's end: nothing overtakes.
 *
 * Who may still touch the channel
 *   Either side of a match may drop the last reference as soon as its own
 *   call has returned, so
 *   - who completes a match does so under the lock and after the unlock uses
 *     only what it copied: the claimed waiter (its frame stands until
 *     weft__ready), the element size, its own arguments;
 *   - who was matched, or woken by close, does not look at the channel again.
 *     It is still parked when the other side completes; it returns from
 *     weft__park only after weft__ready, and what it needs (the element size)
 *     it copied before;
 *   - the unlock on behalf of a parked side may come late, from the context
 *     that runs next (park.h, P1).  It precedes every match of that waiter,
 *     since the partner has to lock, hence every return that could free;
 *   - CLOSED is read without the lock, while the closer may still hold it:
 *     so the last unref takes the lock before it frees;
 *   - who gives up (timeout, cancel) does lock again to unlink itself.  Nobody
 *     was matched with it, so nobody has made its reference unnecessary.
 *
 * Ordering
 *   C1  state: store-release by each change / load-acquire without the lock.
 *       Who sees CLOSED sees what the closer did before.
 *   C2  waiting: store-release by each change / load-acquire before state.
 *       A try that found "no partner waits" reads a state at least as late:
 *       CLOSED is never taken back, so "open" holds for both looks, and the
 *       failing try has seen a moment at which it would have had to wait.
 *       What a change takes from state it adds to waiting first, and close
 *       stores CLOSED first: look.h needs both to look at many channels.
 *   C3  refs: sub-acquire-release by an unref / load-acquire by the one that
 *       finds itself the last.  It sees all that the others did.
 *
 * Lock rank: a channel's lock is outermost.  Nothing is allocated, freed or
 * readied and no other short lock taken under it, but the gate of a select
 * (select.c); weft__park releases it.  A second channel's is only tried (look.c).
 */
#ifndef WEFT_CHAN_CHAN_H
#define WEFT_CHAN_CHAN_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "sched/park.h"

#include <weft/chan.h>

#define CLOSED (UINT64_C(1) << 63)      /* in state  */
#define FED (~(SIZE_MAX >> 1))          /* in refs: see below */
enum { RECEIVERS = 1, SENDERS = 2, CHANGE = 4 };        /* in waiting */

/* Told when the last reference to a FED channel is gone: whoever feeds it keeps
 * a pointer to it, but no reference, and drops that in here.  No lock is held;
 * the channel is freed after that. */
extern void (*_Atomic weft__chan_abandoned)(struct weft_chan *c);

/* Slots of an unbounded channel: see blocks.c. */
struct block {
	struct block *next;
	CACHE_ALIGNED char slot[];
};

/* The first line is all that an operation without waiters touches. */
struct weft_chan {
	CACHE_ALIGNED
	struct spinlock lock;
	_Atomic uint32_t waiting;       /* lock; C2                          */
	_Atomic uint64_t state;         /* lock; C1                          */
	uint64_t limit;                 /* fixed: sends wait at this state   */
	size_t esize;                   /* fixed: bytes per value            */
	char *rpos, *rend;              /* lock: next slot to read, its end  */
	char *wpos, *wend;              /* lock: next slot to write, its end */

	struct list receivers;          /* lock: struct waiter, FIFO         */
	struct list senders;            /* lock: struct waiter, FIFO         */
	_Atomic size_t refs;            /* C3                                */
	size_t cap;                     /* fixed: what weft_chan_cap says    */
	struct blocks *blocks;          /* fixed: unbounded only, else NULL  */
	_Atomic(struct ticks *) ticks;  /* lock: a timer's only (ticks.h)    */
};

/* The ring of a bounded channel follows the struct. */
static ALWAYS_INLINE char *chan_ring(struct weft_chan *c)
{
	return (char *)(c + 1);
}

/* One blocking call, on the stack of the caller. */
struct parked {
	struct wait wt;
	struct waiter node;
};

/* --- values ---------------------------------------------------------------- */

/* Copy one value; src NULL: zeroes, dst NULL: nowhere. */
static inline void value_copy(void *dst, const void *src, size_t n)
{
	if (unlikely(!dst))
		return;
	if (likely(src)) {
		if (n == 8)
			memcpy(dst, src, 8);
		else
			memcpy(dst, src, n);
	} else {
		memset(dst, 0, n);
	}
}

/* The sizes that fit a register, without a call.  False: none of them. */
static ALWAYS_INLINE bool value_copy_small(void *dst, const void *src, size_t n)
{
	if (likely(n == 8))
		memcpy(dst, src, 8);
	else if (n == 4)
		memcpy(dst, src, 4);
	else if (n == 16)
		memcpy(dst, src, 16);
	else if (n == 1)
		memcpy(dst, src, 1);
	else if (n == 2)
		memcpy(dst, src, 2);
	else
		return n == 0;
	return true;
}

/* --- waiters, under the lock ------------------------------------------------ */

static ALWAYS_INLINE void waiting_set(struct weft_chan *c, uint32_t to)
{
	store_rel(&c->waiting, to);                                 /* C2 */
}

/* Before a value leaves the buffer; `waiting` is what is there. */
static ALWAYS_INLINE void waiting_change(struct weft_chan *c, uint32_t waiting)
{
	waiting_set(c, waiting + CHANGE);
}

/* To the end of the queue that `flag` names. */
static ALWAYS_INLINE void waiter_push(struct weft_chan *c, uint32_t flag,
				      struct waiter *who)
{
	list_push(flag == SENDERS ? &c->senders : &c->receivers, &who->link);
	waiting_set(c, (load_rlx(&c->waiting) | flag) + CHANGE);
}

/* Out of the middle of its queue; false: it is in none. */
static inline bool waiter_remove(struct weft_chan *c, struct waiter *who)
{
	struct list *q = who->link.list;

	if (!q)
		return false;
	list_remove(&who->link);
	if (list_empty(q))
		waiting_set(c, load_rlx(&c->waiting) &
			       ~(uint32_t)(q == &c->senders ? SENDERS
							    : RECEIVERS));
	return true;
}

/* wait.withdraw of a select, which also tells that a wait is one. */
bool weft__select_withdraw(struct wait *wt);
/* `who` of a select, just popped from q: claim it.  The waiter to serve, which
 * need not be the same; NULL: the select is over. */
struct waiter *weft__select_claim(struct weft_chan *c, struct list *q,
				  struct waiter *who);

/* Take the first waiter that counts (I2) and claim it; NULL: none. */
static inline struct waiter *waiter_claim(struct weft_chan *c, struct list *q,
					  uint32_t flag)
{
	struct link *n;

	while ((n = q->head)) {
		struct waiter *who = container_of(n, struct waiter, link);

		q->head = n->next;
		n->list = NULL;
		if (n->next) {
			n->next->prev = NULL;
		} else {
			q->tail = NULL;
			waiting_set(c, load_rlx(&c->waiting) & ~flag);
		}
		if (unlikely(who->wait->withdraw == weft__select_withdraw)) {
			who = weft__select_claim(c, q, who);
			if (who)
				return who;
		} else if (wait_claim(who->wait)) {
			return who;
		}
	}
	return NULL;
}

/* Claimed waiters that will be readied after the unlock, in order. */
struct chain {
	struct link *head, **end;
};

static inline void chain_init(struct chain *ch)
{
	ch->head = NULL;
	ch->end = &ch->head;
}

static inline void chain_add(struct chain *ch, struct waiter *who)
{
	who->link.next = NULL;
	*ch->end = &who->link;
	ch->end = &who->link.next;
}

/* Ready them all; no lock is held. */
void weft__chan_ready_chain(struct worker *w, struct chain *ch);

/* --- parking ---------------------------------------------------------------- */

/* Off its queue; takes the lock.  False: it was not in it any more. */
bool weft__chan_unlink(struct waiter *who);
/* wait.withdraw for a struct parked. */
bool weft__chan_withdraw(struct wait *wt);
/* What an operation returns that may not wait; releases the lock. */
int weft__chan_refuse(struct worker *w, struct weft_chan *c, int64_t deadline);

/*
 * Wait in the queue that `flag` names.  Called with the lock, returns without.
 * 0: matched, and *elem is or was dealt with; -EPIPE: closed meanwhile.  After
 * these two the channel may be gone.  -EAGAIN, -ETIMEDOUT, -ECANCELED, -ENOMEM:
 * nothing happened.
 */
static ALWAYS_INLINE int chan_park(struct worker *w, struct weft_chan *c,
				   uint32_t flag, void *elem, int64_t deadline)
{
	struct parked p;

	if (unlikely(deadline <= WEFT_NOWAIT))
		return weft__chan_refuse(w, c, deadline);
	wait_init(&p.wt, weft__current(w), deadline);
	p.wt.withdraw = weft__chan_withdraw;
	p.wt.object = c;
	p.node.wait = &p.wt;
	p.node.elem = elem;
	p.node.object = c;
	waiter_push(c, flag, &p.node);
	weft__park(w, &p.wt, &c->lock,
		   flag == SENDERS ? PARK_CHAN_SEND : PARK_CHAN_RECV);
	if (unlikely(p.wt.result && p.wt.result != -EPIPE))
		weft__chan_unlink(&p.node);
	return p.wt.result;
}

/* The operation on NULL: waits for the deadline, which may never come. */
int weft__chan_nil(struct worker *w, int64_t deadline);

/* A closed and empty channel that is a timer's is asked differently; all of
 * ticks.h that the other files need. */
static inline bool chan_is_ticks(const struct weft_chan *c)
{
	return load_rlx(&c->ticks) != NULL;
}
int weft__ticks_recv(struct worker *w, struct weft_chan *c, void *elem,
		     int64_t deadline);
size_t weft__ticks_len(struct weft_chan *c);
bool weft__ticks_due(struct weft_chan *c);      /* under the lock */

/* The general forms: called with the lock, return without. */
int weft__chan_send_slow(struct worker *w, struct weft_chan *c,
			 const void *elem, int64_t deadline);
int weft__chan_recv_slow(struct worker *w, struct weft_chan *c,
			 void *elem, int64_t deadline);

/*
 * The end of an operation that did not park: weft__budget, then `result`.  The
 * rare call is a tail call of its own, so the inline operations need no frame.
 */
int weft__chan_spent(struct worker *w, int result);

static ALWAYS_INLINE int op_done(struct worker *w, int result)
{
	struct worker_head *head = (void *)w;

	if (unlikely(!head || --head->budget < 0))
		return weft__chan_spent(w, result);
	return result;
}

/* --- unbounded: blocks.c ----------------------------------------------------- */

struct blocks *weft__blocks_new(size_t esize);
void weft__blocks_free(struct blocks *b);

/* A block that the channel does not know yet, or NULL; no lock is held. */
struct block *weft__block_new(const struct weft_chan *c);
/* Free a list of blocks; no lock is held. */
void weft__block_free(struct block *b);

/* Move on to a block to write in: a spare one, else *fresh, which is then
 * NULL.  False: neither was there.  Under the lock. */
bool weft__blocks_write_next(struct weft_chan *c, struct block **fresh);
/* Move on to the next block to read; what is not kept as a spare is put on
 * the list *dead.  A value must be buffered.  Under the lock. */
void weft__blocks_read_next(struct weft_chan *c, struct block **dead);

/* Make sure that wpos is a slot.  False: a fresh block is needed. */
static inline bool slot_to_write(struct weft_chan *c, struct block **fresh)
{
	if (likely(c->wpos != c->wend))
		return true;
	if (c->blocks)
		return weft__blocks_write_next(c, fresh);
	c->wpos = chan_ring(c);
	return true;
}

/* Make sure that rpos is a slot; a value is buffered. */
static inline void slot_to_read(struct weft_chan *c, struct block **dead)
{
	if (likely(c->rpos != c->rend))
		return;
	if (c->blocks)
		weft__blocks_read_next(c, dead);
	else
		c->rpos = chan_ring(c);
}

#endif
