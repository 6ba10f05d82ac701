/* sync/rwlock.c - many who read, or one who writes: the ways in and out; the
 * protocol is in rwlock.h.
 *
 * Place in the life of a routine:  running -> [ rlock, lock ] -> park
 *                                  running -> [ runlock, unlock ] -> ready
 */
#include "sync/rwlock.h"

#include <weft/runtime.h>

enum {
	SPINS = 20,             /* looks of a writer, a pause apart          */
	LOOKS = 2,              /* looks of a reader                         */
	BURST = 64,             /* pauses before each of them                */
};

/* --- the ticket --------------------------------------------------------------- */

/* A ticket for a lock on which readers meet; 0: not yet. */
static uint32_t ticket_new(weft_rwlock *l)
{
	uint32_t cool = load_rlx(cool_of(l));

	if (cool) {
		store_rlx(cool_of(l), cool - 1);
		return 0;
	}
	return weft__ticket_number();
}

/* Put a token in a slot; then the lock is ours to read. */
static ALWAYS_INLINE bool token_put(weft_rwlock *l, struct worker *w,
				    uint32_t ticket, unsigned probe)
{
	token_slot *slot = token_slot_of(w, ticket, probe);

	if (!token_leave(slot, ticket))
		return false;
	if (likely(ticket_of(load_seq(state_of(l))) == ticket))     /* R2 */
		return true;
	/* Too late, unless it was counted, or taken as another reader's own,
	 * whose token is then ours (I4). */
	return !token_fetch(slot, ticket);
}

/* Spinning pays when others can be running right now. */
static ALWAYS_INLINE bool may_spin(struct worker *w)
{
	return !w || weft_workers() > 1;
}

/* --- read ----------------------------------------------------------------------- */

/* All slots of ours are taken: the ticket goes, and we count ourselves. */
static bool rlock_counted(weft_rwlock *l, struct worker *w, uint64_t *s)
{
	enum duty duty;

	if (!weft__rwlock_busy(l, s, &duty))
		return false;
	/* WAITERS is ours since then, and nobody stands: the stop is ours. */
	add_acqrel(state_of(l), ONE);                               /* R1 */
	weft__rwlock_settle(l, w, duty);
	return true;
}

/* In at once?  Else *s is why not. */
static bool rlock_try(weft_rwlock *l, struct worker *w, uint64_t *s, bool met)
{
	rwlock_word *state = state_of(l);
	uint32_t ticket;

	while (!(*s & (WRITER | WAITERS))) {
		ticket = ticket_of(*s);
		if (ticket) {
			for (unsigned i = 0; i < TOKEN_PROBES; i++)
				if (token_put(l, w, ticket, i))
					return true;
			if (load_rlx(state) == *s && rlock_counted(l, w, s))
				return true;
			*s = load_rlx(state);
		} else if (!*s && met && (ticket = ticket_new(l))) {
			uint64_t to = (uint64_t)ticket << 32;

			if (cas_seq(state, s, to)) {                /* R2 */
				store_rlx(hint_of(l), ticket);
				*s = to;
			}
		} else if (cas_acq(state, s, *s + ONE)) {           /* R1 */
			if (unlikely(load_rlx(hint_of(l))))
				store_rlx(hint_of(l), 0);       /* was late */
			return true;
		} else {
			met = true;
		}
	}
	return false;
}

/* Each look takes the line from who is about to let us in. */
static void pauses(void)
{
	for (unsigned i = 0; i < BURST; i++)
		weft__arch_pause();
}

static NOINLINE int rlock_slow(weft_rwlock *l, struct worker *w,
			       int64_t deadline, bool steady, bool met)
{
	rwlock_word *state = state_of(l);
	unsigned spins = 0, looks = may_spin(w) ? LOOKS : 0;
	uint64_t s = load_rlx(state);
	enum duty duty;

	for (;;) {
		if (rlock_try(l, w, &s, met))
			return 0;
		if (deadline > WEFT_NOWAIT && looks && !load_rlx(list_of(l))) {
			looks--;
			pauses();
			s = load_rlx(state);
		} else if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(state);
		} else if (deadline <= WEFT_NOWAIT) {
			return place_refuse(w, deadline);
		} else if (weft__rwlock_busy(l, &s, &duty)) {
			return weft__rwlock_stand(l, w, deadline, steady, false, duty);
		}
	}
}

static NOINLINE int rlock_entering(weft_rwlock *l, struct worker *w,
				   int64_t deadline, bool steady)
{
	w = place_enter(w);
	return rlock_slow(l, w, deadline, steady, false);
}

/* The usual ways in: counted, or with a ticket. */
static ALWAYS_INLINE int rlock(weft_rwlock *l, int64_t deadline, bool steady)
{
	rwlock_word *state = state_of(l);
	struct worker *w = weft__worker();
	uint32_t ticket = load_rlx(hint_of(l));
	uint64_t s = 0;
	bool met = false;

	if (!steady && deadline != WEFT_NOWAIT && weft__cancelled(w))
		return -ECANCELED;
	if (unlikely(!place_count(w)))
		return rlock_entering(l, w, deadline, steady);
	if (unlikely(ticket)) {
		if (likely(token_put(l, w, ticket, 0)))
			return 0;
	} else {
		if (likely(cas_acq(state, &s, ONE)))                /* R1 */
			return 0;
		if (!(s & ~COUNT) && cas_acq(state, &s, s + ONE))   /* R1 */
			return 0;
		met = s & COUNT;
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

static _Noreturn NOINLINE void nobody_reads(void)
{
	weft__panic("rwlock: runlock of a lock that nobody reads");
}

/* We were the last, and nobody had BUSY then: I3. */
static NOINLINE void last_out(weft_rwlock *l, struct worker *w)
{
	rwlock_word *state = state_of(l);
	unsigned spins = 0;
	uint64_t s = load_rlx(state);

	for (;;) {
		if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(state);
		} else if (cas_acq(state, &s, s | BUSY)) {          /* R1 */
			weft__rwlock_pass(l, w, false);
			return;
		}
	}
}

/* Our token is in the count (I4). */
static ALWAYS_INLINE void uncount(weft_rwlock *l, struct worker *w)
{
	uint64_t s = sub_acqrel(state_of(l), ONE);                  /* R1 */

	if (unlikely((s & (WAITERS | BUSY | COUNT)) == (WAITERS | 2 * ONE)))
		last_out(l, w);
}

/* The ticket is there, and our token in a row that is not ours, or was not. */
static bool runlock_counted(weft_rwlock *l, struct worker *w, uint64_t *s)
{
	rwlock_word *state = state_of(l);
	enum duty duty;
	bool ours;

	if (!weft__rwlock_busy(l, s, &duty))
		return false;
	ours = (load_rlx(state) & COUNT) > ONE;
	if (ours)
		sub_acqrel(state, ONE);                             /* R1 */
	weft__rwlock_settle(l, w, duty);
	if (!ours)
		nobody_reads();
	return true;
}

static NOINLINE void runlock_slow(weft_rwlock *l, struct worker *w)
{
	unsigned spins = 0;

	for (;;) {
		uint64_t s = load_rlx(state_of(l));
		uint32_t ticket = ticket_of(s);

		for (unsigned i = 0; ticket && i < TOKEN_PROBES; i++)
			if (token_fetch(token_slot_of(w, ticket, i), ticket))
				return;
		if (s & MOVING) {
			place_relax(&spins);
		} else if (ticket) {
			if (runlock_counted(l, w, &s))
				return;
		} else if (s & COUNT) {
			uncount(l, w);
			return;
		} else {
			nobody_reads();
		}
	}
}

static ALWAYS_INLINE void runlock(weft_rwlock *l, struct worker *w)
{
	uint64_t s = load_rlx(state_of(l));
	uint32_t ticket = ticket_of(s);

	if (likely(s & COUNT && !(s & MOVING)))
		uncount(l, w);
	else if (!ticket || unlikely(!token_fetch(token_slot_of(w, ticket, 0),
						  ticket)))
		runlock_slow(l, w);
}

/* By a plain thread, which may be another than who locked it. */
static NOINLINE void runlock_plain(weft_rwlock *l)
{
	weft__plain_act();
	runlock(l, NULL);
}

void weft_rwlock_runlock(weft_rwlock *l)
{
	struct worker *w = weft__worker();

	if (likely(w != NULL))
		runlock(l, w);
	else
		runlock_plain(l);
}

/* --- write ---------------------------------------------------------------------- */

/* BUSY is ours: until the readers are out, or it takes too long. */
static bool drained(weft_rwlock *l, struct worker *w, enum duty duty)
{
	rwlock_word *state = state_of(l);
	unsigned tries = may_spin(w) ? SPINS : 0;

	/* The last access of the writer before us, or of I3's reader. */
	if (duty == ELSEWHERE)
		return false;
	for (;;) {
		uint64_t s = load_acq(state);                       /* R1 */

		if (s & WRITER)
			return false;
		if ((s & COUNT) == ONE)
			return true;
		if (!tries--)
			return false;
		weft__arch_pause();
	}
}

/* With the gate. */
static NOINLINE int lock_slow(weft_rwlock *l, struct worker *w,
			      int64_t deadline, bool steady)
{
	rwlock_word *state = state_of(l);
	unsigned spins = 0, tries = may_spin(w) ? 0 : SPINS;
	uint64_t s = load_rlx(state);
	enum duty duty;

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
		} else if (s & WRITER && tries < SPINS) {
			tries++;
			weft__arch_pause();
			s = load_rlx(state);
		} else if (weft__rwlock_busy(l, &s, &duty)) {
			if (drained(l, w, duty)) {
				store_rel(state, WRITER |           /* R1 */
					  (load_rlx(list_of(l)) ? WAITERS : 0));
				return 0;
			}
			if (deadline > WEFT_NOWAIT)
				return weft__rwlock_stand(l, w, deadline, steady, true,
					     duty);
			weft__rwlock_settle(l, w, duty);
			return place_refuse(w, deadline);
		}
	}
}

static NOINLINE int lock_gate(weft_rwlock *l, struct worker *w,
			      int64_t deadline, bool steady)
{
	uint64_t s = 0;
	int err = weft__gate_lock(gate_of(l), w, deadline, steady, PARK_WLOCK);

	if (err || likely(cas_acq(state_of(l), &s, WRITER)))        /* R1 */
		return err;
	err = lock_slow(l, weft__worker(), deadline, steady);
	if (err)
		weft__gate_unlock(gate_of(l));
	return err;
}

static NOINLINE int lock_entering(weft_rwlock *l, struct worker *w,
				  int64_t deadline, bool steady)
{
	w = place_enter(w);
	return lock_gate(l, w, deadline, steady);
}

void weft_rwlock_lock(weft_rwlock *l)
{
	struct worker *w = weft__worker();

	if (unlikely(!place_count(w)))
		lock_entering(l, w, WEFT_FOREVER, true);
	else
		lock_gate(l, w, WEFT_FOREVER, true);
}

int weft_rwlock_lock_until(weft_rwlock *l, weft_time deadline)
{
	struct worker *w = weft__worker();

	if (unlikely(deadline != WEFT_NOWAIT && weft__cancelled(w)))
		return -ECANCELED;
	if (unlikely(!place_count(w)))
		return lock_entering(l, w, deadline, false);
	return lock_gate(l, w, deadline, false);
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
	enum duty duty;

	for (;;) {
		if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(state);
		} else if (!(s & WAITERS)) {
			if (cas_rel(state, &s, 0))                  /* R1 */
				return;
		} else if (weft__rwlock_busy(l, &s, &duty)) {
			weft__rwlock_pass(l, weft__worker(), true);
			return;
		}
	}
}

static ALWAYS_INLINE void unlock(weft_rwlock *l)
{
	uint64_t s = WRITER;

	if (unlikely(!(load_rlx(state_of(l)) & WRITER)))
		weft__panic("rwlock: unlock of a lock that nobody writes");
	weft__gate_unlock(gate_of(l));
	if (unlikely(!cas_rel(state_of(l), &s, 0)))                 /* R1 */
		unlock_slow(l);
}

static NOINLINE void unlock_plain(weft_rwlock *l)
{
	weft__plain_act();
	unlock(l);
}

void weft_rwlock_unlock(weft_rwlock *l)
{
	if (likely(weft__worker() != NULL))
		unlock(l);
	else
		unlock_plain(l);
}
