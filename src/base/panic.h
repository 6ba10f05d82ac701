/* base/panic.h - misuse that cannot be answered with a code, and our own bugs.
 *
 * A misuse panic prints one sentence that names the object, the routine and
 * where it was spawned, then ends the process.  The sentence is lower-case,
 * module first: "waitgroup: counter below zero".  The scheduler, which knows
 * the routine, hangs weft__panic_describe in here: base cannot look up.
 */
#ifndef WEFT_BASE_PANIC_H
#define WEFT_BASE_PANIC_H

#include <stddef.h>

/* Writes "routine 7 "name" spawned at ..." into buf; set by the scheduler. */
extern size_t (*weft__panic_describe)(char *buf, size_t size);

_Noreturn void weft__panic(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), cold));
_Noreturn void weft__bug(const char *what, const char *file, int line)
	__attribute__((cold));

/* One line on stderr, "weft: " first; survives a closed or full stderr. */
void weft__warn(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

#endif
