/* poll/nap.h - how long one system call waits when the deadline is that.
 *
 * epoll and poll end up to a thousandth of their timeout late (0.5 % in a niced
 * process): the kernel gathers wakeups.  So a long wait is made of naps that each
 * end well before the deadline, and of a last short one: a second takes two.
 */
#ifndef WEFT_POLL_NAP_H
#define WEFT_POLL_NAP_H

#include "base/base.h"
#include "os/thread.h"

enum { NAP_LAST_NS = 16000000, NAP_EARLY = 64 };

/* A timeout in ns, -1 for ever.  True: it is the last, nothing is left of the
 * wait when it has passed. */
static inline bool poll_nap(int64_t deadline, int64_t *timeout)
{
	int64_t left = 0;

	if (deadline == INT64_MAX) {
		*timeout = -1;
		return true;
	}
	if (deadline > 0)
		left = deadline - weft__os_now();
	if (left <= NAP_LAST_NS) {
		*timeout = left > 0 ? left : 0;
		return true;
	}
	*timeout = left - left / NAP_EARLY;
	return false;
}

#endif
