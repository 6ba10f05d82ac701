/* sched/steal.c - taking work from a worker that has more than it runs.
 *
 * Rings first, half at a time.  A next slot is its owner's: it is taken only
 * by a patient thief, one that has watched the owner stand still (its pick
 * count did not move) through a whole search, for a routine that was just made
 * ready runs best where its waker was.  Ordering: N1 (worker.h), Q1, Q2.
 *
 * Who has work of its own does not steal, unless the monitor saw somebody stand
 * still over work that nobody came for: then it takes one at a time (F6).
 */
#include "sched/worker.h"
#include "sched/runtime.h"

struct routine *weft__steal(struct worker *w, const uint64_t *picks_before,
			    uint32_t high)
{
	struct weft_runtime *rt = w->rt;
	uint32_t start = worker_random(w) % high;

	WEFT_ASSERT(runq_len(&w->runq) == 0);

	for (uint32_t i = 0; i < high; i++) {
		uint32_t n = start + i < high ? start + i : start + i - high;
		struct worker *victim = rt->worker[n];
		struct routine *r;

		if (victim == w)
			continue;
		r = weft__runq_steal(&w->runq, &victim->runq);
		if (!r && picks_before && load_rlx(&victim->next) &&
		    load_rlx(&victim->picks) == picks_before[n])
			r = xchg_acqrel(&victim->next, NULL);       /* N1 */
		if (r) {
			w->steals++;
			return r;
		}
	}
	return NULL;
}

struct routine *weft__steal_stranded(struct worker *w, uint32_t high)
{
	struct weft_runtime *rt = w->rt;
	uint32_t start;

	if (!load_rlx(&rt->monitor.stranded))
		return NULL;
	start = worker_random(w) % high;
	for (uint32_t i = 0; i < high; i++) {
		uint32_t n = start + i < high ? start + i : start + i - high;
		struct worker *victim = rt->worker[n];
		struct routine *r;

		if (victim == w || !load_rlx(&victim->still))
			continue;
		r = weft__runq_steal_one(&victim->runq);
		if (!r && load_rlx(&victim->next))
			r = xchg_acqrel(&victim->next, NULL);       /* N1 */
		if (r) {
			w->steals++;
			return r;
		}
	}
	return NULL;
}
