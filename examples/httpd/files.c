/* files.c - see files.h
 *
 * Files are opened by a plain system call.  It hardly ever waits; when it does,
 * weft notices that a worker is stuck and lends another.
 */
#define _GNU_SOURCE             /* O_PATH */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weft.h>

enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

static const struct {
	const char *suffix, *type;
} types[] = {
	{ "html", "text/html; charset=utf-8" },
	{ "htm", "text/html; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "md", "text/plain; charset=utf-8" },
	{ "c", "text/plain; charset=utf-8" },
	{ "h", "text/plain; charset=utf-8" },
	{ "xml", "application/xml" },
	{ "svg", "image/svg+xml" },
	{ "png", "image/png" },
	{ "jpg", "image/jpeg" },
	{ "jpeg", "image/jpeg" },
	{ "gif", "image/gif" },
	{ "webp", "image/webp" },
	{ "ico", "image/x-icon" },
	{ "pdf", "application/pdf" },
	{ "wasm", "application/wasm" },
	{ "woff2", "font/woff2" },
	{ "gz", "application/gzip" },
	{ "mp4", "video/mp4" },
};

static const char *type_of(const char *path)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');

	if (dot && (!slash || dot > slash))
		for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
			if (!strcasecmp(dot + 1, types[i].suffix))
				return types[i].type;
	return "application/octet-stream";
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

int file_path(const char *target, char path[PATH_SIZE])
{
	char *to = path;

	if (!strncasecmp(target, "http://", 7)) {
		target += 7;
		target += strcspn(target, "/?#");
	}
	if (*target != '/' && *target != '\0' && *target != '?')
		return 400;
	while (*target == '/')
		target++;
	for (; *target && *target != '?' && *target != '#'; target++) {
		*to = *target;
		if (*target == '%') {
			int high = hex(target[1]);
			int low = high < 0 ? -1 : hex(target[2]);

			if (low < 0 || high + low == 0)
				return 400;
			*to = (char)(high << 4 | low);
			target += 2;
		}
		to++;
	}
	*to = '\0';
	return 0;
}

/* Where the kernel has no openat2: name by name, following no links at all. */
static __attribute__((noinline)) int open_by_steps(int root, char *path)
{
	int at = root, fd = -1, err;
	char *slash;

	do {
		slash = strchr(path, '/');
		if (slash)
			*slash = '\0';
		fd = !strcmp(path, "..") ? (errno = EXDEV, -1) :
		     openat(at, *path ? path : ".", OPEN_FLAGS | O_NOFOLLOW |
			    (slash ? O_DIRECTORY | O_PATH : 0));
		err = -errno;
		if (at != root)
			close(at);
		if (slash)
			*slash = '/';
		at = fd;
		path = slash ? slash + 1 : path;
	} while (fd >= 0 && slash);
	return fd >= 0 ? fd : err;
}

/* Not inlined: a routine may wake up on another thread, so a function that
 * parks must not look at errno. */
static __attribute__((noinline)) int open_below(int root, char *path)
{
	struct open_how how = {
		.flags = OPEN_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, *path ? path : ".", &how,
			  sizeof how);

	if (fd >= 0)
		return (int)fd;
	return errno == ENOSYS ? open_by_steps(root, path) : -errno;
}

static int status_of(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
		return 404;
	case -EACCES:
	case -EPERM:
	case -EXDEV:            /* would leave the root */
	case -ELOOP:
		return 403;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return 503;
	default:
		return 500;
	}
}

int file_find(int root, char path[PATH_SIZE], struct file *f)
{
	size_t len = strlen(path);
	bool index = false;

	for (;;) {
		f->fd = open_below(root, path);
		if (f->fd < 0)
			return status_of(f->fd);
		f->type = type_of(path);
		f->st = (struct stat){ 0 };
		if (fstat(f->fd, &f->st) == 0 && S_ISREG(f->st.st_mode))
			return 200;
		weft_close(f->fd);
		if (!S_ISDIR(f->st.st_mode) || index)
			return 403;
		if (len && path[len - 1] != '/')
			return 301;
		strcpy(path + len, "index.html");
		index = true;
	}
}
