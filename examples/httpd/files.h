/* files.h - from the target of a request to an open file below the root. */
#ifndef EXAMPLES_FILES_H
#define EXAMPLES_FILES_H

#include <stddef.h>
#include <sys/stat.h>

struct file {
	int fd;
	struct stat st;
	const char *type;               /* MIME */
};

enum { PATH_SIZE = 2048 + 16 };         /* longer than any target */

/* The path that a target means: decoded, relative, without the query.  0, or
 * 400 for one that cannot be. */
int file_path(const char *target, char path[PATH_SIZE]);

/* Open it, or the index.html of a directory.  Nothing outside of root is ever
 * opened, whatever the path and the symbolic links say.  200, or another
 * status; 301 for a directory without its slash.  Close f->fd after 200. */
int file_find(int root, char path[PATH_SIZE], struct file *f);

#endif
