/* SPDX-License-Identifier: MIT */
/* weft/runtime.h - starting and stopping the workers that run routines.
 *
 * A program that is all routines calls weft_run from main.  A program that
 * owns its main loop and its threads starts a runtime beside them with
 * weft_start and hands it work with weft_submit and weft_call.  Runtimes
 * can be started one after the other and side by side.
 */
#ifndef WEFT_RUNTIME_H
#define WEFT_RUNTIME_H

#include <weft/base.h>

/* One scheduler with its workers; opaque. */
typedef struct weft_runtime weft_runtime;

/* weft_config.on_panic: what a panic does that nobody can be told of; see
 * weft/panic.h. */
#define WEFT_PANIC_ISOLATE 0    /* report on stderr, end that routine */
#define WEFT_PANIC_ABORT   1    /* report on stderr, abort the process */

/* weft_config.on_deadlock: every routine is parked, nothing can wake one. */
#define WEFT_DEADLOCK_REPORT 0  /* report; weft_run returns -EDEADLK */
#define WEFT_DEADLOCK_ABORT  1  /* report, abort the process */
#define WEFT_DEADLOCK_IGNORE 2  /* stay parked */

/* weft_config.guard: what stands below a stack of a page or more. */
#define WEFT_GUARD_AUTO     0   /* the best the system has */
#define WEFT_GUARD_MADVISE  1   /* MADV_GUARD_INSTALL (Linux 6.13) */
#define WEFT_GUARD_MPROTECT 2   /* a PROT_NONE page, within a budget */
#define WEFT_GUARD_CANARY   3   /* a word that is checked at every park */

/* weft_config.flags */
#define WEFT_WAIT_ALL 1u        /* weft_run waits for every routine */

/**
 * How a runtime is built.  Fill it with weft_config_init, then change what
 * you want; all zero is valid too and means every default, without a look
 * at the environment.
 */
typedef struct weft_config {
	unsigned workers;       /* 0 = as many as this process may use */
	size_t stack_size;      /* bytes; 0 = the default class */
	size_t max_routines;    /* alive at once; 0 = no limit */
	unsigned blocking_min;  /* threads kept in the blocking pool */
	unsigned blocking_max;  /* its limit; 0 = the default */
	int on_panic;           /* WEFT_PANIC_... */
	int on_deadlock;        /* WEFT_DEADLOCK_...; weft_run only */
	unsigned flags;         /* WEFT_WAIT_ALL */
	int guard;              /* WEFT_GUARD_... */
	uint64_t weft__reserved[6];     /* zero */
} weft_config;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Fill *c with the defaults, then with what WEFT_WORKERS, WEFT_STACK
 * (bytes, suffix K allowed) and the other variables of weft(7) say.  A value
 * that makes no sense is named in one warning on stderr and ignored.
 * NULL does nothing.  Never parks; any thread, though like getenv(3) not
 * beside a setenv(3).
 */
WEFT_API void weft_config_init(weft_config *c);

/**
 * Start a runtime as weft_config_init describes it, run fn(arg) as its main
 * routine, stop it and return what fn returned.  When fn returns the other
 * routines are discarded as in Go: they run no further and their waits are
 * withdrawn, so objects that outlive the run may be used in the next.  It
 * returns only after every routine has stopped running.
 *
 * Blocks the calling thread; plain threads only.  Everything the caller did
 * before happens before fn, and everything routines did before their last
 * stop happens before the return.
 *
 * Errors: -EINVAL (fn is NULL), -ENOMEM, -EAGAIN (no thread could be made),
 * -EPERM (called from a routine), -EDEADLK (every routine was parked and
 * nothing could wake one; they are listed on stderr.  Another thread could, if
 * it is alive and has used anything of weft's before or during the run; one
 * that has not is not known: WEFT_DEADLOCK_IGNORE), WEFT_EPANIC (fn
 * panicked).  fn's own result is returned unchanged, so give your own
 * failures numbers that you can tell from these.
 */
WEFT_API int weft_run(int (*fn)(void *), void *arg);

/**
 * weft_run with a configuration, which is copied; NULL means what
 * weft_config_init gives.  Further error: -EINVAL for a value out of range.
 */
WEFT_API int weft_run_config(const weft_config *c, int (*fn)(void *),
			     void *arg);

/**
 * Start a runtime beside the caller's own threads; *rt is its handle, which
 * the caller gives back with weft_stop.  c is copied; NULL means what
 * weft_config_init gives.  Deadlocks are not reported in such a runtime,
 * since any thread may still wake a routine.
 *
 * Does not park; any thread.  Errors: -EINVAL (rt NULL, value out of range),
 * -ENOMEM, -EAGAIN (no thread could be made); *rt is then NULL.
 */
WEFT_API WEFT_NODISCARD int weft_start(const weft_config *c,
				       weft_runtime **rt);

/**
 * Stop a runtime made by weft_start: cancel all routines, wait until they
 * have ended, end the workers, free rt.  Those that are parked in a call that
 * is no cancel point (weft_mutex_lock), with nothing in rt left that could wake
 * them, are discarded.  From the first call on, spawns into it give -ECANCELED.
 *
 * Blocks until deadline at most.  Errors: -ETIMEDOUT (-EAGAIN with
 * WEFT_NOWAIT): some routines have not ended, they are named on stderr, go
 * on running, and rt stays valid for another weft_stop; -EDEADLK: called
 * from a routine of rt; -EINVAL: rt is NULL.  After 0 rt must not be used.
 */
WEFT_API int weft_stop(weft_runtime *rt, weft_time deadline);

/**
 * Start a routine in rt that runs fn(arg); nobody can join it.  The one way
 * in for a thread that is no routine when several runtimes exist.
 *
 * Never parks; any thread.  What the caller did before happens before fn.
 * Errors: -EINVAL (rt or fn NULL), -ENOMEM, -EAGAIN (max_routines are
 * alive), -ECANCELED (rt is stopping).
 */
WEFT_API int weft_submit(weft_runtime *rt, void (*fn)(void *), void *arg);

/**
 * Run fn(arg) as a routine of rt, wait until it has ended, and return what
 * it returned.  Parks a routine, blocks a plain thread.  Orders memory as a
 * call would.  Errors: those of weft_submit, and WEFT_EPANIC (fn panicked).
 */
WEFT_API int weft_call(weft_runtime *rt, int (*fn)(void *), void *arg);

/**
 * How many workers the runtime of the calling routine runs; on a plain
 * thread those of the one runtime there is, 0 with none or several.
 * Never parks; cannot fail.
 */
WEFT_API unsigned weft_workers(void);

#ifdef __cplusplus
}
#endif

#endif
