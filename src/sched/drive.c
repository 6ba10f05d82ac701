/* sched/drive.c - weft inside somebody else's event loop; rules in drive.h. */
#include "sched/drive.h"
#include "os/sys.h"
#include "os/thread.h"
#include "routine/overflow.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <weft/loop.h>

/* A run that is never idle gives the thread back after this. */
#define SLICE_NS INT64_C(1000000)
/* Where no memory was to be had for a stack it is asked for again. */
#define STARVED_NS INT64_C(5000000)

struct drive {
	pthread_t thread;               /* R3 */
	int alarm;                      /* timerfd; -1: none */
	int64_t alarm_at;               /* R4; INT64_MAX: not set */
	bool lying;                     /* R1 */
	bool known;                     /* the worker has seen its thread */
};

/* --- in and out ------------------------------------------------------------------ */

/* The thread is the worker: R1, R6. */
static struct worker *enter(struct weft_runtime *rt)
{
	struct worker *w = rt->worker[0];

	store_seq(&w->state, WORKER_ACTIVE);                        /* G5 */
	if (likely(rt->drive->known)) {
		WEFT_ARCH_TLS_STORE(weft__tls_worker, w);
		weft__sigstack_enter(w->sigstack);
	} else {
		weft__worker_enter(w);
		rt->drive->known = true;
	}
	store_rlx(&w->tick, weft__os_now());
	return w;
}

static void leave(struct worker *w)
{
	weft__sigstack_leave(w->sigstack);
	WEFT_ARCH_TLS_STORE(weft__tls_worker, NULL);
	store_rel(&w->state, WORKER_ABSENT);                        /* G5 */
}

/* --- life ------------------------------------------------------------------------ */

/* R4.  A backend that has let go of it takes it again. */
static void alarm_told(struct worker *w, uint64_t tag, uint32_t ready)
{
	(void)ready;
	w->rt->drive->alarm_at = INT64_MAX;
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

/* Its thread goes elsewhere: what is to be waited for is in the poller. */
static void set_alarm(struct weft_runtime *rt)
{
	struct drive *d = rt->drive;
	int64_t first = rt->worker[0]->sleep.until;

	/* Lying: whoever arms an earlier one wakes it.  A later one may be the
	 * first by now, but then others that are earlier wake nobody. */
	if (!d->lying || d->alarm < 0)
		return;
	if (first >= WATCH_DUTY)
		first = INT64_MAX;
	/* No monitor here does it. */
	if (unlikely(load_acq(&rt->gate) & GATE_STARVED)) {         /* G4 */
		int64_t again = weft__os_now() + STARVED_NS;

		first = first < again ? first : again;
	}
	if (first < 1)
		first = 1;              /* 0 would stop it */
	if (first == d->alarm_at)
		return;
	if (weft__sys_timerfd_set(d->alarm, first) == 0)
		d->alarm_at = first;                                /* R4 */
	else
		weft__watch_kick(rt);   /* come back, and try again */
}

/* From now on it counts as awake; it lies down at once. */
static void begin(struct weft_runtime *rt, struct drive *d)
{
	rt->drive = d;
	add_seq(&rt->active, 1);                                    /* G5 */
	d->lying = weft__idle_lie_down(rt->worker[0]);
	set_alarm(rt);
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
	if (weft__worker())
		return -EDEADLK;
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

static void close_alarm(struct drive *d)
{
	if (d->alarm >= 0)
		weft__sys_close(d->alarm);
	d->alarm = -1;
}

void weft__drive_bury(struct weft_runtime *rt)
{
	if (rt->drive)
		close_alarm(rt->drive);
}

void weft__drive_free(struct drive *d)
{
	if (d)
		close_alarm(d);
	free(d);
}

/* rt is stopping, so it was popped (weft__idle_wake_all), or is not lying. */
void weft__drive_leave(struct weft_runtime *rt)
{
	struct worker *w = enter(rt);

	if (rt->drive->lying)
		weft__idle_get_up(w);
	rt->drive->lying = false;
	weft__worker_leave(w);
	sub_seq(&rt->active, 1);                                    /* G5 */
	store_rel(&w->state, WORKER_ABSENT);                        /* G5 */
}

bool weft__drive_mine(struct weft_runtime *rt)
{
	return rt->drive && pthread_equal(rt->drive->thread, pthread_self());
}

/* --- running --------------------------------------------------------------------- */

/* Everything that is ready, for a slice at most.  True: there is more. */
static bool run_ready(struct worker *w, bool *any)
{
	int64_t end = weft__os_now() + SLICE_NS;
	struct routine *r;
	unsigned told;

	for (;;) {
		told = weft__watch_ask(w);
		r = weft__worker_find(w);
		if (!r && !told)
			return false;
		if (!r && weft__os_now() >= end)
			return true;
		if (!r)
			continue;                                   /* R5 */
		if (*any && weft__os_now() >= end) {
			weft__enqueue(w, r);    /* as it is: new, perhaps */
			return true;
		}
		*any |= weft__worker_serve(w, r);
	}
}

/* Lying: until events or a token, or the deadline. */
static void wait_for_news(struct worker *w, int64_t deadline)
{
	struct poll_event ev[WATCH_BATCH];
	int n = weft__watch_sleep(w, ev, deadline);

	store_rlx(&w->tick, weft__os_now());
	weft__idle_get_up(w);
	w->rt->drive->lying = false;
	weft__watch_deliver(w, ev, n);
}

/* Run what is ready, or wait for that until the deadline; then lie down. */
static bool turn(struct worker *w, int64_t deadline)
{
	struct weft_runtime *rt = w->rt;
	struct drive *d = rt->drive;
	bool any = false, more;

	if (d->lying)
		weft__idle_get_up(w);
	d->lying = false;
	for (;;) {
		if (load_acq(&rt->gate) & GATE_STARVED)             /* G4 */
			weft__starved_retry(rt);
		more = run_ready(w, &any);
		if (more && (any || deadline == WEFT_NOWAIT ||
			     weft__os_now() >= deadline))
			break;                                      /* R2 */
		if (more)
			continue;       /* events of nobody's took the slice */
		weft__worker_rest(w);
		d->lying = weft__idle_lie_down(w);
		if (!d->lying)
			continue;
		if (any || deadline == WEFT_NOWAIT ||
		    weft__os_now() >= deadline)
			break;
		set_alarm(rt);
		wait_for_news(w, deadline);
	}
	set_alarm(rt);
	if (more || poller_owes(&rt->watch.poller))
		weft__watch_kick(rt);                               /* R2 */
	return any;
}

/* R7 */
void weft__drive_await(struct weft_runtime *rt, uint32_t seen, int64_t deadline)
{
	struct worker *w = enter(rt);

	if (rt->drive->lying && deadline != WEFT_NOWAIT &&
	    load_acq(&rt->news) == seen)                            /* G3 */
		wait_for_news(w, deadline);
	turn(w, WEFT_NOWAIT);
	leave(w);
}

int weft_loop_run(weft_runtime *rt, weft_time deadline)
{
	struct worker *w;
	bool any;

	if (!rt || !rt->drive)
		return -EINVAL;
	if (runtime_dead(rt))
		return -EOWNERDEAD;
	if (weft__worker())
		return -EDEADLK;
	if (!weft__drive_mine(rt))
		return -EPERM;
	w = enter(rt);
	any = turn(w, deadline);
	leave(w);
	if (any)
		return 0;
	return deadline == WEFT_NOWAIT ? -EAGAIN : -ETIMEDOUT;
}

int weft_loop_fd(weft_runtime *rt)
{
	if (!rt || !rt->drive)
		return -EINVAL;
	return runtime_dead(rt) ? -EOWNERDEAD : rt->watch.poller.fd;
}
