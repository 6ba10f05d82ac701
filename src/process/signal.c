/* process/signal.c - signals become values in channels.
 *
 *     handler (any thread)            the thread "weft-signals"
 *     note the signal in its slot     take what is noted in each slot
 *     knock                           put it into the channels that want it
 *                                     sleep until somebody knocks
 *
 * A handler and not signalfd(2), which sees only what every thread of the
 * program blocks.  The handler takes no lock and waits for nobody.  The thread
 * lives while there is a channel; it lets the wanted signals in, so they come
 * even when all others block them.
 *
 * A channel's buffer has room for each wanted number once; what comes while its
 * number is buffered is added to that value.  So nothing is refused or lost.
 *
 * Invariants, under the registry's lock
 *   I1  the disposition of a number is ours from its first listener until its
 *       last one goes; before[] is what it was.  Somebody who set another one
 *       meanwhile keeps that.
 *   I2  a listener has no reference to its channel; it goes when the last one
 *       does, before the channel is freed (FED in chan.h).
 *   I3  plain_timed counts the thread: it may wake anybody at any time.
 *
 * Ordering
 *   B1  busy: exchange-acquire / store-release around the use of a slot's info;
 *       a handler that finds it taken goes on without: one of the infos is kept.
 *   B2  count: RMW release by the handler after the info / exchange-acquire by
 *       the thread.
 *   B3  knock: exchange-acquire-release by who brings something / the same by the
 *       thread before it looks.
 *
 * Lock rank: the registry's is above a channel's.  A mutex, since sigaction and
 * the start of a thread are made under it.
 */
#include "base/base.h"
#include "base/fork.h"
#include "chan/chan.h"
#include "os/thread.h"
#include "process/signal.h"

#include <string.h>

enum { SIGNALS = 65 };                  /* numbers are below */

struct slot {
	_Atomic uint32_t count;         /* B2: came, not yet taken           */
	_Atomic uint32_t busy;          /* B1 */
	struct weft_signal info;        /* busy */
	_Atomic bool passes;            /* all listeners share it            */
	unsigned listeners, takers;     /* registry: takers do not share     */
	struct sigaction before;        /* I1 */
};

struct listener {
	struct listener *next;
	weft_chan *chan;                /* I2 */
	bool shares;
	sigset_t set;
};

static struct slot slots[SIGNALS];
static struct listener *listeners;      /* registry */
static bool running;                    /* registry: the thread is there */
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint32_t knock;          /* B3; futex word */

static const int refused[] = {
	SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS,
	SIGABRT,
};

/* --- the handler ----------------------------------------------------------------- */

static void rouse(void)
{
	if (!xchg_acqrel(&knock, 1))                                /* B3 */
		weft__os_futex_wake(&knock, 1);
}

static void pass(const struct sigaction *to, int sig, siginfo_t *si, void *ctx)
{
	if (to->sa_flags & SA_SIGINFO)
		to->sa_sigaction(sig, si, ctx);
	else if (to->sa_handler != SIG_DFL && to->sa_handler != SIG_IGN)
		to->sa_handler(sig);
}

static void on_signal(int sig, siginfo_t *si, void *context)
{
	int saved = errno;
	struct slot *s = &slots[sig];
	/* Asked first: the signal may be received, and its channel go, below. */
	bool passes = load_rlx(&s->passes);

	if (!xchg_acq(&s->busy, 1)) {                               /* B1 */
		s->info = (struct weft_signal){
			.signo = sig, .code = si->si_code, .pid = si->si_pid,
			.uid = si->si_uid,
			.status = sig == SIGCHLD ? si->si_status : 0,
			.value = si->si_code == SI_QUEUE ?
				 (int64_t)(intptr_t)si->si_value.sival_ptr : 0,
		};
		store_rel(&s->busy, 0);                             /* B1 */
	}
	add_acqrel(&s->count, 1);                                   /* B2 */
	rouse();
	if (passes)
		pass(&s->before, sig, si, context);
	errno = saved;
}

/* --- the thread ------------------------------------------------------------------ */

/* Locked: add to a buffered value of the same number. */
static bool merge_locked(struct weft_chan *c, const struct weft_signal *s)
{
	uint64_t n = load_rlx(&c->state) & ~CLOSED;
	char *p = c->rpos;

	for (; n; n--, p += sizeof *s) {
		struct weft_signal *old;

		if (p == c->rend)
			p = chan_ring(c);
		old = (struct weft_signal *)(void *)p;
		if (old->signo == s->signo) {
			unsigned count = old->count + s->count;

			*old = *s;
			old->count = count;
			return true;
		}
	}
	return false;
}

static void feed(struct weft_chan *c, const struct weft_signal *s)
{
	spin_lock(&c->lock);
	if (merge_locked(c, s))
		spin_unlock(&c->lock);
	else
		weft__chan_send_slow(NULL, c, s, WEFT_NOWAIT);
}

static void take_locked(int sig)
{
	struct slot *s = &slots[sig];
	uint32_t n = load_rlx(&s->count) ?
		     xchg_acqrel(&s->count, 0) : 0;                 /* B2 */
	struct weft_signal info;

	if (!n)
		return;
	while (xchg_acq(&s->busy, 1))                               /* B1 */
		weft__os_yield();
	info = s->info;
	store_rel(&s->busy, 0);                                     /* B1 */
	info.signo = sig;
	info.count = n;
	for (struct listener *l = listeners; l; l = l->next)
		if (sigismember(&l->set, sig) == 1)
			feed(l->chan, &info);
}

/* Everything that the slots hold goes on; what may come in meanwhile is put
 * into *open.  False: no listener is left, and the thread is to end. */
static bool take_all(sigset_t *open)
{
	pthread_mutex_lock(&registry);
	if (!listeners) {
		running = false;
		pthread_mutex_unlock(&registry);
		return false;
	}
	sigemptyset(open);
	for (int sig = 1; sig < SIGNALS; sig++) {
		if (!slots[sig].listeners)
			continue;
		take_locked(sig);
		sigaddset(open, sig);
	}
	pthread_mutex_unlock(&registry);
	return true;
}

static void *thread_main(void *arg)
{
	sigset_t open, shut;

	weft__plain_ours();
	pthread_sigmask(SIG_SETMASK, NULL, &shut);
	while (xchg_acqrel(&knock, 0), take_all(&open)) {           /* B3 */
		pthread_sigmask(SIG_UNBLOCK, &open, NULL);
		weft__os_futex_wait(&knock, 0, INT64_MAX);
		pthread_sigmask(SIG_SETMASK, &shut, NULL);
	}
	return arg;
}

static int thread_start_locked(void)
{
	pthread_t t;
	int err;

	if (running)
		return 0;
	err = weft__os_thread_start(&t, "weft-signals", thread_main, NULL);
	if (err)
		return err;
	pthread_detach(t);
	running = true;
	return 0;
}

/* --- dispositions ---------------------------------------------------------------- */

static void note_passes_locked(struct slot *s)
{
	store_rlx(&s->passes, s->takers == 0);
}

static int add_locked(int sig, bool shares)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	struct slot *s = &slots[sig];

	s->takers += !shares;
	note_passes_locked(s);
	if (s->listeners++)
		return 0;
	sa.sa_sigaction = on_signal;
	sigfillset(&sa.sa_mask);
	/* Ask first: ours must never run before the old one is known. */
	if (sigaction(sig, NULL, &s->before) == 0 &&
	    sigaction(sig, &sa, NULL) == 0)
		return 0;
	s->listeners--;
	s->takers -= !shares;
	return -EINVAL;
}

/* One that was sent while somebody listened, and is still on its way, must not
 * kill the process when nobody does any more: to be ignored discards it.  (Of
 * SIGCHLD the default is harmless, and ignoring it would reap children.) */
static bool kills(int sig, const struct sigaction *before)
{
	return sig != SIGCHLD && !(before->sa_flags & SA_SIGINFO) &&
	       before->sa_handler == SIG_DFL;
}

static void give_back_locked(int sig)
{
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	struct slot *s = &slots[sig];
	struct sigaction now;

	if (sigaction(sig, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO &&
	    now.sa_sigaction == on_signal) {
		if (kills(sig, &s->before))
			sigaction(sig, &ignored, NULL);
		sigaction(sig, &s->before, NULL);               /* I1 */
	}
	store_rlx(&s->count, 0);
}

static void drop_locked(int sig, bool shares)
{
	struct slot *s = &slots[sig];

	s->takers -= !shares;
	note_passes_locked(s);
	if (--s->listeners == 0)
		give_back_locked(sig);
}

/* Those of *set below `end`. */
static void drop_set_locked(const sigset_t *set, int end, bool shares)
{
	for (int sig = 1; sig < end; sig++)
		if (sigismember(set, sig) == 1)
			drop_locked(sig, shares);
}

/* --- channels -------------------------------------------------------------------- */

/* I2 */
static void abandoned(struct weft_chan *c)
{
	struct listener **p, *l;

	pthread_mutex_lock(&registry);
	for (p = &listeners; (l = *p) && l->chan != c; p = &l->next)
		;
	if (l) {
		*p = l->next;
		drop_set_locked(&l->set, SIGNALS, l->shares);
		sub_seq(&weft__plain_timed, 1);                     /* W3 */
	}
	pthread_mutex_unlock(&registry);
	free(l);
	rouse();
}

static int listen_locked(struct listener *l)
{
	int sig, err = thread_start_locked();

	for (sig = 1; sig < SIGNALS && !err; sig++) {
		if (sigismember(&l->set, sig) != 1)
			continue;
		err = add_locked(sig, l->shares);
		if (err)
			drop_set_locked(&l->set, sig, l->shares);
	}
	if (err)
		return err;
	store_rlx(&weft__chan_abandoned, abandoned);
	store_rlx(&l->chan->refs, FED | 1);
	l->next = listeners;
	listeners = l;
	add_seq(&weft__plain_timed, 1);                             /* W3 */
	return 0;
}

static weft_chan *listen_to(const sigset_t *set, bool shares)
{
	struct listener *l;
	weft_chan *c;
	size_t n = 0;
	int err;

	for (size_t i = 0; i < countof(refused); i++)
		if (sigismember(set, refused[i]) == 1)
			return NULL;
	for (int sig = 1; sig < SIGNALS; sig++)
		n += sigismember(set, sig) == 1;
	c = n ? weft_chan_new(sizeof(struct weft_signal), n) : NULL;
	l = c ? malloc(sizeof *l) : NULL;
	if (!l) {
		weft_chan_unref(c);
		return NULL;
	}
	*l = (struct listener){ .chan = c, .shares = shares, .set = *set };
	pthread_mutex_lock(&registry);
	err = listen_locked(l);
	pthread_mutex_unlock(&registry);
	rouse();
	if (!err)
		return c;
	weft_chan_unref(c);
	free(l);
	return NULL;
}

weft_chan *weft_signal_chan(const sigset_t *set)
{
	return set ? listen_to(set, false) : NULL;
}

weft_chan *weft__signal_child(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return listen_to(&set, true);
}

/* --- fork ------------------------------------------------------------------------ */

static void hold(void)
{
	pthread_mutex_lock(&registry);
}

static void release(void)
{
	pthread_mutex_unlock(&registry);
}

/* Its lock may be held, and its waiters are the parent's. */
static void close_dead(struct weft_chan *c)
{
	memset(&c->receivers, 0, sizeof c->receivers);
	memset(&c->senders, 0, sizeof c->senders);
	store_rlx(&c->waiting, 0);
	store_rlx(&c->state, CLOSED);
	c->rpos = c->wpos = chan_ring(c);
	store_rlx(&c->lock.locked, 0);
}

static void child(void)
{
	struct listener *l;

	while ((l = listeners)) {
		listeners = l->next;
		close_dead(l->chan);
		drop_set_locked(&l->set, SIGNALS, l->shares);
		free(l);
	}
	running = false;
	store_rlx(&knock, 0);
	release();
}

FORK_HOOK(FORK_SIGNALS, hold, release, child)
