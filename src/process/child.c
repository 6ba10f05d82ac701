/* process/child.c - child processes: starting, waiting, killing.
 *
 * A child is started by posix_spawn(3), which makes no copy of this process and
 * holds its caller until the program is found and executed; so a thread of the
 * blocking pool calls it.
 *
 * Invariants
 *   I1  the status is taken from the kernel under the lock, and kept: before,
 *       the number is the child's, a zombie at least; afterwards nobody sends
 *       to it.  A process that leads its group keeps that number, too.
 *   I2  mark is MARK while there is a process.
 *   I3  what becomes the child's descriptors 0 to 2 has a higher number here,
 *       so no dup2 overwrites what another one needs.
 */
#include "base/base.h"
#include "base/spinlock.h"
#include "io/desc.h"
#include "os/sys.h"
#include "process/process.h"
#include "sched/park.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>
#include <weft/routine.h>

#define MARK UINT32_C(0x70726f63)

/* What weft_process.weft__private is. */
struct state {
	struct spinlock lock;
	uint32_t mark;                  /* I2 */
	int pidfd;                      /* fixed; -1: there is none          */
	bool leads;                     /* fixed: a group of its own         */
	int ended;                      /* lock: 1, or a negative errno      */
	int status;                     /* lock: if ended is 1; I1           */
};
_Static_assert(sizeof(struct state) <= sizeof((weft_process *)0)->weft__private,
	       "it fits");

static struct state *state_of(weft_process *p)
{
	struct state *s = p ? (struct state *)(void *)p->weft__private : NULL;

	return s && s->mark == MARK ? s : NULL;
}

/* --- starting -------------------------------------------------------------------- */

struct launch {
	const weft_command *c;
	int theirs[3];                  /* -1: none was made or copied here */
	int ours[3];                    /* -1: no pipe                      */
	bool leads, captures;
	pid_t pid;                      /* 0: not, or not yet               */
	int err;
};

static bool is_pipe(const weft_stdio *s)
{
	return s->kind == WEFT_STDIO_PIPE || s->kind == WEFT_STDIO_CAPTURE;
}

static const weft_stdio *stdio_of(const weft_command *c, int i)
{
	return i == 0 ? &c->in : i == 1 ? &c->out : &c->err;
}

static bool valid(const weft_command *c, bool captures)
{
	if (!c || !c->argv || !c->argv[0] ||
	    c->flags & ~WEFT_COMMAND_SAME_GROUP)
		return false;
	for (int i = 0; i < 3; i++) {
		int kind = stdio_of(c, i)->kind;

		if (kind < 0 || kind > WEFT_STDIO_STDOUT ||
		    (kind == WEFT_STDIO_STDOUT && i != 2) ||
		    (kind == WEFT_STDIO_CAPTURE && (!captures || i == 0)))
			return false;
	}
	return true;
}

/* I3.  fd is ours to close. */
static int lift(int fd)
{
	int copy;

	if (fd < 0 || fd > 2)
		return fd;
	copy = weft__sys_dup(fd);
	weft__sys_close(fd);
	return copy;
}

static int open_pipe(struct launch *l, int i)
{
	int end = i == 0 ? 0 : 1;       /* the child's */
	int fds[2], err = weft__sys_pipe(fds);

	if (err < 0)
		return err;
	l->theirs[i] = lift(fds[end]);
	l->ours[i] = weft__desc_adopt(lift(fds[!end]), DESC_OTHER, DESC_OURS);
	if (l->theirs[i] < 0)
		return l->theirs[i];
	if (l->ours[i] < 0)
		return l->ours[i];
	return weft__sys_blocking(l->theirs[i]);
}

static int open_streams(struct launch *l)
{
	int err = 0;

	for (int i = 0; i < 3 && err >= 0; i++) {
		const weft_stdio *s = stdio_of(l->c, i);

		if (is_pipe(s)) {
			err = open_pipe(l, i);
		} else if (s->kind == WEFT_STDIO_FD) {
			l->theirs[i] = weft__sys_dup(s->fd);
			err = l->theirs[i];
		}
	}
	return err < 0 ? err : 0;
}

static int add_actions(const struct launch *l, posix_spawn_file_actions_t *fa)
{
	int err = 0;

	for (int i = 0; i < 3 && !err; i++) {
		int kind = stdio_of(l->c, i)->kind;

		if (kind == WEFT_STDIO_NULL)
			err = posix_spawn_file_actions_addopen(fa, i,
				"/dev/null", i ? O_WRONLY : O_RDONLY, 0);
		else if (kind == WEFT_STDIO_STDOUT)
			err = posix_spawn_file_actions_adddup2(fa, 1, 2);
		else if (l->theirs[i] >= 0)
			err = posix_spawn_file_actions_adddup2(fa,
				l->theirs[i], i);
	}
	if (!err && l->c->cwd)
		err = posix_spawn_file_actions_addchdir_np(fa, l->c->cwd);
	return err;
}

/* Workers and pool threads block signals, the child does not. */
static void set_attributes(const weft_command *c, posix_spawnattr_t *a)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t set;

	sigemptyset(&set);
	posix_spawnattr_setsigmask(a, &set);
	sigfillset(&set);
	sigdelset(&set, SIGKILL);
	sigdelset(&set, SIGSTOP);
	posix_spawnattr_setsigdefault(a, &set);
	if (!(c->flags & WEFT_COMMAND_SAME_GROUP)) {
		flags |= POSIX_SPAWN_SETPGROUP;
		posix_spawnattr_setpgroup(a, 0);
	}
	posix_spawnattr_setflags(a, flags);
}

static void *launch(void *arg)
{
	struct launch *l = arg;
	const weft_command *c = l->c;
	char *const *env = c->env ? c->env : environ;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	pid_t pid = 0;

	l->err = posix_spawn_file_actions_init(&fa);
	if (l->err)
		return NULL;
	l->err = posix_spawnattr_init(&attr);
	if (l->err)
		goto actions;
	set_attributes(c, &attr);
	l->err = add_actions(l, &fa);
	if (!l->err)
		l->err = posix_spawnp(&pid, c->path ? c->path : c->argv[0],
				      &fa, &attr, c->argv, env);
	if (!l->err)
		l->pid = pid;
	posix_spawnattr_destroy(&attr);
actions:
	posix_spawn_file_actions_destroy(&fa);
	return NULL;
}

static void close_all(int fd[3], int (*close_one)(int fd))
{
	for (int i = 0; i < 3; i++) {
		if (fd[i] >= 0)
			close_one(fd[i]);
		fd[i] = -1;
	}
}

static void process_clear(weft_process *p)
{
	memset(p, 0, sizeof *p);
	p->in = p->out = p->err = -1;
}

static void process_begin(weft_process *p, struct launch *l, bool leads)
{
	struct state *s = (struct state *)(void *)p->weft__private;

	p->pid = l->pid;
	p->in = l->ours[0];
	p->out = l->ours[1];
	p->err = l->ours[2];
	s->mark = MARK;
	s->leads = leads;
	s->pidfd = weft__desc_adopt(weft__sys_pidfd(l->pid), DESC_OTHER,
				    DESC_OURS);
}

/* Nobody will ever know of it: whoever only wanted it started has that. */
static void drop_launch(void *arg)
{
	struct launch *l = arg;
	weft_process p;

	close_all(l->theirs, weft__sys_close);
	process_clear(&p);
	if (l->pid > 0) {
		process_begin(&p, l, l->leads);
		if (l->captures)
			weft__process_end(&p);
		weft_process_close(&p);
	} else {
		close_all(l->ours, weft__desc_close);
	}
}

int weft__process_spawn(weft_process *p, const weft_command *c, bool captures)
{
	struct launch l = {
		.c = c, .captures = captures,
		.theirs = { -1, -1, -1 }, .ours = { -1, -1, -1 },
	};
	struct hold h;
	int err;

	if (!p)
		return -EINVAL;
	process_clear(p);
	if (!valid(c, captures))
		return -EINVAL;
	l.leads = !(c->flags & WEFT_COMMAND_SAME_GROUP);
	weft__hold(&h, drop_launch, &l);
	err = open_streams(&l);
	if (!err)
		err = weft_blocking(launch, &l, NULL);
	if (!err)
		err = -l.err;
	weft__hold_end(&h);
	close_all(l.theirs, weft__sys_close);
	if (err)
		close_all(l.ours, weft__desc_close);
	else
		process_begin(p, &l, l.leads);
	return err;
}

int weft_process_spawn(weft_process *p, const weft_command *c)
{
	if (c && (c->input || c->input_size))
		return -EINVAL;
	return weft__process_spawn(p, c, false);
}

/* --- waiting and killing ----------------------------------------------------------- */

/* 0: it runs. */
static int look(void *arg)
{
	weft_process *p = arg;
	struct state *s = (struct state *)(void *)p->weft__private;
	int ended;

	spin_lock(&s->lock);
	if (!s->ended) {
		pid_t r = weft__sys_waitpid(p->pid, &s->status, 0);

		s->ended = r > 0 ? 1 : r;                       /* I1 */
	}
	ended = s->ended;
	spin_unlock(&s->lock);
	return ended;
}

int weft_process_wait(weft_process *p, int *status, weft_time deadline)
{
	struct worker *w = weft__worker();
	struct state *s = state_of(p);
	int r;

	if (!s)
		return -EINVAL;
	if (deadline != WEFT_NOWAIT && weft__cancelled(w))
		return -ECANCELED;
	r = look(p);
	if (!r && deadline == WEFT_NOWAIT)
		r = -EAGAIN;
	if (!r && s->pidfd >= 0) {
		r = weft__desc_poll(s->pidfd, POLLIN, deadline);
		if (r > 0)
			r = look(p);
		else if (!process_given_up(r))
			r = 0;
	}
	if (!r)
		r = weft__child_wait(look, p, deadline);
	if (r > 0 && status)
		*status = s->status;
	return r < 0 ? r : 0;
}

int weft_process_kill(weft_process *p, int sig)
{
	struct state *s = state_of(p);
	int err = -ESRCH;

	if (!s || (sig < 0 && !s->leads))
		return -EINVAL;
	spin_lock(&s->lock);
	if (s->ended) {
		spin_unlock(&s->lock);
		return err;
	}
	if (sig < 0)
		err = weft__sys_kill(-p->pid, -sig);
	else if (s->pidfd >= 0)
		err = weft__sys_pidfd_kill(s->pidfd, sig);
	else
		err = weft__sys_kill(p->pid, sig);
	/* Under an emulator it may not lead its group yet. */
	if (sig < 0 && err == -ESRCH)
		err = weft__sys_kill(p->pid, -sig);
	spin_unlock(&s->lock);
	return err;
}

void weft__process_end(weft_process *p)
{
	(void)weft_process_kill(p, -SIGKILL);
	if (weft_process_kill(p, SIGKILL) == 0)
		(void)weft_process_wait(p, NULL, WEFT_FOREVER);
}

void weft_process_close(weft_process *p)
{
	struct state *s = state_of(p);
	int fd[3];

	if (!s)
		return;
	fd[0] = p->in;
	fd[1] = p->out;
	fd[2] = p->err;
	close_all(fd, weft__desc_close);
	if (s->pidfd >= 0)
		weft__desc_close(s->pidfd);
	process_clear(p);
}
