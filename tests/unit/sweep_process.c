/* tests/unit/sweep_process.c - child processes and signals, while every system
 * call fails in every way; see support/sweep.h.
 */
#include "support/signals.h"
#include "support/sweep.h"

#include <weft/chan.h>
#include <weft/io.h>
#include <weft/process.h>

TestSuite(sweep_process, .timeout = 250);

static const char words[] = "all that goes in comes out\n";

/* Who was told that there was no child, or that it cannot be waited for, leaves
 * it to others. */
static void reap(pid_t pid)
{
	CHECK_EQ(__real_waitpid(pid, NULL, 0), pid);
}

static void talks(weft_process *p)
{
	char back[64];
	size_t n = 0;
	int r;

	if (OK(weft_write_all(p->in, words, sizeof words - 1, NULL,
			      soon())) < 0)
		return;
	r = (int)OK(weft_close(p->in));
	p->in = -1;
	if (r < 0)
		return;
	r = weft_read_full(p->out, back, sizeof back, &n, soon());
	if (r != WEFT_EOF)
		OK(r);
	else
		CHECK_EQ(n, sizeof words - 1);
	CHECK(n < sizeof words && memcmp(back, words, n) == 0);
}

static void child_with_pipes(void)
{
	static char *const argv[] = { (char *)(uintptr_t)"cat", NULL };
	weft_command c = {
		.argv = argv, .in = { WEFT_STDIO_PIPE, 0 },
		.out = { WEFT_STDIO_PIPE, 0 }, .err = { WEFT_STDIO_FD, 2 },
	};
	int status = -1;
	weft_process p;
	pid_t pid;

	if (OK(weft_process_spawn(&p, &c)) < 0)
		return;
	pid = p.pid;
	talks(&p);
	if (plan.spoilt)
		CHECK_EQ(weft_process_kill(&p, SIGKILL), 0);
	if (OK(weft_process_wait(&p, &status, soon())) == 0)
		CHECK(status == 0 || plan.spoilt);
	else
		reap(pid);
	weft_process_close(&p);
}

static void command(void)
{
	static char *const argv[] = {
		(char *)(uintptr_t)"/bin/sh", (char *)(uintptr_t)"-c",
		(char *)(uintptr_t)"cat; echo no >&2; exit 3", NULL
	};
	weft_command c = {
		.argv = argv, .input = words, .input_size = sizeof words - 1,
		.out = { WEFT_STDIO_CAPTURE, 0 },
		.err = { WEFT_STDIO_CAPTURE, 0 }, .grace = 50 * WEFT_MS,
	};
	weft_outcome o;

	if (OK(weft_run_command(&c, &o, soon())) == 0) {
		CHECK(WIFEXITED(o.status) && WEXITSTATUS(o.status) == 3);
		if (CHECK(o.out && o.err)) {
			/* Who says that it wants no input may have none. */
			if (plan.answer != -EPIPE)
				CHECK(!strcmp(o.out, words));
			CHECK(!strcmp(o.err, "no\n"));
		}
	} else if (o.pid && plan.call == SYS_WAITID) {
		reap(o.pid);
	}
	free(o.out);
	free(o.err);
}

static pid_t child_of_another(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(7);
	CHECK(pid > 0);
	return pid;
}

static void waits(bool any)
{
	pid_t pid = child_of_another();
	int status = -1;

	if (OK(weft_waitpid(any ? -1 : pid, &status, 0, soon())) < 0)
		reap(pid);
	else
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void waits_for_one(void)
{
	waits(false);
}

static void waits_for_any(void)
{
	waits(true);
}

static void signals(void)
{
	struct weft_signal s;
	weft_chan *c;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	c = weft_signal_chan(&set);
	if (!c) {
		CHECK(plan.fired);
		return;
	}
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(kill(getpid(), SIGUSR2), 0);
		if (OK(weft_chan_recv_until(c, &s, soon())) == 0)
			CHECK_EQ(s.signo, SIGUSR2);
	}
	weft_chan_unref(c);
}

static const struct workload workloads[] = {
	{ "child with pipes", child_with_pipes, 0, NULL, NULL },
	{ "child with pipes, threads", child_with_pipes, NO_RUNTIME, NULL,
	  NULL },
	{ "command", command, 0, NULL, NULL },
	{ "command", command, 0, "poll", NULL },
	{ "command, threads", command, NO_RUNTIME, NULL, NULL },
	{ "wait for one", waits_for_one, 0, NULL, NULL },
	{ "wait for any", waits_for_any, 0, NULL, NULL },
	{ "wait for one, threads", waits_for_one, NO_RUNTIME, NULL, NULL },
	{ "signals", signals, 0, NULL, NULL },
	{ "signals, threads", signals, NO_RUNTIME, NULL, NULL },
};

Test(sweep_process, no_failure_loses_leaks_or_hangs)
{
	keep_signal(SIGCHLD);
	keep_signal(SIGUSR2);
	sweep(workloads, COUNT(workloads), PROCESS);
}
