/* support/panics.h - routines that panic, and what is said of it. */
#ifndef WEFT_SUPPORT_PANICS_H
#define WEFT_SUPPORT_PANICS_H

#include "support/rt.h"

#define TEXT(s) ((void *)(uintptr_t)(s))

__attribute__((unused))
static int value(void *arg)
{
	return (int)(intptr_t)arg;
}

__attribute__((unused))
static int panics(void *arg)
{
	weft_panic("%s went wrong", arg ? (char *)arg : "it");
}

__attribute__((unused))
static void panics_void(void *arg)
{
	panics(arg);
}

__attribute__((unused))
static int panics_with(void *number)
{
	weft_panic("number %d", (int)(intptr_t)number);
}

/* Of the last panic of who calls. */
__attribute__((unused))
static bool text_is(const char *want)
{
	bool ok = !strcmp(weft_panic_text(), want);

	if (!ok)
		fprintf(stderr, "# \"%s\" instead of \"%s\"\n",
			weft_panic_text(), want);
	return CHECK(ok);
}

/* --- what ran meanwhile ------------------------------------------------------ */

static char log_[64];
static size_t logged;

__attribute__((unused))
static void note(void *arg)
{
	log_[logged++] = *(char *)arg;
}

/* Since the last time. */
__attribute__((unused))
static bool logged_is(const char *want)
{
	bool ok = logged == strlen(want) && !memcmp(log_, want, logged);

	if (!ok)
		fprintf(stderr, "# \"%.*s\" instead of \"%s\"\n", (int)logged,
			log_, want);
	logged = 0;
	return CHECK(ok);
}

/* --- in a child --------------------------------------------------------------- */

__attribute__((unused))
static int run_one(int (*fn)(void *), void *arg)
{
	return run_on(2, fn, arg);
}

__attribute__((unused))
static bool heard(const char *what)
{
	return strstr(said, what) != NULL;
}

/* How many reports were made. */
__attribute__((unused))
static int reports(void)
{
	int n = 0;

	for (const char *p = said; (p = strstr(p, "weft: panic: ")); p++)
		n++;
	return n;
}

#endif
