/* api/mutex.c - the mutex, one sentence a test. */
#include "support/counted.h"
#include "support/crew.h"
#include "support/home.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

TestSuite(mutex, .timeout = 120);

static int single(void *arg)
{
	weft_mutex m = WEFT_MUTEX_INIT;

	(void)arg;
	CHECK_EQ(sizeof m, 8);
	weft_mutex_lock(&m);
	CHECK_EQ(weft_mutex_trylock(&m), -EAGAIN);
	CHECK_EQ(weft_mutex_lock_until(&m, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_mutex_lock_until(&m, -1), -ETIMEDOUT);
	CHECK_EQ(weft_mutex_lock_until(&m, 1), -ETIMEDOUT);
	CHECK_EQ(weft_mutex_lock_until(&m, weft_in(WEFT_MS)), -ETIMEDOUT);
	weft_mutex_unlock(&m);
	CHECK_EQ(weft_mutex_trylock(&m), 0);
	weft_mutex_unlock(&m);
	CHECK_EQ(weft_mutex_lock_until(&m, -1), 0);
	weft_mutex_unlock(&m);
	CHECK_EQ(weft_mutex_lock_until(&m, WEFT_NOWAIT), 0);
	weft_mutex_unlock(&m);
	CHECK_EQ(weft_mutex_lock_until(&m, WEFT_FOREVER), 0);
	weft_mutex_unlock(&m);
	return 0;
}

Test(mutex, is_had_by_one_and_taken_when_free_whatever_the_deadline)
{
	single(NULL);
	EACH(single);
}

Test(mutex, all_zero_is_ready)
{
	static weft_mutex m;

	weft_mutex_lock(&m);
	weft_mutex_unlock(&m);
}

/* --- exclusion ------------------------------------------------------------------ */

enum { PARTIES = 8 };
#define LAPS ((unsigned)fewer(2000))

struct crowd {
	weft_mutex m;
	long a, b;              /* m: equal outside */
	weft_waitgroup all;
	unsigned number;        /* m */
	bool deadlines;
};

static void get(struct crowd *c, unsigned how)
{
	if (!c->deadlines || how % 3 == 0) {
		weft_mutex_lock(&c->m);
	} else if (how % 3 == 1) {
		while (weft_mutex_lock_until(&c->m, weft_in(5 * WEFT_US)))
			;
	} else {
		while (weft_mutex_trylock(&c->m))
			weft_yield();
	}
}

static int party(void *arg)
{
	struct crowd *c = arg;
	unsigned laps = LAPS;

	for (unsigned i = 0; i < laps; i++) {
		get(c, i);
		CHECK_EQ(c->a, c->b);
		c->a++;
		if (i % 64 == 0)
			weft_yield();
		c->b++;
		weft_mutex_unlock(&c->m);
	}
	weft_waitgroup_done(&c->all);
	return 0;
}

static void crowd_run(int routines, int threads, bool deadlines)
{
	struct crowd c = { .deadlines = deadlines };
	struct crew crew;

	weft_waitgroup_add(&c.all, routines + threads);
	crew_start(&crew, routines, threads, party, &c);
	while (weft_waitgroup_wait_until(&c.all, weft_in(WEFT_S)))
		;
	crew_join(&crew);
	CHECK_EQ(c.a, (long)(routines + threads) * LAPS);
	CHECK_EQ(c.m.weft__word, 0);
}

static int routines(void *arg)
{
	(void)arg;
	crowd_run(PARTIES, 0, false);
	crowd_run(PARTIES, 0, true);
	return 0;
}

static int both_kinds(void *arg)
{
	(void)arg;
	crowd_run(PARTIES, 3, false);
	crowd_run(PARTIES, 3, true);
	return 0;
}

Test(mutex, excludes_routines_from_each_other)
{
	EACH(routines);
}

Test(mutex, excludes_routines_and_threads_from_each_other)
{
	EACH(both_kinds);
}

Test(mutex, excludes_threads_without_a_runtime)
{
	crowd_run(0, 4, false);
	crowd_run(0, 4, true);
	cr_assert_eq(failures, 0);
}

/* --- order and fairness ----------------------------------------------------------- */

static struct crowd queue;
static unsigned order[100], orders;

static void stand(void *arg)
{
	arrive();
	weft_mutex_lock(&queue.m);
	order[orders++] = (unsigned)(uintptr_t)arg;
	weft_mutex_unlock(&queue.m);
	weft_waitgroup_done(&queue.all);
}

static int in_order(void *arg)
{
	bool known = true;

	(void)arg;
	orders = 0;
	stay_home();
	weft_waitgroup_add(&queue.all, 50);
	weft_mutex_lock(&queue.m);
	for (intptr_t i = 0; i < 50; i++) {
		CHECK_EQ(weft_go(stand, (void *)i), 0);
		for (int j = 0; j < 3; j++)
			weft_yield();
		known = known && all_wait((int)i + 1);
	}
	weft_mutex_unlock(&queue.m);
	weft_waitgroup_wait(&queue.all);
	for (unsigned i = 0; i < 50 && known; i++)
		CHECK_EQ(order[i], i);
	return known ? 0 : STRAYED;
}

Test(mutex, is_given_in_the_order_of_arrival_where_nobody_barges)
{
	cr_assert_eq(on_one_thread(in_order, NULL), 0);
	cr_assert_eq(failures, 0);
}

static weft_mutex hogged;
static _Atomic bool stop;

/* Holds nearly all the time, and always takes it back at once. */
static void hog(void *arg)
{
	while (!stop) {
		weft_mutex_lock(&hogged);
		weft_sleep(100 * WEFT_US);
		weft_mutex_unlock(&hogged);
	}
	weft_waitgroup_done(arg);
}

static int starving(void *arg)
{
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	(void)arg;
	stop = false;
	weft_waitgroup_add(&all, 1);
	CHECK_EQ(weft_go(hog, &all), 0);
	/* Each time it is ours within bounds far below what luck would need. */
	for (int i = 0; i < 20; i++) {
		weft_yield();
		CHECK_EQ(weft_mutex_lock_until(&hogged, weft_in(60 * WEFT_S)),
			 0);
		weft_mutex_unlock(&hogged);
	}
	stop = true;
	weft_waitgroup_wait(&all);
	return 0;
}

Test(mutex, is_handed_over_to_who_starves)
{
	EACH(starving);
}

static void lock_for_another(void *arg)
{
	weft_mutex_lock(arg);
}

static int not_owned(void *arg)
{
	weft_mutex m = WEFT_MUTEX_INIT;

	(void)arg;
	CHECK_EQ(weft_go(lock_for_another, &m), 0);
	wait_until(weft_mutex_trylock(&m) == -EAGAIN ||
		   (weft_mutex_unlock(&m), false));
	weft_mutex_unlock(&m);
	CHECK_EQ(weft_mutex_trylock(&m), 0);
	return 0;
}

Test(mutex, may_be_unlocked_by_another)
{
	EACH(not_owned);
}

/* --- cancel ------------------------------------------------------------------------ */

static weft_mutex held;
static _Atomic int after;

static int lock_until_cancelled(void *arg)
{
	int err = weft_mutex_lock_until(&held, WEFT_FOREVER);

	(void)arg;
	/* Sticky, though it were free; what never waits does not mind. */
	CHECK_EQ(weft_mutex_lock_until(&held, weft_in(WEFT_S)), -ECANCELED);
	CHECK_EQ(weft_mutex_lock_until(&held, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_mutex_trylock(&held), -EAGAIN);
	return err;
}

static int lock_steadily(void *arg)
{
	(void)arg;
	weft_mutex_lock(&held);
	after++;
	weft_mutex_unlock(&held);
	return 7;
}

static int cancel_both(void *arg)
{
	weft_id until, steady;
	int status;

	(void)arg;
	after = 0;
	weft_mutex_lock(&held);
	CHECK_EQ(weft_spawn(&until, NULL, lock_until_cancelled, NULL), 0);
	CHECK_EQ(weft_spawn(&steady, NULL, lock_steadily, NULL), 0);
	for (int i = 0; i < 20; i++)
		weft_yield();
	CHECK_EQ(weft_cancel(until), 0);
	CHECK_EQ(weft_cancel(steady), 0);
	CHECK_EQ(weft_join(until, &status), 0);
	CHECK_EQ(status, -ECANCELED);
	CHECK_EQ(after, 0);
	weft_mutex_unlock(&held);
	CHECK_EQ(weft_join(steady, &status), 0);
	CHECK_EQ(status, 7);
	CHECK_EQ(after, 1);
	return 0;
}

Test(mutex, a_cancel_ends_lock_until_but_not_lock)
{
	EACH(cancel_both);
}

/* --- lifetime ---------------------------------------------------------------------- */

static int last_user_frees(void *arg)
{
	(void)arg;
	return last_one_frees(fewer(500), mutex_less);
}

Test(mutex, may_be_freed_by_the_last_who_unlocks_it)
{
	EACH(last_user_frees);
}

static weft_mutex outliving;

static void wait_and_pass(void *arg)
{
	(void)arg;
	weft_mutex_lock(&outliving);
	weft_mutex_unlock(&outliving);
}

/* Ends with waiters in the list, or one on its way. */
static int abandon(void *arg)
{
	weft_mutex_lock(&outliving);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_go(wait_and_pass, NULL), 0);
	for (int i = 0; i < 30; i++)
		weft_yield();
	if (arg)
		weft_mutex_unlock(&outliving);
	return 0;
}

Test(mutex, outlives_a_run_whose_routines_waited_for_it)
{
	for (unsigned n = 1; n <= 4; n *= 2) {
		for (uintptr_t wake = 0; wake < 2; wake++) {
			cr_assert_eq(run_on(n, abandon, (void *)wake), 0);
			if (!wake)
				weft_mutex_unlock(&outliving);
			cr_assert_eq(outliving.weft__word, 0);
		}
	}
	cr_assert_eq(failures, 0);
}

/* --- reports and misuse ------------------------------------------------------------- */

static int twice(void *arg)
{
	weft_mutex m = WEFT_MUTEX_INIT;

	(void)arg;
	weft_mutex_lock(&m);
	weft_mutex_lock(&m);
	return 0;
}

static int deadlock_child(void *arg)
{
	(void)arg;
	return run_on(2, twice, NULL) == -EDEADLK ? 0 : 1;
}

Test(mutex, locked_twice_is_reported_as_a_deadlock)
{
	child_starts_threads();
	cr_assert_eq(in_child(deadlock_child, NULL), 0);
	cr_expect(strstr(said, "deadlock"), "%s", said);
	cr_expect(strstr(said, "mutex lock"), "%s", said);
}

/* A thread that has locked, even without waiting, may unlock: no deadlock. */
static weft_mutex lent;
static _Atomic bool is_lent;

static void *lender(void *arg)
{
	(void)arg;
	weft_mutex_lock(&lent);
	is_lent = true;
	/* Until somebody stands in its list, and for a verdict after that. */
	while (__atomic_load_n(&lent.weft__word, __ATOMIC_RELAXED) < 16)
		sched_yield();
	for (int i = 0; i < 1000; i++)
		sched_yield();
	weft_mutex_unlock(&lent);
	return NULL;
}

static int borrower(void *arg)
{
	pthread_t thread;

	(void)arg;
	is_lent = false;
	CHECK_EQ(pthread_create(&thread, NULL, lender, NULL), 0);
	while (!is_lent)
		weft_yield();
	weft_mutex_lock(&lent);
	weft_mutex_unlock(&lent);
	pthread_join(thread, NULL);
	return 0;
}

Test(mutex, held_by_a_plain_thread_is_no_deadlock)
{
	EACH(borrower);
}

Test(mutex, unlock_of_an_unlocked_mutex_panics, .signal = SIGABRT)
{
	weft_mutex m = WEFT_MUTEX_INIT;

	weft_mutex_lock(&m);
	weft_mutex_unlock(&m);
	weft_mutex_unlock(&m);
}
