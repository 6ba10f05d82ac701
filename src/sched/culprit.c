/* sched/culprit.c - see culprit.h. */
#include "sched/culprit.h"
#include "os/tell.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <signal.h>

static struct {
	_Atomic(struct worker *) worker;        /* U1: who is to say something */
	_Atomic uint32_t ms;                    /* U1 */
	_Atomic uint32_t why;                   /* U1 */
} asked;

static const struct {
	const char *how, *advice;
} words[] = {
	[WHY_LOOP] = { " without a pause",
		"a long loop wants a weft_checkpoint now and then" },
	[WHY_CALL] = { " in a call that blocks",
		"such calls belong in weft_blocking" },
	[WHY_UNKNOWN] = { "",
		"a call that blocks belongs in weft_blocking, a long loop "
		"wants a weft_checkpoint now and then" },
};

static _Atomic uint32_t installed;
static _Atomic bool ours;

/* Reads the record only: in a handler there is no lock to take. */
static void say_who(const struct routine *r, unsigned index, uint32_t ms,
		    enum why why)
{
	const struct extra *x = r->live.extra;
	struct line l = { 0 };

	weft__line_add(&l, "weft: routine ");
	weft__line_number(&l, routine_id(r), 10);
	if (x && *x->name) {
		weft__line_add(&l, " \"");
		weft__line_add(&l, x->name);
		weft__line_add(&l, "\"");
	}
	weft__line_add(&l, " has kept worker ");
	weft__line_number(&l, index, 10);
	weft__line_add(&l, " for ");
	weft__line_number(&l, ms, 10);
	weft__line_add(&l, " ms");
	weft__line_add(&l, words[why].how);
	weft__line_add(&l, " while others waited");
	weft__line_say(&l);
	weft__line_add(&l, "weft: entry function ");
	weft__line_code(&l, (const void *)(uintptr_t)r->fn);
	weft__line_add(&l, ", spawned at ");
	weft__line_code(&l, r->site);
	weft__line_say(&l);
	weft__line_add(&l, "weft: ");
	weft__line_add(&l, words[why].advice);
	weft__line_say(&l);
}

static NOINLINE void answer(void)
{
	struct worker *w = weft__worker(), *me = w;
	struct routine *r = weft__current(w);

	if (!w || !cas_acqrel(&asked.worker, &me, NULL) || !r)      /* U1 */
		return;
	say_who(r, w->index, load_rlx(&asked.ms), load_rlx(&asked.why));
	weft__os_backtrace();
}

static void on_urgent(int signo)
{
	int err = errno;

	(void)signo;
	answer();
	errno = err;
}

void weft__culprit_install(void)
{
	struct sigaction sa = { .sa_flags = SA_ONSTACK | SA_RESTART }, old;

	if (xchg_acqrel(&installed, 1))                             /* U2 */
		return;
	if (sigaction(SIGURG, NULL, &old) < 0 || old.sa_flags & SA_SIGINFO ||
	    (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN))
		return;
	sa.sa_handler = on_urgent;
	sigfillset(&sa.sa_mask);
	store_rlx(&ours, sigaction(SIGURG, &sa, NULL) == 0);
}

void weft__culprit_enable(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	if (load_rlx(&ours))
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Is the handler still ours, and not a later one of the program's? */
static bool may_ask(void)
{
	struct sigaction now;

	return load_rlx(&ours) && sigaction(SIGURG, NULL, &now) == 0 &&
	       now.sa_handler == on_urgent;
}

enum why weft__culprit_why(int64_t ns, int64_t used, char state)
{
	bool asleep = state == 'S' || state == 'D';

	if (used >= CULPRIT_NS / 2 && (used >= ns / 4 || (state && !asleep)))
		return WHY_LOOP;
	if (asleep)
		return WHY_CALL;
	return used < 0 || !state ? WHY_UNKNOWN : WHY_STARVED;
}

enum why weft__culprit_ask(struct worker *w, int64_t ns, int64_t used)
{
	enum why why = weft__culprit_why(ns, used, 0);

	return why != WHY_UNKNOWN ? why :
		weft__culprit_why(ns, used, weft__os_thread_state(w->thread));
}

void weft__culprit_report(struct worker *w, int64_t ns, enum why why)
{
	store_rlx(&asked.ms, (uint32_t)(ns / 1000000));
	store_rlx(&asked.why, why);
	if (may_ask()) {
		xchg_acqrel(&asked.worker, w);                      /* U1 */
		if (pthread_kill(w->thread, SIGURG) == 0)
			return;
	}
	weft__warn("worker %u has stood still for %lld ms%s while others waited",
		   w->index, (long long)(ns / 1000000), words[why].how);
}
