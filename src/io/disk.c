/* io/disk.c - files: what is in memory at once, the rest on the pool.
 *
 * A file is ready by definition, so deadlines do not matter: a call for which
 * WEFT_NOWAIT was given may wait for the disk, too, but cannot be cancelled.
 */
#include "base/base.h"
#include "io/io.h"

#include <weft/routine.h>
#include <weft/scope.h>

int weft__io_pool(void *(*call)(void *), void *arg, weft_time deadline)
{
	int err = weft_blocking(call, arg, NULL);

	if (err == -ECANCELED && deadline == WEFT_NOWAIT) {
		weft_shield_begin();
		err = weft_blocking(call, arg, NULL);
		weft_shield_end();
	}
	if (err == -EAGAIN) {           /* no thread to be had: so be it */
		call(arg);
		err = 0;
	}
	return err;
}

struct transfer {
	int fd;
	uint32_t generation;
	struct io_op op;
	bool write;
	ssize_t result;
};

/* By a thread that stays: it keeps the number over the call. */
static ssize_t transfer_now(const struct transfer *t, int flags)
{
	int err = weft__desc_enter_as(t->fd, t->generation);
	ssize_t r;

	if (err)
		return err;
	r = t->write ? weft__sys_writev(t->fd, t->op.v, t->op.n, flags)
		     : weft__sys_readv(t->fd, t->op.v, t->op.n, flags);
	weft__desc_leave(t->fd);
	return r;
}

static void *transfer_call(void *p)
{
	struct transfer *t = p;

	t->result = transfer_now(t, 0);
	return NULL;
}

static ssize_t transfer_part(struct transfer *t, weft_time deadline)
{
	ssize_t r = transfer_now(t, RWF_NOWAIT);
	int err;

	if (r != -EAGAIN && !io_unsure(r))
		return r;
	err = weft__io_pool(transfer_call, t, deadline);
	return err ? err : t->result;
}

ssize_t weft__io_disk(int fd, struct io_op *op, bool write,
		      weft_time deadline)
{
	struct transfer t = { .fd = fd, .op = *op, .write = write };
	struct iovec rest;
	size_t done = 0;
	ssize_t r;
	int err = io_cancelled(deadline);

	if (!err)
		err = op->generation ? weft__desc_enter_as(fd, op->generation)
				     : weft__desc_enter(fd, &op->generation);
	if (err)
		return err;
	t.generation = op->generation;
	weft__desc_leave(fd);
	for (;;) {
		r = transfer_part(&t, deadline);
		if (r <= 0)
			break;
		done += (size_t)r;
		/* Cut short by what is not in memory, or by the end. */
		if (t.op.n != 1 || (size_t)r >= t.op.v->iov_len ||
		    done >= IO_MOST)
			break;
		rest.iov_len = t.op.v->iov_len - (size_t)r;
		rest.iov_base = (char *)t.op.v->iov_base + r;
		t.op.v = &rest;
	}
	weft__budget(weft__worker());
	return done ? (ssize_t)done : r;
}
