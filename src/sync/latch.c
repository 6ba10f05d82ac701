/* sync/latch.c - a count that goes down, and a gate that opens at zero.
 *
 * waitlist.h has the protocol.  Open: the count has reached zero.
 *
 *   D1  The count only falls.  What leaves it above zero is one CAS; only who
 *       holds the lock makes it zero, and then opens, so that zero with the
 *       lock free means that it was zero from the beginning.
 *   D2  Below zero it does not go: a latch that is open stays open, and one
 *       count too many tells nobody anything that is not true already.
 *
 * Ordering
 *   D3  count: CAS-release down / exchange-acquire to zero.  Who is let
 *       through sees what was done before every count that led there.
 */
#include "sync/waitlist.h"

#include <weft/latch.h>

struct latch {
	struct waitlist l;
	_Atomic int64_t count;          /* D1, D3 */
};

_Static_assert(sizeof(struct latch) == sizeof(weft_latch) &&
	       offsetof(weft_latch, weft__count) ==
	       offsetof(struct latch, count), "the public struct is this");

/* n is enough to reach zero. */
static NOINLINE void let_through(struct latch *t, struct worker *w)
{
	struct harvest h = HARVEST_NONE;

	if (!waitlist_lock(&t->l))
		return;
	xchg_acq(&t->count, 0);                                     /* D3 */
	waitlist_take_all(&t->l, &h);
	waitlist_open(&t->l);
	waitlist_finish(w, &h);
}

void weft_latch_count_down(weft_latch *latch, long n)
{
	struct latch *t = (struct latch *)latch;
	struct worker *w = weft__worker();
	int64_t count = load_rlx(&t->count);

	if (unlikely(n < 0))
		weft__panic("latch: count down by %ld", n);
	weft__known(w);
	while (count > n)
		if (!n || cas_rel(&t->count, &count, count - n))    /* D3 */
			goto out;
	if (count > 0)
		let_through(t, w);
out:
	weft__budget(w);
}

static int wait_closed(struct latch *t, struct worker *w, int64_t deadline)
{
	struct listed p;
	int err;

	if (!waitlist_lock(&t->l))
		goto out;
	if (load_rlx(&t->count) <= 0) {
		waitlist_open(&t->l);                               /* D1 */
		goto out;
	}
	p.left = NULL;
	err = weft__waitlist_wait(&t->l, w, &p, deadline, PARK_LATCH);
	return err < 0 ? err : 0;
out:
	weft__budget(w);
	return 0;
}

static ALWAYS_INLINE int wait_until(struct latch *t, int64_t deadline)
{
	struct worker *w = weft__worker();

	if (waitlist_cancelled(w, deadline))
		return -ECANCELED;
	if (!waitlist_is_open(&t->l))
		return wait_closed(t, w, deadline);
	weft__budget(w);
	return 0;
}

int weft_latch_wait(weft_latch *latch)
{
	return wait_until((struct latch *)latch, WEFT_FOREVER);
}

int weft_latch_wait_until(weft_latch *latch, weft_time deadline)
{
	return wait_until((struct latch *)latch, deadline);
}
