/* SPDX-License-Identifier: MIT */
/* file.c - row file-read: a file that is in memory, read from its beginning to
 * its end in pieces; per piece.  The yardstick is a plain thread.
 */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, PIECES = 1024 };

static char path[] = "/tmp/weft-bench-XXXXXX";
static char piece[PIECE];

static void make_file(void)
{
	int fd = mkstemp(path);

	bench_check(fd >= 0, "no file");
	memset(piece, 'x', sizeof piece);
	for (int i = 0; i < PIECES; i++)
		bench_check(write(fd, piece, PIECE) == PIECE, "no room");
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

static void file_read(const struct bench *b, long ops)
{
	struct bench_time t;

	make_file();
	by_routine(PIECES);
	t = bench_now();
	by_routine(ops);
	t = bench_since(t);
	bench_report(b, "file-read", (double)t.wall / (double)ops,
		     (double)t.cpu / (double)ops, "ns");
	t = bench_now();
	bench_must(weft_blocking(thread, &ops, NULL));
	t = bench_since(t);
	bench_report_as(b, "thread", "file-read", (double)t.wall / (double)ops,
			(double)t.cpu / (double)ops, "ns");
	unlink(path);
}

static const struct bench_case cases[] = {
	{ .row = "file-read", .unit = "ns", .ops = 50000,
	  .custom = file_read },
};

BENCH_PROGRAM("file", cases)
