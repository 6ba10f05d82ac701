/* support/promise.h - test bodies that run as a main routine.
 *
 * A body returns the line of its first broken promise, 0 for none; the main
 * stack asserts.  everywhere() runs it with 1, 2 and 4 workers, anywhere() also
 * on a plain thread with no runtime at all.
 */
#ifndef WEFT_SUPPORT_PROMISE_H
#define WEFT_SUPPORT_PROMISE_H

#include <weft.h>

#include "support/crit.h"

#define PROMISE(c) do { if (!(c)) return __LINE__; } while (0)

static inline int with_workers(unsigned n, int (*body)(void *), void *arg)
{
	weft_config config;

	weft_config_init(&config);
	config.workers = n;
	return weft_run_config(&config, body, arg);
}

static inline void everywhere(int (*body)(void *))
{
	static const unsigned workers[] = { 1, 2, 4 };

	for (int i = 0; i < 3; i++) {
		int line = with_workers(workers[i], body, NULL);

		cr_assert_eq(line, 0, "%u workers: line %d", workers[i], line);
	}
}

static inline void anywhere(int (*body)(void *))
{
	int line = body(NULL);

	cr_assert_eq(line, 0, "no runtime: line %d", line);
	everywhere(body);
}

#endif
