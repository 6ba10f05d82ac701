/* sched/panics.c - see panics.h.
 *
 * No memory for a panic: it goes on as `mute`, which belongs to nobody and is
 * in no list; the routine has UNWOUND_MUTE while that is its last one.
 */
#include "sched/panics.h"
#include "sched/local.h"
#include "sched/runtime.h"
#include "os/os.h"

#include <stdio.h>
#include <unistd.h>
#include <unwind.h>

static struct panic mute = { .text = "a panic, and no memory for its text" };

/* --- on the worker's own stack --------------------------------------------------- */

struct visit {
	struct stack *loop;
	void (*fn)(void *);
	void *arg;
};

static void visit(void *arg)
{
	struct visit *v = arg;

	weft__san_after_switch(v->loop);
	v->fn(v->arg);
}

/* fn(arg), which does not park; w NULL, or in its loop: where we are. */
static void on_loop(struct worker *w, void (*fn)(void *), void *arg)
{
	struct routine *r = weft__current(w);
	struct visit v = { .fn = fn, .arg = arg };

	if (!r) {
		fn(arg);
		return;
	}
	v.loop = &w->loop_stack;
	weft__san_before_switch(r->stack, v.loop, false);
	weft__arch_call_on(w->loop_sp, visit, &v);
	weft__san_before_switch(v.loop, r->stack, false);
	weft__san_after_switch(r->stack);
}

/* --- the list ---------------------------------------------------------------------- */

unsigned weft__panics_going(struct routine *r)
{
	unsigned n = 0;

	if (likely(!r->live.extra))
		return 0;
	for (struct panic *p = r->live.extra->panics; p; p = p->outer)
		n += p->going;
	return n;
}

void weft__panic_settle(struct routine *r, struct panic *p, unsigned keep)
{
	struct extra *x = r->live.extra;
	unsigned going = weft__panics_going(r);
	struct panic *next, *kept = NULL, **end = &kept;

	for (struct panic *q = x ? x->panics : NULL; q; q = next) {
		bool drop = !q->untold && (!q->going || going > keep);

		next = q->outer;
		going -= q->going;
		if (q == p)
			continue;
		if (drop) {
			free(q);
			continue;
		}
		*end = q;
		end = &q->outer;
	}
	*end = NULL;
	if (p == &mute) {
		r->live.unwound |= UNWOUND_MUTE;
	} else {
		r->live.unwound &= (uint8_t)~UNWOUND_MUTE;
		p->going = false;
		p->outer = kept;
		kept = p;
	}
	if (x)
		x->panics = kept;
}

const char *weft__panic_text(struct routine *r)
{
	if (r->live.unwound & UNWOUND_MUTE)
		return mute.text;
	return r->live.extra && r->live.extra->panics ?
	       r->live.extra->panics->text : "";
}

void weft__panics_free(struct extra *x)
{
	struct panic *next;

	for (struct panic *p = x->panics; p; p = next) {
		next = p->outer;
		free(p);
	}
	x->panics = NULL;
}

/* --- the report ---------------------------------------------------------------------- */

struct report {
	const struct routine *r;
	const struct extra *x;
	const struct panic *p;
};

enum { REPORT_MAX = 8192 };

/* In one piece, since others may be reporting, too. */
static void report(void *arg)
{
	struct report *t = arg;
	const char *name = t->x && t->x->name[0] ? t->x->name : NULL;
	char line[REPORT_MAX], code[256];
	size_t n;
	int k;

	k = snprintf(line, REPORT_MAX / 2, "weft: panic: %s", t->p->text);
	n = k < 0 ? 0 : k < REPORT_MAX / 2 ? (size_t)k : REPORT_MAX / 2 - 1;
	n += (size_t)snprintf(line + n, sizeof line - n, "\nweft:   in ");
	k = (int)weft__report_describe(t->r, name, code, sizeof code);
	n += (size_t)snprintf(line + n, sizeof line - n, "%s\n", code);
	for (unsigned i = 0; i < t->p->frames; i++) {
		weft__os_code_name(t->p->frame[i], code, sizeof code);
		k = snprintf(line + n, sizeof line - n, "weft:   #%u %s\n", i,
			     code);
		if (k < 0 || (size_t)k >= sizeof line - n)
			break;
		n += (size_t)k;
	}
	if (write(STDERR_FILENO, line, n) < 0)
		return;         /* nobody to tell: the caller goes on */
}

static void tell(struct worker *w, struct weft_runtime *rt,
		 const struct routine *r, const struct extra *x,
		 const struct panic *p)
{
	struct report t = { .r = r, .x = x, .p = p };

	on_loop(w, report, &t);
	if (rt->config.on_panic == WEFT_PANIC_ABORT)
		abort();
}

/* --- the end of the routine -------------------------------------------------------- */

/* Can whoever starts or joins r still be told? */
static bool joinable(struct routine *r)
{
	return (r->flags & (ROUTINE_JOINABLE | ROUTINE_MAIN)) ==
	       ROUTINE_JOINABLE && !(load_rlx(&r->handle) & HANDLE_DETACHED);
}

void weft__panic_ends(struct worker *w, struct panic *p)
{
	struct routine *r = w->current;
	struct extra *x = r->live.extra;

	for (struct panic *q = x ? x->panics : NULL; q; q = q->outer)
		q->untold = false;
	weft__panic_settle(r, p, 0);
	r->live.status = WEFT_EPANIC;
	if (joinable(r)) {
		p->untold = p != &mute;
		return;
	}
	if (!(r->live.unwound & UNWOUND_HEARD))
		tell(w, w->rt, r, x, p);
}

bool weft__panic_wanted(const struct extra *x)
{
	for (const struct panic *p = x->panics; p; p = p->outer)
		if (p->untold || p->going)
			return true;
	return false;
}

void weft__panic_tell(struct worker *w, struct weft_runtime *rt,
		      const struct routine *r, const struct extra *x)
{
	for (const struct panic *p = x->panics; p; p = p->outer)
		if (p->untold)
			tell(w, rt, r, x, p);
}

/* --- the beginning ------------------------------------------------------------------- */

struct making {
	struct routine *r;
	const void *pc;                 /* who panics                       */
	const char *fmt;
	va_list ap;
	bool frames;                    /* a report may be made             */
	struct panic *made;
};

/* The frames from the one that panics outwards. */
static _Unwind_Reason_Code step(struct _Unwind_Context *c, void *arg)
{
	struct making *m = arg;
	struct panic *p = m->made;
	const void *pc = (const void *)_Unwind_GetIP(c);

	if (!pc || p->frames == PANIC_FRAMES)
		return _URC_END_OF_STACK;
	if (p->frames || pc == m->pc)
		p->frame[p->frames++] = (const char *)pc - 1;
	return _URC_NO_REASON;
}

static void make(void *arg)
{
	struct making *m = arg;
	struct extra *x = weft__local_extra(m->r);
	struct panic *p;
	va_list ap;
	int n;

	va_copy(ap, m->ap);
	n = vsnprintf(NULL, 0, m->fmt, ap);
	va_end(ap);
	m->made = &mute;
	p = x ? malloc(sizeof *p + (n < 0 ? strlen(m->fmt) : (size_t)n) + 1) :
		NULL;
	if (!p)
		return;
	memset(p, 0, sizeof *p);
	if (n < 0)
		strcpy(p->text, m->fmt);        /* better than nothing */
	else
		vsnprintf(p->text, (size_t)n + 1, m->fmt, m->ap);
	p->going = true;
	p->outer = x->panics;
	x->panics = p;
	m->made = p;
	if (m->frames)
		_Unwind_Backtrace(step, m);
	if (m->frames && !p->frames)
		p->frame[p->frames++] = (const char *)m->pc - 1;
	m->r->live.unwound &= (uint8_t)~UNWOUND_MUTE;
}

void weft__panic_begin(const void *pc, const char *fmt, va_list ap)
{
	struct worker *w = weft__worker();
	struct making m = {
		.r = weft__current(w), .pc = pc,
		.fmt = fmt ? fmt : "(no text)",
	};

	if (!m.r)
		return;
	m.frames = !(m.r->live.unwound & UNWOUND_HEARD) &&
		   !weft__unwind_caught(m.r);
	va_copy(m.ap, ap);
	on_loop(w, make, &m);
	va_end(m.ap);
	if (m.frames && w->rt->config.on_panic == WEFT_PANIC_ABORT &&
	    !joinable(m.r))
		tell(w, w->rt, m.r, m.r->live.extra, m.made);
	weft__unwind(m.made);
}
