/* SPDX-License-Identifier: MIT */
/* weft/routine.h - routines: starting, joining, parking, local storage.
 *
 * A routine is a function on a small stack of its own.  Starting one costs
 * less than a microsecond and a parked one costs its touched stack pages,
 * so a million are fine.
 *
 * A routine may continue on another thread after every call that may park:
 * use keys (below) instead of thread-local variables, and do not hold a
 * pthread mutex or a FILE lock over such a call.
 */
#ifndef WEFT_ROUTINE_H
#define WEFT_ROUTINE_H

#include <weft/base.h>

/* The opt-in stack class below one page.  It has no guard and is too small
 * for a signal frame or for libc: for leaf functions measured to fit. */
#define WEFT_STACK_SUBPAGE ((size_t)2048)

/**
 * What a routine is started with.  All zero is valid and means the defaults.
 */
typedef struct weft_attr {
	const char *name;       /* copied, cut when long; NULL = none */
	size_t stack_size;      /* bytes, rounded up to a class; 0 = default */
	int priority;           /* 2 critical .. 0 normal .. -2 background */
	int pinned;             /* nonzero: stays on one OS thread */
	unsigned flags;         /* zero */
	unsigned weft__reserved;        /* zero */
} weft_attr;

/* Routine-local storage: one value per routine under each key. */
typedef unsigned weft_key;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Start a routine that runs fn(arg) and that nobody joins.
 *
 * Never parks.  From a plain thread it goes to the one runtime that runs.
 * What the caller did before happens before fn.  Errors: -EINVAL (fn NULL),
 * -ENOMEM, -EAGAIN (max_routines are alive), -EPERM (plain thread, and no
 * runtime or several: use weft_submit), -ECANCELED (the runtime is
 * stopping).  On failure nothing was started.
 */
WEFT_API int weft_go(void (*fn)(void *), void *arg);

/**
 * weft_go with attributes, which are copied; NULL means defaults.  Further
 * error: -EINVAL for a priority, stack size or flag that does not exist.
 */
WEFT_API int weft_go_attr(const weft_attr *a, void (*fn)(void *), void *arg);

/**
 * weft_go_attr, but fn gets a private, writable copy of size bytes at data,
 * aligned for max_align_t and valid until fn returns; the caller may reuse
 * data at once.  With size 0 the pointer must not be dereferenced.  Further
 * error: -EINVAL (data NULL with size > 0, or size too large for a stack).
 */
WEFT_API int weft_go_copy(const weft_attr *a, void (*fn)(void *),
			  const void *data, size_t size);

/**
 * Start a routine that calls fn with argc (0 to 6) arguments that are
 * integers or pointers, each given as the register word the calling
 * convention of this CPU wants for it.  fn is cast from its real type;
 * argv holds six words, of which the first argc count, and is copied.
 * This is what go() of weft/go.h expands to: prefer that, it derives the
 * words from fn's prototype.
 *
 * Never parks.  Errors and ordering: as weft_go, -EINVAL also for argc > 6.
 */
WEFT_API int weft_go_words(void (*fn)(void), unsigned argc,
			   const uintptr_t argv[6]);

/**
 * Start a routine that can be joined; *id names it until it is joined or
 * detached, which the caller owes it.  a is copied; NULL means defaults.
 * *id is written before fn runs.  Never parks.  Errors and ordering: as
 * weft_go_attr, -EINVAL also for id NULL; *id is then 0.
 */
WEFT_API WEFT_NODISCARD int weft_spawn(weft_id *id, const weft_attr *a,
				       int (*fn)(void *), void *arg);

/**
 * Wait until routine id has ended, give its return value or weft_exit status
 * in *status (NULL: not wanted) and retire the id.  A routine that panicked
 * (weft/panic.h) has status WEFT_EPANIC.  Parks; a cancel point.  All that the routine did
 * happens before the return.
 *
 * Errors: -ESRCH (no such routine: joined, detached or never there; of two
 * joiners one gets this), -EDEADLK (joining oneself), -ECANCELED.  After an
 * error *status is untouched.
 */
WEFT_API int weft_join(weft_id id, int *status);

/**
 * weft_join with a deadline.  After -ETIMEDOUT (-EAGAIN with WEFT_NOWAIT)
 * the id is still valid and can be joined again.
 */
WEFT_API WEFT_NODISCARD int weft_join_until(weft_id id, int *status,
					    weft_time deadline);

/**
 * Give up the right to join id; what it leaves is freed when it ends.
 * Never parks; any thread.  Errors: -ESRCH.
 */
WEFT_API int weft_detach(weft_id id);

/**
 * Cancel routine id for as long as it lives, and the scopes that it has begun
 * (weft/scope.h): every cancel point in it gives -ECANCELED from now on.  One
 * that has not run yet still runs, cancelled.  0 also for one that has ended
 * and is not yet joined.  Never parks; any thread.  Errors: -ESRCH.
 */
WEFT_API int weft_cancel(weft_id id);

/**
 * Let other routines run; the caller stays runnable and is queued behind
 * them.  On a plain thread: sched_yield(2).  Not a cancel point.
 */
WEFT_API void weft_yield(void);

/**
 * For long loops: yields when the caller has used up its time slice, else
 * costs a few instructions.  Not a cancel point.  Nothing on a plain thread.
 */
WEFT_API void weft_checkpoint(void);

/**
 * The id of the calling routine; 0 on a plain thread.  Unique in the
 * process, across runtimes.  Never parks.
 */
WEFT_API weft_id weft_self(void);

/**
 * End the calling routine with this status, as if its function had returned
 * it, after its deferred calls (weft/panic.h); no try keeps it back.  In a
 * coroutine it ends that, too.  In the main routine it ends the run.
 * Routines only: on a plain thread it panics.
 */
WEFT_API WEFT_NORETURN void weft_exit(int status);

/**
 * Park until weft_unpark(weft_self()) or the deadline.  A routine holds at
 * most one permit: an unpark that came first is not lost, this call takes
 * it and returns at once.  What happened before the unpark happens before
 * the return.  Routines only; a cancel point.
 *
 * Returns 0 (a permit was there or came).  Errors: -ETIMEDOUT, -EAGAIN with
 * WEFT_NOWAIT, -ECANCELED, -EPERM (plain thread).
 */
WEFT_API WEFT_NODISCARD int weft_park_until(weft_time deadline);

/**
 * Give routine id a permit, and wake it if it is parked in weft_park_until;
 * it wakes from nothing else by this.  Two permits are one.  Never parks;
 * any thread.  Errors: -ESRCH.
 */
WEFT_API int weft_unpark(weft_id id);

/**
 * Run fn(arg) on the blocking pool and wait for it; the worker runs other
 * routines meanwhile.  For system calls and libraries that block.  fn runs
 * on a plain thread and cannot be interrupted; *result (NULL: not wanted) is
 * what it returned.  Orders memory as a call would.  On a plain thread fn is
 * simply called.
 *
 * Parks; a cancel point before fn starts.  Errors: -EINVAL (fn NULL),
 * -ENOMEM, -EAGAIN (no thread could be made), -ECANCELED; fn has then not
 * run.
 */
WEFT_API int weft_blocking(void *(*fn)(void *), void *arg, void **result);

/**
 * Call fn(arg) in this same routine but on a stack of at least stack_size
 * bytes, for a library that needs more than the routine has.  fn may park;
 * *result (NULL: not wanted) is what it returned.  On a plain thread fn gets
 * such a stack too.  Does not park itself.  Errors: -EINVAL (fn NULL,
 * size 0 or too large), -ENOMEM; fn has then not run.
 */
WEFT_API int weft_call_big(size_t stack_size, void *(*fn)(void *), void *arg,
			   void **result);

/**
 * Make a key for a value per routine; it lives as long as the process.  At
 * the end of a routine dtor (if not NULL) is called in it with each value
 * that is not NULL, and again, a few rounds, for what destructors set.
 * Discarded routines run none.  Never parks; any thread.  Errors: -EINVAL
 * (k NULL), -EAGAIN (no more keys).
 */
WEFT_API int weft_key_create(weft_key *k, void (*dtor)(void *));

/**
 * The calling routine's value under k; NULL before the first weft_set, for
 * an unknown key, and on a plain thread.  Never parks.
 */
WEFT_API void *weft_get(weft_key k);

/**
 * Set the calling routine's value under k; the old one is not destroyed.
 * Never parks.  Errors: -EINVAL (no such key), -ENOMEM, -EPERM (plain
 * thread).
 */
WEFT_API int weft_set(weft_key k, void *v);

/**
 * Name the calling routine in reports; copied, a long name is cut, NULL
 * removes it.  Never parks.  Errors: -ENOMEM, -EPERM (plain thread).
 */
WEFT_API int weft_name_set(const char *name);

/**
 * The calling routine's name, "" when it has none and on a plain thread.
 * Valid until the routine's next weft_name_set or its end.  Never parks.
 */
WEFT_API const char *weft_name(void);

#ifdef __cplusplus
}
#endif

#endif
