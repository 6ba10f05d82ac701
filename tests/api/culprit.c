/* tests/api/culprit.c - who keeps a worker for long is named. */
#include "support/rt.h"

#include <poll.h>
#include <signal.h>

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

/* Time in which the monitor does not run either counts against nobody, and on a
 * busy machine that may be most of it. */
static int until_named(int (*fn)(void *))
{
	int rc;

	length = WEFT_S;
	do {
		length *= 2;
		rc = in_child(fn, NULL);
	} while (rc == 0 && !strstr(said, "while others waited") &&
		 length < 20 * WEFT_S);
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
	cr_assert_eq(until_named(blocking_run), 0);
	cr_assert_eq(times("has kept worker"), 1, "said: %s", said);
	cr_assert_eq(times("\"sleepyhead\""), 1, "said: %s", said);
	cr_assert_eq(times("while others waited"), 1, "said: %s", said);
	cr_assert(strstr(said, "backtrace"), "said: %s", said);
}

Test(culprit, so_is_a_loop)
{
	cr_assert_eq(until_named(looping_run), 0);
	cr_assert_eq(times("\"busybody\""), 1, "said: %s", said);
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
	cr_assert_eq(until_named(handling_run), 0);
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
	cr_assert_eq(times("while others waited"), 0, "said: %s", said);
}
