/* tests/api/process.c - weft_waitpid. */
#include "support/child.h"
#include "support/signals.h"

#include <pthread.h>

TestSuite(process, .timeout = 120);

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK_EQ(weft_waitpid(pid, &status, 0, weft_in(60 * WEFT_S)), pid);
	return status;
}

/* --- one child ------------------------------------------------------------------ */

static int exits(void *arg)
{
	struct child c = child_start("exit 3");
	int status;

	(void)arg;
	close(c.go);
	status = status_of(c.pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	CHECK_EQ(weft_waitpid(c.pid, NULL, 0, WEFT_FOREVER), -ECHILD);
	c = child_start("kill -9 $$");
	close(c.go);
	status = status_of(c.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return 0;
}

Test(process, the_status_of_a_child_is_told_once)
{
	EACH(exits);
}

static int in_time(void *arg)
{
	struct child c = child_start("read x; exit 4");
	int status = -1;

	(void)arg;
	CHECK_EQ(weft_waitpid(c.pid, &status, WNOHANG, WEFT_FOREVER), 0);
	CHECK_EQ(weft_waitpid(c.pid, &status, 0, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_waitpid(c.pid, &status, 0, weft_in(WEFT_MS)),
		 -ETIMEDOUT);
	CHECK_EQ(weft_waitpid(-1, &status, 0, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(status, -1);
	child_go(&c);
	CHECK_EQ(WEXITSTATUS(status_of(c.pid)), 4);
	return 0;
}

Test(process, a_child_that_runs_on_is_waited_for_in_time)
{
	keep_signal(SIGCHLD);
	EACH(in_time);
}

static int misuse(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitpid(-1, NULL, 0, WEFT_FOREVER), -ECHILD);
	CHECK_EQ(weft_waitpid(getpid(), NULL, 0, WEFT_FOREVER), -ECHILD);
	CHECK_EQ(weft_waitpid(-1, NULL, 1 << 20, WEFT_FOREVER), -EINVAL);
	return 0;
}

Test(process, without_children_there_is_nothing_to_wait_for)
{
	EACH(misuse);
	misuse(NULL);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- who waits ------------------------------------------------------------------ */

static atomic_int waiting, got, missed;

static int wait_for(void *arg)
{
	pid_t pid = (pid_t)(intptr_t)arg, r;

	waiting++;
	r = weft_waitpid(pid, NULL, 0, WEFT_FOREVER);
	if (r > 0)
		got++;
	else if (r == -ECHILD)
		missed++;
	return (int)r;
}

enum { WAITERS = 4 };

static int wait_by_many(void *arg)
{
	struct child c = child_start("read x");
	weft_id id[WAITERS];

	(void)arg;
	waiting = got = missed = 0;
	for (int i = 0; i < WAITERS; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, wait_for,
				    (void *)(intptr_t)c.pid), 0);
	wait_until(waiting == WAITERS);
	child_go(&c);
	for (int i = 0; i < WAITERS; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	CHECK_EQ(got, 1);
	CHECK_EQ(missed, WAITERS - 1);
	return 0;
}

Test(process, of_several_waiters_one_gets_the_child)
{
	EACH(wait_by_many);
}

static int cancelled(void *arg)
{
	(void)arg;
	for (int any = 0; any < 2; any++) {
		struct child c = child_start("read x; exit 5");
		weft_id id;
		int status = 0;

		waiting = 0;
		CHECK_EQ(weft_spawn(&id, NULL, wait_for,
				    (void *)(intptr_t)(any ? -1 : c.pid)), 0);
		wait_until(waiting == 1);
		CHECK_EQ(weft_cancel(id), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, -ECANCELED);
		child_go(&c);
		CHECK_EQ(WEXITSTATUS(status_of(c.pid)), 5);
	}
	return 0;
}

Test(process, a_cancelled_wait_leaves_the_child_to_others)
{
	EACH(cancelled);
}

static void *on_thread(void *arg)
{
	in_time(arg);
	exits(arg);
	return NULL;
}

Test(process, a_plain_thread_waits_too)
{
	pthread_t t;

	on_thread(NULL);
	cr_assert_eq(pthread_create(&t, NULL, on_thread, NULL), 0);
	pthread_join(t, NULL);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- any child, and what else can happen to it ------------------------------------ */

enum { CHILDREN = 12 };

static int any_child(void *arg)
{
	struct child c[CHILDREN];
	weft_id id[CHILDREN];
	int status;

	(void)arg;
	waiting = got = missed = 0;
	for (int i = 0; i < CHILDREN; i++)
		c[i] = child_start("read x");
	for (int i = 0; i < CHILDREN; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, wait_for, (void *)-1), 0);
	wait_until(waiting == CHILDREN);
	for (int i = 0; i < CHILDREN; i++)
		child_go(&c[i]);
	for (int i = 0; i < CHILDREN; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK(status > 0);
	}
	CHECK_EQ(got, CHILDREN);
	CHECK_EQ(weft_waitpid(-1, NULL, 0, WEFT_FOREVER), -ECHILD);
	return 0;
}

Test(process, any_child_goes_to_one_of_those_who_wait)
{
	keep_signal(SIGCHLD);
	EACH(any_child);
}

static int stops(void *arg)
{
	struct child c = child_start("kill -STOP $$; read x; exit 6");
	int status = -1;

	(void)arg;
	CHECK_EQ(weft_waitpid(c.pid, &status, WUNTRACED, WEFT_FOREVER), c.pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_EQ(kill(c.pid, SIGCONT), 0);
	CHECK_EQ(weft_waitpid(c.pid, &status, WCONTINUED, WEFT_FOREVER), c.pid);
	CHECK(WIFCONTINUED(status));
	child_go(&c);
	CHECK_EQ(WEXITSTATUS(status_of(c.pid)), 6);
	return 0;
}

Test(process, stops_and_continues_are_waited_for)
{
	keep_signal(SIGCHLD);
	EACH(stops);
}

static atomic_int handled;

static void on_child(int sig)
{
	(void)sig;
	handled++;
}

static int beside_a_handler(void *arg)
{
	struct sigaction sa = { .sa_handler = on_child }, now;
	struct child c = child_start("read x");
	weft_id id;
	int status;

	(void)arg;
	waiting = handled = 0;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGCHLD, &sa, NULL);
	CHECK_EQ(weft_spawn(&id, NULL, wait_for, (void *)-1), 0);
	wait_until(waiting == 1);
	child_go(&c);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, c.pid);
	wait_until(handled >= 1);
	sigaction(SIGCHLD, NULL, &now);
	CHECK(now.sa_handler == on_child);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	return 0;
}

Test(process, the_program_keeps_its_handler_of_sigchld)
{
	EACH(beside_a_handler);
}
