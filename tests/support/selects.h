/* support/selects.h - what the tests of weft_select share. */
#ifndef WEFT_SUPPORT_SELECTS_H
#define WEFT_SUPPORT_SELECTS_H

#include "support/rt.h"

enum { UNTOUCHED = -77 };

/* body on each number of workers, and on a plain thread without a runtime. */
static void anywhere(int (*body)(void *))
{
	cr_assert_eq(body(NULL), 0);
	cr_assert_eq(failures, 0, "no runtime");
	EACH(body);
}

__attribute__((unused))
static int select_now(weft_case *k, size_t n)
{
	return weft_select(k, n, WEFT_NOWAIT);
}

/* Chi-square of n equally likely outcomes is beyond n + 6 sqrt(2n) + 12 less
 * often than once in 10^8. */
static void check_even(const int *seen, int n, int rounds)
{
	double x = 0, mean = (double)rounds / n, over;

	for (int i = 0; i < n; i++)
		x += (seen[i] - mean) * (seen[i] - mean) / mean;
	over = x - n - 12;
	CHECK(over <= 0 || over * over <= 72.0 * n);
}

#endif
