/* tests/api/routine.c - starting routines: forms, attributes, refusals, ends. */
#include "support/home.h"
#include "support/rt.h"

#include <pthread.h>

TestSuite(routine, .timeout = 120);

static weft_chan *done;

static void report(void *arg)
{
	give(done, (int)(intptr_t)arg);
}

static int answer(void *arg)
{
	return (int)(intptr_t)arg;
}

/* --- every way to start --------------------------------------------------- */

static void words(int a, void *b, unsigned char c, long d, short e, int f)
{
	CHECK(a == -1 && !b && c == 255 && d == -5 && e == -7 && f == 6);
	give(done, 4);
}

static int start_each(void *arg)
{
	weft_attr a = { .name = "each", .priority = 1 };
	uintptr_t w[6] = {
		(uintptr_t)-1, 0, 255, (uintptr_t)-5, (uintptr_t)-7, 6,
	};
	int sum = 0, status = 0;
	weft_id id = 0;

	(void)arg;
	done = ints(0);
	CHECK_EQ(weft_go(report, (void *)1), 0);
	CHECK_EQ(weft_go_attr(NULL, report, (void *)2), 0);
	CHECK_EQ(weft_go_attr(&a, report, (void *)3), 0);
	CHECK_EQ(weft_go_words((void (*)(void))words, 6, w), 0);
	for (int i = 0; i < 4; i++)
		sum += take(done);
	CHECK_EQ(sum, 10);
	CHECK_EQ(weft_spawn(&id, NULL, answer, (void *)8), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, 8);
	CHECK_EQ(weft_spawn(&id, &a, answer, (void *)(intptr_t)INT32_MIN), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, INT32_MIN);
	weft_chan_unref(done);
	return 0;
}

Test(routine, starts_in_every_form)
{
	EACH(start_each);
}

struct record {
	char text[61];
	int number;
};

static void use_copy(void *data)
{
	struct record *r = data;

	CHECK_EQ((uintptr_t)data % _Alignof(max_align_t), 0);
	CHECK_EQ(strcmp(r->text, "private"), 0);
	for (int i = 0; i < 5; i++) {
		r->number++;
		weft_yield();
	}
	give(done, r->number);
}

static void use_nothing(void *data)
{
	(void)data;
	give(done, 1000);
}

static void use_big(void *data)
{
	unsigned char *p = data;
	int sum = 0;

	for (int i = 0; i < 300000; i++)
		sum += p[i];
	give(done, sum == 300000 ? 1 : 0);
}

static int go_copies(void *arg)
{
	struct record r = { "private", 0 };
	unsigned char *big = malloc(300000);
	int sum = 0;

	(void)arg;
	done = ints(0);
	for (int i = 0; i < 20; i++) {
		r.number = 10 * i;
		CHECK_EQ(weft_go_copy(NULL, use_copy, &r, sizeof r), 0);
	}
	r.text[0] = 0;
	for (int i = 0; i < 20; i++)
		sum += take(done);
	CHECK_EQ(sum, 1900 + 100);
	CHECK_EQ(weft_go_copy(NULL, use_nothing, NULL, 0), 0);
	CHECK_EQ(take(done), 1000);
	CHECK_EQ(weft_go_copy(NULL, use_nothing, &r, 0), 0);
	CHECK_EQ(take(done), 1000);
	memset(big, 1, 300000);
	CHECK_EQ(weft_go_copy(NULL, use_big, big, 300000), 0);
	memset(big, 0, 300000);
	CHECK_EQ(take(done), 1);
	free(big);
	CHECK_EQ(weft_go_copy(NULL, use_nothing, NULL, 1), -EINVAL);
	CHECK_EQ(weft_go_copy(NULL, use_nothing, &r, SIZE_MAX), -EINVAL);
	CHECK_EQ(weft_go_copy(NULL, NULL, &r, sizeof r), -EINVAL);
	weft_chan_unref(done);
	return 0;
}

Test(routine, gets_a_private_aligned_copy)
{
	EACH(go_copies);
}

static int refuse_each(void *arg)
{
	weft_attr bad[] = {
		{ .priority = 3 }, { .priority = -3 }, { .flags = 1 },
		{ .stack_size = SIZE_MAX }, { .stack_size = (size_t)1 << 40 },
	};
	uintptr_t w[6] = { 0 };
	weft_id id = 7;

	(void)arg;
	CHECK_EQ(weft_go(NULL, NULL), -EINVAL);
	CHECK_EQ(weft_go_attr(NULL, NULL, NULL), -EINVAL);
	CHECK_EQ(weft_go_words(NULL, 0, w), -EINVAL);
	CHECK_EQ(weft_go_words((void (*)(void))report, 7, w), -EINVAL);
	CHECK_EQ(weft_spawn(NULL, NULL, answer, NULL), -EINVAL);
	CHECK_EQ(weft_spawn(&id, NULL, NULL, NULL), -EINVAL);
	CHECK_EQ(id, 0);
	for (size_t i = 0; i < COUNT(bad); i++) {
		id = 7;
		CHECK_EQ(weft_spawn(&id, &bad[i], answer, NULL), -EINVAL);
		CHECK_EQ(id, 0);
		CHECK_EQ(weft_go_attr(&bad[i], report, NULL), -EINVAL);
		CHECK_EQ(weft_go_copy(&bad[i], report, "x", 1), -EINVAL);
	}
	return 0;
}

Test(routine, refuses_bad_arguments)
{
	EACH(refuse_each);
}

/* --- ids -------------------------------------------------------------------- */

static int tell_self(void *arg)
{
	*(weft_id *)arg = weft_self();
	return 0;
}

static int compare_ids(void *arg)
{
	enum { N = 500 };
	static weft_id id[N], self[N];

	(void)arg;
	CHECK(weft_self() != 0);
	CHECK_EQ(weft_self(), weft_self());
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			CHECK_EQ(weft_spawn(&id[i], NULL, tell_self, &self[i]),
				 0);
		for (int i = 0; i < N; i++) {
			CHECK_EQ(weft_join(id[i], NULL), 0);
			CHECK(id[i] == self[i] && id[i] != weft_self());
			CHECK(i == 0 || id[i] != id[i - 1]);
		}
	}
	return 0;
}

Test(routine, knows_its_own_id)
{
	EACH(compare_ids);
}

/* --- priorities ------------------------------------------------------------- */

static atomic_bool stop;
static atomic_int finished;

static void busy(void *arg)
{
	(void)arg;
	while (!stop)
		weft_yield();
	finished++;
}

static void modest(void *arg)
{
	for (int i = 0; i < 10; i++)
		weft_yield();
	finished++;
	give(done, (int)(intptr_t)arg);
}

static int run_priorities(void *arg)
{
	int seen[5] = { 0 };

	(void)arg;
	done = ints(0);
	for (int i = 0; i < 50; i++) {
		weft_attr a = { .priority = i % 5 - 2 };

		CHECK_EQ(weft_go_attr(&a, modest, (void *)(intptr_t)(i % 5)),
			 0);
	}
	for (int i = 0; i < 50; i++)
		seen[take(done)]++;
	for (int i = 0; i < 5; i++)
		CHECK_EQ(seen[i], 10);
	weft_chan_unref(done);
	return 0;
}

Test(routine, of_every_priority_finishes)
{
	EACH(run_priorities);
}

static int starve(void *arg)
{
	static const int loud[] = { 0, 1, 2 };
	int workers = (int)(intptr_t)arg;

	for (size_t i = 0; i < COUNT(loud); i++)
		for (int quiet = -2; quiet <= 0; quiet++) {
			weft_attr busy_attr = { .priority = loud[i] };
			weft_attr low = { .priority = quiet };

			stop = false;
			finished = 0;
			done = ints(1);
			for (int k = 0; k < 2 * workers; k++)
				CHECK_EQ(weft_go_attr(&busy_attr, busy, NULL),
					 0);
			CHECK_EQ(weft_go_attr(&low, modest, NULL), 0);
			CHECK_EQ(take(done), 0);
			stop = true;
			wait_until(finished == 2 * workers + 1);
			weft_chan_unref(done);
		}
	return 0;
}

Test(routine, of_low_priority_is_not_starved_by_busy_ones)
{
	EACH(starve);
}

/* --- pinned -------------------------------------------------------------------- */

static int stay(void *arg)
{
	weft_chan **pair = arg;
	long here = thread_id();

	for (int i = 0; i < 1000; i++) {
		give(pair[0], i);
		CHECK_EQ(take(pair[1]), i);
		if (i % 3 == 0)
			weft_yield();
		if (i % 100 == 0)
			CHECK_EQ(weft_sleep(WEFT_US), 0);
		CHECK_EQ(thread_id(), here);
	}
	return 0;
}

static int echo(void *arg)
{
	weft_chan **pair = arg;

	for (int i = 0; i < 1000; i++)
		give(pair[1], take(pair[0]));
	return 0;
}

static int pin(void *arg)
{
	enum { N = 4 };
	weft_attr a = { .pinned = 1 };
	weft_chan *pair[N][2];
	weft_id id[2 * N];

	(void)arg;
	for (int i = 0; i < N; i++) {
		pair[i][0] = ints(0);
		pair[i][1] = ints(0);
		CHECK_EQ(weft_spawn(&id[i], &a, stay, pair[i]), 0);
		CHECK_EQ(weft_spawn(&id[N + i], NULL, echo, pair[i]), 0);
	}
	for (int i = 0; i < 2 * N; i++)
		CHECK_EQ(weft_join(id[i], NULL), 0);
	for (int i = 0; i < N; i++) {
		weft_chan_unref(pair[i][0]);
		weft_chan_unref(pair[i][1]);
	}
	return 0;
}

Test(routine, that_is_pinned_stays_on_its_thread)
{
	EACH(pin);
}

/* --- stacks ---------------------------------------------------------------------- */

static int dig(int bytes)
{
	volatile char frame[1024];

	frame[0] = (char)bytes;
	frame[1023] = 1;
	return bytes <= 2048 ? frame[1023] : dig(bytes - 1200) + frame[0] * 0;
}

static int use_stack(void *arg)
{
	size_t size = (size_t)arg;

	return size <= 16384 ? 1 : dig((int)(size - size / 4));
}

static int leaf(void *arg)
{
	return (int)(intptr_t)arg + 1;
}

static int size_stacks(void *arg)
{
	static const size_t sizes[] = {
		0, 1, 4096, 4097, 8192, 65536, 100000, 1 << 20, 16 << 20,
	};
	weft_attr sub = { .stack_size = WEFT_STACK_SUBPAGE };
	weft_id id[100];
	int status = 0;

	(void)arg;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		weft_attr a = { .stack_size = sizes[i] };
		void *use = (void *)(sizes[i] > 16384 ? sizes[i] : 0);

		/* The smallest ones run leaf functions only. */
		CHECK_EQ(weft_spawn(&id[0], &a, use ? use_stack : leaf, use), 0);
		CHECK_EQ(weft_join(id[0], &status), 0);
		CHECK_EQ(status, 1);
	}
	for (int i = 0; i < 100; i++)
		CHECK_EQ(weft_spawn(&id[i], &sub, leaf, (void *)(intptr_t)i), 0);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, i + 1);
	}
	return 0;
}

Test(routine, has_the_stack_it_asked_for)
{
	EACH(size_stacks);
}

/* --- many ----------------------------------------------------------------------- */

static void count_one(void *arg)
{
	(void)arg;
	finished++;
}

static void spawn_tree(void *arg)
{
	intptr_t depth = (intptr_t)arg;

	finished++;
	if (!depth)
		return;
	for (int i = 0; i < 4; i++)
		CHECK_EQ(weft_go(spawn_tree, (void *)(depth - 1)), 0);
}

static int storm(void *arg)
{
	enum { FLAT = 20000, DEEP = (4 * 4 * 4 * 4 * 4 * 4 * 4 - 1) / 3 };

	(void)arg;
	finished = 0;
	for (int i = 0; i < FLAT; i++)
		CHECK_EQ(weft_go(count_one, NULL), 0);
	wait_until(finished == FLAT);
	finished = 0;
	CHECK_EQ(weft_go(spawn_tree, (void *)6), 0);
	wait_until(finished == DEEP);
	return 0;
}

Test(routine, storms_run_to_the_last)
{
	EACH(storm);
}

/* --- weft_exit ------------------------------------------------------------------- */

static int leave(int depth)
{
	volatile char frame[64] = { 0 };

	if (depth < 0)
		return 0;       /* else gcc sees a recursion without end */
	if (depth)
		return leave(depth - 1) + frame[depth % 64];
	weft_exit(42);
}

static int leave_deep(void *arg)
{
	return leave((int)(intptr_t)arg);
}

static void leave_detached(void *arg)
{
	finished++;
	weft_exit((int)(intptr_t)arg);
}

static int exits(void *arg)
{
	weft_id id;
	int status = 0;

	(void)arg;
	for (int depth = 0; depth < 100; depth += 9) {
		CHECK_EQ(weft_spawn(&id, NULL, leave_deep,
				    (void *)(intptr_t)depth), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, 42);
	}
	finished = 0;
	for (int i = 0; i < 100; i++)
		CHECK_EQ(weft_go(leave_detached, NULL), 0);
	wait_until(finished == 100);
	return 0;
}

Test(routine, exits_from_any_depth)
{
	EACH(exits);
}

static int exit_main(void *arg)
{
	(void)arg;
	return leave(20);
}

Test(routine, exit_of_main_ends_the_run)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++)
		cr_assert_eq(run_on(worker_counts[i], exit_main, NULL), 42);
}

/* --- fairness ------------------------------------------------------------------- */

static int order[100];
static atomic_int ordered;

static void note(void *arg)
{
	arrive();
	order[ordered++] = (int)(intptr_t)arg;
}

/* As many as a worker's ring holds, that is 4 at debug level 2. */
static int yield_once(void *arg)
{
	const char *level = getenv("weft_debug");
	int n = level && *level == '2' ? 3 : (int)COUNT(order);

	(void)arg;
	ordered = 0;
	stay_home();
	for (intptr_t i = 1; i <= n; i++)
		CHECK_EQ(weft_go(note, (void *)i), 0);
	weft_yield();
	if (!all_wait(n)) {             /* a spare worker has some of them */
		wait_until(home.arrived == n);
		return STRAYED;
	}
	CHECK_EQ(ordered, n);
	for (int i = 0; i < ordered; i++)
		CHECK_EQ(order[i], i + 1);
	return 0;
}

Test(routine, yield_lets_all_others_run_first)
{
	cr_assert_eq(on_one_thread(yield_once, NULL), 0);
	cr_assert_eq(failures, 0);
}

static int bounce(void *arg)
{
	weft_chan **pair = arg;

	while (!stop) {
		give(pair[0], 1);
		take(pair[1]);
	}
	CHECK_EQ(weft_chan_close(pair[0]), 0);
	return 0;
}

static int bounce_back(void *arg)
{
	weft_chan **pair = arg;
	int v;

	while (weft_chan_recv(pair[0], &v) == 0)
		give(pair[1], v);
	return 0;
}

static void perpetual(void *arg)
{
	if (!stop)
		CHECK_EQ(weft_go(perpetual, arg), 0);
	else
		finished++;
}

static void polite_loop(void *arg)
{
	(void)arg;
	while (!stop)
		weft_checkpoint();
	finished++;
}

static int elderly(void *arg)
{
	for (int i = 0; i < 1000; i++)
		weft_yield();
	(void)arg;
	return 0;
}

static int be_fair(void *arg)
{
	weft_chan *pair[2] = { ints(0), ints(0) };
	weft_id old, a, b;

	(void)arg;
	stop = false;
	finished = 0;
	CHECK_EQ(weft_spawn(&old, NULL, elderly, NULL), 0);
	CHECK_EQ(weft_spawn(&a, NULL, bounce, pair), 0);
	CHECK_EQ(weft_spawn(&b, NULL, bounce_back, pair), 0);
	CHECK_EQ(weft_go(perpetual, NULL), 0);
	CHECK_EQ(weft_go(polite_loop, NULL), 0);
	CHECK_EQ(weft_join(old, NULL), 0);
	stop = true;
	CHECK_EQ(weft_join(a, NULL), 0);
	CHECK_EQ(weft_join(b, NULL), 0);
	wait_until(finished == 2);
	weft_chan_unref(pair[0]);
	weft_chan_unref(pair[1]);
	return 0;
}

Test(routine, old_ones_are_not_starved_by_busy_pairs_and_storms)
{
	EACH(be_fair);
}
