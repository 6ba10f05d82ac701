/* base/chaos.c - debug level 2: rare interleavings made common.
 *
 * Before an ordered atomic access the thread now and then gives up its CPU, so
 * that others get in where they hardly ever would.  WEFT_SEED makes the choices
 * of each thread repeat, not the interleaving.
 */
#include "base/base.h"
#include "base/atomic.h"

#if WEFT_DEBUG_LEVEL >= 2

#include <sched.h>

enum { YIELD_EVERY = 128, LINGER_EVERY = 32, LINGER = 200 };

static _Thread_local uint32_t state;
static _Atomic uint32_t threads;

static NOINLINE uint32_t seed(void)
{
	const char *text = getenv("WEFT_SEED");
	uint32_t n = add_rlx(&threads, 1) + 1;

	return (n * UINT32_C(2654435761) ^
		(text ? (uint32_t)strtoull(text, NULL, 0) : 0)) | 1;
}

/* Nothing in here switches, so the thread's own state may be addressed. */
NOINLINE void weft__chaos_point(void)
{
	uint32_t x = state ? state : seed();

	x ^= x << 13;           /* xorshift32, Marsaglia 2003 */
	x ^= x >> 17;
	x ^= x << 5;
	state = x;
	if (x % YIELD_EVERY == 0)
		sched_yield();
	else if (x % LINGER_EVERY == 0)
		for (volatile unsigned i = x >> 8 & (LINGER - 1); i; i--)
			;
}

#else
typedef int weft__chaos_unused; /* a unit may not be empty */
#endif
