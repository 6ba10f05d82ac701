/* tests/api/blocking_pool.c - how many threads the blocking pool has: as many as
 * calls wait for one another, few for short ones, none when nobody calls. */
#include "support/rt.h"

#include <dirent.h>
#include <pthread.h>

TestSuite(blocking_pool, .timeout = 120);

/* Threads of this process that have that name. */
static int threads_named(const char *name)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	char path[300], comm[32];
	int n = 0;

	while (d && (e = readdir(d))) {
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%s/comm",
			 e->d_name);
		f = fopen(path, "r");
		if (f && fgets(comm, sizeof comm, f))
			n += !strncmp(comm, name, strlen(name));
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return n;
}

static int pool_threads(void)
{
	return threads_named("weft-blocking");
}

/* An emulator may show its own threads, under its own name. */
static bool can_count(void)
{
	return threads_named("weft-worker") > 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long inside, turn;

/* --- as many as wait for one another --------------------------------------------- */

enum { CHAIN = 100 };

/* Ends when the one begun after it has ended. */
static void *link_call(void *arg)
{
	long me = (long)(intptr_t)arg;

	pthread_mutex_lock(&lock);
	inside++;
	while (turn != me)
		pthread_cond_wait(&changed, &lock);
	turn--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static int one_link(void *arg)
{
	CHECK_EQ(weft_blocking(link_call, arg, NULL), 0);
	return 0;
}

static int chain(void *arg)
{
	weft_id id[CHAIN];

	(void)arg;
	inside = 0;
	turn = CHAIN - 1;
	for (intptr_t i = 0; i < CHAIN; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, one_link, (void *)i), 0);
	for (int i = 0; i < CHAIN; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	CHECK_EQ(inside, CHAIN);
	return 0;
}

Test(blocking_pool, each_call_may_wait_for_the_next)
{
	for (int i = 0; i < fewer(5); i++)
		EACH(chain);
}

/* With a maximum of exactly that many. */
Test(blocking_pool, grows_to_its_maximum)
{
	weft_config c = { .workers = 2, .blocking_max = CHAIN };

	cr_assert_eq(weft_run_config(&c, chain, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- few for short ones ------------------------------------------------------------ */

enum { CALLERS = 200 };

/* A spare worker may be lent: not on one thread only. */
static atomic_int most;

static void *short_call(void *arg)
{
	return arg;
}

static int call_often(void *arg)
{
	void *r = NULL;
	int now, seen;

	for (intptr_t i = 1; i < 50; i++) {
		CHECK_EQ(weft_blocking(short_call, (void *)i, &r), 0);
		CHECK_EQ((intptr_t)r, i);
	}
	now = pool_threads();
	seen = most;
	while (seen < now && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	(void)arg;
	return 0;
}

static int short_calls(void *arg)
{
	weft_id id[CALLERS];

	(void)arg;
	for (int i = 0; i < CALLERS; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, call_often, NULL), 0);
	for (int i = 0; i < CALLERS; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	return 0;
}

Test(blocking_pool, short_calls_share_threads)
{
	weft_config c = { .workers = 1 };
	bool emulated = under("valgrind") || under("qemu");

	/* A thread per call would be all of them, each time; a busy machine makes
	 * the calls long, and the pool larger. */
	for (int tries = 0; tries < 5; tries++) {
		most = 0;
		cr_assert_eq(weft_run_config(&c, short_calls, NULL), 0);
		cr_assert_eq(failures, 0, "%s", first_failure);
		cr_log_info("at most %d threads", most);
		if (emulated || most < CALLERS)
			return;
	}
	cr_assert(false, "%d threads", most);
}

/* --- none when nobody calls --------------------------------------------------------- */

static int then_rest(void *arg)
{
	(void)arg;
	chain(NULL);
	if (!can_count())
		return 0;
	CHECK(pool_threads() >= 1);
	CHECK(wait_until(pool_threads() == 2 && !threads_named("weft-keeper")));
	CHECK_EQ(weft_blocking(short_call, NULL, NULL), 0);
	chain(NULL);
	return 0;
}

Test(blocking_pool, shrinks_to_its_minimum_when_nobody_calls)
{
	weft_config c = { .workers = 1, .blocking_min = 2, .blocking_max = 256 };

	cr_assert_eq(weft_run_config(&c, then_rest, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
	cr_assert(wait_until(!pool_threads() && !threads_named("weft-keeper")));
}

/* A maximum of one: each call after the other. */
static int two_calls(void *arg)
{
	void *r = NULL;

	for (intptr_t i = 0; i < 200; i++) {
		CHECK_EQ(weft_blocking(short_call, (void *)i, &r), 0);
		CHECK_EQ((intptr_t)r, i);
	}
	(void)arg;
	return 0;
}

static int one_thread(void *arg)
{
	weft_id id[10];

	(void)arg;
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, two_calls, NULL), 0);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	if (can_count())
		CHECK_EQ(pool_threads(), 1);
	return 0;
}

Test(blocking_pool, one_thread_serves_all_in_turn)
{
	weft_config c = { .workers = 2, .blocking_min = 1, .blocking_max = 1 };

	cr_assert_eq(weft_run_config(&c, one_thread, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
}
