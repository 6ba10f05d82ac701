/* tests/api/runtime.c - a run: how it starts, how it ends, what it leaves. */
#include "support/crew.h"
#include "support/proc.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

TestSuite(runtime, .timeout = 120);

static atomic_int ran;
static weft_chan *shared;

static int give_back(void *arg)
{
	return (int)(intptr_t)arg;
}

Test(runtime, run_returns_what_main_returned)
{
	static const int values[] = { 0, 1, -1, -EDEADLK, 4711, INT32_MIN };

	for (size_t i = 0; i < COUNT(values); i++) {
		for (size_t k = 0; k < COUNT(worker_counts); k++)
			cr_assert_eq(run_on(worker_counts[k], give_back,
					    (void *)(intptr_t)values[i]),
				     values[i]);
		cr_assert_eq(weft_run(give_back, (void *)(intptr_t)values[i]),
			     values[i]);
		cr_assert_eq(weft_run_config(NULL, give_back,
					     (void *)(intptr_t)values[i]),
			     values[i]);
	}
}

static int nest(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_run(give_back, NULL), -EPERM);
	CHECK_EQ(weft_run(NULL, NULL), -EINVAL);
	return 0;
}

Test(runtime, run_refuses)
{
	cr_assert_eq(weft_run(NULL, NULL), -EINVAL);
	cr_assert_eq(weft_run_config(NULL, NULL, NULL), -EINVAL);
	EACH(nest);
}

static int some_work(void *arg)
{
	struct crew c;

	crew_start(&c, 10, 0, give_back, arg);
	crew_join(&c);
	return 0;
}

Test(runtime, starts_and_stops_200_times)
{
	int before = threads_now(), max = before + 2;

	for (int i = 0; i < fewer(200); i++)
		cr_assert_eq(run_on(worker_counts[i % 4], some_work, NULL), 0);
	/* Joined threads vanish from /proc a moment later. */
	wait_until(threads_now() <= max);
	cr_assert_eq(failures, 0);
}

static int park_here(void *arg)
{
	ran++;
	(void)arg;
	return weft_park_until(WEFT_FOREVER);
}

static weft_chan *other;

/* --- WEFT_WAIT_ALL ------------------------------------------------------------------- */

static void take_long(void *arg)
{
	for (int i = 0; i < 20; i++)
		weft_yield();
	CHECK_EQ(weft_sleep(2 * WEFT_MS), 0);
	if (arg)
		CHECK_EQ(weft_go(take_long, (char *)arg - 1), 0);
	ran++;
}

static int leave_busy(void *arg)
{
	ran = 0;
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_go(take_long, (void *)3), 0);
	(void)arg;
	return 6;
}

Test(runtime, wait_all_waits_for_all)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		weft_config c = {
			.workers = worker_counts[i], .flags = WEFT_WAIT_ALL,
		};

		cr_assert_eq(weft_run_config(&c, leave_busy, NULL), 6);
		cr_assert_eq(ran, 40);
		for (int k = fewer(50); k > 0; k--)
			cr_assert_eq(weft_run_config(&c, some_work, NULL), 0);
		cr_assert_eq(failures, 0);
	}
}

/* --- deadlock -------------------------------------------------------------------------- */

static int all_wait(void *arg)
{
	weft_attr a = { .name = "philosopher" };
	weft_id id[3];

	(void)arg;
	shared = ints(0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_spawn(&id[i], &a, park_here, NULL), 0);
	CHECK_EQ(weft_join(id[0], NULL), 0);
	return 0;
}

static int run_all_wait(void *arg)
{
	return run_on((unsigned)(uintptr_t)arg, all_wait, NULL) == -EDEADLK ?
	       17 : 1;
}

Test(runtime, deadlock_is_reported)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		int rc = in_child(run_all_wait,
				  (void *)(uintptr_t)worker_counts[i]);
		const char *report = strstr(said, "weft: deadlock: ");

		cr_assert_eq(rc, 17, "%d: %s", rc, said);
		cr_assert_not_null(report, "%s", said);
		cr_assert_not_null(strstr(report, "philosopher"), "%s", said);
		cr_assert_not_null(strstr(report, "join"), "%s", said);
		cr_assert_not_null(strstr(report, ": park"), "%s", said);
	}
}

static int abort_all_wait(void *arg)
{
	weft_config c = { .workers = 2, .on_deadlock = WEFT_DEADLOCK_ABORT };

	signal(SIGABRT, SIG_DFL);
	return weft_run_config(&c, all_wait, arg);
}

Test(runtime, deadlock_may_abort)
{
	int rc = in_child(abort_all_wait, NULL);

	cr_assert_eq(rc, -SIGABRT, "%d: %s", rc, said);
	cr_assert_not_null(strstr(said, "deadlock"), "%s", said);
}

static int nap_and_work(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(weft_sleep(300 * WEFT_US), 0);
		CHECK_EQ(weft_park_until(weft_in(300 * WEFT_US)), -ETIMEDOUT);
		some_work(NULL);
	}
	return 0;
}

Test(runtime, timers_are_no_deadlock)
{
	EACH(nap_and_work);
}

/* --- plain threads that wait ------------------------------------------------- */

static atomic_long waiting_thread;

/* It sleeps, in the kernel, not for a moment only. */
static bool sleeps(long tid)
{
	char path[64], text[512], *end;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	end = strrchr(text, ')');
	return end && end[1] && end[2] == 'S';
}

/* The thread has to wait first, and nothing else shows it; nor does this for
 * sure, since a thread may sleep on its way there. */
static void wait_until_it_waits(void)
{
	for (int seen = 0; seen < 50; sched_yield())
		seen = waiting_thread && sleeps(waiting_thread) ? seen + 1 : 0;
	waiting_thread = 0;
}

/* A plain thread that waits in a channel of the run can wake others once it
 * has been woken itself, however long that takes it. */
static void *slow_answer(void *arg)
{
	struct timespec t;
	int v;

	(void)arg;
	waiting_thread = thread_id();
	v = take(shared);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	for (struct timespec u = t; (u.tv_sec - t.tv_sec) * 1000000000 +
	     u.tv_nsec - t.tv_nsec < 20000000;)
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &u);
	give(other, v + 1);
	return NULL;
}

/* Whoever receives there waits already when this parks. */
static int ask_waiting(void *arg)
{
	int v = 1;

	(void)arg;
	while (weft_chan_try_send(shared, &v) < 0)
		weft_yield();
	return take(other) != 2;
}

/* On each number of workers. */
static void with_answers_by(void *(*thread)(void *), int (*ask)(void *))
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		pthread_t t;

		shared = ints(0);
		other = ints(0);
		cr_assert_eq(pthread_create(&t, NULL, thread, NULL), 0);
		wait_until_it_waits();
		cr_assert_eq(run_on(worker_counts[i], ask, NULL), 0);
		pthread_join(t, NULL);
		weft_chan_unref(shared);
		weft_chan_unref(other);
	}
	cr_assert_eq(failures, 0);
}

Test(runtime, a_thread_that_was_woken_is_no_deadlock)
{
	with_answers_by(slow_answer, ask_waiting);
}

/* And one with a deadline wakes by itself. */
static void *late_answer(void *arg)
{
	(void)arg;
	/* Known by then: that it sleeps in weft is not seen for sure. */
	CHECK_EQ(weft_sleep(0), 0);
	waiting_thread = thread_id();
	CHECK_EQ(weft_sleep(300 * WEFT_MS), 0);
	CHECK_EQ(take(shared), 1);
	give(other, 2);
	return NULL;
}

static int ask(void *arg)
{
	(void)arg;
	give(shared, 1);
	return take(other) != 2;
}

Test(runtime, a_thread_with_a_deadline_is_no_deadlock)
{
	with_answers_by(late_answer, ask);
}

/* So can a routine of another runtime. */
static void answer_later(void *arg)
{
	CHECK_EQ(weft_chan_recv(shared, NULL), 0);
	CHECK_EQ(weft_sleep(30 * WEFT_MS), 0);
	give(arg, 2);
}

Test(runtime, another_runtime_is_no_deadlock)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		weft_config c = { .workers = 1 };
		weft_runtime *rt;

		shared = ints(0);
		other = ints(0);
		cr_assert_eq(weft_start(&c, &rt), 0);
		cr_assert_eq(weft_submit(rt, answer_later, other), 0);
		cr_assert_eq(run_on(worker_counts[i], ask, NULL), 0);
		cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
		weft_chan_unref(shared);
		weft_chan_unref(other);
	}
	cr_assert_eq(failures, 0);
}

/* --- signals ----------------------------------------------------------------------------- */

static int look_at_mask(void *arg)
{
	static const int asynchronous[] = {
		SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGALRM, SIGPIPE,
	};
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	sigset_t set;

	(void)arg;
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &set), 0);
	for (size_t i = 0; i < COUNT(asynchronous); i++)
		CHECK(sigismember(&set, asynchronous[i]));
	for (size_t i = 0; i < COUNT(faults); i++)
		CHECK(!sigismember(&set, faults[i]));
	return 0;
}

static void *mask_of_pool(void *arg)
{
	look_at_mask(arg);
	return NULL;
}

static int masks(void *arg)
{
	weft_id id[20];

	for (int i = 0; i < 20; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, look_at_mask, NULL), 0);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	CHECK_EQ(weft_blocking(mask_of_pool, arg, NULL), 0);
	return 0;
}

static atomic_int signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

Test(runtime, asynchronous_signals_stay_with_the_programs_threads)
{
	sigset_t before, after;

	signal(SIGUSR1, on_signal);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	EACH(masks);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int i = 1; i < 32; i++)
		cr_assert_eq(sigismember(&before, i), sigismember(&after, i));
	kill(getpid(), SIGUSR1);
	cr_assert_eq(signals, 1);
}
