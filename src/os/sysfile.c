/* os/sysfile.c - see sysfile.h. */
#include "os/sysfile.h"
#include "os/syscall.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int weft__sysfile_fault(enum sys_call call, int fd)
{
	return sys_fault(call, fd);
}

NOINLINE ssize_t weft__sys_pwritev(int fd, const struct iovec *v, int n,
				   off_t off, int flags)
{
	int f = sys_fault(SYS_PWRITE, fd);
	struct iovec one;

	if (f < 0)
		return f;
	first_part(&v, &n, f, &one);
	if (!flags)
		return RETRY(pwritev(fd, v, n, off));
	return RETRY(pwritev2(fd, v, n, off, flags));
}

NOINLINE int weft__sys_openat(int dir, const char *path, int flags, mode_t mode)
{
	int f = sys_fault(SYS_OPEN, dir);

	if (f < 0)
		return f;
	f = openat(dir, path, flags, mode);
	return f < 0 ? -errno : f;
}

NOINLINE int weft__sys_fsync(int fd, bool data)
{
	int f = sys_fault(SYS_FSYNC, fd);

	if (f < 0)
		return f;
	return (int)RETRY(data ? fdatasync(fd) : fsync(fd));
}

NOINLINE int weft__sys_statx(int dir, const char *path, struct statx *st,
			     int flags)
{
	int f = sys_fault(SYS_STAT, dir);

	return f < 0 ? f : (int)RETRY(statx(dir, path, flags,
					    STATX_BASIC_STATS, st));
}

NOINLINE int weft__sys_ftruncate(int fd, off_t size)
{
	int f = sys_fault(SYS_TRUNCATE, fd);

	return f < 0 ? f : (int)RETRY(ftruncate(fd, size));
}

NOINLINE int weft__sys_fallocate(int fd, int mode, off_t off, off_t size)
{
	int f = sys_fault(SYS_ALLOCATE, fd);

	return f < 0 ? f : (int)RETRY(fallocate(fd, mode, off, size));
}

NOINLINE int weft__sys_renameat(int dir, const char *from, int to_dir,
				const char *to)
{
	int f = sys_fault(SYS_NAME, dir);

	return f < 0 ? f : (int)RETRY(renameat(dir, from, to_dir, to));
}

NOINLINE int weft__sys_unlinkat(int dir, const char *path, int flags)
{
	int f = sys_fault(SYS_NAME, dir);

	return f < 0 ? f : (int)RETRY(unlinkat(dir, path, flags));
}

NOINLINE int weft__sys_mkdirat(int dir, const char *path, mode_t mode)
{
	int f = sys_fault(SYS_NAME, dir);

	return f < 0 ? f : (int)RETRY(mkdirat(dir, path, mode));
}

NOINLINE int weft__sys_symlinkat(const char *target, int dir, const char *path)
{
	int f = sys_fault(SYS_NAME, dir);

	return f < 0 ? f : (int)RETRY(symlinkat(target, dir, path));
}

NOINLINE int weft__sys_linkat(int dir, const char *from, int to_dir,
			      const char *to, int flags)
{
	int f = sys_fault(SYS_NAME, dir);

	return f < 0 ? f : (int)RETRY(linkat(dir, from, to_dir, to, flags));
}

NOINLINE ssize_t weft__sys_readlinkat(int dir, const char *path, char *buf,
				      size_t size)
{
	int f = sys_fault(SYS_READLINK, dir);

	return f < 0 ? f : RETRY(readlinkat(dir, path, buf, size));
}

NOINLINE ssize_t weft__sys_getdents(int fd, void *buf, size_t size)
{
	int f = sys_fault(SYS_GETDENTS, fd);

	return f < 0 ? f : RETRY(getdents64(fd, buf, size));
}

NOINLINE int weft__sys_nonblocking(int fd)
{
	int f = sys_fault(SYS_FCNTL, fd);
	int flags = f < 0 ? f : (int)RETRY(fcntl(fd, F_GETFL));

	if (flags < 0)
		return flags;
	return (int)RETRY(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}
