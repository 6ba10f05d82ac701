/* tests/unit/waitpid.c - waiting for children where the kernel has no pidfd, and
 * under memory and descriptor shortage. */
#include "base/base.h"
#include "os/sys.h"
#include "support/child.h"
#include "support/signals.h"

#include <poll.h>
#include <weft/io.h>

TestSuite(waitpid, .timeout = 120);

/* Long enough for anything that happens at all. */
#define PATIENCE weft_in(55 * WEFT_S)

/* Workers without work ask the poller, and so the hook, at any time. */
static atomic_int refusal;

static int no_pidfd(enum sys_call call, int fd)
{
	(void)fd;
	return call == SYS_PIDFD ? refusal : 0;
}

static void refuse(int err)
{
	refusal = err;
	weft__sys_fault = no_pidfd;
}

static atomic_int waiting;

static int wait_for(void *arg)
{
	int status = -1;

	waiting++;
	CHECK_EQ(weft_waitpid((pid_t)(intptr_t)arg, &status, 0, WEFT_FOREVER),
		 (pid_t)(intptr_t)arg);
	return WEXITSTATUS(status);
}

static int by_signal(void *arg)
{
	struct child c = child_start("read x; exit 3");
	weft_id id;
	int status;

	(void)arg;
	waiting = 0;
	CHECK_EQ(weft_waitpid(c.pid, NULL, 0, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_spawn(&id, NULL, wait_for, (void *)(intptr_t)c.pid), 0);
	wait_until(waiting == 1);
	child_go(&c);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, 3);
	CHECK_EQ(weft_waitpid(c.pid, NULL, 0, WEFT_FOREVER), -ECHILD);
	return 0;
}

Test(waitpid, without_a_pidfd_sigchld_tells)
{
	keep_signal(SIGCHLD);
	refuse(-ENOSYS);
	EACH(by_signal);
	refuse(-EMFILE);
	EACH(by_signal);
}

static int process_by_signal(void *arg)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			 (char[]){ "echo out; exit 6" }, NULL };
	weft_command c = { .argv = argv, .out = { WEFT_STDIO_CAPTURE, 0 } };
	weft_outcome o;
	weft_process p;
	int status;

	(void)arg;
	CHECK_EQ(weft_run_command(&c, &o, PATIENCE), 0);
	CHECK_EQ(WEXITSTATUS(o.status), 6);
	CHECK(o.out && !strcmp(o.out, "out\n"));
	free(o.out);
	free(o.err);
	c.out.kind = WEFT_STDIO_NULL;
	argv[2] = (char[]){ "kill -STOP $$" };
	CHECK_EQ(weft_process_spawn(&p, &c), 0);
	CHECK_EQ(weft_process_wait(&p, NULL, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_process_kill(&p, SIGKILL), 0);
	CHECK_EQ(weft_process_wait(&p, &status, WEFT_FOREVER), 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK_EQ(weft_process_kill(&p, SIGKILL), -ESRCH);
	weft_process_close(&p);
	argv[2] = (char[]){ "exec sleep 1000" };
	CHECK_EQ(weft_run_command(&c, &o, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK(WIFSIGNALED(o.status));
	return 0;
}

Test(waitpid, processes_do_without_a_pidfd)
{
	keep_signal(SIGCHLD);
	refuse(-ENOSYS);
	EACH(process_by_signal);
	process_by_signal(NULL);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

static int no_pipe(enum sys_call call, int fd)
{
	(void)fd;
	return (int)call == refusal ? -EMFILE : 0;
}

static int no_descriptors(void *arg)
{
	static const enum sys_call calls[] = { SYS_PIPE, SYS_EPOLL_CREATE };
	char *argv[] = { (char[]){ "cat" }, NULL };
	weft_command c = {
		.argv = argv, .input = "x", .input_size = 1,
		.out = { WEFT_STDIO_CAPTURE, 0 },
	};
	weft_outcome o;
	int fd[2];

	(void)arg;
	/* The runtime's own poller is open by then. */
	CHECK_EQ(weft_pipe(fd), 0);
	CHECK_EQ(weft_poll(fd[0], POLLIN, weft_in(WEFT_MS)), -ETIMEDOUT);
	for (size_t i = 0; i < COUNT(calls); i++) {
		refusal = (int)calls[i];
		weft__sys_fault = no_pipe;
		CHECK_EQ(weft_run_command(&c, &o, PATIENCE), -EMFILE);
		weft__sys_fault = NULL;
		free(o.out);
		CHECK_EQ(weft_waitpid(-1, NULL, 0, WEFT_FOREVER), -ECHILD);
	}
	weft_close(fd[0]);
	weft_close(fd[1]);
	return 0;
}

Test(waitpid, a_command_without_descriptors_leaves_nothing)
{
	EACH(no_descriptors);
}

/* Reads and writes of one byte. */
static int one_byte(enum sys_call call, int fd)
{
	(void)fd;
	return call == SYS_READV || call == SYS_WRITEV;
}

static int byte_by_byte(void *arg)
{
	char *argv[] = { (char[]){ "cat" }, NULL };
	weft_command c = {
		.argv = argv, .input = "a long way to go", .input_size = 16,
		.out = { WEFT_STDIO_CAPTURE, 0 },
	};
	weft_outcome o;

	(void)arg;
	weft__sys_fault = one_byte;
	CHECK_EQ(weft_run_command(&c, &o, PATIENCE), 0);
	weft__sys_fault = NULL;
	CHECK(o.out && !strcmp(o.out, "a long way to go"));
	free(o.out);
	return 0;
}

Test(waitpid, short_reads_and_writes_lose_nothing)
{
	EACH(byte_by_byte);
}
