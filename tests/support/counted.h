/* support/counted.h - an object that its last user frees. */
#ifndef WEFT_SUPPORT_COUNTED_H
#define WEFT_SUPPORT_COUNTED_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

struct counted {
	union {
		weft_mutex m;
		weft_rwlock l;
	};
	int refs;                               /* under the lock in use   */
	int (*less)(struct counted *);          /* by one: how many left   */
	weft_waitgroup *out;
};

static void drop(void *arg)
{
	struct counted *c = arg;
	weft_waitgroup *out = c->out;

	if (!c->less(c)) {
		memset(c, 0xff, sizeof *c);
		free(c);
	}
	weft_waitgroup_done(out);
}

static inline int mutex_less(struct counted *c)
{
	int left;

	weft_mutex_lock(&c->m);
	left = --c->refs;
	weft_mutex_unlock(&c->m);
	return left;
}

static inline int rwlock_less(struct counted *c)
{
	int left;

	weft_rwlock_rlock(&c->l);
	weft_rwlock_runlock(&c->l);
	weft_rwlock_lock(&c->l);
	left = --c->refs;
	weft_rwlock_unlock(&c->l);
	return left;
}

/* So many objects, one after the other, each dropped by four routines at once;
 * 0, or why there is no routine. */
static inline int last_one_frees(int laps, int (*less)(struct counted *))
{
	weft_waitgroup out = WEFT_WAITGROUP_INIT;
	int err = 0;

	while (laps-- > 0 && !err) {
		struct counted *c = calloc(1, sizeof *c);

		if (!c)
			return -ENOMEM;
		c->refs = 4;
		c->less = less;
		c->out = &out;
		weft_waitgroup_add(&out, 4);
		for (int i = 0; i < 4 && !err; i++)
			err = weft_go(drop, c);
		if (!err)
			weft_waitgroup_wait(&out);
	}
	return err;
}

#endif
