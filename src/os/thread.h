/* os/thread.h - threads, sleeping and time as the scheduler needs them.
 *
 * No call here parks a routine; all of them act on the calling OS thread.
 * Errors are negative errno; none sets errno on purpose.
 */
#ifndef WEFT_OS_THREAD_H
#define WEFT_OS_THREAD_H

#include "base/base.h"
#include "base/atomic.h"

#include <pthread.h>

/* --- thread.c ---------------------------------------------------------- */

/* Start a named thread with every asynchronous signal blocked (so that none
 * is delivered on a small stack) and pthread cancellation off. */
int weft__os_thread_start(pthread_t *t, const char *name,
			  void *(*fn)(void *), void *arg);
void weft__os_thread_join(pthread_t t);

/* Give the CPU to another thread. */
void weft__os_yield(void);

/* Nanoseconds of CPU that thread t has used, or -1. */
int64_t weft__os_thread_cpu(pthread_t t);

/* The kernel's letter for thread t: R it runs or would, S or D it sleeps in a
 * call, others as in proc(5); 0: it is not to be had.  Opens a file. */
char weft__os_thread_state(pthread_t t);

/* The bounds of the calling thread's own stack. */
void weft__os_thread_stack(void **base, size_t *size);

/* Between true and false a signal of ours can end a system call of the calling
 * thread, which then gives -EINTR.  It is a real-time one that has no handler
 * when it is first wanted, and it does nothing else. */
void weft__os_interruptible(bool on);
/* Send it to t, which may just be about to make its call: once is not enough.
 * False: there is none, or the program has taken it since. */
bool weft__os_interrupt(pthread_t t);

/* Timed waits of this thread end within a microsecond, not 50. */
void weft__os_thread_precise(void);

/* --- futex.c ----------------------------------------------------------- */

/* Sleep while *word == value, until woken or `deadline` (absolute monotonic
 * ns; INT64_MAX = never).  May return early for no reason.  True: the
 * deadline passed. */
bool weft__os_futex_wait(_Atomic uint32_t *word, uint32_t value,
			 int64_t deadline);
/* Wake at most n threads.  The word's memory may be gone already. */
void weft__os_futex_wake(_Atomic uint32_t *word, int n);

/* --- clock.c ----------------------------------------------------------- */

/* Monotonic nanoseconds, never 0. */
int64_t weft__os_now(void);

/* --- cpus.c ------------------------------------------------------------ */

/* How many CPUs this process may use: its affinity mask, capped by the
 * cgroup's CPU quota (v2 or v1), at least 1. */
unsigned weft__os_cpus(void);

#endif
