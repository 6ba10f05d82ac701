/* file/file.c - opening, and what is done to a file as a whole. */
#include "file/op.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

/* --- opening ------------------------------------------------------------------- */

static ssize_t direct_open(const struct ring_request *q)
{
	int fd = weft__sys_openat(q->fd, q->addr, (int)q->flags, q->len);

	*(int *)q->to = fd;
	return fd;
}

/* Not in the table yet. */
static void drop_opened(void *fd)
{
	if (*(int *)fd >= 0)
		weft__sys_close(*(int *)fd);
}

/* What it is was found out by opening it: that asks no disk again. */
static int adopt(int fd)
{
	struct stat st;
	enum desc_kind kind = DESC_UNKNOWN;

	if (weft__sys_fstat(fd, &st) == 0)
		kind = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ||
		       S_ISBLK(st.st_mode) ? DESC_FILE : DESC_OTHER;
	if (kind == DESC_OTHER)
		weft__sys_nonblocking(fd);
	return weft__desc_adopt(fd, kind, DESC_OURS);
}

int weft_openat(int dir, const char *path, int flags, mode_t mode)
{
	/* Not on this thread even if it looks cheap: there the kernel opens a
	 * FIFO as if it were to be non-blocking. */
	int opened = -1, fd;
	struct file_op op = {
		.q = {
			.op = RING_OPENAT, .fd = dir, .addr = path,
			.to = &opened, .len = mode,
			.flags = (uint32_t)(flags | O_CLOEXEC), .slow = true,
		},
		.direct = direct_open, .call = SYS_OPEN, .early = true,
		.opens = true,
	};
	struct hold h;

	if (!path)
		return -EFAULT;
	weft__hold(&h, drop_opened, &opened);
	fd = (int)weft__file_do(&op);
	weft__hold_end(&h);
	return fd < 0 ? fd : adopt(fd);
}

int weft_open(const char *path, int flags, mode_t mode)
{
	return weft_openat(AT_FDCWD, path, flags, mode);
}

/* --- its bytes --------------------------------------------------------------------- */

static ssize_t direct_fsync(const struct ring_request *q)
{
	return weft__sys_fsync(q->fd, q->flags != 0);
}

static int sync_file(int fd, uint32_t flags)
{
	struct file_op op = {
		.q = { .op = RING_FSYNC, .fd = fd, .flags = flags, .slow = true },
		.direct = direct_fsync, .call = SYS_FSYNC, .on_fd = true,
	};

	return (int)weft__file_do(&op);
}

int weft_fsync(int fd)
{
	return sync_file(fd, 0);
}

int weft_fdatasync(int fd)
{
	return sync_file(fd, RING_DATASYNC);
}

static ssize_t direct_truncate(const struct ring_request *q)
{
	return weft__sys_ftruncate(q->fd, (off_t)q->size);
}

int weft_ftruncate(int fd, off_t size)
{
	struct file_op op = {
		.q = { .op = RING_OPS, .fd = fd, .size = (uint64_t)size },
		.direct = direct_truncate, .call = SYS_TRUNCATE, .on_fd = true,
	};

	return (int)weft__file_do(&op);
}

static ssize_t direct_allocate(const struct ring_request *q)
{
	return weft__sys_fallocate(q->fd, (int)q->len, (off_t)q->off,
				   (off_t)q->size);
}

int weft_fallocate(int fd, int mode, off_t off, off_t size)
{
	struct file_op op = {
		.q = {
			.op = RING_FALLOCATE, .fd = fd, .len = (uint32_t)mode,
			.off = (uint64_t)off, .size = (uint64_t)size,
			.slow = true,
		},
		.direct = direct_allocate, .call = SYS_ALLOCATE, .on_fd = true,
	};

	return (int)weft__file_do(&op);
}

/* --- what it is ----------------------------------------------------------------------- */

static ssize_t direct_stat(const struct ring_request *q)
{
	return weft__sys_statx(q->fd, q->addr, q->to, (int)q->flags);
}

static struct timespec time_of(const struct statx_timestamp *t)
{
	return (struct timespec){ .tv_sec = t->tv_sec, .tv_nsec = t->tv_nsec };
}

static void stat_of(const struct statx *x, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_dev = makedev(x->stx_dev_major, x->stx_dev_minor);
	st->st_ino = x->stx_ino;
	st->st_mode = x->stx_mode;
	st->st_nlink = x->stx_nlink;
	st->st_uid = x->stx_uid;
	st->st_gid = x->stx_gid;
	st->st_rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor);
	st->st_size = (off_t)x->stx_size;
	st->st_blksize = (blksize_t)x->stx_blksize;
	st->st_blocks = (blkcnt_t)x->stx_blocks;
	st->st_atim = time_of(&x->stx_atime);
	st->st_mtim = time_of(&x->stx_mtime);
	st->st_ctim = time_of(&x->stx_ctime);
}

static int stat_at(int fd, const char *path, struct stat *st, int flags)
{
	struct statx x;
	struct file_op op = {
		.q = {
			.op = RING_STATX, .fd = fd, .addr = path, .to = &x,
			.len = STATX_BASIC_STATS, .flags = (uint32_t)flags,
			.slow = true,
		},
		.direct = direct_stat, .call = SYS_STAT,
		.on_fd = flags & AT_EMPTY_PATH,
	};
	int err = (int)weft__file_do(&op);

	if (!err)
		stat_of(&x, st);
	return err;
}

int weft_stat(const char *path, struct stat *st)
{
	return path ? stat_at(AT_FDCWD, path, st, 0) : -EFAULT;
}

int weft_lstat(const char *path, struct stat *st)
{
	return path ? stat_at(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW) : -EFAULT;
}

int weft_fstat(int fd, struct stat *st)
{
	return fd < 0 ? -EBADF : stat_at(fd, "", st, AT_EMPTY_PATH);
}
