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
 *       owner sees the descriptor readable and comes back.  A kick is due also
 *       where the poller has not got to the kernel with what is waited for.
 *   R3  only the thread that made it enters, so all this is that thread's own.
 *   R4  the alarm is set to alarm_at, which is no later than the first deadline
 *       whenever the worker lies (but for those that others arm then: they wake
 *       it).  Once it has been told of it is set anew, whatever for.
 *   R5  who leaves and is listed has left no event in the poller that it could
 *       have fetched: an owner that watches for edges gets no other for those.
 *   R6  outside of a run the thread is as it was: no worker, its own signal
 *       stack; and `state` says that no thread runs the worker, for who waits
 *       until nobody does (fork.h).
 *   R7  a stop that waits for news (runtime.h, G3) does so in the poller, lying
 *       since before it looked: others that have news kick.  News of its own,
 *       from lying down, it has seen.
 */
#ifndef WEFT_SCHED_DRIVE_H
#define WEFT_SCHED_DRIVE_H

#include "base/base.h"

struct weft_runtime;
struct drive;

/* The calling thread drives rt: with which a plain wait would never end. */
bool weft__drive_mine(struct weft_runtime *rt);

/* At the end of the runtime: wait until the deadline while there is no news but
 * `seen` and nothing to run, then run what there is, and lie down. */
void weft__drive_await(struct weft_runtime *rt, uint32_t seen, int64_t deadline);

/* The worker leaves for good. */
void weft__drive_leave(struct weft_runtime *rt);
void weft__drive_free(struct drive *d);
/* In a child of fork: its descriptors are the parent's. */
void weft__drive_bury(struct weft_runtime *rt);

#endif
