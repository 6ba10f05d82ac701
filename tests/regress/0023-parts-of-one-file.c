/* regress/0023 - a descriptor is closed in the midst of weft_read_full.
 *
 * Its parts were reads of a number, and when that was another file's by then it
 * read there.  weft_write_all wrote there.
 */
#include "stress/stress.h"
#include "support/home.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <weft/io.h>

enum { PARTS = 200, SIZE = 400 };

static int fd[2];
static size_t done;
static char buf[SIZE];

static int read_all(void *arg)
{
	(void)arg;
	arrive();
	return weft_read_full(fd[0], buf, SIZE, &done, weft_in(20 * WEFT_S));
}

/* A pipe of packets gives one byte at a time, and the reader's turn ends before
 * it has them all. */
static int swap(void *arg)
{
	int was, status = 0, next[2];
	weft_id reader;

	(void)arg;
	stay_home();
	MUST(!pipe2(fd, O_DIRECT | O_CLOEXEC), "pipe");
	if (fcntl(fd[1], F_SETPIPE_SZ, 1 << 20) < PARTS * 4096)
		return 0;               /* the system allows too little */
	for (int i = 0; i < PARTS; i++)
		MUST(write(fd[1], "a", 1) == 1, "write");
	MUST(!weft_spawn(&reader, NULL, read_all, NULL), "spawn");
	weft_yield();
	if (!all_wait(1))
		return STRAYED;
	was = fd[0];
	MUST(!weft_close(fd[0]) && !pipe(next), "swap");
	MUST(next[0] == was, "another number");
	MUST(write(next[1], "bbbb", 4) == 4, "write");
	MUST(!weft_join(reader, &status), "join");
	MUST(!memchr(buf, 'b', done), "bytes of the next file");
	MUST(status == -EBADF, "%d", status);
	return 0;
}

int main(void)
{
	return on_one_thread(swap, NULL);
}
