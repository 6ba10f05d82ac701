/* regress/0020 - weft_close waits for a thread inside a call: no deadlock. */
#include "stress/stress.h"

#include "io/desc.h"

#include <unistd.h>
#include <weft/io.h>

static int fd[2];
static uint32_t generation;

/* The run would have ended long before. */
static void *stay_inside(void *arg)
{
	weft_time until = weft_in(100 * WEFT_MS);

	while (weft_now() < until)
		;
	weft__desc_leave(fd[0]);
	return arg;
}

static int close_it(void *arg)
{
	(void)arg;
	return weft_close(fd[0]);
}

int main(void)
{
	pthread_t t;

	MUST(!pipe(fd), "pipe");
	MUST(!weft__desc_enter(fd[0], &generation), "enter");
	MUST(!pthread_create(&t, NULL, stay_inside, NULL), "thread");
	MUST(weft_run(close_it, NULL) == 0, "taken for a deadlock");
	pthread_join(t, NULL);
	close(fd[1]);
	return 0;
}
