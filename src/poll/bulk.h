/* poll/bulk.h - many sends in one system call, and nothing about routines.
 *
 * What a system call costs besides its work, and on many CPUs that is more than
 * the work in userspace, is paid once for all: they are put into an io_uring,
 * which makes them while it is entered.  None of them waits (MSG_DONTWAIT), so
 * nothing is in flight afterwards; the descriptor need not be watched.
 *
 * Invariants
 *   K1  each call that was put is made once or not at all: what the kernel did
 *       not take is taken back, and its result is BULK_NOT_MADE, as is that of
 *       one which a signal kept from starting.
 *   K2  weft__bulk_go returns when all that the kernel took is complete.
 *   K3  its memory is not in children of fork.
 *   K4  it holds no descriptor: it is opened in the middle of a program's life,
 *       which counts its own, may have none to spare, and may still use a number
 *       that it has closed.  The kernel knows the ring as one of the thread's
 *       (Linux 5.18), which nobody else can enter, and forgets it with the thread.
 *
 * Used by the thread that opened it.
 */
#ifndef WEFT_POLL_BULK_H
#define WEFT_POLL_BULK_H

#include "base/base.h"

enum { BULK_MOST = 64 };

/* No result of a system call. */
#define BULK_NOT_MADE INT32_MIN

struct bulk {
	int ring;                       /* K4: its number; -1: not open     */
	pid_t thread;                   /* K4: whose                        */
	unsigned n;                     /* put and not made                 */
	bool broken;                    /* the ring is refused for good     */
	void *state;                    /* liburing's                       */
	int32_t result[BULK_MOST];      /* of each that was put             */
};

/* -ENOSYS: not in this build, or this kernel does not have or refuses it. */
int weft__bulk_open(struct bulk *b);
/* On its thread, or when that has ended. */
void weft__bulk_close(struct bulk *b);

/* BULK_MOST at a time; flags as send(2), which are not to let it wait. */
void weft__bulk_send(struct bulk *b, int fd, const void *buf, size_t n,
		     int flags);
/* Make them: result[i] is what the i-th send gave, or a negative errno. */
void weft__bulk_go(struct bulk *b);

#endif
