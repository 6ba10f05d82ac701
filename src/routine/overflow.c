/* routine/overflow.c - a fault in a guard becomes a sentence that helps.
 *
 * Runs in a signal handler on the thread's alternate stack.  Everything up to
 * the backtrace uses only write and lookups without locks; the backtrace and
 * the names of functions come last because they may be refused by a broken
 * process, and by then the report is out.  The process then dies of the same
 * signal with its default action, as it would have without us.
 *
 * Ordering
 *   V1  reporting: exchange-acquire; the first thread reports, the others
 *       wait for the end.  installed: the same for the first to install, whose
 *       old handlers are there before sigaction makes ours reachable.
 */
#include "base/base.h"
#include "os/os.h"
#include "os/tell.h"
#include "routine/overflow.h"
#include "routine/slab.h"

#include <signal.h>
#include <sys/auxv.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { SIGSTACK_SIZE = 64 << 10 };

void (*weft__overflow_describe)(struct overflow_info *info);

static struct sigaction old_segv, old_bus;
static _Atomic uint32_t installed, reporting;

/* --- the report -------------------------------------------------------------- */

static void advise(struct line *l, const struct slab *slab)
{
	size_t size = slab->size / WEFT_STACK_FACTOR;

	weft__line_add(l, "weft: ask for a larger one: weft_attr.stack_size = ");
	weft__line_number(l, 2 * size, 10);
	weft__line_add(l, " for this routine, or WEFT_STACK=");
	weft__line_number(l, 2 * size >> 10, 10);
	weft__line_add(l, "K for all");
	weft__line_say(l);
}

static void report(const struct slab *slab, const void *addr)
{
	uint32_t slot = (uint32_t)((size_t)((const char *)addr - slab->first) /
				   slab->stride);
	struct overflow_info i = {
		.stack = slab_stack(slab, slot), .addr = addr,
	};
	struct line l = { 0 };

	if (weft__overflow_describe)
		weft__overflow_describe(&i);
	weft__line_add(&l, "weft: stack overflow in routine ");
	weft__line_number(&l, i.id, 10);
	if (i.name && *i.name) {
		weft__line_add(&l, " \"");
		weft__line_add(&l, i.name);
		weft__line_add(&l, "\"");
	}
	weft__line_say(&l);
	weft__line_add(&l, "weft: its stack has ");
	weft__line_number(&l, slab->size, 10);
	weft__line_add(&l, " bytes at 0x");
	weft__line_number(&l, (uintptr_t)slab_base(slab, slot), 16);
	weft__line_add(&l, ", all of them used; the access was ");
	weft__line_number(&l, (uintptr_t)slab_base(slab, slot) - (uintptr_t)addr, 10);
	weft__line_add(&l, " bytes below it, at 0x");
	weft__line_number(&l, (uintptr_t)addr, 16);
	weft__line_say(&l);
	advise(&l, slab);
	if (i.fn) {
		weft__line_add(&l, "weft: entry function ");
		weft__line_code(&l, i.fn);
		weft__line_say(&l);
	}
	if (i.site) {
		weft__line_add(&l, "weft: spawned at ");
		weft__line_code(&l, i.site);
		weft__line_say(&l);
	}
	weft__os_backtrace();
}

/* The slab whose guard this is, or NULL. */
static const struct slab *guard_hit(const siginfo_t *si)
{
	const struct slab *s;
	size_t off;

	if (si->si_code <= 0)
		return NULL;            /* somebody's kill, not a fault */
	s = weft__slab_find(si->si_addr);
	if (!s || !s->guard || (const char *)si->si_addr < s->first)
		return NULL;
	off = (size_t)((const char *)si->si_addr - s->first);
	if (off / s->stride >= s->slots || off % s->stride >= s->guard)
		return NULL;
	return s;
}

static void set_default(int sig)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(sig, &dfl, NULL);
}

/* What would have happened without us. */
static void pass_on(int sig, siginfo_t *si, void *context)
{
	struct sigaction *saved = sig == SIGSEGV ? &old_segv : &old_bus;
	struct sigaction copy = *saved, *old = &copy;
	sigset_t before;

	if (!(old->sa_flags & SA_SIGINFO) &&
	    (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN)) {
		if (si->si_code <= 0 && old->sa_handler == SIG_IGN)
			return;
		set_default(sig);
		if (si->si_code <= 0)
			raise(sig);     /* it will not come by itself again */
		return;
	}
	if (old->sa_flags & SA_RESETHAND)
		*saved = (struct sigaction){ .sa_handler = SIG_DFL };
	pthread_sigmask(SIG_BLOCK, &old->sa_mask, &before);
	if (old->sa_flags & SA_NODEFER) {
		sigset_t self;

		sigemptyset(&self);
		sigaddset(&self, sig);
		pthread_sigmask(SIG_UNBLOCK, &self, NULL);
	}
	if (old->sa_flags & SA_SIGINFO)
		old->sa_sigaction(sig, si, context);
	else
		old->sa_handler(sig);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void on_fault(int sig, siginfo_t *si, void *context)
{
	int saved = errno;
	const struct slab *s = guard_hit(si);

	if (!s) {
		pass_on(sig, si, context);
		errno = saved;
		return;
	}
	if (xchg_acq(&reporting, 1))                                /* V1 */
		for (;;)
			pause();
	report(s, si->si_addr);
	set_default(sig);       /* and the same access ends the process */
	errno = saved;
}

int weft__overflow_install(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (xchg_acq(&installed, 1))                                /* V1 */
		return 0;
	sa.sa_sigaction = on_fault;
	sigemptyset(&sa.sa_mask);
	/* Ask first: ours must never run before the old ones are known. */
	if (sigaction(SIGSEGV, NULL, &old_segv) < 0 ||
	    sigaction(SIGBUS, NULL, &old_bus) < 0 ||
	    sigaction(SIGSEGV, &sa, NULL) < 0 ||
	    sigaction(SIGBUS, &sa, NULL) < 0)
		return -errno;
	return 0;
}

/* --- the alternate stack ------------------------------------------------------- */

/* Stands at the low end of the mapping. */
struct altstack {
	stack_t mine, before;
	bool entered;
	size_t len;
};

void weft__sigstack_enter(void *mem)
{
	struct altstack *m = mem;

	/* Not while the thread stands on the one that it has. */
	if (m && !m->entered)
		m->entered = sigaltstack(&m->mine, &m->before) == 0;
}

void weft__sigstack_leave(void *mem)
{
	struct altstack *m = mem;

	if (m && m->entered)
		sigaltstack(&m->before, NULL);
	if (m)
		m->entered = false;
}

int weft__sigstack_enable(void **mem)
{
	size_t page = weft__os_page(), need = 2 * getauxval(AT_MINSIGSTKSZ);
	struct altstack *m;

	need = need < SIGSTACK_SIZE ? SIGSTACK_SIZE : need;
	need = (need * WEFT_STACK_FACTOR + 2 * page - 1) & ~(page - 1);
	*mem = NULL;
	m = weft__os_map(need);
	if (!m)
		return -ENOMEM;
	m->len = need;
	m->mine.ss_sp = (char *)m + page;
	m->mine.ss_size = need - page;
	*mem = m;
	weft__sigstack_enter(m);
	return 0;
}

void weft__sigstack_disable(void *mem)
{
	struct altstack *m = mem;

	if (!m)
		return;
	weft__sigstack_leave(m);
	weft__os_unmap(m, m->len);
}
