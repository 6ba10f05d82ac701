/* sched/spawn.c - the birth of routines.
 *
 * Place in the life of a routine:  [ spawn ] -> run queue
 *
 * A spawn fills a record and queues it; the stack comes at the first run.  The
 * common case, an unadorned spawn by a routine, touches only its own worker.
 * Everything else goes through weft__spawn.
 *
 * The gate is one word that is zero in a runtime without limit, not stopping
 * and not short of memory; only then is the fast path taken.
 *
 * Ordering
 *   G4  gate: changed by seq RMW / load-acquire by the slow path.  The fast
 *       path's relaxed read may miss a stop by a moment; the routine is then
 *       cancelled (weft__runtime_gate_shut) or discarded with the rest.
 */
#include "base/fork.h"
#include "sched/cancel.h"
#include "sched/fork.h"
#include "sched/local.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <stdio.h>
#include <weft/routine.h>

/* --- records for threads that are no workers ---------------------------------- */

static struct {
	struct spinlock lock;
	struct record_cache cache;      /* lock */
} outside;

static struct routine *record_new(struct worker *w)
{
	struct routine *r;

	if (w)
		return record_get(&w->records);
	spin_lock(&outside.lock);
	r = record_get(&outside.cache);
	spin_unlock(&outside.lock);
	return r;
}

void weft__record_drop(struct worker *w, struct routine *r)
{
	if (w) {
		record_put(&w->records, r);
		return;
	}
	spin_lock(&outside.lock);
	record_put(&outside.cache, r);
	spin_unlock(&outside.lock);
}

static void outside_hold(void)
{
	spin_lock(&outside.lock);
}

static void outside_release(void)
{
	spin_unlock(&outside.lock);
}

FORK_HOOK(FORK_OUTSIDE, outside_hold, outside_release, NULL)

/* --- the general form ----------------------------------------------------------- */

static int admit(struct weft_runtime *rt, bool owed)
{
	uint32_t gate = load_acq(&rt->gate);                        /* G4 */

	if (gate & GATE_DEAD)
		return -EOWNERDEAD;
	if (gate & GATE_STOPPING)
		return -ECANCELED;
	if (gate & GATE_STARVED)
		return -ENOMEM;
	if (gate & GATE_LIMIT &&
	    add_acqrel(&rt->live, 1) >= (int64_t)rt->config.max_routines && /* G4 */
	    !owed) {
		sub_acqrel(&rt->live, 1);                           /* G4 */
		return -EAGAIN;
	}
	return 0;
}

/* The gate's limit never changes. */
static uint8_t placed(const struct weft_runtime *rt)
{
	return load_rlx(&rt->gate) & GATE_LIMIT ? ROUTINE_PLACED : 0;
}

static void dismiss(struct weft_runtime *rt)
{
	if (load_rlx(&rt->gate) & GATE_LIMIT)
		sub_acqrel(&rt->live, 1);                           /* G4 */
}

/* Name, private data and the call they are for: one allocation. */
static struct extra *extra_make(const struct spawn *s)
{
	const weft_attr *a = s->attr;
	struct extra *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	if (a && a->name)
		snprintf(x->name, sizeof x->name, "%s", a->name);
	if (s->data) {
		x->data = malloc(s->size ? s->size : 1);
		if (!x->data) {
			free(x);
			return NULL;
		}
		memcpy(x->data, s->data, s->size);
	}
	x->unborn = s->unborn;
	return x;
}

static int attr_apply(struct routine *r, const weft_attr *a,
		      struct weft_runtime *rt, struct worker *w)
{
	int cls;

	if (a->priority < -2 || a->priority > 2 || a->flags)
		return -EINVAL;
	if (a->stack_size) {
		cls = weft__stack_class(a->stack_size);
		if (cls < 0)
			return cls;
		r->cls = (uint8_t)cls;
	}
	r->priority = (int16_t)a->priority;
	if (a->pinned) {
		r->flags |= ROUTINE_PINNED;
		r->home = (uint16_t)(w && !w->spare ? w->index :
				     r->index % rt->workers);
	}
	if (a->pinned || a->priority)
		r->flags |= ROUTINE_SPECIAL;
	return 0;
}

static ALWAYS_INLINE void record_fill(struct routine *r, void (*fn)(void),
				      const void *site, uint8_t rt,
				      uint8_t cls, uint8_t flags)
{
	r->fn = fn;
	r->site = site;
	r->stack = NULL;
	r->wait = NULL;
	r->joiner = NULL;
	r->cls = cls;
	store_rlx((_Atomic uint8_t *)&r->rt, rt);       /* routine_slot */
	r->flags = flags;
	store_rlx(&r->cancel, 0);
	r->home = 0;
	r->priority = 0;
	routine_set_state(r, ROUTINE_NEW);
	store_rel(&r->handle, load_rlx(&r->handle) | HANDLE_LIVE);  /* H1 */
}

int weft__spawn_make(struct weft_runtime *rt, struct worker *w,
		     const struct spawn *s, struct routine **made)
{
	struct extra *x = NULL;
	struct routine *r;
	int err = admit(rt, s->owed);

	if (err)
		return err;
	r = record_new(w);
	if (!r) {
		err = -ENOMEM;
		goto dismissed;
	}
	record_fill(r, s->fn, s->site, (uint8_t)rt->slot, rt->default_cls,
		    s->flags | rt->birth | placed(rt));
	if (s->attr) {
		err = attr_apply(r, s->attr, rt, w);
		if (err)
			goto record;
	}
	if (s->data || s->unborn || (s->attr && s->attr->name)) {
		x = extra_make(s);
		if (!x) {
			err = -ENOMEM;
			goto record;
		}
		r->flags |= ROUTINE_EXTRA;
	}
	for (unsigned i = 0; i < s->argc; i++)
		r->word[i] = s->argv[i];
	if (x) {
		if (s->data)
			r->word[0] = (uintptr_t)x->data;
		r->word[5] = (uintptr_t)x;
	}
	if (s->id)
		*s->id = routine_id(r);
	*made = r;
	return 0;
record:
	handle_retire(r);
	weft__record_drop(w, r);
dismissed:
	dismiss(rt);
	return err;
}

void weft__spawn_queue(struct weft_runtime *rt, struct worker *w,
		       struct routine *r)
{
	if (w) {
		store_rlx(&w->spawned, load_rlx(&w->spawned) + 1);
		enqueue_new(w, r);
	} else {
		add_rlx(&rt->foreign_spawned, 1);
		weft__inject(rt, r);
	}
}

int weft__spawn(struct weft_runtime *rt, struct worker *w, const struct spawn *s)
{
	struct routine *r;
	int err = weft__spawn_make(rt, w, s, &r);

	if (likely(!err))
		weft__spawn_queue(rt, w, r);
	return err;
}

/* Where a call from here goes: this worker's runtime, or the only one. */
static int spawn_here(const struct spawn *s)
{
	struct worker *w = weft__worker();
	struct weft_runtime *rt;
	int err;

	if (w)
		return weft__spawn(w->rt, w, s);
	weft__known(w);
	rt = weft__runtime_only_enter();
	if (!rt)
		return weft__runtime_none();
	err = weft__spawn(rt, NULL, s);
	outside_leave(rt->slot);
	return err;
}

/* --- the public forms ------------------------------------------------------------- */

static NOINLINE int go_slow(void (*fn)(void), unsigned argc,
			    const uintptr_t *argv, const void *site)
{
	struct spawn s = { .fn = fn, .site = site, .argc = argc, .argv = argv };

	return fn ? spawn_here(&s) : -EINVAL;
}

/* A record for an unadorned spawn by w's routine, or NULL: go the slow way.  No
 * calls, so that a spawn needs no frame. */
static ALWAYS_INLINE struct routine *quick_record(struct worker *w,
						  void (*fn)(void),
						  const void *site)
{
	struct routine *r;

	if (unlikely(!w || !fn || load_rlx(&w->rt->gate)))
		return NULL;
	r = record_at_hand(&w->records);
	if (likely(r != NULL))
		record_fill(r, fn, site, w->slot, w->default_cls, w->birth);
	return r;
}

static ALWAYS_INLINE int quick_queue(struct worker *w, struct routine *r)
{
	store_rlx(&w->spawned, load_rlx(&w->spawned) + 1);
	return enqueue_new(w, r);
}

int weft_go(void (*fn)(void *), void *arg)
{
	struct worker *w = weft__worker();
	struct routine *r = quick_record(w, (void (*)(void))fn,
					 __builtin_return_address(0));

	if (likely(r != NULL)) {
		r->word[0] = (uintptr_t)arg;
		return quick_queue(w, r);
	}
	return go_slow((void (*)(void))fn, 1, (uintptr_t[]){ (uintptr_t)arg },
		       __builtin_return_address(0));
}

static ALWAYS_INLINE int go_words(void (*fn)(void), unsigned argc,
				  const uintptr_t *argv, const void *site)
{
	struct worker *w = weft__worker();
	struct routine *r = quick_record(w, fn, site);

	if (likely(r != NULL)) {
		for (unsigned i = 0; i < argc; i++)
			r->word[i] = argv[i];
		return quick_queue(w, r);
	}
	return go_slow(fn, argc, argv, site);
}

int weft_go_words(void (*fn)(void), unsigned argc, const uintptr_t argv[6])
{
	if (argc > 6)
		return -EINVAL;
	return go_words(fn, argc, argv, __builtin_return_address(0));
}

int weft__go_words_for(void (*fn)(void), unsigned argc, const uintptr_t *argv,
		       const void *site)
{
	return go_words(fn, argc, argv, site);
}

int weft_go_attr(const weft_attr *a, void (*fn)(void *), void *arg)
{
	struct spawn s = {
		.fn = (void (*)(void))fn, .site = __builtin_return_address(0),
		.attr = a, .argc = 1, .argv = (uintptr_t[]){ (uintptr_t)arg },
	};

	return fn ? spawn_here(&s) : -EINVAL;
}

int weft__go_held(const weft_attr *a, void (*fn)(void *), void *arg,
		  void (*drop)(void *))
{
	struct spawn s = {
		.fn = (void (*)(void))fn, .site = __builtin_return_address(0),
		.attr = a, .unborn = drop, .argc = 1,
		.argv = (uintptr_t[]){ (uintptr_t)arg },
	};

	return spawn_here(&s);
}

int weft_go_copy(const weft_attr *a, void (*fn)(void *), const void *data,
		 size_t size)
{
	struct spawn s = {
		.fn = (void (*)(void))fn, .site = __builtin_return_address(0),
		.attr = a, .data = data ? data : "", .size = size, .argc = 1,
		.argv = (uintptr_t[]){ 0 },
	};

	if (!fn || (!data && size) ||
	    size > weft__stack_class_size(STACK_CLASSES - 1))
		return -EINVAL;
	return spawn_here(&s);
}

int weft_spawn(weft_id *id, const weft_attr *a, int (*fn)(void *), void *arg)
{
	struct worker *w = weft__worker();
	uintptr_t word = (uintptr_t)arg;
	struct spawn s = {
		.fn = (void (*)(void))fn, .site = __builtin_return_address(0),
		.attr = a, .flags = ROUTINE_JOINABLE | ROUTINE_EXPOSED, .argc = 1,
		.argv = &word, .id = id,
	};
	struct routine *r;

	if (unlikely(!id))
		return -EINVAL;
	if (unlikely(!fn)) {
		*id = 0;
		return -EINVAL;
	}
	if (likely(w && !a)) {
		r = quick_record(w, s.fn, s.site);
		if (likely(r != NULL)) {
			r->word[0] = word;
			r->flags = ROUTINE_JOINABLE | ROUTINE_EXPOSED;
			*id = routine_id(r);
			return quick_queue(w, r);
		}
	}
	*id = 0;
	return spawn_here(&s);
}
