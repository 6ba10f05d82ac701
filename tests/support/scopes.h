/* support/scopes.h - what the tests of scopes start in them. */
#ifndef WEFT_SUPPORT_SCOPES_H
#define WEFT_SUPPORT_SCOPES_H

#include "support/rt.h"

#define GO(s, fn, arg) CHECK_EQ(weft_scope_go((s), (fn), (void *)(arg)), 0)
#define BEGIN(s) CHECK_EQ(weft_scope_begin((s), WEFT_FOREVER), 0)

__attribute__((unused))
static int code(void *arg)
{
	return (int)(intptr_t)arg;
}

__attribute__((unused))
static int sleep_long(void *arg)
{
	(void)arg;
	return weft_sleep(WEFT_FOREVER);
}

__attribute__((unused))
static int add_one(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

__attribute__((unused))
static int wait_for_cancel(void *arg)
{
	int err = weft_sleep(WEFT_FOREVER);

	CHECK_EQ(err, -ECANCELED);
	CHECK_EQ(weft_cancelled(), (int)(intptr_t)arg);
	return -ENOENT;                 /* later than the cause: not told */
}

/* On a slow machine the deadline may come before its first child. */
__attribute__((unused))
static void go_or_refused(weft_scope *s, intptr_t reason)
{
	int err = weft_scope_go(s, wait_for_cancel, (void *)reason);

	CHECK(err == 0 || err == -ECANCELED);
}

#endif
