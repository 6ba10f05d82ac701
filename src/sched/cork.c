/* sched/cork.c - see cork.h. */
#include "sched/cork.h"
#include "base/spinlock.h"
#include "os/sys.h"
#include "poll/bulk.h"
#include "routine/sanitize.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <weft/routine.h>

/* How long the first may wait for more, and when it has waited too long (B4). */
#define CORK_NS INT64_C(50000)
#define CORK_LATE_NS (4 * CORK_NS)
/* So many go plainly after a flush that was of no use, or more and more. */
enum { CORK_PLAIN = 32, CORK_PLAIN_MOST = 4096 };

enum corked_state { CORKED_HELD, CORKED_FLIES, CORKED_DONE };

struct cork {
	struct spinlock lock;
	unsigned n;                             /* lock */
	struct corked *held[BULK_MOST];         /* lock */
	/* its worker's */
	struct bulk bulk;
	unsigned plain;                         /* B4: so many more, */
	unsigned again;                         /* and so many next time */
	int64_t since;                          /* B5: of the first */
	struct corked *flying[BULK_MOST];
	_Atomic uint64_t made;                  /* for tests */
};

void weft__cork_make(struct worker *w)
{
	struct cork *k;

	w->cork_ask = CORK_ANSWERED;
	/* A driven worker may be left in the middle of a round. */
	if (load_acq(&w->rt->submit.state) == SUBMIT_OFF ||         /* U6 */
	    w->rt->drive)
		return;
	k = calloc(1, sizeof *k);
	if (k && weft__bulk_open(&k->bulk) < 0) {
		free(k);
		k = NULL;
	}
	store_rel(&w->cork, k);                                     /* B10 */
}

/* From its loop, soon (B9). */
static NOINLINE void ask_for(struct worker *w)
{
	w->cork_ask = CORK_WANTED;
	store_seq(&w->attention, 1);                                /* A1 */
}

void weft__cork_free(struct cork *k)
{
	if (k)
		weft__bulk_close(&k->bulk);
	free(k);
}

uint64_t weft__cork_made(const struct worker *w)
{
	const struct cork *k = load_acq(&w->cork);                  /* B10 */

	return k ? load_rlx(&k->made) : 0;
}

/* --- flushing -------------------------------------------------------------------- */

static void done(struct corked *c, int32_t result)
{
	c->result = result;
	store_rel(&c->state, CORKED_DONE);      /* B7; B3: it may be gone */
}

/* TSan does not see the ring's sends.  A write of nothing tells it that who reads
 * comes after what was before; the kernel does nothing for it. */
static void tell_tsan(int fd)
{
	struct iovec none = { NULL, 0 };

	if (WEFT_TSAN)
		(void)weft__sys_writev(fd, &none, 0, 0);
}

/* Put those whose descriptors are still open; how many. */
static unsigned load(struct cork *k, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct corked *c = k->flying[i];

		if (unlikely(c->enter(c) < 0)) {
			done(c, CORK_NOT_MADE);
			continue;
		}
		k->flying[kept++] = c;
		tell_tsan(c->fd);
		weft__bulk_send(&k->bulk, c->fd, c->buf, c->size, c->flags);
	}
	return kept;
}

static void fly(struct cork *k, unsigned n)
{
	uint64_t made = load_rlx(&k->made);

	n = load(k, n);
	if (unlikely(!n))
		return;
	weft__bulk_go(&k->bulk);
	for (unsigned i = 0; i < n; i++) {
		int32_t r = k->bulk.result[i];

		k->flying[i]->leave(k->flying[i]);
		made += r != BULK_NOT_MADE;
		done(k->flying[i], r == BULK_NOT_MADE ? CORK_NOT_MADE : r);
	}
	store_rlx(&k->made, made);
}

/* B4 */
static void judge(struct cork *k, unsigned n)
{
	if (n > 1 && weft__os_now() - k->since <= CORK_LATE_NS) {
		k->again = 0;
		return;
	}
	k->again = k->again ? k->again * 2 : CORK_PLAIN;
	if (k->again > CORK_PLAIN_MOST)
		k->again = CORK_PLAIN_MOST;
	k->plain = k->again;
}

/* On its worker, locked; unlocks. */
static void flush(struct cork *k)
{
	unsigned n = k->n;

	for (unsigned i = 0; i < n; i++) {
		k->flying[i] = k->held[i];
		store_rlx(&k->held[i]->state, CORKED_FLIES);        /* B7 */
	}
	k->n = 0;
	spin_unlock(&k->lock);
	judge(k, n);
	if (likely(n > 1))
		fly(k, n);
	else
		done(k->flying[0], CORK_NOT_MADE);
}

/* --- sending ---------------------------------------------------------------------- */

/* True: it is time to make them all. */
static bool put(struct cork *k, struct corked *c)
{
	int64_t now = weft__os_now();
	bool full;

	c->in = k;
	store_rlx(&c->state, CORKED_HELD);
	spin_lock(&k->lock);
	if (!k->n)
		k->since = now;
	c->at = k->n;
	k->held[k->n++] = c;
	full = k->n == BULK_MOST;
	if (full || now - k->since > CORK_NS)                       /* B5 */
		return true;
	spin_unlock(&k->lock);
	return false;
}

/* Locked: out of a cork that is another worker's (B2). */
static void take_out(struct cork *k, struct corked *c)
{
	struct corked *last = k->held[--k->n];

	k->held[c->at] = last;
	last->at = c->at;
}

/* It has yielded, and runs again. */
static ssize_t settle(struct worker *home, struct corked *c)
{
	struct cork *k = c->in;

	if (likely(load_acq(&c->state) == CORKED_DONE))             /* B7 */
		return c->result;
	spin_lock(&k->lock);
	if (load_rlx(&c->state) == CORKED_HELD) {
		if (weft__worker() != home) {
			take_out(k, c);
			spin_unlock(&k->lock);
			return CORK_NOT_MADE;
		}
		flush(k);
	} else {
		spin_unlock(&k->lock);
	}
	while (load_acq(&c->state) != CORKED_DONE) {                /* B7 */
		weft_yield();
		weft__os_yield();       /* to the worker that is at it */
	}
	return c->result;
}

/* Others can run here, and nobody is free to take them over (B8). */
static bool in_a_row(struct worker *w)
{
	struct idle *idle = &w->rt->idle;

	return runq_len(&w->runq) && !load_rlx(&idle->sleepers) &&
	       !load_rlx(&idle->searchers);
}

/* B11 */
static bool tells_another(const struct worker *w, int fd)
{
	return load_rlx(&w->picks) == w->cork_picks && fd != w->cork_fd;
}

ssize_t weft__cork_send(struct worker *w, struct corked *c)
{
	struct cork *k = load_rlx(&w->cork);                        /* B10 */
	ssize_t r;

	/* Those who are first, bound or last stand in no ring (B1). */
	if (!in_a_row(w) || w->current->flags & ROUTINE_SPECIAL ||
	    tells_another(w, c->fd))
		return CORK_NOT_MADE;
	if (unlikely(!k)) {
		if (w->cork_ask == CORK_UNKNOWN)
			ask_for(w);
		return CORK_NOT_MADE;
	}
	if (unlikely(k->bulk.broken))
		return CORK_NOT_MADE;
	if (k->plain) {
		k->plain--;
		return CORK_NOT_MADE;
	}
	if (put(k, c))
		flush(k);
	else
		weft_yield();
	r = settle(w, c);
	w = weft__worker();
	w->cork_picks = load_rlx(&w->picks);                        /* B11 */
	w->cork_fd = c->fd;
	return r;
}
