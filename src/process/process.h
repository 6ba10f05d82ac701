/* process/process.h - a child process inside; rules in child.c. */
#ifndef WEFT_PROCESS_PROCESS_H
#define WEFT_PROCESS_PROCESS_H

#include "base/base.h"

#include <weft/process.h>

/* weft_process_spawn for both: `captures` allows WEFT_STDIO_CAPTURE, which is a
 * pipe here. */
int weft__process_spawn(weft_process *p, const weft_command *c, bool captures);

/* Kill p and, if it has one, its group, and wait for it.  For a plain thread. */
void weft__process_end(weft_process *p);

/* Look, then wait for a SIGCHLD, and so on: until look(arg) says other than 0,
 * which is the result.  -ETIMEDOUT, -ECANCELED, -ENOMEM. */
int weft__child_wait(int (*look)(void *arg), void *arg, weft_time deadline);

/* A wait for the end of a descriptor was given up; else it could not be made, and
 * there is another way. */
static inline bool process_given_up(int err)
{
	return err == -ETIMEDOUT || err == -EAGAIN || err == -ECANCELED ||
	       err == -EBADF;
}

#endif
