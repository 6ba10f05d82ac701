/* tests/unit/record.c - src/routine/record.c, and what the runtime does when
 * the system gives no memory. */
#include "support/rt.h"

#include "base/base.h"
#include "os/os.h"
#include "routine/routine.h"
#include "routine/stack.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

TestSuite(record, .timeout = 120);

static struct record_cache cache;

Test(record, ids_lead_to_their_records)
{
	enum { N = 1000 };
	struct routine *r[N];

	for (int i = 0; i < N; i++) {
		r[i] = record_get(&cache);
		cr_assert_not_null(r[i]);
		cr_assert_eq((uintptr_t)r[i] % 64, 0);
		cr_assert(routine_id(r[i]) >> 32 != 0);
		cr_assert_eq(weft__record_find(routine_id(r[i])), r[i]);
		cr_assert_eq(weft__record_at(r[i]->index), r[i]);
		for (int k = 0; k < i && i < 100; k++)
			cr_assert_neq(r[k], r[i]);
	}
	cr_assert_null(weft__record_find(0));
	cr_assert_null(weft__record_find(5));
	cr_assert_null(weft__record_find(UINT64_MAX));
	cr_assert_null(weft__record_at(UINT32_MAX));
}

Test(record, a_retired_id_is_refused_for_ever)
{
	struct routine *r = record_get(&cache), *again;
	uint64_t id;

	for (int i = 0; i < 1000; i++) {
		store_rel(&r->handle, load_rlx(&r->handle) | HANDLE_LIVE);
		id = routine_id(r);
		cr_assert(weft__handle_lock(r, id));
		handle_unlock(r, 0);
		handle_retire(r);
		cr_assert_not(weft__handle_lock(r, id));
		cr_assert(routine_id(r) != id);
		record_put(&cache, r);
		again = record_get(&cache);
		cr_assert_eq(again, r);         /* last in, first out */
		/* A record that is not in use has no id either. */
		cr_assert_not(weft__handle_lock(r, routine_id(r)));
	}
}

Test(record, the_generation_skips_zero)
{
	struct routine *r = record_get(&cache);

	store_rlx(&r->handle, (uint64_t)UINT32_MAX << 32 | HANDLE_LIVE);
	handle_retire(r);
	cr_assert_eq(load_rlx(&r->handle) >> 32, 1);
}

Test(record, caches_give_back_in_batches)
{
	enum { N = 10 * RECORD_BATCH };
	struct routine *r[N];
	struct record_cache other = { 0 };

	for (int i = 0; i < N; i++)
		cr_assert_not_null(r[i] = record_get(&cache));
	for (int i = 0; i < N; i++) {
		record_put(&cache, r[i]);
		cr_assert(cache.count < 2 * RECORD_BATCH);
	}
	weft__record_flush(&cache);
	cr_assert_eq(cache.count, 0);
	cr_assert_null(cache.free);
	/* Another cache gets the same ones before new ones are made. */
	for (int i = 0; i < N; i++) {
		struct routine *got = record_get(&other);

		cr_assert_not_null(got);
		cr_assert(got->index < N);
	}
}

/* --- from many threads ------------------------------------------------------ */

enum { HELD = 300 };

static _Atomic uint8_t in_use[8192];

static void *churn(void *arg)
{
	struct record_cache mine = { 0 };
	struct routine *held[HELD] = { NULL };
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	for (int i = 0; i < 30000; i++) {
		uint32_t k = (seed = seed * 1664525 + 1013904223) >> 8;
		struct routine **p = &held[k % HELD];

		if (!*p) {
			*p = record_get(&mine);
			CHECK(*p != NULL);
			CHECK_EQ(in_use[(*p)->index]++, 0);
		} else {
			in_use[(*p)->index]--;
			handle_retire(*p);
			record_put(&mine, *p);
			*p = NULL;
		}
	}
	for (int i = 0; i < HELD; i++)
		if (held[i]) {
			in_use[held[i]->index]--;
			record_put(&mine, held[i]);
		}
	weft__record_flush(&mine);
	return NULL;
}

Test(record, is_in_one_place_at_a_time)
{
	pthread_t t[3];

	for (uintptr_t i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, churn, (void *)(i + 1)),
			     0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(failures, 0);
}

static int guarded;

static void *lock_often(void *arg)
{
	struct routine *r = arg;

	for (int i = 0; i < 20000; i++) {
		CHECK(weft__handle_lock(r, routine_id(r)));
		guarded++;
		handle_unlock(r, 0);
	}
	return NULL;
}

Test(record, the_handle_excludes)
{
	struct routine *r = record_get(&cache);
	pthread_t t[3];

	store_rel(&r->handle, load_rlx(&r->handle) | HANDLE_LIVE);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, lock_often, r), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(guarded, 60000);
	cr_assert_eq(failures, 0);
}

/* --- no memory ------------------------------------------------------------------ */

static _Atomic int refusing;            /* 1: maps of stacks and records */
static _Atomic int refused;

static int refuse(enum os_call call, size_t len)
{
	(void)len;
	if (call != OS_MAP || !refusing)
		return 0;
	refused++;
	return -ENOMEM;
}

static _Atomic int ran, alive;

static void hold(void *arg)
{
	alive++;
	weft_chan_recv(arg, NULL);
	ran++;
}

static int answer(void *arg)
{
	return (int)(intptr_t)arg;
}

/* Spawn until something is refused or waits; those that run go on, and what
 * waits starts when there is memory again. */
static int exhaust(void *arg)
{
	enum { N = 20000 };
	weft_chan *c = ints(0);
	weft_id id;
	int started = 0, err = 0, status = 0, sent;

	(void)arg;
	ran = alive = 0;
	refusing = 1;
	while (started < N && (err = weft_go(hold, c)) == 0) {
		started++;
		if (started % 64 == 0)
			weft_yield();
	}
	CHECK(refused > 0);
	CHECK(err == 0 || err == -ENOMEM);
	/* Whoever runs, goes on: so does main, and its channels. */
	sent = weft_chan_try_send(c, NULL);
	CHECK(sent == 0 ? alive > 0 : sent == -EAGAIN);
	if (sent < 0 && alive)          /* and on its way to the channel */
		wait_until(weft_chan_try_send(c, NULL) == 0);
	refusing = 0;
	CHECK_EQ(weft_chan_close(c), 0);
	wait_until(ran == started);
	CHECK_EQ(alive, started);
	wait_until((err = weft_spawn(&id, NULL, answer, (void *)3)) !=
		   -ENOMEM);
	CHECK_EQ(err, 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, 3);
	weft_chan_unref(c);
	return 0;
}

Test(record, without_memory_spawns_fail_or_wait_and_the_rest_goes_on)
{
	weft__os_fault = refuse;
	EACH(exhaust);
}

static int big_stack(void *arg)
{
	weft_attr a = { .stack_size = 32 << 20 };
	int status = 0;
	weft_id id;

	(void)arg;
	refusing = 1;
	CHECK_EQ(weft_spawn(&id, &a, answer, (void *)5), 0);
	CHECK_EQ(weft_join_until(id, NULL, weft_in(700 * WEFT_MS)), -ETIMEDOUT);
	/* Nothing here ends or runs that could tell it: it must be retried. */
	refusing = 0;
	CHECK_EQ(weft_join_until(id, &status, weft_in(20 * WEFT_S)), 0);
	CHECK_EQ(status, 5);
	return 0;
}

Test(record, a_routine_that_waits_for_a_stack_gets_it_later)
{
	weft__os_fault = refuse;
	EACH(big_stack);
}

static void *never(void *arg)
{
	CHECK(!"called");
	return arg;
}

static int big_call(void *arg)
{
	void *r = &r;

	(void)arg;
	refusing = 1;
	CHECK_EQ(weft_call_big(64 << 20, never, NULL, &r), -ENOMEM);
	refusing = 0;
	CHECK(r == &r);
	return 0;
}

Test(record, call_big_without_memory_is_refused)
{
	weft__os_fault = refuse;
	EACH(big_call);
	refusing = 1;
	cr_assert_eq(weft_call_big(64 << 20, never, NULL, NULL), -ENOMEM);
}

/* A start without memory fails cleanly, as often as one likes. */
static int fail_after;
static _Atomic int calls;

static int refuse_later(enum os_call call, size_t len)
{
	(void)len;
	return call == OS_MAP && calls++ >= fail_after ? -ENOMEM : 0;
}

static int idle_main(void *arg)
{
	(void)arg;
	return 0;
}

static int start_once(void *arg)
{
	weft_config c = { .workers = 2 };
	weft_runtime *rt = NULL;
	int err;

	(void)arg;
	weft__os_fault = refuse_later;
	err = weft_start(&c, &rt);
	if (err)
		return err == -ENOMEM && !rt ? 0 : 1;
	err = weft_call(rt, idle_main, NULL);
	weft__os_fault = NULL;
	return weft_stop(rt, weft_in(5 * WEFT_S)) || (err && err != -ENOMEM);
}

Test(record, starting_without_memory)
{
	/* 0 is the record of the first routine; later ones may make it wait
	 * for a stack that never comes, which is not tried here. */
	for (fail_after = 0; fail_after < 1; fail_after++) {
		calls = 0;
		cr_assert_eq(in_child(start_once, NULL), 0, "%s", said);
	}
}
