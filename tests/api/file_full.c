/* tests/api/file_full.c - a file system without room, a real one. */
#include "support/files.h"
#include "support/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

TestSuite(file_full, .timeout = 120);

enum { ROOM = 64 * 1024, TOO_MUCH = 1024 * 1024 };

static char data[TOO_MUCH];

/* A file system of this thread's and of those that it starts. */
static bool mount_small(void)
{
	char options[32];

	snprintf(options, sizeof options, "size=%d", ROOM);
	return !unshare(CLONE_NEWNS) &&
	       !mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) &&
	       !mount("weft", dir, "tmpfs", 0, options);
}

static int fill(void *arg)
{
	struct stat st;
	size_t done = 0;
	void *p = NULL;
	int fd;

	(void)arg;
	CHECK_EQ(weft_file_write_all(in_dir("kept"), "old", 3, 0600, 0), 0);
	fd = weft_open(in_dir("big"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);

	/* What went in is told, and why no more did. */
	CHECK_EQ(weft_write_all(fd, data, TOO_MUCH, &done, WEFT_FOREVER),
		 -ENOSPC);
	CHECK(done > 0 && done < ROOM);
	CHECK_EQ(weft_fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, done);
	CHECK_EQ(weft_write(fd, data, 1, WEFT_FOREVER), -ENOSPC);
	CHECK_EQ(weft_pwrite(fd, data, 10000, (off_t)done), -ENOSPC);
	CHECK_EQ(weft_fallocate(fd, 0, 0, TOO_MUCH), -ENOSPC);
	CHECK_EQ(weft_fsync(fd), 0);

	/* A file is replaced whole or not at all, and nothing lies about. */
	CHECK_EQ(weft_file_write_all(in_dir("kept"), data, 10000, 0600,
				     WEFT_FILE_REPLACE), -ENOSPC);
	CHECK_EQ(weft_file_read_all(in_dir("kept"), 100, &p, NULL), 0);
	CHECK(p && !strcmp(p, "old"));
	free(p);

	/* With room again it goes on where it was. */
	CHECK_EQ(weft_ftruncate(fd, 0), 0);
	CHECK_EQ(weft_pwrite(fd, data, 10000, 0), 10000);
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(weft_unlink(in_dir("big")), 0);
	CHECK_EQ(weft_unlink(in_dir("kept")), 0);
	CHECK_EQ(entries(dir), 2);             /* . and .. */
	return 0;
}

Test(file_full, what_has_no_room_is_told_and_loses_nothing)
{
	make_dir();
	if (mount_small()) {
		BOTH(EACH(fill));
		umount2(dir, MNT_DETACH);
		remove_dir();
	} else {
		remove_dir();
		cr_skip_test("no file system of our own: root may");
	}
}
