/* support/home.h - on one worker, who waits by now?
 *
 * Whoever was on the thread of the only worker has left it when another runs there:
 * who is not runnable waits.  But on a busy machine a worker that gets no CPU looks
 * stuck, and a spare one takes over for a while; then nobody can tell.
 *
 * A body calls stay_home first, each of its routines arrive as the last thing before
 * it waits or ends, and after it has let them run the body asks all_wait.  Where that
 * is false it judges nothing and gives STRAYED, and on_one_thread tries again: what
 * is false each time is the library's fault.
 */
#ifndef WEFT_SUPPORT_HOME_H
#define WEFT_SUPPORT_HOME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft.h>

enum { STRAYED = 4321 };

static struct {
	atomic_long thread;
	atomic_int arrived;
	atomic_bool strayed;
} home;

static inline bool strayed(void)
{
	if (syscall(SYS_gettid) != home.thread)
		home.strayed = true;
	return home.strayed;
}

static inline void stay_home(void)
{
	home.thread = syscall(SYS_gettid);
	home.arrived = 0;
	home.strayed = false;
}

static inline void arrive(void)
{
	strayed();
	home.arrived++;
}

/* So many have arrived, on this thread. */
static inline bool all_wait(int n)
{
	if (home.arrived != n)
		home.strayed = true;
	return !strayed();
}

/* body on one worker; a spare one is not lent each time. */
static inline int on_one_thread(int (*body)(void *), void *arg)
{
	weft_config c;
	int rc, tries = 0;

	weft_config_init(&c);
	c.workers = 1;
	do
		rc = weft_run_config(&c, body, arg);
	while (rc == STRAYED && ++tries < 100);
	return rc;
}

#endif
