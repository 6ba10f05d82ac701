/* base/spinlock.h - the short lock: a few instructions held, never a park.
 *
 * Held only across straight-line code, or a loop over what one call was given,
 * that neither parks nor allocates from the system.  A holder can still lose its
 * CPU, so a loser spins a little and then gives its own CPU away.
 *
 * Ordering
 *   L1  locked: exchange-acquire in lock / store-release in unlock.
 *       What the last holder wrote is seen by the next.
 *
 * Four bytes, all zero is unlocked.  Test-and-test-and-set: Rudolph and Segall
 * (1984); measured cheaper here than a ticket while uncontended.
 */
#ifndef WEFT_BASE_SPINLOCK_H
#define WEFT_BASE_SPINLOCK_H

#include "base/base.h"
#include "base/atomic.h"

struct spinlock {
	_Atomic uint32_t locked;        /* 0 free, 1 held */
};

void weft__spin_wait(struct spinlock *l);

static ALWAYS_INLINE bool spin_trylock(struct spinlock *l)
{
	return xchg_acq(&l->locked, 1) == 0;                        /* L1 */
}

static ALWAYS_INLINE void spin_lock(struct spinlock *l)
{
	if (unlikely(!spin_trylock(l)))
		weft__spin_wait(l);
}

static ALWAYS_INLINE void spin_unlock(struct spinlock *l)
{
	store_rel(&l->locked, 0);                                   /* L1 */
}

#endif
