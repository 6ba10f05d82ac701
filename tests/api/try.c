/* api/try.c - weft_try: what it catches, and what is as before afterwards. */
#include "support/home.h"
#include "support/panics.h"

#include <stdlib.h>

TestSuite(try, .timeout = 120);

/* --- values and texts ----------------------------------------------------------- */

static int basics(void *arg)
{
	char want[40];

	(void)arg;
	CHECK_EQ(weft_try(NULL, NULL), -EINVAL);
	CHECK_EQ(weft_try(value, (void *)5), 5);
	CHECK_EQ(weft_try(value, (void *)-5), -5);
	text_is("");
	CHECK_EQ(weft_try(panics_with, (void *)1), WEFT_EPANIC);
	text_is("number 1");
	CHECK_EQ(weft_try(value, (void *)WEFT_EPANIC), WEFT_EPANIC);
	text_is("number 1");
	for (intptr_t i = 0; i < 1000; i++) {
		CHECK_EQ(weft_try(panics_with, (void *)i), WEFT_EPANIC);
		snprintf(want, sizeof want, "number %d", (int)i);
		text_is(want);
		if (i % 100 == 0)
			weft_yield();
	}
	return 0;
}

Test(try, returns_the_value_or_the_panic)
{
	EACH(basics);
}

static int long_text(void *arg)
{
	weft_panic("%0*d", (int)(intptr_t)arg, 1);
}

static int texts(void *arg)
{
	(void)arg;
	for (intptr_t n = 1; n <= 100000; n *= 10) {
		CHECK_EQ(weft_try(long_text, (void *)n), WEFT_EPANIC);
		CHECK_EQ(strlen(weft_panic_text()), n);
	}
	return 0;
}

Test(try, keeps_the_whole_text)
{
	EACH(texts);
}

static int own_text(void *arg)
{
	char want[40];

	for (int i = 0; i < 50; i++) {
		CHECK_EQ(weft_try(panics_with, arg), WEFT_EPANIC);
		weft_yield();
		snprintf(want, sizeof want, "number %d", (int)(intptr_t)arg);
		text_is(want);
	}
	return 0;
}

static int many(void *arg)
{
	weft_id id[40];

	(void)arg;
	for (size_t i = 0; i < COUNT(id); i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, own_text, (void *)i), 0);
	for (size_t i = 0; i < COUNT(id); i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	text_is("");
	return 0;
}

Test(try, each_routine_has_its_own_text)
{
	EACH(many);
}

/* --- nesting -------------------------------------------------------------------- */

static int middle(void *arg)
{
	CHECK_EQ(weft_try(panics_with, arg), WEFT_EPANIC);
	text_is("number 2");
	if (arg)
		weft_panic("then %s", weft_panic_text());
	return 3;
}

static int deeper(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	if (n == 0)
		weft_panic("bottom");
	CHECK_EQ(weft_try(deeper, (void *)(n - 1)), WEFT_EPANIC);
	weft_panic("level %d", (int)n);
}

static int nested(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_try(middle, (void *)2), WEFT_EPANIC);
	text_is("then number 2");
	CHECK_EQ(weft_try(deeper, (void *)50), WEFT_EPANIC);
	text_is("level 50");
	return 0;
}

Test(try, nests)
{
	EACH(nested);
}

static void note_panics(void *arg)
{
	text_is("first");
	note(arg);
	weft_panic("second");
}

static void note_tries(void *arg)
{
	text_is("first");
	CHECK_EQ(weft_try(panics_with, (void *)9), WEFT_EPANIC);
	text_is("number 9");
	CHECK_EQ(weft_try(panics_with, (void *)8), WEFT_EPANIC);
	note(arg);
	weft_sleep(20 * WEFT_US);
}

static int first(void *arg)
{
	weft_panic("first");
	return value(arg);
}

static int replaced(void *arg)
{
	WEFT_DEFER(note, TEXT("a"));
	WEFT_DEFER(note_panics, TEXT("b"));
	WEFT_DEFER(note, TEXT("c"));
	return first(arg);
}

static int aside(void *arg)
{
	WEFT_DEFER(note, TEXT("a"));
	WEFT_DEFER(note_tries, TEXT("b"));
	return first(arg);
}

static int aside_outside(void *arg)
{
	weft_try(first, arg);
	WEFT_DEFER(note_tries, TEXT("b"));
	CHECK_EQ(weft_try(aside, arg), WEFT_EPANIC);
	text_is("first");
	return 0;
}

static int deferred(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_try(replaced, NULL), WEFT_EPANIC);
	text_is("second");
	logged_is("cba");
	CHECK_EQ(weft_try(aside, NULL), WEFT_EPANIC);
	text_is("first");
	logged_is("ba");
	CHECK_EQ(weft_try(aside_outside, NULL), 0);
	logged_is("bab");
	return 0;
}

Test(try, a_panic_in_a_deferred_call_replaces_the_first)
{
	EACH(deferred);
}

/* --- weft_exit ------------------------------------------------------------------- */

static void second_thoughts(void *arg)
{
	note(arg);
	weft_panic("on the way out");
}

static int exits(void *arg)
{
	(void)arg;
	WEFT_DEFER(note, TEXT("a"));
	weft_exit(4);
}

static int exits_late(void *arg)
{
	WEFT_DEFER(second_thoughts, TEXT("b"));
	(void)arg;
	weft_exit(4);
}

static int tries_exit(void *arg)
{
	int (*fn)(void *) = arg ? exits_late : exits;

	WEFT_DEFER(note, TEXT("z"));
	weft_try(fn, NULL);
	note(TEXT("!"));
	return 1;
}

static void exits_there(void *arg)
{
	note(arg);
	weft_exit(6);
}

static int exit_wins(void *arg)
{
	WEFT_DEFER(exits_there, TEXT("x"));
	return weft_try(value, arg) + panics_with(arg);
}

static int exit_in_deferred(void *arg)
{
	weft_try(exit_wins, arg);
	note(TEXT("!"));
	return 1;
}

static int status_of(int (*fn)(void *), void *arg)
{
	weft_id id;
	int status = -1;

	CHECK_EQ(weft_spawn(&id, NULL, fn, arg), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	return status;
}

static int leaving(void *arg)
{
	(void)arg;
	CHECK_EQ(status_of(tries_exit, NULL), 4);
	logged_is("az");
	CHECK_EQ(status_of(tries_exit, (void *)1), 4);
	logged_is("bz");
	CHECK_EQ(status_of(exit_in_deferred, NULL), 6);
	logged_is("x");
	return 0;
}

Test(try, does_not_catch_weft_exit)
{
	EACH(leaving);
}

/* --- misuse ----------------------------------------------------------------------- */

static int misuse_mutex(void *m)
{
	weft_mutex_unlock(m);
	return 0;
}

static int misuse_group(void *g)
{
	weft_waitgroup_add(g, -2);
	return 0;
}

static int misuse_chan(void *c)
{
	weft_chan_unref(c);
	return 0;
}

static int misuse_coro(void *co)
{
	weft_coro_free(co);
	return 0;
}

static int misuse_scope(void *s)
{
	return weft_scope_end(s);
}

static int misuse_shield(void *arg)
{
	(void)arg;
	weft_shield_end();
	return 0;
}

static void frees_itself(void *co)
{
	weft_coro *self = *(weft_coro **)co;

	CHECK_EQ(weft_try(misuse_coro, self), WEFT_EPANIC);
	text_is("coro: free of a running coroutine");
	weft_coro_yield(self, NULL);
}

static int receives(void *c)
{
	int v = -1;

	arrive();
	CHECK_EQ(weft_chan_recv(c, &v), 0);
	return v;
}

static int misuses(void *arg)
{
	weft_mutex m = WEFT_MUTEX_INIT;
	weft_waitgroup g = WEFT_WAITGROUP_INIT;
	weft_scope s = { { 0 } };
	weft_coro *co;

	(void)arg;
	CHECK_EQ(weft_try(misuse_mutex, &m), WEFT_EPANIC);
	text_is("mutex: unlock of an unlocked mutex");
	weft_mutex_lock(&m);
	CHECK_EQ(weft_try(misuse_mutex, &m), 0);
	weft_waitgroup_add(&g, 1);
	CHECK_EQ(weft_try(misuse_group, &g), WEFT_EPANIC);
	text_is("waitgroup: counter below zero");
	weft_waitgroup_done(&g);
	weft_waitgroup_wait(&g);
	CHECK_EQ(weft_try(misuse_scope, &s), WEFT_EPANIC);
	CHECK_EQ(weft_try(misuse_shield, NULL), WEFT_EPANIC);
	text_is("shield: end without a begin");

	co = weft_coro_new(frees_itself, &co, 0);
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
	weft_coro_free(co);
	return 0;
}

Test(try, catches_misuse)
{
	EACH(misuses);
}

static int parked_receiver(void *arg)
{
	weft_chan *c = ints(0);
	weft_id id;
	int status = 0;
	bool known;

	(void)arg;
	stay_home();
	CHECK_EQ(weft_spawn(&id, NULL, receives, c), 0);
	weft_yield();
	known = all_wait(1);
	if (known) {
		CHECK_EQ(weft_try(misuse_chan, c), WEFT_EPANIC);
		text_is("chan: last reference dropped while a receiver is "
			"parked");
	}
	give(c, 7);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, 7);
	weft_chan_unref(c);
	return known ? 0 : STRAYED;
}

Test(try, a_channel_that_was_dropped_too_early_lives_on)
{
	cr_assert_eq(on_one_thread(parked_receiver, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
}
