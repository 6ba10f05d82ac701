/* sched/submit.c - see submit.h. */
#include "sched/submit.h"
#include "routine/sanitize.h"
#include "sched/park_call.h"
#include "sched/runtime.h"
#include "sched/watch.h"
#include "sched/worker.h"

enum {
	IN_FLIGHT = 2048,       /* at most, of one runtime                    */
	REAP_BATCH = 16,        /* the reaper's stack may be a routine's      */
	AGAIN_NS = 1000000,     /* between cancels at the end                 */
};

struct flight {
	struct ring_request request;
	struct link link;               /* U1 */
	struct wait wait;
	struct submit *submit;
	uint64_t number;                /* lock: grows along `flying`          */
	submit_over *over;              /* or NULL */
	int32_t result;                 /* lock: when done */
	bool done, parked;              /* lock */
};

/* --- reaping ------------------------------------------------------------------ */

/* True: ready it. */
static bool land(struct submit *s, const struct ring_done *d)
{
	struct flight *f = container_of(d->request, struct flight, request);
	bool claimed;

	if (f->over)
		f->over(&f->request, d->result);
	spin_lock(&s->lock);
	/* At the end it is we who cut it short, not a signal. */
	f->result = d->result == -EINTR && s->ending ? -ECANCELED : d->result;
	f->done = true;
	list_remove(&f->link);                                      /* U1 */
	claimed = f->parked && wait_claim(&f->wait);                /* U2 */
	spin_unlock(&s->lock);
	return claimed;
}

static unsigned reap(struct worker *w, struct submit *s)
{
	struct ring_done done[REAP_BATCH];
	unsigned n, all = 0;

	do {
		n = weft__ring_reap(&s->ring, done, REAP_BATCH);
		for (unsigned i = 0; i < n; i++) {
			struct flight *f = container_of(done[i].request,
							struct flight, request);

			if (!land(s, &done[i]))
				continue;
			if (n == 1)
				weft__ready(w, &f->wait);
			else
				weft__ready_many(w, &f->wait);
		}
		all += n;
	} while (n == REAP_BATCH);
	return all;
}

static void arm(struct worker *w, struct submit *s)
{
	weft__watch_arm(w, s->ring.fd, WATCH_RING, POLL_READY_IN);
}

static void told(struct worker *w, uint64_t tag, uint32_t ready)
{
	struct submit *s = &w->rt->submit;
	bool more;

	(void)tag;
	(void)ready;
	if (load_acq(&s->state) != SUBMIT_OPEN)                     /* U6 */
		return;
	reap(w, s);
	spin_lock(&s->lock);
	more = !list_empty(&s->flying);
	spin_unlock(&s->lock);
	if (more)
		arm(w, s);                                          /* U4 */
}

/* --- opening -------------------------------------------------------------------- */

static void commit_open(struct worker *w, struct routine *me, void *arg)
{
	struct submit *s = &w->rt->submit;
	enum submit_state now = SUBMIT_REFUSED;
	uint64_t serial;

	(void)me;
	store_rel(&weft__watch_internal_told[WATCH_RING], told);    /* watch X7 */
	if (weft__ring_open(&s->ring, IN_FLIGHT) == 0) {
		if (weft__watch_add(w, s->ring.fd, WATCH_RING, &serial) == 0)
			now = SUBMIT_OPEN;
		else
			weft__ring_close(&s->ring);
	}
	store_rel(&s->state, now);                                  /* U6 */
	weft__ready(w, arg);
}

static bool withdraw_none(struct wait *wt)
{
	(void)wt;
	return false;
}

/* On the worker's own stack: liburing wants some. */
static NOINLINE struct worker *open_first(struct worker *w)
{
	uint32_t closed = SUBMIT_CLOSED;
	struct wait wt;

	if (!cas_acqrel(&w->rt->submit.state, &closed, SUBMIT_OPENING)) /* U6 */
		return w;
	wait_init_steady(&wt, w->current);
	wt.withdraw = withdraw_none;
	w->current->wait = &wt;
	return weft__park_call_loop(w, commit_open, &wt, PARK_FILE);
}

bool weft__submit_has(struct worker **w, enum ring_op op)
{
	struct submit *s = &(*w)->rt->submit;
	uint32_t state = load_acq(&s->state);                       /* U6 */

	if (unlikely(state == SUBMIT_CLOSED)) {
		*w = open_first(*w);
		state = load_acq(&s->state);                        /* U6 */
	}
	return state == SUBMIT_OPEN && ring_has(&s->ring, op);
}

/* --- submitting ----------------------------------------------------------------- */

/* Its completion is waited for before stacks go: U5. */
static bool withdraw_flight(struct wait *wt)
{
	struct flight *f = container_of(wt, struct flight, wait);

	return f->done;
}

static struct worker *park_locked(struct worker *w, struct flight *f, bool early)
{
	if (early)
		wait_init(&f->wait, w->current, INT64_MAX);
	else
		wait_init_steady(&f->wait, w->current);
	f->wait.withdraw = withdraw_flight;
	f->parked = true;
	arm(w, f->submit);
	return weft__park(w, &f->wait, &f->submit->lock, PARK_FILE);
}

/* Cancelled: the kernel is asked to end it, and has the last word (U1). */
static NOINLINE struct worker *end_early(struct worker *w, struct flight *f)
{
	struct submit *s = f->submit;
	bool done;

	spin_lock(&s->lock);
	f->parked = false;
	done = f->done;
	spin_unlock(&s->lock);
	while (!done && weft__ring_cancel(&s->ring, &f->request))
		weft__os_yield();
	spin_lock(&s->lock);
	if (!f->done)
		w = park_locked(w, f, false);
	else
		spin_unlock(&s->lock);
	if (f->result == -EINTR)
		f->result = -ECANCELED;
	return w;
}

bool weft__submit(struct worker **wp, const struct ring_request *request,
		  bool early, submit_over *over, int32_t *result)
{
	struct worker *w = *wp;
	struct submit *s = &w->rt->submit;
	struct flight f = {
		.request = *request, .submit = s, .over = over,
	};

	spin_lock(&s->lock);
	f.number = s->number++;
	list_push(&s->flying, &f.link);                             /* U1 */
	spin_unlock(&s->lock);
	weft__watch_wait_begin(w);                                  /* U3 */
	if (weft__ring_submit(&s->ring, &f.request)) {
		spin_lock(&s->lock);
		list_remove(&f.link);
		spin_unlock(&s->lock);
		weft__watch_wait_end(w);
		return false;
	}
	add_rlx(&s->submitted, 1);
	if (!f.request.slow)
		reap(w, s);
	spin_lock(&s->lock);
	if (f.done) {
		spin_unlock(&s->lock);
	} else {
		w = park_locked(w, &f, early);
		if (f.wait.result < 0)
			w = end_early(w, &f);
	}
	weft__watch_wait_end(w);
	*wp = w;
	*result = f.result;
	return true;
}

/* --- life ------------------------------------------------------------------------- */

const char *weft__submit_name(const struct weft_runtime *rt)
{
	static const char *const names[] = {
		"closed", "opening", "ring", "refused", "off",
	};

	return names[load_acq(&rt->submit.state)];                  /* U6 */
}

void weft__submit_init(struct weft_runtime *rt)
{
	const char *text = getenv("WEFT_RING");

	rt->submit.ring.fd = -1;
	/* It does not see that the kernel has written what was read. */
	if (WEFT_ON_VALGRIND())
		store_rlx(&rt->submit.state, SUBMIT_OFF);
	if (!text || !*text || !strcmp(text, "on"))
		return;
	if (!strcmp(text, "off"))
		store_rlx(&rt->submit.state, SUBMIT_OFF);
	else
		weft__warn("WEFT_RING=%s: not on or off, ignored", text);
}

/* Have the kernel end those numbered below `before`.  False: there are none. */
static bool end_some(struct submit *s, uint64_t before)
{
	bool some = false;

	spin_lock(&s->lock);
	for (struct link *l = s->flying.head; l; l = l->next) {
		struct flight *f = container_of(l, struct flight, link);

		if (f->number >= before)
			break;
		some = true;
		if (weft__ring_cancel(&s->ring, &f->request))
			break;          /* no room until some are reaped */
	}
	spin_unlock(&s->lock);
	return some;
}

/* All that are in flight now.  A cancel can come before what it is to end can be
 * ended: it is repeated. */
static void end_all(struct worker *w, struct submit *s)
{
	uint64_t before;

	if (load_acq(&s->state) != SUBMIT_OPEN)                     /* U6 */
		return;
	spin_lock(&s->lock);
	s->ending = true;
	before = s->number;
	spin_unlock(&s->lock);
	reap(w, s);
	while (end_some(s, before)) {
		if (!reap(w, s))
			weft__ring_wait(&s->ring, AGAIN_NS);
	}
}

/* Which of them this thread took to the kernel nobody knows (R3 in ring.h). */
void weft__submit_leave(struct worker *w)
{
	end_all(w, &w->rt->submit);
}

void weft__submit_fini(struct weft_runtime *rt)
{
	struct submit *s = &rt->submit;

	end_all(NULL, s);
	if (load_acq(&s->state) == SUBMIT_OPEN)                     /* U6 */
		weft__ring_close(&s->ring);
}
