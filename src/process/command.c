/* process/command.c - running a program from its start to its end.
 *
 * One routine feeds its input and drains both outputs: it moves what goes
 * without waiting, then waits until any of the pipes is ready.  An epoll
 * descriptor of its own stands for all of them, since that is a descriptor
 * that can itself be waited for.
 *
 * The process is waited for last, when the pipes are done or given up: until
 * then it is there at least as a zombie, and its group can be sent to.
 */
#include "base/base.h"
#include "io/desc.h"
#include "os/sys.h"
#include "process/process.h"
#include "sched/park.h"

#include <sys/epoll.h>
#include <weft/io.h>
#include <weft/routine.h>
#include <weft/scope.h>
#include <weft/time.h>

enum { FIRST_ROOM = 4096, CHUNK = 64 << 10, SPILL = 4096, LAST_LOOKS = 64 };
#define LIMIT ((size_t)1 << 20)
#define GRACE (2 * WEFT_S)

/* One output: what is kept, and behind it room to read what is not. */
struct keep {
	int *fd;                        /* in the process; -1: closed */
	char *data;
	size_t size, room;
	bool cut;
};

struct running {
	const weft_command *c;
	weft_process p;
	int poll;                       /* epoll descriptor, or -1 */
	const char *input;
	size_t input_left, limit;
	struct keep keep[2];
};

/* --- the pipes -------------------------------------------------------------------- */

static void drop_pipe(struct running *r, int *fd)
{
	weft__sys_epoll_ctl(r->poll, EPOLL_CTL_DEL, *fd, 0, 0);
	weft__desc_close(*fd);
	*fd = -1;
}

/* The steps: 1, something has changed; 0, nothing can be moved; or an error. */

static int feed(struct running *r)
{
	ssize_t n = 0;

	if (r->p.in < 0)
		return 0;
	if (r->input_left)
		n = weft_write(r->p.in, r->input, r->input_left, WEFT_NOWAIT);
	if (n == -EAGAIN)
		return 0;
	if (n < 0 || !(r->input_left -= (size_t)n))
		drop_pipe(r, &r->p.in);
	else
		r->input += n;
	/* Who does not want its input is not wrong. */
	return n < 0 && n != -EPIPE ? (int)n : 1;
}

/* Room for some more bytes, and the 0 at the end. */
static int grow(struct keep *k, size_t limit)
{
	size_t room = k->room ? 2 * k->room : FIRST_ROOM;
	char *more;

	if (k->room > k->size + SPILL)
		return 0;
	room = room < limit + SPILL + 1 ? room : limit + SPILL + 1;
	room = room > 2 * SPILL ? room : 2 * SPILL;
	more = realloc(k->data, room);
	if (!more)
		return -ENOMEM;
	k->data = more;
	k->room = room;
	return 0;
}

static int drain(struct running *r, struct keep *k)
{
	size_t n;
	ssize_t got;

	if (!k->data || *k->fd < 0)
		return 0;
	if (grow(k, r->limit) < 0)
		return -ENOMEM;
	n = k->room - k->size - 1;
	got = weft_read(*k->fd, k->data + k->size, n < CHUNK ? n : CHUNK,
			WEFT_NOWAIT);
	if (got == -EAGAIN)
		return 0;
	if (got <= 0) {
		drop_pipe(r, k->fd);
		return got ? (int)got : 1;
	}
	k->size += (size_t)got;
	if (k->size > r->limit) {
		k->size = r->limit;
		k->cut = true;
	}
	return 1;
}

static bool piped(const struct running *r)
{
	return r->p.in >= 0 || r->p.out >= 0 || r->p.err >= 0;
}

/* Until all are at their end.  Whether the time has come is looked at while
 * there is no need to wait, too.  With WEFT_NOWAIT: what is there, no more. */
static int serve(struct running *r, weft_time deadline)
{
	for (unsigned looks = 0; piped(r); looks++) {
		int in = feed(r), out = drain(r, &r->keep[0]);
		int err = drain(r, &r->keep[1]);

		if (in < 0 || out < 0 || err < 0)
			return in < 0 ? in : out < 0 ? out : err;
		if (deadline == WEFT_NOWAIT) {
			if (!(in | out | err) || looks > LAST_LOOKS)
				return -EAGAIN;
			continue;
		}
		if (weft_cancelled())
			return -ECANCELED;
		if (deadline != WEFT_FOREVER && weft__clock() >= deadline)
			return -ETIMEDOUT;
		if (in | out | err)
			continue;
		err = weft__desc_poll(r->poll, POLLIN, deadline);
		if (err < 0)
			return err;
	}
	return 0;
}

/* --- from start to end ------------------------------------------------------------- */

static int watch_pipes(struct running *r)
{
	int fd[3] = { r->p.in, r->p.out, r->p.err }, err = 0;

	if (!piped(r))
		return 0;
	r->poll = weft__desc_adopt(weft__sys_epoll_create(), DESC_OTHER,
				   DESC_OURS);
	if (r->poll < 0)
		return r->poll;
	for (int i = 0; i < 3 && !err; i++)
		if (fd[i] >= 0)
			err = weft__sys_epoll_ctl(r->poll, EPOLL_CTL_ADD, fd[i],
						  i ? EPOLLIN : EPOLLOUT, 0);
	for (int i = 0; i < 2 && !err; i++) {
		r->keep[i].fd = i ? &r->p.err : &r->p.out;
		if (fd[i + 1] >= 0)
			err = grow(&r->keep[i], r->limit);
	}
	return err;
}

static int send_all(struct running *r, int sig)
{
	bool group = !(r->c->flags & WEFT_COMMAND_SAME_GROUP);

	return weft_process_kill(&r->p, group ? -sig : sig);
}

/* It was given up: see to its end.  The caller may be cancelled. */
static void put_down(struct running *r, int *status)
{
	weft_time grace = r->c->grace ? r->c->grace : GRACE;
	weft_time until = weft__clock() + (grace > 0 ? grace : 0);
	int err;

	weft_shield_begin();
	if (grace > 0)
		send_all(r, SIGTERM);
	err = serve(r, until);
	if (!err || r->c->flags & WEFT_COMMAND_SAME_GROUP)
		err = weft_process_wait(&r->p, status, until);
	if (err) {
		send_all(r, SIGKILL);
		weft_process_wait(&r->p, status, WEFT_FOREVER);
	}
	serve(r, WEFT_NOWAIT);
	weft_shield_end();
}

/* The caller is discarded with its run, and what it ran goes with it: there is no
 * time for a grace. */
static void drop_running(void *arg)
{
	struct running *r = arg;

	weft__process_end(&r->p);
	weft_process_close(&r->p);
	if (r->poll >= 0)
		weft__desc_close(r->poll);
	free(r->keep[0].data);
	free(r->keep[1].data);
}

static void hand_over(struct running *r, weft_outcome *result)
{
	for (int i = 0; i < 2; i++) {
		struct keep *k = &r->keep[i];

		if (k->data)
			k->data[k->size] = '\0';
		*(i ? &result->err : &result->out) = k->data;
		*(i ? &result->err_size : &result->out_size) = k->size;
		result->cut |= k->cut ? 1 << i : 0;
	}
}

static int prepare(struct running *r, const weft_command *c, weft_command *own)
{
	*own = *c;
	if (c->input || c->input_size) {
		if (c->in.kind != WEFT_STDIO_INHERIT || !c->input)
			return -EINVAL;
		own->in.kind = WEFT_STDIO_PIPE;
	} else if (c->in.kind == WEFT_STDIO_PIPE) {
		return -EINVAL;
	}
	if (c->out.kind == WEFT_STDIO_PIPE || c->err.kind == WEFT_STDIO_PIPE ||
	    c->limit > PTRDIFF_MAX)
		return -EINVAL;
	r->limit = c->limit ? c->limit : LIMIT;
	r->input = c->input;
	r->input_left = c->input_size;
	return weft__process_spawn(&r->p, own, true);
}

int weft_run_command(const weft_command *c, weft_outcome *result,
		     weft_time deadline)
{
	struct running r = { .c = c, .poll = -1 };
	weft_command own;
	weft_outcome unwanted;
	struct hold h;
	int err;

	if (!result)
		result = &unwanted;
	memset(result, 0, sizeof *result);
	err = c ? prepare(&r, c, &own) : -EINVAL;
	if (err)
		return err;
	result->pid = r.p.pid;
	weft__hold(&h, drop_running, &r);
	err = watch_pipes(&r);
	if (!err)
		err = serve(&r, deadline);
	if (!err)
		err = weft_process_wait(&r.p, &result->status, deadline);
	if (err)
		put_down(&r, &result->status);
	weft__hold_end(&h);
	hand_over(&r, result);
	if (result == &unwanted) {
		free(r.keep[0].data);
		free(r.keep[1].data);
	}
	weft_process_close(&r.p);
	if (r.poll >= 0)
		weft__desc_close(r.poll);
	return err;
}
