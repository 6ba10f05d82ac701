/* regress/0026 - a process that had been stopped named a routine that had kept
 * its worker meanwhile.
 *
 * The monitor took the time for that of the routine, though nothing ran, the
 * monitor included.
 */
#include "stress/stress.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static atomic_int told;

static void tell(int sig)
{
	told = sig;
}

static int64_t cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * WEFT_S + t.tv_nsec;
}

/* Long enough to be seen at two ticks, far too short to be named. */
static int busy(void *arg)
{
	int64_t end;

	(void)arg;
	while (!told) {
		end = cpu_now() + 12 * WEFT_MS;
		while (cpu_now() < end)
			;
		weft_yield();
	}
	return 0;
}

static int two(void *arg)
{
	weft_id other;

	(void)arg;
	MUST(!weft_spawn(&other, NULL, busy, NULL), "spawn");
	MUST(write(STDERR_FILENO, "+", 1) == 1, "write");
	busy(NULL);
	return weft_join(other, NULL);
}

/* Is a routine named? */
static bool named(void)
{
	char said[4096] = "";
	size_t len = 0;
	ssize_t n;
	int fd[2], status;
	pid_t child;

	MUST(!pipe(fd), "pipe");
	child = fork();
	if (child == 0) {
		signal(SIGTERM, tell);
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		_exit(stress_run(1, two, NULL));
	}
	close(fd[1]);
	MUST(read(fd[0], said, 1) == 1, "it never began");
	for (int i = 0; i < 8; i++) {
		poll(NULL, 0, 50);      /* it runs, */
		kill(child, SIGSTOP);
		MUST(waitpid(child, &status, WUNTRACED) == child, "stop");
		poll(NULL, 0, 300);     /* and does not */
		kill(child, SIGCONT);
		MUST(waitpid(child, &status, WCONTINUED) == child, "go on");
	}
	kill(child, SIGTERM);
	while (len < sizeof said - 1 &&
	       (n = read(fd[0], said + len, sizeof said - 1 - len)) > 0)
		len += (size_t)n;
	MUST(waitpid(child, &status, 0) == child && !status, "%d: %s", status,
	     said);
	close(fd[0]);
	puts(said);
	return strstr(said, "has kept");
}

/* On a machine that gives it hardly any CPU it may keep its worker for that long
 * indeed, but not each time. */
int main(void)
{
	int tries = 0;

	while (named())
		MUST(++tries < 5, "a routine is named each time");
	return 0;
}
