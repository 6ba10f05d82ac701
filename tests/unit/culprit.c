/* unit/culprit.c - src/sched/culprit.c: what a worker that stands still is doing. */
#include "support/crit.h"

#include "base/base.h"
#include "sched/culprit.h"

TestSuite(why, .timeout = 60);

#define MS INT64_C(1000000)

Test(why, it_ran_a_loop)
{
	cr_assert_eq(weft__culprit_why(250 * MS, 250 * MS, 'R'), WHY_LOOP);
	cr_assert_eq(weft__culprit_why(500 * MS, 130 * MS, 'R'), WHY_LOOP);
	/* waiting for a lock or a page at just this moment */
	cr_assert_eq(weft__culprit_why(500 * MS, 400 * MS, 'S'), WHY_LOOP);
	cr_assert_eq(weft__culprit_why(500 * MS, 400 * MS, 'D'), WHY_LOOP);
	cr_assert_eq(weft__culprit_why(500 * MS, 400 * MS, 0), WHY_LOOP);
	/* a small share of the CPU, but for long */
	cr_assert_eq(weft__culprit_why(9000 * MS, 300 * MS, 'R'), WHY_LOOP);
}

Test(why, it_sleeps_a_call_that_blocks)
{
	cr_assert_eq(weft__culprit_why(250 * MS, 0, 'S'), WHY_CALL);
	cr_assert_eq(weft__culprit_why(250 * MS, 60 * MS, 'S'), WHY_CALL);
	cr_assert_eq(weft__culprit_why(250 * MS, 0, 'D'), WHY_CALL);
	/* after some work */
	cr_assert_eq(weft__culprit_why(250 * MS, 100 * MS, 'S'), WHY_CALL);
	cr_assert_eq(weft__culprit_why(3600000 * MS, 900 * MS, 'S'), WHY_CALL);
	cr_assert_eq(weft__culprit_why(250 * MS, -1, 'S'), WHY_CALL);
}

Test(why, it_would_run_starved)
{
	cr_assert_eq(weft__culprit_why(250 * MS, 0, 'R'), WHY_STARVED);
	cr_assert_eq(weft__culprit_why(250 * MS, 100 * MS, 'R'), WHY_STARVED);
	cr_assert_eq(weft__culprit_why(9000 * MS, 100 * MS, 'R'), WHY_STARVED);
	/* a debugger has stopped it */
	cr_assert_eq(weft__culprit_why(250 * MS, 0, 't'), WHY_STARVED);
	cr_assert_eq(weft__culprit_why(250 * MS, 0, 'T'), WHY_STARVED);
}

Test(why, nobody_can_tell)
{
	cr_assert_eq(weft__culprit_why(250 * MS, 0, 0), WHY_UNKNOWN);
	cr_assert_eq(weft__culprit_why(9000 * MS, 300 * MS, 0), WHY_UNKNOWN);
	cr_assert_eq(weft__culprit_why(250 * MS, -1, 0), WHY_UNKNOWN);
	cr_assert_eq(weft__culprit_why(250 * MS, -1, 'R'), WHY_UNKNOWN);
}
