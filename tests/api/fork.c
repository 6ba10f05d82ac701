/* tests/api/fork.c - what a forked child can and cannot do. */
#include "support/child.h"
#include "support/proc.h"

#include <dirent.h>
#include <pthread.h>
#include <weft/io.h>

TestSuite(forks, .timeout = 150);

static weft_chan *never;
static weft_id parked;
static weft_runtime *beside;

static int park(void *arg)
{
	return weft_chan_recv(arg, NULL);
}

static void nothing(void *unused)
{
	(void)unused;
}

static int zero(void *unused)
{
	(void)unused;
	return 0;
}

/* An emulator with threads that forks cannot start threads in the child. */
static void emulators_cannot(void)
{
	child_starts_threads();
	if (getenv("TEST_EMULATOR") || under("qemu"))
		cr_skip_test("no threads after a fork with threads here");
}

/* Fork; fn in the child says how it went.  A lock of a sanitizer's allocator that
 * another thread has stays locked in the child, so there the others have to sleep. */
static int forked(int (*fn)(void))
{
	pid_t pid;
	int status = -1;

	fflush(NULL);
	wait_until(!SANITIZED || others_sleep());
	pid = fork();
	if (pid == 0)
		_exit(fn() ? 1 : failures ? 2 : 0);
	CHECK_EQ(weft_waitpid(pid, &status, 0, weft_in(60 * WEFT_S)), pid);
	return CHECK_EQ(status, 0);
}

/* --- the parent's runtime is dead ---------------------------------------------------- */

static int dead(void)
{
	weft_timer t;
	weft_id id = 0;

	CHECK_EQ(weft_self(), 0);
	CHECK_EQ(weft_workers(), 0);
	CHECK_EQ(weft_go(nothing, NULL), -EOWNERDEAD);
	CHECK_EQ(weft_spawn(&id, NULL, zero, NULL), -EOWNERDEAD);
	CHECK_EQ(weft_after_func(&t, weft_now(), nothing, NULL), -EOWNERDEAD);
	CHECK_EQ(weft_join(parked, NULL), -EOWNERDEAD);
	CHECK_EQ(weft_join_until(parked, NULL, weft_in(WEFT_S)), -EOWNERDEAD);
	CHECK_EQ(weft_cancel(parked), -EOWNERDEAD);
	CHECK_EQ(weft_unpark(parked), -EOWNERDEAD);
	if (!beside)
		return 0;
	CHECK_EQ(weft_submit(beside, nothing, NULL), -EOWNERDEAD);
	CHECK_EQ(weft_call(beside, zero, NULL), -EOWNERDEAD);
	CHECK_EQ(weft_stop(beside, WEFT_FOREVER), -EOWNERDEAD);
	return 0;
}

/* What needs no runtime. */
static int plain(void)
{
	weft_chan *c = ints(1);
	weft_mutex m = { 0 };
	int fd[2];
	char x;

	give(c, 5);
	CHECK_EQ(take(c), 5);
	CHECK_EQ(weft_chan_recv_until(c, NULL, weft_in(WEFT_MS)), -ETIMEDOUT);
	weft_chan_unref(c);
	weft_mutex_lock(&m);
	weft_mutex_unlock(&m);
	weft_yield();
	CHECK_EQ(weft_sleep(WEFT_MS), 0);
	CHECK_EQ(weft_pipe(fd), 0);
	CHECK_EQ(weft_write(fd[1], "x", 1, WEFT_FOREVER), 1);
	CHECK_EQ(weft_read(fd[0], &x, 1, WEFT_FOREVER), 1);
	CHECK_EQ(weft_read(fd[0], &x, 1, weft_in(WEFT_MS)), -ETIMEDOUT);
	weft_close(fd[0]);
	weft_close(fd[1]);
	return 0;
}

static int from_routine(void *arg)
{
	(void)arg;
	never = ints(0);
	CHECK_EQ(weft_spawn(&parked, NULL, park, never), 0);
	forked(dead);
	forked(plain);
	CHECK_EQ(weft_chan_close(never), 0);
	CHECK_EQ(weft_join(parked, NULL), 0);
	weft_chan_unref(never);
	return 0;
}

Test(forks, in_the_child_the_runtime_is_dead)
{
	beside = NULL;
	EACH(from_routine);
}

static int park_beside(void *arg)
{
	CHECK_EQ(weft_spawn(&parked, NULL, park, arg), 0);
	return 0;
}

Test(forks, a_runtime_beside_is_dead_too)
{
	never = ints(0);
	cr_assert_eq(weft_start(NULL, &beside), 0);
	cr_assert_eq(weft_call(beside, park_beside, never), 0);
	forked(dead);
	forked(plain);
	cr_assert_eq(weft_stop(beside, weft_in(60 * WEFT_S)), 0);
	weft_chan_unref(never);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- a fresh one ------------------------------------------------------------------------ */

static void echo(void *arg)
{
	int *fd = arg;
	char x;

	while (weft_read(fd[0], &x, 1, WEFT_FOREVER) == 1)
		CHECK_EQ(weft_write(fd[1], &x, 1, WEFT_FOREVER), 1);
	weft_close(fd[1]);
}

static int grandchild(void)
{
	return weft_go(nothing, NULL) != -EOWNERDEAD;
}

static int anew(void *unused)
{
	int there[2], back[2], fd[2];
	weft_id id;
	char x;

	(void)unused;
	CHECK_EQ(weft_spawn(&id, NULL, zero, NULL), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(weft_pipe(there), 0);
	CHECK_EQ(weft_pipe(back), 0);
	fd[0] = there[0];
	fd[1] = back[1];
	CHECK_EQ(weft_go(echo, fd), 0);
	for (char i = 0; i < 20; i++) {
		CHECK_EQ(weft_write(there[1], &i, 1, WEFT_FOREVER), 1);
		CHECK_EQ(weft_read(back[0], &x, 1, WEFT_FOREVER), 1);
		CHECK_EQ(x, i);
	}
	CHECK_EQ(weft_close(there[1]), 0);
	CHECK_EQ(weft_read(back[0], &x, 1, WEFT_FOREVER), 0);
	CHECK_EQ(weft_close(back[0]), 0);
	CHECK_EQ(weft_close(there[0]), 0);
	forked(grandchild);
	return 7;
}

static int deadlocks(void *arg)
{
	return weft_chan_recv(arg, NULL);
}

static int runs_anew(void)
{
	int bin = open("/dev/null", O_WRONLY);
	weft_chan *c = ints(0);

	CHECK_EQ(run_on(2, anew, NULL), 7);
	CHECK_EQ(weft_go(nothing, NULL), -EOWNERDEAD);
	dup2(bin, 2);
	CHECK_EQ(run_on(1, deadlocks, c), -EDEADLK);
	return 0;
}

static int fresh(void *arg)
{
	int fd[2];
	char x;

	(void)arg;
	never = ints(0);
	CHECK_EQ(weft_spawn(&parked, NULL, park, never), 0);
	/* So there are descriptors of the runtime. */
	CHECK_EQ(weft_pipe(fd), 0);
	CHECK_EQ(weft_read(fd[0], &x, 1, weft_in(WEFT_MS)), -ETIMEDOUT);
	forked(runs_anew);
	CHECK_EQ(weft_write(fd[1], "y", 1, WEFT_FOREVER), 1);
	CHECK_EQ(weft_read(fd[0], &x, 1, WEFT_FOREVER), 1);
	weft_close(fd[0]);
	weft_close(fd[1]);
	weft_chan_close(never);
	CHECK_EQ(weft_join(parked, NULL), 0);
	weft_chan_unref(never);
	return 0;
}

Test(forks, a_child_may_start_a_runtime_of_its_own)
{
	emulators_cannot();
	EACH(fresh);
}

/* --- descriptors ---------------------------------------------------------------------- */

static int private_descriptors(void)
{
	char path[300], to[300];
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		ssize_t len;

		snprintf(path, sizeof path, "/proc/self/fd/%s", e->d_name);
		len = readlink(path, to, sizeof to - 1);
		to[len > 0 ? len : 0] = '\0';
		n += strstr(to, "eventpoll") || strstr(to, "eventfd") ||
		     strstr(to, "io_uring");
	}
	if (d)
		closedir(d);
	return n;
}

static int before;

static int none_more(void)
{
	return private_descriptors() > before;
}

static int execs(void)
{
	return execl("/bin/sh", "sh", "-c",
		     "! ls -l /proc/$$/fd | grep -E 'eventpoll|io_uring'",
		     (char *)NULL);
}

static int leaks(void *arg)
{
	int fd[2];
	char x;

	(void)arg;
	CHECK_EQ(weft_pipe(fd), 0);
	CHECK_EQ(weft_read(fd[0], &x, 1, weft_in(WEFT_MS)), -ETIMEDOUT);
	if (getenv("WEFT_POLLER") == NULL && !under("qemu"))
		CHECK(private_descriptors() > before);
	forked(none_more);
	forked(execs);
	weft_close(fd[0]);
	weft_close(fd[1]);
	return 0;
}

Test(forks, no_descriptor_of_the_runtime_is_left_in_the_child)
{
	before = private_descriptors();
	EACH(leaks);
}

/* --- signals --------------------------------------------------------------------------- */

static weft_chan *usr1;

static int no_signals(void)
{
	struct sigaction now;

	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_handler == SIG_DFL);
	CHECK_EQ(weft_chan_recv(usr1, NULL), -EPIPE);
	weft_chan_unref(usr1);
	return 0;
}

static int parent_keeps(void *arg)
{
	struct weft_signal s;
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	usr1 = weft_signal_chan(&set);
	forked(no_signals);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(weft_chan_recv(usr1, &s), 0);
	CHECK_EQ(s.signo, SIGUSR1);
	weft_chan_unref(usr1);
	return 0;
}

Test(forks, signal_channels_end_in_the_child)
{
	EACH(parent_keeps);
}

/* --- at any moment --------------------------------------------------------------------- */

static atomic_bool over;
static atomic_int busy;

static void churn(void *arg)
{
	int v = 0;

	while (!over) {
		weft_chan *c = weft_chan_new(sizeof v, WEFT_UNBOUNDED);
		weft_coro *co = weft_coro_new(nothing, NULL, 0);
		weft_id id;

		if (weft_spawn(&id, NULL, zero, NULL) == 0)
			weft_join(id, NULL);
		weft_go(nothing, NULL);
		weft_chan_send(c, &v);
		weft_chan_unref(c);
		weft_coro_free(co);
		weft_yield();           /* else those that wait their turn pile up */
	}
	(void)arg;
	busy--;
}

static void *spawner(void *arg)
{
	while (!over) {
		weft_id id;

		if (weft_spawn(&id, NULL, zero, NULL) == 0)
			weft_join(id, NULL);
	}
	return arg;
}

static int small(void *unused)
{
	weft_id id;

	(void)unused;
	for (int i = 0; i < 60; i++) {
		CHECK_EQ(weft_spawn(&id, NULL, zero, NULL), 0);
		CHECK_EQ(weft_join(id, NULL), 0);
	}
	return 0;
}

static int runs_small(void)
{
	weft_coro *co = weft_coro_new(nothing, NULL, 0);

	CHECK(co != NULL);
	weft_coro_free(co);
	return run_on(2, small, NULL);
}

static int any_moment(void *workers)
{
	int n = fewer(20);
	pthread_t t;

	over = false;
	busy = (int)(uintptr_t)workers;
	CHECK_EQ(pthread_create(&t, NULL, spawner, NULL), 0);
	for (int i = busy; i; i--)
		weft_go(churn, NULL);
	for (int i = 0; i < n && !failures; i++)
		forked(runs_small);
	over = true;
	wait_until(!busy);
	pthread_join(t, NULL);
	return 0;
}

/* ASan's and TSan's allocator may be locked at the fork, and then is so in the child
 * for ever (gcc 12, clang 14). */
Test(forks, a_fork_may_come_at_any_moment, .disabled = SANITIZED)
{
	emulators_cannot();
	EACH(any_moment);
}
