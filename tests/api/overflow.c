/* tests/api/overflow.c - a routine that runs off its stack, seen from outside:
 * the report names it and says what to ask for, the process dies of SIGSEGV,
 * and a handler of the program's own still gets every other fault. */
#include "support/rt.h"

#include <signal.h>
#include <sys/mman.h>

TestSuite(overflow, .timeout = 120);

struct run {
	int (*fn)(void *);
	void *arg;
};

static int run(void *arg)
{
	struct run *r = arg;

	return weft_run(r->fn, r->arg);
}

/* Run fn as the main routine of a child: its exit status, or -SIGNAL. */
static int run_child(int (*fn)(void *), void *arg)
{
	struct run r = { fn, arg };

	if (under("valgrind"))
		cr_skip_test("valgrind reports the access itself");
	return in_child(run, &r);
}

/* Deeper than any stack; the answer keeps the frames apart. */
static int dig(int depth)
{
	volatile char frame[256];

	frame[0] = (char)depth;
	if (depth < 100000000)
		frame[1] = (char)dig(depth + 1);
	return frame[0] + frame[1];
}

static int digger(void *arg)
{
	(void)arg;
	return dig(0);
}

static int spawn_digger(void *arg)
{
	weft_attr a = { .name = "mole", .stack_size = (size_t)arg };
	weft_id id;
	int status = 0;

	if (weft_spawn(&id, &a, digger, NULL))
		return 3;
	return weft_join(id, &status) ? 4 : 5;
}

static void expect_report(int status, size_t size)
{
	char want[64];

	cr_expect(status == -SIGSEGV, "status %d: %s", status, said);
	cr_expect_not_null(strstr(said, "stack overflow in routine"),
			   "%s", said);
	cr_expect_not_null(strstr(said, "\"mole\""), "%s", said);
	snprintf(want, sizeof want, "stack_size = %zu", size * 2);
	cr_expect_not_null(strstr(said, want), "%s", said);
	snprintf(want, sizeof want, "WEFT_STACK=%zuK", size / 512);
	cr_expect_not_null(strstr(said, want), "%s", said);
	cr_expect_not_null(strstr(said, "entry function"), "%s", said);
	cr_expect_not_null(strstr(said, "spawned at"), "%s", said);
}

Test(overflow, is_reported_with_name_size_and_advice)
{
	static const size_t sizes[] = { 8192, 16384, 65536, 1 << 20 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		expect_report(run_child(spawn_digger, (void *)sizes[i]),
			      sizes[i]);
}

static int dig_in_main(void *arg)
{
	weft_name_set("mole");
	return digger(arg);
}

Test(overflow, of_the_main_routine_is_reported_too)
{
	int status = run_child(dig_in_main, NULL);

	cr_expect(status == -SIGSEGV);
	cr_expect_not_null(strstr(said, "stack overflow"), "%s", said);
	cr_expect_not_null(strstr(said, "\"mole\""), "%s", said);
}

/* --- faults that are the program's own ------------------------------------- */

static char *forbidden;

static void users(int sig)
{
	(void)sig;
	_exit(42);
}

static int touch(void *arg)
{
	(void)arg;
	*(volatile char *)forbidden = 1;
	return 1;
}

/* The status of a child that meets another fault. */
static int touch_under(void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler };

	forbidden = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	cr_assert(forbidden != MAP_FAILED);
	sigaction(SIGSEGV, &sa, NULL);
	return run_child(touch, NULL);
}

Test(overflow, other_faults_reach_the_programs_handler)
{
	int status = touch_under(users);

	cr_expect(status == 42, "status %d: %s", status, said);
	cr_expect_null(strstr(said, "stack overflow"), "%s", said);
}

Test(overflow, other_faults_kill_as_ever)
{
	int status = touch_under(SIG_DFL);

	cr_expect(status == -SIGSEGV);
	cr_expect_null(strstr(said, "stack overflow"), "%s", said);
}
