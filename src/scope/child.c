/* scope/child.c - a routine in a scope; invariants in scope.h.
 *
 * Place in the life of a routine:  [ go ] -> [ take a seat ] -> fn -> destructors
 *                                  -> [ leave the seat ]
 *
 * However it ends, by return, weft_exit or a panic, its scope learns of it: for
 * the latter two a deferred call in its first frame, the last one made.
 */
#include "scope/scope.h"
#include "sched/unwind.h"

#include <weft/routine.h>

struct child {
	struct seat seat;
	struct defer defer;
};

static void take_seat(struct scope *s, struct child *c, struct routine *r)
{
	bool cancelled;

	c->seat.scope = s;
	c->seat.routine = r;
	c->seat.inner = NULL;
	spin_lock(&s->lock);
	weft__seat_move(r, &c->seat);
	cancelled = load_rlx(&r->cancel) & CANCEL_SCOPE;
	list_push(cancelled ? &s->told : &s->untold, &c->seat.link);
	spin_unlock(&s->lock);
}

static void fail(struct worker *w, struct scope *s, int err)
{
	int none = 0;

	spin_lock(&s->lock);
	s->failures++;
	spin_unlock(&s->lock);
	if (s->policy == WEFT_SCOPE_COLLECT)
		cas_rlx(&s->cause, &none, err);
	else
		weft__scope_cancel(w, s, err);
}

/* Its last frame. */
static void leave_seat(struct child *c, int status)
{
	struct scope *s = c->seat.scope;
	struct routine *r = c->seat.routine;
	struct worker *w = weft__worker();

	if (unlikely(status < 0))
		fail(w, s, status);
	weft__seat_move(r, NULL);
	weft__place_vacate(w);
	spin_lock(&s->lock);
	list_remove(&c->seat.link);
	weft__scope_unpin_locked(w, s);
}

/* Destructors run before whoever waits for it goes on.  One that panics is a
 * failure of the child. */
static void run_destructors(struct child *c)
{
	weft__local_finish(c->seat.routine);
	weft__defer_drop(weft__worker(), &c->defer);
}

static void child_left(void *arg)
{
	struct child *c = arg;
	int status = weft__unwind_status(weft__worker());

	weft__defer(weft__worker(), &c->defer, child_left, c);
	run_destructors(c);
	leave_seat(c, status);
}

typedef int child_fn(uintptr_t, uintptr_t, uintptr_t, uintptr_t);

static ALWAYS_INLINE void run_child(struct scope *s, child_fn *fn,
				    const uintptr_t a[4], bool gives)
{
	struct worker *w = weft__worker();
	struct routine *r = weft__current(w);
	struct child c;
	int status;

	r->fn = (void (*)(void))fn;     /* for reports: what it runs */
	r->live.unwound |= UNWOUND_HEARD;
	weft__defer(w, &c.defer, child_left, &c);
	take_seat(s, &c, r);
	status = fn(a[0], a[1], a[2], a[3]);
	run_destructors(&c);
	leave_seat(&c, gives ? status : 0);
}

static void child_gives(struct scope *s, child_fn *fn, uintptr_t a0,
			uintptr_t a1, uintptr_t a2, uintptr_t a3)
{
	run_child(s, fn, (uintptr_t[]){ a0, a1, a2, a3 }, true);
}

static void child_void(struct scope *s, child_fn *fn, uintptr_t a0,
		       uintptr_t a1, uintptr_t a2, uintptr_t a3)
{
	run_child(s, fn, (uintptr_t[]){ a0, a1, a2, a3 }, false);
}

static ALWAYS_INLINE int go(struct scope *s, void (*child)(void),
			    unsigned argc, const uintptr_t *words,
			    const void *site)
{
	int err;

	if (load_acq(&s->reason))                                   /* C1 */
		return -ECANCELED;
	scope_pin(s);
	err = weft__go_words_for(child, argc, words, site);
	if (unlikely(err))
		weft__scope_unpin(weft__worker(), s);
	return err;
}

int weft_scope_go(weft_scope *pub, int (*fn)(void *), void *arg)
{
	struct scope *s = scope_of(pub);
	uintptr_t words[] = { (uintptr_t)s, (uintptr_t)fn, (uintptr_t)arg };

	if (!s || !fn)
		return -EINVAL;
	return go(s, (void (*)(void))child_gives, 3, words,
		  __builtin_return_address(0));
}

int weft_scope_go_words(weft_scope *pub, void (*fn)(void), unsigned argc,
			const uintptr_t *argv, int gives)
{
	struct scope *s = scope_of(pub);
	uintptr_t words[6] = { (uintptr_t)s, (uintptr_t)fn };

	if (!s || !fn || argc > 4)
		return -EINVAL;
	for (unsigned i = 0; i < argc; i++)
		words[2 + i] = argv[i];
	return go(s, (void (*)(void))(gives ? child_gives : child_void),
		  2 + argc, words, __builtin_return_address(0));
}

/* --- the end of a run --------------------------------------------------------- */

/* The scope that r would have told of its end; its seat, if it has one. */
static struct scope *scope_left(struct routine *r, struct seat **seat)
{
	*seat = NULL;
	if (load_rlx(&r->state) == ROUTINE_NEW)
		return r->fn == (void (*)(void))child_gives ||
		       r->fn == (void (*)(void))child_void ||
		       r->fn == (void (*)(void))weft__scope_ring ?
		       (struct scope *)r->word[0] : NULL;
	*seat = seat_of(r);
	if (*seat && seat_is_owners(*seat))
		*seat = (*seat)->scope->base->from;
	return *seat ? (*seat)->scope : NULL;
}

/* r is discarded with its runtime.  An owner that is, too, needs no word; one
 * outside must not wait for ever. */
static void discarded(struct routine *r)
{
	struct seat *seat;
	struct scope *s = scope_left(r, &seat);
	int none = 0;

	if (!s || (s->owner.routine && s->owner.routine->rt == r->rt))
		return;
	cas_rlx(&s->cause, &none, -ECANCELED);
	if (!seat && r->fn == (void (*)(void))weft__scope_ring) {
		weft__scope_rung(NULL, s);
		return;
	}
	spin_lock(&s->lock);
	s->failures++;
	if (seat)
		list_remove(&seat->link);
	weft__scope_unpin_locked(NULL, s);
}

void weft__children_prepare(void)
{
	if (unlikely(!load_acq(&weft__discard_told)))               /* O3 */
		store_rel(&weft__discard_told, discarded);          /* O3 */
}
