/* os/futex.c - one thread sleeping on one word. */
#include "base/base.h"
#include "os/thread.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

bool weft__os_futex_wait(_Atomic uint32_t *word, uint32_t value,
			 int64_t deadline)
{
	struct timespec ts, *until = NULL;

	if (deadline != INT64_MAX) {
		if (deadline < 0)
			deadline = 0;
		ts.tv_sec = (time_t)(deadline / 1000000000);
		ts.tv_nsec = (long)(deadline % 1000000000);
		until = &ts;
	}
	/* BITSET takes an absolute time on the monotonic clock. */
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, until,
		    NULL, FUTEX_BITSET_MATCH_ANY) == 0)
		return false;
	return errno == ETIMEDOUT;
}

void weft__os_futex_wake(_Atomic uint32_t *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}
