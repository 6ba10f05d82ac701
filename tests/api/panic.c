/* api/panic.c - a panic ends its routine, wherever it comes. */
#include "support/panics.h"

#include <stdlib.h>
#include <sys/resource.h>

TestSuite(panic, .timeout = 120);

/* --- the end of the routine ---------------------------------------------------------- */

static weft_key key, again;
static atomic_int destroyed;

static void key_panics(void *v)
{
	atomic_fetch_add(&destroyed, 1);
	if (v == &again)
		CHECK_EQ(weft_set(again, v), 0);
	weft_panic("in a destructor");
}

static int sets_keys(void *arg)
{
	CHECK_EQ(weft_set(key, &key), 0);
	CHECK_EQ(weft_set(again, &again), 0);
	if (arg)
		weft_panic("before the destructors");
	return 5;
}

static int in_destructors(void *arg)
{
	weft_id id;
	weft_scope s;
	int status = 0;

	atomic_store(&destroyed, 0);
	for (uintptr_t by = 0; by < 2; by++) {
		CHECK_EQ(weft_spawn(&id, NULL, sets_keys, (void *)by), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, WEFT_EPANIC);
		CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
		CHECK_EQ(weft_scope_go(&s, sets_keys, (void *)by), 0);
		CHECK_EQ(weft_scope_end(&s), WEFT_EPANIC);
	}
	CHECK_EQ(weft_spawn(&id, NULL, sets_keys, arg), 0);
	CHECK(atomic_load(&destroyed) >= 8);
	return weft_join(id, NULL);
}

Test(panic, in_a_key_destructor_ends_the_routine)
{
	cr_assert_eq(weft_key_create(&key, key_panics), 0);
	cr_assert_eq(weft_key_create(&again, key_panics), 0);
	EACH(in_destructors);
}

static void parks(void *arg)
{
	CHECK_EQ(weft_sleep(50 * WEFT_US), 0);
	give(arg, 1);
	CHECK_EQ(weft_panic_text()[0], 'w');
}

static int parks_late(void *arg)
{
	WEFT_DEFER(parks, arg);
	WEFT_DEFER(parks, arg);
	weft_panic("waits");
}

static int parking(void *arg)
{
	weft_chan *c = ints(0);
	weft_id id;
	int status;

	(void)arg;
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(weft_spawn(&id, NULL, parks_late, c), 0);
		CHECK_EQ(take(c), 1);
		CHECK_EQ(take(c), 1);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, WEFT_EPANIC);
	}
	weft_chan_unref(c);
	return 0;
}

Test(panic, deferred_calls_may_park)
{
	EACH(parking);
}

static void shielded(void *arg)
{
	CHECK_EQ(weft_sleep(WEFT_US), -ECANCELED);
	weft_shield_begin();
	CHECK_EQ(weft_sleep(WEFT_US), 0);
	weft_shield_end();
	atomic_fetch_add((atomic_int *)arg, 1);
}

static int cancelled(void *arg)
{
	WEFT_DEFER(shielded, arg);
	CHECK_EQ(weft_park_until(WEFT_FOREVER), -ECANCELED);
	weft_panic("cancelled");
}

static int cancels(void *arg)
{
	atomic_int ran = 0;
	weft_id id;
	int status;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, cancelled, &ran), 0);
	weft_yield();
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, WEFT_EPANIC);
	CHECK_EQ(ran, 1);
	return 0;
}

Test(panic, of_a_cancelled_routine)
{
	EACH(cancels);
}

/* --- waitgroups and onces -------------------------------------------------------------- */

static atomic_int runs;

static void once_panics(void *arg)
{
	atomic_fetch_add(&runs, 1);
	panics(arg);
}

static int does_once(void *o)
{
	weft_once_do(o, once_panics, NULL);
	return 0;
}

static int owed(void *arg)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;
	weft_once o = WEFT_ONCE_INIT;
	int n = 20;

	(void)arg;
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_waitgroup_go(&g, panics_void, NULL), 0);
	weft_waitgroup_wait(&g);
	atomic_store(&runs, 0);
	CHECK_EQ(weft_try(does_once, &o), WEFT_EPANIC);
	CHECK_EQ(weft_try(does_once, &o), 0);
	CHECK_EQ(atomic_load(&runs), 1);
	return failures;
}

static int owed_in_child(void *arg)
{
	int bad = 0;

	(void)arg;
	for (size_t i = 0; i < COUNT(worker_counts); i++)
		bad += run_on(worker_counts[i], owed, NULL);
	return bad;
}

Test(panic, counts_down_and_counts_as_run)
{
	cr_expect_eq(in_child(owed_in_child, NULL), 0, "%s", said);
	cr_expect_eq(reports(), 80, "%d reports: %s", reports(), said);
}

/* --- no memory ---------------------------------------------------------------------------- */

#ifdef __has_feature
#define FEATURE(f) __has_feature(f)
#else
#define FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	FEATURE(address_sanitizer) || FEATURE(thread_sanitizer)
#define MALLOC_FAILS 0
#else
#define MALLOC_FAILS 1
#endif
enum { TOO_LONG = 100000000, LONG = 10000 };

static int length = TOO_LONG;

static int long_text(void *arg)
{
	weft_panic("%*d", length, *(int *)arg);
}

/* Where the limit has no effect the text is there, and needs no volume. */
static void limit_memory(void)
{
	struct rlimit low = { 1 << 20, 1 << 20 };
	void *volatile p;

	setrlimit(RLIMIT_AS, &low);
	p = malloc(TOO_LONG);
	if (p)
		length = LONG;
	free(p);
}

static bool text_ok(void)
{
	return !strcmp(weft_panic_text(), "a panic, and no memory for its text") ||
	       strlen(weft_panic_text()) == (size_t)length;
}

static void no_text_deferred(void *arg)
{
	CHECK_EQ(weft_try(long_text, arg), WEFT_EPANIC);
	CHECK(text_ok());
}

static int no_text_aside(void *arg)
{
	WEFT_DEFER(no_text_deferred, arg);
	return panics(NULL);
}

static int no_memory(void *arg)
{
	weft_id id;
	int status = 0, n = 1;

	(void)arg;
	CHECK_EQ(weft_try(panics, NULL), WEFT_EPANIC);
	CHECK_EQ(weft_spawn(&id, NULL, long_text, &n), 0);
	limit_memory();
	CHECK_EQ(weft_try(long_text, &n), WEFT_EPANIC);
	CHECK(text_ok());
	CHECK_EQ(weft_try(panics, NULL), WEFT_EPANIC);
	CHECK(!strcmp(weft_panic_text(), "it went wrong"));
	CHECK_EQ(weft_try(no_text_aside, &n), WEFT_EPANIC);
	CHECK(!strcmp(weft_panic_text(), "it went wrong"));
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, WEFT_EPANIC);
	if (failures)
		return failures;
	return long_text(&n);
}

static int without_memory(void *arg)
{
	return run_one(no_memory, arg) == WEFT_EPANIC && !failures ? 0 : 1;
}

Test(panic, works_without_memory_for_its_text)
{
	if (!MALLOC_FAILS || under("valgrind"))
		cr_skip_test("malloc cannot fail here");
	cr_expect_eq(in_child(without_memory, NULL), 0, "%.2000s", said);
	cr_expect_eq(reports(), 1, "%.2000s", said);
}

/* --- what cannot be isolated ------------------------------------------------------------ */

static int dig(int n)
{
	volatile char room[512];

	room[0] = (char)n;
	return n ? dig(n + 1) + room[0] : 0;
}

static void overflows(void *arg)
{
	(void)arg;
	dig(1);
}

static int overflows_in_panic(void *arg)
{
	WEFT_DEFER(overflows, NULL);
	return panics(arg);
}

static int overflow(void *arg)
{
	return run_one(overflows_in_panic, arg);
}

Test(panic, a_stack_overflow_in_a_deferred_call_ends_the_process)
{
	cr_expect_eq(in_child(overflow, NULL), -SIGSEGV, "%s", said);
	cr_expect(heard("stack overflow in routine"), "%s", said);
}
