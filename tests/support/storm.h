/* support/storm.h - SIGUSR1 again and again at the calling thread, which hears it and
 * does nothing: its system calls are cut short wherever they can be.
 */
#ifndef WEFT_SUPPORT_STORM_H
#define WEFT_SUPPORT_STORM_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

struct storm {
	pthread_t at, by;
	atomic_bool over;
};

static void storm_heard(int signo)
{
	(void)signo;
}

static void *storm_blows(void *arg)
{
	struct storm *s = arg;

	while (!s->over) {
		pthread_kill(s->at, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

static void storm_begin(struct storm *s)
{
	struct sigaction sa = { .sa_handler = storm_heard };

	s->at = pthread_self();
	s->over = false;
	sigaction(SIGUSR1, &sa, NULL);
	cr_assert_eq(pthread_create(&s->by, NULL, storm_blows, s), 0);
}

static void storm_end(struct storm *s)
{
	s->over = true;
	pthread_join(s->by, NULL);
}

#endif
