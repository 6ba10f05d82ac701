/* tests/unit/sweep_file.c - files, through the pool and through io_uring, while
 * every system call fails in every way; see support/sweep.h.
 */
#include "support/sweep.h"

#include <dirent.h>
#include <sys/stat.h>
#include <weft/file.h>
#include <weft/io.h>

TestSuite(sweep_file, .timeout = 250);

enum { SIZE = 900 };

static char text[SIZE], dir[64];

static const char *in_dir(const char *name)
{
	static _Thread_local char path[4][128];
	static _Thread_local unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

/* --- as the kernel has it, by no call of the library ----------------------------- */

static int names_in(const char *path, char *last, size_t room)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' || strlen(e->d_name) > 2) {
			snprintf(last, room, "%s/%s", path, e->d_name);
			n++;
		}
	if (d)
		closedir(d);
	return n;
}

static void empty(const char *path)
{
	char name[400];

	while (names_in(path, name, sizeof name)) {
		if (unlink(name) == 0)
			continue;
		empty(name);
		if (!CHECK_EQ(rmdir(name), 0))
			return;
	}
}

/* The file has that many bytes of the text, and no others. */
static bool holds(const char *path, ssize_t n)
{
	char buf[SIZE + 1];
	int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, buf, sizeof buf);

	if (fd >= 0)
		close(fd);
	return got == n && (n < 0 || memcmp(buf, text, (size_t)n) == 0);
}

/* --- whole files ------------------------------------------------------------------ */

static void whole_files(void)
{
	char last[400];
	size_t size = 1;
	void *data;

	if (OK(weft_file_write_all(in_dir("f"), text, 100, 0600, 0)) == 0)
		CHECK(holds(in_dir("f"), 100));
	empty(dir);
	CHECK_EQ(mknod(in_dir("f"), S_IFREG | 0600, 0), 0);
	/* All of it or nothing, and nothing beside it. */
	if (OK(weft_file_write_all(in_dir("f"), text, SIZE, 0600,
				   WEFT_FILE_REPLACE | WEFT_FILE_SYNC)) == 0)
		CHECK(holds(in_dir("f"), SIZE));
	else
		CHECK(holds(in_dir("f"), 0) || holds(in_dir("f"), SIZE));
	CHECK(names_in(dir, last, sizeof last) == 1 || plan.call == SYS_NAME);
	if (OK(weft_file_read_all(in_dir("f"), SIZE, &data, &size)) == 0) {
		CHECK(size == SIZE || (plan.spoilt && !size));
		CHECK(memcmp(data, text, size) == 0);
	} else {
		CHECK(data == NULL);
	}
	free(data);
	empty(dir);
}

/* --- one file, by its descriptor ---------------------------------------------------- */

static void reads_back(int fd, off_t at, size_t n)
{
	char buf[SIZE];
	struct iovec v[2] = { { buf, 10 }, { buf + 10, n - 10 } };
	ssize_t got = OK(weft_pread(fd, buf, n, at));

	if (got >= 0) {
		CHECK(memcmp(buf, text + at, (size_t)got) == 0);
		CHECK(got == (ssize_t)n || plan.fired);
	}
	got = OK(weft_preadv(fd, v, 2, at));
	if (got >= 0) {
		CHECK(got > 0);
		CHECK(memcmp(buf, text + at, (size_t)got) == 0);
	}
}

static void one_file(void)
{
	struct iovec v[2] = { { text + 300, 50 }, { text + 350, 100 } };
	int fd = (int)OK(weft_open(in_dir("f"), O_RDWR | O_CREAT, 0600));
	char buf[SIZE];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return;
	OK(weft_fallocate(fd, 0, 0, 4096));
	n = OK(weft_pwrite(fd, text, 300, 0));
	if (n == 300)
		n = OK(weft_pwritev(fd, v, 2, 300));
	if (n >= 0 && n < 150 && !plan.spoilt)
		n = OK(weft_pwrite(fd, text + 300, 150, 300));
	OK(weft_fsync(fd));
	OK(weft_fdatasync(fd));
	if (OK(weft_ftruncate(fd, 450)) == 0 && OK(weft_fstat(fd, &st)) == 0)
		CHECK_EQ(st.st_size, 450);
	if (!plan.spoilt) {
		reads_back(fd, 0, 450);
		reads_back(fd, 100, 200);
		CHECK(holds(in_dir("f"), 450));
		/* At its position. */
		if (OK(weft_read_full(fd, buf, 450, NULL, soon())) == 0) {
			CHECK(memcmp(buf, text, 450) == 0);
			if (OK(weft_write_all(fd, text + 450, SIZE - 450, NULL,
					      soon())) == 0)
				CHECK(holds(in_dir("f"), SIZE));
		}
	}
	OK(weft_close(fd));
	CHECK_EQ(unlink(in_dir("f")), 0);
}

/* --- names and trees ------------------------------------------------------------------ */

static int told(const weft_walk_entry *e, void *arg)
{
	if (e->err)
		OK(e->err);
	else
		CHECK((e->st != NULL) == !e->after);
	++*(int *)arg;
	return 0;
}

static void trees(void)
{
	weft_dir_entry e;
	struct stat st;
	weft_dir *d;
	char to[32];
	int n = 0, r;

	OK(weft_mkdir(in_dir("d"), 0700));
	OK(weft_mkdir(in_dir("d/e"), 0700));
	OK(weft_file_write_all(in_dir("d/e/f"), text, 10, 0600, 0));
	OK(weft_link(in_dir("d/e/f"), in_dir("d/g")));
	OK(weft_rename(in_dir("d/g"), in_dir("d/h")));
	OK(weft_symlink("nowhere", in_dir("d/s")));
	if (OK(weft_readlink(in_dir("d/s"), to, sizeof to)) >= 0)
		CHECK(!strcmp(to, "nowhere"));
	OK(weft_lstat(in_dir("d/s"), &st));
	if (OK(weft_stat(in_dir("d/h"), &st)) == 0)
		CHECK(st.st_size == 10 || plan.spoilt);
	r = (int)OK(weft_dir_open(&d, in_dir("d")));
	CHECK((d != NULL) == (r == 0));
	while (!r && (r = (int)OK(weft_dir_next(d, &e))) > 0) {
		n++;
		r = 0;
	}
	CHECK(n == 3 || plan.spoilt);
	weft_dir_close(d);
	n = 0;
	OK(weft_walk(in_dir("d"), WEFT_WALK_STAT | WEFT_WALK_AFTER, -1, told,
		     &n));
	CHECK(n == 7 || plan.spoilt);
	OK(weft_unlink(in_dir("d/s")));
	OK(weft_unlink(in_dir("d/h")));
	OK(weft_unlink(in_dir("d/e/f")));
	OK(weft_rmdir(in_dir("d/e")));
	OK(weft_rmdir(in_dir("d")));
	if (!plan.spoilt)
		CHECK(rmdir(in_dir("d")) < 0);
	empty(dir);
}

static const struct workload workloads[] = {
	{ "whole files", whole_files, 0, NULL, "off" },
	{ "whole files", whole_files, 0, NULL, "on" },
	{ "whole files, threads", whole_files, NO_RUNTIME, NULL, NULL },
	{ "one file", one_file, 0, NULL, "off" },
	{ "one file", one_file, 0, NULL, "on" },
	{ "one file", one_file, 0, "uring", "on" },
	{ "one file, threads", one_file, NO_RUNTIME, NULL, NULL },
	{ "trees", trees, 0, NULL, "off" },
	{ "trees", trees, 0, NULL, "on" },
	{ "trees, threads", trees, NO_RUNTIME, NULL, NULL },
};

Test(sweep_file, no_failure_loses_leaks_or_hangs)
{
	for (int i = 0; i < SIZE; i++)
		text[i] = (char)(i * 31 + i / 256);
	/* Where a sync costs nothing, if there is such a place. */
	snprintf(dir, sizeof dir, "/dev/shm/weft-sweep-XXXXXX");
	if (!mkdtemp(dir)) {
		snprintf(dir, sizeof dir, "/tmp/weft-sweep-XXXXXX");
		cr_assert(mkdtemp(dir) != NULL);
	}
	sweep(workloads, COUNT(workloads), FILES);
	empty(dir);
	cr_assert_eq(rmdir(dir), 0);
}
