/* tests/api/file_busy.c - many operations at a time, and those that take long:
 * the worker goes on meanwhile. */
#include "support/files.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(file_busy, .timeout = 120);

static atomic_int finished, stop;

/* --- content --------------------------------------------------------------------- */

enum { WORDS = 1 << 18, BLOCK = 500 };

static int fd;

static uint32_t word_at(uint32_t i)
{
	return i * 2654435761u;
}

static void write_words(void)
{
	uint32_t *w = malloc(WORDS * sizeof *w);

	for (uint32_t i = 0; i < WORDS; i++)
		w[i] = word_at(i);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, w, WORDS * sizeof *w),
		     (ssize_t)(WORDS * sizeof *w));
	free(w);
}

static int read_block(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg * 747796405u + 1;
	uint32_t buf[BLOCK];

	for (int round = 0; round < 4; round++) {
		uint32_t at = seed % (WORDS - BLOCK);
		uint32_t n = 1 + seed / 7 % BLOCK, bad = 0;

		seed = seed * 747796405u + 2891336453u;
		CHECK_EQ(weft_pread(fd, buf, n * sizeof *buf,
				    (off_t)(at * sizeof *buf)),
			 n * sizeof *buf);
		for (uint32_t i = 0; i < n; i++)
			bad += buf[i] != word_at(at + i);
		CHECK_EQ(bad, 0);
	}
	return 0;
}

/* Not in memory: half of the time the kernel has to fetch it first. */
static void forget(void)
{
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int read_many(void *arg)
{
	enum { MANY = 2000 };
	weft_id *id = calloc(MANY, sizeof *id);
	int n = fewer(MANY);

	(void)arg;
	for (int cold = 0; cold < 2; cold++) {
		if (cold)
			forget();
		for (intptr_t i = 0; i < n; i++)
			CHECK_EQ(weft_spawn(&id[i], NULL, read_block, (void *)i),
				 0);
		for (int i = 0; i < n; i++)
			CHECK_EQ(weft_join(id[i], NULL), 0);
	}
	free(id);
	return 0;
}

Test(file_busy, thousands_read_at_a_time)
{
	make_dir();
	write_words();
	BOTH(EACH(read_many));
	close(fd);
	remove_dir();
}

static int write_own(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg, got = 0;
	off_t off = (off_t)(me * sizeof me);

	CHECK_EQ(weft_pwrite(fd, &me, sizeof me, off), sizeof me);
	CHECK_EQ(weft_pread(fd, &got, sizeof got, off), sizeof got);
	CHECK_EQ(got, me);
	return 0;
}

static int write_many(void *arg)
{
	enum { MANY = 1000 };
	weft_id id[MANY];
	int n = fewer(MANY);

	(void)arg;
	for (intptr_t i = 0; i < n; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, write_own, (void *)i), 0);
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	return 0;
}

Test(file_busy, many_write_at_a_time)
{
	make_dir();
	fd = open(path, O_RDWR | O_CREAT, 0600);
	BOTH(EACH(write_many));
	close(fd);
	remove_dir();
}

/* --- what takes long ---------------------------------------------------------------- */

static int open_reader(void *arg)
{
	int in = weft_open(path, O_RDONLY, 0);

	(void)arg;
	CHECK(in >= 0);
	finished++;
	return in;
}

static int count_on(void *arg)
{
	atomic_long *n = arg;

	while (!stop) {
		++*n;
		weft_yield();
	}
	return 0;
}

/* Opening a FIFO takes until somebody opens its other end: this worker has
 * enough else to do. */
static int fifo(void *arg)
{
	atomic_long counted = 0;
	weft_id counter, reader;
	int in = -1, out;

	(void)arg;
	stop = finished = 0;
	CHECK_EQ(weft_spawn(&counter, NULL, count_on, &counted), 0);
	CHECK_EQ(weft_spawn(&reader, NULL, open_reader, NULL), 0);
	wait_until(counted > 1000);
	CHECK_EQ(finished, 0);
	out = weft_open(path, O_WRONLY, 0);
	CHECK(out >= 0);
	CHECK_EQ(weft_join(reader, &in), 0);
	CHECK(in >= 0);
	/* Both can be waited for. */
	CHECK(fcntl(in, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(out, F_GETFL) & O_NONBLOCK);
	stop = 1;
	CHECK_EQ(weft_join(counter, NULL), 0);
	CHECK_EQ(weft_close(in), 0);
	CHECK_EQ(weft_close(out), 0);
	return 0;
}

Test(file_busy, a_slow_open_leaves_the_worker_free)
{
	make_dir();
	cr_assert_eq(mkfifo(path, 0600), 0);
	BOTH(EACH(fifo));
	remove_dir();
}

/* Each reader waits for its writer, and there are more of both than threads
 * that the kernel would give by itself. */
enum { PAIRS = 40 };

static void fifo_name(char *name, size_t size, intptr_t i)
{
	snprintf(name, size, "%s/%d", dir, (int)i);
}

static int open_end(void *arg)
{
	intptr_t i = (intptr_t)arg;
	char name[128];
	int end;

	fifo_name(name, sizeof name, i / 2);
	end = weft_open(name, i % 2 ? O_WRONLY : O_RDONLY, 0);
	CHECK(end >= 0);
	return end;
}

static int pairs(void *arg)
{
	weft_id id[2 * PAIRS];
	int end[2 * PAIRS];

	(void)arg;
	for (intptr_t i = 0; i < PAIRS; i++)
		CHECK_EQ(weft_spawn(&id[2 * i], NULL, open_end,
				    (void *)(2 * i)), 0);
	for (intptr_t i = 0; i < PAIRS; i++)
		CHECK_EQ(weft_spawn(&id[2 * i + 1], NULL, open_end,
				    (void *)(2 * i + 1)), 0);
	for (int i = 0; i < 2 * PAIRS; i++)
		CHECK_EQ(weft_join(id[i], &end[i]), 0);
	for (int i = 0; i < 2 * PAIRS; i++)
		CHECK_EQ(weft_close(end[i]), 0);
	return 0;
}

Test(file_busy, operations_may_wait_for_one_another)
{
	char name[128];

	make_dir();
	for (int i = 0; i < PAIRS; i++) {
		fifo_name(name, sizeof name, i);
		cr_assert_eq(mkfifo(name, 0600), 0);
	}
	BOTH(EACH(pairs));
	for (int i = 0; i < PAIRS; i++) {
		fifo_name(name, sizeof name, i);
		unlink(name);
	}
	remove_dir();
}

/* Everybody waits for a file: nothing is dead, however long it takes. */
static void *open_other_end(void *arg)
{
	int out = open(path, O_WRONLY);

	(void)arg;
	while (!finished)
		sched_yield();
	close(out);
	return NULL;
}

static int only_a_file(void *arg)
{
	int in = weft_open(path, O_RDONLY, 0);

	(void)arg;
	CHECK(in >= 0);
	finished = 1;
	CHECK_EQ(weft_close(in), 0);
	return 0;
}

Test(file_busy, is_never_taken_for_a_deadlock)
{
	pthread_t t;

	make_dir();
	cr_assert_eq(mkfifo(path, 0600), 0);
	for (int ring = 0; ring < 2; ring++) {
		setenv("WEFT_RING", ring ? "on" : "off", 1);
		for (int i = 0; i < fewer(20); i++) {
			finished = 0;
			cr_assert_eq(pthread_create(&t, NULL, open_other_end,
						    NULL), 0);
			cr_assert_eq(run_on(2, only_a_file, NULL), 0);
			pthread_join(t, NULL);
		}
	}
	unsetenv("WEFT_RING");
	cr_assert_eq(failures, 0, "%s", first_failure);
	remove_dir();
}

/* A close waits for who is inside, and nobody gets the next file's bytes. */
static atomic_int shared;

static int sync_and_read(void *arg)
{
	char c = 0;
	int mine = shared;
	int r = weft_fdatasync(mine);

	(void)arg;
	CHECK(r == 0 || r == -EBADF);
	r = (int)weft_pread(mine, &c, 1, 0);
	CHECK(r == -EBADF || (r == 1 && (c == 'a' || c == 'b')));
	return 0;
}

static int closed_meanwhile(void *arg)
{
	enum { AT_ONCE = 30 };
	weft_id id[AT_ONCE];

	(void)arg;
	for (int round = 0; round < fewer(20); round++) {
		shared = weft_open(path, O_RDWR, 0);
		CHECK(shared >= 0);
		for (int i = 0; i < AT_ONCE; i++)
			CHECK_EQ(weft_spawn(&id[i], NULL, sync_and_read, NULL),
				 0);
		for (int i = round; i > 0; i--)
			weft_yield();
		CHECK_EQ(weft_close(shared), 0);
		for (int i = 0; i < AT_ONCE; i++)
			CHECK_EQ(weft_join(id[i], NULL), 0);
	}
	return 0;
}

Test(file_busy, closed_while_others_use_it)
{
	int f;

	make_dir();
	f = open(path, O_RDWR | O_CREAT, 0600);
	cr_assert_eq(write(f, "abc", 3), 3);
	close(f);
	BOTH(EACH(closed_meanwhile));
	remove_dir();
}

/* --- the end of a run ------------------------------------------------------------------ */

static int write_for_ever(void *arg)
{
	char block[3000];

	memset(block, 7, sizeof block);
	for (intptr_t i = 0; i < 1000; i++) {
		if (weft_pwrite(fd, block, sizeof block, (intptr_t)arg * 3000) < 0)
			break;
		if (i % 16 == 0 && weft_fdatasync(fd) < 0)
			break;
		if (weft_pread(fd, block, sizeof block, (intptr_t)arg * 3000) < 0)
			break;
		finished++;
	}
	return 0;
}

/* main returns while the others write and read on their stacks. */
static int leave(void *arg)
{
	weft_id id;

	(void)arg;
	finished = 0;
	for (intptr_t i = 0; i < 50; i++)
		CHECK_EQ(weft_spawn(&id, NULL, write_for_ever, (void *)i), 0);
	wait_until(finished > 20);
	return 0;
}

Test(file_busy, runs_end_while_operations_are_in_flight)
{
	make_dir();
	fd = open(path, O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < fewer(5); i++)
		BOTH(EACH(leave));
	/* Nobody is inside any more. */
	cr_assert_eq(weft_close(fd), 0);
	remove_dir();
}
