/* io/write.c - bytes into a descriptor. */
#include "base/base.h"
#include "io/io.h"
#include "sched/cork.h"

#include <fcntl.h>
#include <limits.h>
#include <weft/io.h>

static ssize_t try_send(int fd, void *p)
{
	const struct io_op *op = p;

	return weft__sys_send(fd, op->v->iov_base, op->v->iov_len,
			      MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t try_send_parts(int fd, void *p)
{
	const struct io_op *op = p;
	struct msghdr m = {
		.msg_iov = (struct iovec *)(uintptr_t)op->v,
		.msg_iovlen = (size_t)op->n,
	};

	return weft__sys_sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* --- along with others (sched/cork.h) ------------------------------------------- */

/* What is longer is worth a call of its own. */
enum { ALONG_MOST = 16384 };

struct along {
	struct corked c;
	struct desc *d;
	uint32_t generation;
};

static int along_enter(struct corked *c)
{
	struct along *a = container_of(c, struct along, c);
	uint32_t u = add_acqrel(&a->d->users, DESC_USER);           /* D8 */

	/* Not weft__desc_in: a close may take its time in the kernel. */
	if (likely(!(u & (DESC_CLOSING | DESC_IN_KERNEL)) &&
		   load_rlx(&a->d->generation) == a->generation))
		return 0;
	weft__desc_out(a->d);
	return -EBADF;
}

static void along_leave(struct corked *c)
{
	weft__desc_out(container_of(c, struct along, c)->d);
}

/* Is it the first since something came in (D15)? */
static bool answers(struct desc *d)
{
	uint32_t edge = load_acq(&d->side[DESC_IN].edges) + 1;      /* D13 */

	if (load_rlx(&d->along) == edge)                            /* D9 */
		return false;
	store_rlx(&d->along, edge);                                 /* D9 */
	return true;
}

/* Which file it is, for who will enter it later; 0: somebody closes it. */
static uint32_t generation_now(struct desc *d)
{
	uint32_t g = load_acq(&d->generation);                      /* D14 */

	if (load_acq(&d->users) & (DESC_CLOSING | DESC_IN_KERNEL))  /* D8 */
		return 0;
	return load_acq(&d->generation) == g ? g : 0;               /* D14 */
}

/* CORK_NOT_MADE: nothing has happened. */
static ssize_t send_along(int fd, struct io_op *op, weft_time deadline)
{
	struct worker *w = weft__worker();
	struct along a;
	ssize_t r;
	int err;

	if (!w || op->n != 1 || op->size > ALONG_MOST ||
	    deadline == WEFT_NOWAIT || weft__cancelled(w))
		return CORK_NOT_MADE;
	a.d = weft__desc_find(fd, &err);
	if (unlikely(!a.d) || !answers(a.d))
		return CORK_NOT_MADE;
	a.generation = op->generation ? op->generation : generation_now(a.d);
	if (unlikely(!a.generation))
		return CORK_NOT_MADE;
	a.c.fd = fd;
	a.c.flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	a.c.buf = op->v->iov_base;
	a.c.size = op->v->iov_len;
	a.c.enter = along_enter;
	a.c.leave = along_leave;
	r = weft__cork_send(w, &a.c);
	op->generation = a.generation;
	return r == -EAGAIN ? CORK_NOT_MADE : r;
}

/* --- alone ------------------------------------------------------------------------ */

/* The first bytes of v, as many as a pipe or terminal that poll calls writable
 * has room for: written by nobody else at a time, they do not block. */
static ssize_t write_little(int fd, const struct iovec *v, int n)
{
	struct iovec one;

	while (n > 1 && !v->iov_len) {
		v++;
		n--;
	}
	one.iov_base = v->iov_base;
	one.iov_len = v->iov_len < PIPE_BUF ? v->iov_len : PIPE_BUF;
	return weft__sys_writev(fd, &one, 1, 0);
}

static NOINLINE ssize_t write_polled(int fd, const struct io_op *op)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int flags = weft__sys_flags(fd), r;

	if (flags < 0)
		return flags;
	if (flags & O_NONBLOCK)
		return weft__sys_writev(fd, op->v, op->n, 0);
	r = weft__sys_poll(&p, 1, 0);
	if (r <= 0)
		return r ? r : -EAGAIN;
	if (op->size <= PIPE_BUF)
		return weft__sys_writev(fd, op->v, op->n, 0);
	return write_little(fd, op->v, op->n);
}

static ssize_t write_now(int fd, const struct io_op *op)
{
	ssize_t r = weft__sys_writev(fd, op->v, op->n, RWF_NOWAIT);

	return unlikely(io_unsure(r)) ? write_polled(fd, op) : r;
}

static ssize_t try_write(int fd, void *p)
{
	struct sys_hush h;
	ssize_t r;

	if (likely(weft__watch_deaf(weft__worker())))
		return write_now(fd, p);
	weft__sys_hush_begin(&h);
	r = write_now(fd, p);
	weft__sys_hush_end(&h, r == -EPIPE);
	return r;
}

static ssize_t write_op(int fd, struct io_op *op, weft_time deadline)
{
	ssize_t r = -ENOTSOCK;

	for (int i = 0; r == -ENOTSOCK && i < IO_AGAIN; i++) {
		int kind = weft__desc_kind(fd);

		if (unlikely(kind < 0))
			return kind;
		if (unlikely(!op->size) && kind != DESC_SOCKET)
			return io_cancelled(deadline);
		if (kind == DESC_FILE)
			return weft__io_disk(fd, op, true, deadline);
		if (kind == DESC_OTHER)
			return weft__desc_do_as(fd, &op->generation, DESC_OUT,
						try_write, op, 0, deadline);
		if (kind == DESC_STREAM)
			r = send_along(fd, op, deadline);
		else
			r = CORK_NOT_MADE;
		if (r == CORK_NOT_MADE)
			r = weft__desc_do_as(fd, &op->generation, DESC_OUT,
				     op->n == 1 ? try_send : try_send_parts, op,
				     0, deadline);
		if (unlikely(r == -ENOTSOCK))
			weft__desc_forget(fd);
	}
	return r;
}

ssize_t weft_write(int fd, const void *buf, size_t n, weft_time deadline)
{
	struct iovec v = { (void *)(uintptr_t)buf, n };
	struct io_op op = { &v, 1, n, 0 };

	return write_op(fd, &op, deadline);
}

ssize_t weft_writev(int fd, const struct iovec *v, int n, weft_time deadline)
{
	ssize_t size = weft__io_size(v, n);
	struct io_op op = { v, n, (size_t)size, 0 };

	return size < 0 ? size : write_op(fd, &op, deadline);
}

int weft_write_all(int fd, const void *buf, size_t n, size_t *done,
		   weft_time deadline)
{
	uint32_t generation = 0;

	return weft__io_write_all_as(fd, &generation, buf, n, done, deadline);
}

int weft__io_write_all_as(int fd, uint32_t *generation, const void *buf,
			  size_t n, size_t *done, weft_time deadline)
{
	struct iovec v;
	struct io_op op = { &v, 1, 0, *generation };
	size_t went = 0;
	ssize_t r;

	do {
		v.iov_base = (char *)(uintptr_t)buf + went;
		v.iov_len = op.size = n - went;
		r = write_op(fd, &op, deadline);
		if (r > 0)
			went += (size_t)r;
	} while (r > 0 && went < n);
	*generation = op.generation;
	if (done)
		*done = went;
	return went == n && r >= 0 ? 0 : r ? (int)r : -EIO;
}
