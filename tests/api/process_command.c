/* tests/api/process_command.c - weft_run_command: fed, drained, and put down. */
#include "support/child.h"

#include <weft/io.h>

TestSuite(process_command, .timeout = 150);

#define SH(script) \
	.argv = (char *[]){ (char[]){ "sh" }, (char[]){ "-c" }, \
			    (char *)(uintptr_t)(script), NULL }

static void outcome_free(weft_outcome *o)
{
	free(o->out);
	free(o->err);
}

static int captures(void *arg)
{
	const weft_command c = {
		SH("cat; echo wrong >&2; exit 5"), .input = "hello",
		.input_size = 5, .out = { WEFT_STDIO_CAPTURE, 0 },
		.err = { WEFT_STDIO_CAPTURE, 0 },
	};
	weft_outcome o;

	(void)arg;
	CHECK_EQ(weft_run_command(&c, &o, weft_in(60 * WEFT_S)), 0);
	CHECK(WIFEXITED(o.status) && WEXITSTATUS(o.status) == 5);
	CHECK(o.pid > 0 && o.out && o.err);
	CHECK(o.out_size == 5 && !strcmp(o.out, "hello"));
	CHECK(o.err_size == 6 && !strcmp(o.err, "wrong\n"));
	CHECK_EQ(o.cut, 0);
	outcome_free(&o);
	return 0;
}

Test(process_command, output_and_status_come_back)
{
	EACH(captures);
	captures(NULL);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

static int nothing_wanted(void *arg)
{
	weft_command c = { SH("exit 2") };
	weft_outcome o;

	(void)arg;
	CHECK_EQ(weft_run_command(&c, &o, WEFT_FOREVER), 0);
	CHECK_EQ(WEXITSTATUS(o.status), 2);
	CHECK(!o.out && !o.err);
	CHECK_EQ(weft_run_command(&c, NULL, WEFT_FOREVER), 0);
	c.out.kind = WEFT_STDIO_CAPTURE;
	CHECK_EQ(weft_run_command(&c, &o, WEFT_FOREVER), 0);
	CHECK(o.out && !*o.out && !o.out_size);
	outcome_free(&o);
	CHECK_EQ(weft_run_command(&c, NULL, WEFT_FOREVER), 0);
	return 0;
}

Test(process_command, nothing_need_be_captured)
{
	EACH(nothing_wanted);
}

/* More than any pipe holds, in three directions at once. */
enum { LOT = 3 << 20 };

static int in_and_out(void *arg)
{
	char *data = malloc(LOT);
	weft_command c = {
		SH("tee /dev/stderr"), .input = data, .input_size = LOT,
		.out = { WEFT_STDIO_CAPTURE, 0 },
		.err = { WEFT_STDIO_CAPTURE, 0 }, .limit = LOT,
	};
	weft_outcome o;

	(void)arg;
	for (int i = 0; i < LOT; i++)
		data[i] = (char)(i * 7 + i / 4096);
	CHECK_EQ(weft_run_command(&c, &o, weft_in(60 * WEFT_S)), 0);
	CHECK_EQ(o.status, 0);
	CHECK_EQ(o.out_size, LOT);
	CHECK_EQ(o.err_size, LOT);
	CHECK(o.out_size == LOT && !memcmp(o.out, data, LOT));
	CHECK(o.err_size == LOT && !memcmp(o.err, data, LOT));
	CHECK_EQ(o.cut, 0);
	outcome_free(&o);
	free(data);
	return 0;
}

Test(process_command, input_and_outputs_do_not_wait_for_each_other)
{
	EACH(in_and_out);
}

static int limited(void *arg)
{
	static char data[200000];
	weft_command c = {
		SH("cat"), .input = data, .input_size = sizeof data,
		.out = { WEFT_STDIO_CAPTURE, 0 }, .limit = 1000,
	};
	weft_outcome o;

	(void)arg;
	memset(data, 'a', sizeof data);
	CHECK_EQ(weft_run_command(&c, &o, weft_in(60 * WEFT_S)), 0);
	CHECK_EQ(o.status, 0);
	CHECK_EQ(o.out_size, 1000);
	CHECK(o.out && strlen(o.out) == 1000);
	CHECK_EQ(o.cut, 1);
	outcome_free(&o);
	/* And one that reads none of its input. */
	c.argv = (char *[]){ (char[]){ "true" }, NULL };
	CHECK_EQ(weft_run_command(&c, &o, weft_in(60 * WEFT_S)), 0);
	CHECK_EQ(o.status, 0);
	CHECK_EQ(o.cut, 0);
	outcome_free(&o);
	return 0;
}

Test(process_command, output_beyond_the_limit_is_dropped)
{
	EACH(limited);
}

/* --- given up --------------------------------------------------------------------- */

/* It has begun, and SIGTERM reached it.  A tool below may lose a signal that comes
 * before the program has begun, which is then killed when it has spoken. */
static bool terminated(const weft_outcome *o, bool spoke)
{
	bool may_lose = under("qemu") || under("valgrind");

	return spoke && !(may_lose && WTERMSIG(o->status) == SIGKILL);
}

/* One that has not said anything yet is given more time. */
static int late(void *arg)
{
	weft_command c = {
		SH("echo here; exec sleep 1000"),
		.out = { WEFT_STDIO_CAPTURE, 0 },
	};
	weft_time limit = 25 * WEFT_MS;
	weft_outcome o = { .out = NULL };
	char said_it[64];
	int fd[2];

	(void)arg;
	do {
		outcome_free(&o);
		limit *= 2;
		CHECK_EQ(weft_run_command(&c, &o, weft_in(limit)), -ETIMEDOUT);
		CHECK(o.out != NULL);
	} while (!terminated(&o, o.out_size > 0) && limit < 10 * WEFT_S);
	CHECK(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGTERM);
	outcome_free(&o);
	CHECK_EQ(weft_pipe(fd), 0);
	c.out = (weft_stdio){ WEFT_STDIO_FD, fd[1] };
	for (limit = 25 * WEFT_MS; limit < 10 * WEFT_S;) {
		limit *= 2;
		CHECK_EQ(weft_run_command(&c, &o, weft_in(limit)), -ETIMEDOUT);
		if (terminated(&o, weft_read(fd[0], said_it, sizeof said_it,
					     WEFT_NOWAIT) > 0))
			break;
	}
	CHECK(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGTERM);
	CHECK_EQ(weft_close(fd[0]), 0);
	CHECK_EQ(weft_close(fd[1]), 0);
	return 0;
}

Test(process_command, past_the_deadline_it_is_ended)
{
	EACH(late);
}

/* It does not care for SIGTERM, and has a child that holds its output. */
static int stubborn(void *arg)
{
	weft_command c = {
		SH("trap '' TERM; sleep 1000 & echo here; wait"),
		.out = { WEFT_STDIO_CAPTURE, 0 }, .grace = WEFT_MS,
	};
	weft_time limit = 100 * WEFT_MS;
	weft_outcome o = { .out = NULL };

	(void)arg;
	/* Before it has said so it may not be stubborn yet. */
	do {
		outcome_free(&o);
		limit *= 2;
		CHECK_EQ(weft_run_command(&c, &o, weft_in(limit)), -ETIMEDOUT);
		CHECK(o.out != NULL);
	} while (!o.out_size && limit < 10 * WEFT_S);
	CHECK_EQ(o.out_size, 5);
	CHECK(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGKILL);
	outcome_free(&o);
	c.grace = -1;
	CHECK_EQ(weft_run_command(&c, &o, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGKILL);
	outcome_free(&o);
	return 0;
}

Test(process_command, what_ignores_sigterm_is_killed_with_its_group)
{
	EACH(stubborn);
}

static int run_long(void *arg)
{
	weft_command c = {
		SH("echo here; exec sleep 1000"), .out = { WEFT_STDIO_FD, 0 },
	};
	weft_outcome o;
	int err;

	c.out.fd = *(int *)arg;
	err = weft_run_command(&c, &o, WEFT_FOREVER);
	CHECK(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGTERM);
	return err;
}

static int cancelled(void *arg)
{
	int fd[2], status;
	weft_id id;
	char c;

	(void)arg;
	CHECK_EQ(weft_pipe(fd), 0);
	CHECK_EQ(weft_spawn(&id, NULL, run_long, &fd[1]), 0);
	CHECK_EQ(weft_read(fd[0], &c, 1, weft_in(60 * WEFT_S)), 1);
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, -ECANCELED);
	CHECK_EQ(weft_close(fd[0]), 0);
	CHECK_EQ(weft_close(fd[1]), 0);
	return 0;
}

Test(process_command, who_is_cancelled_ends_it)
{
	EACH(cancelled);
}

static int refused(void *arg)
{
	weft_command c = { SH("exit 1") };
	weft_outcome o;

	(void)arg;
	CHECK_EQ(weft_run_command(NULL, &o, WEFT_FOREVER), -EINVAL);
	c.in.kind = WEFT_STDIO_PIPE;
	CHECK_EQ(weft_run_command(&c, &o, WEFT_FOREVER), -EINVAL);
	c.in.kind = WEFT_STDIO_NULL;
	c.input = "x";
	CHECK_EQ(weft_run_command(&c, &o, WEFT_FOREVER), -EINVAL);
	c.input = NULL;
	c.argv = (char *[]){ (char[]){ "no-such-program" }, NULL };
	if (!under("qemu") && !under("valgrind"))
		CHECK_EQ(weft_run_command(&c, &o, WEFT_FOREVER), -ENOENT);
	CHECK(!o.out && !o.pid);
	return 0;
}

Test(process_command, what_cannot_be_run_is_said)
{
	EACH(refused);
}

/* --- many at once -------------------------------------------------------------------- */

enum { MANY = 40 };

static atomic_int right;

static int one_of_many(void *arg)
{
	char script[40], want[20];
	weft_command c = { SH(script), .out = { WEFT_STDIO_CAPTURE, 0 } };
	weft_outcome o;

	snprintf(script, sizeof script, "echo %d", (int)(intptr_t)arg);
	snprintf(want, sizeof want, "%d\n", (int)(intptr_t)arg);
	CHECK_EQ(weft_run_command(&c, &o, weft_in(60 * WEFT_S)), 0);
	if (o.out && !strcmp(o.out, want))
		right++;
	outcome_free(&o);
	return 0;
}

static int many(void *arg)
{
	int n = fewer(MANY);
	weft_id id[MANY];

	(void)arg;
	right = 0;
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, one_of_many,
				    (void *)(intptr_t)i), 0);
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	CHECK_EQ(right, n);
	return 0;
}

Test(process_command, many_run_at_once)
{
	EACH(many);
}
