/* sync/rwwait.c - the list of those who wait for a rwlock, under BUSY, and how
 * the lock is passed on to them; the protocol is in rwlock.h.
 *
 * Place in the life of a routine:  running -> [ stand ] -> park
 *                                  running -> [ pass ] -> ready
 */
#include "sync/rwlock.h"

enum { COOL = WEFT_SHRINK(1024, 8) };   /* meetings of readers */

/* BUSY is ours since the ticket went: count its tokens. */
static void tokens_count(weft_rwlock *l, uint32_t ticket)
{
	uint64_t n = weft__tokens_gather(ticket);

	store_rlx(cool_of(l), COOL);
	store_rlx(hint_of(l), 0);
	add_acqrel(state_of(l), n * ONE - MOVING);                  /* R1 */
}

bool weft__rwlock_busy(weft_rwlock *l, uint64_t *s, enum duty *duty)
{
	uint64_t was = *s, to = (was & ~TICKET) | BUSY | WAITERS;

	if (was & TICKET)
		to |= MOVING;
	if (!(was & (WRITER | WAITERS)))
		to += ONE;                                      /* I2 */
	if (!cas_seq(state_of(l), s, to))                           /* R1 R2 */
		return false;
	*duty = (was & (WRITER | WAITERS | COUNT)) == (WAITERS | ONE) ?
		ELSEWHERE : MINE;                               /* I3 */
	if (was & TICKET)
		tokens_count(l, ticket_of(was));
	return true;
}

static struct place *writer_of(weft_rwlock *l)
{
	struct place *p = load_rlx(list_of(l));

	return p && p->with ? p : NULL;
}

/* All claimed readers as a chain, counted; no writer stands before them. */
static struct place *admit_readers(weft_rwlock *l, struct place *first,
				   uint64_t *n)
{
	struct place *p, *chain = NULL, **end = &chain;

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
	store_rlx(list_of(l), NULL);
	return chain;
}

/* The writer that waits, claimed and off the list. */
static struct place *admit_writer(weft_rwlock *l)
{
	struct place *p = writer_of(l);

	if (!p)
		return NULL;
	store_rlx(list_of(l), place_remove(p, p));
	if (!wait_claim(&p->wt))
		return NULL;
	place_grant(p, GRANT_HELD);
	p->next = NULL;
	return p;
}

void weft__rwlock_pass(weft_rwlock *l, struct worker *w, bool to_readers)
{
	struct place *p = NULL, *writer = writer_of(l), *first;
	uint64_t n = 0, to = 0;

	if (!to_readers && (p = admit_writer(l)))
		to = WRITER | (load_rlx(list_of(l)) ? WAITERS : 0);
	if (!p) {
		writer = writer_of(l);
		first = load_rlx(list_of(l));
		p = admit_readers(l, writer ? place_remove(first, writer) :
				     first, &n);
		to = n * ONE;
		if (writer) {
			store_rlx(list_of(l), place_append(NULL, writer));
			to += ONE | WAITERS;                    /* I2 */
		}
	}
	if (!p && (p = admit_writer(l)))
		to = WRITER;
	store_rel(state_of(l), p ? to : 0);                         /* R1 */
	weft__known(w);
	place_ready_all(w, p);
}

void weft__rwlock_settle(weft_rwlock *l, struct worker *w, enum duty duty)
{
	rwlock_word *state = state_of(l);
	struct place *p = NULL;
	uint64_t n = 0, s, to;

	do {
		s = load_acq(state);                                /* R1 */
		to = s - BUSY;
		if (s & WRITER) {
			if (!load_rlx(list_of(l)))
				to -= WAITERS;
		} else if (duty == MINE) {
			if ((s & COUNT) == ONE && !n) {
				weft__rwlock_pass(l, w, false);
				return;
			}
			if (!writer_of(l)) {
				if (!p)
					p = admit_readers(l,
						load_rlx(list_of(l)), &n);
				to = s - BUSY - WAITERS + (n - 1) * ONE;
			}
		}
	} while (!cas_acqrel(state, &s, to));                       /* R1 */
	place_ready_all(w, p);
}

/* --- giving up ------------------------------------------------------------------ */

/* Off the list.  False: somebody took it off. */
static bool leave(struct place *p, struct worker *w)
{
	weft_rwlock *l = p->object;
	rwlock_word *state = state_of(l);
	unsigned spins = 0;
	enum duty duty;
	uint64_t s;
	bool was;

	/* While we are in the list WAITERS is set.  It is clear: who took us
	 * off is done with us. */
	for (;;) {
		s = load_acq(state);                                /* R1 */
		if (!(s & WAITERS))
			return false;
		if (s & BUSY)
			place_relax(&spins);
		else if (weft__rwlock_busy(l, &s, &duty))
			break;
	}
	was = p->linked;
	if (was)
		store_rlx(list_of(l),
			  place_remove(load_rlx(list_of(l)), p));
	weft__rwlock_settle(l, w, duty);
	return was;
}

static bool withdraw(struct wait *wt)
{
	struct place *p = container_of(wt, struct place, wt);
	weft_rwlock *l = p->object;
	bool was = leave(p, NULL), writer = p->with;
	int grant = p->wt.result;

	p->with = NULL;
	p->wt.result = was ? grant : GRANT_NONE;
	if (was || grant != GRANT_HELD) {
		if (writer)
			weft__gate_unlock(gate_of(l));
	} else if (writer) {
		weft_rwlock_unlock(l);
	} else {
		weft_rwlock_runlock(l);
	}
	return was;
}

/* --- waiting -------------------------------------------------------------------- */

/* The context is saved: P1 of park.h. */
static void release_busy(void *arg)
{
	struct place *p = arg;

	weft__rwlock_settle(p->object, weft__worker(), (enum duty)p->after);
}

int weft__rwlock_stand(weft_rwlock *l, struct worker *w, int64_t deadline,
		       bool steady, bool writer, enum duty duty)
{
	struct place p, *first = load_rlx(list_of(l));

	p.object = l;
	p.with = writer ? l : NULL;
	p.after = duty;
	if (steady)
		wait_init_steady(&p.wt, weft__current(w));
	else
		wait_init(&p.wt, weft__current(w), deadline);
	p.wt.withdraw = withdraw;
	p.wt.object = l;
	store_rlx(list_of(l), writer ? place_prepend(first, &p) :
				       place_append(first, &p));
	w = weft__park_release(w, &p.wt, release_busy, &p,
			       writer ? PARK_WLOCK : PARK_RLOCK);
	place_back(&p);
	if (p.wt.result == GRANT_HELD)
		return 0;
	leave(&p, w);
	return p.wt.result;
}
