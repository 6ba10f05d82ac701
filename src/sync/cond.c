/* sync/cond.c - waiting for what another will say, with a mutex let go.
 *
 * Place in the life of a routine:  running -> [ wait ] -> park
 *                                  running -> [ signal ] -> ready
 *
 * One word: BUSY, and a pointer to the first of those who wait (place.h).
 * signal readies nobody by itself: it moves the first place to the list of that
 * waiter's mutex, so those who wait get the mutex in the order in which they
 * came, and none wakes only to find it locked.  When the mutex is free the first
 * in its list is woken at once.
 *
 * Invariants
 *   I1  The list is changed only by who holds BUSY, and BUSY is held only by who
 *       adds a place, takes one off, or claims one: no mutex is touched below it
 *       and nobody readied.
 *   I2  The waiter's mutex is unlocked once its place is in the list and its
 *       context is saved: whoever changes what it waits for while holding the
 *       mutex finds the place.
 *   I3  A place claimed by signal is unlinked and will be moved; it is none of
 *       the cond's business any more.  One that gave up is still linked, and
 *       its owner takes it off.
 *   I4  No wait ends but by signal, broadcast, deadline or cancel.
 *
 * The memory may go when the last wait has returned: signal does not touch it
 * after it has dropped BUSY, which is before it moves anybody.
 *
 * Ordering
 *   N1  word: CAS-acquire to set BUSY / store-release to clear it / load-acquire
 *       to see that nobody waits.
 *
 * Lock rank: BUSY of a cond and BUSY of a mutex are never held together.
 */
#include "sync/lockgraph.h"
#include "sync/mutex.h"

#include <weft/cond.h>

enum { BUSY = 1 };

typedef _Atomic uint64_t cond_word;
_Static_assert(sizeof(weft_cond) == 8, "the size is public");

static ALWAYS_INLINE cond_word *word_of(weft_cond *c)
{
	return (cond_word *)&c->weft__word;
}

/* Take BUSY; returns the first place. */
static struct place *list_lock(weft_cond *c)
{
	cond_word *word = word_of(c);
	unsigned spins = 0;
	uint64_t s = load_rlx(word);

	for (;;) {
		if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(word);
		} else if (cas_acq(word, &s, s | BUSY)) {           /* N1 */
			return (struct place *)(uintptr_t)s;
		}
	}
}

static void list_unlock(weft_cond *c, struct place *first)
{
	store_rel(word_of(c), (uint64_t)(uintptr_t)first);          /* N1 */
}

/* --- signal ------------------------------------------------------------------ */

/* Up to `most` claimed places, linked by next. */
static struct place *claim(weft_cond *c, size_t most)
{
	struct place *p, *next, *first = list_lock(c), *chain = NULL;
	struct place **end = &chain;

	for (p = first; most && p; p = next) {
		next = p->next;
		if (!wait_claim(&p->wt))        /* I3: it stays */
			continue;
		first = place_remove(first, p);
		p->next = NULL;
		*end = p;
		end = &p->next;
		most--;
	}
	list_unlock(c, first);
	return chain;
}

static void move(struct worker *w, struct place *chain)
{
	while (chain) {
		struct place *first = chain, *last = chain;
		weft_mutex *m = first->with;

		while (last->next && last->next->with == m)
			last = last->next;
		chain = last->next;
		last->next = NULL;
		weft__mutex_admit(m, w, first);
	}
}

static ALWAYS_INLINE void wake(weft_cond *c, size_t most)
{
	struct worker *w = weft__worker();

	weft__known(w);
	if (load_acq(word_of(c)))                                   /* N1 */
		move(w, claim(c, most));
}

void weft_cond_signal(weft_cond *c)
{
	wake(c, 1);
}

void weft_cond_broadcast(weft_cond *c)
{
	wake(c, SIZE_MAX);
}

/* --- wait ---------------------------------------------------------------------- */

/* Off the list.  False: signal took it off. */
static bool leave(struct place *p, weft_cond *c)
{
	struct place *first = list_lock(c);
	bool was = p->linked && !load_rlx(&p->moved);

	if (was)
		first = place_remove(first, p);
	list_unlock(c, first);
	return was;
}

/* The cond is where wt.object says; p's own object changes when it is moved. */
static bool withdraw(struct wait *wt)
{
	struct place *p = container_of(wt, struct place, wt);
	unsigned spins = 0;

	if (leave(p, wt->object))
		return true;
	while (!load_acq(&p->moved))                                /* M3 */
		place_relax(&spins);
	return weft__mutex_withdraw(wt);
}

/* The context is saved: P1 of park.h.  Once BUSY has gone *p may go. */
static void release_both(void *arg)
{
	struct place *p = arg;
	weft_mutex *m = p->with;

	list_unlock(p->wt.object, (struct place *)(uintptr_t)p->after);
	weft_mutex_unlock(m);
}

static int wait(weft_cond *c, weft_mutex *m, struct worker *w,
		int64_t deadline)
{
	struct place p;

	wait_init(&p.wt, weft__current(w), deadline);
	p.wt.withdraw = withdraw;
	p.wt.object = c;
	p.with = m;
	p.starved = false;
	store_rlx(&p.moved, false);
	p.after = (uint64_t)(uintptr_t)place_append(list_lock(c), &p);
	w = weft__park_release(w, &p.wt, release_both, &p, PARK_COND);
	place_back(&p);
	if (p.wt.result == GRANT_HELD) {
		weft__lock_took(m);
		return 0;
	}
	if (p.wt.result == GRANT_TRY) {
		weft__mutex_relock(m, w, &p);
		return 0;
	}
	leave(&p, c);
	weft_mutex_lock(m);
	return p.wt.result;
}

int weft_cond_wait_until(weft_cond *c, weft_mutex *m, weft_time deadline)
{
	struct worker *w = weft__worker();

	if (unlikely(!weft__mutex_held(m)))
		weft__panic("cond: wait with an unlocked mutex");
	if (deadline == WEFT_NOWAIT)
		return -EAGAIN;
	if (unlikely(weft__cancelled(w)))
		return -ECANCELED;
	if (deadline < 0)
		return -ETIMEDOUT;
	return wait(c, m, w, deadline);
}

int weft_cond_wait(weft_cond *c, weft_mutex *m)
{
	return weft_cond_wait_until(c, m, WEFT_FOREVER);
}
