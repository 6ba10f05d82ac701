/* SPDX-License-Identifier: MIT */
/* coro/coro.c - coroutines without a scheduler.
 *
 * The innermost running coroutine is found through the routine that runs it,
 * or through the thread when that is a plain one; the others of the chain hang
 * on `outer`.  A routine may park and migrate in the middle of a chain: the
 * chain goes with its record, and nothing here touches thread-local storage
 * after a switch except by a fresh access.
 *
 * While a routine is inside a coroutine its `stack` is the coroutine's, so the
 * canary check, the sanitizers and overflow reports look at the right one.
 *
 * Its frames owe their deferred calls apart from those of the resumer: the part
 * of the chain (sched/unwind.h) from `defers` to `bottom` is hung in while it
 * runs.  A panic or weft_exit that gets to the bottom ends the coroutine and
 * goes on where it was resumed.  In one that is freed while it is suspended no
 * deferred call is made; what calls of weft hold there is given back.
 *
 *     NEW, SUSPENDED --resume--> RUNNING --yield--> SUSPENDED
 *                                        --fn returns, unwinds--> ENDED
 *     all but RUNNING --free--> FREE
 *
 * Invariants
 *   U1  state leaves NEW, SUSPENDED or ENDED by CAS: one resumer or freer.
 *   U2  RUNNING is left by the resumer after the switch back, when the context
 *       is saved and nothing runs on the stack any more.
 *   U3  records are never returned to the system, so that a stale handle still
 *       finds a state; they are reused oldest first, to find out for long.
 *
 * Ordering
 *   C1  state: CAS-acquire to take / store-release to give back.  Who resumes
 *       next sees the saved context and all that the coroutine wrote.
 *
 * Lock rank: `lock` is below the locks of the stack pool, above nothing.
 */
#include "base/base.h"
#include "base/atomic.h"
#include "base/fork.h"
#include "base/spinlock.h"
#include "arch/arch.h"
#include "os/thread.h"
#include "routine/routine.h"
#include "routine/stack.h"
#include "sched/park.h"
#include "sched/unwind.h"

#include <weft/coro.h>

enum coro_state {
	CORO_FREE, CORO_NEW, CORO_SUSPENDED, CORO_RUNNING, CORO_ENDED,
};

struct weft_coro {
	_Atomic uint32_t state;         /* enum coro_state, C1               */
	void *sp;                       /* saved context; NULL: fn returned  */
	void *back_sp;                  /* RUNNING: of the resumer           */
	struct stack *stack;            /* NULL once ENDED                   */
	struct stack *back;             /* RUNNING: what the resumer runs on */
	struct weft_coro *outer;        /* RUNNING: where it was resumed;
					 * FREE: link, under lock            */
	void (*fn)(void *);
	void *arg;
	struct unwind_mark bottom;      /* below what its frames owe         */
	struct defer *defers;           /* not RUNNING: the newest of that   */
	struct stack *big;              /* RUNNING: loans of the resumer     */
	struct weft_scope *scope;       /* RUNNING: as it was resumed        */
	uint16_t shields;
	bool left;                      /* its frames were left, not ended:  */
	struct panic *panic;            /* by this, or NULL, weft_exit       */
	struct stack *shed;             /* the loans that were left then     */
};

enum { CHUNK = 64, TRIM_EVERY = 64 };

struct chunk {
	struct chunk *next;
	struct weft_coro coro[CHUNK];
};

/* What all coroutines of the process share; under lock. */
static struct {
	struct spinlock lock;
	bool ready;
	uint32_t freed;                 /* for TRIM_EVERY */
	struct stack_pool pool;         /* has its own locks */
	struct stack_cache stacks;
	struct weft_coro *oldest, *newest;
	struct chunk *chunks;
} shared;

/* The innermost coroutine of a plain thread. */
_Thread_local struct weft_coro *weft__tls_coro
	__attribute__((used, visibility("hidden"), tls_model("initial-exec")));

/* --- records and stacks --------------------------------------------------- */

static void record_free_locked(struct weft_coro *co)
{
	co->outer = NULL;
	if (shared.newest)
		shared.newest->outer = co;
	else
		shared.oldest = co;
	shared.newest = co;
}

static bool grow_locked(void)
{
	struct chunk *c = calloc(1, sizeof *c);

	if (!c)
		return false;
	c->next = shared.chunks;
	shared.chunks = c;
	for (unsigned i = 0; i < CHUNK; i++)
		record_free_locked(&c->coro[i]);
	return true;
}

static struct weft_coro *record_get_locked(void)
{
	struct weft_coro *co;

	if (!shared.oldest && !grow_locked())
		return NULL;
	co = shared.oldest;
	shared.oldest = co->outer;
	if (!shared.oldest)
		shared.newest = NULL;
	return co;
}

static void stack_put(struct stack *s)
{
	bool trim;

	spin_lock(&shared.lock);
	weft__stack_put(&shared.stacks, s);
	trim = ++shared.freed % TRIM_EVERY == 0;
	spin_unlock(&shared.lock);
	if (trim)
		weft__stack_trim(&shared.pool, weft__os_now(), TRIM_EVERY);
}

/* --- the chain ------------------------------------------------------------ */

static ALWAYS_INLINE struct weft_coro *innermost(struct routine *r)
{
	return r ? r->live.coro : WEFT_ARCH_TLS_LOAD(weft__tls_coro);
}

/* `s` is the stack that runs from here on. */
static ALWAYS_INLINE void set_innermost(struct routine *r,
					struct weft_coro *co, struct stack *s)
{
	if (r) {
		r->live.coro = co;
		r->stack = s;
	} else {
		WEFT_ARCH_TLS_STORE(weft__tls_coro, co);
	}
}

/* What the caller runs on; of a plain thread only the sanitizers ask. */
static ALWAYS_INLINE struct stack *own_stack(struct routine *r,
					     struct weft_coro *outer,
					     struct stack *thread)
{
	if (r)
		return r->stack;
	if (outer)
		return outer->stack;
	if (WEFT_SANITIZED)
		weft__stack_thread(thread);
	return thread;
}

/* The bottom of a coroutine in a routine: on its own stack, nothing owed. */
static struct panic *coro_left(struct unwind_mark *m, struct panic *p)
{
	struct weft_coro *co = container_of(m, struct weft_coro, bottom);
	struct routine *r = weft__current(weft__worker());
	struct stack *from = r->stack;

	co->shed = weft__big_shed(r, co->big);
	co->panic = p;
	co->left = true;
	co->sp = NULL;
	weft__san_before_switch(from, co->back, true);
	weft__arch_jump(co->back_sp, NULL);
}

static void coro_main(void *pass)
{
	struct weft_coro *co = pass;

	weft__san_after_switch(co->stack);
	co->fn(co->arg);
	co->sp = NULL;
	weft__san_before_switch(co->stack, co->back, true);
	weft__arch_jump(co->back_sp, NULL);
}

/* --- public --------------------------------------------------------------- */

weft_coro *weft_coro_new(void (*fn)(void *), void *arg, size_t stack_size)
{
	int cls = weft__stack_class(stack_size);
	struct weft_coro *co;
	struct stack *s;

	if (!fn || cls < 0)
		return NULL;
	spin_lock(&shared.lock);
	if (!shared.ready) {
		weft__stack_pool_init(&shared.pool, GUARD_AUTO);
		weft__stack_cache_init(&shared.stacks, &shared.pool);
		shared.ready = true;
	}
	co = record_get_locked();
	s = co ? weft__stack_get(&shared.stacks, (unsigned)cls) : NULL;
	if (co && !s)
		record_free_locked(co);
	spin_unlock(&shared.lock);
	if (!s)
		return NULL;
	co->stack = s;
	co->fn = fn;
	co->arg = arg;
	co->outer = NULL;
	co->left = false;
	weft__unwind_mark(&co->bottom, coro_left);
	co->defers = &co->bottom.owed;
	co->sp = weft__arch_prepare(weft__stack_top(s), coro_main);
	store_rel(&co->state, CORO_NEW);                            /* C1 */
	return co;
}

/* What a resume that may not run it answers. */
static COLD int refusal(uint32_t state)
{
	if (state == CORO_FREE)
		return -EINVAL;
	return state == CORO_ENDED ? -EPIPE : -EBUSY;
}

static int ended(struct weft_coro *co)
{
	bool left = co->left;
	struct panic *panic = co->panic;

	if (unlikely(left))
		weft__big_put(weft__worker(), co->shed);
	stack_put(co->stack);
	co->stack = NULL;
	store_rel(&co->state, CORO_ENDED);                          /* C1 */
	if (unlikely(left))
		weft__unwind(panic);
	return -EPIPE;
}

/* What lives with a routine, or thread, and is the coroutine's own. */
static ALWAYS_INLINE void hang_in(struct weft_coro *co, struct routine *r)
{
	co->bottom.owed.outer = defers_get(r);
	defers_set(r, co->defers);
	if (r) {
		co->big = r->live.big;
		co->scope = r->live.scope;
		co->shields = r->live.shields;
	}
}

static ALWAYS_INLINE void take_out(struct weft_coro *co, struct routine *r)
{
	if (likely(!co->left))
		co->defers = defers_get(r);
	defers_set(r, co->bottom.owed.outer);
}

/* What belongs to the resumer's routine cannot stay behind in a coroutine. */
static COLD void refuse_yield(struct routine *r, struct weft_coro *co)
{
	if (r->stack != co->stack)
		weft__panic("coro: yield inside weft_call_big");
	if (r->live.scope != co->scope)
		weft__panic("coro: yield inside a scope of the coroutine");
	weft__panic("coro: yield inside a shield of the coroutine");
}

WEFT_ARCH_RETURNS
int weft_coro_resume(weft_coro *co, void *in, void **out)
{
	struct routine *r;
	struct weft_coro *outer;
	struct stack thread, *own;
	uint32_t state;

	if (unlikely(!co))
		return -EINVAL;
	state = load_rlx(&co->state);
	if (unlikely(state != CORO_NEW && state != CORO_SUSPENDED))
		return refusal(state);
	if (unlikely(!cas_acq(&co->state, &state, CORO_RUNNING)))   /* C1 */
		return refusal(state);

	WEFT_ARCH_LEAVES(outer);
	r = weft__current(weft__worker());
	outer = innermost(r);
	hang_in(co, r);
	own = own_stack(r, outer, &thread);
	co->outer = outer;
	co->back = own;
	set_innermost(r, co, co->stack);
	weft__san_before_switch(own, co->stack, false);
	void *got = weft__arch_switch(&co->back_sp, co->sp,
				      state == CORO_NEW ? co : in);

	weft__san_after_switch(own);
	set_innermost(r, outer, own);
	take_out(co, r);
	if (unlikely(!co->sp))
		return ended(co);
	store_rel(&co->state, CORO_SUSPENDED);                      /* C1 */
	if (out)
		*out = got;
	return 0;
}

WEFT_ARCH_RETURNS
int weft_coro_yield(void *out, void **in)
{
	struct routine *r = weft__current(weft__worker());
	struct weft_coro *co = innermost(r);

	if (unlikely(!co))
		return -EPERM;
	if (r && unlikely(r->stack != co->stack ||
			  r->live.scope != co->scope ||
			  r->live.shields != co->shields))
		refuse_yield(r, co);
	WEFT_ARCH_LEAVES(outer);
	weft__stack_check(co->stack, WEFT_ARCH_SP);
	weft__san_before_switch(co->stack, co->back, false);
	void *got = weft__arch_switch(&co->sp, co->back_sp, out);

	weft__san_after_switch(co->stack);
	if (in)
		*in = got;
	return 0;
}

void weft_coro_free(weft_coro *co)
{
	uint32_t state;

	if (!co)
		return;
	do {
		state = load_rlx(&co->state);
		if (state == CORO_FREE)
			return;
		if (state == CORO_RUNNING)
			weft__panic("coro: free of a running coroutine");
	} while (!cas_acq(&co->state, &state, CORO_FREE));          /* C1 */
	if (co->stack) {
		weft__holds_drop(co->defers, &co->bottom.owed);
		stack_put(co->stack);
	}
	co->stack = NULL;
	spin_lock(&shared.lock);
	record_free_locked(co);
	spin_unlock(&shared.lock);
}

static void shared_hold(void)
{
	spin_lock(&shared.lock);
	for (unsigned i = 0; i < STACK_CLASSES; i++)
		spin_lock(&shared.pool.depot[i].lock);
}

static void shared_release(void)
{
	for (unsigned i = 0; i < STACK_CLASSES; i++)
		spin_unlock(&shared.pool.depot[i].lock);
	spin_unlock(&shared.lock);
}

FORK_HOOK(FORK_CORO, shared_hold, shared_release, NULL)
