/* api/unwind.c - what a panic or weft_exit leaves behind: nothing. */
#include "support/panics.h"

#include <stdlib.h>

TestSuite(unwind, .timeout = 120);

static int status_of(int (*fn)(void *), void *arg)
{
	weft_id id;
	int status = -1;

	CHECK_EQ(weft_spawn(&id, NULL, fn, arg), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	return status;
}

/* --- what is restored -------------------------------------------------------------- */

static void *panics_big(void *arg)
{
	weft_panic("on a big stack, %s", (char *)arg);
}

static void *big_in_big(void *arg)
{
	char room[100000];

	memset(room, 1, sizeof room);
	weft_call_big(1 << 18, arg ? panics_big : NULL,
		      TEXT("inner"), NULL);
	return NULL;
}

static int on_big(void *arg)
{
	weft_call_big(1 << 17, arg ? big_in_big : panics_big, arg, NULL);
	return 0;
}

static void *tries_there(void *arg)
{
	return (void *)(intptr_t)weft_try(arg ? on_big : panics_with, arg);
}

static int bigs(void *arg)
{
	void *result;

	(void)arg;
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(weft_try(on_big, i % 2 ? TEXT("x") : NULL), WEFT_EPANIC);
		CHECK_EQ(weft_call_big(1 << 17, tries_there,
				       i % 3 ? TEXT("x") : NULL, &result), 0);
		CHECK_EQ((intptr_t)result, WEFT_EPANIC);
		weft_yield();
	}
	return 0;
}

Test(unwind, gives_bigger_stacks_back)
{
	EACH(bigs);
}

static int shields(void *arg)
{
	weft_shield_begin();
	weft_shield_begin();
	return panics_with(arg);
}

static int cancelled(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_park_until(WEFT_FOREVER), -ECANCELED);
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	CHECK_EQ(weft_try(shields, NULL), WEFT_EPANIC);
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	weft_shield_begin();
	CHECK_EQ(weft_try(shields, NULL), WEFT_EPANIC);
	CHECK_EQ(weft_cancelled(), 0);
	weft_shield_end();
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	return 0;
}

static int shield_levels(void *arg)
{
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, cancelled, NULL), 0);
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	return 0;
}

Test(unwind, ends_shields)
{
	EACH(shield_levels);
}

static atomic_int left;

static int waits(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_park_until(WEFT_FOREVER), -ECANCELED);
	atomic_fetch_add(&left, 1);
	return -ECANCELED;
}

static int scoped(void *arg)
{
	weft_scope a, b;

	CHECK_EQ(weft_scope_begin(&a, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_go(&a, waits, NULL), 0);
	CHECK_EQ(weft_scope_begin(&b, weft_in(1000 * WEFT_S)), 0);
	CHECK_EQ(weft_scope_go(&b, waits, NULL), 0);
	CHECK_EQ(weft_scope_go(&b, waits, NULL), 0);
	return panics_with(arg);
}

static int scope_levels(void *arg)
{
	weft_scope s;

	(void)arg;
	atomic_store(&left, 0);
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_try(scoped, NULL), WEFT_EPANIC);
	CHECK_EQ(atomic_load(&left), 3);
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_scope_end(&s), 0);
	return 0;
}

Test(unwind, joins_scopes)
{
	EACH(scope_levels);
}

static int child_panics(void *arg)
{
	weft_sleep(20 * WEFT_US);
	return panics_with(arg);
}

static int scope_hears(void *arg)
{
	weft_scope s;

	(void)arg;
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_go(&s, waits, NULL), 0);
	CHECK_EQ(weft_scope_go(&s, child_panics, NULL), 0);
	CHECK_EQ(weft_scope_end(&s), WEFT_EPANIC);
	CHECK_EQ(weft_scope_failures(&s), 2);
	return 0;
}

Test(unwind, a_scope_hears_of_a_childs_panic)
{
	EACH(scope_hears);
}

/* --- coroutines --------------------------------------------------------------------- */

static void coro_panics(void *arg)
{
	WEFT_DEFER(note, TEXT("c"));
	weft_coro_yield(NULL, NULL);
	weft_call_big(1 << 17, panics_big, arg, NULL);
}

static void frees(void *co)
{
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), -EPIPE);
	weft_coro_free(co);
	note(TEXT("f"));
}

static int uses_coro(void *arg)
{
	weft_coro *co = weft_coro_new(coro_panics, TEXT("in a coroutine"), 0);

	WEFT_DEFER(frees, co);
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
	WEFT_DEFER(note, TEXT("r"));
	weft_coro_resume(co, NULL, NULL);
	note(TEXT("!"));
	return value(arg);
}

static void coro_tries(void *arg)
{
	CHECK_EQ(weft_try(panics_with, arg), WEFT_EPANIC);
	weft_coro_yield(NULL, NULL);
	CHECK_EQ(weft_try(uses_coro, arg), WEFT_EPANIC);
	text_is("on a big stack, in a coroutine");
	logged_is("crf");
}

static void coro_exits(void *arg)
{
	WEFT_DEFER(note, TEXT("c"));
	weft_coro_yield(NULL, NULL);
	weft_exit((int)(intptr_t)arg);
}

static int exits_in_coro(void *arg)
{
	weft_coro *co = weft_coro_new(coro_exits, arg, 0);

	WEFT_DEFER(frees, co);
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
	WEFT_DEFER(note, TEXT("r"));
	weft_coro_resume(co, NULL, NULL);
	return 1;
}

static int coros(void *arg)
{
	weft_coro *co = weft_coro_new(coro_tries, arg, 0);

	CHECK_EQ(weft_try(uses_coro, NULL), WEFT_EPANIC);
	text_is("on a big stack, in a coroutine");
	logged_is("crf");
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), -EPIPE);
	weft_coro_free(co);
	CHECK_EQ(status_of(uses_coro, NULL), WEFT_EPANIC);
	logged_is("crf");
	CHECK_EQ(status_of(exits_in_coro, (void *)9), 9);
	logged_is("crf");
	return 0;
}

Test(unwind, a_panic_or_exit_leaves_a_coroutine)
{
	EACH(coros);
}

static void *yields(void *arg)
{
	weft_coro_yield(arg, NULL);
	return NULL;
}

static int yields_on_big(void *arg)
{
	weft_call_big(1 << 17, yields, arg, NULL);
	return 0;
}

static int yields_in_scope(void *arg)
{
	weft_scope s;

	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	yields(arg);
	return weft_scope_end(&s);
}

static int yields_in_shield(void *arg)
{
	weft_shield_begin();
	yields(arg);
	weft_shield_end();
	return 0;
}

static void bad_yields(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_try(yields_on_big, NULL), WEFT_EPANIC);
	text_is("coro: yield inside weft_call_big");
	CHECK_EQ(weft_try(yields_in_scope, NULL), WEFT_EPANIC);
	text_is("coro: yield inside a scope of the coroutine");
	CHECK_EQ(weft_try(yields_in_shield, NULL), WEFT_EPANIC);
	text_is("coro: yield inside a shield of the coroutine");
	yields(NULL);
}

static int coro_keeps(void *arg)
{
	weft_coro *co = weft_coro_new(bad_yields, arg, 0);

	CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), -EPIPE);
	weft_coro_free(co);
	return 0;
}

Test(unwind, a_coroutine_keeps_nothing_of_its_routine)
{
	EACH(coro_keeps);
}

/* --- small stacks, and none ----------------------------------------------------------- */

static void small_note(void *arg)
{
	*(int *)arg += 1;
}

static int small_inner(void *arg)
{
	WEFT_DEFER(small_note, arg);
	weft_panic("small %s %d", "stack", 5);
}

static int small(void *arg)
{
	int n = 0;

	(void)arg;
	if (weft_try(small_inner, &n) != WEFT_EPANIC || n != 1 ||
	    strcmp(weft_panic_text(), "small stack 5"))
		return 1;
	return small_inner(&n);
}

static int smalls(void *arg)
{
	static const size_t sizes[] = { WEFT_STACK_SUBPAGE, 4096, 8192 };

	(void)arg;
	for (size_t i = 0; i < 3 * COUNT(sizes); i++) {
		weft_attr a = { .stack_size = sizes[i % COUNT(sizes)] };
		weft_id id;
		int status = 0;

		CHECK_EQ(weft_spawn(&id, &a, small, NULL), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, WEFT_EPANIC);
	}
	return 0;
}

Test(unwind, works_on_the_smallest_stacks)
{
	EACH(smalls);
}

static int alone(void *arg)
{
	CHECK_EQ(weft_try(value, arg), 3);
	CHECK(!strcmp(weft_panic_text(), ""));
	return 0;
}

Test(unwind, is_a_call_on_a_plain_thread)
{
	cr_assert_eq(alone((void *)3), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
	cr_assert_eq(weft_try(NULL, NULL), -EINVAL);
}
