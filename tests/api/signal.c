/* tests/api/signal.c - signal channels. */
#include "support/signals.h"

#include <errno.h>
#include <pthread.h>

TestSuite(signals, .timeout = 120);

static weft_chan *chan_of(int a, int b)
{
	sigset_t set;
	weft_chan *c;

	sigemptyset(&set);
	sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	c = weft_signal_chan(&set);
	CHECK(c != NULL);
	return c;
}

static struct weft_signal next(weft_chan *c)
{
	struct weft_signal s = { .signo = -1 };

	CHECK_EQ(weft_chan_recv_until(c, &s, weft_in(60 * WEFT_S)), 0);
	return s;
}

static bool is_default(int sig)
{
	struct sigaction now;

	sigaction(sig, NULL, &now);
	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

/* --- one at a time ---------------------------------------------------------------- */

static int comes(void *arg)
{
	weft_chan *c = chan_of(SIGUSR1, SIGTERM);
	struct weft_signal s;

	(void)arg;
	CHECK_EQ(weft_chan_try_recv(c, &s), -EAGAIN);
	kill(getpid(), SIGUSR1);
	s = next(c);
	CHECK_EQ(s.signo, SIGUSR1);
	CHECK_EQ(s.count, 1);
	CHECK_EQ(s.code, SI_USER);
	CHECK_EQ(s.pid, getpid());
	CHECK_EQ(s.uid, getuid());
	sigqueue(getpid(), SIGTERM, (union sigval){ .sival_int = 77 });
	s = next(c);
	CHECK_EQ(s.signo, SIGTERM);
	CHECK_EQ(s.code, SI_QUEUE);
	CHECK_EQ((int)s.value, 77);
	weft_chan_unref(c);
	CHECK(is_default(SIGUSR1) && is_default(SIGTERM));
	return 0;
}

Test(signals, a_signal_is_received)
{
	EACH(comes);
	comes(NULL);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

static int refused(void *arg)
{
	static const int bad[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
				   SIGILL, SIGABRT };
	sigset_t set;

	(void)arg;
	CHECK(weft_signal_chan(NULL) == NULL);
	sigemptyset(&set);
	CHECK(weft_signal_chan(&set) == NULL);
	for (size_t i = 0; i < COUNT(bad); i++) {
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, bad[i]);
		CHECK(weft_signal_chan(&set) == NULL);
	}
	CHECK(is_default(SIGUSR1));
	return 0;
}

Test(signals, those_that_cannot_be_waited_for_are_refused)
{
	EACH(refused);
}

static int several(void *arg)
{
	weft_chan *a = chan_of(SIGUSR1, 0), *b = chan_of(SIGUSR1, SIGUSR2);
	weft_chan *more = weft_chan_ref(a);

	(void)arg;
	kill(getpid(), SIGUSR1);
	CHECK_EQ(next(a).signo, SIGUSR1);
	CHECK_EQ(next(b).signo, SIGUSR1);
	weft_chan_unref(a);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(next(more).signo, SIGUSR1);
	CHECK_EQ(next(b).signo, SIGUSR1);
	weft_chan_unref(more);
	CHECK(!is_default(SIGUSR1));
	kill(getpid(), SIGUSR1);
	CHECK_EQ(next(b).signo, SIGUSR1);
	weft_chan_unref(b);
	CHECK(is_default(SIGUSR1) && is_default(SIGUSR2));
	return 0;
}

Test(signals, each_channel_gets_it_until_its_last_reference_goes)
{
	EACH(several);
}

static atomic_int handled;

static void handler(int sig)
{
	handled += sig == SIGUSR1;
}

static int gives_back(void *arg)
{
	struct sigaction sa = { .sa_handler = handler }, now;
	weft_chan *c;

	(void)arg;
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	handled = 0;
	c = chan_of(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(next(c).signo, SIGUSR1);
	CHECK_EQ(handled, 0);
	weft_chan_unref(c);
	kill(getpid(), SIGUSR1);
	wait_until(handled == 1);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_handler == handler);
	CHECK(sigismember(&now.sa_mask, SIGUSR2) == 1);
	signal(SIGUSR1, SIG_DFL);
	return 0;
}

Test(signals, the_disposition_is_given_back)
{
	EACH(gives_back);
}

/* --- storms ----------------------------------------------------------------------- */

enum { STORM = 100000 };

static void *storm(void *arg)
{
	int n = fewer(STORM);

	for (int i = 0; i < n; i++)
		kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	return arg;
}

static int survives(void *arg)
{
	weft_chan *c = chan_of(SIGUSR1, SIGUSR2);
	struct weft_signal s = { 0 };
	unsigned long came = 0;
	bool last = false;
	pthread_t t;

	(void)arg;
	CHECK_EQ(pthread_create(&t, NULL, storm, NULL), 0);
	/* The last one may be noted before those that another thread takes. */
	while (!last || !came || weft_chan_try_recv(c, &s) == 0) {
		if (!last || !came)
			s = next(c);
		if (s.signo < 0)
			break;
		last |= s.signo == SIGUSR2;
		came += s.signo == SIGUSR1 ? s.count : 0;
	}
	CHECK(last && came >= 1 && came <= STORM);
	pthread_join(t, NULL);
	weft_chan_unref(c);
	return 0;
}

Test(signals, a_storm_loses_no_number_and_stops_nobody)
{
	keep_signal(SIGUSR1);
	EACH(survives);
}

/* Nobody receives meanwhile. */
static int unread(void *arg)
{
	weft_chan *c = chan_of(SIGUSR1, SIGUSR2), *probe = chan_of(SIGUSR2, 0);
	struct weft_signal s[3];
	pthread_t t;

	(void)arg;
	CHECK_EQ(pthread_create(&t, NULL, storm, NULL), 0);
	pthread_join(t, NULL);
	CHECK_EQ(next(probe).signo, SIGUSR2);
	wait_until(weft_chan_len(c) == 2);
	CHECK_EQ(weft_chan_recv_many(c, s, 3, WEFT_NOWAIT), 2);
	/* In either order: two threads may have taken them. */
	CHECK_EQ(s[0].signo + s[1].signo, SIGUSR1 + SIGUSR2);
	CHECK(s[0].signo != s[1].signo);
	CHECK_EQ(weft_chan_cap(c), 2);
	weft_chan_unref(c);
	weft_chan_unref(probe);
	return 0;
}

Test(signals, what_nobody_receives_is_counted_together)
{
	keep_signal(SIGUSR1);
	EACH(unread);
}

/* --- shutting down ------------------------------------------------------------------ */

static weft_chan *quit;
static atomic_int left;

static void serve(void *arg)
{
	weft_chan *never = arg;
	int v;

	weft_case cases[] = {
		WEFT_RECV(never, &v),
		WEFT_RECV(quit, NULL),
	};
	CHECK_EQ(weft_select(cases, 2, WEFT_FOREVER), 1);
	left++;
}

static int shuts_down(void *arg)
{
	weft_chan *signals = chan_of(SIGTERM, SIGINT), *never = ints(0);
	struct weft_signal s = { 0 };
	int v;

	(void)arg;
	quit = ints(0);
	left = 0;
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_go(serve, never), 0);
	kill(getppid(), SIGUSR1);
	weft_case cases[] = {
		WEFT_RECV(never, &v),
		WEFT_RECV(signals, &s),
	};
	/* Everybody is parked: no deadlock. */
	CHECK_EQ(weft_select(cases, 2, WEFT_FOREVER), 1);
	CHECK_EQ(s.signo, SIGTERM);
	weft_chan_close(quit);
	wait_until(left == 10);
	weft_chan_unref(quit);
	weft_chan_unref(never);
	weft_chan_unref(signals);
	return 0;
}

static int server(void *workers)
{
	sigset_t all;

	/* Even when the one thread that could take it does not let it in. */
	if ((uintptr_t)workers > 2) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, NULL);
	}
	return run_on((unsigned)(uintptr_t)workers, shuts_down, NULL) ||
	       failures ? 1 : 0;
}

static volatile sig_atomic_t ready;

static void on_ready(int sig)
{
	ready = sig;
}

/* TSan keeps a signal back until the thread that has it makes a call it knows. */
Test(signals, a_server_shuts_down_when_it_is_told, .disabled = UNDER_TSAN)
{
	struct sigaction sa = { .sa_handler = on_ready };

	child_starts_threads();
	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR1, &sa, NULL);
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		sigset_t block, old;
		int status = -1;
		pid_t pid;

		ready = 0;
		sigemptyset(&block);
		sigaddset(&block, SIGUSR1);
		sigprocmask(SIG_BLOCK, &block, &old);
		fflush(NULL);
		pid = fork();
		if (pid == 0) {
			sigprocmask(SIG_SETMASK, &old, NULL);
			_exit(server((void *)(uintptr_t)worker_counts[i]));
		}
		sigdelset(&old, SIGUSR1);
		while (!ready)
			sigsuspend(&old);
		kill(pid, SIGTERM);
		waitpid(pid, &status, 0);
		cr_assert_eq(status, 0, "on %u workers", worker_counts[i]);
	}
}

/* --- deadlock, plain threads ---------------------------------------------------------- */

static int parks(void *arg)
{
	weft_chan *c = chan_of(SIGUSR1, 0), *n = ints(0);

	(void)arg;
	weft_chan_unref(c);
	weft_chan_recv(n, NULL);
	return 0;
}

static int no_more(void *unused)
{
	(void)unused;
	return weft_run(parks, NULL) == -EDEADLK && !failures ? 0 : 1;
}

Test(signals, without_a_channel_a_deadlock_is_seen_again)
{
	cr_assert_eq(in_child(no_more, NULL), 0, "%s", said);
}

static void *receive_on_thread(void *arg)
{
	CHECK_EQ(next(arg).signo, SIGUSR1);
	return NULL;
}

Test(signals, no_runtime_is_needed)
{
	weft_chan *c = chan_of(SIGUSR1, 0);
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, receive_on_thread, c), 0);
	kill(getpid(), SIGUSR1);
	pthread_join(t, NULL);
	weft_chan_unref(c);
	cr_assert_eq(failures, 0, "%s", first_failure);
}
