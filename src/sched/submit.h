/* sched/submit.h - operations that the kernel does meanwhile (io_uring).
 *
 * Place in the life of a routine:  park -> [ the kernel works ] -> ready
 *
 * A runtime has one ring, opened by its first operation.  Whoever submits looks
 * at once for what is complete already; the rest is told by the poller, to which
 * the ring is just another descriptor.
 *
 *     submitter                              reaper, any worker
 *     flying += flight                       take completions off the ring
 *     submit; reap a little                  lock
 *     lock                                   done, off `flying`; parked? claim
 *     not done? parked, park (unlocks)       unlock
 *     result                                 ready it, if claimed
 *
 * Invariants
 *   U1  a flight lies on its routine's stack; it is in `flying` from before the
 *       kernel knows it until it is done, under the lock.  Nobody returns from
 *       weft__submit before that (R1 in ring.h): whose wait ends early, by a
 *       deadline or a cancel, has the kernel end the operation, and then waits
 *       for it without any way out.
 *   U2  who sees `parked` under the lock claims the wait there; who does not
 *       never touches the flight again after the unlock.
 *   U3  a routine counts as waiting for a descriptor (X3 in watch.h) from before
 *       the kernel knows its operation until it runs again.
 *   U4  a completion makes the ring's descriptor readable, so an event comes
 *       after the last look at the ring (E1 in poller.h).
 *   U5  at the end of a runtime nothing is in flight before a stack goes, nor
 *       when the thread that submitted it ends.
 *
 * Ordering
 *   U6  state: CAS-acquire-release by the one who opens the ring, store-release
 *       when it is usable, or not / load-acquire by who wants to submit or
 *       has heard of a completion.
 *
 * Lock rank: SUBMIT, above INJECT.  Held for straight-line code, but for the
 * cancels at the end of a runtime.
 */
#ifndef WEFT_SCHED_SUBMIT_H
#define WEFT_SCHED_SUBMIT_H

#include "base/base.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "poll/ring.h"

struct weft_runtime;
struct worker;

enum submit_state {
	SUBMIT_CLOSED,          /* nobody has asked                    */
	SUBMIT_OPENING,
	SUBMIT_OPEN,
	SUBMIT_REFUSED,         /* by the kernel or this build         */
	SUBMIT_OFF,             /* WEFT_RING=off, or valgrind         */
};

struct submit {
	struct ring ring;               /* U6 */
	struct spinlock lock;
	struct list flying;             /* lock */
	uint64_t number;                /* lock: of the next one */
	bool ending;                    /* lock: the runtime is */
	_Atomic uint32_t state;         /* U6: enum submit_state */
	_Atomic uint64_t submitted;     /* for tests */
};

/* Can w's runtime have the kernel do this?  The first question opens the ring,
 * parking; others say no meanwhile. */
bool weft__submit_has(struct worker **w, enum ring_op op);

/*
 * Do it, parked until it is done.  *w is the worker to go on with.  Not a cancel
 * point before it starts; `early`: one while it lasts, if the kernel can end it,
 * and then -ECANCELED means that it had no effect.  over(request), unless NULL,
 * is called once when the kernel is done with it, by who notices, also when the
 * caller is discarded meanwhile; it may ready others and take short locks.
 * False: no room, nothing has happened.
 */
typedef void submit_over(const struct ring_request *request, int32_t result);
bool weft__submit(struct worker **w, const struct ring_request *request,
		  bool early, submit_over *over, int32_t *result);

/* "ring", or why not: "closed", "opening", "refused", "off". */
const char *weft__submit_name(const struct weft_runtime *rt);

void weft__submit_init(struct weft_runtime *rt);
/* w's thread is about to end, in a runtime that ends, and would wait in the kernel
 * for what that does on its behalf: end that, and whatever else is in flight. */
void weft__submit_leave(struct worker *w);
/* No worker runs any more.  Ends what is left, closes the ring. */
void weft__submit_fini(struct weft_runtime *rt);

#endif
