/* api/defer.c - WEFT_DEFER: when the calls are made, and in which order. */
#include "support/rt.h"

#include <weft/go.h>

#include <pthread.h>

/* Letters in the order in which they were said. */
struct log {
	char text[64];
	size_t n;
};

struct word {
	struct log *log;
	char letter;
};

static void say(void *arg)
{
	struct word *w = arg;

	if (w->log->n < sizeof w->log->text - 1)
		w->log->text[w->log->n++] = w->letter;
}

static void say_late(void *arg)
{
	weft_yield();
	CHECK_EQ(weft_sleep(50 * WEFT_US), 0);
	say(arg);
}

#define LATER(log, letter) WEFT_DEFER(say, (&(struct word){ log, letter }))

static bool said_in(struct log *l, const char *want)
{
	bool ok = !strcmp(l->text, want);

	if (!ok)
		fprintf(stderr, "# \"%s\" instead of \"%s\"\n", l->text, want);
	memset(l, 0, sizeof *l);
	return CHECK(ok);
}

/* --- the end of a block ------------------------------------------------------ */

static int by_return(struct log *l, int n)
{
	LATER(l, 'a');
	if (n == 0)
		return 1;
	LATER(l, 'b');
	if (n == 1)
		return 2;
	{
		LATER(l, 'c');
		LATER(l, 'd');
		if (n == 2)
			return 3;
	}
	l->text[l->n++] = '-';
	return 4;
}

static int blocks(void *arg)
{
	struct log l = { .n = 0 };

	(void)arg;
	CHECK_EQ(by_return(&l, 0), 1);
	said_in(&l, "a");
	CHECK_EQ(by_return(&l, 1), 2);
	said_in(&l, "ba");
	CHECK_EQ(by_return(&l, 2), 3);
	said_in(&l, "dcba");
	CHECK_EQ(by_return(&l, 3), 4);
	said_in(&l, "dc-ba");
	for (int i = 0; i < 4; i++) {
		LATER(&l, (char)('0' + i));
		if (i == 1)
			continue;
		if (i == 2)
			break;
		l.text[l.n++] = '.';
	}
	said_in(&l, ".012");
	for (int i = 0; i < 2; i++) {
		LATER(&l, 'x');
		if (i)
			goto out;
		LATER(&l, 'y');
	}
out:
	said_in(&l, "yxx");
	return 0;
}

Test(defer, calls_at_the_end_of_the_block)
{
	cr_assert_eq(blocks(NULL), 0);
	cr_assert_eq(failures, 0, "plain: %s", first_failure);
	EACH(blocks);
}

static int evaluates(void *arg)
{
	static char letters[] = "xyz";
	struct log l = { .n = 0 };
	struct word w = { &l, 'a' }, other = { &l, 'b' }, *now = &w;
	void (*fn)(void *) = say;

	(void)arg;
	{
		int i = 0;

		WEFT_DEFER(fn, now);
		fn = NULL;
		now = &other;
		LATER(&l, letters[i++]);
		CHECK_EQ(i, 1);
	}
	said_in(&l, "xa");
	return 0;
}

Test(defer, evaluates_its_arguments_once_and_at_once)
{
	cr_assert_eq(evaluates(NULL), 0);
	EACH(evaluates);
}

/* --- the end of the routine -------------------------------------------------- */

static struct log shared;

static void deep(int n, void (*end)(void))
{
	LATER(&shared, (char)('0' + n));
	if (n == 3)
		end();
	else
		deep(n + 1, end);
	LATER(&shared, '!');    /* never reached */
}

static void by_exit(void)
{
	weft_exit(7);
}

static void by_panic(void)
{
	weft_panic("the end of %d", 7);
}

static void by_misuse(void)
{
	weft_mutex m = WEFT_MUTEX_INIT;

	weft_mutex_unlock(&m);
}

static int runs_deep(void *end)
{
	struct word late = { &shared, 'z' };

	WEFT_DEFER(say_late, &late);
	deep(0, (void (*)(void))(uintptr_t)end);
	return 1;
}

static int ends(void *arg)
{
	static void (*const end[])(void) = { by_exit, by_panic, by_misuse };

	(void)arg;
	for (size_t i = 0; i < COUNT(end); i++) {
		weft_id id;
		int status = 1;

		CHECK_EQ(weft_spawn(&id, NULL, runs_deep,
				    (void *)(uintptr_t)end[i]), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, i ? WEFT_EPANIC : 7);
		said_in(&shared, "3210z");
	}
	return 0;
}

Test(defer, calls_when_the_routine_ends_in_another_way)
{
	EACH(ends);
}

/* Calls that are over are not made again. */
static int over(void *arg)
{
	{
		LATER(&shared, 'a');
	}
	{
		LATER(&shared, 'b');
		LATER(&shared, 'c');
	}
	LATER(&shared, 'd');
	if (arg)
		weft_exit(3);
	weft_panic("now");
}

static int once_each(void *arg)
{
	(void)arg;
	for (uintptr_t by = 0; by < 2; by++) {
		weft_id id;

		CHECK_EQ(weft_spawn(&id, NULL, over, (void *)by), 0);
		CHECK_EQ(weft_join(id, NULL), 0);
		said_in(&shared, "acbd");
	}
	return 0;
}

Test(defer, calls_are_made_once)
{
	EACH(once_each);
}

/* --- beside other things that are owed ---------------------------------------- */

static int sibling(void *arg)
{
	weft_chan_recv(arg, NULL);
	return 0;
}

/* The block ends after the scope that was begun in it. */
static int scope_first(void *arg)
{
	struct log l = { .n = 0 };
	weft_scope s;

	(void)arg;
	{
		CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
		LATER(&l, 'a');
		CHECK_EQ(weft_scope_end(&s), 0);
		LATER(&l, 'b');
	}
	said_in(&l, "ba");
	return 0;
}

Test(defer, a_block_may_end_after_the_scope_in_it)
{
	EACH(scope_first);
}

static int leaves_a_scope(void *arg)
{
	weft_scope s;
	weft_chan *never = ints(0);

	WEFT_DEFER((void (*)(void *))weft_chan_unref, never);
	LATER(&shared, 'a');
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	CHECK_EQ(weft_scope_go(&s, sibling, never), 0);
	CHECK_EQ(weft_scope_go(&s, sibling, never), 0);
	LATER(&shared, 'b');
	if (arg)
		weft_exit(5);
	weft_panic("with a scope open");
}

static int scopes(void *arg)
{
	(void)arg;
	for (uintptr_t by = 0; by < 2; by++) {
		weft_id id;
		int status;

		CHECK_EQ(weft_spawn(&id, NULL, leaves_a_scope, (void *)by), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, by ? 5 : WEFT_EPANIC);
		said_in(&shared, "ba");
	}
	return 0;
}

Test(defer, a_scope_that_is_left_is_joined)
{
	EACH(scopes);
}

/* --- in coroutines -------------------------------------------------------------- */

static void generates(void *arg)
{
	struct log *l = arg;

	LATER(l, 'c');
	{
		LATER(l, 'b');
		weft_coro_yield(NULL, NULL);
	}
	weft_coro_yield(NULL, NULL);
}

/* Blocks of the coroutine and of its resumer end in any order. */
static int interleaved(void *arg)
{
	struct log l = { .n = 0 };
	weft_coro *co = weft_coro_new(generates, &l, 0);

	(void)arg;
	LATER(&l, 'z');
	{
		LATER(&l, '1');
		CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
	}
	{
		LATER(&l, '2');
		CHECK_EQ(weft_coro_resume(co, NULL, NULL), 0);
		LATER(&l, '3');
	}
	CHECK_EQ(weft_coro_resume(co, NULL, NULL), -EPIPE);
	said_in(&l, "1b32c");
	weft_coro_free(co);
	return 0;
}

Test(defer, a_coroutine_owes_its_own_calls)
{
	cr_assert_eq(interleaved(NULL), 0);
	cr_assert_eq(failures, 0, "plain: %s", first_failure);
	EACH(interleaved);
}

static int resumes_once(void *co)
{
	return weft_coro_resume(co, NULL, NULL);
}

static void *resumes_there(void *co)
{
	return (void *)(intptr_t)weft_coro_resume(co, NULL, NULL);
}

/* Begun on a thread, goes on in a routine, and the other way round. */
static int handed_over(void *arg)
{
	struct log l = { .n = 0 };
	weft_coro *co[2] = {
		weft_coro_new(generates, &l, 0),
		weft_coro_new(generates, &l, 0),
	};
	pthread_t t;
	weft_id id;
	int status;

	(void)arg;
	for (int turn = 0; turn < 6; turn++) {
		weft_coro *c = co[turn % 2];

		if (turn / 2 % 2 == turn % 2) {
			CHECK_EQ(weft_spawn(&id, NULL, resumes_once, c), 0);
			CHECK_EQ(weft_join(id, &status), 0);
		} else {
			void *got;

			CHECK_EQ(pthread_create(&t, NULL, resumes_there, c), 0);
			CHECK_EQ(pthread_join(t, &got), 0);
			status = (int)(intptr_t)got;
		}
		CHECK_EQ(status, turn < 4 ? 0 : -EPIPE);
	}
	said_in(&l, "bbcc");
	weft_coro_free(co[0]);
	weft_coro_free(co[1]);
	return 0;
}

Test(defer, a_coroutine_takes_its_calls_along)
{
	EACH(handed_over);
}

/* --- short name -------------------------------------------------------------- */

static int short_name(void *arg)
{
	struct log l = { .n = 0 };
	struct word w = { &l, 'w' };

	(void)arg;
	{
		defer(say, &w);
		l.text[l.n++] = '-';
	}
	said_in(&l, "-w");
	return 0;
}

Test(defer, has_a_short_name_in_go_h)
{
	EACH(short_name);
}
