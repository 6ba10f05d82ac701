/* unit/places.c - max_routines: who learns that a routine has ended may start
 * another, though the first one is still on its way out.
 *
 * The linker puts a function of this file in front of the last thing that a
 * routine does; there it stays until the other has tried.
 */
#include "support/rt.h"

#include "sched/runtime.h"

#include <sched.h>

TestSuite(places, .timeout = 120);

static atomic_bool dawdling;

struct routine *__real_weft__routine_end(struct worker *w, struct routine *r);
struct routine *__wrap_weft__routine_end(struct worker *w, struct routine *r);
struct routine *__wrap_weft__routine_end(struct worker *w, struct routine *r)
{
	weft_time until = weft_in(20 * WEFT_S);

	while (dawdling && !(r->flags & ROUTINE_MAIN) && weft_now() < until)
		sched_yield();
	return __real_weft__routine_end(w, r);
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void as_little(void *arg)
{
	(void)arg;
}

static void try_again(void)
{
	weft_scope s;

	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_go(&s, nothing, NULL), 0);
	dawdling = false;
	CHECK_EQ(weft_scope_end(&s), 0);
}

static int child(void *arg)
{
	weft_scope s;

	(void)arg;
	dawdling = true;
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_go(&s, nothing, NULL), 0);
	CHECK_EQ(weft_scope_end(&s), 0);
	try_again();
	return 0;
}

static int leaves(void *arg)
{
	(void)arg;
	weft_exit(0);
}

static int child_that_exits(void *arg)
{
	weft_scope s;

	(void)arg;
	dawdling = true;
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_go(&s, leaves, NULL), 0);
	CHECK_EQ(weft_scope_end(&s), 0);
	try_again();
	return 0;
}

static int deadline(void *arg)
{
	weft_scope s;

	(void)arg;
	dawdling = true;
	CHECK_EQ(weft_scope_begin(&s, weft_in(WEFT_MS)), 0);
	while (!weft_cancelled())
		weft_yield();
	CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);
	try_again();
	return 0;
}

static int member(void *arg)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;

	dawdling = true;
	CHECK_EQ(weft_waitgroup_go(&g, as_little, arg), 0);
	weft_waitgroup_wait(&g);
	try_again();
	return 0;
}

static void with_two(int (*fn)(void *))
{
	/* One routine and the main one. */
	weft_config c = { .workers = 2, .max_routines = 2 };

	for (int i = 0; i < fewer(10); i++) {
		cr_assert_eq(weft_run_config(&c, fn, NULL), 0);
		cr_assert_eq(failures, 0, "%s", first_failure);
	}
}

Test(places, come_back_before_a_scope_ends)
{
	with_two(child);
}

Test(places, come_back_however_a_child_ends)
{
	with_two(child_that_exits);
}

Test(places, come_back_when_a_deadline_has_come)
{
	with_two(deadline);
}

Test(places, come_back_before_a_group_is_done)
{
	with_two(member);
}
