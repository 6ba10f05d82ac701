/* poll/slots.h - entries of an io_uring are submitted in the order of their slots.
 *
 * Then to fill one and to move the tail is all.  Newer libraries fill the array so
 * themselves, old ones whenever they submit, which is not done here; newer kernels
 * have none (IORING_SETUP_NO_SQARRAY), and it is NULL.
 */
#ifndef WEFT_POLL_SLOTS_H
#define WEFT_POLL_SLOTS_H

#include <liburing.h>

/* u was just set up with n entries, a power of two. */
static inline void slots_in_order(struct io_uring *u, unsigned n)
{
	for (unsigned i = 0; u->sq.array && i < n; i++)
		u->sq.array[i] = i;
}

#endif
