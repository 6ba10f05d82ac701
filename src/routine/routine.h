/* routine/routine.h - what a routine IS: 128 bytes that outlive it.
 *
 * A record is made at spawn, gets a stack at its first run and gives both back
 * when it ends.  Records come from a pool that is never unmapped, so a stale
 * weft_id always leads to a record, whose generation then says "not me".
 *
 * State = ownership
 *   FREE      the pool           sp, stack: none
 *   NEW       the queue it is on word[] holds what to call; no stack yet
 *   RUNNABLE  the queue it is on context saved in sp
 *   RUNNING   itself             on no queue; sp is stale
 *   PARKED    its wait's claimer context saved in sp; on no run queue
 *   ENDED     the joiner         no stack; status valid
 *
 * `state` is for reports and assertions; who may touch a record is decided by
 * who holds it, never by reading `state`.
 *
 * The handle
 *   generation << 32 | flags.  Every use of a routine by id goes through it:
 *   compare the generation, set LOCKED by CAS, act, unlock.  While LOCKED the
 *   record can neither end nor be reused.
 *
 * Ordering
 *   H1  handle: CAS-acquire to lock / store-release to unlock or to retire.
 *       Who locks a handle sees joiner, status and scope as the last holder
 *       left them.
 */
#ifndef WEFT_ROUTINE_ROUTINE_H
#define WEFT_ROUTINE_ROUTINE_H

#include "base/base.h"
#include "base/atomic.h"

struct stack;
struct wait;
struct extra;
struct defer;
struct panic;
struct weft_scope;

enum routine_state {
	ROUTINE_FREE, ROUTINE_NEW, ROUTINE_RUNNABLE, ROUTINE_RUNNING,
	ROUTINE_PARKED, ROUTINE_ENDED,
};

enum routine_flag {
	ROUTINE_JOINABLE = 1 << 0,      /* made by weft_spawn: returns int  */
	ROUTINE_EXTRA = 1 << 1,         /* NEW: word[1] is a struct extra * */
	ROUTINE_EXPOSED = 1 << 2,       /* its id was given away, or a scope
					 * knows it: it can be cancelled     */
	ROUTINE_MAIN = 1 << 3,
	ROUTINE_SPECIAL = 1 << 4,       /* pinned, or priority is not 0     */
	ROUTINE_PINNED = 1 << 5,
	ROUTINE_BARE = 1 << 6,          /* its stack has no guard page      */
	ROUTINE_PLACED = 1 << 7,        /* it has one of max_routines places */
};

/* Why a routine is cancelled, and why it may not feel it.  Read as W4 of
 * sched/park.h says. */
enum cancel_bit {
	CANCEL_SELF = 1,        /* by its id, or all of its runtime: for good */
	CANCEL_SCOPE = 2,       /* the innermost scope that it owns           */
	CANCEL_SHIELD = 4,      /* it does not feel it now                    */
	CANCEL_OWNER = 8,       /* it owns a scope: live.scope may be read    */
};

/* What became of earlier panics and exits; see sched/unwind.h, panics.h. */
enum unwound {
	UNWOUND_BY_EXIT = 1,    /* weft_exit was called                       */
	UNWOUND_BY_PANIC = 2,   /* a deferred call runs, for a panic          */
	UNWOUND_HEARD = 4,      /* set by who gets to know how it ends: no
				 * report of a panic is needed                */
	UNWOUND_MUTE = 8,       /* there was no memory for the last one       */
};

static inline bool cancel_felt(uint8_t bits)
{
	return (bits & (CANCEL_SELF | CANCEL_SCOPE)) && !(bits & CANCEL_SHIELD);
}

/* handle: low bits */
#define HANDLE_LOCKED   (UINT64_C(1) << 0)
#define HANDLE_LIVE     (UINT64_C(1) << 1)      /* spawned, not retired    */
#define HANDLE_ENDED    (UINT64_C(1) << 2)      /* status may be collected */
#define HANDLE_DETACHED (UINT64_C(1) << 3)      /* nobody will join        */
#define HANDLE_PERMIT   (UINT64_C(1) << 4)      /* an unpark came first    */
#define HANDLE_PARKED   (UINT64_C(1) << 5)      /* `wait` is a weft_park's */
#define HANDLE_SEALED   (UINT64_C(1) << 6)      /* its runtime has ended: no
						 * cancel reaches it       */
#define HANDLE_FLAGS    (UINT64_C(0xffffffff))

struct routine {
	void *sp;               /* saved context while RUNNABLE or PARKED    */
	struct routine *next;   /* link of the queue or free list it is on   */
	struct stack *stack;    /* NULL until the first run                  */
	struct wait *wait;      /* the wait it is parked in; written by it   */
	_Atomic uint64_t handle;/* see above                                 */
	uint32_t index;         /* place in the pool; never changes          */
	_Atomic uint32_t claim; /* odd: the wait it is in is open (park.h W1)*/
	uint8_t cls;            /* stack class                               */
	uint8_t flags;          /* enum routine_flag; spawner, then itself   */
	_Atomic uint8_t state;  /* enum routine_state                        */
	_Atomic uint8_t reason; /* enum park_reason while PARKED             */
	uint8_t rt;             /* slot of its runtime                       */
	_Atomic uint8_t cancel; /* enum cancel_bit; changed under H1         */
	uint16_t home : 12;     /* SPECIAL and pinned: the worker's index    */
	int16_t priority : 4;   /* 0 unless SPECIAL                          */
	struct wait *joiner;    /* H1: who waits for it to end               */

	void (*fn)(void);       /* what to call, and where it was spawned    */
	const void *site;
	union {
		uintptr_t word[6];      /* NEW: argument words              */
		struct {                /* later: what lives with it        */
			struct extra *extra;    /* name, keys; or NULL      */
			void *coro;             /* the coroutine it is in   */
			struct stack *big;      /* loans: weft_call_big     */
			struct defer *defers;   /* calls owed: park.h       */
			struct weft_scope *scope; /* H1: innermost it owns  */
			int32_t status; /* H1 when ENDED: what join returns */
			uint16_t shields;       /* H1: how many are begun   */
			uint8_t unwound;        /* enum unwound             */
		} live;
	};
};
_Static_assert(sizeof(struct routine) == 128, "a record is two cache lines");

/* What few routines have: a name, keys, a private copy of data. */
#define NAME_MAX_LEN 31
#define KEY_MAX 64
struct extra {
	char name[NAME_MAX_LEN + 1];
	void *data;             /* go_copy: freed at the end                 */
	void (*unborn)(void *); /* gets the argument if it is never run      */
	void (*fn)(void);       /* the real entry while NEW                  */
	uintptr_t arg;
	struct panic *panics;   /* sched/panics.h                            */
	uint8_t rounds;         /* of key destructors                        */
	void *key[KEY_MAX];
};

static inline uint64_t routine_id(const struct routine *r)
{
	return (load_rlx(&r->handle) & ~HANDLE_FLAGS) | r->index;
}

/* While it lives only the routine itself, or who starts it, changes flags;
 * JOINABLE, which never changes, others read under H1. */
static ALWAYS_INLINE void routine_flag_set(struct routine *r,
					   enum routine_flag f)
{
	store_rlx((_Atomic uint8_t *)&r->flags, (uint8_t)(r->flags | f));
}

static inline void routine_flag_clear(struct routine *r, enum routine_flag f)
{
	store_rlx((_Atomic uint8_t *)&r->flags, (uint8_t)(r->flags & ~f));
}

/* Of a record that may be about to become another's: the slot belongs to an
 * acquired handle if that can be locked afterwards. */
static inline unsigned routine_slot(const struct routine *r)
{
	return load_rlx((const _Atomic uint8_t *)&r->rt);
}

static inline bool routine_joinable(struct routine *r)
{
	return load_rlx((_Atomic uint8_t *)&r->flags) & ROUTINE_JOINABLE;
}

static inline void routine_set_state(struct routine *r, enum routine_state s)
{
	store_rlx(&r->state, (uint8_t)s);
}

/* --- the pool (record.c): one per process, since ids are ------------------ */

/* A private reserve of free records: a worker's, or the plain threads'.  Two
 * chains, so that whole batches move to and from the depot without a walk. */
struct record_cache {
	struct routine *free;   /* LIFO by next                           */
	unsigned count;         /* records in it, at most RECORD_BATCH    */
	struct routine *full;   /* a chain of RECORD_BATCH, or NULL       */
};
enum { RECORD_BATCH = WEFT_SHRINK(64, 4) };

/* Slow halves: fetch a batch (false: no memory), give one back. */
bool weft__record_refill(struct record_cache *c);
void weft__record_spill(struct record_cache *c);
void weft__record_flush(struct record_cache *c);
/* The process ends as it is: what records point to is no leak. */
void weft__record_roots(void);

/* The record that an id names, or NULL when no such id was ever given. */
struct routine *weft__record_find(uint64_t id);
/* The i-th record ever made, or NULL past the last: to walk them all. */
struct routine *weft__record_at(uint32_t index);

static ALWAYS_INLINE struct routine *record_get(struct record_cache *c)
{
	struct routine *r = c->free;

	if (unlikely(!r)) {
		if (!weft__record_refill(c))
			return NULL;
		r = c->free;
	}
	c->free = r->next;
	c->count--;
	return r;
}

/* One that is at hand, or NULL: no call. */
static ALWAYS_INLINE struct routine *record_at_hand(struct record_cache *c)
{
	struct routine *r = c->free;

	if (likely(r != NULL)) {
		c->free = r->next;
		c->count--;
	}
	return r;
}

/* The record's generation must already have moved on: see handle_retire. */
static ALWAYS_INLINE void record_put(struct record_cache *c, struct routine *r)
{
	if (unlikely(c->count >= RECORD_BATCH))
		weft__record_spill(c);
	r->next = c->free;
	c->free = r;
	c->count++;
}

/* --- the handle ----------------------------------------------------------- */

/* Lock the routine that `id` names.  False: stale.  Held for a few lines. */
bool weft__handle_lock(struct routine *r, uint64_t id);

/* The same without a wait: false means stale or held, ask the other. */
static ALWAYS_INLINE bool handle_trylock(struct routine *r, uint64_t id)
{
	uint64_t h = load_rlx(&r->handle);

	return h >> 32 == id >> 32 &&
	       (h & (HANDLE_LOCKED | HANDLE_LIVE)) == HANDLE_LIVE &&
	       cas_acq(&r->handle, &h, h | HANDLE_LOCKED);          /* H1 */
}

/* Lock a record that cannot be stale because the caller keeps it alive. */
void weft__handle_lock_own(struct routine *r);

static inline void handle_unlock_as(struct routine *r, uint64_t clear,
				    uint64_t set)
{
	uint64_t h = load_rlx(&r->handle);

	store_rel(&r->handle, (h & ~(HANDLE_LOCKED | clear)) | set); /* H1 */
}

static inline void handle_unlock(struct routine *r, uint64_t set)
{
	handle_unlock_as(r, 0, set);
}

/* The id dies: no later lock of it succeeds.  Caller holds the lock or is
 * the only one who ever knew the id. */
static ALWAYS_INLINE void handle_retire(struct routine *r)
{
	uint32_t gen = (uint32_t)(load_rlx(&r->handle) >> 32) + 1;

	if (unlikely(gen == 0))
		gen = 1;        /* an id is never 0 */
	store_rel(&r->handle, (uint64_t)gen << 32);                 /* H1 */
}

#endif
