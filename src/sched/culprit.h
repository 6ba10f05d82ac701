/* sched/culprit.h - who keeps a worker from its other routines, by name.
 *
 * The monitor sees a worker that stands still while others wait.  It asks that
 * worker's thread, by a signal, to say what it is doing: which routine runs, and
 * its backtrace.  Once a minute at most, since nothing is broken: others were
 * served meanwhile (monitor.c), though not for free.
 *
 * What it is doing there is for the kernel to say.  The CPU time of its thread
 * tells who runs; of one that hardly ran only the kernel's letter for it tells
 * whether it sleeps or was given no CPU.  (The time that a thread waited for one
 * is counted only once it gets it, so one that waits on has not waited.)  That
 * letter is in a file, so it is asked for only when there is something to say and
 * the CPU time does not settle it:
 *
 *   - It used half of CULPRIT_NS or more, and a quarter of the time that it
 *     stood still, or it does not sleep now: a loop.
 *   - Else, when it sleeps: a call that blocks.
 *   - Else it would run, or a debugger has stopped it: starved.  No routine is to
 *     blame, so nobody is named, and that time counts against none.  The CPU
 *     time stays in the account, so a loop is named in the end however small
 *     the share of the CPU that it gets.
 *   - There is no such letter (no /proc, a sandbox, no descriptor left), and the
 *     CPU time shows no loop: what is said holds for a loop and for a call.
 *
 * Under valgrind the threads wait asleep for each other's turn, and one that did
 * not get it seems to be in a call.
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

enum why { WHY_LOOP, WHY_CALL, WHY_UNKNOWN, WHY_STARVED };

/* A thread stood still for `ns`, `used` of it with a CPU (negative: not known);
 * `state` as weft__os_thread_state. */
enum why weft__culprit_why(int64_t ns, int64_t used, char state);

/* The same of worker w; asks the kernel for the letter if there is need. */
enum why weft__culprit_ask(struct worker *w, int64_t ns, int64_t used);

/* w has stood still for `ns` while others waited, and was not starved. */
void weft__culprit_report(struct worker *w, int64_t ns, enum why why);

#endif
