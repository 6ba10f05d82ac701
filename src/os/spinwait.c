/* os/spinwait.c - what a loser of the short lock (base/spinlock.h) does.
 *
 * The holder runs a few instructions, unless the kernel took its CPU: so spin
 * a little, then give this CPU away.  Ordering: rule L1 of base/spinlock.h.
 */
#include "base/spinlock.h"
#include "arch/arch.h"
#include "os/thread.h"

enum { SPINS_BEFORE_YIELD = 64 };

COLD void weft__spin_wait(struct spinlock *l)
{
	unsigned spins = 0;

	do {
		while (load_rlx(&l->locked)) {
			if (spins++ < SPINS_BEFORE_YIELD)
				weft__arch_pause();
			else
				weft__os_yield();
		}
	} while (!spin_trylock(l));
}
