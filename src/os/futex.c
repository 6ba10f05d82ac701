/* os/futex.c - one thread sleeping on one word. */
#include "base/base.h"
#include "os/thread.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define VALGRIND_DISABLE_ERROR_REPORTING ((void)0)
#define VALGRIND_ENABLE_ERROR_REPORTING  ((void)0)
#endif

/* ThreadSanitizer keeps a signal until its thread calls something that it knows,
 * which this call is not.  So a wait ends when a signal comes, as those with a
 * deadline do, and lets it in. */
#ifdef __SANITIZE_THREAD__
#define KEEPS_SIGNALS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KEEPS_SIGNALS 1
#endif
#endif
#ifndef KEEPS_SIGNALS
#define KEEPS_SIGNALS 0
#endif
#define LONG_NS INT64_C(3600000000000)

bool weft__os_futex_wait(_Atomic uint32_t *word, uint32_t value,
			 int64_t deadline)
{
	struct timespec ts, *until = NULL;
	bool never = deadline == INT64_MAX;
	int err;

	if (KEEPS_SIGNALS && never)
		deadline = weft__os_now() + LONG_NS;
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
	err = errno;
	if (KEEPS_SIGNALS && err == EINTR)
		usleep(0);
	return err == ETIMEDOUT && !never;
}

/* Who waited may have seen the word change and left with it, so this may name
 * memory that is gone: the kernel wakes nobody then, or somebody for nothing.
 * Valgrind need not say so. */
void weft__os_futex_wake(_Atomic uint32_t *word, int n)
{
	VALGRIND_DISABLE_ERROR_REPORTING;
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
	VALGRIND_ENABLE_ERROR_REPORTING;
}
