/* sched/watch.c - a runtime's poller, and who asks it when; rules in watch.h. */
#include "sched/watch.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <sched.h>

/* A busy worker asks again after so long. */
#define LOOK_NS INT64_C(20000)

watch_told *_Atomic weft__watch_told;
watch_told *_Atomic weft__watch_internal_told[WATCH_INTERNAL];

/* --- opening ------------------------------------------------------------------ */

/* As WEFT_POLLER says, or, when that cannot be, the best there is. */
static int open_wanted(struct poller *p)
{
	const char *name = getenv("WEFT_POLLER");
	int err = weft__poller_open(p, name);

	if (!err || !name || !*name)
		return err;
	weft__warn("WEFT_POLLER=%s: %s; ignored", name,
		   err == -EINVAL ? "no such poller" : weft_strerror(err));
	return weft__poller_open(p, NULL);
}

/* The first descriptor: from now on somebody must sleep in it (X5). */
static NOINLINE int open_first(struct weft_runtime *rt)
{
	struct watch *wa = &rt->watch;
	bool fresh = false;
	int err = 0;

	spin_lock(&wa->lock);
	if (!load_rlx(&wa->open)) {
		err = open_wanted(&wa->poller);
		fresh = !err;
		if (fresh)
			store_seq(&wa->open, 1);                    /* X5 */
	}
	spin_unlock(&wa->lock);
	if (fresh)
		weft__idle_poller_opened(rt);
	return err;
}

int weft__watch_open(struct weft_runtime *rt)
{
	return likely(load_acq(&rt->watch.open)) ? 0 : open_first(rt); /* X5 */
}

void weft__watch_init(struct weft_runtime *rt)
{
	store_rlx(&rt->watch.asked, weft__os_now());
}

void weft__watch_fini(struct weft_runtime *rt)
{
	if (load_acq(&rt->watch.open))                              /* X5 */
		weft__poller_close(&rt->watch.poller);
}

/* --- for who owns descriptors --------------------------------------------------- */

int weft__watch_add(struct worker *w, int fd, uint64_t tag, uint64_t *serial)
{
	int err = weft__watch_open(w->rt);

	if (err)
		return err;
	*serial = w->rt->watch.poller.serial;
	return poller_add(&w->rt->watch.poller, fd, tag);
}

int weft__watch_rearm(struct worker *w, int fd, uint64_t tag, uint64_t *serial)
{
	int err = weft__watch_open(w->rt);

	if (err)
		return err;
	*serial = w->rt->watch.poller.serial;
	err = poller_rearm(&w->rt->watch.poller, fd, tag);
	return err == -ENOENT ? poller_add(&w->rt->watch.poller, fd, tag) : err;
}

void weft__watch_arm(struct worker *w, int fd, uint64_t tag, uint32_t ready)
{
	poller_arm(&w->rt->watch.poller, fd, tag, ready);
}

/* By a plain thread, or in another runtime: whose poller is it? */
static NOINLINE void drop_far(int fd, uint64_t serial)
{
	for (unsigned slot = 0; slot < RUNTIME_MAX; slot++) {
		struct weft_runtime *rt;

		outside_enter(slot);
		rt = load_acq(&weft__runtime_table[slot]);          /* G1 */
		if (rt && watch_open(&rt->watch) &&
		    (serial == WATCH_ALL || rt->watch.poller.serial == serial))
			poller_drop(&rt->watch.poller, fd);
		outside_leave(slot);
	}
}

void weft__watch_drop(struct worker *w, int fd, uint64_t serial)
{
	if (!serial)
		return;
	if (likely(w && weft__watch_serial(w) == serial))
		poller_drop(&w->rt->watch.poller, fd);
	else
		drop_far(fd, serial);
}

uint64_t weft__watch_serial(struct worker *w)
{
	return watch_open(&w->rt->watch) ? w->rt->watch.poller.serial : 0;
}

void weft__watch_wait_begin(struct worker *w)
{
	add_seq(&w->rt->watch.waiting, 1);                          /* X6 */
}

void weft__watch_wait_end(struct worker *w)
{
	sub_seq(&w->rt->watch.waiting, 1);                          /* X6 */
}

/* --- asking ------------------------------------------------------------------- */

static bool ask_begin(struct watch *wa)
{
	uint32_t free = 0;

	return !load_rlx(&wa->asking) && cas_acq(&wa->asking, &free, 1); /* X4 */
}

static void ask_end(struct watch *wa)
{
	store_rlx(&wa->asked, weft__os_now());
	store_rel(&wa->asking, 0);                                  /* X4 */
}

/* X4 held.  A wait that fails has no events. */
static int fetch(struct watch *wa, struct poll_event *ev, int max,
		 int64_t deadline)
{
	int n = poller_wait(&wa->poller, ev, max, deadline);

	ask_end(wa);
	return n > 0 ? n : 0;
}

void weft__watch_deliver(struct worker *w, const struct poll_event *ev, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t tag = ev[i].tag;
		watch_told *told = tag >> 32 ? load_acq(&weft__watch_told) : /* X7 */
			load_acq(&weft__watch_internal_told[tag]);  /* X7 */

		if (told)
			told(w, tag, ev[i].ready);
	}
}

/* F9 in worker.c. */
static int events_wanted(struct worker *w)
{
	return runq_room(&w->runq) >= WATCH_BATCH &&
	       injectq_empty(&w->rt->inject) ? WATCH_BATCH : WATCH_FEW;
}

unsigned weft__watch_ask(struct worker *w)
{
	struct watch *wa = &w->rt->watch;
	struct poll_event ev[WATCH_BATCH];
	int n;

	if (!watch_open(wa) || !ask_begin(wa))
		return 0;
	n = fetch(wa, ev, events_wanted(w), 0);
	weft__watch_deliver(w, ev, n);
	return (unsigned)n;
}

bool weft__watch_due(struct worker *w)
{
	struct watch *wa = &w->rt->watch;

	return !load_rlx(&wa->asking) &&
	       weft__os_now() - load_rlx(&wa->asked) >= LOOK_NS;
}

int weft__watch_sleep(struct worker *w, struct poll_event *ev, int64_t deadline)
{
	struct watch *wa = &w->rt->watch;

	/* Who holds it does not wait, or has the duty after us, who were popped:
	 * X8 on both counts. */
	while (!ask_begin(wa)) {
		if (load_acq(&w->sleep.token))          /* idle T1 */
			return 0;
		sched_yield();
	}
	if (load_acq(&w->sleep.token)) {                /* idle T1 */
		ask_end(wa);
		return 0;
	}
	return fetch(wa, ev, WATCH_BATCH,
		     deadline < WATCH_DUTY ? deadline : INT64_MAX);
}

void weft__watch_kick(struct weft_runtime *rt)
{
	poller_kick(&rt->watch.poller);
}

bool weft__watch_neglected(struct weft_runtime *rt, int64_t then)
{
	struct watch *wa = &rt->watch;

	return watch_open(wa) && !load_rlx(&wa->asking) &&
	       load_rlx(&wa->asked) < then;
}

bool weft__watch_deaf(const struct worker *w)
{
	return w && !w->rt->drive;
}
