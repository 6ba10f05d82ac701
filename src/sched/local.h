/* sched/local.h - what lives with a running routine beside its stack: name,
 * keys, panics.  The routine itself touches them only. */
#ifndef WEFT_SCHED_LOCAL_H
#define WEFT_SCHED_LOCAL_H

#include "sched/worker.h"

/* The extra of the running routine, made when first needed; NULL: no memory. */
struct extra *weft__local_extra(struct routine *r);

/* Run key destructors (they may park), free name and private data.  What stays
 * in r->live.extra is for whoever joins r. */
void weft__local_end(struct routine *r);

/* There are destructors to run: r's own code goes on. */
bool weft__local_owes(const struct routine *r);

/* Free what a routine that will not run again owned, destructors unrun. */
void weft__local_drop(struct extra *x);

#endif
