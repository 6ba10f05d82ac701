/* sched/local.h - what lives with a running routine beside its stack: name,
 * keys, bigger stacks on loan.  The routine itself touches them only. */
#ifndef WEFT_SCHED_LOCAL_H
#define WEFT_SCHED_LOCAL_H

#include "sched/worker.h"

/* The routine leaves all its bigger stacks at once (weft_exit): its own is in
 * r->stack again, the others come back as a chain by ->next, to be put back
 * once nothing runs on them. */
struct stack *weft__big_shed(struct routine *r);

/* Run key destructors (they may park), free name and private data. */
void weft__local_end(struct routine *r);

/* Free what a routine that will not run again owned, destructors unrun. */
void weft__local_drop(struct extra *x);

#endif
