/* unit/thread.c - src/os/thread.c: the signal that ends a call of another thread,
 * and what the kernel says of one. */
#include "support/crit.h"

#include "base/base.h"
#include "os/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(thread, .timeout = 60);

static int taken(void)
{
	struct sigaction now;

	for (int s = SIGRTMAX; s >= SIGRTMIN; s--)
		if (sigaction(s, NULL, &now) == 0 &&
		    now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)
			return s;
	return 0;
}

/* On pool threads every signal is blocked but for the length of such a call. */
static void block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static bool pending(int signo)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, signo);
}

static bool blocked(int signo)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, signo);
}

Test(thread, a_signal_that_comes_too_late_is_not_kept)
{
	block_all();
	weft__os_interruptible(true);
	if (!taken())
		cr_skip_test("no signal to be had");
	cr_assert(!blocked(taken()));
	block_all();
	for (int i = 0; i < 3; i++)
		cr_assert(weft__os_interrupt(pthread_self()));
	cr_assert(pending(taken()));
	weft__os_interruptible(false);
	cr_assert(!pending(taken()));
	cr_assert(blocked(taken()));
}

Test(thread, a_signal_that_the_program_takes_is_the_programs)
{
	int signo;

	block_all();
	weft__os_interruptible(true);
	weft__os_interruptible(false);
	signo = taken();
	if (!signo)
		cr_skip_test("no signal to be had");
	signal(signo, SIG_DFL);
	cr_assert(!weft__os_interrupt(pthread_self()));
	weft__os_interruptible(true);
	cr_assert(blocked(signo));
	cr_assert(!pending(signo));
}

static int fd[2];

static void *read_one(void *arg)
{
	char c;

	(void)arg;
	return read(fd[0], &c, 1) == 1 ? fd : NULL;
}

Test(thread, one_in_a_call_that_blocks_is_asleep)
{
	void *got = NULL;
	pthread_t t;

	if (!weft__os_thread_state(pthread_self()))
		cr_skip_test("no /proc");
	cr_assert_eq(pipe(fd), 0);
	cr_assert_eq(pthread_create(&t, NULL, read_one, NULL), 0);
	while (weft__os_thread_state(t) != 'S')
		sched_yield();
	cr_assert_eq(write(fd[1], "", 1), 1);
	pthread_join(t, &got);
	cr_assert_eq(got, fd);
}

Test(thread, one_that_runs_is_not)
{
	char state = weft__os_thread_state(pthread_self());

	if (!state)
		cr_skip_test("no /proc");
	cr_assert_eq(state, 'R');
}

Test(thread, without_a_descriptor_nothing_is_known)
{
	struct rlimit was, none;
	bool kept;
	char state;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	kept = dup(0) < 0;
	state = weft__os_thread_state(pthread_self());
	setrlimit(RLIMIT_NOFILE, &was);
	if (!kept)
		cr_skip_test("the limit is not kept here");
	cr_assert_eq(state, 0);
}
