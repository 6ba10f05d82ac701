/* process/exit.c - the end of the process, from a routine.
 *
 * What exit(3) runs was written for a thread's stack, and may use what the
 * routines use: so they stop first, and it runs on a large stack.
 */
#include "base/base.h"
#include "sched/fork.h"

#include <weft/process.h>
#include <weft/routine.h>

enum { EXIT_STACK = 1 << 20 };

static void *leave(void *status)
{
	weft__exit_stop();
	exit((int)(intptr_t)status);
}

void weft_process_exit(int status)
{
	void *arg = (void *)(intptr_t)status;

	weft_call_big(EXIT_STACK, leave, arg, NULL);
	leave(arg);     /* no memory for it: here, then */
	__builtin_unreachable();
}
