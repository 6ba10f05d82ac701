/* tests/api/culprit.c - who keeps a worker for long is named. */
#include "support/rt.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

TestSuite(culprit, .timeout = 150);

static atomic_bool done;

static weft_time length;

/* Blocks its thread, as a call of another library might. */
static void block_for_long(void *arg)
{
	weft_time end = weft_in(length);

	(void)arg;
	weft_name_set("sleepyhead");
	while (weft_now() < end)
		poll(NULL, 0, 10);
	done = true;
}

static void loop_for_long(void *arg)
{
	weft_time end = weft_in(length);

	(void)arg;
	weft_name_set("busybody");
	while (weft_now() < end)
		;
	done = true;
}

/* Something else has to run all the time. */
static int beside(void (*fn)(void *))
{
	done = false;
	CHECK_EQ(weft_go(fn, NULL), 0);
	while (!done)
		weft_yield();
	return 0;
}

static int block_main(void *arg)
{
	(void)arg;
	return beside(block_for_long);
}

static int loop_main(void *arg)
{
	(void)arg;
	return beside(loop_for_long);
}

static int blocking_run(void *arg)
{
	(void)arg;
	return run_on(1, block_main, NULL) || failures;
}

static int looping_run(void *arg)
{
	(void)arg;
	return run_on(1, loop_main, NULL) || failures;
}

#define NAMED "while others waited"

/* Time in which the monitor or the worker gets no CPU counts against nobody, and
 * on a busy machine that may be most of it. */
static int until_said(const char *what, int (*fn)(void *))
{
	int rc;

	length = WEFT_S;
	do {
		length *= 2;
		rc = in_child(fn, NULL);
	} while (rc == 0 && !strstr(said, what) && length < 20 * WEFT_S);
	return rc;
}

static unsigned times(const char *what)
{
	unsigned n = 0;

	for (const char *p = said; (p = strstr(p, what)); p++)
		n++;
	return n;
}

Test(culprit, a_call_that_blocks_is_named_once)
{
	cr_assert_eq(until_said("\"sleepyhead\"", blocking_run), 0);
	cr_assert_eq(times("has kept worker"), 1, "said: %s", said);
	cr_assert_eq(times("\"sleepyhead\""), 1, "said: %s", said);
	cr_assert_eq(times(NAMED), 1, "said: %s", said);
	cr_assert(strstr(said, "backtrace"), "said: %s", said);
}

/* valgrind's threads wait for each other asleep: there a loop that does not get
 * its turn is in a call that blocks. */
Test(culprit, so_is_a_loop)
{
	const char *what = under("valgrind") ? "\"busybody\"" : "ms without a pause";

	cr_assert_eq(until_said(what, looping_run), 0);
	cr_assert_eq(times("\"busybody\""), 1, "said: %s", said);
	cr_assert_eq(times(what), 1, "said: %s", said);
}

/* --- asleep in one call -------------------------------------------------------- */

static int quiet[2];

static void read_for_long(void *arg)
{
	char c;

	(void)arg;
	weft_name_set("reader");
	weft_yield();                   /* so that the work for it is over */
	CHECK_EQ(read(quiet[0], &c, 1), 1);
	done = true;
}

static int read_main(void *arg)
{
	weft_time end = weft_in(length);

	(void)arg;
	CHECK_EQ(weft_go(read_for_long, NULL), 0);
	while (weft_now() < end)
		weft_yield();
	CHECK_EQ(write(quiet[1], "", 1), 1);
	while (!done)
		weft_yield();
	return 0;
}

static int reading_run(void *arg)
{
	(void)arg;
	return pipe(quiet) < 0 || run_on(1, read_main, NULL) || failures;
}

Test(culprit, a_plain_read_is_a_call_that_blocks)
{
	cr_assert_eq(until_said("ms in a call that blocks", reading_run), 0);
	cr_assert_eq(times("\"reader\""), 1, "said: %s", said);
	cr_assert_eq(times("ms in a call that blocks"), 1, "said: %s", said);
}

static atomic_int urgent;

static void on_urgent(int signo)
{
	(void)signo;
	urgent++;
}

static int handling_run(void *arg)
{
	struct sigaction sa = { .sa_handler = on_urgent };

	sigaction(SIGURG, &sa, NULL);
	if (looping_run(arg) || urgent)
		return 1;
	raise(SIGURG);
	return urgent != 1;
}

Test(culprit, a_program_that_has_the_signal_keeps_it)
{
	cr_assert_eq(until_said(NAMED, handling_run), 0);
	cr_assert_eq(times("has stood still for"), 1, "said: %s", said);
}

static int alone(void *arg)
{
	block_for_long(arg);
	return 0;
}

static int alone_run(void *arg)
{
	(void)arg;
	return run_on(2, alone, NULL) || failures;
}

Test(culprit, who_holds_nobody_up_is_not_named)
{
	length = 3 * WEFT_S / 2;
	cr_assert_eq(in_child(alone_run, NULL), 0);
	cr_assert_eq(times(NAMED), 0, "said: %s", said);
}

/* --- no CPU -------------------------------------------------------------------- */

enum { CROWD = 4 };

enum { STARVED, FED, CANNOT };          /* a child's answer */

static pthread_t hungry;
static pid_t hungry_id;
static atomic_bool served;

/* This thread stays on the first CPU that it may use. */
static bool pin(void)
{
	cpu_set_t may, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof may, &may) < 0)
		return false;
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
		if (CPU_ISSET(i, &may))
			CPU_SET(i, &one);
	return sched_setaffinity(0, sizeof one, &one) == 0;
}

/* Without end, and without anything that others could have to wait for. */
static void spin(void)
{
	for (volatile unsigned n = 0;; n++)
		;
}

static void *crowd(void *arg)
{
	(void)arg;
	if (!pin())
		_exit(CANNOT);
	spin();
	return NULL;
}

/* Runs only when none of the crowd wants to: about never. */
static void hunger(void *arg)
{
	struct sched_param none = { 0 };

	(void)arg;
	hungry = pthread_self();
	hungry_id = gettid();
	served = true;
	if (!pin() || sched_setscheduler(0, SCHED_IDLE, &none) < 0)
		_exit(CANNOT);
	spin();
}

/* The process ends under the hungry one, which needs some CPU for that. */
static int hunger_main(void *arg)
{
	struct sched_param none = { 0 };
	struct timespec used = { 0 };
	clockid_t clock;
	weft_time end;

	(void)arg;
	if (weft_go(hunger, NULL))
		_exit(CANNOT);
	while (!served)
		weft_yield();
	end = weft_in(2 * WEFT_S);
	while (weft_now() < end)
		weft_yield();
	if (pthread_getcpuclockid(hungry, &clock) ||
	    clock_gettime(clock, &used))
		_exit(CANNOT);
	sched_setscheduler(hungry_id, SCHED_OTHER, &none);
	_exit(used.tv_sec || used.tv_nsec > 60 * WEFT_MS ? FED : STARVED);
}

/* With a handler of the program's the monitor speaks itself, at once. */
static int hungry_run(void *arg)
{
	struct sigaction sa = { .sa_handler = on_urgent };
	pthread_t t;

	(void)arg;
	sigaction(SIGURG, &sa, NULL);
	for (int i = 0; i < CROWD; i++)
		if (pthread_create(&t, NULL, crowd, NULL))
			return CANNOT;
	return run_on(1, hunger_main, NULL) ? CANNOT : FED;
}

Test(culprit, who_gets_no_cpu_is_not_named)
{
	int rc = FED;

	if (under("valgrind"))
		cr_skip_test("one thread runs at a time: all would starve");
	if (access("/proc/self/task", X_OK) < 0)
		cr_skip_test("no /proc");
	for (int i = 0; i < 4 && rc == FED; i++)
		rc = in_child(hungry_run, NULL);
	if (rc == FED || rc == CANNOT)
		cr_skip_test("no thread can be made to starve here");
	cr_assert_eq(rc, STARVED);
	cr_assert_eq(times("stood still"), 0, "said: %s", said);
}
