/* tests/unit/poller_wait.c - src/poll: kicks, deadlines, threads, refusals. */
#include "base/base.h"
#include "support/rt.h"
#include "support/pollers.h"

#include <pthread.h>

TestSuite(poller, .timeout = 120);

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	CHECK_EQ(pthread_create(t, NULL, fn, arg), 0);
}

/* --- deadlines ------------------------------------------------------------------- */

static void deadlines(struct poller *p, const int64_t *in, size_t n)
{
	int64_t bound = (under("valgrind") || under("qemu") ? 20 : 2) * WEFT_MS;
	struct poll_event ev[4];

	for (size_t i = 0; i < n; i++) {
		int64_t best = INT64_MAX;

		/* The machine may be busy, but not each time. */
		for (int lap = 0; lap < 100 &&
		     (lap < (in[i] > 9 * WEFT_MS ? 2 : 6) || best >= bound);
		     lap++) {
			int64_t deadline = weft_now() + in[i], late;

			CHECK_EQ(poller_wait(p, ev, 4, deadline), 0);
			late = weft_now() - deadline;
			CHECK(late >= 0);
			best = late < best ? late : best;
		}
		CHECK(best < bound);
		if (best >= 100 * WEFT_US)
			cr_log_info("%s: %lld ns late after %lld",
				    p->backend->name, (long long)best,
				    (long long)in[i]);
	}
}

EACH_POLLER(deadlines_pass_and_not_early)
{
	static const int64_t in[] = {
		1, 1000, 50 * WEFT_US, 900 * WEFT_US, WEFT_MS, 3700 * WEFT_US,
		40 * WEFT_MS, 300 * WEFT_MS,
	};
	struct poll_event ev[4];

	CHECK_EQ(poller_wait(p, ev, 4, 0), 0);
	CHECK_EQ(poller_wait(p, ev, 4, -5), 0);
	CHECK_EQ(poller_wait(p, ev, 4, 1), 0);
	deadlines(p, in, COUNT(in));
}

/* As on kernels that count milliseconds. */
static int no_pwait2(enum sys_call call, int fd)
{
	(void)fd;
	return call == SYS_EPOLL_WAIT ? -ENOSYS : 0;
}

EACH_POLLER(deadlines_of_old_kernels)
{
	static const int64_t in[] = { 1000, 100 * WEFT_US, 30 * WEFT_MS };
	int fd[2];

	weft__sys_fault = no_pwait2;
	deadlines(p, in, COUNT(in));
	pair(fd);
	CHECK_EQ(poller_add(p, fd[0], 1), 0);
	expect(p, fd[0], 1, OUT);
	put(fd[1]);
	expect(p, fd[0], 1, IN);
	poller_drop(p, fd[0]);
	silent(p, 1);
	poller_kick(p);
	CHECK_EQ(poller_wait(p, &(struct poll_event){ 0 }, 1, INT64_MAX), 0);
	both_close(fd);
}

/* --- kicks (E4) ------------------------------------------------------------------ */

EACH_POLLER(a_kick_before_the_wait)
{
	struct poll_event ev[4];

	for (int i = 0; i < 100; i++) {
		for (int k = 0; k <= i % 3; k++)
			poller_kick(p);
		CHECK_EQ(poller_wait(p, ev, 4, INT64_MAX), 0);
	}
}

EACH_POLLER(kicks_do_not_pile_up)
{
	weft_time deadline;
	struct poll_event ev[4];

	for (int i = 0; i < fewer(100000); i++)
		poller_kick(p);
	CHECK_EQ(poller_wait(p, ev, 4, INT64_MAX), 0);
	deadline = weft_in(5 * WEFT_MS);
	for (int i = 0; i < 3 && weft_now() < deadline; i++)
		CHECK_EQ(poller_wait(p, ev, 4, deadline), 0);
	CHECK(weft_now() >= deadline);
}

struct kicks {
	struct poller *p;
	atomic_int asked, answered;
	int rounds;
};

static void *kicker(void *arg)
{
	struct kicks *k = arg;

	for (int i = 1; i <= k->rounds; i++) {
		atomic_store(&k->asked, i);
		poller_kick(k->p);
		/* Only a wait that ends makes it go on. */
		while (atomic_load(&k->answered) < i)
			sched_yield();
	}
	return NULL;
}

EACH_POLLER(kicks_of_another_thread)
{
	struct kicks k = { .p = p, .rounds = fewer(20000) };
	struct poll_event ev[4];
	pthread_t t;

	start(&t, kicker, &k);
	while (atomic_load(&k.answered) < k.rounds) {
		CHECK_EQ(poller_wait(p, ev, 4, INT64_MAX), 0);
		atomic_store(&k.answered, atomic_load(&k.asked));
	}
	pthread_join(t, NULL);
}

/* Two who kick: what each did before its kick is seen after the wait. */
EACH_POLLER(kicks_of_two_threads)
{
	struct kicks k[2] = {
		{ .p = p, .rounds = fewer(10000) },
		{ .p = p, .rounds = fewer(10000) },
	};
	struct poll_event ev[4];
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		start(&t[i], kicker, &k[i]);
	while (atomic_load(&k[0].answered) < k[0].rounds ||
	       atomic_load(&k[1].answered) < k[1].rounds) {
		CHECK_EQ(poller_wait(p, ev, 4, INT64_MAX), 0);
		for (int i = 0; i < 2; i++)
			atomic_store(&k[i].answered, atomic_load(&k[i].asked));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

/* --- other threads register (E3) --------------------------------------------------- */

enum { PAIRS = 64 };

struct adding {
	struct poller *p;
	int fd[PAIRS][2];
	atomic_int done[PAIRS];
	int laps, first;
};

/* One half of what it watches is ready when it adds it, the other after. */
static void *adder(void *arg)
{
	struct adding *a = arg;

	for (int lap = 0; lap < a->laps; lap++)
		for (int i = 0; i < PAIRS; i++) {
			uint64_t tag = (uint64_t)(a->first + i);

			atomic_store(&a->done[i], 0);
			if (i % 2)
				put(a->fd[i][1]);
			CHECK_EQ(poller_add(a->p, a->fd[i][0], tag), 0);
			if (i % 2 == 0)
				put(a->fd[i][1]);
			/* IN may be told with OUT already, or later. */
			while (!atomic_load(&a->done[i]))
				sched_yield();
			get(a->fd[i][0]);
			poller_drop(a->p, a->fd[i][0]);
		}
	poller_kick(a->p);
	return NULL;
}

EACH_POLLER(adds_while_one_waits)
{
	static struct adding a[2];
	atomic_int *done;
	struct poll_event ev[4];
	pthread_t t[2];
	int left = 0;

	for (int k = 0; k < 2; k++) {
		a[k].p = p;
		a[k].laps = fewer(40);
		a[k].first = k * PAIRS;
		left += a[k].laps * PAIRS;
		for (int i = 0; i < PAIRS; i++)
			pair(a[k].fd[i]);
	}
	for (int k = 0; k < 2; k++)
		start(&t[k], adder, &a[k]);
	while (left > 0) {
		int n = poller_wait(p, ev, 4, weft_in(20 * WEFT_S));

		for (int i = 0; i < n; i++) {
			if (!(ev[i].ready & IN))
				continue;
			done = &a[ev[i].tag / PAIRS].done[ev[i].tag % PAIRS];
			left -= !atomic_exchange(done, 1);
		}
		if (n == 0 && !CHECK(left == 0 || atomic_load(&failures) == 0))
			break;
	}
	for (int k = 0; k < 2; k++) {
		pthread_join(t[k], NULL);
		for (int i = 0; i < PAIRS; i++)
			both_close(a[k].fd[i]);
	}
}

struct one {
	struct poller *p;
	int fd;
	uint64_t tag;
	uint32_t ready;
};

static void *add_one(void *arg)
{
	struct one *o = arg;

	CHECK_EQ(poller_add(o->p, o->fd, o->tag), 0);
	return NULL;
}

static void *arm_one(void *arg)
{
	struct one *o = arg;

	poller_arm(o->p, o->fd, o->tag, o->ready);
	put((int)o->tag);
	return NULL;
}

/* What a thread registered is told after the thread has gone. */
EACH_POLLER(who_added_is_gone)
{
	int fd[2];
	pthread_t t;

	for (int i = 0; i < 20; i++) {
		struct one o = { p, 0, 77, 0 };

		pair(fd);
		o.fd = fd[0];
		start(&t, add_one, &o);
		pthread_join(t, NULL);
		if (i % 2)
			expect(p, fd[0], 77, OUT);
		put(fd[1]);
		expect(p, fd[0], 77, IN);
		get(fd[0]);
		put(fd[1]);
		expect(p, fd[0], 77, IN);
		poller_drop(p, fd[0]);
		both_close(fd);
	}
}

/* Armed by another thread while this one waits. */
EACH_POLLER(arms_while_one_waits)
{
	struct poll_event ev[4];
	int fd[2];
	pthread_t t;

	pair(fd);
	CHECK_EQ(poller_add(p, fd[0], (uint64_t)fd[1]), 0);
	expect(p, fd[0], (uint64_t)fd[1], OUT);
	for (int i = 0; i < fewer(500); i++) {
		struct one o = { p, fd[0], (uint64_t)fd[1], IN };
		uint32_t got = 0;

		start(&t, arm_one, &o);
		while (!(got & IN)) {
			int n = poller_wait(p, ev, 4, weft_in(20 * WEFT_S));

			for (int k = 0; k < n; k++)
				got |= ev[k].ready;
			if (!CHECK(n > 0))
				break;
		}
		pthread_join(t, NULL);
		get(fd[0]);
	}
	both_close(fd);
}

/* Events of files that others drop and close are stale at worst. */
static atomic_bool enough;

static void *churn(void *arg)
{
	struct poller *p = arg;
	int fd[2];

	for (uint64_t i = 1; !atomic_load(&enough); i++) {
		pair(fd);
		CHECK_EQ(poller_add(p, fd[0], i << 32), 0);
		put(fd[1]);
		poller_arm(p, fd[0], i << 32, IN | OUT);
		if (i % 3)
			poller_drop(p, fd[0]);
		else
			CHECK_EQ(poller_rearm(p, fd[0], i << 32 | 1), 0);
		poller_drop(p, fd[0]);
		both_close(fd);
	}
	return NULL;
}

EACH_POLLER(churn_beside_a_steady_one)
{
	struct poll_event ev[16];
	int fd[2];
	pthread_t t[2];

	atomic_store(&enough, false);
	pair(fd);
	CHECK_EQ(poller_add(p, fd[0], 1), 0);
	for (int i = 0; i < 2; i++)
		start(&t[i], churn, p);
	for (int i = 0; i < fewer(2000); i++) {
		bool got = false;
		weft_time until = weft_in(20 * WEFT_S);

		poller_arm(p, fd[0], 1, IN);
		put(fd[1]);
		while (!got && CHECK(weft_now() < until)) {
			int n = poller_wait(p, ev, 16, until);

			for (int k = 0; k < n; k++)
				got |= ev[k].tag == 1 && (ev[k].ready & IN);
		}
		get(fd[0]);
	}
	atomic_store(&enough, true);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	both_close(fd);
}

/* --- refusals -------------------------------------------------------------------- */

static int countdown, refusal;

/* The call after so many is refused. */
static int refuse(enum sys_call call, int fd)
{
	(void)fd;
	if (call == SYS_CLOSE || countdown-- != 0)
		return 0;
	return refusal;
}

static void refusals(const char *name)
{
	int before = open_descriptors(), rc = -1, opened = 0;

	refusal = -EMFILE;
	for (int n = 0; n < 10; n++) {
		struct poller p;

		countdown = n;
		weft__sys_fault = refuse;
		rc = weft__poller_open(&p, name);
		weft__sys_fault = NULL;
		if (rc == 0) {
			weft__poller_close(&p);
			opened++;
		} else if (rc == -ENOSYS) {
			cr_skip_test("no %s here", name);
		} else {
			cr_assert_eq(rc, -EMFILE);
			cr_assert_eq(opened, 0);
			cr_assert_null(p.backend);
		}
		cr_assert_eq(open_descriptors(), before);
	}
	cr_assert_gt(opened, 0);
	cr_assert_lt(opened, 10);
}

Test(poller, open_refused_epoll) { refusals("epoll"); }
Test(poller, open_refused_uring) { refusals("uring"); }
Test(poller, open_refused_poll) { refusals("poll"); }

EACH_POLLER(calls_refused)
{
	struct poll_event ev[4];
	int fd[2];

	pair(fd);
	put(fd[1]);
	refusal = -ENOMEM;
	countdown = 0;
	weft__sys_fault = refuse;
	CHECK_EQ(poller_add(p, fd[0], 1), -ENOMEM);
	weft__sys_fault = NULL;
	silent(p, 1);
	CHECK_EQ(poller_rearm(p, fd[0], 2), -ENOENT);
	CHECK_EQ(poller_add(p, fd[0], 3), 0);
	countdown = 0;
	weft__sys_fault = refuse;
	CHECK_EQ(poller_rearm(p, fd[0], 4), -ENOMEM);
	countdown = 0;
	CHECK_EQ(poller_wait(p, ev, 4, weft_in(WEFT_MS)) < 0, 0);
	countdown = 0;
	poller_kick(p);
	weft__sys_fault = NULL;
	CHECK_EQ(poller_add(p, fd[0], 5), 0);
	expect(p, fd[0], 5, IN | OUT);
	both_close(fd);
}
