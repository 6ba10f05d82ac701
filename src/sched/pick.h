/* sched/pick.h - the next local routine, as inline code: it is on the path of
 * every park, yield and end.  Fairness rules F1 to F3 are in worker.c.
 */
#ifndef WEFT_SCHED_PICK_H
#define WEFT_SCHED_PICK_H

#include "sched/worker.h"

static ALWAYS_INLINE struct routine *take_next(struct worker *w)
{
	return load_rlx(&w->next) ? xchg_acqrel(&w->next, NULL) : NULL; /* N1 */
}

/* Count a pick.  True: it is time to look around (F2, F3), with
 * weft__pick_looking instead of pick_local. */
static ALWAYS_INLINE bool pick_must_look(struct worker *w)
{
	uint64_t n = load_rlx(&w->picks) + 1;

	store_rlx(&w->picks, n);
	return n % LOOK_EVERY == 0 || load_rlx(&w->attention);
}

static ALWAYS_INLINE struct routine *pick_local(struct worker *w)
{
	struct routine *r;

	if (w->streak < NEXT_CAP && (r = take_next(w))) {       /* F1 */
		w->streak++;
		return r;
	}
	w->streak = 0;
	r = runq_take(&w->runq);
	w->budget = BUDGET;
	return r ? r : take_next(w);
}

struct routine *weft__pick_looking(struct worker *w);

/* Instead, for a directed pick (F5): may it be made even now? */
bool weft__pick_directed(struct worker *w);

/* Not so: `who`, in no queue, goes behind the ring and some of a pile (F8).  False:
 * there is no pile; it is where it was. */
bool weft__pick_stand_back(struct worker *w, struct routine *who);

/* r, if it would be the next or the last to run here; else NULL.  Only for a
 * routine that waits for r and gives it its own turn: nobody is overtaken. */
static ALWAYS_INLINE struct routine *pick_this(struct worker *w,
					       struct routine *r)
{
	if (load_rlx(&w->next) == r)
		return xchg_acqrel(&w->next, NULL);                 /* N1 */
	return runq_take_newest(&w->runq, r) ? r : NULL;
}

/* The next local routine, or NULL: the loop has to search. */
static ALWAYS_INLINE struct routine *pick(struct worker *w)
{
	return unlikely(pick_must_look(w)) ? weft__pick_looking(w) :
					     pick_local(w);
}

#endif
