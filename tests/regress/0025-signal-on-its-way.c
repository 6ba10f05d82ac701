/* regress/0025 - a signal sent to one who listened killed him after he stopped.
 *
 * The signal was still on its way when the last channel for it went: the
 * default action was given back, and met it.
 */
#include "stress/stress.h"

#include <sched.h>
#include <signal.h>
#include <weft/process.h>

static atomic_int asked, sent;

static void *send_when_asked(void *arg)
{
	for (int n = 1; n <= (int)(intptr_t)arg; n++) {
		while (asked < n)
			sched_yield();
		kill(getpid(), SIGUSR1);
		sent = n;
	}
	return NULL;
}

static void listen_once(const sigset_t *set, int n)
{
	weft_chan *c = weft_signal_chan(set);

	MUST(c, "a channel");
	asked = n;
	while (sent < n)
		sched_yield();
	weft_chan_unref(c);
}

int main(void)
{
	const char *wrapper = getenv("TEST_WRAPPER");
	sigset_t all, usr1, left;
	int rounds = 500;
	pthread_t t;

	/* They kill a program without weft so, too: see support/signals.h. */
	if (wrapper && (strstr(wrapper, "qemu") || strstr(wrapper, "valgrind")))
		return 77;
	/* Nobody takes it but the thread that feeds the channel. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	MUST(pthread_create(&t, NULL, send_when_asked,
			    (void *)(intptr_t)rounds) == 0, "a thread");
	for (int n = 1; n <= rounds; n++) {
		listen_once(&usr1, n);
		sigpending(&left);
		MUST(sigismember(&left, SIGUSR1) == 0, "round %d", n);
	}
	pthread_join(t, NULL);
	return 0;
}
