/* os/thread.c - threads that run routines: named, deaf to signals, joinable. */
#include "base/base.h"
#include "os/thread.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* The kernel makes the CPU clock of a thread from its number. */
#define CLOCK_KIND 7
#define CLOCK_OF_THREAD 6
#define CLOCK_SHIFT 3

struct start {
	void *(*fn)(void *);
	void *arg;
	char name[16];
};

static void *thread_main(void *p)
{
	struct start s = *(struct start *)p;
	int old;

	free(p);
	prctl(PR_SET_NAME, s.name, 0, 0, 0);
	/* An unwinder must never cross a routine's entry frame. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	return s.fn(s.arg);
}

/* Faults are synchronous: blocking them would only turn a report into a
 * silent kill. */
static void asynchronous_signals(sigset_t *set)
{
	static const int faults[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS,
	};

	sigfillset(set);
	for (size_t i = 0; i < countof(faults); i++)
		sigdelset(set, faults[i]);
}

int weft__os_thread_start(pthread_t *t, const char *name,
			  void *(*fn)(void *), void *arg)
{
	struct start *s = malloc(sizeof *s);
	sigset_t block, old;
	int err;

	if (!s)
		return -ENOMEM;
	s->fn = fn;
	s->arg = arg;
	strncpy(s->name, name, sizeof s->name - 1);
	s->name[sizeof s->name - 1] = '\0';

	asynchronous_signals(&block);
	pthread_sigmask(SIG_SETMASK, &block, &old);
	err = pthread_create(t, NULL, thread_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		free(s);
	return -err;
}

void weft__os_thread_join(pthread_t t)
{
	pthread_join(t, NULL);
}

void weft__os_yield(void)
{
	sched_yield();
}

int64_t weft__os_thread_cpu(pthread_t t)
{
	struct timespec ts;
	clockid_t clock;

	if (pthread_getcpuclockid(t, &clock) || clock_gettime(clock, &ts))
		return -1;
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

char weft__os_thread_state(pthread_t t)
{
	char path[64], text[64], *end;
	clockid_t clock;
	ssize_t n;
	int fd;

	if (pthread_getcpuclockid(t, &clock) ||
	    (clock & CLOCK_KIND) != CLOCK_OF_THREAD)
		return 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/stat",
		 (int)~(clock >> CLOCK_SHIFT));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* Behind its name, which may have anything in it. */
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}

void weft__os_thread_stack(void **base, size_t *size)
{
	pthread_attr_t attr;

	*base = NULL;
	*size = 0;
	if (pthread_getattr_np(pthread_self(), &attr))
		return;
	pthread_attr_getstack(&attr, base, size);
	pthread_attr_destroy(&attr);
}

void weft__os_thread_precise(void)
{
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

/* --- ending a system call of another thread ----------------------------------- */

static pthread_once_t signal_once = PTHREAD_ONCE_INIT;
static int our_signal;                  /* 0: none */

static void on_ours(int signo)
{
	(void)signo;
}

/* Found by sending it: an emulator takes handlers for some that it cannot send.
 * Without SA_RESTART, for that is all that it is for. */
static bool signal_try(int signo)
{
	const struct timespec at_once = { 0, 0 };
	struct sigaction now, sa = {
		.sa_handler = on_ours, .sa_flags = SA_ONSTACK,
	};
	sigset_t set, before;
	bool works;

	if (sigaction(signo, NULL, &now) < 0 || now.sa_flags & SA_SIGINFO ||
	    now.sa_handler != SIG_DFL || sigaction(signo, &sa, NULL) < 0)
		return false;
	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	works = pthread_kill(pthread_self(), signo) == 0;
	while (works && sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!works)
		sigaction(signo, &now, NULL);
	return works;
}

static void signal_take(void)
{
	for (int s = SIGRTMAX; s >= SIGRTMIN && !our_signal; s--)
		if (signal_try(s))
			our_signal = s;
}

/* The program has not taken it since. */
static bool is_ours(void)
{
	struct sigaction now;

	pthread_once(&signal_once, signal_take);
	return our_signal && sigaction(our_signal, NULL, &now) == 0 &&
	       !(now.sa_flags & SA_SIGINFO) && now.sa_handler == on_ours;
}

void weft__os_interruptible(bool on)
{
	const struct timespec at_once = { 0, 0 };
	bool ours = is_ours();
	sigset_t set;

	if (!our_signal || (on && !ours))
		return;
	sigemptyset(&set);
	sigaddset(&set, our_signal);
	pthread_sigmask(on ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
	/* One that came too late is not for the next call. */
	while (!on && ours && sigtimedwait(&set, NULL, &at_once) > 0)
		;
}

bool weft__os_interrupt(pthread_t t)
{
	return is_ours() && pthread_kill(t, our_signal) == 0;
}
