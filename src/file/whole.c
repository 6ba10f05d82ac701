/* file/whole.c - a file in one call. */
#include "file/op.h"

#include <fcntl.h>
#include <stdio.h>

/* --- reading -------------------------------------------------------------------- */

enum { LEAST = 4096 };

/* Room for one more byte than `used`, and for what the file is said to have. */
static int grow(char **data, size_t *room, size_t used, size_t hint)
{
	size_t want = used < hint ? hint + 2 : used < LEAST ? LEAST : 2 * used;
	char *p;

	if (used + 1 < *room)
		return 0;
	if (want < used)
		return -ENOMEM;
	p = realloc(*data, want);
	if (!p)
		return -ENOMEM;
	*data = p;
	*room = want;
	return 0;
}

/* The size is a hint: it may change, and special files have none. */
static int read_all(int fd, size_t most, size_t hint, char **data, size_t *used)
{
	size_t room = 0;
	ssize_t n;
	int err;

	for (;;) {
		err = grow(data, &room, *used, hint);
		if (err)
			return err;
		n = weft_pread(fd, *data + *used, room - 1 - *used,
			       (off_t)*used);
		if (n <= 0)
			break;
		*used += (size_t)n;
		if (*used > most)
			return -EFBIG;
	}
	(*data)[*used] = 0;
	return (int)n;
}

struct reading {
	int fd;
	char *data;
};

static void drop_reading(void *arg)
{
	struct reading *r = arg;

	weft__desc_close(r->fd);
	free(r->data);
}

int weft_file_read_all(const char *path, size_t most, void **data, size_t *size)
{
	struct reading r = { .data = NULL };
	struct stat st;
	struct hold h;
	size_t used = 0, hint = 0;
	int err;

	*data = NULL;
	r.fd = weft_open(path, O_RDONLY, 0);
	if (r.fd < 0)
		return r.fd;
	weft__hold(&h, drop_reading, &r);
	err = weft_fstat(r.fd, &st);
	if (!err && S_ISREG(st.st_mode) && st.st_size > 0)
		hint = (size_t)st.st_size;
	if (!err && hint > most)
		err = -EFBIG;
	if (!err)
		err = read_all(r.fd, most, hint, &r.data, &used);
	weft__hold_end(&h);
	weft__desc_close(r.fd);
	if (err) {
		free(r.data);
		return err;
	}
	*data = r.data;
	if (size)
		*size = used;
	return 0;
}

/* --- writing ------------------------------------------------------------------------ */

static int write_all(int fd, const char *data, size_t n, bool sync)
{
	size_t done = 0;
	ssize_t r;

	while (done < n) {
		r = weft_pwrite(fd, data + done, n - done, (off_t)done);
		if (r <= 0)
			return r ? (int)r : -EIO;
		done += (size_t)r;
	}
	return sync ? weft_fsync(fd) : 0;
}

static int write_to(const char *path, int open_flags, const void *data, size_t n,
		    mode_t mode, bool sync)
{
	int fd = weft_open(path, O_WRONLY | O_CREAT | open_flags, mode);
	struct hold h;
	int err, closed;

	if (fd < 0)
		return fd;
	weft__hold(&h, weft__desc_drop, &fd);
	err = write_all(fd, data, n, sync);
	weft__hold_end(&h);
	closed = weft__desc_close(fd);
	return err ? err : closed;
}

/* A name beside path that nobody has: O_EXCL says so. */
static int write_beside(char *name, size_t size, const char *path,
			const void *data, size_t n, mode_t mode)
{
	static _Atomic uint32_t count;
	int err;

	do {
		snprintf(name, size, "%s.%llx.%u~", path,
			 (unsigned long long)weft__clock(),
			 add_rlx(&count, 1));
		err = write_to(name, O_EXCL, data, n, mode, true);
	} while (err == -EEXIST);
	return err;
}

/* It may be there, half written. */
static void drop_beside(void *arg)
{
	char *name = arg;

	(void)weft__sys_unlinkat(AT_FDCWD, name, 0);
	free(name);
}

static int replace(const char *path, const void *data, size_t n, mode_t mode)
{
	size_t size = strlen(path) + 48;
	char *name = malloc(size);
	struct hold h;
	int err;

	if (!name)
		return -ENOMEM;
	name[0] = '\0';
	weft__hold(&h, drop_beside, name);
	err = write_beside(name, size, path, data, n, mode);
	if (!err)
		err = weft_rename(name, path);
	/* Who is cancelled does not park any more. */
	if (err && weft_unlink(name) == -ECANCELED)
		(void)weft__sys_unlinkat(AT_FDCWD, name, 0);
	weft__hold_end(&h);
	free(name);
	return err;
}

int weft_file_write_all(const char *path, const void *data, size_t n,
			mode_t mode, unsigned flags)
{
	if (flags & ~(WEFT_FILE_REPLACE | WEFT_FILE_SYNC))
		return -EINVAL;
	if (!path)
		return -EFAULT;
	if (flags & WEFT_FILE_REPLACE)
		return replace(path, data, n, mode);
	return write_to(path, O_TRUNC, data, n, mode, flags & WEFT_FILE_SYNC);
}
