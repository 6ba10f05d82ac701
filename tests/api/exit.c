/* tests/api/exit.c - exit(3) and weft_process_exit while routines run. */
#include "support/rt.h"

#include <pthread.h>
#include <weft/io.h>
#include <weft/process.h>

/* ASan takes an exit on a routine's stack for one that has lost its stack, now and
 * then, and says so; its leak check in a forked child looks for threads that only
 * the parent has. */
TestSuite(exits, .timeout = 150, .disabled = UNDER_ASAN);

enum { STATUS = 42 };

static atomic_int beats, spinning;

/* --- who goes on meanwhile ------------------------------------------------------------ */

static void beat(void *arg)
{
	weft_chan *c = arg;

	for (;;) {
		if (weft_chan_try_send(c, NULL) && weft_chan_try_recv(c, NULL))
			weft_yield();
		beats++;
		weft_yield();
	}
}

static void spin(void *arg)
{
	(void)arg;
	spinning++;
	for (;;)
		atomic_signal_fence(memory_order_seq_cst);
}

static void block(void *arg)
{
	int *fd = arg;
	char x;

	weft_read(fd[0], &x, 1, WEFT_FOREVER);
}

static void sleep_on(void *unused)
{
	(void)unused;
	for (;;)
		weft_sleep(WEFT_MS);
}

static void nothing(void *unused)
{
	(void)unused;
}

static void fill(unsigned spinners)
{
	static int fd[2];

	if (weft_pipe(fd))
		_exit(10);
	for (int i = 0; i < 20; i++) {
		weft_go(beat, ints(1));
		weft_go(block, fd);
		weft_go(sleep_on, NULL);
	}
	for (unsigned i = 0; i < spinners; i++)
		weft_go(spin, NULL);
	while (beats < 100 || spinning < (int)spinners)
		weft_yield();
}

/* --- handlers ------------------------------------------------------------------------------ */

static void fail(int code)
{
	fprintf(stderr, "handler: %d\n", code);
	_exit(code);
}

/* Everybody has stopped, and this is a plain thread. */
static void when_stopped(void)
{
	weft_chan *c = ints(1);
	weft_time until;
	int n;
	weft_id id;

	if (weft_self() || weft_workers())
		fail(11);
	if (weft_go(nothing, NULL) != -EOWNERDEAD ||
	    weft_spawn(&id, NULL, (int (*)(void *))(void *)nothing, NULL) !=
	    -EOWNERDEAD)
		fail(12);
	give(c, 3);
	if (take(c) != 3 ||
	    weft_chan_recv_until(c, NULL, weft_in(WEFT_MS)) != -ETIMEDOUT)
		fail(13);
	weft_chan_unref(c);
	weft_yield();
	/* A worker that the machine has no time for is not waited for without
	 * end: it stops at its next turn. */
	for (int looks = 1000;; looks--) {
		n = beats;
		until = weft_in(3 * WEFT_MS);
		while (weft_now() < until)
			;
		if (beats == n)
			break;
		if (looks == 1)
			fail(14);
	}
	if (failures)
		fail(15);
}

/* Registered when the runtime was up already: with exit(3) it still is. */
static void when_running(void)
{
	weft_id id;

	if (!weft_self() ||
	    weft_spawn(&id, NULL, (int (*)(void *))(void *)nothing, NULL) ||
	    weft_join(id, NULL))
		fail(16);
}

/* --- from a routine --------------------------------------------------------------------------- */

struct plan {
	unsigned workers, spinners;
	bool hop;
};

static void leaves(void *arg)
{
	const struct plan *p = arg;

	if (p->hop) {
		atexit(when_stopped);
		weft_process_exit(STATUS);
	}
	atexit(when_running);
	exit(STATUS);
}

static int run_and_leave(void *arg)
{
	const struct plan *p = arg;
	weft_attr a = { .stack_size = p->hop ? 4096 : 256 << 10 };

	fill(p->spinners);
	printf("said\n");
	weft_go_attr(&a, leaves, arg);
	weft_chan_recv(NULL, NULL);
	return 9;
}

static int run_plan(void *arg)
{
	const struct plan *p = arg;

	dup2(2, 1);
	atexit(when_stopped);
	run_on(p->workers, run_and_leave, arg);
	return 8;
}

static void each_plan(bool hop)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++)
		for (unsigned spinners = 0; spinners < 2; spinners++) {
			struct plan p = { worker_counts[i], spinners, hop };

			cr_assert_eq(in_child(run_plan, &p), STATUS,
				     "on %u workers, %u spin: %s", p.workers,
				     spinners, said);
			cr_assert(strstr(said, "said"));
		}
}

Test(exits, exit_may_be_called_from_a_routine)
{
	each_plan(false);
}

Test(exits, process_exit_needs_no_stack)
{
	each_plan(true);
}

/* --- from elsewhere ---------------------------------------------------------------------------- */

static int beside_us(void *arg)
{
	(void)arg;
	fill(0);
	return 0;
}

static int beside(void *how)
{
	weft_runtime *rt;

	atexit(when_stopped);
	if (weft_start(NULL, &rt) || weft_call(rt, beside_us, NULL))
		return 7;
	if (how)
		weft_process_exit(STATUS);
	exit(STATUS);
}

Test(exits, a_runtime_beside_is_stopped_too)
{
	cr_assert_eq(in_child(beside, NULL), STATUS, "%s", said);
	cr_assert_eq(in_child(beside, ""), STATUS, "%s", said);
}

static void *exit_on_thread(void *unused)
{
	(void)unused;
	exit(STATUS);
}

static int with_thread(void *arg)
{
	pthread_t t;

	fill(0);
	pthread_create(&t, NULL, exit_on_thread, NULL);
	weft_chan_recv(NULL, NULL);
	return arg != NULL;
}

static int thread_leaves(void *unused)
{
	atexit(when_stopped);
	(void)unused;
	return run_on(4, with_thread, NULL);
}

Test(exits, a_plain_thread_may_exit_while_routines_run)
{
	cr_assert_eq(in_child(thread_leaves, NULL), STATUS, "%s", said);
}

static int no_runtime(void *unused)
{
	(void)unused;
	weft_process_exit(STATUS);
}

Test(exits, without_a_runtime_it_is_plain_exit)
{
	cr_assert_eq(in_child(no_runtime, NULL), STATUS, "%s", said);
}

/* The forked child of a routine exits: its parent's handler does not wait. */
static int child_exits(void *unused)
{
	pid_t pid = fork();
	int status = -1;

	(void)unused;
	if (pid == 0)
		exit(STATUS);
	CHECK_EQ(weft_waitpid(pid, &status, 0, weft_in(60 * WEFT_S)), pid);
	CHECK_EQ(WEXITSTATUS(status), STATUS);
	return 0;
}

static int run_child_exits(void *unused)
{
	(void)unused;
	return run_on(4, child_exits, NULL) || failures;
}

Test(exits, a_forked_child_may_exit)
{
	cr_assert_eq(in_child(run_child_exits, NULL), 0, "%s", said);
}
