/* sched/drive.c - weft inside somebody else's event loop; rules in drive.h. */
#include "sched/drive.h"
#include "os/sys.h"
#include "os/thread.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <weft/loop.h>

/* A run that is never idle gives the thread back after this. */
#define SLICE_NS INT64_C(1000000)
/* Where no memory was to be had for a stack it is asked for again. */
#define STARVED_NS INT64_C(5000000)

struct drive {
	pthread_t thread;               /* R3 */
	int alarm;                      /* timerfd */
	int64_t alarm_at;               /* what it is set to; INT64_MAX: not */
	bool lying;                     /* R1 */
};

/* --- life ------------------------------------------------------------------------ */

/* A backend that has let go of it takes it again. */
static void alarm_told(struct worker *w, uint64_t tag, uint32_t ready)
{
	(void)ready;
	weft__watch_arm(w, w->rt->drive->alarm, tag, POLL_READY_IN);
}

static int open_alarm(struct weft_runtime *rt, struct drive *d)
{
	int err = weft__watch_open(rt);

	if (err)
		return err;
	if (rt->watch.poller.fd < 0)
		return -ENOSYS;         /* this poller has no descriptor */
	store_rel(&weft__watch_internal_told[WATCH_ALARM], alarm_told); /* watch X7 */
	d->alarm = weft__sys_timerfd();
	return d->alarm < 0 ? d->alarm :
	       poller_add(&rt->watch.poller, d->alarm, WATCH_ALARM);
}

/* From now on it counts as awake; it lies down at once. */
static void begin(struct weft_runtime *rt, struct drive *d)
{
	struct worker *w = rt->worker[0];

	rt->drive = d;
	add_seq(&rt->active, 1);                                    /* G5 */
	store_rel(&w->state, WORKER_ACTIVE);                        /* G5 */
	d->lying = weft__idle_lie_down(w);
	if (!d->lying && watch_open(&rt->watch))
		weft__watch_kick(rt);                               /* R2 */
}

int weft_loop_start(const weft_config *c, weft_runtime **rt)
{
	weft_config one;
	struct drive *d;
	int err;

	if (!rt)
		return -EINVAL;
	*rt = NULL;
	if (c)
		one = *c;
	else
		weft_config_init(&one);
	if (c && c->workers > 1)
		return -EINVAL;
	one.workers = 1;
	d = calloc(1, sizeof *d);
	if (!d)
		return -ENOMEM;
	d->thread = pthread_self();
	d->alarm = -1;
	d->alarm_at = INT64_MAX;
	err = weft__runtime_make(&one, ROUTINE_EXPOSED, rt);
	if (err) {
		free(d);
		return err;
	}
	err = open_alarm(*rt, d);
	begin(*rt, d);
	if (err) {
		weft__runtime_stop(*rt);
		*rt = NULL;
	}
	return err;
}

void weft__drive_free(struct drive *d)
{
	if (d && d->alarm >= 0)
		weft__sys_close(d->alarm);
	free(d);
}

/* rt is stopping, so it was popped (weft__idle_wake_all), or is not lying. */
void weft__drive_leave(struct weft_runtime *rt)
{
	struct worker *w = rt->worker[0];

	if (rt->drive->lying)
		weft__idle_get_up(w);
	rt->drive->lying = false;
	weft__worker_enter(w);
	weft__worker_leave(w);
	sub_seq(&rt->active, 1);                                    /* G5 */
	store_rel(&w->state, WORKER_ABSENT);                        /* G5 */
}

bool weft__drive_mine(struct weft_runtime *rt)
{
	return rt->drive && pthread_equal(rt->drive->thread, pthread_self());
}

/* --- running --------------------------------------------------------------------- */

/* Everything that is ready, for a slice at most; whether there was anything. */
static bool run_ready(struct worker *w, bool *more)
{
	int64_t end = weft__os_now() + SLICE_NS;
	struct routine *r;
	bool any = false;

	for (;;) {
		weft__watch_ask(w, WATCH_BATCH);
		r = weft__worker_find(w);
		*more = r != NULL;
		if (!r)
			return any;
		if (any && weft__os_now() >= end) {
			weft__enqueue_quiet(w, r);
			return true;
		}
		weft__worker_serve(w, r);
		any = true;
	}
}

/* Its thread goes elsewhere: what is to be waited for is in the poller. */
static void set_alarm(struct weft_runtime *rt)
{
	struct drive *d = rt->drive;
	int64_t first = rt->worker[0]->sleep.until;

	/* Lying: whoever arms an earlier one wakes it.  A later one may be the
	 * first by now, but then others that are earlier wake nobody. */
	if (!d->lying)
		return;
	if (first >= WATCH_DUTY)
		first = INT64_MAX;
	/* No monitor here does it. */
	if (unlikely(load_acq(&rt->gate) & GATE_STARVED)) {         /* G4 */
		int64_t again = weft__os_now() + STARVED_NS;

		first = first < again ? first : again;
	}
	if (first != d->alarm_at && weft__sys_timerfd_set(d->alarm, first) == 0)
		d->alarm_at = first;
}

/* Lying: until events or a token, or the deadline. */
static void wait_for_news(struct worker *w, int64_t deadline)
{
	struct poll_event ev[WATCH_BATCH];
	int n = weft__watch_sleep(w, ev, deadline);

	weft__idle_get_up(w);
	w->rt->drive->lying = false;
	weft__watch_deliver(w, ev, n);
}

static bool drive(struct weft_runtime *rt, int64_t deadline)
{
	struct drive *d = rt->drive;
	struct worker *w = rt->worker[0];
	bool any, more;

	weft__worker_enter(w);
	store_rlx(&w->tick, weft__os_now());
	if (d->lying)
		weft__idle_get_up(w);
	d->lying = false;
	for (;;) {
		if (load_acq(&rt->gate) & GATE_STARVED)             /* G4 */
			weft__starved_retry(rt);
		any = run_ready(w, &more);
		if (more)
			break;                                      /* R2 */
		d->lying = weft__idle_lie_down(w);
		if (!d->lying)
			continue;
		if (any || deadline == WEFT_NOWAIT ||
		    weft__os_now() >= deadline)
			break;
		set_alarm(rt);
		wait_for_news(w, deadline);
	}
	WEFT_ARCH_TLS_STORE(weft__tls_worker, NULL);
	set_alarm(rt);
	if (more)
		weft__watch_kick(rt);
	return any;
}

void weft__drive_on(struct weft_runtime *rt, int64_t deadline)
{
	drive(rt, deadline);
}

int weft_loop_run(weft_runtime *rt, weft_time deadline)
{
	if (!rt || !rt->drive)
		return -EINVAL;
	if (runtime_dead(rt))
		return -EOWNERDEAD;
	if (weft__worker())
		return -EDEADLK;
	if (!weft__drive_mine(rt))
		return -EPERM;
	if (drive(rt, deadline))
		return 0;
	return deadline == WEFT_NOWAIT ? -EAGAIN : -ETIMEDOUT;
}

int weft_loop_fd(weft_runtime *rt)
{
	return rt && rt->drive ? rt->watch.poller.fd : -EINVAL;
}
