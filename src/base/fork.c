/* base/fork.c - see fork.h. */
#include "base/base.h"
#include "base/fork.h"

#include <pthread.h>
#include <signal.h>

static const struct fork_hook *hooks[FORK_RANKS];
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER; /* forks at a time */
static sigset_t before;                 /* one */

static void prepare(void)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_mutex_lock(&one);
	before = old;
	for (unsigned i = 0; i < FORK_RANKS; i++)
		if (hooks[i] && hooks[i]->hold)
			hooks[i]->hold();
}

static void done(void)
{
	sigset_t old = before;

	pthread_mutex_unlock(&one);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void in_parent(void)
{
	for (unsigned i = FORK_RANKS; i-- > 0;)
		if (hooks[i] && hooks[i]->release)
			hooks[i]->release();
	done();
}

static void in_child(void)
{
	for (unsigned i = FORK_RANKS; i-- > 0;)
		if (hooks[i] && hooks[i]->child)
			hooks[i]->child();
		else if (hooks[i] && hooks[i]->release)
			hooks[i]->release();
	done();
}

void weft__fork_add(enum fork_rank rank, const struct fork_hook *hook)
{
	static bool registered;

	hooks[rank] = hook;
	if (!registered)
		pthread_atfork(prepare, in_parent, in_child);
	registered = true;
}
