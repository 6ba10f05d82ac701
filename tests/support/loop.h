/* support/loop.h - a loop of somebody else's around a runtime, for its tests. */
#ifndef WEFT_SUPPORT_LOOP_H
#define WEFT_SUPPORT_LOOP_H

#include "support/rt.h"

#include <errno.h>
#include <poll.h>

#include <weft/loop.h>

/* Milliseconds until somebody must have been told, however slow the machine. */
enum { TOLD_MS = 55000 };

__attribute__((unused))
static weft_runtime *loop_begin(void)
{
	weft_runtime *rt;
	int err = weft_loop_start(NULL, &rt);

	if (err == -ENOSYS)
		cr_skip_test("this poller has no descriptor");
	cr_assert_eq(err, 0);
	return rt;
}

/* io_uring interrupts whoever made a request. */
__attribute__((unused))
static bool readable(weft_runtime *rt, int timeout)
{
	struct pollfd p = { .fd = weft_loop_fd(rt), .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, timeout);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* Turn that loop until `ran` is n. */
__attribute__((unused))
static void turn_until(weft_runtime *rt, atomic_int *ran, int n)
{
	while (*ran < n) {
		cr_assert(readable(rt, TOLD_MS), "never readable: %d of %d",
			  *ran, n);
		(void)weft_loop_run(rt, WEFT_NOWAIT);
	}
}

#endif
