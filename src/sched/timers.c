/* sched/timers.c - a 4-ary heap: half the levels of a binary one, one cache
 * line to look at per level.  Invariants and orderings in timers.h. */
#include "sched/timers.h"

enum {
	WAYS = 4,
	FIRST_ROOM = 64,
	/* Places before heap[0]: heap[1], a first child, starts a line. */
	LEAD = WEFT_CACHELINE / sizeof(struct timer_place) - 1,
	/* Fired in one go; then whoever waits for the lock has a turn. */
	RUN_BATCH = 64,
};

void weft__timers_init(struct timers *ts)
{
	memset(ts, 0, sizeof *ts);
	store_rlx(&ts->first, INT64_MAX);
}

static void heap_free(struct timer_place *heap)
{
	if (heap)
		free(heap - LEAD);
}

void weft__timers_fini(struct timers *ts)
{
	heap_free(ts->heap);
	ts->heap = NULL;
}

static inline void place(struct timers *ts, uint32_t i, struct timer_place p)
{
	ts->heap[i] = p;
	p.t->slot = i;
}

static void sift_up(struct timers *ts, uint32_t i, struct timer_place p)
{
	while (i > 0) {
		uint32_t up = (i - 1) / WAYS;

		if (ts->heap[up].key <= p.key)
			break;
		place(ts, i, ts->heap[up]);
		i = up;
	}
	place(ts, i, p);
}

static void sift_down(struct timers *ts, uint32_t i, struct timer_place p)
{
	for (;;) {
		uint32_t child = i * WAYS + 1, best = child, end = child + WAYS;

		if (child >= ts->count)
			break;
		if (end > ts->count)
			end = ts->count;
		for (uint32_t c = child + 1; c < end; c++)
			if (ts->heap[c].key < ts->heap[best].key)
				best = c;
		if (ts->heap[best].key >= p.key)
			break;
		place(ts, i, ts->heap[best]);
		i = best;
	}
	place(ts, i, p);
}

static void first_changed_locked(struct timers *ts)
{
	int64_t first = ts->count ? ts->heap[0].key : INT64_MAX;

	if (load_rlx(&ts->first) != first)
		store_seq(&ts->first, first);                       /* K1 */
}

/* True: it is the first now. */
static bool put_locked(struct timers *ts, struct timer *t)
{
	WEFT_ASSERT(ts->count < ts->room);
	sift_up(ts, ts->count++, (struct timer_place){ t->deadline, t });
	if (t->slot != 0)
		return false;
	first_changed_locked(ts);
	return true;
}

static void take_out_locked(struct timers *ts, struct timer *t)
{
	uint32_t i = t->slot;
	struct timer_place last = ts->heap[--ts->count];

	if (last.t != t) {
		sift_up(ts, i, last);
		if (last.t->slot == i)
			sift_down(ts, i, last);
	}
	if (i == 0)
		first_changed_locked(ts);
}

/* --- room ------------------------------------------------------------------- */

/* Twice the room that was found to be too little; others may be quicker. */
static int grow(struct timers *ts, uint32_t found)
{
	uint32_t room = found ? 2 * found : FIRST_ROOM;
	struct timer_place *heap, *old;

	if (room <= found)
		return -ENOMEM;
	heap = aligned_alloc(WEFT_CACHELINE,
			     ((size_t)room + LEAD + 1) * sizeof *heap);
	if (!heap)
		return -ENOMEM;
	heap += LEAD;
	spin_lock(&ts->lock);
	if (ts->room >= room) {
		old = heap;
	} else {
		old = ts->heap;
		if (ts->count)
			memcpy(heap, old, ts->count * sizeof *heap);
		ts->heap = heap;
		ts->room = room;
	}
	spin_unlock(&ts->lock);
	heap_free(old);
	return 0;
}

int weft__timers_reserve(struct timers *ts)
{
	uint32_t room;
	bool fits;

	for (;;) {
		spin_lock(&ts->lock);
		room = ts->room;
		fits = ts->count < room;
		spin_unlock(&ts->lock);
		if (likely(fits))
			return 0;
		if (grow(ts, room) < 0)
			return -ENOMEM;
	}
}

/* --- in and out ------------------------------------------------------------- */

bool weft__timer_arm(struct timers *ts, struct timer *t)
{
	bool earliest;

	t->alarm = false;
	spin_lock(&ts->lock);
	store_rel(&t->owner, ts);                                   /* K2 */
	earliest = put_locked(ts, t);
	spin_unlock(&ts->lock);
	return earliest;
}

bool weft__timer_arm_open(struct timers *ts, struct timer *t,
			  _Atomic uint32_t *claim, uint32_t open)
{
	bool earliest;

	t->alarm = false;
	spin_lock(&ts->lock);
	store_rel(&t->owner, ts);                                   /* K2 */
	earliest = put_locked(ts, t);
	store_seq(claim, open);                         /* W1 of park.h */
	spin_unlock(&ts->lock);
	return earliest;
}

int weft__timer_arm_alarm(struct timers *ts, struct timer *t,
			  struct spinlock *unlock)
{
	uint32_t room;
	bool earliest;

	t->alarm = true;
	for (;;) {
		spin_lock(&ts->lock);
		room = ts->room;
		if (likely(ts->count + 1 < room))                   /* M5 */
			break;
		spin_unlock(&ts->lock);
		if (grow(ts, room) < 0)
			return -ENOMEM;
	}
	store_rel(&t->owner, ts);                                   /* K2 */
	earliest = put_locked(ts, t);
	if (unlock)
		spin_unlock(unlock);
	spin_unlock(&ts->lock);
	return earliest;
}

/* Later, but not never: it stays where it is.  True: it is the first now. */
static bool move_locked(struct timers *ts, struct timer *t, int64_t deadline)
{
	uint32_t i = t->slot;
	int64_t old = ts->heap[i].key;
	struct timer_place p = { deadline, t };

	t->deadline = deadline;
	if (likely(deadline >= old && deadline != INT64_MAX))
		return false;
	if (deadline < old)
		sift_up(ts, i, p);
	else
		sift_down(ts, i, p);
	first_changed_locked(ts);
	return deadline < old && t->slot == 0;
}

int weft__timer_move_alarm(struct timer *t, int64_t deadline,
			   struct spinlock *unlock)
{
	struct timers *ts = load_acq(&t->owner);                    /* K2 */
	bool earliest;

	if (!ts)
		return -ESRCH;
	spin_lock(&ts->lock);
	if (load_rlx(&t->owner) != ts) {
		spin_unlock(&ts->lock);
		return -ESRCH;
	}
	earliest = move_locked(ts, t, deadline);
	spin_unlock(unlock);
	spin_unlock(&ts->lock);
	return earliest;
}

void weft__timer_again_locked(struct timers *ts, struct timer *t)
{
	put_locked(ts, t);
}

bool weft__timer_stop(struct timer *t)
{
	struct timers *ts = load_seq(&t->owner);                    /* K2 A2 */
	bool was;

	if (!ts)
		return false;
	spin_lock(&ts->lock);
	was = load_rlx(&t->owner) == ts;
	if (was) {
		take_out_locked(ts, t);
		store_rel(&t->owner, NULL);                         /* K2 */
	}
	spin_unlock(&ts->lock);
	return was;
}

void weft__timers_drop_alarms(struct timers *ts)
{
	uint32_t left = 0;

	spin_lock(&ts->lock);
	for (uint32_t i = 0; i < ts->count; i++) {
		if (ts->heap[i].t->alarm)
			store_seq(&ts->heap[i].t->owner, NULL);     /* A2 */
		else
			place(ts, left++, ts->heap[i]);
	}
	ts->count = left;
	for (uint32_t i = left; i-- > 0;)
		sift_down(ts, i, ts->heap[i]);
	first_changed_locked(ts);
	spin_unlock(&ts->lock);
}

/* --- running ---------------------------------------------------------------- */

static bool due_locked(const struct timers *ts, int64_t now)
{
	return ts->count && ts->heap[0].key <= now;                 /* M4 */
}

/* Locked before, not after. */
static unsigned run_batch(struct timers *ts, struct worker *w, int64_t now)
{
	unsigned fired = 0;

	while (fired < RUN_BATCH && due_locked(ts, now)) {
		struct timer *t = ts->heap[0].t;

		if (unlikely(t->deadline > ts->heap[0].key)) {      /* M2 */
			sift_down(ts, 0, (struct timer_place){ t->deadline, t });
			first_changed_locked(ts);
			continue;
		}
		take_out_locked(ts, t);
		fired++;
		if (t->alarm) {
			t->fire(w, t);                              /* M6 */
		} else {
			t->fire(w, t);
			store_rel(&t->owner, NULL);                 /* K2 */
		}
	}
	spin_unlock(&ts->lock);
	return fired;
}

unsigned weft__timers_run(struct timers *ts, struct worker *w, int64_t now)
{
	unsigned fired = 0, n = RUN_BATCH;

	while (n == RUN_BATCH && load_rlx(&ts->first) <= now) {
		spin_lock(&ts->lock);
		n = run_batch(ts, w, now);
		fired += n;
	}
	return fired;
}

unsigned weft__timers_help(struct timers *ts, struct worker *w, int64_t now)
{
	unsigned fired = 0, n = RUN_BATCH;

	while (n == RUN_BATCH && load_rlx(&ts->first) <= now) {
		if (!spin_trylock(&ts->lock))
			break;
		n = run_batch(ts, w, now);
		fired += n;
	}
	return fired;
}
