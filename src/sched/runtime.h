/* sched/runtime.h - the object that owns everything: workers, queues, pools.
 *
 * Several may live in a process.  A slot in a table of pointers gives each a
 * small number, which records carry; the table also answers "which runtime?"
 * for plain threads.
 *
 * Life: init -> workers start -> RUNNING -> stopping (spawns refused) ->
 * workers leave -> remaining routines discarded -> fini.
 *
 * Ordering
 *   G1  slot: store-release when a runtime is ready / load-acquire by others.
 *   G2  stopping: store-seq before workers are woken / load-seq in their loop.
 *   G3  done, then news: store-release and RMW by the main routine's end, or
 *       by the last worker that lists itself / load-acquire by weft_run and
 *       weft_stop before they look, so no change is slept through.
 *   G4  gate and live: spawn.c.
 *   O1  outside: seq RMW around the use of a runtime by a thread that is none
 *       of its workers / seq load by a stop, after it has closed the gate, has
 *       no routine parked, or has left the table: who is not waited for then
 *       sees that.
 *   G5  active, lent, worker state: RMW seq or store-release by who starts or
 *       shelves a worker / load seq or acquire by monitor and idle protocol.
 *   G6  retrying: RMW seq around the move of starved routines into the inject
 *       queue, by the monitor perhaps, when all workers sleep / load-seq by who
 *       looks whether all is at rest: after starved, before inject.
 */
#ifndef WEFT_SCHED_RUNTIME_H
#define WEFT_SCHED_RUNTIME_H

#include "base/base.h"
#include "base/atomic.h"
#include "routine/routine.h"
#include "routine/stack.h"
#include "sched/blocking.h"
#include "sched/idle.h"
#include "sched/injectq.h"
#include "sched/monitor.h"
#include "sched/submit.h"
#include "sched/watch.h"

#include <weft/runtime.h>

struct worker;
struct drive;

enum {
	RUNTIME_MAX = 64,       /* side by side in one process */
	WORKER_MAX = 1024,
	SPARE_MAX = 64,         /* lent for stuck workers      */
};

struct weft_runtime {
	struct injectq inject;
	struct injectq urgent;          /* high priority, from elsewhere    */
	struct injectq background;      /* low priority                     */
	struct injectq starved;         /* no memory for a stack; gate      */
	struct idle idle;

	CACHE_ALIGNED
	_Atomic uint32_t gate;          /* nonzero: spawn must look closer  */
	_Atomic uint32_t stopping;      /* G2 */
	_Atomic uint32_t retrying;      /* G6: threads that move the starved */
	_Atomic uint32_t active;        /* workers that run the loop        */
	unsigned workers;               /* fixed                            */
	unsigned slots;                 /* fixed: workers + spares          */
	struct worker **worker;         /* [slots], fixed                   */
	_Atomic uint32_t high;          /* slots ever used, readers scan    */
	unsigned slot;
	weft_config config;
	uint8_t default_cls;
	uint8_t birth;                  /* flags of every routine            */
	bool is_run;                    /* started by weft_run              */
	struct drive *drive;            /* no thread of its own: drive.h    */

	_Atomic int64_t live;           /* kept when the gate asks for it   */
	_Atomic uint64_t foreign_spawned;
	struct stack_pool stacks;
	struct blocking_pool blocking;
	struct monitor monitor;
	struct watch watch;
	struct submit submit;

	_Atomic uint32_t done;          /* G3: the main routine is over     */
	_Atomic uint32_t watched;       /* somebody waits for news          */
	int status;                     /* of main; before done             */
	_Atomic uint32_t news;          /* futex: grows when main is done or
					 * the last worker went to sleep    */
};

enum gate {
	GATE_LIMIT = 1, GATE_STOPPING = 2, GATE_STARVED = 4,
	GATE_DEAD = 8,                  /* sched/fork.h */
};

extern _Atomic(struct weft_runtime *) weft__runtime_table[RUNTIME_MAX];

static inline struct weft_runtime *runtime_of(const struct routine *r)
{
	return load_acq(&weft__runtime_table[r->rt]);               /* G1 */
}

/* Slots of runtimes that are dead (sched/fork.h), for those who may not touch the
 * runtime: it may be gone by now. */
extern _Atomic uint64_t weft__runtime_dead;                         /* Z1 */
_Static_assert(RUNTIME_MAX <= 64, "a bit for each slot");

/* Its routines run no more, ever. */
static inline bool runtime_dead(struct weft_runtime *rt)
{
	return load_acq(&rt->gate) & GATE_DEAD;                     /* Z1 */
}

/* The one runtime that is running, for plain threads; NULL: none, several.
 * To compare only: it may be gone by now. */
struct weft_runtime *weft__runtime_only(void);

/* Uses of the runtime in a slot by threads that are none of its workers: while
 * one is counted, it is not freed.  Static, so that counting touches nothing
 * that could be gone already. */
extern _Atomic uint32_t weft__outside[RUNTIME_MAX];                 /* O1 */

static inline void outside_enter(unsigned slot)
{
	add_seq(&weft__outside[slot], 1);                           /* O1 */
}

static inline void outside_leave(unsigned slot)
{
	sub_seq(&weft__outside[slot], 1);                           /* O1 */
}

/* weft__runtime_only, counted as a use; outside_leave(rt->slot) ends it. */
struct weft_runtime *weft__runtime_only_enter(void);

/* Earliest deadline of all workers (sequentially consistent reads). */
int64_t weft__timers_first(struct weft_runtime *rt);
/* The same for who goes to sleep: with a poller open, never later than
 * WATCH_DUTY. */
int64_t weft__duty_first(struct weft_runtime *rt);

/* A worker goes to sleep, listed: if it is the last, whoever waits for the
 * runtime to come to rest looks again. */
void weft__runtime_quiet(struct weft_runtime *rt);

/* The main routine is over. */
void weft__runtime_main_done(struct weft_runtime *rt, int status);

/* Start one more spare worker; false: none left, or no memory. */
bool weft__runtime_grow(struct weft_runtime *rt);

/* Routines that wait for a stack may try again (entry.c). */
void weft__starved_retry(struct weft_runtime *rt);

/* Everybody rests and nothing inside can change that: every worker is listed
 * as a sleeper, no timer, no blocking call, no descriptor waited for. */
bool weft__runtime_at_rest(struct weft_runtime *rt);

/* Every routine of rt and what it waits for, on stderr (report.c).  still:
 * none of them can run meanwhile, so their names may be read. */
void weft__report_routines(struct weft_runtime *rt, const char *title,
			   bool still);
void weft__report_install(void);

/* Routines alive: exact when every worker rests, an estimate otherwise. */
int64_t weft__runtime_live(struct weft_runtime *rt);

/* The gate is shut: after this, plain threads have none under way that passed
 * it, and each worker tells when it has none (weft__runtime_gate_seen). */
void weft__runtime_gate_shut(struct weft_runtime *rt);
void weft__runtime_gate_seen(struct weft_runtime *rt);

/* Start workers and monitor; c NULL: defaults and environment. */
/* `birth`: ROUTINE_EXPOSED when its routines may all be cancelled, by a stop. */
int weft__runtime_start(const weft_config *c, uint8_t birth,
			struct weft_runtime **rt);

/* Its two halves: without threads, and those. */
int weft__runtime_make(const weft_config *c, uint8_t birth,
		       struct weft_runtime **rt);

/* Stop the workers where they are, discard what is left, free rt. */
void weft__runtime_stop(struct weft_runtime *rt);

/* WEFT_DEBUG=leaks (config.c). */
bool weft__config_leaks(void);

/* --- spawn.c ----------------------------------------------------------------- */

struct spawn {
	void (*fn)(void);
	const void *site;
	const struct weft_attr *attr;   /* or NULL */
	const void *data;               /* go_copy */
	size_t size;
	void (*unborn)(void *);         /* or NULL: of struct extra */
	uint8_t flags;
	unsigned argc;
	const uintptr_t *argv;
	uint64_t *id;                   /* or NULL; set before it can run */
	bool owed;                      /* max_routines does not refuse it */
};

/* The general form: any thread, any attribute. */
int weft__spawn(struct weft_runtime *rt, struct worker *w, const struct spawn *s);
/* Its two halves.  The second cannot fail. */
int weft__spawn_make(struct weft_runtime *rt, struct worker *w,
		     const struct spawn *s, struct routine **made);
void weft__spawn_queue(struct weft_runtime *rt, struct worker *w,
		       struct routine *r);

/* A retired record goes back to w's cache, or to the plain threads'. */
void weft__record_drop(struct worker *w, struct routine *r);

/* No worker runs any more and no spawn is under way.  End the wait of every
 * routine that is left, then, when nobody outside is at work, their records. */
void weft__discard_waits(struct weft_runtime *rt);
/* Cancel every routine for good; returns how many were not yet. */
size_t weft__cancel_all(struct weft_runtime *rt);
void weft__discard_routines(struct weft_runtime *rt);

/* --- join.c ------------------------------------------------------------------ */

/* The end of r: status to whoever joins, the record back to a cache.  Returns a
 * joiner of this worker that is to run next (on no queue), or NULL. */
struct routine *weft__routine_end(struct worker *w, struct routine *r);

#endif
