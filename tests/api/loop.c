/* tests/api/loop.c - a runtime inside another event loop. */
#include "support/loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weft/file.h>
#include <weft/io.h>

TestSuite(loop, .timeout = 120);

/* The foreign loop: level-triggered epoll over the runtime and whatever else. */
static int foreign(weft_runtime *rt)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	cr_assert(ep >= 0);
	cr_assert_eq(epoll_ctl(ep, EPOLL_CTL_ADD, weft_loop_fd(rt), &e), 0);
	return ep;
}

/* The runtime has something to do, or the loop waits for it in vain. */
static void await_it(int ep)
{
	struct epoll_event e;
	int n;

	do      /* io_uring interrupts whoever made a request */
		n = epoll_wait(ep, &e, 1, TOLD_MS);
	while (n < 0 && errno == EINTR);
	cr_assert_eq(n, 1, "the descriptor was never readable");
}

/* Turn the foreign loop until it is true, or fail. */
#define TURN_UNTIL(rt, ep, is_true) \
	for (unsigned turns_ = 0; !(is_true); turns_++) { \
		await_it(ep); \
		(void)weft_loop_run((rt), WEFT_NOWAIT); \
		cr_assert(turns_ < 100000); \
	}

static atomic_int ran;

static void count(void *arg)
{
	(void)arg;
	ran++;
}

static weft_runtime *start(void)
{
	ran = 0;
	return loop_begin();
}

Test(loop, runs_what_was_submitted)
{
	weft_runtime *rt = start();
	int ep = foreign(rt);

	cr_assert_eq(weft_loop_run(rt, WEFT_NOWAIT), -EAGAIN);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(weft_submit(rt, count, NULL), 0);
	cr_assert_eq(ran, 0, "nothing runs outside of weft_loop_run");
	TURN_UNTIL(rt, ep, ran == 100);
	cr_assert_eq(weft_loop_run(rt, WEFT_NOWAIT), -EAGAIN);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	close(ep);
}

static void *submit_far(void *rt)
{
	for (int i = 0; i < 1000; i++)
		(void)!weft_submit(rt, count, NULL);
	return NULL;
}

Test(loop, is_told_by_other_threads)
{
	weft_runtime *rt = start();
	int ep = foreign(rt);
	pthread_t t;

	for (int i = 0; i < 20; i++) {
		ran = 0;
		cr_assert_eq(pthread_create(&t, NULL, submit_far, rt), 0);
		TURN_UNTIL(rt, ep, ran == 1000);
		pthread_join(t, NULL);
	}
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	close(ep);
}

static void sleep_a_little(void *arg)
{
	weft_time until = weft_in((intptr_t)arg * WEFT_MS);

	CHECK_EQ(weft_sleep_until(until), 0);
	CHECK(weft_now() >= until);
	ran++;
}

Test(loop, is_readable_when_a_timer_is_due)
{
	weft_runtime *rt = start();
	int ep = foreign(rt);

	for (intptr_t i = 1; i <= 20; i++)
		cr_assert_eq(weft_submit(rt, sleep_a_little, (void *)(21 - i)), 0);
	TURN_UNTIL(rt, ep, ran == 20);
	cr_assert_eq(failures, 0);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	close(ep);
}

static void echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char b[100];
	ssize_t n;

	while ((n = weft_read(fd, b, sizeof b, WEFT_FOREVER)) > 0)
		CHECK_EQ(weft_write_all(fd, b, (size_t)n, NULL, WEFT_FOREVER),
			 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(weft_close(fd), 0);
	ran++;
}

Test(loop, is_readable_when_a_descriptor_is)
{
	weft_runtime *rt = start();
	int ep = foreign(rt), p[2];
	char b[100];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	cr_assert_eq(weft_submit(rt, echo, (void *)(intptr_t)p[0]), 0);
	for (int i = 0; i < 200; i++) {
		size_t got = 0;

		cr_assert_eq(write(p[1], "hello", 5), 5);
		for (; got < 5; got += 5) {
			struct pollfd q[2] = { { .fd = p[1], .events = POLLIN },
					       { .fd = ep, .events = POLLIN } };

			while (!(q[0].revents & POLLIN)) {
				int n = poll(q, 2, TOLD_MS);

				if (n < 0 && errno == EINTR)
					continue;
				cr_assert_gt(n, 0);
				if (q[1].revents)
					(void)weft_loop_run(rt, WEFT_NOWAIT);
			}
			cr_assert_eq(read(p[1], b, sizeof b), 5);
		}
	}
	close(p[1]);
	TURN_UNTIL(rt, ep, ran == 1);
	cr_assert_eq(failures, 0);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	close(ep);
}

static atomic_bool enough;

static void yield_on(void *arg)
{
	(void)arg;
	while (!enough) {
		ran++;
		weft_yield();
	}
}

static void writes_to_nobody(void *arg)
{
	int fd[2], file = weft_open("/proc/self/exe", O_RDONLY, 0);
	off_t off = 0;

	(void)arg;
	CHECK_EQ(pipe(fd), 0);
	close(fd[0]);
	CHECK_EQ(weft_write(fd[1], "x", 1, WEFT_FOREVER), -EPIPE);
	CHECK_EQ(weft_sendfile(fd[1], file, &off, 1, WEFT_FOREVER), -EPIPE);
	CHECK_EQ(weft_close(fd[1]), 0);
	CHECK_EQ(weft_close(file), 0);
	ran++;
}

/* Its thread is the program's own and hears SIGPIPE. */
Test(loop, writing_to_nobody_raises_no_signal)
{
	weft_runtime *rt = start();
	int ep = foreign(rt);

	cr_assert_eq(weft_submit(rt, writes_to_nobody, NULL), 0);
	TURN_UNTIL(rt, ep, ran == 1);
	cr_assert_eq(failures, 0, "%s", first_failure);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	close(ep);
}

Test(loop, gives_the_thread_back_from_those_that_never_wait)
{
	weft_runtime *rt = start();
	int ep = foreign(rt);

	enough = false;
	cr_assert_eq(weft_submit(rt, yield_on, NULL), 0);
	cr_assert_eq(weft_submit(rt, yield_on, NULL), 0);
	for (int i = 0; i < 10; i++) {
		int before = ran;

		await_it(ep);
		cr_assert_eq(weft_loop_run(rt, WEFT_NOWAIT), 0);
		cr_assert_gt(ran, before);
	}
	enough = true;
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	close(ep);
}

static void wait_for_ever(void *arg)
{
	CHECK_EQ(weft_chan_recv(arg, NULL), -ECANCELED);
	ran++;
}

Test(loop, stop_cancels_and_runs_them_to_their_end)
{
	weft_runtime *rt = start();
	weft_chan *c = ints(0);

	for (int i = 0; i < 10; i++)
		cr_assert_eq(weft_submit(rt, wait_for_ever, c), 0);
	cr_assert_eq(weft_loop_run(rt, weft_in(WEFT_S)), 0);
	cr_assert_eq(weft_stop(rt, weft_in(60 * WEFT_S)), 0);
	cr_assert_eq(ran, 10);
	cr_assert_eq(failures, 0);
	weft_chan_unref(c);
}

Test(loop, waits_until_its_deadline)
{
	weft_runtime *rt = start();
	weft_time until = weft_in(5 * WEFT_MS);

	cr_assert_eq(weft_loop_run(rt, until), -ETIMEDOUT);
	cr_assert_geq(weft_now(), until);
	cr_assert_eq(weft_submit(rt, sleep_a_little, (void *)1), 0);
	while (!ran)
		cr_assert_eq(weft_loop_run(rt, WEFT_FOREVER), 0);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
}

static int nothing(void *arg)
{
	return arg != NULL;
}

static weft_runtime *other;

static void misuse_inside(void *arg)
{
	CHECK_EQ(weft_loop_run(arg, WEFT_NOWAIT), -EDEADLK);
	CHECK_EQ(weft_stop(arg, WEFT_NOWAIT), -EDEADLK);
	ran++;
}

static void *misuse_outside(void *arg)
{
	CHECK_EQ(weft_loop_run(arg, WEFT_NOWAIT), -EPERM);
	CHECK_EQ(weft_stop(arg, WEFT_NOWAIT), -EPERM);
	return NULL;
}

Test(loop, misuse_gets_a_code)
{
	weft_config two;
	weft_runtime *rt;
	pthread_t t;

	weft_config_init(&two);
	two.workers = 2;
	cr_assert_eq(weft_loop_start(&two, &rt), -EINVAL);
	cr_assert_eq(weft_loop_start(NULL, NULL), -EINVAL);
	cr_assert_eq(weft_loop_run(NULL, WEFT_NOWAIT), -EINVAL);
	cr_assert_eq(weft_loop_fd(NULL), -EINVAL);
	rt = start();
	cr_assert_eq(weft_call(rt, nothing, NULL), -EDEADLK);
	cr_assert_eq(weft_submit(rt, misuse_inside, rt), 0);
	cr_assert_eq(weft_loop_run(rt, WEFT_FOREVER), 0);
	cr_assert_eq(pthread_create(&t, NULL, misuse_outside, rt), 0);
	pthread_join(t, NULL);
	cr_assert_eq(weft_start(NULL, &other), 0);
	cr_assert_eq(weft_loop_run(other, WEFT_NOWAIT), -EINVAL);
	cr_assert_eq(weft_stop(other, WEFT_FOREVER), 0);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(ran, 1);
	cr_assert_eq(failures, 0);
}

static void misuse_another(void *arg)
{
	weft_runtime *rt;
	weft_id me = weft_self();

	CHECK_EQ(weft_loop_start(NULL, &rt), -EDEADLK);
	CHECK(!rt);
	CHECK_EQ(weft_loop_run(arg, WEFT_NOWAIT), -EDEADLK);
	CHECK_EQ(weft_stop(arg, WEFT_NOWAIT), -EDEADLK);
	CHECK_EQ(weft_self(), me);
	ran++;
}

Test(loop, is_not_driven_from_a_routine_of_another)
{
	weft_runtime *rt = start();

	cr_assert_eq(weft_loop_start(NULL, &other), 0);
	cr_assert_eq(weft_submit(rt, misuse_another, other), 0);
	cr_assert_eq(weft_loop_run(rt, WEFT_FOREVER), 0);
	cr_assert_eq(weft_submit(other, count, NULL), 0);
	cr_assert_eq(weft_loop_run(other, WEFT_FOREVER), 0);
	cr_assert_eq(weft_stop(other, WEFT_FOREVER), 0);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	cr_assert_eq(ran, 2);
	cr_assert_eq(failures, 0);
}
