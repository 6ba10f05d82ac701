/* stress/drive.c - a runtime inside a loop, and threads that do not wait for it.
 *
 * Each lap has a runtime without threads.  Plain threads submit routines that
 * sleep, block, yield, read files and wait for values, send the values, call
 * functions in it, start, move and stop timers, while the owner turns its loop:
 * polls, level- or edge-triggered, runs without waiting or until a deadline.
 *
 *   - while something is left to do the descriptor becomes readable;
 *   - every routine runs once, every value arrives, every call returns;
 *   - once nothing is left to do the descriptor is not readable any more;
 *   - a stop in the midst of it ends.
 */
#include "stress/stress.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { THREADS = 3, OPERATIONS = 150, PATIENCE_MS = 60000 };

static weft_runtime *rt;
static weft_chan *values;
static atomic_int wanted, done, fired, busy;
static atomic_ullong seed;
static int over;                        /* an eventfd */

static void *same(void *arg)
{
	return arg;
}

static void work(void *arg)
{
	struct rng r = { (uintptr_t)arg };
	char b[16];
	int v, fd;

	switch (rng_below(&r, 6)) {
	case 0:
		(void)!weft_sleep(rng_below(&r, 500000));
		break;
	case 1:
		(void)!weft_blocking(same, NULL, NULL);
		break;
	case 2:
		for (unsigned n = rng_below(&r, 20); n--;)
			weft_yield();
		break;
	case 3:
		fd = weft_open("/proc/self/exe", O_RDONLY, 0);
		if (fd >= 0) {
			(void)!weft_pread(fd, b, sizeof b, 0);
			weft_close(fd);
		}
		break;
	case 4:
		(void)!weft_chan_recv_until(values, &v,
					    weft_in(rng_below(&r, 300000)));
		break;
	default:
		break;
	}
	done++;
}

static int called(void *arg)
{
	weft_yield();
	return (int)(intptr_t)arg;
}

static void fire(void *arg)
{
	(void)arg;
	fired++;
}

static void *outside(void *arg)
{
	struct rng r = { atomic_fetch_add(&seed, 1) };
	weft_timer t;
	uint64_t one = 1;
	int v = 1;

	MUST(weft_after_func(&t, weft_in(1000), fire, NULL) == 0, "after");
	for (int i = 0; i < OPERATIONS; i++) {
		switch (rng_below(&r, 8)) {
		case 0:
			MUST(weft_call(rt, called, (void *)(intptr_t)i) == i,
			     "call");
			break;
		case 1:
			(void)!weft_chan_try_send(values, &v);
			break;
		case 2:
			MUST(weft_timer_start(&t, rng_below(&r, 8) == 0 ? 0 :
				weft_in(rng_below(&r, 400000)), 0) >= 0, "timer");
			break;
		case 3:
			(void)!weft_timer_stop(&t);
			break;
		default:
			wanted++;
			MUST(weft_submit(rt, work, (void *)(uintptr_t)
					 rng_next(&r)) == 0, "submit");
			break;
		}
	}
	weft_timer_fini(&t);
	busy--;
	MUST(write(over, &one, sizeof one) == sizeof one, "tell");
	return arg;
}

/* False: nothing in time. */
static bool wait_readable(int ep, int ms)
{
	struct epoll_event e;
	int n;

	do      /* io_uring interrupts whoever made a request */
		n = epoll_wait(ep, &e, 1, ms);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

static void turn(int ep, struct rng *r)
{
	uint64_t told;

	switch (rng_below(r, 4)) {
	case 0:
		(void)weft_loop_run(rt, weft_in(rng_below(r, 300000)));
		break;
	case 1:
		(void)weft_loop_run(rt, WEFT_NOWAIT);
		break;
	default:
		MUST(wait_readable(ep, PATIENCE_MS),
		     "never readable: %d of %d done, %d threads", done, wanted,
		     busy);
		(void)!read(over, &told, sizeof told);
		(void)weft_loop_run(rt, WEFT_NOWAIT);
		break;
	}
}

static void lap(struct rng *r, unsigned number)
{
	struct epoll_event e = { .events = EPOLLIN }, o = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	pthread_t t[THREADS];
	weft_time limit;

	MUST(weft_loop_start(NULL, &rt) == 0, "start");
	if (number & 1)
		e.events |= EPOLLET;
	over = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	MUST(ep >= 0 && over >= 0, "descriptors");
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, weft_loop_fd(rt), &e) == 0, "watch");
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, over, &o) == 0, "watch");
	values = weft_chan_new(sizeof(int), 2);
	MUST(values != NULL, "chan");
	wanted = done = 0;
	busy = THREADS;
	for (int i = 0; i < THREADS; i++)
		MUST(pthread_create(&t[i], NULL, outside, NULL) == 0, "thread");
	while (busy || (number % 3 && done < wanted))
		turn(ep, r);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	/* One that fired may still be queued, or a wake-up be on its way. */
	for (int i = 0; number % 3 && wait_readable(ep, 0); i++) {
		uint64_t told;

		(void)!read(over, &told, sizeof told);
		(void)weft_loop_run(rt, WEFT_NOWAIT);
		MUST(i < 1000, "readable for nothing");
	}
	limit = weft_in((weft_time)PATIENCE_MS * WEFT_MS);
	MUST(weft_stop(rt, limit) == 0, "stop");
	MUST(weft_now() < limit, "the stop heard nothing");
	MUST(done == wanted, "%d of %d ran", done, wanted);
	weft_chan_unref(values);
	close(ep);
	close(over);
}

int main(void)
{
	weft_time end = stress_end(4);
	struct rng r = stress_begin();
	unsigned laps = 0;
	int err = weft_loop_start(NULL, &rt);

	if (err == -ENOSYS)
		return 77;              /* this poller has no descriptor */
	MUST(err == 0 && weft_stop(rt, WEFT_FOREVER) == 0, "start: %d", err);
	seed = rng_next(&r);
	do
		lap(&r, laps++);
	while (weft_now() < end);
	printf("%u laps\n", laps);
	return 0;
}
