/* tests/api/outside.c - the calls on a plain thread, with no runtime at all. */
#include "support/rt.h"

#include <pthread.h>

TestSuite(outside, .timeout = 120);

static void nothing(void *arg)
{
	(void)arg;
}

static int zero(void *arg)
{
	(void)arg;
	return 0;
}

Test(outside, spawns_have_nowhere_to_go)
{
	uintptr_t w[6] = { 0 };
	weft_id id = 7;

	cr_assert_eq(weft_go(nothing, NULL), -EPERM);
	cr_assert_eq(weft_go_attr(NULL, nothing, NULL), -EPERM);
	cr_assert_eq(weft_go_copy(NULL, nothing, "x", 1), -EPERM);
	cr_assert_eq(weft_go_words((void (*)(void))nothing, 1, w), -EPERM);
	cr_assert_eq(weft_spawn(&id, NULL, zero, NULL), -EPERM);
	cr_assert_eq(id, 0);
	/* A bad argument is worse. */
	cr_assert_eq(weft_go(NULL, NULL), -EINVAL);
	cr_assert_eq(weft_spawn(NULL, NULL, zero, NULL), -EINVAL);
}

Test(outside, there_is_no_self)
{
	weft_key k;

	cr_assert_eq(weft_self(), 0);
	cr_assert_eq(weft_workers(), 0);
	cr_assert_str_eq(weft_name(), "");
	cr_assert_eq(weft_name_set("x"), -EPERM);
	cr_assert_eq(weft_park_until(WEFT_FOREVER), -EPERM);
	cr_assert_eq(weft_park_until(WEFT_NOWAIT), -EPERM);
	cr_assert_eq(weft_key_create(&k, NULL), 0);
	cr_assert_null(weft_get(k));
	cr_assert_eq(weft_set(k, &k), -EPERM);
	weft_yield();
	weft_checkpoint();
}

Test(outside, ids_are_unknown)
{
	cr_assert_eq(weft_join(1, NULL), -ESRCH);
	cr_assert_eq(weft_join(UINT64_C(1) << 32, NULL), -ESRCH);
	cr_assert_eq(weft_join_until(0, NULL, WEFT_NOWAIT), -ESRCH);
	cr_assert_eq(weft_detach(1), -ESRCH);
	cr_assert_eq(weft_unpark(UINT64_MAX), -ESRCH);
}

static int exit_here(void *arg)
{
	(void)arg;
	weft_exit(3);
}

Test(outside, weft_exit_panics)
{
	int rc = in_child(exit_here, NULL);

	cr_assert(rc < 0, "%d", rc);
	cr_assert_not_null(strstr(said, "exit"), "%s", said);
}

static weft_chan *there, *back;

static void *answer(void *arg)
{
	int v;

	while (weft_chan_recv(there, &v) == 0)
		give(back, v + 1);
	return arg;
}

Test(outside, channels_work_between_plain_threads)
{
	pthread_t t;

	there = ints(0);
	back = ints(1);
	cr_assert_eq(weft_chan_recv_until(back, NULL, weft_in(WEFT_MS)),
		     -ETIMEDOUT);
	cr_assert_eq(pthread_create(&t, NULL, answer, NULL), 0);
	for (int i = 0; i < 500; i++) {
		give(there, i);
		cr_assert_eq(take(back), i + 1);
	}
	weft_chan_close(there);
	pthread_join(t, NULL);
	weft_chan_unref(there);
	weft_chan_unref(back);
	cr_assert_eq(failures, 0);
}

/* With one runtime running a plain thread may spawn, join and unpark. */
static weft_id parked;

static int park(void *arg)
{
	(void)arg;
	return weft_park_until(WEFT_FOREVER);
}

static void *use_the_one(void *arg)
{
	int status = 1;

	CHECK_EQ(weft_self(), 0);
	CHECK_EQ(weft_workers(), 3);
	CHECK_EQ(weft_go(nothing, NULL), 0);
	CHECK_EQ(weft_spawn(&parked, NULL, park, NULL), 0);
	CHECK_EQ(weft_join_until(parked, NULL, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_join_until(parked, NULL, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_unpark(parked), 0);
	CHECK_EQ(weft_join(parked, &status), 0);
	CHECK_EQ(status, 0);
	give(arg, 1);
	return NULL;
}

static int with_thread(void *arg)
{
	weft_chan *c = ints(0);
	pthread_t t;

	(void)arg;
	CHECK_EQ(pthread_create(&t, NULL, use_the_one, c), 0);
	CHECK_EQ(weft_chan_recv_until(c, NULL, weft_in(100 * WEFT_S)), 0);
	pthread_join(t, NULL);
	weft_chan_unref(c);
	return 0;
}

Test(outside, the_one_runtime_is_found)
{
	cr_assert_eq(run_on(3, with_thread, NULL), 0);
	cr_assert_eq(failures, 0);
	cr_assert_eq(weft_go(nothing, NULL), -EPERM);
}
