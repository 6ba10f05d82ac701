/* tests/api/local.c - what lives with a routine: names, keys, bigger stacks. */
#include "support/rt.h"

#include <pthread.h>
#include <stdlib.h>

TestSuite(local, .timeout = 120);

/* --- names ---------------------------------------------------------------------- */

static int check_name(void *arg)
{
	const char *want = arg;

	CHECK(!strcmp(weft_name(), want));
	weft_yield();
	CHECK(!strcmp(weft_name(), want));
	return 0;
}

static int rename_me(void *arg)
{
	char buf[200], *text = buf;

	(void)arg;
	CHECK(!strcmp(weft_name(), ""));
	strcpy(buf, "second");
	CHECK_EQ(weft_name_set(text), 0);
	strcpy(buf, "changed");
	CHECK(!strcmp(weft_name(), "second"));
	memset(buf, 'x', sizeof buf - 1);
	buf[sizeof buf - 1] = 0;
	CHECK_EQ(weft_name_set(buf), 0);
	CHECK(strlen(weft_name()) >= 15 && strlen(weft_name()) < 199);
	CHECK(!strncmp(weft_name(), buf, strlen(weft_name())));
	CHECK_EQ(weft_name_set(NULL), 0);
	CHECK(!strcmp(weft_name(), ""));
	return 0;
}

static int names(void *arg)
{
	char buf[20] = "first", first[] = "first", none[] = "";
	weft_attr a = { .name = buf };
	weft_id id[3];

	(void)arg;
	CHECK(!strcmp(weft_name(), ""));
	CHECK_EQ(weft_spawn(&id[0], &a, check_name, first), 0);
	strcpy(buf, "gone");
	CHECK_EQ(weft_spawn(&id[1], NULL, check_name, none), 0);
	CHECK_EQ(weft_spawn(&id[2], NULL, rename_me, NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	CHECK(!strcmp(weft_name(), ""));
	return 0;
}

Test(local, names_are_copied_and_cut)
{
	EACH(names);
}

/* --- keys ------------------------------------------------------------------------- */

static weft_key with, without, again, other;
static atomic_int destroyed, rounds;
static _Atomic weft_id destroyed_in;

static void destroy(void *v)
{
	CHECK(v != NULL);
	destroyed_in = weft_self();
	CHECK(!weft_get(with));
	destroyed++;
	weft_yield();
}

static void destroy_and_set(void *v)
{
	intptr_t left = (intptr_t)v;

	rounds++;
	if (left > 1)
		CHECK_EQ(weft_set(again, (void *)(left - 1)), 0);
}

static void destroy_for_ever(void *v)
{
	rounds++;
	CHECK_EQ(weft_set(other, v), 0);
}

static void make_keys(void)
{
	if (destroyed_in)
		return;
	cr_assert_eq(weft_key_create(&with, destroy), 0);
	cr_assert_eq(weft_key_create(&without, NULL), 0);
	cr_assert_eq(weft_key_create(&again, destroy_and_set), 0);
	cr_assert_eq(weft_key_create(&other, destroy_for_ever), 0);
	cr_assert_eq(weft_key_create(NULL, NULL), -EINVAL);
}

static int use_keys(void *arg)
{
	intptr_t n = (intptr_t)arg;

	CHECK(!weft_get(with) && !weft_get(without));
	CHECK_EQ(weft_set(with, (void *)n), 0);
	CHECK_EQ(weft_set(without, (void *)(n + 1)), 0);
	for (int i = 0; i < 5; i++) {
		weft_yield();
		CHECK_EQ((intptr_t)weft_get(with), n);
		CHECK_EQ((intptr_t)weft_get(without), n + 1);
	}
	CHECK_EQ(weft_set(with, (void *)(n + 2)), 0);
	CHECK_EQ((intptr_t)weft_get(with), n + 2);
	CHECK_EQ(destroyed_in == weft_self(), 0);
	return 1;
}

static int keys(void *arg)
{
	weft_id id[20];

	(void)arg;
	destroyed = 0;
	for (int i = 0; i < 20; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, use_keys,
				    (void *)(intptr_t)(100 * i + 1)), 0);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	CHECK_EQ(destroyed, 20);
	/* In the routine, and before join returns. */
	for (int i = 0; i < 50; i++) {
		destroyed = 0;
		CHECK_EQ(weft_spawn(&id[0], NULL, use_keys, (void *)1), 0);
		CHECK_EQ(weft_join(id[0], NULL), 0);
		CHECK_EQ(destroyed, 1);
		CHECK(destroyed_in == id[0]);
	}
	return 0;
}

Test(local, keys_are_per_routine_and_destroyed_in_it)
{
	make_keys();
	EACH(keys);
}

static int set_null(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_set(with, (void *)1), 0);
	CHECK_EQ(weft_set(with, NULL), 0);
	return 0;
}

static int set_and_exit(void *arg)
{
	CHECK_EQ(weft_set(again, arg), 0);
	weft_exit(9);
}

static int set_for_ever(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_set(other, (void *)1), 0);
	return 0;
}

static int destructors(void *arg)
{
	int status = 0;
	weft_id id;

	(void)arg;
	destroyed = 0;
	CHECK_EQ(weft_spawn(&id, NULL, set_null, NULL), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(destroyed, 0);
	rounds = 0;
	CHECK_EQ(weft_spawn(&id, NULL, set_and_exit, (void *)3), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, 9);
	CHECK_EQ(rounds, 3);
	rounds = 0;
	CHECK_EQ(weft_spawn(&id, NULL, set_for_ever, NULL), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK(rounds >= 2 && rounds < 100);
	return 0;
}

Test(local, destructors_run_in_rounds_and_not_for_null)
{
	make_keys();
	EACH(destructors);
}

static int discarded(void *arg)
{
	CHECK_EQ(weft_set(with, arg), 0);
	destroyed++;
	CHECK_EQ(weft_park_until(WEFT_FOREVER), 0);
	return 0;
}

static int leave_parked(void *arg)
{
	weft_id id;

	(void)arg;
	destroyed = 0;
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_spawn(&id, NULL, discarded, (void *)1), 0);
	wait_until(destroyed == 10);
	return 0;
}

Test(local, discarded_routines_run_no_destructors)
{
	make_keys();
	EACH(leave_parked);
	cr_assert_eq(destroyed, 10);
}

static int main_with_key(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_set(with, (void *)1), 0);
	return 0;
}

Test(local, main_runs_destructors)
{
	make_keys();
	destroyed = 0;
	EACH(main_with_key);
	cr_assert_eq(destroyed, (int)COUNT(worker_counts));
}

static int limits(void *arg)
{
	weft_key k = 0;
	int made = 0, err;

	(void)arg;
	CHECK(!weft_get(100000));
	CHECK(!weft_get(UINT32_MAX));
	CHECK_EQ(weft_set(100000, (void *)1), -EINVAL);
	CHECK_EQ(weft_set(UINT32_MAX, (void *)1), -EINVAL);
	CHECK_EQ(weft_set(63, (void *)1), -EINVAL);
	while ((err = weft_key_create(&k, NULL)) == 0 && made < 100000) {
		CHECK_EQ(weft_set(k, (void *)(intptr_t)(made + 1)), 0);
		made++;
	}
	CHECK_EQ(err, -EAGAIN);
	CHECK(made >= 16);
	CHECK_EQ((intptr_t)weft_get(k), made);
	CHECK_EQ(weft_key_create(&k, NULL), -EAGAIN);
	return 0;
}

Test(local, keys_run_out_with_an_error)
{
	cr_assert_eq(run_on(2, limits, NULL), 0);
	cr_assert_eq(failures, 0);
}

/* --- weft_call_big ------------------------------------------------------------------ */

static int dig(int bytes)
{
	volatile char frame[1024];

	frame[0] = (char)bytes;
	frame[1023] = 1;
	return bytes <= 2048 ? frame[1023] : dig(bytes - 1200) + frame[0] * 0;
}

static weft_chan *there, *back;

static void *deep(void *arg)
{
	int bytes = (int)(intptr_t)arg;

	CHECK_EQ(dig(bytes), 1);
	return (void *)(uintptr_t)bytes;
}

static void *nested(void *arg)
{
	intptr_t levels = (intptr_t)arg;
	void *r = NULL;

	CHECK_EQ(dig(100000), 1);
	if (levels)
		CHECK_EQ(weft_call_big(1 << 18, nested, (void *)(levels - 1),
				       &r), 0);
	weft_yield();
	return (void *)((intptr_t)r + 1);
}

static void *parks(void *arg)
{
	weft_id me = weft_self();

	for (int i = 0; i < 20; i++) {
		give(there, i);
		CHECK_EQ(take(back), i);
		CHECK_EQ(dig(200000), 1);
		CHECK(weft_self() == me);
	}
	return arg;
}

static int echo(void *arg)
{
	int v;

	while (weft_chan_recv(there, &v) == 0)
		give(back, v);
	return (int)(intptr_t)arg;
}

static int call_big(void *arg)
{
	void *r = NULL;
	weft_id id;

	(void)arg;
	for (int size = 100000; size < 8000000; size *= 3) {
		CHECK_EQ(weft_call_big((size_t)size * 5 / 4, deep,
				       (void *)(intptr_t)size, &r), 0);
		CHECK_EQ((intptr_t)r, size);
	}
	CHECK_EQ(weft_call_big(1 << 18, nested, (void *)5, &r), 0);
	CHECK_EQ((intptr_t)r, 6);
	CHECK_EQ(weft_call_big(1 << 18, nested, (void *)1, NULL), 0);
	there = ints(0);
	back = ints(0);
	CHECK_EQ(weft_spawn(&id, NULL, echo, NULL), 0);
	CHECK_EQ(weft_call_big(1 << 18, parks, &r, &r), 0);
	CHECK(r == &r);
	weft_chan_close(there);
	CHECK_EQ(weft_join(id, NULL), 0);
	weft_chan_unref(there);
	weft_chan_unref(back);
	r = (void *)1;
	CHECK_EQ(weft_call_big(0, deep, NULL, &r), -EINVAL);
	CHECK_EQ(weft_call_big(SIZE_MAX, deep, NULL, &r), -EINVAL);
	CHECK_EQ(weft_call_big((size_t)1 << 45, deep, NULL, &r), -EINVAL);
	CHECK_EQ(weft_call_big(1 << 18, NULL, NULL, &r), -EINVAL);
	CHECK(r == (void *)1);
	return 0;
}

Test(local, call_big_nests_parks_and_refuses)
{
	EACH(call_big);
}

static int many_big(void *arg)
{
	void *r = NULL;

	CHECK_EQ(weft_call_big(1 << 18, nested, arg, &r), 0);
	return (int)(intptr_t)r;
}

static int big_at_once(void *arg)
{
	weft_id id[50];
	int status = 0;

	(void)arg;
	for (int i = 0; i < 50; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, many_big,
				    (void *)(intptr_t)(i % 4)), 0);
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, i % 4 + 1);
	}
	return 0;
}

Test(local, call_big_in_many_routines_at_once)
{
	EACH(big_at_once);
}

static void *exit_big(void *arg)
{
	intptr_t levels = (intptr_t)arg;

	if (levels)
		CHECK_EQ(weft_call_big(1 << 18, exit_big, (void *)(levels - 1),
				       NULL), 0);
	CHECK_EQ(dig(100000), 1);
	weft_exit(33);
}

static int exit_in_big(void *arg)
{
	exit_big(arg);
	return 0;
}

static int exits(void *arg)
{
	int status = 0;
	weft_id id;

	(void)arg;
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(weft_spawn(&id, NULL, exit_in_big,
				    (void *)(intptr_t)(i % 4)), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, 33);
	}
	return 0;
}

Test(local, exit_inside_call_big)
{
	EACH(exits);
}

Test(local, call_big_on_a_plain_thread)
{
	void *r = NULL;

	cr_assert_eq(weft_call_big(16 << 20, deep, (void *)(12 << 20), &r), 0);
	cr_assert_eq((intptr_t)r, 12 << 20);
	cr_assert_eq(weft_call_big(0, deep, NULL, &r), -EINVAL);
	cr_assert_eq(weft_call_big(SIZE_MAX, deep, NULL, &r), -EINVAL);
	cr_assert_eq(weft_call_big(1 << 20, NULL, NULL, &r), -EINVAL);
	cr_assert_eq(failures, 0);
}
