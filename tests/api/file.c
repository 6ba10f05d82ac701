/* tests/api/file.c - files: what each call does, on any number of workers, on
 * plain threads, with io_uring and without. */
#include "support/files.h"
#include "support/proc.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(file, .timeout = 120);

static void *on_thread(void *arg)
{
	int (**fn)(void *) = arg;

	return (void *)(intptr_t)(*fn)(NULL);
}

static void everywhere(int (*fn)(void *))
{
	pthread_t t;

	make_dir();
	BOTH(EACH(fn));
	cr_assert_eq(pthread_create(&t, NULL, on_thread, &fn), 0);
	pthread_join(t, NULL);
	cr_assert_eq(failures, 0, "%s", first_failure);
	remove_dir();
}

/* --- each call -------------------------------------------------------------------- */

static int round_trip(void *arg)
{
	const char *a = in_dir("a"), *b = in_dir("b");
	char buf[64] = "";
	struct iovec out[2] = { { (char *)(uintptr_t)"one ", 4 },
				{ (char *)(uintptr_t)"two", 3 } };
	struct iovec in[2] = { { buf, 3 }, { buf + 3, 60 } };
	struct stat st, as;
	int fd = weft_open(a, O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)arg;
	if (!CHECK(fd >= 0))
		return 0;
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(weft_pwrite(fd, "hello, world", 12, 0), 12);
	CHECK_EQ(weft_pread(fd, buf, sizeof buf, 0), 12);
	CHECK(!memcmp(buf, "hello, world", 12));
	CHECK_EQ(weft_pread(fd, buf, 5, 7), 5);
	CHECK(!memcmp(buf, "world", 5));
	CHECK_EQ(weft_pread(fd, buf, 5, 12), 0);
	CHECK_EQ(weft_pread(fd, buf, 5, 1000), 0);
	CHECK_EQ(weft_pread(fd, buf, 0, 0), 0);
	CHECK_EQ(weft_pwrite(fd, buf, 0, 0), 0);
	CHECK_EQ(weft_pwritev(fd, out, 2, 2), 7);
	CHECK_EQ(weft_preadv(fd, in, 2, 0), 12);
	CHECK(!memcmp(buf, "heone tworld", 12));
	CHECK_EQ(weft_fsync(fd), 0);
	CHECK_EQ(weft_fdatasync(fd), 0);
	CHECK_EQ(weft_fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 12);
	CHECK_EQ(weft_ftruncate(fd, 5), 0);
	CHECK_EQ(weft_stat(a, &st), 0);
	CHECK(S_ISREG(st.st_mode) && st.st_size == 5);
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(stat(a, &as), 0);
	CHECK(st.st_dev == as.st_dev && st.st_ino == as.st_ino &&
	      st.st_uid == as.st_uid && st.st_gid == as.st_gid &&
	      st.st_nlink == as.st_nlink && st.st_mode == as.st_mode &&
	      st.st_blocks == as.st_blocks && st.st_blksize == as.st_blksize &&
	      !memcmp(&st.st_mtim, &as.st_mtim, sizeof st.st_mtim) &&
	      !memcmp(&st.st_ctim, &as.st_ctim, sizeof st.st_ctim));
	CHECK_EQ(weft_stat("/dev/null", &st), 0);
	CHECK_EQ(stat("/dev/null", &as), 0);
	CHECK(st.st_rdev == as.st_rdev && S_ISCHR(st.st_mode));
	CHECK_EQ(weft_ftruncate(fd, -1), -EINVAL);
	CHECK_EQ(weft_rename(a, b), 0);
	CHECK_EQ(weft_stat(a, &st), -ENOENT);
	CHECK_EQ(weft_link(b, a), 0);
	CHECK_EQ(weft_stat(a, &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(weft_unlink(a), 0);
	CHECK_EQ(weft_symlink("b", a), 0);
	CHECK_EQ(weft_lstat(a, &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(weft_stat(a, &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(weft_readlink(a, buf, sizeof buf), 1);
	CHECK(!strcmp(buf, "b"));
	CHECK_EQ(weft_readlink(a, buf, 1), -ENAMETOOLONG);
	CHECK_EQ(weft_unlink(a), 0);
	CHECK_EQ(weft_unlink(b), 0);
	CHECK_EQ(weft_mkdir(a, 0700), 0);
	CHECK_EQ(weft_mkdir(a, 0700), -EEXIST);
	CHECK_EQ(weft_stat(a, &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(weft_rmdir(a), 0);
	CHECK_EQ(weft_rmdir(a), -ENOENT);
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(weft_close(fd), -EBADF);
	return 0;
}

Test(file, each_call_does_what_its_namesake_does)
{
	everywhere(round_trip);
}

static int allocation(void *arg)
{
	struct stat st;
	int fd = weft_open(in_dir("a"), O_RDWR | O_CREAT, 0600);
	int err = weft_fallocate(fd, 0, 0, 100000);

	(void)arg;
	CHECK(err == 0 || err == -EOPNOTSUPP || err == -ENOSYS);
	CHECK_EQ(weft_fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, err ? 0 : 100000);
	CHECK_EQ(weft_fallocate(fd, 0, 0, 0), -EINVAL);
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(weft_unlink(in_dir("a")), 0);
	return 0;
}

Test(file, room_can_be_allocated)
{
	everywhere(allocation);
}

static int relative(void *arg)
{
	int d = weft_open(dir, O_RDONLY | O_DIRECTORY, 0);
	int fd = weft_openat(d, "x", O_WRONLY | O_CREAT, 0600);

	(void)arg;
	CHECK(d >= 0 && fd >= 0);
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(weft_close(d), 0);
	CHECK_EQ(weft_openat(d, "x", O_RDONLY, 0), -EBADF);
	CHECK_EQ(weft_unlink(in_dir("x")), 0);
	return 0;
}

Test(file, paths_may_be_relative_to_a_directory)
{
	everywhere(relative);
}

static int large(void *arg)
{
	enum { SIZE = 3 << 20, ODD = 12345 };
	unsigned char *a = malloc(SIZE), *b = malloc(SIZE);
	int fd = weft_open(in_dir("large"), O_RDWR | O_CREAT, 0600);

	(void)arg;
	for (int i = 0; i < SIZE; i++)
		a[i] = (unsigned char)(i * 31 + i / 251);
	CHECK_EQ(weft_pwrite(fd, a, SIZE, ODD), SIZE);
	CHECK_EQ(weft_pread(fd, b, SIZE, ODD), SIZE);
	CHECK(!memcmp(a, b, SIZE));
	CHECK_EQ(weft_pread(fd, b, SIZE, ODD + SIZE / 2), SIZE - SIZE / 2);
	CHECK(!memcmp(a + SIZE / 2, b, SIZE - SIZE / 2));
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(weft_unlink(in_dir("large")), 0);
	free(a);
	free(b);
	return 0;
}

Test(file, large_transfers_are_whole)
{
	everywhere(large);
}

static int append(void *arg)
{
	char buf[8] = "";
	int fd = weft_open(in_dir("log"), O_RDWR | O_CREAT | O_APPEND, 0600);

	(void)arg;
	CHECK_EQ(weft_pwrite(fd, "ab", 2, 0), 2);
	CHECK_EQ(weft_pwrite(fd, "cd", 2, 0), 2);
	CHECK_EQ(weft_pread(fd, buf, 7, 0), 4);
	CHECK(!strcmp(buf, "abcd"));
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(weft_unlink(in_dir("log")), 0);
	return 0;
}

Test(file, appends)
{
	everywhere(append);
}

/* --- errors ------------------------------------------------------------------------- */

static int errors(void *arg)
{
	char buf[8] = "unwritt";
	struct iovec v = { buf, 4 };
	struct stat st;
	int p[2], fd, full;

	(void)arg;
	CHECK_EQ(weft_open(in_dir("no"), O_RDONLY, 0), -ENOENT);
	CHECK_EQ(weft_open(NULL, O_RDONLY, 0), -EFAULT);
	CHECK_EQ(weft_open("", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(weft_open(dir, O_WRONLY, 0), -EISDIR);
	CHECK_EQ(weft_open("/dev/null/x", O_RDONLY, 0), -ENOTDIR);
	CHECK_EQ(weft_stat("", &st), -ENOENT);
	CHECK_EQ(weft_stat(NULL, &st), -EFAULT);
	CHECK_EQ(weft_fstat(-1, &st), -EBADF);
	CHECK_EQ(weft_pread(-1, buf, 4, 0), -EBADF);
	CHECK_EQ(weft_pread(1 << 20, buf, 4, 0), -EBADF);
	CHECK_EQ(weft_pwrite(-1, buf, 4, 0), -EBADF);
	CHECK_EQ(weft_preadv(-1, &v, 1, 0), -EBADF);
	CHECK_EQ(weft_fsync(-1), -EBADF);
	CHECK_EQ(weft_ftruncate(-1, 0), -EBADF);
	CHECK_EQ(weft_rename(in_dir("no"), in_dir("nono")), -ENOENT);
	CHECK_EQ(weft_unlink(in_dir("no")), -ENOENT);
	CHECK_EQ(weft_unlink(NULL), -EFAULT);
	CHECK_EQ(weft_readlink(in_dir("no"), buf, sizeof buf), -ENOENT);
	CHECK_EQ(weft_readlink(dir, buf, sizeof buf), -EINVAL);
	CHECK_EQ(weft_readlink(dir, buf, 0), -EINVAL);
	fd = weft_open(dir, O_RDONLY, 0);
	CHECK_EQ(weft_pread(fd, buf, 4, 0), -EISDIR);
	CHECK_EQ(weft_pread(fd, buf, 4, -1), -EINVAL);
	CHECK_EQ(weft_pwrite(fd, buf, 4, 0), -EBADF);
	CHECK_EQ(weft_preadv(fd, &v, -1, 0), -EINVAL);
	CHECK_EQ(weft_preadv(fd, &v, 1 << 20, 0), -EINVAL);
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(weft_pread(p[0], buf, 4, 0), -ESPIPE);
	CHECK_EQ(weft_pwrite(p[1], buf, 4, 0), -ESPIPE);
	CHECK_EQ(weft_close(p[0]), 0);
	CHECK_EQ(weft_close(p[1]), 0);
	full = weft_open("/dev/full", O_WRONLY, 0);
	CHECK_EQ(weft_pwrite(full, buf, 4, 0), -ENOSPC);
	CHECK_EQ(weft_pwritev(full, &v, 1, 0), -ENOSPC);
	CHECK_EQ(weft_close(full), 0);
	CHECK(!strcmp(buf, "unwritt"));
	return 0;
}

Test(file, errors_are_told)
{
	everywhere(errors);
}

static int no_descriptors(void *arg)
{
	struct rlimit was, low;
	int fd, fds[64], n = 0;

	CHECK_EQ(weft_close(weft_open("/dev/null", O_RDONLY, 0)), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = was;
	low.rlim_cur = 40;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	while ((fd = weft_open("/dev/null", O_RDONLY, 0)) >= 0 && n < 64)
		fds[n++] = fd;
	CHECK_EQ(fd, -EMFILE);
	while (n)
		CHECK_EQ(weft_close(fds[--n]), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	(void)arg;
	return 0;
}

Test(file, descriptors_run_out)
{
	BOTH(EACH(no_descriptors));
}

static int refused(void *arg)
{
	const char *name = in_dir("never");
	char buf[4];
	struct stat st;
	weft_scope s;
	int fd = *(int *)arg;

	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	CHECK_EQ(weft_open(name, O_WRONLY | O_CREAT, 0600), -ECANCELED);
	CHECK_EQ(weft_pread(fd, buf, 4, 0), -ECANCELED);
	CHECK_EQ(weft_pwrite(fd, "x", 1, 0), -ECANCELED);
	CHECK_EQ(weft_fsync(fd), -ECANCELED);
	CHECK_EQ(weft_stat("/", &st), -ECANCELED);
	CHECK_EQ(weft_mkdir(name, 0700), -ECANCELED);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	CHECK_EQ(weft_stat(name, &st), -ENOENT);
	return 0;
}

static int cancel_points(void *arg)
{
	int fd = weft_open("/dev/null", O_RDWR, 0);

	(void)arg;
	refused(&fd);
	CHECK_EQ(weft_close(fd), 0);
	return 0;
}

Test(file, a_cancelled_caller_changes_nothing)
{
	make_dir();
	BOTH(EACH(cancel_points));
	remove_dir();
}

/* --- whole files ---------------------------------------------------------------------- */

static int whole(void *arg)
{
	const char *name = in_dir("whole");
	size_t size = 200000, n = 7;
	char *text = malloc(size);
	struct stat st;
	void *p;

	(void)arg;
	for (size_t i = 0; i < size; i++)
		text[i] = (char)(i % 253);
	CHECK_EQ(weft_file_write_all(name, text, size, 0600, 0), 0);
	CHECK_EQ(weft_file_read_all(name, SIZE_MAX, &p, &n), 0);
	CHECK(n == size && p && !memcmp(p, text, size) && !((char *)p)[n]);
	free(p);
	CHECK_EQ(weft_file_read_all(name, size, &p, &n), 0);
	free(p);
	CHECK_EQ(weft_file_read_all(name, size - 1, &p, &n), -EFBIG);
	CHECK(!p);
	CHECK_EQ(weft_file_write_all(name, "new", 3, 0600, WEFT_FILE_REPLACE),
		 0);
	CHECK_EQ(weft_file_read_all(name, 100, &p, NULL), 0);
	CHECK(p && !strcmp(p, "new"));
	free(p);
	CHECK_EQ(weft_file_write_all(name, NULL, 0, 0600, WEFT_FILE_SYNC), 0);
	CHECK_EQ(weft_file_read_all(name, 100, &p, &n), 0);
	CHECK(p && n == 0 && !*(char *)p);
	free(p);
	CHECK_EQ(weft_file_write_all(name, "x", 1, 0600, 64), -EINVAL);
	CHECK_EQ(weft_unlink(name), 0);
	CHECK_EQ(weft_file_read_all(name, 100, &p, &n), -ENOENT);
	CHECK(!p);
	CHECK_EQ(weft_file_write_all(in_dir("no/x"), "x", 1, 0600,
				     WEFT_FILE_REPLACE), -ENOENT);
	CHECK_EQ(weft_file_write_all("/dev/full", "x", 1, 0600, 0), -ENOSPC);
	/* A file that does not say how long it is. */
	CHECK_EQ(weft_file_read_all("/proc/self/status", SIZE_MAX, &p, &n), 0);
	CHECK(p && n > 100 && strstr(p, "Pid:"));
	free(p);
	CHECK_EQ(stat(dir, &st), 0);
	free(text);
	return 0;
}

Test(file, whole_files_are_read_and_written)
{
	everywhere(whole);
}

/* --- nothing is left ------------------------------------------------------------------- */

Test(file, leaves_no_descriptor_behind)
{
	int before;

	make_dir();
	cr_assert_eq(run_on(2, round_trip, NULL), 0);
	before = open_descriptors();
	BOTH(EACH(round_trip));
	cr_assert_eq(open_descriptors(), before);
	remove_dir();
}
