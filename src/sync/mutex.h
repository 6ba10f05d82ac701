/* sync/mutex.h - what a cond asks of its mutex, and a rwlock of its gate; the
 * protocol is in mutex.c.
 */
#ifndef WEFT_SYNC_MUTEX_H
#define WEFT_SYNC_MUTEX_H

#include "sync/place.h"

#include <weft/mutex.h>

/* Somebody has it locked. */
bool weft__mutex_held(weft_mutex *m);

/* A chain of places, linked by next, whose waits are claimed, joins those who
 * wait for m.  Each owner will be readied with GRANT_HELD or GRANT_TRY. */
void weft__mutex_admit(weft_mutex *m, struct worker *w, struct place *chain);

/* Lock m for the owner of p, which GRANT_TRY woke. */
void weft__mutex_relock(weft_mutex *m, struct worker *w, struct place *p);

/* A mutex within another object: w has counted the operation, and those who
 * wait are said to wait for `reason`.  The worker may be another after it. */
int weft__gate_lock(weft_mutex *m, struct worker *w, int64_t deadline,
		    bool steady, enum park_reason reason);
void weft__gate_unlock(weft_mutex *m);

/* wait.withdraw of a place that stands with a mutex. */
bool weft__mutex_withdraw(struct wait *wt);

#endif
