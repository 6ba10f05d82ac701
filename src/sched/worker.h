/* sched/worker.h - one scheduler thread and all that it owns.
 *
 * A field is the owner's alone unless its comment says who else touches it.
 *
 * Ordering
 *   N1  next: store-release by its owner into an empty slot / exchange by
 *       whoever takes it, owner or thief.  The taker sees the routine, and
 *       only one takes.
 *   A1  attention: store-seq by whoever wants to be noticed, after what is to
 *       be noticed / load-acquire or store-seq by the worker.
 */
#ifndef WEFT_SCHED_WORKER_H
#define WEFT_SCHED_WORKER_H

#include "base/base.h"
#include "base/atomic.h"
#include "os/thread.h"
#include "routine/routine.h"
#include "routine/stack.h"
#include "sched/cork.h"
#include "sched/idle.h"
#include "sched/injectq.h"
#include "sched/park.h"
#include "sched/runq.h"
#include "sched/timers.h"

struct weft_runtime;

enum {
	BUDGET = 128,           /* operations per dispatch                   */
	NEXT_CAP = 3,           /* next-slot picks in a row while others wait */
	LOOK_EVERY = 64,        /* picks between looks at inject and timers   */
	LOOK_RARELY = 512,      /* between those at what can wait longer      */
};

/* What the context that was just left asked for; done by whoever runs next,
 * on its own stack (park.h, P1). */
enum left_kind {
	LEFT_NOTHING,
	LEFT_UNLOCK,            /* arg: struct spinlock *                   */
	LEFT_YIELD,             /* routine: to the ring's end               */
	LEFT_DEAD,              /* arg: struct stack *, back to the cache   */
	LEFT_HANDLE,            /* arg: struct routine *, its handle's lock */
	LEFT_CALL,              /* call(w, routine, arg)                    */
};

struct left {
	enum left_kind kind;
	struct routine *routine;
	void *arg;
	void (*call)(struct worker *w, struct routine *r, void *arg);
};

struct worker {
	/* The head: struct worker_head (park_inline.h). */
	struct routine *current;        /* NULL: the loop itself runs       */
	int budget;

	unsigned streak;                /* next-slot picks in a row         */
	unsigned turn;                  /* looks at what is shared          */
	_Atomic uint32_t attention;     /* others set: look before picking  */
	_Atomic uint64_t picks;         /* owner counts, the monitor reads  */
	_Atomic bool still;             /* the monitor: it stands still     */
	_Atomic bool firing;            /* owner: timers; the monitor reads */
	_Atomic(struct routine *) next; /* next slot: owner fills, a patient
					 * thief may take by exchange (N1)  */
	struct weft_runtime *rt;
	void *loop_sp;                  /* the loop's context while a routine
					 * runs                             */
	struct left left;
	struct stack *shed;             /* weft_exit left these (local.h)   */
	uint8_t slot;                   /* rt->slot                         */
	_Atomic uint64_t spawned;       /* owner counts, reports add up     */
	_Atomic uint64_t ended;
	uint8_t default_cls;
	uint8_t birth;                  /* flags of every routine it spawns */
	bool spare;                     /* lent by the monitor (monitor.c)  */
	uint32_t rng;

	struct stack_cache stacks;
	struct record_cache records;

	struct runq runq;               /* thieves take                     */
	struct injectq pinned;          /* anybody adds, only w takes       */
	struct timers timers;           /* idle workers run, anybody stops  */
	struct sleeper sleep;           /* idle.h                           */
	_Atomic(struct cork *) cork;    /* cork.h, B10; NULL: none (yet)      */
	uint8_t cork_ask;               /* enum cork_ask                    */
	uint64_t cork_picks;            /* B11: when one was held back last */
	int cork_fd;                    /* B11: and what it wrote to        */
	struct stack loop_stack;        /* describes the thread's own stack */
	pthread_t thread;
	unsigned index;
	_Atomic uint32_t state;         /* enum worker_state                */
	void *sigstack;
	_Atomic int64_t tick;           /* the monitor's clock, a bit old   */
	uint64_t steals;
};
_Static_assert(offsetof(struct worker, current) ==
	       offsetof(struct worker_head, current), "head");
_Static_assert(offsetof(struct worker, budget) ==
	       offsetof(struct worker_head, budget), "head");

enum worker_state {
	WORKER_ABSENT,          /* no thread            */
	WORKER_ACTIVE,          /* runs the loop        */
	WORKER_SHELVED,         /* a spare, not lent    */
	WORKER_FROZEN,          /* the process exits    */
};

/* --- worker.c: picking, switching, the loop -------------------------------- */

int weft__worker_init(struct worker *w, struct weft_runtime *rt, unsigned index);
void weft__worker_fini(struct worker *w);
void *weft__worker_main(void *worker);
/* Its parts.  This thread becomes w, and is so no longer. */
void weft__worker_enter(struct worker *w);
void weft__worker_leave(struct worker *w);
/* What runs next, looked for everywhere; NULL: nothing, or rt stops. */
struct routine *weft__worker_find(struct worker *w);
/* Run r, and whoever it gives way to, until the loop is wanted. */
bool weft__worker_serve(struct worker *w, struct routine *r);

/* Is there anything to run or due, in anybody's ring?  Sequentially
 * consistent reads: the last look of idle.h. */
bool weft__work_in_sight(struct weft_runtime *rt);

/* What waits for w or for anybody, in no ring: the next to run, or NULL. */
struct routine *weft__take_waiting(struct worker *w);

/* About to sleep: something useful first. */
void weft__worker_rest(struct worker *w);

/* --- queue.c: where a routine goes that became runnable -------------------- */

/* To the ring's end, half of a full ring to the inject queue; wake one. */
void weft__enqueue(struct worker *w, struct routine *r);
/* The same for a new one that is not SPECIAL: 0, so that a spawn can end in it. */
int weft__enqueue_new(struct worker *w, struct routine *r);
/* The same without waking anybody. */
void weft__enqueue_quiet(struct worker *w, struct routine *r);
/* To the inject queue of rt, from any thread; wake one. */
void weft__inject(struct weft_runtime *rt, struct routine *r);

/* Readied by w itself: its next slot; what was there goes to the ring. */
static ALWAYS_INLINE void enqueue_next(struct worker *w, struct routine *r)
{
	struct routine *old = load_rlx(&w->next);

	routine_set_state(r, ROUTINE_RUNNABLE);
	if (unlikely(r->flags & ROUTINE_SPECIAL)) {
		weft__enqueue(w, r);
		return;
	}
	if (likely(!old)) {
		store_rel(&w->next, r);                             /* N1 */
		return;
	}
	old = xchg_acqrel(&w->next, r);                             /* N1 */
	if (old)
		weft__enqueue(w, old);
}

/* A routine that nobody knows yet: the next slot when empty, so that a lone
 * child costs no wake-up, else the ring, so that children start in order. */
static ALWAYS_INLINE int enqueue_new(struct worker *w, struct routine *r)
{
	if (unlikely(r->flags & ROUTINE_SPECIAL)) {
		weft__enqueue(w, r);
		return 0;
	}
	if (load_rlx(&w->next))
		return weft__enqueue_new(w, r);
	store_rel(&w->next, r);                                     /* N1 */
	return 0;
}

/* --- entry.c: the first frame of every routine ------------------------------ */

/* First context of a routine that never ran: false, no memory for a stack. */
bool weft__routine_attach(struct worker *w, struct routine *r);
/* The running routine ends here and now, whatever frames it has; it owes no
 * more calls, and its status is set. */
_Noreturn void weft__routine_leave(struct worker *w);

/* --- steal.c ------------------------------------------------------------------ */

/* One round over the other workers (the first `high` slots) from a random one
 * on; with picks_before, also the next slots of those that stood still. */
struct routine *weft__steal(struct worker *w, const uint64_t *picks_before,
			    uint32_t high);
/* For a worker that has work of its own: one routine of a worker that the
 * monitor saw standing still, or NULL. */
struct routine *weft__steal_stranded(struct worker *w, uint32_t high);

static inline uint32_t worker_random(struct worker *w)
{
	uint32_t x = w->rng;            /* xorshift32, Marsaglia 2003 */

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return w->rng = x;
}

#endif
