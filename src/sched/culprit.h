/* sched/culprit.h - who keeps a worker from its other routines, by name.
 *
 * The monitor sees a worker that stands still while others wait.  It asks that
 * worker's thread, by a signal, to say what it is doing: which routine runs, and
 * its backtrace.  Once a minute at most, since nothing is broken: others were
 * served meanwhile (monitor.c), though not for free.
 *
 * The signal is SIGURG, whose default is to be ignored, so that a stray one does
 * no harm; a program that has a handler for it keeps it, and gets the sentence
 * without the backtrace.  System calls go on after it where they can.
 *
 * Ordering
 *   U1  asked: exchange-acquire-release by the monitor, before the signal / CAS-
 *       acquire-release by the handler, which then says what it has to.
 *   U2  installed: exchange-acquire-release; the first one installs.
 */
#ifndef WEFT_SCHED_CULPRIT_H
#define WEFT_SCHED_CULPRIT_H

#include "base/base.h"

struct worker;

/* This long without a switch is worth a sentence. */
#define CULPRIT_NS INT64_C(250000000)

/* Workers are about to start: take the signal if nobody has it.  Once per
 * process. */
void weft__culprit_install(void);

/* On a worker's thread: let the signal in. */
void weft__culprit_enable(void);

/* w has stood still for `ns`, in the kernel or not, and others waited. */
void weft__culprit_report(struct worker *w, int64_t ns, bool blocked);

#endif
