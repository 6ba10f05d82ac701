/* tests/api/timer_crowd.c - a million live timers. */
#include "support/rt.h"

TestSuite(timer_crowd, .timeout = 300);

struct alarm {
	weft_timer timer;
	weft_time due;
	atomic_uchar fired;
	bool stopped;
};

static struct alarm *alarm_of;
static long crowd, stopped;
static atomic_long fired, early, twice;

static void ring(void *arg)
{
	struct alarm *a = arg;

	if (weft_now() < a->due)
		early++;
	if (atomic_fetch_add(&a->fired, 1))
		twice++;
	fired++;
}

/* A fixed scatter over [0, n). */
static uint64_t scatter(uint64_t i, uint64_t n)
{
	return (i * UINT64_C(0x9e3779b97f4a7c15) >> 32) % n;
}

/* From routine k of `among`: every among-th alarm. */
static void start_share(weft_time first, long k, long among)
{
	for (long i = k; i < crowd; i += among) {
		struct alarm *a = &alarm_of[i];

		a->due = first + (weft_time)scatter((uint64_t)i, 500) *
				 WEFT_MS;
		CHECK_EQ(weft_after_func(&a->timer, a->due, ring, a), 0);
	}
}

enum { SHARES = 8 };
static weft_time first_due;
static weft_waitgroup shares;

static void start_one_share(void *arg)
{
	start_share(first_due, (intptr_t)arg, SHARES);
	weft_waitgroup_done(&shares);
}

static int start_all(void *arg)
{
	long before;

	(void)arg;
	/* All are alive before the first is due. */
	first_due = weft_in(4 * WEFT_S);
	weft_waitgroup_add(&shares, SHARES);
	for (intptr_t k = 0; k < SHARES; k++)
		CHECK_EQ(weft_go(start_one_share, (void *)k), 0);
	weft_waitgroup_wait(&shares);
	before = fired;
	if (weft_now() >= first_due)
		return 1;               /* too slow a machine to tell */
	CHECK_EQ(before, 0);
	for (long i = 0; i < crowd; i += 2) {
		int was = weft_timer_stop(&alarm_of[i].timer);

		alarm_of[i].stopped = was == 1;
		stopped += was;
	}
	/* As long as it takes: many times what it took to start them. */
	while (fired + stopped < crowd)
		weft_yield();
	for (int i = 0; i < 1000; i++)
		weft_yield();
	for (long i = 0; i < crowd; i++)
		CHECK_EQ(alarm_of[i].fired, !alarm_of[i].stopped);
	return 0;
}

static void try_crowd(unsigned workers)
{
	if (under("valgrind") || under("qemu"))
		cr_skip_test("a crowd takes too long here");
	crowd = SANITIZED ? 100000 : 1000000;
	alarm_of = calloc((size_t)crowd, sizeof *alarm_of);
	cr_assert(alarm_of);
	fired = early = twice = stopped = 0;
	if (run_on(workers, start_all, NULL) == 1) {
		free(alarm_of);
		cr_skip_test("the machine took too long to start them");
	}
	cr_assert_eq(failures, 0, "%s", first_failure);
	cr_assert_eq(early, 0);
	cr_assert_eq(twice, 0);
	free(alarm_of);
}

Test(timer_crowd, a_million_fire_once_and_never_early)
{
	try_crowd(2);
}

Test(timer_crowd, one_worker_holds_a_million)
{
	try_crowd(1);
}
