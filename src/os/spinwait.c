/* os/spinwait.c - what a loser of the short lock (base/spinlock.h) does.
 *
 * The holder runs a few instructions, unless the kernel took its CPU: so spin
 * a little, then give this CPU away.  Each look takes the line from the holder,
 * who needs it to unlock, and for whatever it does next, often under the same
 * lock: so look rarely, and ever more so.  On two CPUs this makes a contended
 * channel four times as fast.  Ordering: rule L1 of base/spinlock.h.
 */
#include "base/spinlock.h"
#include "arch/arch.h"
#include "os/thread.h"

enum { FIRST_BURST = 16, LAST_BURST = 64, BEFORE_YIELD = 256 };        /* pauses */

COLD void weft__spin_wait(struct spinlock *l)
{
	unsigned burst = FIRST_BURST, spent = 0;

	do {
		do {
			if (spent >= BEFORE_YIELD) {
				weft__os_yield();
				continue;
			}
			for (unsigned i = 0; i < burst; i++)
				weft__arch_pause();
			spent += burst;
			if (burst < LAST_BURST)
				burst *= 2;
		} while (load_rlx(&l->locked));
	} while (!spin_trylock(l));
}
