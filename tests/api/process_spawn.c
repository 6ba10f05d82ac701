/* tests/api/process_spawn.c - child processes with pipes, signals and streams. */
#include "support/child.h"

#include <weft/io.h>

TestSuite(process_spawn, .timeout = 120);

#define SH(script) \
	.argv = (char *[]){ (char[]){ "sh" }, (char[]){ "-c" }, \
			    (char *)(uintptr_t)(script), NULL }, \
	.path = "/bin/sh"

static bool spawned(weft_process *p, const weft_command *c)
{
	return CHECK_EQ(weft_process_spawn(p, c), 0);
}

static int ended(weft_process *p)
{
	int status = -1;

	CHECK_EQ(weft_process_wait(p, &status, weft_in(60 * WEFT_S)), 0);
	return status;
}

/* What comes out of fd until its end. */
static const char *all_of(int fd, char *buf, size_t n)
{
	size_t done = 0;

	CHECK_EQ(weft_read_full(fd, buf, n - 1, &done, weft_in(60 * WEFT_S)),
		 WEFT_EOF);
	buf[done] = '\0';
	return buf;
}

/* --- streams -------------------------------------------------------------------- */

static int talks(void *arg)
{
	const weft_command c = {
		SH("read a; echo \"$a there\"; echo \"$a no\" >&2; exit 3"),
		.in = { WEFT_STDIO_PIPE, 0 }, .out = { WEFT_STDIO_PIPE, 0 },
		.err = { WEFT_STDIO_PIPE, 0 },
	};
	weft_process p;
	char buf[100];

	(void)arg;
	if (!spawned(&p, &c))
		return 0;
	CHECK(p.pid > 0 && p.in >= 0 && p.out >= 0 && p.err >= 0);
	CHECK_EQ(weft_process_wait(&p, NULL, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_process_wait(&p, NULL, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_write_all(p.in, "hello\n", 6, NULL, WEFT_FOREVER), 0);
	CHECK(!strcmp(all_of(p.out, buf, sizeof buf), "hello there\n"));
	CHECK(!strcmp(all_of(p.err, buf, sizeof buf), "hello no\n"));
	CHECK_EQ(WEXITSTATUS(ended(&p)), 3);
	CHECK_EQ(WEXITSTATUS(ended(&p)), 3);
	CHECK_EQ(weft_process_kill(&p, SIGTERM), -ESRCH);
	weft_process_close(&p);
	weft_process_close(&p);
	CHECK_EQ(p.in, -1);
	CHECK_EQ(weft_process_wait(&p, NULL, WEFT_NOWAIT), -EINVAL);
	return 0;
}

Test(process_spawn, a_child_is_talked_to_through_pipes)
{
	EACH(talks);
	talks(NULL);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

static int other_streams(void *arg)
{
	weft_command c = {
		SH("cat; echo out; echo err >&2"),
		.in = { WEFT_STDIO_NULL, 0 }, .out = { WEFT_STDIO_FD, 0 },
		.err = { WEFT_STDIO_STDOUT, 0 },
	};
	weft_process p;
	char buf[100];
	int fd[2];

	(void)arg;
	CHECK_EQ(weft_pipe(fd), 0);
	c.out.fd = fd[1];
	if (!spawned(&p, &c))
		return 0;
	CHECK_EQ(weft_close(fd[1]), 0);
	CHECK(!strcmp(all_of(fd[0], buf, sizeof buf), "out\nerr\n"));
	CHECK_EQ(ended(&p), 0);
	CHECK_EQ(weft_close(fd[0]), 0);
	weft_process_close(&p);
	c.out.fd = 9999;
	CHECK_EQ(weft_process_spawn(&p, &c), -EBADF);
	return 0;
}

Test(process_spawn, streams_may_be_null_or_a_descriptor_or_one_another)
{
	EACH(other_streams);
}

/* Standard output and error change places, which dup2 in order would not do. */
static int swapped(void *unused)
{
	weft_command c = {
		SH("echo out; echo err >&2"),
		.out = { WEFT_STDIO_FD, 2 }, .err = { WEFT_STDIO_FD, 1 },
	};
	char buf[10] = "";
	weft_process p;
	int one[2], two[2];

	(void)unused;
	CHECK(pipe(one) == 0 && pipe(two) == 0);
	dup2(one[1], 1);
	dup2(two[1], 2);
	if (weft_process_spawn(&p, &c) || ended(&p))
		return 1;
	return read(one[0], buf, sizeof buf) == 4 && !memcmp(buf, "err\n", 4) &&
	       read(two[0], buf, sizeof buf) == 4 && !memcmp(buf, "out\n", 4) &&
	       failures == 0 ? 0 : 2;
}

/* Pipes that get the numbers of the standard streams. */
static int closed_streams(void *unused)
{
	weft_command c = {
		SH("read a; echo $a; echo $a >&2"), .in = { WEFT_STDIO_PIPE, 0 },
		.out = { WEFT_STDIO_PIPE, 0 }, .err = { WEFT_STDIO_PIPE, 0 },
	};
	weft_process p;
	char buf[10];

	(void)unused;
	close(0);
	close(1);
	close(2);
	if (weft_process_spawn(&p, &c))
		return 1;
	if (weft_write_all(p.in, "x\n", 2, NULL, WEFT_FOREVER) ||
	    strcmp(all_of(p.out, buf, sizeof buf), "x\n") ||
	    strcmp(all_of(p.err, buf, sizeof buf), "x\n"))
		return 2;
	return failures ? 3 : ended(&p);
}

Test(process_spawn, descriptors_do_not_get_into_each_others_way)
{
	cr_assert_eq(in_child(swapped, NULL), 0, "%s", said);
	cr_assert_eq(in_child(closed_streams, NULL), 0);
}

/* --- what a child begins with ------------------------------------------------------- */

static int begins_clean(void *arg)
{
	char *env[] = { (char[]){ "HERE=there" },
			(char[]){ "PATH=/usr/bin:/bin" }, NULL };
	weft_command c = {
		SH("echo $HERE; pwd; grep -c 'SigBlk:.0*$' /proc/self/status; "
		   "kill -PIPE $$"),
		.env = env, .cwd = "/", .out = { WEFT_STDIO_PIPE, 0 },
	};
	weft_process p;
	char buf[100];
	int status;

	(void)arg;
	signal(SIGPIPE, SIG_IGN);
	if (!spawned(&p, &c))
		return 0;
	CHECK(!strcmp(all_of(p.out, buf, sizeof buf), "there\n/\n1\n"));
	status = ended(&p);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	weft_process_close(&p);
	return 0;
}

static int no_leaks(void *arg)
{
	/* An epoll, an eventfd, pipes: all of ours are close-on-exec. */
	weft_command c = {
		SH("for f in /proc/$$/fd/*; do [ ${f##*/} -gt 9 ] || "
		   "[ ${f##*/} -lt 3 ] || readlink $f; done"),
		.out = { WEFT_STDIO_PIPE, 0 },
	};
	weft_process p;
	char buf[1000];

	(void)arg;
	for (int i = 3; i < 10; i++)
		close(i);
	if (!spawned(&p, &c))
		return 0;
	if (*all_of(p.out, buf, sizeof buf)) {
		CHECK(!strstr(buf, "anon_inode"));
		CHECK(!strstr(buf, "pipe:"));
	}
	ended(&p);
	weft_process_close(&p);
	return 0;
}

static int clean_child(void *unused)
{
	(void)unused;
	return run_on(2, no_leaks, NULL) || failures;
}

Test(process_spawn, a_child_begins_with_what_it_was_given)
{
	EACH(begins_clean);
}

Test(process_spawn, none_of_our_descriptors_is_inherited)
{
	cr_assert_eq(in_child(clean_child, NULL), 0, "%s", said);
}

/* --- errors ---------------------------------------------------------------------- */

static int refused(void *arg)
{
	char *argv[] = { (char[]){ "/nowhere/to/be/found" }, NULL };
	char *none[] = { NULL };
	weft_command c = { .argv = argv, .in = { WEFT_STDIO_PIPE, 0 } };
	weft_process p;

	(void)arg;
	if (!under("qemu") && !under("valgrind")) {
		CHECK_EQ(weft_process_spawn(&p, &c), -ENOENT);
		CHECK_EQ(p.in, -1);
	}
	CHECK_EQ(weft_process_spawn(NULL, &c), -EINVAL);
	CHECK_EQ(weft_process_spawn(&p, NULL), -EINVAL);
	c.in.kind = WEFT_STDIO_CAPTURE;
	CHECK_EQ(weft_process_spawn(&p, &c), -EINVAL);
	c.in.kind = 77;
	CHECK_EQ(weft_process_spawn(&p, &c), -EINVAL);
	c.in.kind = WEFT_STDIO_STDOUT;
	CHECK_EQ(weft_process_spawn(&p, &c), -EINVAL);
	c.in.kind = 0;
	c.argv = none;
	CHECK_EQ(weft_process_spawn(&p, &c), -EINVAL);
	CHECK_EQ(weft_process_kill(&p, SIGTERM), -EINVAL);
	weft_process_close(&p);
	weft_process_close(NULL);
	return 0;
}

Test(process_spawn, what_cannot_be_started_is_said)
{
	EACH(refused);
}

/* --- signals --------------------------------------------------------------------- */

static int kills(void *arg)
{
	weft_command c = {
		SH("trap 'exit 9' TERM; echo; while :; do read x; done"),
		.in = { WEFT_STDIO_PIPE, 0 }, .out = { WEFT_STDIO_PIPE, 0 },
	};
	weft_process p;
	char ready;
	int status;

	(void)arg;
	if (!spawned(&p, &c))
		return 0;
	CHECK_EQ(weft_read(p.out, &ready, 1, WEFT_FOREVER), 1);
	CHECK_EQ(weft_process_kill(&p, 0), 0);
	CHECK_EQ(weft_process_kill(&p, 9999), -EINVAL);
	CHECK_EQ(weft_process_kill(&p, -SIGTERM), 0);
	CHECK_EQ(weft_close(p.in), 0);
	p.in = -1;
	status = ended(&p);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
	weft_process_close(&p);

	c.flags = WEFT_COMMAND_SAME_GROUP;
	if (!spawned(&p, &c))
		return 0;
	CHECK_EQ(weft_process_kill(&p, -SIGTERM), -EINVAL);
	CHECK_EQ(weft_process_kill(&p, SIGKILL), 0);
	CHECK_EQ(WTERMSIG(ended(&p)), SIGKILL);
	weft_process_close(&p);
	return 0;
}

Test(process_spawn, a_child_and_its_group_are_sent_signals)
{
	EACH(kills);
}

static weft_process shared;

static int wait_shared(void *arg)
{
	int status = -1;

	(void)arg;
	CHECK_EQ(weft_process_wait(&shared, &status, weft_in(60 * WEFT_S)), 0);
	return WEXITSTATUS(status);
}

static int many_wait(void *arg)
{
	enum { WAITERS = 8 };
	weft_command c = { SH("read x; exit 8"), .in = { WEFT_STDIO_PIPE, 0 } };
	weft_id id[WAITERS];
	int status;

	(void)arg;
	if (!spawned(&shared, &c))
		return 0;
	for (int i = 0; i < WAITERS; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, wait_shared, NULL), 0);
	weft_yield();
	CHECK_EQ(weft_write_all(shared.in, "\n", 1, NULL, WEFT_FOREVER), 0);
	for (int i = 0; i < WAITERS; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, 8);
	}
	weft_process_close(&shared);
	return 0;
}

Test(process_spawn, all_who_wait_get_the_status)
{
	EACH(many_wait);
}
