/* SPDX-License-Identifier: MIT */
/* file.c - rows file-*: a file that is in memory.
 *
 * file-read: from its beginning to its end in pieces, by one routine; per piece.
 * file-read-100: blocks anywhere in it, by a hundred routines; per block.  The
 * yardstick is a plain thread, in the second row one for each worker.
 */
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum {
	PIECE = 64 * 1024, PIECES = 1024,
	BLOCK = 4096, BLOCKS = PIECE / BLOCK * PIECES,
	READERS = 100, THREADS_MAX = 64,
};

static char path[] = "/tmp/weft-bench-XXXXXX";
static char piece[PIECE];

static void make_file(void)
{
	int fd = mkstemp(path);

	bench_check(fd >= 0, "no file");
	memset(piece, 'x', sizeof piece);
	for (int i = 0; i < PIECES; i++) {
		/* Each block says which it is. */
		for (int b = 0; b < PIECE; b += BLOCK) {
			uint64_t number = (uint64_t)(i * PIECE + b) / BLOCK;

			memcpy(piece + b, &number, sizeof number);
		}
		bench_check(write(fd, piece, PIECE) == PIECE, "no room");
	}
	close(fd);
}

static void by_routine(long ops)
{
	int fd = weft_open(path, O_RDONLY, 0);
	ssize_t n;

	bench_check(fd >= 0, "open: %s", weft_strerror(fd));
	for (long i = 0; i < ops; i++) {
		if (i % PIECES == 0)
			lseek(fd, 0, SEEK_SET);
		n = weft_read(fd, piece, PIECE, WEFT_FOREVER);
		bench_check(n == PIECE, "read: %zd", n);
	}
	weft_close(fd);
}

static void by_thread(long ops)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	bench_check(fd >= 0, "no file");
	for (long i = 0; i < ops; i++) {
		if (i % PIECES == 0)
			lseek(fd, 0, SEEK_SET);
		bench_check(read(fd, piece, PIECE) == PIECE, "read");
	}
	close(fd);
}

static void *thread(void *arg)
{
	by_thread(*(long *)arg);
	return NULL;
}

static void report(const struct bench *b, const char *impl, const char *row,
		   struct bench_time t, long ops)
{
	bench_report_as(b, impl, row, (double)t.wall / (double)ops,
			(double)t.cpu / (double)ops, "ns");
}

static void file_read(const struct bench *b, long ops)
{
	struct bench_time t;

	make_file();
	by_routine(PIECES);
	t = bench_now();
	by_routine(ops);
	report(b, "weft", "file-read", bench_since(t), ops);
	t = bench_now();
	bench_must(weft_blocking(thread, &ops, NULL));
	report(b, "thread", "file-read", bench_since(t), ops);
	unlink(path);
}

/* --- many readers ----------------------------------------------------------- */

struct reader {
	int fd;
	uint64_t seed;
	long ops;
	weft_waitgroup *wg;             /* NULL: a thread */
};

static void *read_blocks(void *arg)
{
	struct reader *r = arg;
	uint64_t number, at;
	char block[BLOCK];
	ssize_t n;

	for (long i = 0; i < r->ops; i++) {
		r->seed = r->seed * 6364136223846793005 + 1442695040888963407;
		at = (r->seed >> 33) % BLOCKS;
		n = r->wg ? weft_pread(r->fd, block, BLOCK, (off_t)at * BLOCK)
			  : pread(r->fd, block, BLOCK, (off_t)at * BLOCK);
		memcpy(&number, block, sizeof number);
		bench_check(n == BLOCK && number == at, "block %ld: %zd",
			    (long)at, n);
	}
	if (r->wg)
		weft_waitgroup_done(r->wg);
	return NULL;
}

static void reader(void *arg)
{
	read_blocks(arg);
}

static void by_routines(int fd, long ops)
{
	struct reader readers[READERS];
	weft_waitgroup wg = WEFT_WAITGROUP_INIT;

	weft_waitgroup_add(&wg, READERS);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ fd, (uint64_t)i, ops / READERS,
					      &wg };
		bench_must(weft_go(reader, &readers[i]));
	}
	weft_waitgroup_wait(&wg);
}

struct threads {
	int fd, count;
	long ops;
};

static void *by_threads(void *arg)
{
	const struct threads *t = arg;
	struct reader readers[THREADS_MAX];
	pthread_t id[THREADS_MAX];

	for (int i = 0; i < t->count; i++) {
		readers[i] = (struct reader){ t->fd, (uint64_t)i,
					      t->ops / t->count, NULL };
		bench_check(!pthread_create(&id[i], NULL, read_blocks,
					    &readers[i]), "no thread");
	}
	for (int i = 0; i < t->count; i++)
		pthread_join(id[i], NULL);
	return NULL;
}

static void file_read_100(const struct bench *b, long ops)
{
	struct threads threads = { .count = (int)weft_workers(), .ops = ops };
	struct bench_time t;
	int fd;

	if (threads.count > THREADS_MAX)
		threads.count = THREADS_MAX;
	make_file();
	fd = threads.fd = weft_open(path, O_RDONLY, 0);
	bench_check(fd >= 0, "open: %s", weft_strerror(fd));
	by_routines(fd, BLOCKS);
	t = bench_now();
	by_routines(fd, ops);
	report(b, "weft", "file-read-100", bench_since(t), ops);
	t = bench_now();
	bench_must(weft_blocking(by_threads, &threads, NULL));
	report(b, "thread", "file-read-100", bench_since(t), ops);
	weft_close(fd);
	unlink(path);
}

static const struct bench_case cases[] = {
	{ .row = "file-read", .unit = "ns", .ops = 50000,
	  .custom = file_read },
	{ .row = "file-read-100", .unit = "ns", .ops = 1000000,
	  .custom = file_read_100 },
};

BENCH_PROGRAM("file", cases)
