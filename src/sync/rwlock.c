/* sync/rwlock.c - many who read, or one who writes.
 *
 * Place in the life of a routine:  running -> [ rlock, lock ] -> park
 *                                  running -> [ runlock, unlock ] -> ready
 *
 * One word: how many read, WRITER, WAITERS, BUSY, and a ticket; and two lists of
 * places.  Uncontended, each operation is one CAS.  Who waits is handed the lock
 * by whoever gives it up; nobody overtakes.  Who comes to read while a writer
 * waits stands behind it; when a writer leaves, all readers that wait go first,
 * as one batch: so neither kind starves (phase-fair, as sync.RWMutex of Go).
 *
 * Readers that meet on the word would pull its line from core to core.  When
 * they do, the lock gets a ticket, a number never used before, and a reader
 * writes it into a slot of its worker's own row instead of counting itself.
 * After "BRAVO - Biased Locking for Reader-Writer Locks" (Dice, Kogan 2019),
 * but tokens are anonymous: a ticket in any slot or one in the count stands for
 * some reader, so a reader may move to another worker, and whoever wants to
 * write takes the ticket away from the lock, moves every token in the slots to
 * the count, and then waits for the count alone.  After that COOL meetings must
 * happen before the next ticket.
 *
 * Invariants
 *   I1  Lists change only under BUSY.  BUSY set: WAITERS set, ticket clear.
 *   I2  WAITERS set and BUSY clear: the lock is held, somebody is in a list, and
 *       who would take the count to zero or clear WRITER takes BUSY first.
 *   I3  WAITERS set: the count does not grow but by the holder of BUSY, and it
 *       reaches zero only through the holder of BUSY.  Below WAITERS and BUSY
 *       the holder of BUSY may thus find the count fall, but never to zero.
 *   I4  Tokens in slots + count = readers + those between R2's two looks.  WRITER
 *       set: all of that is zero, save for the latter.
 *   I5  A place is linked, or its owner was claimed by who unlinked it, or its
 *       owner is on its way out.
 *
 * The memory may go as soon as the last unlock has returned, or when another
 * who locked after it says so: the access that frees the lock is the last.
 *
 * Ordering
 *   R1  state: CAS-acquire to lock, rlock, set BUSY / CAS-release, store-release
 *       or sub-acquire-release to unlock, runlock, clear BUSY.  Who holds the
 *       lock sees what earlier holders did, who holds BUSY sees the lists.
 *   R2  slot: CAS-seq by the reader before it looks at state (seq) for its
 *       ticket / state: CAS-seq by who takes the ticket away before it looks at
 *       the slots (seq).  A reader whose slot was found empty sees that its
 *       ticket is gone, and tries again.
 *   R3  slot: CAS-release by runlock / load-seq, which acquires, by who takes
 *       the ticket away.  The writer sees what the reader did.
 *
 * Lock rank: nothing is taken under BUSY.
 */
#include "sync/place.h"

#include <weft/rwlock.h>

#define WRITER   UINT64_C(1)
#define BUSY     UINT64_C(2)
#define WAITERS  UINT64_C(4)
#define ONE      UINT64_C(8)            /* a reader */
#define COUNT    (UINT64_C(0xffffffff) & ~(WRITER | BUSY | WAITERS))
#define TICKET   (UINT64_C(0xffffffff) << 32)

enum { ROWS = 64, ROW_SLOTS = 16 };
enum { COOL = WEFT_SHRINK(1024, 8) };   /* meetings of readers */

typedef _Atomic uint64_t rwlock_word;
typedef _Atomic uint32_t rwlock_cool;
_Static_assert(sizeof(weft_rwlock) == 32, "the size is public");

/* Tokens of readers.  A row is one line; workers choose it by their address.  A
 * token of a reader that was discarded stays: its ticket has gone with the lock,
 * so it only keeps others out of the slot, who then count themselves. */
static struct row {
	CACHE_ALIGNED _Atomic uint32_t slot[ROW_SLOTS];
} rows[ROWS];

static _Atomic uint32_t tickets;        /* given out so far */

static ALWAYS_INLINE rwlock_word *state_of(weft_rwlock *l)
{
	return (rwlock_word *)&l->weft__state;
}

static ALWAYS_INLINE rwlock_cool *cool_of(weft_rwlock *l)
{
	return (rwlock_cool *)&l->weft__cool;
}

static ALWAYS_INLINE uint32_t ticket_of(uint64_t s)
{
	return (uint32_t)(s >> 32);
}

static ALWAYS_INLINE _Atomic uint32_t *slot_of(const struct worker *w,
					       uint32_t ticket)
{
	uint64_t h = (uint64_t)(uintptr_t)w * UINT64_C(0x9e3779b97f4a7c15);

	return &rows[h >> 58].slot[ticket % ROW_SLOTS];
}
_Static_assert(ROWS == 1 << (64 - 58), "the hash has as many values");

/* --- the ticket --------------------------------------------------------------- */

/* A ticket for a lock on which readers meet; 0: not yet. */
static uint32_t ticket_new(weft_rwlock *l)
{
	uint32_t cool = load_rlx(cool_of(l));

	if (cool) {
		store_rlx(cool_of(l), cool - 1);
		return 0;
	}
	return add_rlx(&tickets, 1) + 1;        /* 0 once in 2^32: not yet */
}

/* BUSY is ours since the ticket went: count its tokens. */
static void tokens_count(weft_rwlock *l, uint32_t ticket)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < ROWS; i++) {
		_Atomic uint32_t *slot = &rows[i].slot[ticket % ROW_SLOTS];
		uint32_t found = load_seq(slot);                    /* R2 R3 */

		if (found == ticket && cas_seq(slot, &found, 0))    /* R2 */
			n++;
	}
	store_rlx(cool_of(l), COOL);
	add_acqrel(state_of(l), n * ONE);                           /* R1 */
}

/* Put a token in a slot; then the lock is ours to read. */
static ALWAYS_INLINE bool token_put(weft_rwlock *l, struct worker *w,
				    uint32_t ticket)
{
	_Atomic uint32_t *slot = slot_of(w, ticket);
	uint32_t old = 0;

	if (load_rlx(slot) || !cas_seq(slot, &old, ticket))         /* R2 */
		return false;
	if (likely(ticket_of(load_seq(state_of(l))) == ticket))     /* R2 */
		return true;
	/* Too late, unless it was counted, or taken as another reader's own,
	 * whose token is then ours (I4). */
	old = ticket;
	return !cas_rel(slot, &old, 0);                             /* R3 */
}

static ALWAYS_INLINE bool token_take(struct worker *w, uint32_t ticket)
{
	_Atomic uint32_t *slot = slot_of(w, ticket);
	uint32_t old = ticket;

	return load_rlx(slot) == ticket && cas_rel(slot, &old, 0);  /* R3 */
}

/* --- the lists, under BUSY ------------------------------------------------------ */

/* Take BUSY from state s, which has it clear.  The ticket, if any, goes, and
 * with WAITERS set nobody comes in. */
static bool busy(weft_rwlock *l, uint64_t *s)
{
	uint32_t ticket = ticket_of(*s);

	if (!cas_seq(state_of(l), s,
		     (*s & ~TICKET) | BUSY | WAITERS))              /* R1 R2 */
		return false;
	if (ticket)
		tokens_count(l, ticket);
	return true;
}

/* All claimed readers as a chain, counted. */
static struct place *admit_readers(weft_rwlock *l, uint64_t *n)
{
	struct place *p, *first = l->weft__readers, *chain = NULL;
	struct place **end = &chain;

	*n = 0;
	while ((p = first)) {
		first = place_remove(p, p);
		if (!wait_claim(&p->wt))
			continue;
		place_grant(p, GRANT_HELD);
		p->next = NULL;
		*end = p;
		end = &p->next;
		++*n;
	}
	l->weft__readers = NULL;
	return chain;
}

static struct place *admit_writer(weft_rwlock *l)
{
	struct place *p, *first = l->weft__writers;

	while ((p = first)) {
		first = place_remove(p, p);
		if (wait_claim(&p->wt)) {
			place_grant(p, GRANT_HELD);
			p->next = NULL;
			break;
		}
	}
	l->weft__writers = first;
	return p;
}

/* BUSY is ours, and so is the lock, alone: give both up. */
static void pass(weft_rwlock *l, struct worker *w, bool to_readers)
{
	struct place *p = NULL;
	uint64_t n = 0, to;

	if (to_readers)
		p = admit_readers(l, &n);
	if (!p)
		p = admit_writer(l);
	if (!p)
		p = admit_readers(l, &n);
	to = n ? n * ONE : p ? WRITER : 0;
	/* Readers that wait behind the writer, or writers behind the readers. */
	if (l->weft__readers || l->weft__writers)
		to |= WAITERS;
	store_rel(state_of(l), to);                                 /* R1 */
	place_mark(w);
	place_ready_all(w, p);
}

/* BUSY is ours, and the lock is held: give up BUSY.  Without a writer that
 * waits the readers need not wait for readers. */
static void settle(weft_rwlock *l, struct worker *w)
{
	rwlock_word *state = state_of(l);
	struct place *p = NULL;
	uint64_t n = 0, s = load_rlx(state), drop = BUSY;

	if (!(s & WRITER) && !l->weft__writers)
		p = admit_readers(l, &n);
	if (!l->weft__readers && !l->weft__writers)
		drop |= WAITERS;
	sub_acqrel(state, drop - n * ONE);                          /* R1 */
	place_ready_all(w, p);
}

/* --- giving up ------------------------------------------------------------------ */

static struct place **list_of(struct place *p)
{
	weft_rwlock *l = p->object;

	return (struct place **)(p->with ? &l->weft__writers
					 : &l->weft__readers);
}

/* Off its list.  False: somebody took it off. */
static bool leave(struct place *p, struct worker *w)
{
	weft_rwlock *l = p->object;
	rwlock_word *state = state_of(l);
	unsigned spins = 0;
	uint64_t s;
	bool was;

	/* While we are in a list WAITERS is set.  It is clear: who took us off
	 * is done with us. */
	for (;;) {
		s = load_acq(state);                                /* R1 */
		if (!(s & WAITERS))
			return false;
		if (s & BUSY)
			place_relax(&spins);
		else if (busy(l, &s))
			break;
	}
	was = p->linked;
	if (was)
		*list_of(p) = place_remove(*list_of(p), p);
	settle(l, w);
	return was;
}

static bool withdraw(struct wait *wt)
{
	struct place *p = container_of(wt, struct place, wt);
	int grant;

	if (leave(p, NULL))
		return true;
	grant = p->wt.result;
	p->wt.result = GRANT_NONE;
	if (grant == GRANT_HELD && p->with)
		weft_rwlock_unlock(p->object);
	else if (grant == GRANT_HELD)
		weft_rwlock_runlock(p->object);
	return false;
}

/* --- waiting -------------------------------------------------------------------- */

/* The context is saved: P1 of park.h. */
static void release_busy(void *arg)
{
	sub_acqrel(state_of(arg), BUSY);                            /* R1 */
}

/* BUSY is ours, the lock is another's: stand in a list. */
static int stand(weft_rwlock *l, struct worker *w, int64_t deadline,
		 bool steady, bool writer)
{
	struct place p;

	p.object = l;
	p.with = writer ? l : NULL;
	if (steady)
		wait_init_steady(&p.wt, weft__current(w));
	else
		wait_init(&p.wt, weft__current(w), deadline);
	p.wt.withdraw = withdraw;
	p.wt.object = l;
	*list_of(&p) = place_append(*list_of(&p), &p);
	w = weft__park_release(w, &p.wt, release_busy, l,
			       writer ? PARK_WLOCK : PARK_RLOCK);
	place_back(&p);
	if (p.wt.result == GRANT_HELD)
		return 0;
	leave(&p, w);
	return p.wt.result;
}

/* --- read ----------------------------------------------------------------------- */

static NOINLINE int rlock_slow(weft_rwlock *l, struct worker *w,
			       int64_t deadline, bool steady, bool met)
{
	rwlock_word *state = state_of(l);
	unsigned spins = 0;
	uint64_t s = load_rlx(state), to;

	for (;;) {
		if (!(s & (WRITER | WAITERS))) {
			if (w && ticket_of(s) && token_put(l, w, ticket_of(s)))
				return 0;
			to = s + ONE;
			if (met && w && !ticket_of(s))
				to |= (uint64_t)ticket_new(l) << 32;
			if (cas_acq(state, &s, to))                 /* R1 */
				return 0;
			met = true;
			continue;
		}
		if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(state);
		} else if (deadline <= WEFT_NOWAIT) {
			return place_refuse(w, deadline);
		} else if (busy(l, &s)) {
			return stand(l, w, deadline, steady, false);
		}
	}
}

static NOINLINE int rlock_entering(weft_rwlock *l, struct worker *w,
				   int64_t deadline, bool steady)
{
	w = place_enter(w);
	return rlock_slow(l, w, deadline, steady, false);
}

/* The usual ways in: alone, or with a ticket. */
static ALWAYS_INLINE int rlock(weft_rwlock *l, int64_t deadline, bool steady)
{
	rwlock_word *state = state_of(l);
	struct worker *w = weft__worker();
	uint64_t s = load_rlx(state);
	bool met = false;

	if (!steady && deadline != WEFT_NOWAIT && weft__cancelled(w))
		return -ECANCELED;
	if (unlikely(!place_count(w)))
		return rlock_entering(l, w, deadline, steady);
	if (likely(!s)) {
		/* The constant does not wait for the load. */
		if (likely(cas_acq(state, &s, ONE)))                /* R1 */
			return 0;
		met = true;
	} else if (s & TICKET) {
		if (likely(token_put(l, w, ticket_of(s))))
			return 0;
	}
	return rlock_slow(l, w, deadline, steady, met);
}

void weft_rwlock_rlock(weft_rwlock *l)
{
	rlock(l, WEFT_FOREVER, true);
}

int weft_rwlock_rlock_until(weft_rwlock *l, weft_time deadline)
{
	return rlock(l, deadline, false);
}

int weft_rwlock_try_rlock(weft_rwlock *l)
{
	return weft_rwlock_rlock_until(l, WEFT_NOWAIT);
}

/* BUSY is ours: one reader less, and perhaps the last. */
static void runlock_busy(weft_rwlock *l, struct worker *w)
{
	rwlock_word *state = state_of(l);
	uint64_t s;

	/* Others may have left since we have BUSY: acquire. */
	while (((s = load_acq(state)) & COUNT) > ONE)               /* R1 */
		if (cas_rel(state, &s, s - ONE)) {                  /* R1 */
			settle(l, w);
			return;
		}
	if (likely(s & COUNT)) {
		pass(l, w, false);
		return;
	}
	store_rel(state, 0);                                        /* R1 */
	weft__panic("rwlock: runlock of a lock that nobody reads");
}

static NOINLINE void runlock_slow(weft_rwlock *l, struct worker *w)
{
	rwlock_word *state = state_of(l);
	unsigned spins = 0;
	uint64_t s = load_rlx(state);

	for (;;) {
		uint64_t count = s & COUNT;

		if (w && ticket_of(s) && token_take(w, ticket_of(s)))
			return;
		if (count > ONE || (count && !(s & WAITERS))) {
			if (cas_rel(state, &s, s - ONE))            /* R1 */
				return;
		} else if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(state);
		} else if (!count && !ticket_of(s)) {
			weft__panic("rwlock: runlock of a lock that nobody "
				    "reads");
		} else if (busy(l, &s)) {
			runlock_busy(l, w);
			return;
		}
	}
}

void weft_rwlock_runlock(weft_rwlock *l)
{
	rwlock_word *state = state_of(l);
	struct worker *w = weft__worker();
	uint64_t s = load_rlx(state);

	if (likely(s == ONE)) {
		if (likely(cas_rel(state, &s, 0)))                  /* R1 */
			return;
	} else if (s & TICKET) {
		if (likely(w && token_take(w, ticket_of(s))))
			return;
	}
	runlock_slow(l, w);
}

/* --- write ---------------------------------------------------------------------- */

static NOINLINE int lock_slow(weft_rwlock *l, struct worker *w,
			      int64_t deadline, bool steady)
{
	rwlock_word *state = state_of(l);
	unsigned spins = 0;
	uint64_t s = load_rlx(state);

	for (;;) {
		if (!s) {
			if (cas_acq(state, &s, WRITER))             /* R1 */
				return 0;
		} else if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(state);
		} else if (deadline <= WEFT_NOWAIT &&
			   s & (WRITER | WAITERS | COUNT)) {
			return place_refuse(w, deadline);
		} else if (busy(l, &s)) {
			s = load_rlx(state);
			if (!(s & (WRITER | COUNT))) {
				store_rel(state, WRITER);           /* R1 */
				return 0;
			}
			if (deadline > WEFT_NOWAIT)
				return stand(l, w, deadline, steady, true);
			settle(l, w);
			return place_refuse(w, deadline);
		}
	}
}

static NOINLINE int lock_entering(weft_rwlock *l, struct worker *w,
				  int64_t deadline, bool steady)
{
	w = place_enter(w);
	return lock_slow(l, w, deadline, steady);
}

void weft_rwlock_lock(weft_rwlock *l)
{
	struct worker *w = weft__worker();
	uint64_t s = 0;

	if (unlikely(!place_count(w)))
		lock_entering(l, w, WEFT_FOREVER, true);
	else if (unlikely(!cas_acq(state_of(l), &s, WRITER)))       /* R1 */
		lock_slow(l, w, WEFT_FOREVER, true);
}

int weft_rwlock_lock_until(weft_rwlock *l, weft_time deadline)
{
	struct worker *w = weft__worker();
	uint64_t s = 0;

	if (unlikely(deadline != WEFT_NOWAIT && weft__cancelled(w)))
		return -ECANCELED;
	if (unlikely(!place_count(w)))
		return lock_entering(l, w, deadline, false);
	if (unlikely(!cas_acq(state_of(l), &s, WRITER)))            /* R1 */
		return lock_slow(l, w, deadline, false);
	return 0;
}

int weft_rwlock_try_lock(weft_rwlock *l)
{
	return weft_rwlock_lock_until(l, WEFT_NOWAIT);
}

static NOINLINE void unlock_slow(weft_rwlock *l)
{
	rwlock_word *state = state_of(l);
	unsigned spins = 0;
	uint64_t s = load_rlx(state);

	for (;;) {
		if (!(s & WRITER))
			weft__panic("rwlock: unlock of a lock that nobody "
				    "writes");
		if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(state);
		} else if (!(s & WAITERS)) {
			if (cas_rel(state, &s, 0))                  /* R1 */
				return;
		} else if (busy(l, &s)) {
			pass(l, weft__worker(), true);
			return;
		}
	}
}

void weft_rwlock_unlock(weft_rwlock *l)
{
	uint64_t s = WRITER;

	if (unlikely(!cas_rel(state_of(l), &s, 0)))                 /* R1 */
		unlock_slow(l);
}
