/* os/sysfile.h - system calls on files, by the rules of os/sys.h.
 *
 * All of them may block, but for what is said of flags.  Paths are relative to
 * the directory `dir`, as in openat(2).
 */
#ifndef WEFT_OS_SYSFILE_H
#define WEFT_OS_SYSFILE_H

#include "os/sys.h"

/* What the test says of such a call that is made by another way than these. */
int weft__sysfile_fault(enum sys_call call, int fd);

/* Flags as weft__sys_preadv. */
ssize_t weft__sys_pwritev(int fd, const struct iovec *v, int n, off_t off,
			  int flags);
/* -EINTR is for the caller: there is what wants to be told. */
int weft__sys_openat(int dir, const char *path, int flags, mode_t mode);
/* data: fdatasync */
int weft__sys_fsync(int fd, bool data);
/* Flags as statx(2); everything that struct stat has. */
int weft__sys_statx(int dir, const char *path, struct statx *st, int flags);
int weft__sys_ftruncate(int fd, off_t size);
int weft__sys_fallocate(int fd, int mode, off_t off, off_t size);
int weft__sys_renameat(int dir, const char *from, int to_dir, const char *to);
int weft__sys_unlinkat(int dir, const char *path, int flags);
int weft__sys_mkdirat(int dir, const char *path, mode_t mode);
int weft__sys_symlinkat(const char *target, int dir, const char *path);
int weft__sys_linkat(int dir, const char *from, int to_dir, const char *to,
		     int flags);
ssize_t weft__sys_readlinkat(int dir, const char *path, char *buf, size_t size);
/* struct dirent64, as many as fit. */
ssize_t weft__sys_getdents(int fd, void *buf, size_t size);
/* O_NONBLOCK on, for an open file that is ours alone.  Does not block. */
int weft__sys_nonblocking(int fd);

#endif
