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

#ifdef HAVE_CRITERION
#include <criterion/criterion.h>
#include <signal.h>
#else
#include "support/minicrit.h"
#endif

#endif
