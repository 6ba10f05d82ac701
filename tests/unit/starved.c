/* unit/starved.c - a routine that waits for a stack is on its way to its next try,
 * out of one queue and not in the other yet, while all workers sleep: no deadlock.
 *
 * The linker puts a function of this file between the two.
 */
#include "support/rt.h"

#include "os/os.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <sched.h>

TestSuite(starved, .timeout = 120);

/* The map from which on none is to be had, until somebody tries again. */
static atomic_int maps_left;
static atomic_int retries;

static int refuse(enum os_call call, size_t len)
{
	(void)len;
	return call == OS_MAP && !retries && maps_left-- <= 0 ? -ENOMEM : 0;
}

void __real_weft__inject(struct weft_runtime *rt, struct routine *r);
void __wrap_weft__inject(struct weft_runtime *rt, struct routine *r);
void __wrap_weft__inject(struct weft_runtime *rt, struct routine *r)
{
	/* The monitor's: let who waits for the run look as often as it likes. */
	if (maps_left < 0 && !weft__worker() && retries++ < 3)
		for (int i = 0; i < 2000; i++) {
			weft__runtime_quiet(rt);
			sched_yield();
		}
	__real_weft__inject(rt, r);
}

static int runs(void *arg)
{
	atomic_int *ran = arg;

	++*ran;
	return 0;
}

Test(starved, is_on_its_way_not_stuck)
{
	int retried = 0;

	for (int k = 0; k < 12; k++) {
		atomic_int ran = 0;
		int rc;

		maps_left = k;
		retries = 0;
		weft__os_fault = refuse;
		rc = run_on(1, runs, (void *)&ran);
		weft__os_fault = NULL;
		cr_assert(rc == (ran ? 0 : -ENOMEM), "map %d: %d", k, rc);
		retried += retries > 0;
	}
	cr_assert_gt(retried, 0);
}
