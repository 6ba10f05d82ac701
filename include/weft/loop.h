/* SPDX-License-Identifier: MIT */
/* weft/loop.h - weft inside an event loop that is there already.
 *
 * A program that lives in a loop of its own (a GUI, libuv, a plain epoll) need not
 * give it up to use routines.  weft_loop_start makes a runtime without any thread;
 * the program watches one descriptor, and calls weft_loop_run when that is
 * readable:
 *
 *     weft_loop_start(NULL, &rt);
 *     add weft_loop_fd(rt) to the loop, for reading;
 *     when it is readable: weft_loop_run(rt, WEFT_NOWAIT);
 *
 * Routines are started with weft_submit, from this or any other thread, and may
 * use all of weft.  They run on the loop's thread, inside weft_loop_run, on
 * their own stacks; what they wait for, descriptors, timers, channels, makes the
 * descriptor readable.  Between two calls of weft_loop_run the thread is a plain
 * one: it may send and receive, but must not wait for its own routines.
 *
 * The other way round, a foreign loop inside weft: a routine that waits for the
 * loop's descriptor with weft_poll and then lets it run once.
 */
#ifndef WEFT_LOOP_H
#define WEFT_LOOP_H

#include <weft/base.h>
#include <weft/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make a runtime that the calling thread will run.  c as for weft_start; its
 * `workers` is 0 or 1.  weft_stop ends it, called by the same thread outside of
 * weft_loop_run and of any routine (-EPERM, -EDEADLK); it runs the routines
 * meanwhile.  Weft_blocking has threads here, too; nothing else has.  A child of
 * fork has none of it: there all calls give -EOWNERDEAD.
 *
 * Does not park.  Errors: -EINVAL (rt NULL, a value out of range, more than one
 * worker), -EDEADLK (called from a routine), -ENOMEM, -ENOSYS (the poller chosen
 * by WEFT_POLLER has no descriptor), -EMFILE and the like.
 */
WEFT_API WEFT_NODISCARD int weft_loop_start(const weft_config *c,
					    weft_runtime **rt);

/**
 * The descriptor to watch: readable when weft_loop_run has something to do.  It
 * is rt's, and may be watched edge- or level-triggered, by any kind of poll.
 * (The kernel may end that poll early, EINTR, with WEFT_POLLER=uring and while
 * files are read through io_uring.)  Nothing else may be done with it.  -EINVAL:
 * not such a runtime.  -EOWNERDEAD: it was the parent's.  Never parks.
 */
WEFT_API int weft_loop_fd(weft_runtime *rt);

/**
 * Run the routines that are ready until none is, or, if some always are, for
 * about a millisecond (the descriptor is then readable again).  If none is ready
 * wait for one until `deadline`, WEFT_NOWAIT not to wait.
 *
 * 0: some ran.  -EAGAIN (WEFT_NOWAIT), -ETIMEDOUT: none did.  -EPERM: another
 * thread made rt.  -EDEADLK: called from a routine.  -EINVAL: not such a
 * runtime.  -EOWNERDEAD: it was the parent's.  Blocks the thread; plain threads
 * only.
 */
WEFT_API int weft_loop_run(weft_runtime *rt, weft_time deadline);

#ifdef __cplusplus
}
#endif

#endif
