/* api/panic_told.c - who is told of a panic: joiner, scope, stderr. */
#include "support/panics.h"

TestSuite(panic_told, .timeout = 120);

static int misuses(void *arg)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	(void)arg;
	weft_waitgroup_done(&g);
	return 0;
}

#define EXPECT_REPORT(text) \
	cr_expect(reports() == 1 && heard("weft: panic: " text "\n") && \
		  heard("weft:   in routine "), "%s", said)

/* --- who is told ------------------------------------------------------------------ */

static int joined(void *arg)
{
	weft_id id[20];
	int status;

	(void)arg;
	for (size_t i = 0; i < COUNT(id); i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, i % 2 ? panics : misuses,
				    NULL), 0);
	for (size_t i = 0; i < COUNT(id); i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, WEFT_EPANIC);
		CHECK_EQ(weft_join(id[i], &status), -ESRCH);
	}
	return failures;
}

static int joined_in_child(void *arg)
{
	int bad = 0;

	(void)arg;
	for (size_t i = 0; i < COUNT(worker_counts); i++)
		bad += run_on(worker_counts[i], joined, NULL);
	return bad;
}

Test(panic_told, is_the_status_of_a_join_and_not_reported)
{
	cr_expect_eq(in_child(joined_in_child, NULL), 0, "%s", said);
	cr_expect_eq(reports(), 0, "%s", said);
}

static int called(void *arg)
{
	weft_runtime *rt;
	int bad = 0;

	(void)arg;
	if (weft_start(NULL, &rt))
		return 100;
	bad += weft_call(rt, panics, NULL) != WEFT_EPANIC;
	bad += weft_call(rt, misuses, NULL) != WEFT_EPANIC;
	bad += weft_stop(rt, WEFT_FOREVER) != 0;
	return bad;
}

Test(panic_told, is_the_result_of_a_call)
{
	cr_expect_eq(in_child(called, NULL), 0, "%s", said);
	cr_expect_eq(reports(), 0, "%s", said);
}

static int child(void *arg)
{
	return panics(arg);
}

static int scoped(void *arg)
{
	weft_scope s;

	(void)arg;
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_go(&s, child, NULL), 0);
	CHECK_EQ(weft_scope_end(&s), WEFT_EPANIC);
	return failures;
}

static int scoped_in_child(void *arg)
{
	return run_one(scoped, arg);
}

Test(panic_told, is_the_error_of_a_scope)
{
	cr_expect_eq(in_child(scoped_in_child, NULL), 0, "%s", said);
	cr_expect_eq(reports(), 0, "%s", said);
}

/* --- nobody to tell -------------------------------------------------------------- */

static int goes(void *arg)
{
	weft_attr a = { .name = "fuse" };
	weft_chan *c = ints(1);

	(void)arg;
	CHECK_EQ(weft_go_attr(&a, panics_void, TEXT("a fuse")), 0);
	/* The others go on. */
	for (int i = 0; i < 100; i++) {
		give(c, i);
		CHECK_EQ(take(c), i);
		weft_yield();
	}
	CHECK_EQ(weft_sleep(WEFT_MS), 0);
	weft_chan_unref(c);
	return failures;
}

static int goes_in_child(void *arg)
{
	weft_config c = { .workers = (unsigned)(uintptr_t)arg,
			  .flags = WEFT_WAIT_ALL };

	return weft_run_config(&c, goes, NULL);
}

Test(panic_told, of_a_go_routine_is_reported)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		cr_expect_eq(in_child(goes_in_child,
				(void *)(uintptr_t)worker_counts[i]), 0,
			     "%s", said);
		EXPECT_REPORT("a fuse went wrong");
		cr_expect(heard("\"fuse\", entry "), "%s", said);
		cr_expect(heard("spawned at "), "%s", said);
		cr_expect(heard("weft:   #0 "), "%s", said);
	}
}

static int main_panics(void *arg)
{
	return run_one(panics, arg) == WEFT_EPANIC ? 0 : 1;
}

static int main_misuses(void *arg)
{
	return run_one(misuses, arg) == WEFT_EPANIC ? 0 : 1;
}

Test(panic_told, of_main_is_reported_and_what_the_run_returns)
{
	cr_expect_eq(in_child(main_panics, "main"), 0, "%s", said);
	EXPECT_REPORT("main went wrong");
	cr_expect_eq(in_child(main_misuses, NULL), 0, "%s", said);
	EXPECT_REPORT("waitgroup: counter below zero");
}

static atomic_bool begun;

static int begins_and_panics(void *arg)
{
	begun = true;
	return panics(arg);
}

static int detaches(void *arg)
{
	weft_id id;

	CHECK_EQ(weft_spawn(&id, NULL, begins_and_panics, TEXT("detached")), 0);
	if (arg)
		CHECK_EQ(weft_sleep(20 * WEFT_MS), 0);
	CHECK_EQ(weft_detach(id), 0);
	CHECK_EQ(weft_detach(id), -ESRCH);
	wait_until(begun);
	CHECK_EQ(weft_sleep(20 * WEFT_MS), 0);
	return failures;
}

static int detaches_in_child(void *arg)
{
	return run_one(detaches, arg);
}

static int parks_then_panics(void *arg)
{
	CHECK_EQ(weft_park_until(WEFT_FOREVER), 0);
	return begins_and_panics(arg);
}

static int detaches_first(void *arg)
{
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, parks_then_panics, TEXT("detached")), 0);
	CHECK_EQ(weft_detach(id), 0);
	CHECK_EQ(weft_unpark(id), 0);
	wait_until(begun);
	CHECK_EQ(weft_sleep(20 * WEFT_MS), 0);
	return failures;
}

static int detaches_first_in_child(void *arg)
{
	return run_one(detaches_first, arg);
}

static int forgets(void *arg)
{
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, begins_and_panics, TEXT("forgotten")),
		 0);
	wait_until(begun);
	CHECK_EQ(weft_sleep(20 * WEFT_MS), 0);
	return failures;
}

static int forgets_in_child(void *arg)
{
	return run_one(forgets, arg);
}

Test(panic_told, of_a_routine_that_nobody_joins_is_reported_once)
{
	cr_expect_eq(in_child(detaches_in_child, NULL), 0, "%s", said);
	EXPECT_REPORT("detached went wrong");
	cr_expect_eq(in_child(detaches_in_child, "late"), 0, "%s", said);
	EXPECT_REPORT("detached went wrong");
	cr_expect_eq(in_child(detaches_first_in_child, NULL), 0, "%s", said);
	EXPECT_REPORT("detached went wrong");
	cr_expect_eq(in_child(forgets_in_child, NULL), 0, "%s", said);
	EXPECT_REPORT("forgotten went wrong");
}

/* --- on_panic --------------------------------------------------------------------- */

static void never(void *arg)
{
	(void)arg;
	fputs("deferred\n", stderr);
}

static void defers_and_panics(void *arg)
{
	WEFT_DEFER(never, NULL);
	panics(arg);
}

static int strict_go(void *arg)
{
	CHECK_EQ(weft_go(defers_and_panics, arg), 0);
	return weft_sleep(WEFT_FOREVER);
}

static int strict_told(void *arg)
{
	weft_id id;
	int status;

	if (weft_try(panics, arg) != WEFT_EPANIC ||
	    weft_spawn(&id, NULL, panics, arg) || weft_join(id, &status) ||
	    status != WEFT_EPANIC)
		return 1;
	return scoped(arg);
}

static int strict(void *fn)
{
	weft_config c = { .workers = 2, .on_panic = WEFT_PANIC_ABORT };

	return weft_run_config(&c, (int (*)(void *))(uintptr_t)fn,
			       TEXT("strict"));
}

static int strict_forgotten(void *arg)
{
	return forgets(arg);
}

Test(panic_told, can_abort_the_process)
{
	cr_expect_eq(in_child(strict, (void *)(uintptr_t)strict_go), -SIGABRT,
		     "%s", said);
	EXPECT_REPORT("strict went wrong");
	cr_expect_not(heard("deferred"), "%s", said);
	cr_expect_eq(in_child(strict, (void *)(uintptr_t)panics), -SIGABRT);
	EXPECT_REPORT("strict went wrong");
	cr_expect_eq(in_child(strict, (void *)(uintptr_t)misuses), -SIGABRT);
	EXPECT_REPORT("waitgroup: counter below zero");
	cr_expect_eq(in_child(strict, (void *)(uintptr_t)strict_forgotten),
		     -SIGABRT);
	EXPECT_REPORT("forgotten went wrong");
	cr_expect_eq(in_child(strict, (void *)(uintptr_t)strict_told), 0,
		     "%s", said);
	cr_expect_eq(reports(), 0, "%s", said);
}

/* --- plain threads ------------------------------------------------------------------ */

static int plain_try(void *arg)
{
	return weft_try(panics, arg);
}

static int plain_misuse(void *arg)
{
	return weft_try(misuses, arg);
}

static int plain_exit(void *arg)
{
	(void)arg;
	weft_exit(0);
}

static void *blocks(void *arg)
{
	panics(arg);
	return NULL;
}

static int blocking(void *arg)
{
	return weft_blocking(blocks, arg, NULL);
}

static int runs_blocking(void *arg)
{
	return run_one(blocking, arg);
}

static void in_coro(void *arg)
{
	panics(arg);
}

static int plain_coro(void *arg)
{
	return weft_coro_resume(weft_coro_new(in_coro, arg, 0), NULL, NULL);
}

Test(panic_told, on_a_plain_thread_prints_and_aborts)
{
	static int (*const fn[])(void *) = { panics, plain_try, plain_coro,
					     runs_blocking };

	for (size_t i = 0; i < COUNT(fn); i++) {
		cr_expect_eq(in_child(fn[i], "plain"), -SIGABRT, "%s", said);
		cr_expect(heard("weft: panic: plain went wrong\n"), "%s", said);
		cr_expect_not(heard("in routine"), "%s", said);
	}
	cr_expect_eq(in_child(plain_misuse, NULL), -SIGABRT);
	cr_expect(heard("weft: panic: waitgroup: counter below zero"), "%s",
		  said);
	cr_expect_eq(in_child(plain_exit, NULL), -SIGABRT);
	cr_expect(heard("weft: panic: exit: not called from a routine"), "%s",
		  said);
}
