/* api/coro.c - coroutines: with no runtime, nested, across threads, and in
 * routines that park inside them. */
#include <weft.h>

#include "support/crit.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>

TestSuite(coro, .timeout = 120);

static void count_to(void *arg)
{
	for (intptr_t i = 1; i <= (intptr_t)arg; i++)
		weft_coro_yield((void *)i, NULL);
}

/* Resume to the end; the sum of what came, and -EPIPE. */
static intptr_t drain(weft_coro *co, int *err)
{
	intptr_t sum = 0;
	void *got;

	while ((*err = weft_coro_resume(co, NULL, &got)) == 0)
		sum += (intptr_t)got;
	return sum;
}

Test(coro, generator_yields_then_says_epipe)
{
	weft_coro *co = weft_coro_new(count_to, (void *)100, 0);
	void *out = &co;
	int err;

	cr_assert_not_null(co);
	cr_expect_eq(drain(co, &err), 5050);
	cr_expect_eq(err, -EPIPE);
	cr_expect_eq(weft_coro_resume(co, NULL, &out), -EPIPE);
	cr_expect(out == &co, "out is untouched at the end");
	weft_coro_free(co);
}

static void echo(void *arg)
{
	void *in = arg;

	for (;;)
		if (weft_coro_yield(in, &in) != 0)
			return;
}

Test(coro, values_travel_both_ways)
{
	int v[3];
	weft_coro *co = weft_coro_new(echo, &v[0], 8192);
	void *out = NULL;

	cr_assert_not_null(co);
	cr_expect_eq(weft_coro_resume(co, &v[2], &out), 0);
	cr_expect(out == &v[0], "the first in is dropped");
	cr_expect_eq(weft_coro_resume(co, &v[1], &out), 0);
	cr_expect(out == &v[1]);
	cr_expect_eq(weft_coro_resume(co, NULL, NULL), 0);
	weft_coro_free(co);
}

Test(coro, bad_arguments_get_a_code)
{
	weft_coro *co = weft_coro_new(echo, NULL, 0);
	void *out;

	cr_assert_not_null(co);
	cr_expect_eq(weft_coro_resume(NULL, NULL, &out), -EINVAL);
	cr_expect_eq(weft_coro_yield(NULL, NULL), -EPERM);
	cr_expect_null(weft_coro_new(NULL, NULL, 0));
	cr_expect_null(weft_coro_new(echo, NULL, SIZE_MAX));
	cr_expect_null(weft_coro_new(echo, NULL, (size_t)1 << 62));
	weft_coro_free(NULL);
	weft_coro_free(co);
	cr_expect_eq(weft_coro_resume(co, NULL, &out), -EINVAL, "stale");
	weft_coro_free(co);
	cr_expect_eq(weft_coro_yield(NULL, NULL), -EPERM);
}

static weft_coro *outer, *inner;
static int busy[3];

static void inner_main(void *arg)
{
	(void)arg;
	busy[0] = weft_coro_resume(inner, NULL, NULL);
	busy[1] = weft_coro_resume(outer, NULL, NULL);
	weft_coro_yield((void *)1, NULL);
	weft_coro_yield((void *)2, NULL);
}

static void outer_main(void *arg)
{
	int err;

	(void)arg;
	weft_coro_yield((void *)drain(inner, &err), NULL);
	busy[2] = err;
}

Test(coro, nest_and_are_busy_while_they_run)
{
	void *out = NULL;

	inner = weft_coro_new(inner_main, NULL, 0);
	outer = weft_coro_new(outer_main, NULL, 0);
	cr_assert(inner && outer);
	cr_expect_eq(weft_coro_resume(outer, NULL, &out), 0);
	cr_expect_eq((intptr_t)out, 3);
	cr_expect_eq(weft_coro_resume(outer, NULL, &out), -EPIPE);
	cr_expect_eq(busy[0], -EBUSY);
	cr_expect_eq(busy[1], -EBUSY);
	cr_expect_eq(busy[2], -EPIPE);
	weft_coro_free(inner);
	weft_coro_free(outer);
}

static void frees_itself(void *arg)
{
	weft_coro_free(*(weft_coro **)arg);
}

Test(coro, free_of_a_running_one_panics, .signal = SIGABRT)
{
	weft_coro *co;

	co = weft_coro_new(frees_itself, &co, 0);
	weft_coro_resume(co, NULL, NULL);
}

static int mode_inside[2];

static void rounds_up(void *arg)
{
	(void)arg;
	mode_inside[0] = fegetround();
	fesetround(FE_UPWARD);
	weft_coro_yield(NULL, NULL);
	mode_inside[1] = fegetround();
}

Test(coro, rounding_mode_is_its_own)
{
	weft_coro *co = weft_coro_new(rounds_up, NULL, 0);

	cr_assert_not_null(co);
	fesetround(FE_DOWNWARD);
	weft_coro_resume(co, NULL, NULL);
	cr_expect_eq(fegetround(), FE_DOWNWARD);
	weft_coro_resume(co, NULL, NULL);
	cr_expect_eq(fegetround(), FE_DOWNWARD);
	fesetround(FE_TONEAREST);
	cr_expect_eq(mode_inside[0], FE_TONEAREST);
	cr_expect_eq(mode_inside[1], FE_UPWARD);
	weft_coro_free(co);
}

static void deep(void *arg)
{
	volatile char room[40000];

	for (size_t i = 0; i < sizeof room; i += 512)
		room[i] = 1;
	weft_coro_yield(arg, NULL);
	cr_expect_eq(room[512], 1);
}

Test(coro, many_live_at_once_and_are_freed_in_every_state)
{
	enum { N = 2000 };
	static weft_coro *co[N];
	unsigned bad = 0;

	for (int round = 0; round < 3; round++) {
		for (intptr_t i = 0; i < N; i++) {
			co[i] = weft_coro_new(i % 7 ? count_to : deep,
					      (void *)(i % 5), 65536);
			cr_assert_not_null(co[i]);
		}
		for (int k = 0; k < 3; k++)
			for (int i = 0; i < N; i++)
				if (i % 3)
					bad += weft_coro_resume(co[i], NULL,
								NULL) > 0;
		for (int i = 0; i < N; i++)
			weft_coro_free(co[i]);
		for (int i = 0; i < N; i++)
			bad += weft_coro_resume(co[i], NULL, NULL) != -EINVAL;
	}
	cr_expect_eq(bad, 0u);
}

/* --- threads -------------------------------------------------------------- */

enum { THREADS = 3, SHARED = 20, TURNS = 3000 };

static weft_coro *shared[SHARED];
static unsigned long resumed[THREADS], refused[THREADS], odd[THREADS];

/* Counts how often it runs; whose thread that is does not matter. */
static void turn(void *arg)
{
	for (intptr_t i = 1;; i++) {
		intptr_t *mine = arg;
		void *in;

		*mine = i;
		if (weft_coro_yield((void *)i, &in) != 0 || in != arg)
			return;
	}
}

static intptr_t turns[SHARED];

static void *resumes_all(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < TURNS; i++) {
		unsigned k = (i * 7 + me * 3) % SHARED;
		int err = weft_coro_resume(shared[k], &turns[k], NULL);

		resumed[me] += err == 0;
		refused[me] += err == -EBUSY;
		odd[me] += err != 0 && err != -EBUSY;
		odd[me] += weft_coro_yield(NULL, NULL) != -EPERM;
	}
	return NULL;
}

Test(coro, wander_between_threads_one_resumer_at_a_time)
{
	pthread_t id[THREADS];
	unsigned long runs = 0, ok = 0, bad = 0;

	for (int k = 0; k < SHARED; k++)
		shared[k] = weft_coro_new(turn, &turns[k], 16384);
	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&id[i], NULL, resumes_all,
					    (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(id[i], NULL);
		ok += resumed[i];
		bad += odd[i];
		cr_expect_eq(resumed[i] + refused[i], TURNS);
	}
	for (int k = 0; k < SHARED; k++) {
		runs += (unsigned long)turns[k];
		weft_coro_free(shared[k]);
	}
	cr_expect_eq(runs, ok);
	cr_expect_eq(bad, 0ul);
}

/* --- in routines ---------------------------------------------------------- */

enum { ROUTINES = 50, ITEMS = 200 };

/* Parks inside the coroutine: the whole routine waits, and may move. */
static void receives(void *arg)
{
	weft_chan *ch = arg;
	intptr_t v;

	while (weft_chan_recv(ch, &v) == 0)
		weft_coro_yield((void *)v, NULL);
}

struct job { weft_chan *ch, *sums; };

static void sums_up(void *arg)
{
	struct job *j = arg;
	weft_coro *co = weft_coro_new(receives, j->ch, 0);
	int err = 0;
	intptr_t sum = co ? drain(co, &err) : -1;

	weft_coro_free(co);
	weft_chan_send(j->sums, &sum);
}

static int in_routines(void *arg)
{
	struct job j = {
		weft_chan_new(sizeof(intptr_t), 4),
		weft_chan_new(sizeof(intptr_t), 0),
	};
	intptr_t sum, total = 0;
	int bad = 0;

	(void)arg;
	for (int i = 0; i < ROUTINES; i++)
		bad += weft_go(sums_up, &j) != 0;
	for (intptr_t i = 1; i <= ROUTINES * ITEMS; i++)
		bad += weft_chan_send(j.ch, &i) != 0;
	weft_chan_close(j.ch);
	for (int i = 0; i < ROUTINES; i++) {
		bad += weft_chan_recv(j.sums, &sum) != 0;
		total += sum;
	}
	weft_chan_unref(j.ch);
	weft_chan_unref(j.sums);
	bad += weft_coro_yield(NULL, NULL) != -EPERM;
	return bad || total != (intptr_t)ROUTINES * ITEMS *
				(ROUTINES * ITEMS + 1) / 2;
}

Test(coro, a_routine_may_park_inside)
{
	weft_config c;
	weft_config_init(&c);
	for (c.workers = 1; c.workers <= 4; c.workers++)
		cr_expect_eq(weft_run_config(&c, in_routines, NULL), 0,
			     "%u workers", c.workers);
}
