/* process/waitpid.c - waiting for children without holding a thread.
 *
 * Nothing but a look with WNOHANG ever takes a child's status; before each look
 * there is something to wait for that cannot be missed:
 *
 *   one child's end     its pidfd is readable from then on
 *   all else            SIGCHLD: the channel is there before the look, and keeps
 *                       one that comes after it
 *
 * So who looks in vain is woken when it is worth another look.
 */
#include "base/base.h"
#include "io/desc.h"
#include "os/sys.h"
#include "process/process.h"
#include "process/signal.h"
#include "sched/park.h"

#include <sys/wait.h>

/* Should somebody else have taken SIGCHLD away, look now and then. */
#define LOOK_NS (WEFT_S)

static void drop_chan(void *c)
{
	weft_chan_unref(c);
}

int weft__child_wait(int (*look)(void *arg), void *arg, weft_time deadline)
{
	weft_chan *c = weft__signal_child();
	struct hold h;
	int r, err;

	if (!c)
		return -ENOMEM;
	weft__hold(&h, drop_chan, c);
	for (;;) {
		weft_time again = weft__clock() + LOOK_NS;

		r = look(arg);
		if (r)
			break;
		err = weft_chan_recv_until(c, NULL, again < deadline ? again
								     : deadline);
		if (err && (err != -ETIMEDOUT || deadline <= again)) {
			r = err;
			break;
		}
	}
	weft__hold_end(&h);
	weft_chan_unref(c);
	return r;
}

struct asked {
	pid_t pid;
	int *status;
	int options;
};

static int look_at(void *arg)
{
	const struct asked *a = arg;

	return weft__sys_waitpid(a->pid, a->status, a->options);
}

/* 0: the wait has to be made by signals after all. */
static pid_t wait_pidfd(pid_t pid, int *status, int options, weft_time deadline)
{
	int fd = weft__sys_pidfd(pid);
	struct hold h;
	pid_t r;

	if (fd >= 0)
		fd = weft__desc_adopt(fd, DESC_OTHER, DESC_OURS);
	if (fd < 0)
		return 0;
	weft__hold(&h, weft__desc_drop, &fd);
	r = weft__desc_poll(fd, POLLIN, deadline);
	if (r > 0)
		r = weft__sys_waitpid(pid, status, options);
	else if (!process_given_up(r))
		r = 0;
	weft__hold_end(&h);
	weft__desc_close(fd);
	return r;
}

pid_t weft_waitpid(pid_t pid, int *status, int options, weft_time deadline)
{
	struct worker *w = weft__worker();
	int ignored;
	pid_t r;

	if (!status)
		status = &ignored;
	if (deadline != WEFT_NOWAIT && !(options & WNOHANG) &&
	    weft__cancelled(w))
		return -ECANCELED;
	r = weft__sys_waitpid(pid, status, options);
	if (r || options & WNOHANG) {
		weft__budget(w);
		return r;
	}
	if (deadline == WEFT_NOWAIT)
		return -EAGAIN;
	if (pid > 0 && !(options & (WUNTRACED | WCONTINUED)))
		r = wait_pidfd(pid, status, options, deadline);
	return r ? r : weft__child_wait(look_at, &(struct asked){
			pid, status, options }, deadline);
}
