/* base/panic.c - says what is wrong on stderr, then ends the process. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

size_t (*weft__panic_describe)(char *buf, size_t size);

static void say(const char *kind, const char *fmt, va_list ap)
{
	char line[512];
	size_t n = (size_t)snprintf(line, sizeof line, "weft: %s", kind);
	int k = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);

	n = k < 0 ? n : n + (size_t)k;
	if (n > sizeof line - 2)
		n = sizeof line - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return;         /* nobody to tell: the caller goes on */
}

void weft__warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void weft__panic(const char *fmt, ...)
{
	va_list ap;
	char who[400];

	va_start(ap, fmt);
	say("panic: ", fmt, ap);
	va_end(ap);
	if (weft__panic_describe && weft__panic_describe(who, sizeof who))
		weft__warn("  in %s", who);
	abort();
}

void weft__bug(const char *what, const char *file, int line)
{
	weft__panic("bug: %s (%s:%d)", what, file, line);
}
