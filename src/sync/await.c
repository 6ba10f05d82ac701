/* sync/await.c - waiting for a callback.
 *
 * Place in the life of a routine:  running -> [ weft_await ] -> park
 *                                  [ weft_await_done ]        -> ready
 *
 * A token is a number in the clothes of a pointer, since that is what callback
 * interfaces carry: which slot, and the slot's generation.  Slots are never
 * given back to the allocator, so looking at one is always safe, and a token
 * whose generation has passed is over, whoever still holds it.
 *
 * Invariants
 *   T1  a slot is free (in the list), fresh (its start is running), answered
 *       (done came first: status and result are in the slot), or waited for.
 *   T2  its generation grows once per use, when the wait is over, under its
 *       lock; it starts at 1, so no token is NULL.  A slot whose generations
 *       are used up is not used again.
 *   T3  who ends the wait retires the slot: done, when it has claimed a wait,
 *       which it gives status and result in its frame; else the waiter.
 *
 * Ordering
 *   T4  chunk: store-release when made / load-acquire by who looks a token up.
 *
 * Lock rank: a slot's, then that of the free list.
 */
#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"
#include "sched/park.h"
#include "sched/watch.h"

#include <weft/await.h>

enum {
	INDEX_BITS = 24,                /* as many pending at once           */
	CHUNK_SLOTS = 1024,
	CHUNKS = (1 << INDEX_BITS) / CHUNK_SLOTS,
};

_Static_assert(sizeof(uintptr_t) == sizeof(uint64_t), "a token fits");

struct awaiting {
	struct wait wt;
	struct slot *slot;
	uint64_t generation;
	int status;                     /* written by done, once it claimed */
	void *result;
};

struct slot {
	struct spinlock lock;
	uint32_t index;                 /* fixed                             */
	uint64_t generation;            /* lock (T2)                         */
	struct awaiting *waiter;        /* lock: waited for                  */
	bool answered;                  /* lock                              */
	int status;                     /* lock: answered                    */
	void *result;                   /* lock: answered                    */
	struct slot *next;              /* the free list's                   */
};

static struct {
	struct spinlock lock;
	uint32_t made;                  /* lock: slots cut from chunks       */
	struct slot *free;              /* lock                              */
	_Atomic(struct slot *) chunk[CHUNKS];   /* T4 */
} slots;

#define GENERATION_MAX ((UINT64_C(1) << (64 - INDEX_BITS)) - 1)

static weft_await_token *token_of(const struct slot *s)
{
	return (weft_await_token *)(uintptr_t)(s->generation << INDEX_BITS |
					       s->index);
}

/* --- slots ------------------------------------------------------------------ */

/* The free list's lock is held; the allocator is asked without it. */
static struct slot *cut_locked(void)
{
	uint32_t i = slots.made;
	struct slot *c;

	if (i == (uint32_t)CHUNKS * CHUNK_SLOTS)
		return NULL;
	c = load_rlx(&slots.chunk[i / CHUNK_SLOTS]);
	if (!c) {
		spin_unlock(&slots.lock);
		c = calloc(CHUNK_SLOTS, sizeof *c);
		spin_lock(&slots.lock);
		if (load_rlx(&slots.chunk[i / CHUNK_SLOTS]) || !c) {
			free(c);        /* somebody else has made it */
			c = load_rlx(&slots.chunk[i / CHUNK_SLOTS]);
			return c ? cut_locked() : NULL;
		}
		store_rel(&slots.chunk[i / CHUNK_SLOTS], c);        /* T4 */
	}
	slots.made = i + 1;
	c += i % CHUNK_SLOTS;
	c->index = i;
	c->generation = 1;                                          /* T2 */
	return c;
}

static struct slot *slot_new(void)
{
	struct slot *s;

	spin_lock(&slots.lock);
	s = slots.free;
	if (s)
		slots.free = s->next;
	else
		s = cut_locked();
	spin_unlock(&slots.lock);
	return s;
}

/* The slot is locked, and no lock is held after it. */
static void slot_retire(struct slot *s)
{
	bool usable = s->generation++ < GENERATION_MAX;             /* T2 */

	s->waiter = NULL;
	s->answered = false;
	spin_unlock(&s->lock);
	if (!usable)
		return;
	spin_lock(&slots.lock);
	s->next = slots.free;
	slots.free = s;
	spin_unlock(&slots.lock);
}

/* The slot of a number that was given out, locked; NULL: it never was. */
static struct slot *slot_find(uint64_t token)
{
	uint32_t i = token & ((1 << INDEX_BITS) - 1);
	struct slot *c = load_acq(&slots.chunk[i / CHUNK_SLOTS]);   /* T4 */
	uint64_t generation = token >> INDEX_BITS;

	if (!c || !generation)
		return NULL;
	c += i % CHUNK_SLOTS;
	spin_lock(&c->lock);
	if (generation <= c->generation)
		return c;
	spin_unlock(&c->lock);
	return NULL;
}

/* --- the wait ----------------------------------------------------------------- */

/* Give up, unless done has retired the slot. */
static bool leave(struct awaiting *a)
{
	struct slot *s = a->slot;

	spin_lock(&s->lock);
	if (s->generation != a->generation) {
		spin_unlock(&s->lock);
		return false;
	}
	slot_retire(s);
	return true;
}

static bool withdraw(struct wait *wt)
{
	return leave(container_of(wt, struct awaiting, wt));
}

/* start has not returned and never will. */
static void abandon(void *a)
{
	leave(a);
}

/* The slot is locked and not answered. */
static int wait_locked(struct awaiting *a, struct worker *w, int64_t deadline)
{
	if (deadline <= 0) {
		slot_retire(a->slot);
		weft__budget(w);
		return deadline == 0 ? -EAGAIN : -ETIMEDOUT;
	}
	wait_init(&a->wt, weft__current(w), deadline);
	a->wt.withdraw = withdraw;
	a->wt.object = a->slot;
	a->slot->waiter = a;
	if (w)
		weft__watch_wait_begin(w);
	w = weft__park(w, &a->wt, &a->slot->lock, PARK_AWAIT);
	if (w)
		weft__watch_wait_end(w);
	if (a->wt.result)
		leave(a);
	return a->wt.result;
}

/* The routine may have moved while start ran: w is read afresh. */
static NOINLINE int wait_done(struct awaiting *a, int64_t deadline)
{
	struct worker *w = weft__worker();
	struct slot *s = a->slot;

	spin_lock(&s->lock);
	if (!s->answered)
		return wait_locked(a, w, deadline);
	a->status = s->status;
	a->result = s->result;
	slot_retire(s);
	weft__budget(w);
	return 0;
}

int weft_await(void (*start)(weft_await_token *t, void *arg), void *arg,
	       void **result, weft_time deadline)
{
	struct awaiting a;
	struct hold h;
	int err;

	if (!start)
		return -EINVAL;
	if (deadline != 0 && weft__cancelled(weft__worker()))
		return -ECANCELED;
	a.slot = slot_new();
	if (!a.slot)
		return -ENOMEM;
	a.generation = a.slot->generation;
	weft__hold(&h, abandon, &a);
	start(token_of(a.slot), arg);
	weft__hold_end(&h);
	err = wait_done(&a, deadline);
	if (err)
		return err;
	if (result)
		*result = a.result;
	return a.status;
}

/* The token's slot is locked; false: it is over. */
static bool answer_locked(struct slot *s, int status, void *result,
			  struct awaiting **woken)
{
	struct awaiting *a = s->waiter;

	if (s->answered || (a && !wait_claim(&a->wt)))
		return false;
	*woken = a;
	if (a) {
		a->status = status;
		a->result = result;
		a->wt.result = 0;
	} else {
		s->answered = true;
		s->status = status;
		s->result = result;
	}
	return true;
}

int weft_await_done(weft_await_token *t, int status, void *result)
{
	struct worker *w = weft__worker();
	uint64_t token = (uintptr_t)t;
	struct awaiting *woken = NULL;
	struct slot *s;
	int err = 0;

	weft__known(w);
	s = slot_find(token);
	if (!s)
		return -EINVAL;
	if (token >> INDEX_BITS != s->generation ||
	    !answer_locked(s, status, result, &woken))
		err = -EALREADY;
	if (woken) {
		slot_retire(s);                                     /* T3 */
		weft__ready(w, &woken->wt);
	} else {
		spin_unlock(&s->lock);
	}
	weft__budget(w);
	return err;
}
