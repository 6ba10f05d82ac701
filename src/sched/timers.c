/* sched/timers.c - a 4-ary heap: half the levels of a binary one, and the four
 * children share a cache line.  Invariants and orderings in timers.h. */
#include "sched/timers.h"

enum { WAYS = 4, FIRST_ROOM = 64 };

void weft__timers_init(struct timers *ts)
{
	memset(ts, 0, sizeof *ts);
	store_rlx(&ts->first, INT64_MAX);
}

void weft__timers_fini(struct timers *ts)
{
	free(ts->heap);
	ts->heap = NULL;
}

static void place(struct timers *ts, uint32_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->slot = i;
}

static void sift_up(struct timers *ts, uint32_t i, struct timer *t)
{
	while (i > 0) {
		uint32_t up = (i - 1) / WAYS;

		if (ts->heap[up]->deadline <= t->deadline)
			break;
		place(ts, i, ts->heap[up]);
		i = up;
	}
	place(ts, i, t);
}

static void sift_down(struct timers *ts, uint32_t i, struct timer *t)
{
	for (;;) {
		uint32_t child = i * WAYS + 1, best = child;

		if (child >= ts->count)
			break;
		for (uint32_t c = child + 1;
		     c < child + WAYS && c < ts->count; c++)
			if (ts->heap[c]->deadline < ts->heap[best]->deadline)
				best = c;
		if (ts->heap[best]->deadline >= t->deadline)
			break;
		place(ts, i, ts->heap[best]);
		i = best;
	}
	place(ts, i, t);
}

static void first_changed_locked(struct timers *ts)
{
	store_seq(&ts->first,
		  ts->count ? ts->heap[0]->deadline : INT64_MAX);   /* K1 */
}

static void take_out_locked(struct timers *ts, struct timer *t)
{
	uint32_t i = t->slot;
	struct timer *last = ts->heap[--ts->count];

	if (last != t) {
		sift_up(ts, i, last);
		if (last->slot == i)
			sift_down(ts, i, last);
	}
	if (i == 0)
		first_changed_locked(ts);
}

int weft__timers_reserve(struct timers *ts)
{
	struct timer **heap, **old;
	uint32_t room = ts->room ? 2 * ts->room : FIRST_ROOM;
	bool fits;

	spin_lock(&ts->lock);
	fits = ts->count < ts->room;
	spin_unlock(&ts->lock);
	if (fits)
		return 0;
	heap = malloc(room * sizeof *heap);
	if (!heap)
		return -ENOMEM;
	spin_lock(&ts->lock);
	if (ts->count)
		memcpy(heap, ts->heap, ts->count * sizeof *heap);
	old = ts->heap;
	ts->heap = heap;
	ts->room = room;
	spin_unlock(&ts->lock);
	free(old);
	return 0;
}

static bool arm_locked(struct timers *ts, struct timer *t)
{
	WEFT_ASSERT(ts->count < ts->room);
	store_rel(&t->owner, ts);                                   /* K2 */
	sift_up(ts, ts->count++, t);
	if (t->slot)
		return false;
	first_changed_locked(ts);
	return true;
}

bool weft__timer_arm(struct timers *ts, struct timer *t)
{
	bool earliest;

	spin_lock(&ts->lock);
	earliest = arm_locked(ts, t);
	spin_unlock(&ts->lock);
	return earliest;
}

bool weft__timer_arm_open(struct timers *ts, struct timer *t,
			  _Atomic uint32_t *claim, uint32_t open)
{
	bool earliest;

	spin_lock(&ts->lock);
	earliest = arm_locked(ts, t);
	store_seq(claim, open);                         /* W1 of park.h */
	spin_unlock(&ts->lock);
	return earliest;
}

bool weft__timer_stop(struct timer *t)
{
	struct timers *ts = load_acq(&t->owner);                    /* K2 */
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

unsigned weft__timers_run(struct timers *ts, struct worker *w, int64_t now)
{
	unsigned fired = 0;

	if (load_rlx(&ts->first) > now)
		return 0;
	spin_lock(&ts->lock);
	while (ts->count && ts->heap[0]->deadline <= now) {         /* M4 */
		struct timer *t = ts->heap[0];

		take_out_locked(ts, t);
		t->fire(w, t);
		store_rel(&t->owner, NULL);                         /* K2 */
		fired++;
	}
	spin_unlock(&ts->lock);
	return fired;
}
