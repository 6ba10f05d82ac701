/* regress/0019 - a run ends when a routine in weft_close was told to go on.
 *
 * It waited until nobody was inside a call any more, and that had come, but it did
 * not run again; and the descriptor stayed open and barred, for weft_close too.
 */
#include "stress/stress.h"

#include "io/desc.h"

#include <unistd.h>
#include <weft/io.h>

static int fd[2];
static uint32_t generation;
static atomic_bool closed;              /* it ran after all: no harm done */

static void close_it(void *arg)
{
	(void)arg;
	closed = weft_close(fd[0]) == 0;
}

static void nothing(void *arg)
{
	(void)arg;
}

/* Keeps the worker until the runtime stops, and a while longer. */
static void keep(void *arg)
{
	weft_time until;

	(void)arg;
	while (weft_go(nothing, NULL) != -ECANCELED)
		;
	until = weft_in(20 * WEFT_MS);
	while (weft_now() < until)
		;
}

static void *leave(void *arg)
{
	weft__desc_leave(fd[0]);
	return arg;
}

/* With the closer readied from outside it is queued behind the other two. */
static int end(void *arg)
{
	pthread_t t;

	(void)arg;
	MUST(!weft__desc_enter(fd[0], &generation), "enter");
	MUST(!weft_go(close_it, NULL), "go");
	for (int i = 0; i < 5; i++)
		weft_yield();
	MUST(!pthread_create(&t, NULL, leave, NULL), "thread");
	pthread_join(t, NULL);
	return weft_go(keep, NULL);
}

int main(void)
{
	weft_config c;

	weft_config_init(&c);
	c.workers = 1;
	MUST(!pipe(fd), "pipe");
	MUST(weft_run_config(&c, end, NULL) == 0, "run");
	MUST(closed || weft_close(fd[0]) == 0, "it cannot be closed any more");
	close(fd[1]);
	return 0;
}
