/* tests/api/file_tree.c - directories: reading one, and walking all below it. */
#include "support/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

TestSuite(file_tree, .timeout = 120);

#define EVERYWHERE(fn) \
	do { \
		BOTH(EACH(fn)); \
		fn(NULL); \
		cr_assert_eq(failures, 0, "%s", first_failure); \
	} while (0)

static void touch(const char *name)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT, 0600);

	cr_assert(fd >= 0);
	close(fd);
}

static int remove_one(const weft_walk_entry *e, void *arg)
{
	(void)arg;
	if (e->type == DT_DIR && !e->after)
		return 0;
	if (e->type == DT_DIR)
		CHECK_EQ(weft_rmdir(e->path), 0);
	else
		CHECK_EQ(weft_unlink(e->path), 0);
	return 0;
}

/* With what is tested here. */
static void remove_tree(void)
{
	cr_assert_eq(weft_walk(dir, WEFT_WALK_AFTER, -1, remove_one, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
	cr_assert_neq(access(dir, F_OK), 0);
}

/* --- one directory ------------------------------------------------------------------ */

enum { MANY = 1500 };

static int read_dir(void *arg)
{
	bool seen[MANY] = { false };
	weft_dir_entry e;
	weft_dir *d;
	int n = 0, err, i;

	(void)arg;
	CHECK_EQ(weft_dir_open(&d, dir), 0);
	while ((err = weft_dir_next(d, &e)) > 0) {
		CHECK_EQ(sscanf(e.name, "entry-with-a-long-name-%d", &i), 1);
		CHECK(i >= 0 && i < MANY && !seen[i]);
		CHECK(e.type == DT_REG || e.type == DT_UNKNOWN);
		CHECK(e.ino != 0);
		seen[i] = true;
		n++;
	}
	CHECK_EQ(err, 0);
	CHECK_EQ(weft_dir_next(d, &e), 0);
	CHECK_EQ(n, MANY);
	weft_dir_close(d);
	weft_dir_close(NULL);
	return 0;
}

Test(file_tree, a_directory_is_read_once_and_whole)
{
	char name[64];

	make_dir();
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "entry-with-a-long-name-%d", i);
		touch(name);
	}
	EVERYWHERE(read_dir);
	remove_tree();
}

static int not_directories(void *arg)
{
	weft_dir *d = (weft_dir *)8;

	(void)arg;
	CHECK_EQ(weft_dir_open(&d, in_dir("file")), -ENOTDIR);
	CHECK(!d);
	CHECK_EQ(weft_dir_open(&d, in_dir("no")), -ENOENT);
	return 0;
}

Test(file_tree, what_is_no_directory_is_told)
{
	make_dir();
	touch("file");
	EVERYWHERE(not_directories);
	remove_tree();
}

/* --- walking ------------------------------------------------------------------------- */

struct tally {
	int files, dirs, links, afters, errors, deepest;
	const char *skip, *stop;
	off_t bytes;
};

static int count(const weft_walk_entry *e, void *arg)
{
	struct tally *t = arg;
	const char *slash = strrchr(e->path, '/');

	CHECK(slash && !strcmp(slash + 1, e->name));
	CHECK(!strncmp(e->path, dir, strlen(dir)));
	if (e->depth > t->deepest)
		t->deepest = e->depth;
	if (e->err) {
		t->errors++;
		return 0;
	}
	if (e->after) {
		t->afters++;
		return 0;
	}
	t->files += e->type == DT_REG;
	t->dirs += e->type == DT_DIR;
	t->links += e->type == DT_LNK;
	if (e->st)
		t->bytes += e->type == DT_REG ? e->st->st_size : 0;
	if (t->skip && !strcmp(e->name, t->skip))
		return WEFT_WALK_SKIP;
	return t->stop && !strcmp(e->name, t->stop) ? -EINTR : 0;
}

static void make_tree(void)
{
	int fd;

	make_dir();
	cr_assert_eq(mkdir(in_dir("a"), 0700), 0);
	cr_assert_eq(mkdir(in_dir("a/b"), 0700), 0);
	cr_assert_eq(mkdir(in_dir("a/b/c"), 0700), 0);
	cr_assert_eq(mkdir(in_dir("d"), 0700), 0);
	touch("1");
	touch("a/2");
	touch("a/b/3");
	touch("a/b/c/4");
	touch("d/5");
	cr_assert_eq(symlink("..", in_dir("a/b/up")), 0);
	cr_assert_eq(symlink("../a", in_dir("d/over")), 0);
	cr_assert_eq(symlink("nowhere", in_dir("d/broken")), 0);
	fd = open(in_dir("d/5"), O_WRONLY);
	cr_assert_eq(write(fd, "12345", 5), 5);
	close(fd);
}

static int walks(void *arg)
{
	struct tally t = { .deepest = -1 };

	(void)arg;
	CHECK_EQ(weft_walk(dir, 0, -1, count, &t), 0);
	CHECK_EQ(t.files, 5);
	CHECK_EQ(t.dirs, 5);
	CHECK_EQ(t.links, 3);
	CHECK_EQ(t.afters, 0);
	CHECK_EQ(t.deepest, 4);
	t = (struct tally){ 0 };
	CHECK_EQ(weft_walk(dir, WEFT_WALK_STAT | WEFT_WALK_AFTER, -1, count,
			   &t), 0);
	CHECK_EQ(t.bytes, 5);
	CHECK_EQ(t.afters, 5);
	t = (struct tally){ 0 };
	CHECK_EQ(weft_walk(dir, 0, 1, count, &t), 0);
	CHECK_EQ(t.deepest, 1);
	CHECK_EQ(t.dirs, 3);
	CHECK_EQ(t.files, 1);
	t = (struct tally){ 0 };
	CHECK_EQ(weft_walk(dir, 0, 0, count, &t), 0);
	CHECK_EQ(t.dirs, 1);
	t = (struct tally){ .skip = "b" };
	CHECK_EQ(weft_walk(dir, 0, -1, count, &t), 0);
	CHECK_EQ(t.files, 3);
	t = (struct tally){ .stop = "3" };
	CHECK_EQ(weft_walk(dir, 0, -1, count, &t), -EINTR);
	t = (struct tally){ 0 };
	CHECK_EQ(weft_walk(in_dir("1"), 0, -1, count, &t), 0);
	CHECK_EQ(t.files, 1);
	CHECK_EQ(weft_walk(in_dir("no"), 0, -1, count, &t), -ENOENT);
	CHECK_EQ(weft_walk(dir, 64, -1, count, &t), -EINVAL);
	CHECK_EQ(weft_walk(dir, 0, -1, NULL, &t), -EINVAL);
	return 0;
}

Test(file_tree, a_walk_tells_of_everything_once)
{
	make_tree();
	EVERYWHERE(walks);
	remove_tree();
}

/* a/b/up leads to a, an ancestor: told as an error.  d/over leads to a, too, but
 * is none: entered, and there a/b/up is one again. */
static int follows(void *arg)
{
	struct tally t = { 0 };

	(void)arg;
	CHECK_EQ(weft_walk(dir, WEFT_WALK_FOLLOW, -1, count, &t), 0);
	CHECK_EQ(t.errors, 2);
	CHECK_EQ(t.files, 8);
	CHECK_EQ(t.links, 1);
	return 0;
}

Test(file_tree, links_are_followed_but_not_in_circles)
{
	make_tree();
	EVERYWHERE(follows);
	remove_tree();
}

static int goes_deep(void *arg)
{
	struct tally t = { 0 };

	(void)arg;
	CHECK_EQ(weft_walk(dir, 0, -1, count, &t), 0);
	CHECK_EQ(t.deepest, 60);
	CHECK_EQ(t.dirs, 61);
	return 0;
}

Test(file_tree, depth_costs_no_descriptors)
{
	char name[256];

	make_dir();
	snprintf(name, sizeof name, "%s", dir);
	for (int i = 0; i < 60; i++) {
		strcat(name, "/d");
		cr_assert_eq(mkdir(name, 0700), 0);
	}
	EVERYWHERE(goes_deep);
	remove_tree();
}

/* Somebody is cancelled in the middle of it. */
static int cancel_here(const weft_walk_entry *e, void *arg)
{
	if (e->depth == 1)
		CHECK_EQ(weft_scope_cancel(arg, -EINTR), 0);
	return 0;
}

static int cancelled(void *arg)
{
	weft_scope s;

	(void)arg;
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_walk(dir, 0, -1, cancel_here, &s), -ECANCELED);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	return 0;
}

Test(file_tree, a_walk_can_be_cancelled)
{
	make_dir();
	cr_assert_eq(mkdir(in_dir("a"), 0700), 0);
	EACH(cancelled);
	remove_tree();
}
