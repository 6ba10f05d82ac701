/* sync/sem.c - permits that are acquired by the handful, first come first
 * served.
 *
 * waitlist.h has the protocol; the lock is never open.
 *
 *   S1  While somebody is listed nobody takes permits but the first in the
 *       list, however few he wants: a big waiter is not overtaken for ever.
 *   S2  The first in the list wants more than there are permits, or has given
 *       up and is about to leave.  Whatever ends that (a release, his leaving)
 *       grants on, so no permit lies idle that the first could have.
 *   S3  Granting takes the permits after the claim: a waiter that gave up has
 *       none to give back; one that is discarded before it has run does.
 */
#include "sync/waitlist.h"

#include <weft/sem.h>

struct sem {
	struct waitlist l;
	int64_t permits;                /* lock; below zero: owed */
};

struct acquirer {
	struct listed p;
	int64_t wanted;
};

_Static_assert(sizeof(struct sem) == sizeof(weft_sem) &&
	       offsetof(weft_sem, weft__permits) ==
	       offsetof(struct sem, permits), "the public struct is this");

/* S2; locked. */
static void grant(struct sem *s, struct harvest *h)
{
	struct listed *p;

	while ((p = waitlist_first(&s->l))) {
		int64_t wanted = container_of(p, struct acquirer, p)->wanted;

		if (wanted > s->permits)
			return;
		if (weft__waitlist_take(&s->l, p, h))
			s->permits -= wanted;                       /* S3 */
	}
}

static void left(struct listed *p, struct harvest *h)
{
	struct sem *s = container_of(p->list, struct sem, l);

	if (load_rlx(&p->stage) == STAGE_TAKEN)
		s->permits += container_of(p, struct acquirer, p)->wanted;
	grant(s, h);
}

static ALWAYS_INLINE void release(struct worker *w, struct sem *s, long n)
{
	struct harvest h = HARVEST_NONE;
	int64_t permits;

	if (unlikely(n < 0))
		weft__panic("sem: release of %ld permits", n);
	waitlist_lock(&s->l);
	if (unlikely(__builtin_add_overflow(s->permits, n, &permits))) {
		waitlist_unlock(&s->l);
		weft__panic("sem: more permits than a long can count");
	}
	s->permits = permits;
	grant(s, &h);
	waitlist_unlock(&s->l);
	waitlist_finish(w, &h);
	weft__budget(w);
}

/* A plain thread is known before it has any effect. */
static NOINLINE void release_plain(struct sem *s, long n)
{
	weft__plain_act();
	release(NULL, s, n);
}

void weft_sem_release(weft_sem *sem, long n)
{
	struct worker *w = weft__worker();

	if (likely(w != NULL))
		release(w, (struct sem *)sem, n);
	else
		release_plain((struct sem *)sem, n);
}

static ALWAYS_INLINE int acquire_as(struct worker *w, struct sem *s, long n,
				    int64_t deadline)
{
	struct acquirer a;
	int err;

	if (unlikely(n <= 0))
		return -EINVAL;
	if (waitlist_cancelled(w, deadline))
		return -ECANCELED;
	waitlist_lock(&s->l);
	if (likely(s->permits >= n && list_empty(&s->l.list))) {    /* S1 */
		s->permits -= n;
		waitlist_unlock(&s->l);
		weft__budget(w);
		return 0;
	}
	a.wanted = n;
	a.p.left = left;
	err = weft__waitlist_wait(&s->l, w, &a.p, deadline, PARK_SEM);
	return err == WAIT_DROPPED ? a.p.wt.result : err;
}

static NOINLINE int acquire_plain(struct sem *s, long n, int64_t deadline)
{
	return acquire_as(NULL, s, n, deadline);
}

static ALWAYS_INLINE int acquire(struct sem *s, long n, int64_t deadline)
{
	struct worker *w = weft__worker();

	return likely(w != NULL) ? acquire_as(w, s, n, deadline) :
				   acquire_plain(s, n, deadline);
}

int weft_sem_acquire(weft_sem *sem, long n)
{
	return acquire((struct sem *)sem, n, WEFT_FOREVER);
}

int weft_sem_try_acquire(weft_sem *sem, long n)
{
	return acquire((struct sem *)sem, n, WEFT_NOWAIT);
}

int weft_sem_acquire_until(weft_sem *sem, long n, weft_time deadline)
{
	return acquire((struct sem *)sem, n, deadline);
}
