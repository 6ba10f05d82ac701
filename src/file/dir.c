/* file/dir.c - reading a directory: a buffer of entries at a time. */
#include "file/op.h"

#include <dirent.h>
#include <fcntl.h>

enum { BUFFER = 32 << 10 };

struct weft_dir {
	int fd;
	ssize_t len, at;                /* of what the kernel gave */
	_Alignas(struct dirent64) char buf[BUFFER];
};

static ssize_t direct_getdents(const struct ring_request *q)
{
	return weft__sys_getdents(q->fd, q->to, q->size);
}

static ssize_t refill(struct weft_dir *d)
{
	struct file_op op = {
		.q = {
			.op = RING_OPS, .fd = d->fd, .to = d->buf,
			.size = sizeof d->buf,
		},
		.direct = direct_getdents, .call = SYS_GETDENTS, .on_fd = true,
	};

	d->at = 0;
	d->len = weft__file_do(&op);
	return d->len;
}

int weft_dir_open(weft_dir **out, const char *path)
{
	struct weft_dir *d;
	int fd = weft_open(path, O_RDONLY | O_DIRECTORY, 0);

	*out = NULL;
	if (fd < 0)
		return fd;
	d = malloc(sizeof *d);
	if (!d) {
		weft__desc_close(fd);
		return -ENOMEM;
	}
	d->fd = fd;
	d->len = d->at = 0;
	*out = d;
	return 0;
}

int weft_dir_next(weft_dir *d, weft_dir_entry *e)
{
	for (;;) {
		struct dirent64 *at;
		ssize_t n;

		if (d->at >= d->len) {
			n = refill(d);
			if (n <= 0) {
				d->len = 0;
				return (int)n;
			}
		}
		at = (void *)(d->buf + d->at);
		d->at += at->d_reclen;
		if (!strcmp(at->d_name, ".") || !strcmp(at->d_name, ".."))
			continue;
		e->name = at->d_name;
		e->ino = at->d_ino;
		e->type = at->d_type;
		return 1;
	}
}

void weft_dir_close(weft_dir *d)
{
	if (!d)
		return;
	weft__desc_close(d->fd);
	free(d);
}
