/* regress/0009 - what waited in the ring of a worker that stood still was
 * forgotten.
 *
 * A routine made a blocking call that nobody marked.  Half its worker's ring
 * went to the spare that was lent; that one always had something to run, so it
 * never stole the other half, and nobody else was free to.
 */
#include "stress/stress.h"

#include <stdatomic.h>
#include <unistd.h>

enum { OTHERS = 5 };

static int fd[2];
static atomic_int ran;

static void count(void *arg)
{
	(void)arg;
	ran++;
}

static void stand_still(void *arg)
{
	char c;

	(void)arg;
	for (int i = 0; i < OTHERS; i++)
		MUST(weft_go(count, NULL) == 0, "go");
	MUST(read(fd[0], &c, 1) == 1, "read");
	ran++;
}

static int root(void *arg)
{
	(void)arg;
	MUST(weft_go(stand_still, NULL) == 0, "go");
	while (ran < OTHERS)
		weft_yield();
	MUST(write(fd[1], "", 1) == 1, "write");
	while (ran < OTHERS + 1)
		weft_yield();
	return 0;
}

int main(void)
{
	weft_config c;

	MUST(pipe(fd) == 0, "pipe");
	alarm(140);
	weft_config_init(&c);
	c.workers = 1;
	return weft_run_config(&c, root, NULL);
}
