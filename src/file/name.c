/* file/name.c - the names of files: what changes directories. */
#include "file/op.h"

#include <fcntl.h>

static void *unconst(const char *path)
{
	return (void *)(uintptr_t)path;
}

/* from: q.addr below q.fd; to: q.to below q.to_fd */
static int name_do(enum ring_op op, ssize_t (*direct)(const struct ring_request *),
		   const char *from, const char *to, uint32_t flags)
{
	struct file_op o = {
		.q = {
			.op = op, .fd = AT_FDCWD, .addr = from,
			.to = unconst(to), .to_fd = AT_FDCWD, .flags = flags,
			.slow = true,
		},
		.direct = direct, .call = SYS_NAME,
	};

	return from && to ? (int)weft__file_do(&o) : -EFAULT;
}

static ssize_t direct_rename(const struct ring_request *q)
{
	return weft__sys_renameat(q->fd, q->addr, q->to_fd, q->to);
}

int weft_rename(const char *from, const char *to)
{
	return name_do(RING_RENAMEAT, direct_rename, from, to, 0);
}

static ssize_t direct_link(const struct ring_request *q)
{
	return weft__sys_linkat(q->fd, q->addr, q->to_fd, q->to, 0);
}

int weft_link(const char *from, const char *to)
{
	return name_do(RING_LINKAT, direct_link, from, to, 0);
}

static ssize_t direct_symlink(const struct ring_request *q)
{
	return weft__sys_symlinkat(q->addr, q->fd, q->to);
}

int weft_symlink(const char *target, const char *path)
{
	return name_do(RING_SYMLINKAT, direct_symlink, target, path, 0);
}

static ssize_t direct_unlink(const struct ring_request *q)
{
	return weft__sys_unlinkat(q->fd, q->addr, (int)q->flags);
}

static int unlink_at(const char *path, int flags)
{
	struct file_op op = {
		.q = {
			.op = RING_UNLINKAT, .fd = AT_FDCWD, .addr = path,
			.flags = (uint32_t)flags, .slow = true,
		},
		.direct = direct_unlink, .call = SYS_NAME,
	};

	return path ? (int)weft__file_do(&op) : -EFAULT;
}

int weft_unlink(const char *path)
{
	return unlink_at(path, 0);
}

int weft_rmdir(const char *path)
{
	return unlink_at(path, AT_REMOVEDIR);
}

static ssize_t direct_mkdir(const struct ring_request *q)
{
	return weft__sys_mkdirat(q->fd, q->addr, q->len);
}

int weft_mkdir(const char *path, mode_t mode)
{
	struct file_op op = {
		.q = {
			.op = RING_MKDIRAT, .fd = AT_FDCWD, .addr = path,
			.len = mode, .slow = true,
		},
		.direct = direct_mkdir, .call = SYS_NAME,
	};

	return path ? (int)weft__file_do(&op) : -EFAULT;
}

static ssize_t direct_readlink(const struct ring_request *q)
{
	return weft__sys_readlinkat(q->fd, q->addr, q->to, q->size);
}

ssize_t weft_readlink(const char *path, char *buf, size_t size)
{
	struct file_op op = {
		.q = {
			.op = RING_OPS, .fd = AT_FDCWD, .addr = path, .to = buf,
			.size = size,
		},
		.direct = direct_readlink, .call = SYS_READLINK,
	};
	ssize_t n;

	if (!path)
		return -EFAULT;
	if (!size)
		return -EINVAL;
	n = weft__file_do(&op);
	if (n >= 0 && (size_t)n == size)
		return -ENAMETOOLONG;
	if (n >= 0)
		buf[n] = 0;
	return n;
}
