/* SPDX-License-Identifier: MIT */
/* weft/file.h - files and directories without blocking a worker.
 *
 * Each call does what the POSIX call of its name does.  What is in memory is
 * read at once; all else is done by the kernel meanwhile (io_uring), or by a
 * thread of the blocking pool where the kernel does not offer that, and the
 * routine parks.  On a plain thread the call is simply made.
 *
 * Rules that hold for every call here
 *
 *   Parks     yes, unless its comment says otherwise.
 *   Cancel    a cancel point before it starts; once begun it is finished, but
 *             for weft_open of what opens only when somebody else comes (a
 *             FIFO): that ends with -ECANCELED.  Where a thread does it, the
 *             thread is sent a real-time signal for which the program has no
 *             handler; it waits on if the program takes that one later.
 *   Memory    buffers, paths and results belong to the caller and must stay as
 *             they are until the call returns.
 *   Errors    the negative errno of the system call.  -EBADF also for a
 *             descriptor that weft_close is closing; the number is not given to
 *             another file before the call is over.  Signals do not end a call.
 *   Threads   any.  There is no position: weft_read and weft_write use that.
 *
 * WEFT_RING=off in the environment keeps io_uring from being used.
 */
#ifndef WEFT_FILE_H
#define WEFT_FILE_H

#include <weft/base.h>

#include <sys/stat.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * open(2).  The descriptor is close-on-exec, and ends with weft_close; what can
 * be waited for (a FIFO, a terminal) is made non-blocking after it was opened.
 * A descriptor, or the negative errno.
 */
WEFT_API int weft_open(const char *path, int flags, mode_t mode);

/** The same relative to an open directory, openat(2). */
WEFT_API int weft_openat(int dir, const char *path, int flags, mode_t mode);

/**
 * Up to n bytes at off.  How many; less only at the end of the file, or when an
 * error came after some; 0 at the end.  -EINVAL (off is negative), -ESPIPE (no
 * file with places).
 */
WEFT_API ssize_t weft_pread(int fd, void *buf, size_t n, off_t off);

/**
 * n bytes to off.  How many went: all, unless an error came after some.  As with
 * pwrite(2), a file opened with O_APPEND gets them at its end.
 */
WEFT_API ssize_t weft_pwrite(int fd, const void *buf, size_t n, off_t off);

/**
 * preadv(2) and pwritev(2): one transfer of n parts, which may be shorter than
 * all of them.  -EINVAL: n is negative or beyond IOV_MAX.
 */
WEFT_API ssize_t weft_preadv(int fd, const struct iovec *v, int n, off_t off);
WEFT_API ssize_t weft_pwritev(int fd, const struct iovec *v, int n, off_t off);

/**
 * What was written is on the disk when this returns 0; fdatasync: without what
 * is not needed to read it again.  An error is told once: the data may be lost.
 */
WEFT_API int weft_fsync(int fd);
WEFT_API int weft_fdatasync(int fd);

/** stat(2), lstat(2), fstat(2): 0, or the negative errno. */
WEFT_API int weft_stat(const char *path, struct stat *st);
WEFT_API int weft_lstat(const char *path, struct stat *st);
WEFT_API int weft_fstat(int fd, struct stat *st);

/** ftruncate(2) and fallocate(2).  0, or -EINVAL, -ENOSPC, -EOPNOTSUPP ... */
WEFT_API int weft_ftruncate(int fd, off_t size);
WEFT_API int weft_fallocate(int fd, int mode, off_t off, off_t size);

/** Names: rename(2), unlink(2), link(2), symlink(2), mkdir(2), rmdir(2). */
WEFT_API int weft_rename(const char *from, const char *to);
WEFT_API int weft_unlink(const char *path);
WEFT_API int weft_link(const char *from, const char *to);
WEFT_API int weft_symlink(const char *target, const char *path);
WEFT_API int weft_mkdir(const char *path, mode_t mode);
WEFT_API int weft_rmdir(const char *path);

/**
 * readlink(2), but with a terminating 0.  The length without it; -ENAMETOOLONG:
 * it needs more than size bytes.
 */
WEFT_API ssize_t weft_readlink(const char *path, char *buf, size_t size);

/**
 * The whole file, in memory from malloc that the caller frees; a 0 byte follows
 * the last one and is not counted.  `most`: refuse more bytes than that with
 * -EFBIG; SIZE_MAX: no limit.  size may be NULL.  On failure *data is NULL.
 */
WEFT_API int weft_file_read_all(const char *path, size_t most, void **data,
				size_t *size);

/* Flags of weft_file_write_all. */
#define WEFT_FILE_REPLACE 1u    /* whole or not at all: written under another
				 * name beside it, synced, and renamed       */
#define WEFT_FILE_SYNC    2u    /* fsync before it returns                   */

/**
 * A file of these n bytes, whatever it was before; mode as open(2), for a new
 * one.  0, or the first error, after which the file may be incomplete; with
 * WEFT_FILE_REPLACE it is as it was.  -EINVAL: unknown flags.
 */
WEFT_API int weft_file_write_all(const char *path, const void *data, size_t n,
				 mode_t mode, unsigned flags);

/** An open directory.  One caller at a time. */
typedef struct weft_dir weft_dir;

/** One entry of a directory.  The name is valid until the next call. */
typedef struct weft_dir_entry {
	const char *name;
	ino_t ino;
	unsigned char type;     /* DT_REG, DT_DIR ... of dirent.h; DT_UNKNOWN */
} weft_dir_entry;

/** 0, or -ENOTDIR, -ENOENT, -ENOMEM ...; *d is NULL then. */
WEFT_API int weft_dir_open(weft_dir **d, const char *path);

/** 1: e is the next entry, never "." or ".."; 0: there are no more. */
WEFT_API WEFT_NODISCARD int weft_dir_next(weft_dir *d, weft_dir_entry *e);

/** Never parks, not a cancel point; NULL is fine. */
WEFT_API void weft_dir_close(weft_dir *d);

/* Flags of weft_walk. */
#define WEFT_WALK_FOLLOW 1u     /* enter symbolic links to directories, but
				 * none that is an ancestor of itself        */
#define WEFT_WALK_STAT   2u     /* fill in st                                */
#define WEFT_WALK_AFTER  4u     /* tell of a directory after its entries, too */

/** What fn may answer besides 0 and an error. */
#define WEFT_WALK_SKIP   1      /* do not enter this directory               */

/** One step of a walk.  Everything is valid until fn returns. */
typedef struct weft_walk_entry {
	const char *path;       /* what the walk began with, and the way there */
	const char *name;       /* the last part of it                         */
	const struct stat *st;  /* NULL without WEFT_WALK_STAT, or with err or
				 * after                                     */
	int depth;              /* 0: what the walk began with                 */
	int err;                /* 0; why it cannot be looked at or entered    */
	unsigned char type;     /* DT_... of dirent.h                          */
	unsigned char after;    /* its entries were told                       */
} weft_walk_entry;

typedef int weft_walk_fn(const weft_walk_entry *e, void *arg);

/**
 * Tell fn of path and of everything below it, a directory before its entries, in
 * the order in which the directory has them.  max_depth: how deep, 0 is path
 * alone, negative: all.  fn runs in the caller and may do anything, parking
 * included; an answer of 0 goes on, WEFT_WALK_SKIP leaves a directory out, a
 * negative one ends the walk and is its result.  What cannot be entered is told
 * with err set, and the walk goes on.  0, -ENOENT (path), -ENOMEM, -ECANCELED.
 */
WEFT_API int weft_walk(const char *path, unsigned flags, int max_depth,
		       weft_walk_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
