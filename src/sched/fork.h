/* sched/fork.h - what becomes of runtimes when the process forks or exits.
 *
 * A runtime is dead when the threads that would run its routines are no more
 * (in the child of a fork) or have stopped for good (the process exits).  Its
 * memory stays, since anything may point at it, and so does its slot, or an
 * old routine could be taken for one of a later runtime.  Spawns into it give
 * -EOWNERDEAD, as does whatever else needs it; what would make its routines
 * run is dropped.  The thread that is left is a plain one, even when it forked
 * on a routine's stack.  Later runtimes get slots of their own.
 *
 * Ordering
 *   Z1  GATE_DEAD, weft__runtime_dead: seq RMW before the workers' attention is set / load-acquire
 *       by a worker that has seen that, and by whoever is about to use it.
 *   Z2  exiting: exchange-acquire-release; the first one stops the runtimes.
 *       A worker that has stopped says so in its state (store-release), which
 *       the exit reads (load-acquire) before it goes on.
 */
#ifndef WEFT_SCHED_FORK_H
#define WEFT_SCHED_FORK_H

#include "base/base.h"

struct weft_runtime;
struct worker;

/* What a call answers that found no runtime to go to: -EOWNERDEAD if there
 * were some and all are dead, else -EPERM. */
int weft__runtime_none(void);

/* Have weft__exit_stop called by exit; at the first start of a runtime. */
void weft__exit_install(void);

/*
 * The process ends: no worker picks another routine.  Waits until those that
 * run have come to a stop, or for EXIT_NS.  The caller is a plain thread from
 * then on.  Once per process; later calls do nothing.
 */
void weft__exit_stop(void);
#define EXIT_NS INT64_C(100000000)

/* The worker has seen that its runtime is dead: it stops here. */
_Noreturn void weft__worker_freeze(struct worker *w);

#endif
