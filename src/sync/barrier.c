/* sync/barrier.c - parties that wait for each other, again and again.
 *
 * waitlist.h has the protocol.  Who is listed has arrived.
 *
 *   G1  length < parties.  The party that would make it equal is not listed:
 *       it takes all the others, and is the one that gets 1.
 *   G2  A party that gave up has not arrived any more once it is off the list.
 *       Taken before that, it has arrived like the others (WAIT_DROPPED).
 *   G3  The list is empty between generations, so whoever returns may arrive
 *       for the next one at once, or free the barrier when there is none.
 */
#include "sync/waitlist.h"

#include <weft/barrier.h>

struct barrier {
	struct waitlist l;
	int64_t parties;                /* constant */
};

_Static_assert(sizeof(struct barrier) == sizeof(weft_barrier) &&
	       offsetof(weft_barrier, weft__parties) ==
	       offsetof(struct barrier, parties), "the public struct is this");

static int wait_until(struct barrier *b, int64_t deadline)
{
	struct harvest h = HARVEST_NONE;
	struct worker *w = weft__worker();
	struct listed p;
	int err;

	if (b->parties <= 0)
		return -EINVAL;
	if (waitlist_cancelled(w, deadline))
		return -ECANCELED;
	waitlist_lock(&b->l);
	if ((int64_t)load_rlx(&b->l.length) + 1 >= b->parties) {               /* G1 */
		waitlist_take_all(&b->l, &h);
		waitlist_unlock(&b->l);
		waitlist_finish(w, &h);
		weft__budget(w);
		return 1;
	}
	p.left = NULL;
	err = weft__waitlist_wait(&b->l, w, &p, deadline, PARK_BARRIER);
	return err < 0 ? err : 0;                                   /* G2 */
}

int weft_barrier_wait(weft_barrier *barrier)
{
	return wait_until((struct barrier *)barrier, WEFT_FOREVER);
}

int weft_barrier_wait_until(weft_barrier *barrier, weft_time deadline)
{
	return wait_until((struct barrier *)barrier, deadline);
}
