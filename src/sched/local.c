/* sched/local.c - names, keys and bigger stacks of the running routine.
 *
 * All of it is touched by the routine itself only, so nothing is ordered.  The
 * key table is the process's: a key means the same in every routine.
 */
#include "sched/local.h"
#include "sched/panics.h"
#include "sched/cancel.h"
#include "sched/runtime.h"
#include "os/os.h"

#include <stdio.h>
#include <weft/routine.h>

enum { DESTRUCTOR_ROUNDS = 4 };

/*
 * Ordering
 *   Y1  made: CAS-acquire-release when a key is made / load-acquire by users:
 *       who sees the key sees its destructor.
 */
static _Atomic uint32_t keys_made;                                  /* Y1 */
static void (*_Atomic destructor[KEY_MAX])(void *);

struct extra *weft__local_extra(struct routine *r)
{
	if (!r->live.extra)
		r->live.extra = calloc(1, sizeof *r->live.extra);
	return r->live.extra;
}

/* --- keys ------------------------------------------------------------------------- */

int weft_key_create(weft_key *k, void (*dtor)(void *))
{
	uint32_t n;

	if (!k)
		return -EINVAL;
	n = add_acqrel(&keys_made, 1);                              /* Y1 */
	if (n >= KEY_MAX) {
		sub_acqrel(&keys_made, 1);                          /* Y1 */
		return -EAGAIN;
	}
	store_rel(&destructor[n], dtor);                            /* Y1 */
	*k = n;
	return 0;
}

void *weft_get(weft_key k)
{
	struct routine *r = weft__current(weft__worker());

	return r && r->live.extra && k < KEY_MAX ? r->live.extra->key[k] : NULL;
}

int weft_set(weft_key k, void *v)
{
	struct routine *r = weft__current(weft__worker());
	struct extra *x;

	if (!r)
		return -EPERM;
	if (k >= load_acq(&keys_made) || k >= KEY_MAX)              /* Y1 */
		return -EINVAL;
	x = weft__local_extra(r);
	if (!x)
		return -ENOMEM;
	x->key[k] = v;
	return 0;
}

void weft__local_drop(struct extra *x)
{
	weft__panics_free(x);
	free(x->data);
	free(x);
}

/* A destructor that panics leads here again. */
static void destroy(struct extra *x)
{
	bool again = true;

	while (again && x->rounds++ < DESTRUCTOR_ROUNDS) {
		again = false;
		for (unsigned k = 0; k < KEY_MAX; k++) {
			void (*fn)(void *) = load_acq(&destructor[k]); /* Y1 */
			void *v = x->key[k];

			x->key[k] = NULL;
			if (!v || !fn)
				continue;
			fn(v);
			again = true;
		}
	}
}

void weft__local_end(struct routine *r)
{
	struct extra *x = r->live.extra;

	destroy(x);
	if (unlikely(x->panics) && weft__panic_wanted(x))
		return;
	r->live.extra = NULL;
	weft__local_drop(x);
}

void weft__local_finish(struct routine *r)
{
	if (unlikely(r->live.extra != NULL))
		destroy(r->live.extra);
}

bool weft__local_owes(const struct routine *r)
{
	const struct extra *x = r->live.extra;

	if (!x || x->rounds >= DESTRUCTOR_ROUNDS)
		return false;
	for (unsigned k = 0; k < KEY_MAX; k++)
		if (x->key[k] && load_acq(&destructor[k]))          /* Y1 */
			return true;
	return false;
}

/* --- names ------------------------------------------------------------------------ */

int weft_name_set(const char *name)
{
	struct routine *r = weft__current(weft__worker());
	struct extra *x;

	if (!r)
		return -EPERM;
	x = weft__local_extra(r);
	if (!x)
		return -ENOMEM;
	snprintf(x->name, sizeof x->name, "%s", name ? name : "");
	return 0;
}

const char *weft_name(void)
{
	struct routine *r = weft__current(weft__worker());

	return r && r->live.extra ? r->live.extra->name : "";
}

/* --- a bigger stack for one call ---------------------------------------------------- */

struct trampoline {
	void *(*fn)(void *);
	void *arg, *result;
	struct stack *stack, *outer;    /* a routine's; NULL on a thread */
};

static void trampoline(void *p)
{
	struct trampoline *t = p;

	if (t->stack)
		weft__san_after_switch(t->stack);
	t->result = t->fn(t->arg);
}

/* A plain thread's stack is big, but the caller may want more still. */
static int call_mapped(size_t size, struct trampoline *t)
{
	size_t page = weft__os_page();
	size_t len = (size + page - 1) / page * page + page;
	char *p = len > size ? weft__os_map(len) : NULL;

	if (!p)
		return -ENOMEM;
	weft__os_forbid(p, page);
	weft__arch_call_on(p + len, trampoline, t);
	weft__os_unmap(p, len);
	return 0;
}

static int call_pooled(struct worker *w, struct trampoline *t, unsigned cls)
{
	struct routine *r = w->current;
	struct stack *big = weft__stack_get(&w->stacks, cls);

	if (!big)
		return -ENOMEM;
	t->stack = big;
	t->outer = r->stack;
	big->next = r->live.big;
	big->older = r->stack;
	r->live.big = big;
	r->stack = big;
	weft__san_before_switch(t->outer, big, false);
	weft__arch_call_on(weft__stack_top(big), trampoline, t);
	/* Here, not in trampoline: what TSan saw enter there leaves there. */
	weft__san_before_switch(big, t->outer, true);
	weft__san_after_switch(t->outer);
	r->stack = t->outer;
	r->live.big = big->next;
	weft__stack_put(&weft__worker()->stacks, big);
	return 0;
}

struct stack *weft__big_shed(struct routine *r, struct stack *until)
{
	struct stack *all = r->live.big, *last = NULL;

	for (struct stack *s = all; s != until; s = s->next) {
		r->stack = s->older;
		last = s;
	}
	if (!last)
		return NULL;
	last->next = NULL;
	r->live.big = until;
	return all;
}

void weft__big_put(struct worker *w, struct stack *chain)
{
	for (struct stack *s = chain, *next; s; s = next) {
		next = s->next;
		weft__stack_put(&w->stacks, s);
	}
}

int weft_call_big(size_t stack_size, void *(*fn)(void *), void *arg,
		  void **result)
{
	struct worker *w = weft__worker();
	struct trampoline t = { .fn = fn, .arg = arg };
	int cls = weft__stack_class(stack_size);
	int err;

	if (!fn || !stack_size || cls < 0)
		return -EINVAL;
	err = w ? call_pooled(w, &t, (unsigned)cls) :
		  call_mapped(weft__stack_class_size((unsigned)cls), &t);
	if (!err && result)
		*result = t.result;
	return err;
}
