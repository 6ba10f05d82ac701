/* support/files.h - files of a test's own, in a directory that goes with it. */
#ifndef WEFT_SUPPORT_FILES_H
#define WEFT_SUPPORT_FILES_H

#include "support/rt.h"

#include <stdlib.h>
#include <weft/file.h>
#include <weft/io.h>

static char dir[64];
static char path[96];                   /* of one file in it */

__attribute__((unused))
static void make_dir(void)
{
	snprintf(dir, sizeof dir, "/tmp/weft-file-XXXXXX");
	cr_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/f", dir);
}

/* Nothing but the one file may be left there. */
__attribute__((unused))
static void remove_dir(void)
{
	unlink(path);
	cr_assert_eq(rmdir(dir), 0);
}

/* A name in dir; a few of them at a time, on each thread. */
__attribute__((unused))
static const char *in_dir(const char *name)
{
	static _Thread_local char names[8][256];
	static _Thread_local unsigned turn;
	char *p = names[turn++ % 8];

	snprintf(p, sizeof names[0], "%s/%s", dir, name);
	return p;
}

/* With io_uring, where there is one, and without; valgrind knows none. */
#define BOTH(what) \
	do { \
		setenv("WEFT_RING", "on", 1); \
		if (!under("valgrind")) \
			what; \
		setenv("WEFT_RING", "off", 1); \
		what; \
		unsetenv("WEFT_RING"); \
	} while (0)

#endif
