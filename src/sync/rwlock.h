/* sync/rwlock.h - many who read, or one who writes: the protocol.
 *
 * Place in the life of a routine:  running -> [ rlock, lock ] -> park
 *                                  running -> [ runlock, unlock ] -> ready
 *
 * One word: how many read, WRITER, WAITERS, BUSY, MOVING, and a ticket; a gate,
 * which is a mutex; and a list of places.  Who wants to write takes the gate
 * first, so writers are served as by a mutex: whoever runs may be first, for a
 * millisecond.  The one with the gate then waits for readers only (or for the
 * last writer's last access), and who comes to read meanwhile stands behind it;
 * when it leaves, all readers that wait go first, as one batch: so neither kind
 * starves.  (As sync.RWMutex of Go.)  To read is one CAS and one subtraction.
 *
 * While anybody waits for readers the count has one too many, the stop: no
 * reader that leaves takes it to zero, so the lock is not free, and nobody may
 * free its memory, until who is to do so has passed the lock on.  That is who
 * held BUSY as the last reader left, or else that reader.
 *
 * Readers that meet on the word would pull its line from core to core.  When
 * they do, the lock gets a ticket, and they leave tokens instead of counting
 * themselves (tokens.h).  Whoever wants to write takes the ticket away from the
 * lock, moves every token to the count, and then waits for the count alone.
 * After that COOL meetings must happen before the next ticket.
 *
 * Invariants
 *   I1  The list changes only under BUSY.  BUSY set: WAITERS set, ticket clear.
 *       It has at most one who writes, who has the gate, and stands first.
 *   I2  The stop is in the count if and only if WAITERS is set and WRITER clear.
 *       WAITERS set: the count does not grow but by the holder of BUSY.
 *   I3  The stop alone is left: the holder of BUSY passes the lock on, if the
 *       last reader left under it; else that reader does, and whoever takes
 *       BUSY before it only drops it again (ELSEWHERE).  There is one such.
 *   I4  Tokens in slots + count = readers, the stop, those between R2's two
 *       looks.  A ticket comes only when all else is zero, and the count does
 *       not grow while it is there; so who has seen neither ticket nor MOVING
 *       while it reads has its token in the count, and may subtract it.
 *   I5  A place is linked, or its owner was claimed by who unlinked it, or its
 *       owner is on its way out.
 *
 * The memory may go as soon as the last unlock has returned, or when another
 * who locked after it says so: the access that frees the lock is the last.  So
 * who has written gives up the gate first, with WRITER still set.
 *
 * Ordering
 *   R1  state: CAS-acquire to lock, rlock, set BUSY / CAS-release, store-release
 *       or sub-acquire-release to unlock, runlock, clear BUSY.  Who holds the
 *       lock sees what earlier holders did, who holds BUSY sees the list.
 *   R2  the second look of a reader at state (seq), K1 of tokens.h, and the
 *       CAS-seq that takes the ticket away.
 *
 * Lock rank: nothing is taken under BUSY; BUSY under the gate.
 */
#ifndef WEFT_SYNC_RWLOCK_H
#define WEFT_SYNC_RWLOCK_H

#include "sync/mutex.h"
#include "sync/tokens.h"

#include <weft/rwlock.h>

#define WRITER   UINT64_C(1)
#define BUSY     UINT64_C(2)
#define WAITERS  UINT64_C(4)
#define MOVING   UINT64_C(8)            /* tokens, from slots to the count */
#define ONE      UINT64_C(16)           /* a reader */
#define COUNT    (UINT64_C(0xffffffff) & ~(WRITER | BUSY | WAITERS | MOVING))
#define TICKET   (UINT64_C(0xffffffff) << 32)

typedef _Atomic uint64_t rwlock_word;
typedef _Atomic uint32_t rwlock_cool;
typedef _Atomic(struct place *) rwlock_list;
_Static_assert(sizeof(weft_rwlock) == 32, "the size is public");

/* What who holds BUSY has to know (I3). */
enum duty { MINE, ELSEWHERE };

static ALWAYS_INLINE rwlock_word *state_of(weft_rwlock *l)
{
	return (rwlock_word *)&l->weft__state;
}

static ALWAYS_INLINE weft_mutex *gate_of(weft_rwlock *l)
{
	return (weft_mutex *)(void *)&l->weft__gate;
}

static ALWAYS_INLINE rwlock_list *list_of(weft_rwlock *l)
{
	return (rwlock_list *)(void *)&l->weft__waiters;
}

static ALWAYS_INLINE rwlock_cool *cool_of(weft_rwlock *l)
{
	return (rwlock_cool *)&l->weft__cool;
}

/* The ticket, but perhaps late: to be read where the word would be written to
 * next, since what is loaded just before holds that up. */
static ALWAYS_INLINE rwlock_cool *hint_of(weft_rwlock *l)
{
	return (rwlock_cool *)&l->weft__ticket;
}

static ALWAYS_INLINE uint32_t ticket_of(uint64_t s)
{
	return (uint32_t)(s >> 32);
}

/* Take BUSY from state s, which has it clear.  The ticket, if any, goes, and
 * with WAITERS set nobody comes in.  False: *s is what was found. */
bool weft__rwlock_busy(weft_rwlock *l, uint64_t *s, enum duty *duty);

/* BUSY is ours, and so is the lock, alone: give both up. */
void weft__rwlock_pass(weft_rwlock *l, struct worker *w, bool to_readers);

/* BUSY is ours: give it up.  Without a writer that waits the readers need not
 * wait for readers; if there are none left we have the lock, and pass it on. */
void weft__rwlock_settle(weft_rwlock *l, struct worker *w, enum duty duty);

/* BUSY is ours, the lock is another's: stand in the list. */
int weft__rwlock_stand(weft_rwlock *l, struct worker *w, int64_t deadline,
		       bool steady, bool writer, enum duty duty);

#endif
