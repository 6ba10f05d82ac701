/* file/rw.c - bytes at a place of a file.
 *
 * What is in the page cache is copied here and now: that takes less than handing
 * it to anybody, and a large piece makes room for others now and then.  The
 * kernel is asked not to wait for the disk (RWF_NOWAIT); when it would have to,
 * or cannot tell, the rest goes to the ring or the pool.
 */
#include "file/op.h"

#include <limits.h>

enum {
	PIECE = 256 << 10,      /* copied in one go: some 30 us */
	MOST = 0x7ffff000,      /* of one system call           */
};

struct transfer {
	int fd;
	bool write;
	char *buf;
	size_t n;
	off_t off;
};

/* --- one call ------------------------------------------------------------------ */

static ssize_t at_once(const struct transfer *t, size_t n, int flags)
{
	struct iovec v = { t->buf, n };

	return t->write ? weft__sys_pwritev(t->fd, &v, 1, t->off, flags)
			: weft__sys_preadv(t->fd, &v, 1, t->off, flags);
}

/* It would wait; or it may, or nobody knows. */
static bool would_wait(ssize_t r)
{
	return r == -EAGAIN || r == -EOPNOTSUPP || r == -ENOSYS;
}

static ssize_t direct_read(const struct ring_request *q)
{
	struct iovec v = { (void *)(uintptr_t)q->addr, q->len };

	return weft__sys_preadv(q->fd, &v, 1, (off_t)q->off, 0);
}

static ssize_t direct_write(const struct ring_request *q)
{
	struct iovec v = { (void *)(uintptr_t)q->addr, q->len };

	return weft__sys_pwritev(q->fd, &v, 1, (off_t)q->off, 0);
}

static ssize_t direct_readv(const struct ring_request *q)
{
	return weft__sys_preadv(q->fd, q->addr, (int)q->len, (off_t)q->off, 0);
}

static ssize_t direct_writev(const struct ring_request *q)
{
	return weft__sys_pwritev(q->fd, q->addr, (int)q->len, (off_t)q->off, 0);
}

/* `blind`: the kernel cannot tell, so it would try in vain on this thread. */
static ssize_t parked(const struct transfer *t, bool blind)
{
	struct file_op op = {
		.q = {
			.op = t->write ? RING_WRITE : RING_READ,
			.fd = t->fd, .addr = t->buf, .len = (uint32_t)t->n,
			.off = (uint64_t)t->off, .slow = blind,
		},
		.direct = t->write ? direct_write : direct_read,
		.call = t->write ? SYS_PWRITE : SYS_PREAD, .on_fd = true,
	};

	return weft__file_go(&op);
}

/* --- whole ----------------------------------------------------------------------- */

static ssize_t in_routine(struct transfer *t)
{
	size_t want = t->n;
	uint32_t generation;
	ssize_t r;

	do {
		size_t piece = t->n < PIECE ? t->n : PIECE;

		r = weft__desc_enter(t->fd, &generation);       /* F1 */
		if (r < 0)
			break;
		/* A long write in pieces would let others in between. */
		r = t->write && t->n > PIECE ? -EAGAIN :
		    at_once(t, piece, RWF_NOWAIT);
		weft__desc_leave(t->fd);
		if (would_wait(r))
			r = parked(t, r != -EAGAIN || t->n > PIECE);
		if (r <= 0)
			break;
		t->buf += r;
		t->off += r;
		t->n -= (size_t)r;
		weft__budget(weft__worker());
	} while (t->n);
	return t->n < want ? (ssize_t)(want - t->n) : r;
}

static ssize_t on_thread(struct transfer *t)
{
	size_t want = t->n;
	uint32_t generation;
	ssize_t r = weft__desc_enter(t->fd, &generation);       /* F1 */

	if (r < 0)
		return r;
	do {
		r = at_once(t, t->n, 0);
		if (r <= 0)
			break;
		t->buf += r;
		t->off += r;
		t->n -= (size_t)r;
	} while (t->n);
	weft__desc_leave(t->fd);
	return t->n < want ? (ssize_t)(want - t->n) : r;
}

static ssize_t transfer(struct transfer *t)
{
	struct worker *w = weft__worker();

	if (weft__cancelled(w))
		return -ECANCELED;
	if (t->off < 0)
		return -EINVAL;
	if (!t->n)
		return 0;
	if (t->n > MOST)
		t->n = MOST;
	return w ? in_routine(t) : on_thread(t);
}

ssize_t weft_pread(int fd, void *buf, size_t n, off_t off)
{
	struct transfer t = { fd, false, buf, n, off };

	return transfer(&t);
}

ssize_t weft_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	struct transfer t = { fd, true, (char *)(uintptr_t)buf, n, off };

	return transfer(&t);
}

/* --- in parts ----------------------------------------------------------------------- */

/* A short read: no more is in memory, or in the file? */
static bool at_end(int fd, off_t off)
{
	char byte;
	struct transfer t = { fd, false, &byte, 1, off };

	return at_once(&t, 1, RWF_NOWAIT) == 0;
}

static ssize_t parts(int fd, const struct iovec *v, int n, off_t off, bool write)
{
	struct file_op op = {
		.q = {
			.op = write ? RING_WRITEV : RING_READV,
			.fd = fd, .addr = v, .len = (uint32_t)n,
			.off = (uint64_t)off,
		},
		.direct = write ? direct_writev : direct_readv,
		.call = write ? SYS_PWRITE : SYS_PREAD, .on_fd = true,
	};
	struct worker *w = weft__worker();
	uint32_t generation;
	size_t all = 0;
	ssize_t r;

	if (weft__cancelled(w))
		return -ECANCELED;
	if (n < 0 || n > IOV_MAX || off < 0 || (n && !v))
		return -EINVAL;
	for (int i = 0; i < n; i++)
		all += v[i].iov_len;
	if (!all)
		return 0;
	if (!w || all > PIECE)
		return weft__file_go(&op);
	r = weft__desc_enter(fd, &generation);                  /* F1 */
	if (r < 0)
		return r;
	r = write ? weft__sys_pwritev(fd, v, n, off, RWF_NOWAIT)
		  : weft__sys_preadv(fd, v, n, off, RWF_NOWAIT);
	weft__desc_leave(fd);
	op.q.slow = r != -EAGAIN;
	if (would_wait(r) || (!write && r > 0 && (size_t)r < all &&
			      !at_end(fd, off + r)))
		return weft__file_go(&op);
	weft__budget(w);
	return r;
}

ssize_t weft_preadv(int fd, const struct iovec *v, int n, off_t off)
{
	return parts(fd, v, n, off, false);
}

ssize_t weft_pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	return parts(fd, v, n, off, true);
}
