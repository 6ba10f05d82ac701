/* sched/panics.h - what is known of a panic, and who is told.
 *
 * A routine keeps its panics in its extra (routine.h), the newest first: those
 * that are under way, and the last one that has ended, for its text.
 *
 * Everything here runs on the worker's own stack, which is idle while a routine
 * runs: formatting takes more than a small stack has.
 *
 * Told, once, is: who joins the routine, a scope, or else stderr.  A routine
 * that can be joined keeps its panic until it is joined, detached or discarded;
 * where that does not happen in time, the report is made then.
 */
#ifndef WEFT_SCHED_PANICS_H
#define WEFT_SCHED_PANICS_H

#include "sched/unwind.h"

struct weft_runtime;

enum { PANIC_FRAMES = 16 };

struct panic {
	struct panic *outer;            /* older                            */
	bool going;                     /* its unwinding has not ended      */
	bool untold;                    /* it ended its routine; see above  */
	unsigned frames;
	const void *frame[PANIC_FRAMES];/* of calls, innermost first        */
	char text[];
};

/* Panics of r that are under way. */
unsigned weft__panics_going(struct routine *r);

/* p has ended: it is the newest, and the others go, but for the oldest `keep`
 * of those that are under way. */
void weft__panic_settle(struct routine *r, struct panic *p, unsigned keep);

/* p has ended r, whose frames are gone or about to be: report it unless somebody
 * can still be told. */
void weft__panic_ends(struct worker *w, struct panic *p);

/* Is there one in x that is under way, or that nobody was told of? */
bool weft__panic_wanted(const struct extra *x);

/* The last chance is over: report it; `w`, or NULL, is the caller's, who may
 * hold no lock. */
void weft__panic_tell(struct worker *w, struct weft_runtime *rt,
		      const struct routine *r, const struct extra *x);

void weft__panics_free(struct extra *x);

/* "routine 7 "name", entry ..., spawned at ..." (report.c) */
size_t weft__report_describe(const struct routine *r, const char *name,
			     char *buf, size_t size);

/* The hook of base/panic.h: does not return in a routine. */
void weft__panic_begin(const void *pc, const char *fmt, va_list ap);

#endif
