/* io/edge.c - trying, and waiting for an edge of a descriptor; rules in desc.h. */
#include "io/desc.h"
#include "os/sys.h"

#include <unistd.h>

/* The place of one wait in the queue of one side. */
struct place {
	struct link link;               /* lock */
	struct edge_wait *of;
};

/* A wait of a routine for either side or both, on its stack. */
struct edge_wait {
	struct wait wt;
	struct link ended;              /* whoever claimed it */
	struct place place[DESC_SIDES];
	struct desc *desc;
};

/* A plain thread that polls (D7). */
struct thread_place {
	struct link link;               /* desc.lock */
	int kick;                       /* negative: there was none to be had */
	bool closed;                    /* desc.lock */
};

/* --- ending waits ------------------------------------------------------------------ */

/* The first of a queue, into e.  False: nobody waits there. */
static bool end_first(struct list *queue, int result, struct ended *e)
{
	struct link *l;

	while ((l = list_pop(queue))) {
		struct edge_wait *ew = container_of(l, struct place, link)->of;

		for (unsigned i = 0; i < DESC_SIDES; i++)
			list_remove(&ew->place[i].link);
		if (!wait_claim(&ew->wt))
			continue;       /* its deadline or a cancel was first */
		ew->wt.result = result;
		list_push(&e->waits, &ew->ended);
		return true;
	}
	return false;
}

static void end_all(struct list *queue, int result, struct ended *e)
{
	while (end_first(queue, result, e))
		;
}

static void kick_threads(struct desc *d, bool closed)
{
	for (struct link *l = d->threads.head; l; l = l->next) {
		struct thread_place *t = container_of(l, struct thread_place,
						      link);

		t->closed |= closed;
		if (t->kick >= 0)
			weft__sys_eventfd_tell(t->kick);
	}
}

void weft__desc_end_waits(struct desc *d, unsigned sides, int result,
			  struct ended *e)
{
	for (unsigned i = 0; i < DESC_SIDES; i++)
		if (sides & 1u << i) {
			end_all(&d->side[i].waiters, result, e);
			end_all(&d->side[i].lookers, result, e);
		}
	kick_threads(d, result < 0);
}

void weft__desc_ready(struct worker *w, struct ended *e)
{
	bool one = e->waits.head == e->waits.tail;
	struct link *l;

	while ((l = list_pop(&e->waits))) {
		struct wait *wt = &container_of(l, struct edge_wait, ended)->wt;

		if (one)
			weft__ready(w, wt);
		else
			weft__ready_many(w, wt);
	}
}

/* --- edges --------------------------------------------------------------------------- */

/* An event of a poller, for the number in the tag's lower half. */
static void told(struct worker *w, uint64_t tag, uint32_t ready)
{
	static const uint32_t means[DESC_SIDES] = {
		[DESC_IN] = POLL_READY_IN | POLL_READY_HUP | POLL_READY_ERR,
		[DESC_OUT] = POLL_READY_OUT | POLL_READY_ERR,
	};
	bool all = ready & (POLL_READY_HUP | POLL_READY_ERR);
	struct ended e = { { NULL, NULL } };
	int err;
	struct desc *d = weft__desc_find((int)(uint32_t)tag, &err);

	if (!d)
		return;
	spin_lock(&d->lock);
	if (load_rlx(&d->generation) != tag >> 32) {            /* D5 */
		spin_unlock(&d->lock);
		return;
	}
	if (all || ready & POLL_READY_PRI)
		store_rlx(&d->hup, true);
	for (unsigned i = 0; i < DESC_SIDES; i++) {
		struct side *s = &d->side[i];

		if (!(ready & means[i]))
			continue;
		store_rel(&s->edges, load_rlx(&s->edges) + 1);      /* D13 */
		while (end_first(&s->waiters, 0, &e) && all)
			;                                       /* D3 */
		end_all(&s->lookers, 0, &e);                    /* D3 */
	}
	spin_unlock(&d->lock);
	weft__desc_ready(w, &e);
}

/* The edge that woke the caller may mean more than it has taken (D3). */
static NOINLINE void hand_on(struct desc *d, enum desc_side side)
{
	struct ended e = { { NULL, NULL } };

	spin_lock(&d->lock);
	end_first(&d->side[side].waiters, 0, &e);
	spin_unlock(&d->lock);
	weft__desc_ready(weft__worker(), &e);
}

/* --- waiting --------------------------------------------------------------------------- */

/* What to wait for. */
struct want {
	int fd;
	unsigned sides;                 /* bits 1 << enum desc_side       */
	uint32_t edge[DESC_SIDES];      /* as counted before the try      */
	uint32_t generation;
	bool renew;                     /* D10 */
	bool front;                     /* it had its turn: ahead of others */
	short looks_for;                /* weft_poll: what; 0: it tries     */
	int64_t deadline;
};

static int64_t deadline_of(struct desc *d, const struct want *q)
{
	int64_t until = q->deadline;

	for (unsigned i = 0; i < DESC_SIDES; i++) {
		int64_t t = load_rlx(&d->side[i].deadline);

		if (q->sides & 1u << i && t && t < until)
			until = t;
	}
	return until;
}

/* Not IN for who looks for a hangup only: he would be told of it as long as
 * nobody reads. */
static uint32_t ready_bits(const struct want *q)
{
	const short rare = POLLPRI | POLLRDHUP | POLLHUP | POLLERR | POLLOUT |
			   POLLWRNORM;
	uint32_t in = !q->looks_for || q->looks_for & ~rare ? POLL_READY_IN :
							      POLL_READY_HUP;

	return (q->sides & 1u << DESC_IN ? in : 0) |
	       (q->looks_for & POLLPRI ? POLL_READY_PRI : 0) |
	       (q->sides & 1u << DESC_OUT ? POLL_READY_OUT : 0);
}

/* Known to the poller of this runtime (D2).  The caller is inside: else the next
 * file with that number could be given a stale tag. */
static int registered(struct worker *w, struct desc *d, struct want *q)
{
	uint64_t here = weft__watch_serial(w), serial;
	uint64_t was = load_rlx(&d->serial);                        /* D9 */
	int err = 0;

	if (likely(here && was == here && !q->renew))
		return 0;
	if (unlikely(!load_rlx(&weft__watch_told)))
		store_rel(&weft__watch_told, told);                 /* X7 */
	err = was ? weft__watch_rearm(w, q->fd, desc_tag(d, q->fd), &serial) :
		    weft__watch_add(w, q->fd, desc_tag(d, q->fd), &serial);
	q->renew = false;
	if (err)
		return err == -EPERM ? -EOPNOTSUPP : err;
	was = xchg_acqrel(&d->serial, serial);                      /* D9 */
	if (was && was != serial)
		or_seq(&d->flags, DESC_SPREAD);                     /* D9 */
	return 0;
}

static void unlink_all(struct edge_wait *ew)
{
	for (unsigned i = 0; i < DESC_SIDES; i++)
		list_remove(&ew->place[i].link);
}

/* Discarded: out of the queues, or, when an edge has woken it, hand that on. */
static bool withdraw(struct wait *wt)
{
	struct edge_wait *ew = container_of(wt, struct edge_wait, wt);
	struct ended e = { { NULL, NULL } };
	struct desc *d = ew->desc;
	bool was = false;

	spin_lock(&d->lock);
	for (unsigned i = 0; i < DESC_SIDES; i++)
		was |= ew->place[i].link.list != NULL;
	unlink_all(ew);
	for (unsigned i = 0; i < DESC_SIDES && !was && !wt->result; i++)
		end_first(&d->side[i].waiters, 0, &e);
	spin_unlock(&d->lock);
	weft__desc_ready(NULL, &e);
	return was;
}

static void list_push_front(struct list *l, struct link *n)
{
	n->prev = NULL;
	n->next = l->head;
	n->list = l;
	if (l->head)
		l->head->prev = n;
	else
		l->tail = n;
	l->head = n;
}

/* Locked: has an edge come since the try, or is it another file by now? */
static int changed(struct desc *d, const struct want *q)
{
	if (load_rlx(&d->generation) != q->generation)
		return -EBADF;
	for (unsigned i = 0; i < DESC_SIDES; i++)
		if (q->sides & 1u << i &&
		    load_rlx(&d->side[i].edges) != q->edge[i])
			return 1;
	return 0;
}

static enum park_reason reason_of(const struct want *q)
{
	return q->sides == 1u << DESC_IN ? PARK_READ :
	       q->sides == 1u << DESC_OUT ? PARK_WRITE : PARK_POLL;
}

/* 0: look again.  Else why there is nothing to look at. */
static int wait_routine(struct worker *w, struct desc *d, struct want *q)
{
	struct edge_wait ew = { .desc = d };
	int64_t until;
	int err;

	spin_lock(&d->lock);
	/* Locked: who changes it wakes those in the queue. */
	until = deadline_of(d, q);
	err = changed(d, q);
	if (!err && until <= 0)
		err = -ETIMEDOUT;
	if (err) {
		spin_unlock(&d->lock);
		return err < 0 ? err : 0;
	}
	wait_init(&ew.wt, weft__current(w), until);
	ew.wt.withdraw = withdraw;
	ew.wt.object = (void *)(intptr_t)q->fd;
	weft__watch_arm(w, q->fd, desc_tag(d, q->fd), ready_bits(q));
	for (unsigned i = 0; i < DESC_SIDES; i++) {
		struct list *l = q->looks_for ? &d->side[i].lookers
					      : &d->side[i].waiters;

		ew.place[i].of = &ew;
		if (!(q->sides & 1u << i))
			continue;
		if (q->front)
			list_push_front(l, &ew.place[i].link);
		else
			list_push(l, &ew.place[i].link);
	}
	weft__watch_wait_begin(w);
	w = weft__park(w, &ew.wt, &d->lock, reason_of(q));
	weft__watch_wait_end(w);
	store_rlx(&ew.wt.routine->reason, PARK_NONE);
	if (unlikely(ew.wt.result)) {
		spin_lock(&d->lock);
		unlink_all(&ew);
		spin_unlock(&d->lock);
	}
	return ew.wt.result;
}

/* How long a thread that cannot be told waits before it looks (D7). */
#define UNTOLD_NS INT64_C(10000000)

static int wait_thread(struct desc *d, struct want *q)
{
	struct pollfd p[2] = {
		{ .fd = q->fd, .events = q->looks_for ? q->looks_for :
		  (short)((q->sides & 1u << DESC_IN ? POLLIN : 0) |
			  (q->sides & 1u << DESC_OUT ? POLLOUT : 0)) },
		{ .events = POLLIN },
	};
	struct thread_place t = { .kick = weft__sys_eventfd() };
	int64_t now, until, wait;
	bool closed;
	int r;

	p[1].fd = t.kick;
	spin_lock(&d->lock);
	t.closed = closed = load_rlx(&d->generation) != q->generation;
	until = deadline_of(d, q);      /* locked: as above */
	list_push(&d->threads, &t.link);
	spin_unlock(&d->lock);
	now = weft__clock();
	wait = until == INT64_MAX ? -1 : until - now;
	if (t.kick < 0 && (wait < 0 || wait > UNTOLD_NS))
		wait = UNTOLD_NS;
	r = closed || until <= now ? 0 : weft__sys_poll(p, 2, wait);
	spin_lock(&d->lock);
	list_remove(&t.link);
	spin_unlock(&d->lock);
	if (t.kick >= 0)
		weft__sys_close(t.kick);
	if (t.closed)
		return -EBADF;
	if (r == 0 && weft__clock() >= until)
		return -ETIMEDOUT;
	return r < 0 ? r : 0;
}

/* The caller is inside, and comes back inside, unless it gets an error. */
static int wait_edge(struct desc *d, struct want *q)
{
	struct worker *w = weft__worker();
	int err = w ? registered(w, d, q) : 0;

	weft__desc_out(d);
	if (unlikely(err))
		return err;
	err = likely(w != NULL) ? wait_routine(w, d, q) : wait_thread(d, q);
	q->front = !err;
	return err ? err : weft__desc_in_again(d, q->generation);
}

/* --- doing --------------------------------------------------------------------------------- */

static bool is_drained(struct desc *d, enum desc_side side, uint32_t edge)
{
	struct worker *w = weft__worker();

	return w && load_rlx(&d->side[side].drained) == edge + 1 && /* D9 */
	       !load_rlx(&d->hup) && load_rlx(&d->flags) & DESC_OURS &&
	       load_rlx(&d->serial) == weft__watch_serial(w);
}

/* Try; the result of a stream read tells whether more is there (D6). */
static ssize_t try_once(struct desc *d, const struct want *q,
			enum desc_side side, desc_try *attempt, void *op,
			size_t asked)
{
	ssize_t n = attempt(q->fd, op);

	if (asked && n > 0)
		store_rlx(&d->side[side].drained,
			  (size_t)n < asked ? q->edge[side] + 1 : 0); /* D9 */
	return n;
}

static int enter_as(struct desc *d, uint32_t *generation)
{
	return *generation ? weft__desc_in_again(d, *generation) :
			     weft__desc_in(d, generation);
}

ssize_t weft__desc_do(int fd, enum desc_side side, desc_try *attempt, void *op,
		      size_t asked, weft_time deadline)
{
	uint32_t generation = 0;

	return weft__desc_do_as(fd, &generation, side, attempt, op, asked,
				deadline);
}

ssize_t weft__desc_do_as(int fd, uint32_t *generation, enum desc_side side,
			 desc_try *attempt, void *op, size_t asked,
			 weft_time deadline)
{
	struct want q = { .fd = fd, .sides = 1u << side, .deadline = deadline };
	bool skipped;
	struct desc *d;
	ssize_t n;
	int err;

	/* Before it has any effect: who is discarded there has lost nothing. */
	weft__budget(weft__worker());
	if (unlikely(weft__cancelled(weft__worker())) &&
	    deadline != WEFT_NOWAIT)
		return -ECANCELED;
	d = weft__desc_find(fd, &err);
	if (unlikely(!d))
		return err;
	err = enter_as(d, generation);
	if (unlikely(err < 0))
		return err;
	q.generation = *generation;
	q.renew = !(load_rlx(&d->flags) & DESC_OURS);               /* D9 */
	do {
		q.edge[side] = load_acq(&d->side[side].edges);      /* D13 */
		skipped = asked && deadline > 0 &&
			  is_drained(d, side, q.edge[side]);
		n = skipped ? -EAGAIN :
		    try_once(d, &q, side, attempt, op, asked);
		if (n != -EAGAIN || deadline == WEFT_NOWAIT)
			goto tried;
		err = wait_edge(d, &q);
	} while (!err);
	n = err;
	/* What is ready is done even past the deadline. */
	if (n == -ETIMEDOUT && skipped &&
	    !weft__desc_in_again(d, q.generation)) {
		n = try_once(d, &q, side, attempt, op, asked);
		n = n == -EAGAIN ? -ETIMEDOUT : n;
		weft__desc_out(d);
	}
	return n;
tried:
	weft__desc_out(d);
	if (q.front && n != -EAGAIN)
		hand_on(d, side);
	return n;
}

/* --- readiness itself -------------------------------------------------------------------------- */

static unsigned sides_of(short events)
{
	unsigned sides = 0;

	if (events & (POLLOUT | POLLWRNORM))
		sides |= 1u << DESC_OUT;
	if (!sides || events & ~(POLLOUT | POLLWRNORM))
		sides |= 1u << DESC_IN;
	return sides;
}

int weft__desc_poll(int fd, short events, weft_time deadline)
{
	struct want q = { .fd = fd, .sides = sides_of(events),
			  .deadline = deadline, .renew = true,
			  .looks_for = (short)(events | POLLERR) };
	struct pollfd p = { .fd = fd, .events = events };
	struct desc *d;
	int n, err;

	if (unlikely(weft__cancelled(weft__worker())) &&
	    deadline != WEFT_NOWAIT)
		return -ECANCELED;
	d = weft__desc_find(fd, &err);
	if (!d)
		return err;
	err = weft__desc_in(d, &q.generation);
	if (err < 0)
		return err;
	do {
		for (unsigned i = 0; i < DESC_SIDES; i++)
			q.edge[i] = load_acq(&d->side[i].edges);    /* D13 */
		n = weft__sys_poll(&p, 1, 0);
		if (n != 0 || deadline == WEFT_NOWAIT)
			break;
		err = wait_edge(d, &q);
	} while (!err);
	if (err)
		return err;
	weft__desc_out(d);
	weft__budget(weft__worker());
	if (n <= 0)
		return n ? n : -EAGAIN;
	return p.revents & POLLNVAL ? -EBADF : p.revents;
}

weft_time weft__desc_until(int fd, enum desc_side side, weft_time deadline)
{
	int err;
	struct desc *d = weft__desc_find(fd, &err);
	int64_t t = d ? load_rlx(&d->side[side].deadline) : 0;

	return t && t < deadline ? t : deadline;
}

int weft__desc_deadline(int fd, unsigned sides, weft_time deadline)
{
	struct ended e = { { NULL, NULL } };
	uint32_t generation;
	struct desc *d;
	int err;

	d = weft__desc_find(fd, &err);
	if (!d)
		return err;
	err = weft__desc_in(d, &generation);
	if (err < 0)
		return err;
	/* Inside nobody closes it.  What is not open keeps nothing for the next
	 * file with this number. */
	err = load_rlx(&d->kind) == DESC_UNKNOWN ? weft__sys_flags(fd) : 0;
	if (err < 0) {
		weft__desc_out(d);
		return err;
	}
	spin_lock(&d->lock);
	for (unsigned i = 0; i < DESC_SIDES; i++)
		if (sides & 1u << i)
			store_rlx(&d->side[i].deadline,
				  deadline == INT64_MAX ? 0 :
				  deadline <= 0 ? -1 : deadline);
	weft__desc_end_waits(d, sides, 0, &e);  /* they look at it again */
	spin_unlock(&d->lock);
	weft__desc_ready(weft__worker(), &e);
	weft__desc_out(d);
	return 0;
}
