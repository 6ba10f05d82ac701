/* tests/api/discard.c - routines that main leaves behind, whatever they do. */
#include "support/crew.h"

#include <sched.h>

TestSuite(discard, .timeout = 120);

static atomic_int ran;
static weft_chan *shared;

static int give_back(void *arg)
{
	return (int)(intptr_t)arg;
}

static int some_work(void *arg)
{
	struct crew c;

	crew_start(&c, 10, 0, give_back, arg);
	crew_join(&c);
	return 0;
}

static void send_for_ever(void *arg)
{
	ran++;
	weft_chan_send(shared, &(int){ 1 });
	(void)arg;
	CHECK(!"sent");
}

static void recv_for_ever(void *arg)
{
	ran++;
	weft_chan_recv(arg, NULL);
	CHECK(!"received");
}

static void recv_until(void *arg)
{
	ran++;
	(void)!weft_chan_recv_until(arg, NULL, weft_in(1000 * WEFT_S));
	CHECK(!"received");
}

static void wait_group(void *arg)
{
	ran++;
	weft_waitgroup_wait(arg);
	CHECK(!"waited");
}

static int join_it(void *arg)
{
	weft_id id = *(weft_id *)arg;   /* main's: gone once main saw us run */

	ran++;
	CHECK_EQ(weft_join(id, NULL), 0);
	return 0;
}

static int park_here(void *arg)
{
	ran++;
	(void)arg;
	return weft_park_until(WEFT_FOREVER);
}

static weft_chan *other;
static weft_waitgroup group;

static int leave_all(void *arg)
{
	weft_id a, b;

	(void)arg;
	ran = 0;
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(weft_go(send_for_ever, NULL), 0);
		CHECK_EQ(weft_go(recv_for_ever, other), 0);
		CHECK_EQ(weft_go(recv_until, other), 0);
		CHECK_EQ(weft_go(wait_group, &group), 0);
		CHECK_EQ(weft_spawn(&a, NULL, park_here, NULL), 0);
		CHECK_EQ(weft_spawn(&b, NULL, join_it, &a), 0);
		/* No frame of theirs may be needed once main has gone. */
		wait_until(ran == 6 * (i + 1));
	}
	return 0;
}

static int use_again(void *arg)
{
	weft_id id;

	CHECK_EQ(weft_chan_try_recv(shared, NULL), -EAGAIN);
	CHECK_EQ(weft_chan_try_send(other, arg), -EAGAIN);
	CHECK_EQ(weft_spawn(&id, NULL, some_work, NULL), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	return 0;
}

static void *send_one(void *arg)
{
	give(arg, 8);
	return NULL;
}

Test(discard, waits_of_discarded_routines_are_withdrawn)
{
	pthread_t t;

	shared = ints(0);
	other = ints(0);
	weft_waitgroup_add(&group, 1);
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		cr_assert_eq(run_on(worker_counts[i], leave_all, NULL), 0);
		/* Between plain threads, */
		cr_assert_eq(weft_chan_try_recv(shared, NULL), -EAGAIN);
		cr_assert_eq(weft_chan_try_send(other, NULL), -EAGAIN);
		cr_assert_eq(pthread_create(&t, NULL, send_one, other), 0);
		cr_assert_eq(take(other), 8);
		pthread_join(t, NULL);
		/* and in the next run. */
		cr_assert_eq(run_on(worker_counts[i], use_again, NULL), 0);
		cr_assert_eq(failures, 0);
	}
	weft_waitgroup_done(&group);
	weft_waitgroup_wait(&group);
	weft_chan_unref(shared);
	weft_chan_unref(other);
}

/* Made ready, but main ends before they can run. */
static void woken_late(void *arg)
{
	ran++;
	weft_waitgroup_wait(arg);
}

static void received_late(void *arg)
{
	ran++;
	weft_chan_recv(arg, NULL);
}

static int wake_and_go(void *arg)
{
	(void)arg;
	ran = 0;
	shared = ints(0);
	other = ints(0);
	weft_waitgroup_add(&group, 1);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(weft_go(woken_late, &group), 0);
		CHECK_EQ(weft_go(received_late, shared), 0);
		CHECK_EQ(weft_go(received_late, other), 0);
	}
	wait_until(ran == 30);
	for (int i = 0; i < 20; i++)
		weft_yield();
	give(shared, 1);
	CHECK_EQ(weft_chan_close(other), 0);
	weft_waitgroup_done(&group);
	return 0;
}

Test(discard, main_may_end_before_the_woken_run)
{
	for (int i = 0; i < fewer(40); i++)
		for (size_t k = 0; k < COUNT(worker_counts); k++) {
			cr_assert_eq(run_on(worker_counts[k], wake_and_go,
					    NULL), 0);
			weft_chan_unref(shared);
			weft_chan_unref(other);
			cr_assert_eq(failures, 0);
		}
}

/* Deadlines that have passed, but main ends before those who waited can run:
 * they still stand in the queues of what they waited for. */
static weft_time deadline;

static void late_recv(void *arg)
{
	ran++;
	(void)!weft_chan_recv_until(arg, NULL, deadline);
}

static void late_wait(void *arg)
{
	ran++;
	(void)!weft_waitgroup_wait_until(arg, deadline);
}

static int end_at_deadline(void *arg)
{
	(void)arg;
	ran = 0;
	deadline = weft_in(3 * WEFT_MS);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(weft_go(late_recv, shared), 0);
		CHECK_EQ(weft_go(late_wait, &group), 0);
	}
	wait_until(ran == 20);
	CHECK_EQ(weft_sleep_until(deadline), 0);
	return 0;
}

Test(discard, main_may_end_before_those_whose_deadline_passed)
{
	weft_waitgroup_add(&group, 1);
	shared = ints(0);
	for (int i = 0; i < fewer(10); i++)
		for (size_t k = 0; k < COUNT(worker_counts); k++) {
			cr_assert_eq(run_on(worker_counts[k], end_at_deadline,
					    NULL), 0);
			cr_assert_eq(weft_chan_try_send(shared, NULL), -EAGAIN);
			cr_assert_eq(failures, 0);
		}
	weft_waitgroup_done(&group);
	weft_waitgroup_wait(&group);
	weft_chan_unref(shared);
}

/* Plain threads count a group down while the run ends. */
static atomic_int rounds;

static void *count_down(void *arg)
{
	for (int i = 1; i <= fewer(200); i++) {
		while (rounds < i)
			sched_yield();
		weft_waitgroup_done(arg);
	}
	return NULL;
}

static int wait_and_end(void *arg)
{
	ran = 0;
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_go(woken_late, arg), 0);
	wait_until(ran == 5);
	rounds++;
	return 0;
}

Test(discard, may_end_while_a_plain_thread_counts_down)
{
	pthread_t t;

	cr_assert_eq(pthread_create(&t, NULL, count_down, &group), 0);
	for (int i = 0; i < fewer(200); i++) {
		weft_waitgroup_add(&group, 1);
		cr_assert_eq(run_on(worker_counts[i % 4], wait_and_end, &group),
			     0);
		weft_waitgroup_wait(&group);
	}
	pthread_join(t, NULL);
	cr_assert_eq(failures, 0);
}

/* Plain threads go on using the channels while the run ends. */
static atomic_bool over;

static void *feed(void *arg)
{
	while (!over) {
		(void)!weft_chan_send_until(arg, &(int){ 1 },
					    weft_in(50 * WEFT_US));
		(void)!weft_chan_recv_until(other, NULL, weft_in(50 * WEFT_US));
	}
	return NULL;
}

static void receive_on(void *arg)
{
	while (weft_chan_recv(arg, NULL) == 0)
		(void)!weft_chan_send_until(other, NULL, weft_in(WEFT_MS));
}

static int receive_some(void *arg)
{
	(void)arg;
	for (int i = 0; i < 4; i++)
		CHECK_EQ(weft_go(receive_on, shared), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_chan_recv(shared, NULL), 0);
	return 0;
}

Test(discard, may_end_while_plain_threads_use_its_channels)
{
	pthread_t t[3];

	shared = ints(0);
	other = ints(0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, feed, shared), 0);
	for (int i = 0; i < fewer(80); i++) {
		weft_config c = {
			.workers = worker_counts[i % 4],
			.on_deadlock = WEFT_DEADLOCK_IGNORE,
		};

		cr_assert_eq(weft_run_config(&c, receive_some, NULL), 0);
	}
	over = true;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(failures, 0);
	weft_chan_unref(shared);
	weft_chan_unref(other);
}

static void loop_on(void *arg)
{
	(void)arg;
	ran++;
	for (;;)
		weft_yield();
}

static void loop_checking(void *arg)
{
	(void)arg;
	ran++;
	for (;;)
		weft_checkpoint();
}

static void loop_trying(void *arg)
{
	(void)arg;
	ran++;
	for (;;)
		(void)!weft_chan_try_recv(shared, NULL);
}

static int leave_running(void *arg)
{
	(void)arg;
	ran = 0;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(weft_go(loop_on, NULL), 0);
		CHECK_EQ(weft_go(loop_checking, NULL), 0);
		CHECK_EQ(weft_go(loop_trying, NULL), 0);
	}
	wait_until(ran == 9);
	return 0;
}

Test(discard, discards_those_that_never_wait)
{
	shared = ints(0);
	EACH(leave_running);
}

/* --- what a call holds ------------------------------------------------------------ */

struct holding {
	weft_held first, second;
	int order[2], n;
	void (*goes_on)(struct holding *);
};

static struct holding held;

static void drops_first(void *arg)
{
	CHECK_EQ(arg, &held.first);
	held.order[held.n++] = 1;
}

static void drops_second(void *arg)
{
	CHECK_EQ(arg, &held.second);
	held.order[held.n++] = 2;
}

static int holds(void *arg)
{
	struct holding *h = arg;

	weft_hold_begin(&h->first, drops_first, &h->first);
	weft_hold_begin(&h->second, drops_second, &h->second);
	h->goes_on(h);
	weft_hold_end(&h->second);
	weft_hold_end(&h->first);
	return 3;
}

static void begin_holding(void (*goes_on)(struct holding *))
{
	memset(&held, 0, sizeof held);
	held.goes_on = goes_on;
}

static void both_dropped(void)
{
	CHECK_EQ(held.n, 2);
	CHECK(held.order[0] == 2 && held.order[1] == 1);
}

static void returns(struct holding *h)
{
	CHECK_EQ(h->n, 0);
}

static void panics(struct holding *h)
{
	returns(h);
	weft_panic("in a call that holds something");
}

static void exits(struct holding *h)
{
	returns(h);
	weft_exit(4);
}

static void yields(struct holding *h)
{
	returns(h);
	CHECK_EQ(weft_coro_yield(NULL, NULL), 0);
}

static void waits(struct holding *h)
{
	ran++;
	returns(h);
	(void)!weft_park_until(WEFT_FOREVER);
}

static void in_coro(void *arg)
{
	(void)holds(arg);
}

static void frees_holder(void)
{
	weft_coro *co = weft_coro_new(in_coro, &held, 0);

	begin_holding(yields);
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
	weft_coro_free(co);
	both_dropped();
	co = weft_coro_new(in_coro, &held, 0);
	begin_holding(yields);
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), -EPIPE);
	weft_coro_free(co);
	CHECK_EQ(held.n, 0);
}

static int leave_holder(void *arg)
{
	weft_id id;
	int status = 0;

	(void)arg;
	begin_holding(returns);
	CHECK_EQ(holds(&held), 3);
	CHECK_EQ(held.n, 0);
	begin_holding(panics);
	CHECK_EQ(weft_try(holds, &held), WEFT_EPANIC);
	both_dropped();
	begin_holding(exits);
	CHECK_EQ(weft_spawn(&id, NULL, holds, &held), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, 4);
	both_dropped();
	frees_holder();
	begin_holding(waits);
	ran = 0;
	CHECK_EQ(weft_spawn(&id, NULL, holds, &held), 0);
	wait_until(ran == 1);
	return 0;
}

Test(discard, gives_back_what_calls_hold)
{
	for (int i = 0; i < fewer(20); i++) {
		ran = 0;
		EACH(leave_holder);
		both_dropped();
	}
	frees_holder();
	cr_assert_eq(failures, 0, "%s", first_failure);
}
