/* sched/drive.h - a runtime that has no thread: its owner's loop runs it.
 *
 * It has one worker and no monitor.  Between two runs the worker is listed as the
 * sleeper that sleeps in the poller (idle.h, S8), so whoever wakes it kicks the
 * poller, and the poller's own descriptor becomes readable.  So it does when a
 * descriptor is ready, or a timer due: an alarm clock (timerfd) is registered,
 * and set to the first deadline when the owner's thread leaves.
 *
 * Invariants
 *   R1  the worker is the owner's thread while that is inside weft_loop_run, and
 *       nobody's else; `lying` says whether it is listed, or was and is woken.
 *   R2  who leaves it with work undone does not list it and kicks the poller: the
 *       owner sees the descriptor readable and comes back.
 *   R3  only the thread that made it enters, so all this is that thread's own.
 */
#ifndef WEFT_SCHED_DRIVE_H
#define WEFT_SCHED_DRIVE_H

#include "base/base.h"

struct weft_runtime;
struct drive;

/* The calling thread drives rt: with which a plain wait would never end. */
bool weft__drive_mine(struct weft_runtime *rt);

/* Run what is ready, or wait for news until the deadline, and run that; at the
 * end of the runtime. */
void weft__drive_on(struct weft_runtime *rt, int64_t deadline);

/* The worker leaves for good. */
void weft__drive_leave(struct weft_runtime *rt);
void weft__drive_free(struct drive *d);

#endif
