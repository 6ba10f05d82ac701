/* os/tell.h - sentences on stderr, and a backtrace, for signal handlers.
 *
 * Nothing here allocates, locks, or uses stdio.  The backtrace may be refused by
 * a broken process, so it comes last in a report.
 */
#ifndef WEFT_OS_TELL_H
#define WEFT_OS_TELL_H

#include "base/base.h"

struct line {
	size_t n;
	char text[400];
};

void weft__line_add(struct line *l, const char *s);
void weft__line_number(struct line *l, uint64_t v, unsigned base);
/* What is known about the code at pc. */
void weft__line_code(struct line *l, const void *pc);
/* Write it, and begin a new one. */
void weft__line_say(struct line *l);

/* Who called, one line each, the handler first; equal frames in a row are one. */
void weft__os_backtrace(void);

#endif
