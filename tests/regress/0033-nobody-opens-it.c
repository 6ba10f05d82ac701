/* regress/0033 - an open of a FIFO on the blocking pool, whose other end nobody
 * opens, could not be cancelled, and the run that it belonged to did not end.
 */
#include "stress/stress.h"

#include "support/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

enum { ROUNDS = 40, OPENS = 6, SECONDS = 100 };

static char path[] = "/tmp/weft-0033.XXXXXX";
static atomic_int inside, signals;

/* The program's own ones are not touched. */
static void on_signal(int signo)
{
	(void)signo;
	signals++;
}

static int opens(void *arg)
{
	inside++;
	return weft_open(path, arg ? O_WRONLY : O_RDONLY, 0);
}

/* All for reading, or all for writing: no two of them meet. */
static void begin(weft_id id[OPENS], void *arg)
{
	inside = 0;
	for (int i = 0; i < OPENS; i++)
		MUST(weft_spawn(&id[i], NULL, opens, arg) == 0, "spawn");
	while (inside < OPENS)
		weft_yield();
}

static int cancels(void *arg)
{
	weft_id id[OPENS];
	int fd = 0;

	begin(id, arg);
	for (int i = 0; i < OPENS; i++)
		MUST(weft_cancel(id[i]) == 0, "cancel");
	for (int i = 0; i < OPENS; i++) {
		MUST(weft_join(id[i], &fd) == 0, "join");
		MUST(fd == -ECANCELED, "cancelled: %d", fd);
	}
	return 0;
}

static int leaves(void *arg)
{
	weft_id id[OPENS];

	begin(id, arg);
	return 0;
}

static void *opens_other(void *arg)
{
	int fd;

	do      /* a signal may have been on its way until now */
		fd = open(path, arg ? O_RDONLY : O_WRONLY);
	while (fd < 0 && errno == EINTR);
	MUST(fd >= 0, "open: %d", errno);
	close(fd);
	return NULL;
}

/* Signals of others end nothing. */
static int is_met(void *arg)
{
	weft_id id;
	pthread_t t;
	int fd = -1;

	inside = 0;
	MUST(weft_spawn(&id, NULL, opens, arg) == 0, "spawn");
	while (!inside)
		weft_yield();
	for (int i = 0; i < 10; i++)
		kill(getpid(), SIGUSR1);
	MUST(pthread_create(&t, NULL, opens_other, arg) == 0, "thread");
	MUST(weft_join(id, &fd) == 0 && fd >= 0, "met: %d", fd);
	MUST(weft_close(fd) == 0, "close");
	MUST(pthread_join(t, NULL) == 0, "join");
	return 0;
}

static int (*const kinds[])(void *) = { leaves, cancels, is_met };

/* A later run does not find the threads of an earlier one in its way. */
static void once(unsigned i)
{
	weft_config c = { .workers = 1 + i % 3 };
	void *arg = i & 1 ? path : NULL;
	weft_runtime *rt;
	weft_id id[OPENS];

	MUST(weft_run_config(&c, kinds[i % 3], arg) == 0, "run");
	if (i % 4)
		return;
	MUST(weft_start(&c, &rt) == 0, "start");
	begin(id, arg);
	MUST(weft_stop(rt, weft_in(SECONDS * WEFT_S)) == 0, "stop");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int before = open_descriptors(), now;

	alarm(SECONDS);
	setenv("WEFT_RING", "off", 1);
	sigaction(SIGUSR1, &sa, NULL);
	MUST(mkdtemp(path) != NULL && rmdir(path) == 0 &&
	     mkfifo(path, 0600) == 0, "mkfifo");
	for (unsigned i = 0; i < ROUNDS; i++)
		once(i);
	now = open_descriptors();
	unlink(path);
	MUST(now == before, "%d descriptors, %d before", now, before);
	MUST(signals > 0, "no signal came");
	return 0;
}
