/* support/crit.h - Criterion where it exists, its small twin elsewhere.
 *
 * Tests keep to the subset both have: Test() with .signal .exit_code .timeout
 * .disabled .init .fini .description, TestSuite() with the same, cr_assert* and
 * cr_expect* with printf-style messages, cr_skip_test, cr_log_info.
 *
 * cr_assert leaves by longjmp or _exit: on the main stack only.  In a routine
 * or in a second thread use cr_expect, or a flag the main stack looks at.
 */
#ifndef WEFT_SUPPORT_CRIT_H
#define WEFT_SUPPORT_CRIT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* before any header of the system */
#endif

#ifdef HAVE_CRITERION
#include <criterion/criterion.h>
#include <signal.h>
#else
#include "support/minicrit.h"
#endif

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Built with a sanitizer: slower, and ASan knows neither exit on a routine's stack
 * nor a fork beside threads that allocate. */
#ifdef __has_feature
#define WITH_FEATURE(f) __has_feature(f)
#else
#define WITH_FEATURE(f) 0
#endif
#if defined __SANITIZE_ADDRESS__ || WITH_FEATURE(address_sanitizer)
#define UNDER_ASAN 1
#else
#define UNDER_ASAN 0
#endif
#if defined __SANITIZE_THREAD__ || WITH_FEATURE(thread_sanitizer)
#define UNDER_TSAN 1
#else
#define UNDER_TSAN 0
#endif
#define SANITIZED (UNDER_ASAN || UNDER_TSAN)

/* Does TEST_WRAPPER run this: "valgrind", "qemu"? */
__attribute__((unused))
static bool under(const char *wrapper)
{
	const char *w = getenv("TEST_WRAPPER");

	return w && strstr(w, wrapper);
}

/* Of so many rounds, as many as a slow wrapper leaves time for. */
__attribute__((unused))
static int fewer(int n)
{
	int by = under("valgrind") ? 20 : under("qemu") ? 4 : 1;

	return n > by ? n / by : 1;
}

/* An emulated process of Criterion's cannot fork and then start threads; one
 * of minicrit's can, so such a test is run, but not twice. */
__attribute__((unused))
static void child_starts_threads(void)
{
#ifdef HAVE_CRITERION
	if (getenv("TEST_EMULATOR"))
		cr_skip_test("no threads after a fork here");
#endif
}

#endif
