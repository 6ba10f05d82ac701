/* SPDX-License-Identifier: MIT */
/* weft/supervise.h - routines that are started again when they fail.
 *
 *	static const weft_supervised crew[] = {
 *		{ .name = "reader", .fn = reader, .arg = &state },
 *		{ .name = "writer", .fn = writer, .arg = &state },
 *	};
 *	static const weft_supervision how = {
 *		.intensity = 5, .period = 10 * WEFT_S,
 *	};
 *
 *	err = weft_supervise(crew, 2, &how);
 *
 * To fail is to return a negative value, to exit with one, or to panic.  What
 * fails again and again is not helped by another start: more failures than
 * `intensity` within `period` end the supervision, and so the failure goes to
 * whoever supervises the supervisor.
 */
#ifndef WEFT_SUPERVISE_H
#define WEFT_SUPERVISE_H

#include <weft/base.h>

/* When a routine is started again. */
#define WEFT_RESTART_FAILED 0   /* when it failed (default)             */
#define WEFT_RESTART_ALWAYS 1   /* also when it ended without           */
#define WEFT_RESTART_NEVER  2   /* never; nor does its failure count    */

/* What is started again with it. */
#define WEFT_ONE_FOR_ONE 0      /* nothing (default)                    */
#define WEFT_ONE_FOR_ALL 1      /* all: the others are cancelled first  */

/** A routine to supervise: fn(arg), in a fresh routine at each start. */
typedef struct weft_supervised {
	const char *name;       /* of the routine, copied; may be NULL */
	int (*fn)(void *);
	void *arg;
	int restart;            /* WEFT_RESTART_... */
} weft_supervised;

/** How to supervise.  All zero is valid: nobody is ever started again. */
typedef struct weft_supervision {
	int strategy;           /* WEFT_ONE_FOR_... */
	unsigned intensity;     /* so many starts again ... */
	weft_time period;       /* ... within this time, > 0, are fine */
	/* NULL, or called for each failure, and each end of a routine that is
	 * always started again, in the routine that starts it again: err is
	 * what it returned, or WEFT_EPANIC.  May park. */
	void (*report)(void *context, const weft_supervised *who, int err);
	void *context;
} weft_supervision;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Start the n routines of `who` and supervise them, in the calling routine,
 * until all have ended for good.  how NULL means one for one, three starts
 * again within five seconds.  Both are used until the return.
 *
 * Parks.  No cancel point by itself: a cancelled caller's routines are
 * cancelled with it, and none is started again.  Returns 0 when all have ended
 * and none of them wanted another start, the error of the failure that was one
 * too many, after all the others were cancelled and have ended (-ECHILD when it
 * was no failure but an end of a routine that is always started again), or
 * -ECANCELED (the caller was cancelled, or the runtime stops).  Errors: -EINVAL (who NULL
 * with n > 0, an fn that is NULL, a restart or strategy that does not exist, an
 * intensity without a period), -ENOMEM, and those of weft_scope_go.
 */
WEFT_API int weft_supervise(const weft_supervised *who, size_t n,
			    const weft_supervision *how);

#ifdef __cplusplus
}
#endif

#endif
