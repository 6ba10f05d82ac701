/* base/panic.h - misuse that cannot be answered with a code, and our own bugs.
 *
 * A misuse panics with one sentence, lower-case, module first: "waitgroup:
 * counter below zero".  In a routine that is what weft_panic does: its deferred
 * calls are made, it ends or a weft_try catches it.  On a plain thread the
 * sentence is printed and the process ends.  The scheduler, which knows the
 * routine, hangs itself in here: base cannot look up.
 *
 * A bug of ours, or what leaves a routine no stack to go on with, always ends
 * the process.
 */
#ifndef WEFT_BASE_PANIC_H
#define WEFT_BASE_PANIC_H

#include <stdarg.h>
#include <stddef.h>

/* Writes "routine 7 "name" spawned at ..." into buf; set by the scheduler. */
extern size_t (*weft__panic_describe)(char *buf, size_t size);
/* Ends the frames of the running routine; returns when there is none. */
extern void (*weft__panic_unwind)(const void *pc, const char *fmt, va_list ap);

/* The caller holds no short lock, and has left every object as it was before
 * the call, or as somebody else may find it. */
_Noreturn void weft__panic(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), cold));
/* The same for who was called at pc. */
_Noreturn void weft__panic_va(const void *pc, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0), cold));

/* Print, naming the routine, and abort. */
_Noreturn void weft__fatal(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), cold));
_Noreturn void weft__bug(const char *what, const char *file, int line)
	__attribute__((cold));

/* One line on stderr, "weft: " first; survives a closed or full stderr. */
void weft__warn(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

#endif
