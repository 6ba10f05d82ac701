/* api/scope_go.c - scope_go(): go() in a scope. */
#include "support/rt.h"

#include <weft/go.h>

TestSuite(scope_go, .timeout = 120);

static atomic_long sum;

static void none(void)
{
	sum += 1;
}

static void two(int *a, short b)
{
	sum += *a * b;
}

static int four(signed char a, unsigned b, long c, const char *d)
{
	sum += a + (long)b + c + d[0];
	return -EDOM;
}

static int one(long v)
{
	return (int)v;
}

static weft_scope *once(weft_scope *s, int *n)
{
	++*n;
	return s;
}

static int body(void *arg)
{
	weft_scope s;
	int a = 7, n = 0;

	(void)arg;
	sum = 0;
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(scope_go(&s, none), 0);
	CHECK_EQ(scope_go(once(&s, &n), two, &a, -3), 0);
	CHECK_EQ(scope_go(&s, one, 5), 0);
	CHECK_EQ(weft_scope_end(&s), 0);
	CHECK_EQ(sum, 1 - 21);
	CHECK_EQ(n, 1);

	sum = 0;
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(scope_go(&s, four, -1, 4000000000u, 1L << 40, "a"), 0);
	CHECK_EQ(weft_scope_end(&s), -EDOM);
	CHECK_EQ(sum, -1 + 4000000000L + (1L << 40) + 'a');

	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_go_words(&s, NULL, 0, NULL, 0), -EINVAL);
	CHECK_EQ(weft_scope_go_words(&s, none, 5, NULL, 0), -EINVAL);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	CHECK_EQ(scope_go(&s, none), -ECANCELED);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	return 0;
}

Test(scope_go, passes_checked_arguments)
{
	EACH(body);
}
