/* io/read.c - bytes out of a descriptor. */
#include "base/base.h"
#include "io/io.h"

#include <fcntl.h>
#include <limits.h>
#include <weft/io.h>

ssize_t weft__io_size(const struct iovec *v, int n)
{
	size_t size = 0;

	if (n < 0 || n > IOV_MAX)
		return -EINVAL;
	for (int i = 0; i < n; i++)
		if (__builtin_add_overflow(size, v[i].iov_len, &size))
			return -EINVAL;
	return size > SSIZE_MAX ? -EINVAL : (ssize_t)size;
}

int weft__io_nothing(int fd, weft_time deadline)
{
	int kind = weft__desc_kind(fd);

	return kind < 0 ? kind : io_cancelled(deadline);
}

static ssize_t try_recv(int fd, void *p)
{
	const struct io_op *op = p;

	return weft__sys_recv(fd, op->v->iov_base, op->v->iov_len,
			      MSG_DONTWAIT);
}

static ssize_t try_recv_parts(int fd, void *p)
{
	const struct io_op *op = p;
	struct msghdr m = {
		.msg_iov = (struct iovec *)(uintptr_t)op->v,
		.msg_iovlen = (size_t)op->n,
	};

	return weft__sys_recvmsg(fd, &m, MSG_DONTWAIT);
}

/* Where the kernel knows no RWF_NOWAIT: who asks poll first may still block if
 * another process reads what was there. */
static NOINLINE ssize_t read_polled(int fd, const struct io_op *op)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int flags = weft__sys_flags(fd), r;

	if (flags < 0)
		return flags;
	if (!(flags & O_NONBLOCK)) {
		r = weft__sys_poll(&p, 1, 0);
		if (r <= 0)
			return r ? r : -EAGAIN;
	}
	return weft__sys_readv(fd, op->v, op->n, 0);
}

static ssize_t try_read(int fd, void *p)
{
	const struct io_op *op = p;
	ssize_t r = weft__sys_readv(fd, op->v, op->n, RWF_NOWAIT);

	return unlikely(io_unsure(r)) ? read_polled(fd, op) : r;
}

static ssize_t read_op(int fd, struct io_op *op, weft_time deadline)
{
	ssize_t r = -ENOTSOCK;

	for (int i = 0; r == -ENOTSOCK && i < IO_AGAIN; i++) {
		int kind = weft__desc_kind(fd);

		if (unlikely(kind < 0))
			return kind;
		if (kind == DESC_FILE)
			return weft__io_disk(fd, op, false, deadline);
		if (kind == DESC_OTHER)
			return weft__desc_do_as(fd, &op->generation, DESC_IN,
						try_read, op, 0, deadline);
		r = weft__desc_do_as(fd, &op->generation, DESC_IN,
				     op->n == 1 ? try_recv : try_recv_parts, op,
				     kind == DESC_STREAM ? io_asked(op->size) :
				     0, deadline);
		if (unlikely(r == -ENOTSOCK))
			weft__desc_forget(fd);
	}
	return r;
}

ssize_t weft_read(int fd, void *buf, size_t n, weft_time deadline)
{
	struct iovec v = { buf, n };
	struct io_op op = { &v, 1, n, 0 };

	if (unlikely(!n))
		return weft__io_nothing(fd, deadline);
	return read_op(fd, &op, deadline);
}

ssize_t weft__io_read_as(int fd, uint32_t *generation, void *buf, size_t n,
			 weft_time deadline)
{
	struct iovec v = { buf, n };
	struct io_op op = { &v, 1, n, *generation };
	ssize_t r;

	if (unlikely(!n))
		return weft__io_nothing(fd, deadline);
	r = read_op(fd, &op, deadline);
	*generation = op.generation;
	return r;
}

ssize_t weft_readv(int fd, const struct iovec *v, int n, weft_time deadline)
{
	ssize_t size = weft__io_size(v, n);
	struct io_op op = { v, n, (size_t)size, 0 };

	if (size < 0)
		return size;
	return size ? read_op(fd, &op, deadline)
		    : weft__io_nothing(fd, deadline);
}

int weft_read_full(int fd, void *buf, size_t n, size_t *done,
		   weft_time deadline)
{
	uint32_t generation = 0;
	size_t got = 0;
	ssize_t r;

	do {
		r = weft__io_read_as(fd, &generation, (char *)buf + got,
				     n - got, deadline);
		if (r > 0)
			got += (size_t)r;
	} while (r > 0 && got < n);
	if (done)
		*done = got;
	return got == n && r >= 0 ? 0 : r ? (int)r : WEFT_EOF;
}
