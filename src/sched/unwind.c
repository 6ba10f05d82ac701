/* sched/unwind.c - see unwind.h. */
#include "sched/unwind.h"
#include "arch/arch.h"
#include "sched/panics.h"
#include "sched/worker.h"

#include <weft/base.h>

/* --- the chain --------------------------------------------------------------- */

/* D1: of a plain thread. */
_Thread_local struct defer *weft__tls_defers
	__attribute__((used, visibility("hidden"), tls_model("initial-exec")));

void weft__defer(struct worker *w, struct defer *d, void (*fn)(void *),
		 void *arg)
{
	struct routine *r = weft__current(w);

	d->fn = fn;
	d->arg = arg;
	d->outer = defers_get(r);
	defers_set(r, d);
}

void weft__defer_drop(struct worker *w, struct defer *d)
{
	struct routine *r = weft__current(w);
	struct defer *p = defers_get(r);

	if (likely(p == d)) {
		defers_set(r, d->outer);
		return;
	}
	while (p && p->outer != d)
		p = p->outer;
	WEFT_ASSERT(p);
	if (p)
		p->outer = d->outer;
}

/* What tells a hold from other calls owed. */
static void drop_held(void *arg)
{
	struct hold *h = arg;

	h->drop(h->arg);
}

void weft__hold(struct hold *h, void (*drop)(void *), void *arg)
{
	h->drop = drop;
	h->arg = arg;
	weft__defer(weft__worker(), &h->owed, drop_held, h);
}

void weft__hold_end(struct hold *h)
{
	weft__defer_drop(weft__worker(), &h->owed);
}

void weft__hold_free(void *p)
{
	void *memory;

	memcpy(&memory, p, sizeof memory);
	free(memory);
}

void weft__holds_drop(struct defer *newest, const struct defer *end)
{
	for (struct defer *d = newest; d != end; d = d->outer)
		if (d->fn == drop_held)
			drop_held(d->arg);
}

/* What a mark has for a function, to be told by; never called. */
static void mark(void *arg)
{
	(void)arg;
}

void weft__unwind_mark(struct unwind_mark *m,
		       struct panic *(*reached)(struct unwind_mark *,
						struct panic *))
{
	m->reached = reached;
	m->owed.fn = mark;
	m->owed.arg = NULL;
	m->owed.outer = NULL;
}

/* --- unwinding --------------------------------------------------------------- */

static void note(struct routine *r, const struct panic *p)
{
	if (p)
		r->live.unwound |= UNWOUND_BY_PANIC;
	else
		r->live.unwound &= (uint8_t)~UNWOUND_BY_PANIC;
}

_Noreturn void weft__unwind(struct panic *p)
{
	struct routine *r = weft__current(weft__worker());
	struct defer *d;

	while ((d = r->live.defers)) {
		r->live.defers = d->outer;                          /* D2 */
		note(r, p);
		if (d->fn == mark) {
			struct unwind_mark *m =
				container_of(d, struct unwind_mark, owed);

			p = m->reached(m, p);
		} else {
			d->fn(d->arg);          /* may park */
		}
	}
	if (p)
		weft__panic_ends(weft__worker(), p);
	weft__routine_leave(weft__worker());
}

int weft__unwind_status(struct worker *w)
{
	struct routine *r = weft__current(w);

	if (!r)
		return 0;
	if (r->live.unwound & UNWOUND_BY_PANIC)
		return WEFT_EPANIC;
	return r->live.unwound & UNWOUND_BY_EXIT ? r->live.status : 0;
}

/* --- try --------------------------------------------------------------------- */

struct catch {
	struct unwind_mark mark;
	void *sp;                       /* the context to jump to            */
	struct stack *stack, *big;      /* as they were                      */
	struct stack *shed;             /* those left by the jump            */
	unsigned going;                 /* panics under way then             */
	uint8_t unwound;                /* live.unwound then                 */
	bool moved;                     /* the jump left another stack       */
	int (*fn)(void *);
	void *arg;
	int result;
	struct san_frames san;
};

static struct panic *catch_reached(struct unwind_mark *m, struct panic *p)
{
	struct catch *c = container_of(m, struct catch, mark);
	struct routine *r = weft__current(weft__worker());
	uint8_t unwound = r->live.unwound;
	struct stack *from = r->stack;

	if (!p || (unwound & ~c->unwound & UNWOUND_BY_EXIT)) {      /* D4 */
		weft__san_frames_left(&c->san, c->stack, from);
		return NULL;
	}
	weft__panic_settle(r, p, c->going);
	r->live.unwound = (uint8_t)((r->live.unwound & UNWOUND_MUTE) |
				    (c->unwound & ~UNWOUND_MUTE));
	c->shed = weft__big_shed(r, c->big);
	WEFT_ASSERT(r->stack == c->stack);
	c->moved = from != c->stack;
	weft__san_unpoison(c->stack->base,
			   (size_t)((char *)c->sp - c->stack->base));
	if (c->moved)
		weft__san_before_switch(from, c->stack, true);
	weft__arch_jump(c->sp, c);
}

static void *catch_call(void *arg)
{
	struct catch *c = arg;

	c->result = c->fn(c->arg);
	return NULL;
}

bool weft__unwind_caught(const struct routine *r)
{
	for (struct defer *d = r->live.defers; d; d = d->outer)
		if (d->fn == mark &&
		    container_of(d, struct unwind_mark, owed)->reached ==
		    catch_reached)
			return true;
	return false;
}

int weft__unwind_try(int (*fn)(void *), void *arg, bool *panicked)
{
	struct routine *r = weft__current(weft__worker());
	struct catch c = {
		.stack = r->stack, .big = r->live.big,
		.going = weft__panics_going(r), .unwound = r->live.unwound,
		.fn = fn, .arg = arg, .result = WEFT_EPANIC,
	};

	weft__unwind_mark(&c.mark, catch_reached);
	c.mark.owed.outer = r->live.defers;
	r->live.defers = &c.mark.owed;
	weft__san_frames_begin(&c.san, c.stack);
	*panicked = weft__arch_catch(&c.sp, catch_call, &c) != NULL;
	if (unlikely(c.moved))
		weft__san_after_switch(c.stack);
	weft__san_frames_end(&c.san, c.stack);
	if (unlikely(*panicked))
		weft__big_put(weft__worker(), c.shed);
	else
		weft__defer_drop(weft__worker(), &c.mark.owed);
	return c.result;
}
