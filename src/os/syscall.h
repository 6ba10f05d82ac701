/* os/syscall.h - what every wrapper of a system call is made of: the test's say,
 * and making it again when a signal cut it short.
 */
#ifndef WEFT_OS_SYSCALL_H
#define WEFT_OS_SYSCALL_H

#include "base/base.h"
#include "base/atomic.h"
#include "os/sys.h"

/* What the test says: 0 go on, negative the result, positive a limit. */
static inline int sys_fault(enum sys_call call, int fd)
{
	sys_fault_fn *hook = load_rlx(&weft__sys_fault);

	return unlikely(hook != NULL) ? hook(call, fd) : 0;
}

static inline size_t at_most(int limit, size_t n)
{
	return limit > 0 && (size_t)limit < n ? (size_t)limit : n;
}

/* With a limit: the first part that has any bytes, and no more of it. */
static inline void first_part(const struct iovec **v, int *n, int limit,
			      struct iovec *one)
{
	if (limit <= 0 || *n <= 0)
		return;
	while (*n > 1 && !(*v)->iov_len) {
		++*v;
		--*n;
	}
	one->iov_base = (*v)->iov_base;
	one->iov_len = at_most(limit, (*v)->iov_len);
	*v = one;
	*n = 1;
}

/* Make the call until no signal cuts it short. */
#define RETRY(call) \
	__extension__({ \
		ssize_t r__; \
		do \
			r__ = (call); \
		while (r__ < 0 && errno == EINTR); \
		r__ < 0 ? -errno : r__; \
	})

#endif
