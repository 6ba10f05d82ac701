/* routine/overflow.h - the report when a routine runs off its stack. */
#ifndef WEFT_ROUTINE_OVERFLOW_H
#define WEFT_ROUTINE_OVERFLOW_H

#include "base/base.h"

struct stack;

/* Who was running; filled by the hook below, all of it optional. */
struct overflow_info {
	const struct stack *stack;      /* in: the one that was left         */
	const void *addr;               /* in: what was touched              */
	uint64_t id;                    /* out, 0: unknown                   */
	const char *name;               /* NULL: none                        */
	const void *fn;                 /* its entry function                */
	const void *site;               /* where it was spawned              */
};

/* Set once by the scheduler.  Async-signal-safe, runs on the alternate stack
 * of the thread that faulted. */
extern void (*weft__overflow_describe)(struct overflow_info *info);

/*
 * Take SIGSEGV and SIGBUS, once per process.  A fault that is not a guard of
 * ours goes to the handler that was there before.  One that the user installs
 * later simply replaces ours.  0 or a negative errno.
 */
int weft__overflow_install(void);

/* Give the calling thread an alternate signal stack large enough for the
 * report; *mem is to be handed to disable on the same thread before it ends,
 * which brings back the one that was there.  0 or -ENOMEM. */
int weft__sigstack_enable(void **mem);
void weft__sigstack_disable(void *mem);
/* In between, for a thread that is ours only now and then: bring back the one
 * that was there, and take ours again.  mem may be NULL. */
void weft__sigstack_leave(void *mem);
void weft__sigstack_enter(void *mem);

#endif
