/* base/panic.c - says what is wrong; see panic.h. */
#include "base/base.h"

#include <stdio.h>
#include <unistd.h>

size_t (*weft__panic_describe)(char *buf, size_t size);
void (*weft__panic_unwind)(const void *pc, const char *fmt, va_list ap);

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

static _Noreturn void die(const char *kind, const char *fmt, va_list ap)
{
	char who[400];

	say(kind, fmt, ap);
	if (weft__panic_describe && weft__panic_describe(who, sizeof who))
		weft__warn("  in %s", who);
	abort();
}

void weft__panic_va(const void *pc, const char *fmt, va_list ap)
{
	if (weft__panic_unwind)
		weft__panic_unwind(pc, fmt, ap);
	die("panic: ", fmt ? fmt : "(no text)", ap);
}

void weft__panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	weft__panic_va(__builtin_return_address(0), fmt, ap);
}

void weft__fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	die("panic: ", fmt, ap);
}

void weft__bug(const char *what, const char *file, int line)
{
	weft__fatal("bug: %s (%s:%d)", what, file, line);
}
