/* tests/unit/drive.c - src/sched/drive.c: what others do in between.
 *
 * The linker puts functions of this file in front of those that the loop calls on
 * its way to rest; there another thread does its worst.
 */
#include "support/loop.h"
#include "support/proc.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>

#include "os/sys.h"
#include "os/thread.h"
#include "sched/runtime.h"
#include "sched/worker.h"

TestSuite(drive, .timeout = 120);

static void (*on_rest)(void), (*on_duty)(void), (*on_sleep)(void), (*on_readied)(void);
static int64_t clock_stands, clock_jumps;
static atomic_int no_stacks;

/* Once. */
static void call(void (**hook)(void))
{
	void (*fn)(void) = *hook;

	*hook = NULL;
	if (fn)
		fn();
}

bool __real_weft__idle_lie_down(struct worker *w);
bool __wrap_weft__idle_lie_down(struct worker *w);
bool __wrap_weft__idle_lie_down(struct worker *w)
{
	call(&on_rest);
	return __real_weft__idle_lie_down(w);
}

int64_t __real_weft__duty_first(struct weft_runtime *rt);
int64_t __wrap_weft__duty_first(struct weft_runtime *rt);
int64_t __wrap_weft__duty_first(struct weft_runtime *rt)
{
	int64_t first = __real_weft__duty_first(rt);

	call(&on_duty);
	return first;
}

int __real_weft__watch_sleep(struct worker *w, struct poll_event *ev, int64_t d);
int __wrap_weft__watch_sleep(struct worker *w, struct poll_event *ev, int64_t d);
int __wrap_weft__watch_sleep(struct worker *w, struct poll_event *ev, int64_t d)
{
	call(&on_sleep);
	return __real_weft__watch_sleep(w, ev, d);
}

void __real_weft__ready(struct worker *w, struct wait *wt);
void __wrap_weft__ready(struct worker *w, struct wait *wt);
void __wrap_weft__ready(struct worker *w, struct wait *wt)
{
	__real_weft__ready(w, wt);
	if (!w)
		call(&on_readied);
}

int64_t __real_weft__os_now(void);
int64_t __wrap_weft__os_now(void);
int64_t __wrap_weft__os_now(void)
{
	static atomic_int calls;

	if (clock_stands)
		return clock_stands;
	return __real_weft__os_now() + clock_jumps * calls++;
}

struct stack *__real_weft__stack_refill(struct stack_cache *c, unsigned cls);
struct stack *__wrap_weft__stack_refill(struct stack_cache *c, unsigned cls);
struct stack *__wrap_weft__stack_refill(struct stack_cache *c, unsigned cls)
{
	if (no_stacks > 0 && no_stacks-- > 0)
		return NULL;
	return __real_weft__stack_refill(c, cls);
}

/* --- the foreign loop ------------------------------------------------------------ */

static weft_runtime *rt;
static atomic_int ran;

static void begin(void)
{
	rt = loop_begin();
}

static void run_until(int n)
{
	turn_until(rt, &ran, n);
}

static void count(void *arg)
{
	(void)arg;
	ran++;
}

static void elsewhere(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, fn, arg), 0);
	pthread_join(t, NULL);
}

/* --- timers that others arm as it lies down -------------------------------------- */

static weft_timer timer;
static weft_time when;

static void *arm(void *arg)
{
	(void)arg;
	CHECK(weft_timer_start(&timer, when, 0) >= 0);
	return NULL;
}

static void arm_elsewhere(void)
{
	elsewhere(arm, NULL);
}

Test(drive, what_ran_is_told_though_it_gets_up_for_nothing)
{
	begin();
	CHECK_EQ(weft_after_func(&timer, WEFT_FOREVER, count, NULL), 0);
	CHECK_EQ(weft_submit(rt, count, NULL), 0);
	when = weft_in(3600 * WEFT_S);
	on_duty = arm_elsewhere;
	CHECK_EQ(weft_loop_run(rt, weft_in(WEFT_S)), 0);
	CHECK(!on_duty);
	CHECK_EQ(weft_timer_stop(&timer), 1);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

Test(drive, a_deadline_before_all_time_is_due)
{
	const weft_time past[] = { 0, 1, -1, -WEFT_S, INT64_MIN };

	begin();
	CHECK_EQ(weft_after_func(&timer, WEFT_FOREVER, count, NULL), 0);
	for (size_t i = 0; i < COUNT(past); i++) {
		when = past[i];
		on_rest = arm_elsewhere;
		(void)weft_loop_run(rt, WEFT_NOWAIT);
		CHECK(!on_rest);
		run_until((int)i + 1);
	}
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

static void *arm_first(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_after_func(&timer, when, count, NULL), 0);
	return NULL;
}

static void arm_first_elsewhere(void)
{
	elsewhere(arm_first, NULL);
}

/* Others find the runtime before weft_loop_start has returned. */
Test(drive, begins_with_a_deadline)
{
	when = 1;
	on_rest = arm_first_elsewhere;
	begin();
	run_until(1);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

Test(drive, begins_with_work)
{
	when = weft_in(20 * WEFT_MS);
	on_duty = arm_first_elsewhere;
	begin();
	run_until(1);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

/* --- a run ----------------------------------------------------------------------- */

Test(drive, runs_something_however_slow_the_machine)
{
	begin();
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_submit(rt, count, NULL), 0);
	clock_jumps = 2 * WEFT_MS;
	CHECK_EQ(weft_loop_run(rt, WEFT_NOWAIT), 0);
	CHECK(ran > 0);
	clock_jumps = 0;
	run_until(10);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

static void *submit(void *arg)
{
	CHECK_EQ(weft_submit(rt, count, arg), 0);
	return NULL;
}

static void submit_elsewhere(void)
{
	elsewhere(submit, NULL);
}

Test(drive, events_of_nobodys_do_not_end_its_wait)
{
	begin();
	/* Its alarm goes off, but the timer is no more. */
	clock_stands = weft_now();
	CHECK_EQ(weft_after_func(&timer, weft_in(5 * WEFT_MS), count, NULL), 0);
	CHECK_EQ(weft_loop_run(rt, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_timer_stop(&timer), 1);
	clock_stands = 0;
	CHECK(readable(rt, TOLD_MS));
	/* The slice is over when that has been fetched. */
	clock_jumps = 2 * WEFT_MS;
	on_sleep = submit_elsewhere;
	CHECK_EQ(weft_loop_run(rt, WEFT_FOREVER), 0);
	clock_jumps = 0;
	CHECK_EQ(ran, 1);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

/* No monitor asks for it here. */
Test(drive, asks_again_for_memory_that_was_not_there)
{
	for (int i = 0; i < 2; i++) {
		begin();
		no_stacks = 3;
		CHECK_EQ(weft_submit(rt, count, NULL), 0);
		while (i && ran < 2)
			(void)weft_loop_run(rt, WEFT_FOREVER);
		run_until(i + 1);
		CHECK_EQ(no_stacks, 0);
		CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	}
	cr_assert_eq(failures, 0);
}

/* --- the alarm ------------------------------------------------------------------- */

static weft_time until;

static void sleep_until(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_sleep_until(until), 0);
	ran++;
}

Test(drive, an_alarm_that_came_too_early_comes_again)
{
	begin();
	clock_stands = weft_now();
	until = clock_stands + 20 * WEFT_MS;
	CHECK_EQ(weft_submit(rt, sleep_until, NULL), 0);
	CHECK_EQ(weft_loop_run(rt, WEFT_NOWAIT), 0);
	clock_stands = 0;
	CHECK(readable(rt, TOLD_MS));
	clock_stands = until - 1;
	while (readable(rt, 0) && ran == 0 && weft__os_now() < until)
		if (weft_loop_run(rt, WEFT_NOWAIT) == -EAGAIN)
			break;
	clock_stands = 0;
	CHECK_EQ(ran, 0);
	run_until(1);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

static atomic_int refusals;

static int refuse(enum sys_call call, int fd)
{
	(void)fd;
	return call == SYS_TIMERFD && refusals > 0 && refusals-- > 0 ?
	       -ENOMEM : 0;
}

Test(drive, an_alarm_that_cannot_be_set_is_set_later)
{
	begin();
	until = weft_in(20 * WEFT_MS);
	CHECK_EQ(weft_submit(rt, sleep_until, NULL), 0);
	refusals = 3;
	weft__sys_fault = refuse;
	run_until(1);
	until = weft_in(20 * WEFT_MS);
	CHECK_EQ(weft_submit(rt, sleep_until, NULL), 0);
	refusals = 3;
	while (ran < 2)
		(void)weft_loop_run(rt, weft_in(20 * WEFT_S));
	CHECK(weft_now() < until + 20 * WEFT_S);
	weft__sys_fault = NULL;
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

/* --- the ring -------------------------------------------------------------------- */

static int eventfd_of_ring = -1;
static atomic_int hand_overs;           /* to be refused */

static int refuse_ring(enum sys_call call, int fd)
{
	return call == SYS_RING && fd >= 0 && hand_overs > 0 &&
	       hand_overs-- > 0 ? -EAGAIN : 0;
}

/* What it puts into the ring the kernel takes neither at once nor when the loop
 * looks at the ring next. */
void __real_weft__watch_arm(struct worker *w, int fd, uint64_t tag, uint32_t r);
void __wrap_weft__watch_arm(struct worker *w, int fd, uint64_t tag, uint32_t r);
void __wrap_weft__watch_arm(struct worker *w, int fd, uint64_t tag, uint32_t r)
{
	if (fd == eventfd_of_ring)
		hand_overs = 2;
	__real_weft__watch_arm(w, fd, tag, r);
	if (hand_overs == 2)
		hand_overs = 0;         /* it had put in nothing */
}

static void read_events(void *arg)
{
	uint64_t n;

	for (int i = 0; i < 2; i++) {
		CHECK_EQ(weft_read(eventfd_of_ring, &n, sizeof n, WEFT_FOREVER),
			 sizeof n);
		ran++;
	}
	(void)arg;
}

Test(drive, what_the_kernel_did_not_take_is_taken_when_the_loop_waits)
{
	cr_assert_eq(setenv("WEFT_POLLER", "uring", 1), 0);
	begin();
	eventfd_of_ring = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cr_assert(eventfd_of_ring >= 0);
	CHECK_EQ(weft_submit(rt, read_events, NULL), 0);
	CHECK_EQ(weft_loop_run(rt, WEFT_NOWAIT), 0);
	/* More events than there is room for: the request ends. */
	for (int i = 0; i < 5000; i++)
		CHECK_EQ(eventfd_write(eventfd_of_ring, 1), 0);
	weft__sys_fault = refuse_ring;
	while (readable(rt, 0))
		(void)weft_loop_run(rt, WEFT_NOWAIT);
	weft__sys_fault = NULL;
	CHECK_EQ(ran, 1);
	CHECK_EQ(eventfd_write(eventfd_of_ring, 1), 0);
	run_until(2);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	CHECK_EQ(weft_close(eventfd_of_ring), 0);
	cr_assert_eq(failures, 0);
}

/* --- stop ------------------------------------------------------------------------ */

static sem_t asleep;

static void tell(void)
{
	sem_post(&asleep);
}

/* The thread of the pool, between the waking and the end of its call. */
static void dawdle(void)
{
	while (sem_wait(&asleep))
		continue;
}

static void *nothing(void *arg)
{
	return arg;
}

static void blocks(void *arg)
{
	CHECK_EQ(weft_blocking(nothing, arg, NULL), 0);
	ran++;
}

Test(drive, stop_hears_of_the_end_of_a_blocking_call)
{
	weft_time limit;

	sem_init(&asleep, 0, 0);
	begin();
	CHECK_EQ(weft_submit(rt, blocks, NULL), 0);
	on_readied = dawdle;
	run_until(1);
	on_sleep = tell;
	limit = weft_in(20 * WEFT_S);
	CHECK_EQ(weft_stop(rt, limit), 0);
	CHECK(weft_now() < limit);
	CHECK(!on_sleep);
	cr_assert_eq(failures, 0);
}

/* What it waits for comes by a plain thread, which has the worker popped. */
Test(drive, stop_is_not_kept_by_who_was_woken_for_nothing)
{
	weft_time limit = weft_in(20 * WEFT_S);

	begin();
	when = weft_in(3600 * WEFT_S);
	CHECK_EQ(weft_after_func(&timer, when, count, NULL), 0);
	CHECK_EQ(weft_stop(rt, limit), 0);
	CHECK(weft_now() < limit);
	cr_assert_eq(ran, 0);
	cr_assert_eq(failures, 0);
}

/* It neither ends nor spins while it waits for a call that takes its time. */
static atomic_int turns;

static void count_turn(void)
{
	turns++;
	on_sleep = count_turn;
}

static sem_t enough;

static void *linger(void *arg)
{
	while (sem_wait(&enough))
		continue;
	return arg;
}

static void *release(void *arg)
{
	for (int i = 0; i < 10; i++)
		wait_until(others_sleep());
	sem_post(&enough);
	return arg;
}

static void lingers(void *arg)
{
	CHECK_EQ(weft_blocking(linger, arg, NULL), 0);
	ran++;
}

Test(drive, stop_sleeps_until_a_blocking_call_has_ended)
{
	pthread_t t;

	sem_init(&enough, 0, 0);
	begin();
	CHECK_EQ(weft_submit(rt, lingers, NULL), 0);
	CHECK_EQ(weft_loop_run(rt, WEFT_NOWAIT), 0);
	on_sleep = count_turn;
	CHECK_EQ(weft_stop(rt, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_stop(rt, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(pthread_create(&t, NULL, release, NULL), 0);
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
	pthread_join(t, NULL);
	CHECK(turns > 0);
	CHECK(turns < 50);
	cr_assert_eq(ran, 1);
	cr_assert_eq(failures, 0);
}
