/* regress/0022 - a thread closes a descriptor while the runtime that watched it
 * ends: it found the runtime, whose poller was closed already.
 */
#include "stress/stress.h"

#include "os/sys.h"

#include <unistd.h>
#include <weft/io.h>

static int fd[2];
static atomic_int armed, closing, dropping, done;
static pthread_t stopper;

/* When the poller is closed the closer begins; it must not find that one. */
static int hook(enum sys_call call, int n)
{
	(void)n;
	if (armed && call == SYS_CLOSE &&
	    pthread_equal(pthread_self(), stopper)) {
		closing = 1;
		while (!dropping && !done)
			;
	} else if (call == SYS_EPOLL_CTL && closing) {
		dropping = 1;
	}
	return 0;
}

static int read_late(void *arg)
{
	char b;

	(void)arg;
	MUST(weft_read(fd[0], &b, 1, weft_in(WEFT_MS)) == -ETIMEDOUT, "read");
	return 0;
}

static void *close_it(void *arg)
{
	while (!closing)
		;
	MUST(weft_close(fd[0]) == 0, "close");
	done = 1;
	return arg;
}

int main(void)
{
	weft_runtime *rt;
	pthread_t t;

	setenv("WEFT_POLLER", "epoll", 1);
	stopper = pthread_self();
	weft__sys_fault = hook;
	MUST(!pipe(fd) && !weft_start(NULL, &rt), "start");
	MUST(weft_call(rt, read_late, NULL) == 0, "call");
	MUST(!pthread_create(&t, NULL, close_it, NULL), "thread");
	armed = 1;
	MUST(weft_stop(rt, WEFT_FOREVER) == 0, "stop");
	pthread_join(t, NULL);
	MUST(!dropping, "a poller that is being closed was used");
	weft__sys_fault = NULL;
	close(fd[1]);
	return 0;
}
