/* sync/oneshot.c - a value that is set once, and who waits for it.
 *
 * waitlist.h has the protocol.  Open: the value is set and will not change.
 *
 *   V1  The value is written under the lock, before opening.
 *   V2  A listed reader gets it in its place, since a reader that finds the
 *       one-shot open may free it at once.
 */
#include "sync/waitlist.h"

#include <weft/oneshot.h>

struct oneshot {
	struct waitlist l;
	void *value;                    /* V1 */
};

struct reader {
	struct listed p;
	void *value;                    /* the setter's until it is taken */
};

_Static_assert(sizeof(struct oneshot) == sizeof(weft_oneshot) &&
	       offsetof(weft_oneshot, weft__value) ==
	       offsetof(struct oneshot, value), "the public struct is this");

int weft_oneshot_set(weft_oneshot *oneshot, void *value)
{
	struct oneshot *o = (struct oneshot *)oneshot;
	struct harvest h = HARVEST_NONE;
	struct worker *w = weft__worker();
	struct listed *p;

	weft__known(w);
	if (!waitlist_lock(&o->l)) {
		weft__budget(w);
		return -EALREADY;
	}
	o->value = value;
	while ((p = waitlist_first(&o->l))) {
		container_of(p, struct reader, p)->value = value;   /* V2 */
		weft__waitlist_take(&o->l, p, &h);
	}
	waitlist_open(&o->l);
	waitlist_finish(w, &h);
	weft__budget(w);
	return 0;
}

static int get(struct oneshot *o, void **value, int64_t deadline)
{
	struct worker *w = weft__worker();
	struct reader r;
	int err;

	if (waitlist_cancelled(w, deadline))
		return -ECANCELED;
	if (waitlist_is_open(&o->l) || !waitlist_lock(&o->l)) {
		r.value = o->value;
		weft__budget(w);
	} else {
		r.p.left = NULL;
		err = weft__waitlist_wait(&o->l, w, &r.p, deadline,
					  PARK_ONESHOT);
		if (err < 0)
			return err;
	}
	if (value)
		*value = r.value;
	return 0;
}

int weft_oneshot_get(weft_oneshot *oneshot, void **value)
{
	return get((struct oneshot *)oneshot, value, WEFT_FOREVER);
}

int weft_oneshot_get_until(weft_oneshot *oneshot, void **value,
			   weft_time deadline)
{
	return get((struct oneshot *)oneshot, value, deadline);
}
