/* tests/api/loop_owner.c - what a runtime inside a loop is to the loop's owner: a
 * descriptor that tells the truth, and a thread that stays as it was.
 */
#include "support/loop.h"
#include "support/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(loop_owner, .timeout = 120);

static weft_runtime *rt;
static atomic_int ran;

static void count(void *arg)
{
	(void)arg;
	ran++;
}

/* --- the descriptor -------------------------------------------------------------- */

/* With nothing to do it is readable a few times more at most, for what is over. */
static bool settles(void)
{
	for (int i = 0; i < 20; i++) {
		if (!readable(rt, 0))
			return true;
		(void)weft_loop_run(rt, WEFT_NOWAIT);
	}
	return false;
}

static void sleeps(void *arg)
{
	CHECK_EQ(weft_sleep((intptr_t)arg * WEFT_MS), 0);
	ran++;
}

static void *same(void *arg)
{
	return arg;
}

static void blocks(void *arg)
{
	CHECK_EQ(weft_blocking(same, arg, NULL), 0);
	ran++;
}

static void reads_file(void *arg)
{
	char b[64];
	int fd = weft_open("/proc/self/exe", O_RDONLY, 0);

	(void)arg;
	CHECK(fd >= 0);
	CHECK_EQ(weft_pread(fd, b, sizeof b, 0), sizeof b);
	CHECK_EQ(weft_close(fd), 0);
	ran++;
}

static void reads_socket(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char b;

	CHECK_EQ(weft_read(fd, &b, 1, WEFT_FOREVER), 1);
	CHECK_EQ(weft_close(fd), 0);
	ran++;
}

Test(loop_owner, readable_only_for_a_reason)
{
	void (*const work[])(void *) = { count, sleeps, blocks, reads_file };
	int p[2];

	rt = loop_begin();
	cr_assert(!readable(rt, 0));
	for (int i = 0; i < 40; i++) {
		cr_assert_eq(weft_submit(rt, work[i % 4], (void *)(intptr_t)1), 0);
		turn_until(rt, &ran, i + 1);
		cr_assert(settles(), "after work %d", i % 4);
	}
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	cr_assert_eq(weft_submit(rt, reads_socket, (void *)(intptr_t)p[0]), 0);
	(void)weft_loop_run(rt, WEFT_NOWAIT);
	cr_assert(settles());
	cr_assert_eq(write(p[1], "x", 1), 1);
	turn_until(rt, &ran, 41);
	cr_assert(settles());
	close(p[1]);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(failures, 0);
}

/* A timer far off is no reason, one that was put off is none now. */
Test(loop_owner, a_timer_that_was_put_off_wakes_it_once)
{
	weft_timer t;
	weft_time until;
	int turns = 0;

	rt = loop_begin();
	cr_assert_eq(weft_after_func(&t, WEFT_FOREVER, count, NULL), 0);
	/* On a slow machine it may fire before it is put off. */
	do {
		ran = 0;
		(void)weft_timer_start(&t, weft_in(20 * WEFT_MS), 0);
		(void)weft_loop_run(rt, WEFT_NOWAIT);
		until = weft_in(60 * WEFT_MS);
	} while (weft_timer_start(&t, until, 0) != 1);
	for (; ran == 0; turns++) {
		cr_assert(readable(rt, TOLD_MS));
		(void)weft_loop_run(rt, WEFT_NOWAIT);
	}
	cr_assert_geq(weft_now(), until);
	cr_assert_lt(turns, 20);
	(void)weft_timer_start(&t, weft_in(20 * WEFT_MS), 0);
	(void)weft_loop_run(rt, WEFT_NOWAIT);
	(void)weft_timer_stop(&t);
	for (turns = 0; readable(rt, 100); turns++)
		(void)weft_loop_run(rt, WEFT_NOWAIT);
	cr_assert_lt(turns, 20);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
}

enum { CROWD = 300, SOME = 100 };

static int pair[CROWD][2];

/* Each has been waited for once: the poller knows it. */
static void meet_all(void *reader)
{
	char b;

	for (int i = 0; i < CROWD; i++)
		CHECK_EQ(weft_read(pair[i][0], &b, 1, weft_in(1)), -ETIMEDOUT);
	ran++;
	CHECK_EQ(weft_read(pair[(intptr_t)reader][0], &b, 1, WEFT_FOREVER), 1);
	ran++;
}

/* More than a slice. */
static void burn(void *arg)
{
	weft_time until = weft_in(WEFT_MS + WEFT_MS / 2);

	(void)arg;
	while (weft_now() < until)
		continue;
}

/* The edge that told of many events is the only one for all of them. */
static void floods(intptr_t reader, bool burns)
{
	struct epoll_event e = { .events = EPOLLIN | (unsigned)EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC), n;

	ran = 0;
	rt = loop_begin();
	for (int i = 0; i < CROWD; i++)
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]), 0);
	cr_assert_eq(weft_submit(rt, meet_all, (void *)reader), 0);
	turn_until(rt, &ran, 1);
	cr_assert_eq(epoll_ctl(ep, EPOLL_CTL_ADD, weft_loop_fd(rt), &e), 0);
	while (epoll_wait(ep, &e, 1, 0) > 0)
		(void)weft_loop_run(rt, WEFT_NOWAIT);
	for (int i = 0; i < CROWD; i++)
		cr_assert_eq(write(pair[i][1], "x", 1), 1);
	if (burns)
		cr_assert_eq(weft_submit(rt, burn, NULL), 0);
	while (ran < 2) {
		do
			n = epoll_wait(ep, &e, 1, TOLD_MS);
		while (n < 0 && errno == EINTR);
		cr_assert_eq(n, 1, "no other edge");
		(void)weft_loop_run(rt, WEFT_NOWAIT);
	}
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	for (int i = 0; i < CROWD; i++) {
		close(pair[i][1]);
		cr_assert_eq(weft_close(pair[i][0]), 0);
	}
	close(ep);
	cr_assert_eq(failures, 0);
}

Test(loop_owner, more_events_than_it_fetches_at_once)
{
	floods(CROWD - 1, false);
}

/* What is left then is told by an edge, though events are still in the poller. */
Test(loop_owner, a_slice_that_ends_amid_events)
{
	floods(SOME, true);
}

/* --- the thread ------------------------------------------------------------------ */

static bool same_stack(const stack_t *a)
{
	stack_t now;

	return sigaltstack(NULL, &now) == 0 && now.ss_flags == a->ss_flags &&
	       (now.ss_flags & SS_DISABLE || now.ss_sp == a->ss_sp);
}

static void other_stack(void *arg)
{
	CHECK(!same_stack(arg));
	ran++;
}

/* Two loops, ended in the order in which they began. */
Test(loop_owner, the_signal_stack_is_the_owners)
{
	stack_t before, mine = { .ss_size = 1 << 16 };
	weft_runtime *r[2];

	r[0] = loop_begin();
	r[1] = loop_begin();
	mine.ss_sp = malloc(mine.ss_size);
	cr_assert_eq(sigaltstack(&mine, &before), 0);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(weft_submit(r[i % 2], other_stack, &mine), 0);
		cr_assert_eq(weft_loop_run(r[i % 2], WEFT_FOREVER), 0);
		cr_assert(same_stack(&mine));
	}
	cr_assert_eq(weft_stop(r[0], WEFT_FOREVER), 0);
	cr_assert(same_stack(&mine));
	cr_assert_eq(weft_stop(r[1], WEFT_FOREVER), 0);
	cr_assert(same_stack(&mine));
	cr_assert_eq(sigaltstack(&before, NULL), 0);
	free(mine.ss_sp);
	cr_assert_eq(ran, 4);
	cr_assert_eq(failures, 0);
}

/* --- the process ----------------------------------------------------------------- */

static int left_in_child(int before)
{
	if (weft_loop_fd(rt) != -EOWNERDEAD)
		return 1;
	if (weft_loop_run(rt, WEFT_NOWAIT) != -EOWNERDEAD)
		return 2;
	if (weft_stop(rt, WEFT_NOWAIT) != -EOWNERDEAD)
		return 3;
	return open_descriptors() == before ? 0 : 4;
}

Test(loop_owner, a_forked_child_has_nothing_of_it)
{
	int before = open_descriptors(), status, child;
	pid_t pid = fork();

	/* What a child has anyway. */
	if (pid == 0)
		_exit(open_descriptors());
	cr_assert_eq(waitpid(pid, &child, 0), pid);
	rt = loop_begin();
	cr_assert_eq(weft_submit(rt, sleeps, (void *)(intptr_t)1), 0);
	(void)weft_loop_run(rt, WEFT_NOWAIT);
	pid = fork();
	if (pid == 0)
		_exit(left_in_child(WEXITSTATUS(child)));
	cr_assert_gt(pid, 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%x", (unsigned)status);
	turn_until(rt, &ran, 1);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(open_descriptors(), before);
}

static void yields(void *arg)
{
	(void)arg;
	for (;;)
		weft_yield();
}

static weft_time exits;

/* weft_process_exit waits a tenth of a second for who does not come. */
static void judge(void)
{
	_exit(weft_now() - exits >= 100 * WEFT_MS);
}

static int left_with_work(void *how)
{
	(void)how;
	if (atexit(judge) || weft_loop_start(NULL, &rt) < 0)
		return 2;
	(void)!weft_submit(rt, yields, NULL);
	(void)!weft_submit(rt, yields, NULL);
	if (weft_loop_run(rt, WEFT_NOWAIT))
		return 3;
	exits = weft_now();
	exit(4);
}

/* Nobody is waited for who would have to come back from the owner's loop.  A busy
 * machine may be slow, but not each time. */
Test(loop_owner, leaving_the_process_waits_for_nobody)
{
	int status = -1;

	/* What was registered first is called last: no runtime here before. */
	for (int i = 0; i < 100 && status; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(left_with_work(NULL));
		cr_assert_gt(pid, 0);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
			cr_skip_test("this poller has no descriptor");
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2, "%x",
			  (unsigned)status);
	}
	cr_assert_eq(status, 0);
}
