/* SPDX-License-Identifier: MIT */
/* nqueens.c - row nqueens-11: every placement a routine of its own, 167 000
 * of them, joined level by level; the whole, in ms.
 */
#include "bench.h"

#include <weft/go.h>

struct queens {
	weft_waitgroup wg;
	_Atomic long found;
};

/* cols, left and right are the attacked columns and diagonals. */
static void place(struct queens *up, unsigned n, unsigned cols,
		  unsigned left, unsigned right)
{
	unsigned all = (1u << n) - 1;
	struct queens here = { WEFT_WAITGROUP_INIT, 0 };

	if (cols == all) {
		up->found++;
		weft_waitgroup_done(&up->wg);
		return;
	}
	for (unsigned open = all & ~(cols | left | right); open;
	     open &= open - 1) {
		unsigned bit = open & -open;

		weft_waitgroup_add(&here.wg, 1);
		bench_must(go(place, &here, n, cols | bit,
			      (left | bit) << 1, (right | bit) >> 1));
	}
	weft_waitgroup_wait(&here.wg);
	if (here.found)
		up->found += here.found;
	weft_waitgroup_done(&up->wg);
}

static void whole(long n)
{
	struct queens top = { WEFT_WAITGROUP_INIT, 0 };

	weft_waitgroup_add(&top.wg, 1);
	bench_must(go(place, &top, (unsigned)n, 0u, 0u, 0u));
	weft_waitgroup_wait(&top.wg);
	bench_check(n != 11 || top.found == 2680, "%ld solutions", top.found);
}

static const struct bench_case cases[] = {
	{ .row = "nqueens-11", .unit = "ms", .ops = 11, .work = whole },
};

BENCH_PROGRAM("nqueens", cases)
