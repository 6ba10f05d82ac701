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
#include "routine/overflow.h"
#include "routine/slab.h"

#include <signal.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <unwind.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { SIGSTACK_SIZE = 64 << 10, FRAMES = 24 };

void (*weft__overflow_describe)(struct overflow_info *info);

static struct sigaction old_segv, old_bus;
static _Atomic uint32_t installed, reporting;

/* --- writing without stdio ------------------------------------------------- */

struct line {
	size_t n;
	char text[400];
};

static void add(struct line *l, const char *s)
{
	while (s && *s && l->n < sizeof l->text - 1)
		l->text[l->n++] = *s++;
}

static void add_number(struct line *l, uint64_t v, unsigned base)
{
	char digits[24];
	size_t i = sizeof digits;

	digits[--i] = 0;
	do
		digits[--i] = "0123456789abcdef"[v % base];
	while (v /= base);
	add(l, digits + i);
}

static void say(struct line *l)
{
	l->text[l->n++] = '\n';
	if (write(STDERR_FILENO, l->text, l->n) < 0)
		return;         /* nobody to tell */
	l->n = 0;
}

static void add_code(struct line *l, const void *pc)
{
	char name[256];

	weft__os_code_name(pc, name, sizeof name);
	add(l, name);
}

/* --- the backtrace: equal frames in a row are one line --------------------- */

struct trace {
	struct line line;
	const void *pc;
	unsigned depth, lines, repeats;
};

static void end_repeats(struct trace *t)
{
	if (t->repeats) {
		add(&t->line, "weft:        ... and ");
		add_number(&t->line, t->repeats, 10);
		add(&t->line, " more of this frame");
		say(&t->line);
	}
	t->repeats = 0;
}

static _Unwind_Reason_Code step(struct _Unwind_Context *c, void *arg)
{
	struct trace *t = arg;
	const void *pc = (const void *)_Unwind_GetIP(c);

	if (!pc)
		return _URC_END_OF_STACK;
	t->depth++;
	if (pc == t->pc) {
		t->repeats++;
		return _URC_NO_REASON;
	}
	end_repeats(t);
	if (t->lines++ == FRAMES)
		return _URC_END_OF_STACK;
	t->pc = pc;
	add(&t->line, "weft:   #");
	add_number(&t->line, t->depth - 1, 10);
	add(&t->line, " ");
	add_code(&t->line, pc);
	say(&t->line);
	return _URC_NO_REASON;
}

static void backtrace_here(void)
{
	struct trace t = { .depth = 0 };

	add(&t.line, "weft: backtrace (the handler first):");
	say(&t.line);
	_Unwind_Backtrace(step, &t);
	end_repeats(&t);
}

/* --- the report -------------------------------------------------------------- */

static void advise(struct line *l, const struct slab *slab)
{
	size_t size = slab->size / WEFT_STACK_FACTOR;

	add(l, "weft: ask for a larger one: weft_attr.stack_size = ");
	add_number(l, 2 * size, 10);
	add(l, " for this routine, or WEFT_STACK=");
	add_number(l, 2 * size >> 10, 10);
	add(l, "K for all");
	say(l);
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
	add(&l, "weft: stack overflow in routine ");
	add_number(&l, i.id, 10);
	if (i.name && *i.name) {
		add(&l, " \"");
		add(&l, i.name);
		add(&l, "\"");
	}
	say(&l);
	add(&l, "weft: its stack has ");
	add_number(&l, slab->size, 10);
	add(&l, " bytes at 0x");
	add_number(&l, (uintptr_t)slab_base(slab, slot), 16);
	add(&l, ", all of them used; the access was ");
	add_number(&l, (uintptr_t)slab_base(slab, slot) - (uintptr_t)addr, 10);
	add(&l, " bytes below it, at 0x");
	add_number(&l, (uintptr_t)addr, 16);
	say(&l);
	advise(&l, slab);
	if (i.fn) {
		add(&l, "weft: entry function ");
		add_code(&l, i.fn);
		say(&l);
	}
	if (i.site) {
		add(&l, "weft: spawned at ");
		add_code(&l, i.site);
		say(&l);
	}
	backtrace_here();
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
	stack_t before;
	size_t len;
};

int weft__sigstack_enable(void **mem)
{
	size_t page = weft__os_page(), need = 2 * getauxval(AT_MINSIGSTKSZ);
	struct altstack *m;
	stack_t ss = { .ss_flags = 0 };

	need = need < SIGSTACK_SIZE ? SIGSTACK_SIZE : need;
	need = (need * WEFT_STACK_FACTOR + 2 * page - 1) & ~(page - 1);
	*mem = NULL;
	m = weft__os_map(need);
	if (!m)
		return -ENOMEM;
	m->len = need;
	ss.ss_sp = (char *)m + page;
	ss.ss_size = need - page;
	if (sigaltstack(&ss, &m->before) < 0) {
		weft__os_unmap(m, need);
		return -ENOMEM;
	}
	*mem = m;
	return 0;
}

void weft__sigstack_disable(void *mem)
{
	struct altstack *m = mem;

	if (!m)
		return;
	sigaltstack(&m->before, NULL);
	weft__os_unmap(m, m->len);
}
