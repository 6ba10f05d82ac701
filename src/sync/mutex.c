/* sync/mutex.c - one at a time.
 *
 * Place in the life of a routine:  running -> [ lock ] -> park
 *                                  running -> [ unlock ] -> ready
 *
 * One word: LOCKED, BUSY, WOKEN, and a pointer to the first of those who wait
 * (place.h).  Uncontended, lock and unlock are one CAS each, between 0 and
 * LOCKED.  They are calls all the same: inline they measured no faster (the
 * two CAS hide the call), and a plain thread has to be known (weft__known) even
 * when it does not wait, since it may hold what routines wait for.
 *
 * Unlock wakes the first who waits and leaves the mutex free: whoever comes
 * first takes it (barging), which spares a switch per hold.  At most one is so
 * on its way at a time (WOKEN).  Who finds the mutex taken again goes back to
 * the front; once it has waited for 1 ms unlock hands the mutex over to it
 * without freeing it.  So nobody loses more than once after the first 1 ms.
 * (sync.Mutex of Go, its starvation mode; here it is said of the waiter and not
 * of the mutex, so an unlock reads no clock.)
 *
 * Invariants
 *   I1  The list is changed only by who holds BUSY.
 *   I2  LOCKED is cleared neither while another holds BUSY nor, if somebody
 *       waits and WOKEN is clear, without waking him.  So who sets BUSY while
 *       LOCKED is set has the whole word until he stores the next; else the
 *       mutex may be taken under him.
 *   I3  Somebody waits and LOCKED is clear: WOKEN is set, or the unlock that
 *       cleared LOCKED saw WOKEN: one who was woken will look.
 *   I4  WOKEN is set by the unlock that wakes, and cleared by the one woken,
 *       when it takes the mutex or waits again.  If it is discarded before it
 *       runs, withdraw clears it and passes the waking on.
 *   I5  A place is linked, or its owner was claimed by who unlinked it, or its
 *       owner is on its way out.
 *
 * The memory may go when the last unlock has returned, or when another who
 * locked after it says so: the access that frees the mutex is the last of an
 * unlock.  By then the one it wakes is claimed, hence parked until weft__ready;
 * and it still wants the mutex, so nobody may free that before it has run.
 *
 * Ordering
 *   M1  word: CAS-acquire to set LOCKED / CAS-release or store-release to clear
 *       it.  Who holds the mutex sees what the last holder did.
 *   M2  word: CAS-acquire to set BUSY / store-release or CAS-release to clear
 *       it.  The next holder of BUSY sees the list.
 *   M3  moved: store-release under BUSY / load-acquire by a discard that found
 *       the place claimed and unlinked.  It sees which object to ask.
 *   (Who is handed the mutex sees it through M2 of the unlock and weft__ready.)
 *
 * Lock rank: BUSY of a mutex under BUSY of a cond; nothing under it.
 */
#include "sync/lockgraph.h"
#include "sync/mutex.h"

#include <weft/runtime.h>

enum { LOCKED = 1, BUSY = 2, WOKEN = 4, BITS = 15 };
enum { SPINS = 40 };            /* pauses of who hopes for an early unlock */
#define STARVES (1000 * 1000)   /* ns of waiting after which one loses no more */

typedef _Atomic uint64_t mutex_word;
_Static_assert(sizeof(weft_mutex) == 8, "the size is public");
_Static_assert(_Alignof(struct place) > BITS, "room for the bits");

static ALWAYS_INLINE mutex_word *word_of(weft_mutex *m)
{
	return (mutex_word *)&m->weft__word;
}

static ALWAYS_INLINE struct place *first_of(uint64_t s)
{
	return (struct place *)(uintptr_t)(s & ~(uint64_t)BITS);
}

static ALWAYS_INLINE uint64_t with_first(uint64_t bits, struct place *first)
{
	return bits | (uint64_t)(uintptr_t)first;
}

/* --- unlock ----------------------------------------------------------------- */

/* BUSY is ours and LOCKED set: take off the first who still waits. */
static struct place *claim_first(struct place **first)
{
	struct place *p;

	while ((p = *first)) {
		*first = place_remove(p, p);
		if (load_rlx(&p->moved) || wait_claim(&p->wt))
			break;
	}
	return p;
}

static NOINLINE void unlock_slow(weft_mutex *m)
{
	mutex_word *word = word_of(m);
	struct worker *w = weft__worker();
	struct place *first, *p;
	unsigned spins = 0;
	uint64_t s = load_rlx(word);

	for (;;) {
		if (unlikely(!(s & LOCKED)))
			weft__panic("mutex: unlock of an unlocked mutex");
		if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(word);
		} else if (s & WOKEN || !first_of(s)) {
			if (cas_rel(word, &s, s & ~(uint64_t)LOCKED)) /* M1 */
				return;
		} else if (cas_acq(word, &s, s | BUSY)) {           /* M2 */
			break;
		}
	}
	weft__known(w);
	first = first_of(s);
	p = claim_first(&first);
	if (!p) {
		store_rel(word, 0);                                 /* M1 M2 */
	} else if (p->starved) {
		place_grant(p, GRANT_HELD);
		store_rel(word, with_first(LOCKED, first));         /* M2 */
		weft__ready(w, &p->wt);
	} else {
		place_grant(p, GRANT_TRY);
		store_rel(word, with_first(WOKEN, first));          /* M1 M2 */
		weft__ready(w, &p->wt);
	}
}

void weft__gate_unlock(weft_mutex *m)
{
	uint64_t s = LOCKED;

	if (unlikely(!cas_rel(word_of(m), &s, 0)))                  /* M1 */
		unlock_slow(m);
}

/* By a plain thread, which may be another than who locked it. */
static NOINLINE void unlock_plain(weft_mutex *m)
{
	weft__plain_act();
	weft__gate_unlock(m);
}

void weft_mutex_unlock(weft_mutex *m)
{
	uint64_t s = LOCKED;

	weft__lock_gave(m);
	if (unlikely(!weft__worker()))
		unlock_plain(m);
	else if (unlikely(!cas_rel(word_of(m), &s, 0)))             /* M1 */
		unlock_slow(m);
}

/* --- giving up --------------------------------------------------------------- */

/* Take BUSY, whatever else the word says. */
static uint64_t list_lock(mutex_word *word)
{
	unsigned spins = 0;
	uint64_t s = load_rlx(word);

	for (;;) {
		if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(word);
		} else if (cas_acq(word, &s, s | BUSY)) {           /* M2 */
			return s | BUSY;
		}
	}
}

/* Drop BUSY and `drop`, set `set`.  While the mutex is free somebody may take
 * it under us, be it the one that was woken, and WOKEN goes. */
static void list_unlock(mutex_word *word, uint64_t s, struct place *first,
			uint64_t drop, uint64_t set)
{
	uint64_t to;

	do
		to = with_first((s & BITS & ~(BUSY | drop)) | set, first);
	while (!cas_rel(word, &s, to));                             /* M2 */
}

/* Off the list.  False: somebody took it off. */
static bool leave(struct place *p)
{
	mutex_word *word = word_of(p->object);
	uint64_t s = list_lock(word);
	struct place *first = first_of(s);
	bool was = p->linked;

	if (was)
		first = place_remove(first, p);
	list_unlock(word, s, first, 0, 0);
	return was;
}

/* The owner will never run again: give back what it was given. */
bool weft__mutex_withdraw(struct wait *wt)
{
	struct place *p = container_of(wt, struct place, wt);
	weft_mutex *m = p->object;
	mutex_word *word = word_of(m);
	int grant;

	if (leave(p))
		return true;
	grant = p->wt.result;
	p->wt.result = GRANT_NONE;
	if (grant == GRANT_TRY) {
		/* Look in its stead: hold the mutex for a moment. */
		uint64_t s = list_lock(word);
		bool taken = s & LOCKED;

		while (!taken && !cas_acq(word, &s, s | LOCKED))    /* M1 */
			taken = s & LOCKED;
		list_unlock(word, s | LOCKED, first_of(s), WOKEN, 0);
		if (!taken)
			weft_mutex_unlock(m);
	} else if (grant == GRANT_HELD) {
		weft_mutex_unlock(m);
	}
	return false;
}

/* --- lock -------------------------------------------------------------------- */

/* One who waits and finds the mutex free takes it, whoever else waits. */
static ALWAYS_INLINE bool take(mutex_word *word, uint64_t *s, uint64_t drop)
{
	while (!(*s & LOCKED))
		if (cas_acq(word, s, (*s | LOCKED) & ~drop))        /* M1 */
			return true;
	return false;
}

/* The context is saved: P1 of park.h. */
static void release_list(void *arg)
{
	struct place *p = arg;

	store_rel(word_of(p->object), p->after);                    /* M2 */
}

/* Stand in the list, which is ours (BUSY), and wait. */
static struct worker *stand(struct worker *w, struct place *p, uint64_t s,
			    bool again)
{
	struct place *first = first_of(s);

	first = again ? place_prepend(first, p) : place_append(first, p);
	/* I2: the word is ours until then. */
	p->after = with_first(LOCKED | (again ? 0 : s & WOKEN), first);
	weft__lock_wait(p->object);
	w = weft__park_release(w, &p->wt, release_list, p,
				(enum park_reason)p->reason);
	weft__lock_waited();
	place_back(p);
	return w;
}

static void prepare(weft_mutex *m, struct worker *w, struct place *p,
		    int64_t deadline, bool steady)
{
	if (steady)
		wait_init_steady(&p->wt, weft__current(w));
	else
		wait_init(&p->wt, weft__current(w), deadline);
	p->wt.withdraw = weft__mutex_withdraw;
	p->wt.object = m;
	p->object = m;
	store_rlx(&p->moved, false);
}

/* Spinning pays when who holds the mutex can be running right now, and nobody
 * waits: those who wait would be behind anyway. */
static bool spin(mutex_word *word, struct worker *w, uint64_t *s)
{
	if (w && weft_workers() < 2)
		return false;
	for (unsigned i = 0; i < SPINS; i++) {
		if (take(word, s, 0))
			return true;
		if (first_of(*s))
			return false;
		weft__arch_pause();
		*s = load_rlx(word);
	}
	return false;
}

/* Until it is ours, or the wait is given up.  `again`: p was woken by GRANT_TRY,
 * and WOKEN is there for it. */
static int contend(weft_mutex *m, struct worker *w, struct place *p,
		   int64_t deadline, bool steady, bool again)
{
	mutex_word *word = word_of(m);
	unsigned spins = 0;
	uint64_t s = load_rlx(word);

	for (;;) {
		if (take(word, &s, again ? WOKEN : 0))
			return 0;
		if (s & BUSY) {
			place_relax(&spins);
			s = load_rlx(word);
			continue;
		}
		prepare(m, w, p, deadline, steady);
		if (!cas_acq(word, &s, s | BUSY))                   /* M2 */
			continue;
		if (!p->since)
			p->since = weft__clock();
		else if (weft__clock() - p->since > STARVES)
			p->starved = true;
		w = stand(w, p, s, again);
		if (p->wt.result == GRANT_HELD)
			return 0;
		if (p->wt.result != GRANT_TRY)
			break;
		again = true;
		s = load_rlx(word);
	}
	leave(p);
	return p->wt.result;
}

static NOINLINE int lock_slow(weft_mutex *m, struct worker *w,
			      int64_t deadline, bool steady,
			      enum park_reason reason)
{
	mutex_word *word = word_of(m);
	uint64_t s = load_rlx(word);
	struct place p;

	if (take(word, &s, 0))
		return 0;
	if (deadline <= WEFT_NOWAIT)
		return place_refuse(w, deadline);
	if (spin(word, w, &s))
		return 0;
	p.since = 0;
	p.starved = false;
	p.reason = (uint8_t)reason;
	return contend(m, w, &p, deadline, steady, false);
}

static NOINLINE int lock_entering(weft_mutex *m, struct worker *w,
				  int64_t deadline, bool steady)
{
	w = place_enter(w);
	return lock_slow(m, w, deadline, steady, PARK_MUTEX);
}

/* Whatever else the word says: one test and set, where the CPU has it. */
static ALWAYS_INLINE bool seize(weft_mutex *m)
{
	return !(or_seq(word_of(m), LOCKED) & LOCKED);              /* M1 */
}

void weft_mutex_lock(weft_mutex *m)
{
	struct worker *w = weft__worker();

	if (unlikely(!place_count(w)))
		lock_entering(m, w, WEFT_FOREVER, true);
	else if (unlikely(!seize(m)))
		lock_slow(m, w, WEFT_FOREVER, true, PARK_MUTEX);
	weft__lock_took(m);
}

int weft_mutex_lock_until(weft_mutex *m, weft_time deadline)
{
	struct worker *w = weft__worker();
	int err = 0;

	if (unlikely(deadline != WEFT_NOWAIT && weft__cancelled(w)))
		return -ECANCELED;
	if (unlikely(!place_count(w)))
		err = lock_entering(m, w, deadline, false);
	else if (unlikely(!seize(m)))
		err = lock_slow(m, w, deadline, false, PARK_MUTEX);
	if (!err)
		weft__lock_took(m);
	return err;
}

int weft_mutex_trylock(weft_mutex *m)
{
	return weft_mutex_lock_until(m, WEFT_NOWAIT);
}

int weft__gate_lock(weft_mutex *m, struct worker *w, int64_t deadline,
		    bool steady, enum park_reason reason)
{
	if (likely(seize(m)))
		return 0;
	return lock_slow(m, w, deadline, steady, reason);
}

/* --- for a cond ---------------------------------------------------------------- */

bool weft__mutex_held(weft_mutex *m)
{
	return load_rlx(word_of(m)) & LOCKED;
}

void weft__mutex_admit(weft_mutex *m, struct worker *w, struct place *chain)
{
	mutex_word *word = word_of(m);
	uint64_t s = list_lock(word), woken = 0;
	struct place *first = first_of(s), *next, *p = NULL;

	for (; chain; chain = next) {
		next = chain->next;
		chain->object = m;
		first = place_append(first, chain);
		place_reason(chain, PARK_MUTEX);
		store_rel(&chain->moved, true);                     /* M3 */
	}
	if (!(s & (LOCKED | WOKEN))) {                              /* I3 */
		p = claim_first(&first);
		place_grant(p, GRANT_TRY);
		woken = WOKEN;
	}
	list_unlock(word, s, first, 0, woken);
	if (p)
		weft__ready(w, &p->wt);
}

void weft__mutex_relock(weft_mutex *m, struct worker *w, struct place *p)
{
	p->since = 0;
	p->starved = false;
	p->reason = PARK_MUTEX;
	contend(m, w, p, WEFT_FOREVER, true, true);
	weft__lock_took(m);
}
