/* sched/watch.h - a runtime's poller, and who asks it when.
 *
 * Place in the life of a routine:  wait queue -> [ watch ] -> ready
 *
 * The poller is opened by the first descriptor.  From then on
 *   - an idle worker sleeps in it (the one with the timer duty, idle.h S4);
 *   - a searching worker asks it without waiting;
 *   - a busy worker asks it when a look (F7 in worker.c) finds that nobody has
 *     for LOOK_NS;
 *   - the monitor counts it as waiting work when nobody has for a tick.
 *
 * Above the waist descriptors have owners who get the events: weft__watch_told.
 *
 * Invariants
 *   X1  `asking` is held by the one thread that waits in the poller (E3 in
 *       poller.h).  It delivers what it got after letting go, on its own
 *       worker, so events of one descriptor may be delivered out of order:
 *       they say "look again", no more.  The model is tests/model/watch.pml.
 *   X2  open goes from false to true once, under the lock.
 *   X8  a kick ends the wait of whoever asks next, be it somebody who does not
 *       wait anyway.  So the sleeper looks at its token once `asking` is its own:
 *       the token comes before the kick, and from then on no one else takes it.
 *       And it looks while it waits for `asking`: once it was popped the next one
 *       may have the duty, and sleep.
 *   X3  `waiting` counts routines parked until a descriptor is ready: something
 *       outside can wake them, so there is no deadlock.
 *
 * Ordering
 *   X4  asking: CAS-acquire to hold / store-release.
 *   X5  open: store-seq after the poller is whole / load-acquire by users,
 *       load-seq in the last look of a sleeper (D2 in idle.h): the one who
 *       opens it wakes a sleeper to take the duty.
 *   X6  waiting: RMW seq by the parker while it still runs / load-seq by the
 *       verdict after it saw every worker listed.
 *   X7  told: store-release by who wants to be told, before the first add /
 *       load-acquire by who delivers.
 */
#ifndef WEFT_SCHED_WATCH_H
#define WEFT_SCHED_WATCH_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"
#include "poll/poller.h"

struct weft_runtime;
struct worker;

/* How many events are taken at a time; and by who has enough to do (F9 in
 * worker.c): a quarter of what it runs until it asks again. */
enum { WATCH_BATCH = 64, WATCH_FEW = 16 };

/* To watch the poller is a duty like a deadline that never comes: later than
 * any timer's, sooner than none (idle.h, S4). */
#define WATCH_DUTY (INT64_MAX - 1)

struct watch {
	struct poller poller;           /* X2 */
	struct spinlock lock;           /* opening */
	_Atomic uint32_t asking;        /* X4 */
	_Atomic uint32_t open;          /* X5 */
	_Atomic uint32_t waiting;       /* X6 */
	_Atomic int64_t asked;          /* when somebody last asked */
};

/* --- for who owns descriptors --------------------------------------------- */

/* Told of each event, by the worker that runs on this thread (it may ready
 * routines with it); takes short locks only. */
typedef void watch_told(struct worker *w, uint64_t tag, uint32_t ready);
extern watch_told *_Atomic weft__watch_told;                        /* X7 */

/* A tag's upper half is a generation, never 0; those with 0 there are of the
 * scheduler itself. */
enum watch_internal { WATCH_RING = 1, WATCH_ALARM, WATCH_INTERNAL };
extern watch_told *_Atomic weft__watch_internal_told[WATCH_INTERNAL]; /* X7 */

/* Register fd with the poller of w's runtime, opening it if need be.  `serial`
 * gets the number of that poller: equal numbers, same poller.  -EPERM: always
 * ready.  Does not park. */
int weft__watch_add(struct worker *w, int fd, uint64_t tag, uint64_t *serial);
/* An event comes again for what is ready now; registers what is not (any more). */
int weft__watch_rearm(struct worker *w, int fd, uint64_t tag, uint64_t *serial);
/* Before parking for `ready`, with the owner's lock held. */
void weft__watch_arm(struct worker *w, int fd, uint64_t tag, uint32_t ready);
/* No longer by the poller with that number, if that is still open, or by any. */
#define WATCH_ALL UINT64_MAX
void weft__watch_drop(struct worker *w, int fd, uint64_t serial);
/* Signals of this thread are blocked; those of a loop's owner, who lends it as a
 * worker, and of plain threads (NULL) are not. */
bool weft__watch_deaf(const struct worker *w);

/* The number of the poller of w's runtime; 0: none is open. */
uint64_t weft__watch_serial(struct worker *w);

/* Around a park that a descriptor ends (X3). */
void weft__watch_wait_begin(struct worker *w);
void weft__watch_wait_end(struct worker *w);

/* Open the poller, if it is not. */
int weft__watch_open(struct weft_runtime *rt);

/* --- for the scheduler ------------------------------------------------------ */

void weft__watch_init(struct weft_runtime *rt);
void weft__watch_fini(struct weft_runtime *rt);

static ALWAYS_INLINE bool watch_open(const struct watch *wa)
{
	return unlikely(load_acq(&wa->open));                       /* X5 */
}

/* Ask without waiting, and deliver; how many events, WATCH_FEW at most under load.
 * 0 also when somebody else is asking.  From the loop only: a routine that parks
 * still holds the lock of an object while it picks. */
unsigned weft__watch_ask(struct worker *w);
/* Nobody asks, nor has a moment ago. */
bool weft__watch_due(struct worker *w);
/* Sleep in it until the deadline, a kick, or events: how many were put in ev.
 * The caller delivers them.  Not when its own token is there already (X8). */
int weft__watch_sleep(struct worker *w, struct poll_event *ev, int64_t deadline);
void weft__watch_deliver(struct worker *w, const struct poll_event *ev, int n);
void weft__watch_kick(struct weft_runtime *rt);
/* Nobody has asked since `then`, and nobody sleeps in it. */
bool weft__watch_neglected(struct weft_runtime *rt, int64_t then);

#endif
