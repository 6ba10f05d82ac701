/* os/clock.c - the one clock. */
#include "base/base.h"
#include "os/thread.h"

#include <time.h>

int64_t weft__os_now(void)
{
	struct timespec ts;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	return ns ? ns : 1;
}
