/* api/cond.c - the condition, one sentence a test. */
#include "support/rt.h"

#include <errno.h>
#include <pthread.h>

TestSuite(cond, .timeout = 120);

static int alone(void *arg)
{
	weft_mutex m = WEFT_MUTEX_INIT;
	weft_cond c = WEFT_COND_INIT;

	(void)arg;
	weft_cond_signal(&c);
	weft_cond_broadcast(&c);
	weft_mutex_lock(&m);
	CHECK_EQ(weft_cond_wait_until(&c, &m, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_cond_wait_until(&c, &m, -1), -ETIMEDOUT);
	CHECK_EQ(weft_cond_wait_until(&c, &m, 1), -ETIMEDOUT);
	CHECK_EQ(weft_mutex_trylock(&m), -EAGAIN);
	CHECK_EQ(weft_cond_wait_until(&c, &m, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_mutex_trylock(&m), -EAGAIN);
	weft_mutex_unlock(&m);
	CHECK_EQ(m.weft__word, 0);
	CHECK_EQ(c.weft__word, 0);
	return 0;
}

Test(cond, wait_times_out_with_the_mutex_held)
{
	alone(NULL);
	EACH(alone);
}

/* --- who is woken ----------------------------------------------------------------- */

enum { CROWD = 40 };

static struct {
	weft_mutex m;
	weft_cond c, back;
	unsigned waiting, woken, order[CROWD], inside;  /* m */
	weft_waitgroup all;
} s;

static void wait_once(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	weft_mutex_lock(&s.m);
	s.order[s.waiting++] = me;
	CHECK_EQ(weft_cond_wait(&s.c, &s.m), 0);
	CHECK_EQ(s.inside++, 0);
	CHECK_EQ(s.order[s.woken], me);
	s.woken++;
	weft_yield();
	s.inside--;
	weft_cond_signal(&s.back);
	weft_mutex_unlock(&s.m);
	weft_waitgroup_done(&s.all);
}

static void *wait_on_thread(void *arg)
{
	wait_once(arg);
	return NULL;
}

static void gather(unsigned n, pthread_t *thread)
{
	s.waiting = s.woken = 0;
	weft_waitgroup_add(&s.all, n);
	for (uintptr_t i = 0; i < n; i++)
		if (thread && i % 8 == 0)
			CHECK_EQ(pthread_create(&thread[i], NULL,
						wait_on_thread, (void *)i), 0);
		else
			CHECK_EQ(weft_go(wait_once, (void *)i), 0);
	for (bool all = false; !all; weft_yield()) {
		weft_mutex_lock(&s.m);
		all = s.waiting == n;
		weft_mutex_unlock(&s.m);
	}
}

static void dismiss(unsigned n, pthread_t *thread)
{
	while (weft_waitgroup_wait_until(&s.all, weft_in(WEFT_S)))
		;
	CHECK_EQ(s.woken, n);
	for (unsigned i = 0; thread && i < n; i += 8)
		pthread_join(thread[i], NULL);
	CHECK_EQ(s.c.weft__word, 0);
}

static void one_by_one(pthread_t *thread, bool locked)
{
	gather(CROWD, thread);
	weft_mutex_lock(&s.m);
	for (unsigned i = 0; i < CROWD; i++) {
		CHECK_EQ(s.woken, i);
		if (!locked)
			weft_mutex_unlock(&s.m);
		weft_cond_signal(&s.c);
		if (!locked)
			weft_mutex_lock(&s.m);
		while (s.woken == i)
			CHECK_EQ(weft_cond_wait(&s.back, &s.m), 0);
	}
	weft_mutex_unlock(&s.m);
	dismiss(CROWD, thread);
}

static int signals(void *arg)
{
	pthread_t thread[CROWD];

	(void)arg;
	one_by_one(NULL, true);
	one_by_one(NULL, false);
	one_by_one(thread, true);
	one_by_one(thread, false);
	return 0;
}

Test(cond, signal_wakes_one_the_first_that_came)
{
	EACH(signals);
}

static void all_at_once(pthread_t *thread, bool locked)
{
	gather(CROWD, thread);
	if (locked)
		weft_mutex_lock(&s.m);
	weft_cond_broadcast(&s.c);
	if (locked) {
		for (int i = 0; i < 50; i++)
			weft_yield();
		CHECK_EQ(s.woken, 0);
		weft_mutex_unlock(&s.m);
	}
	dismiss(CROWD, thread);
}

static int broadcasts(void *arg)
{
	pthread_t thread[CROWD];

	(void)arg;
	all_at_once(NULL, true);
	all_at_once(NULL, false);
	all_at_once(thread, true);
	all_at_once(thread, false);
	return 0;
}

Test(cond, broadcast_wakes_all_in_their_order_one_at_a_time)
{
	EACH(broadcasts);
}

static int several_signals(void *arg)
{
	(void)arg;
	gather(CROWD, NULL);
	weft_mutex_lock(&s.m);
	for (unsigned i = 0; i < CROWD / 2; i++)
		weft_cond_signal(&s.c);
	while (s.woken < CROWD / 2)
		CHECK_EQ(weft_cond_wait(&s.back, &s.m), 0);
	weft_mutex_unlock(&s.m);
	for (int i = 0; i < 100; i++)
		weft_yield();
	CHECK_EQ(s.woken, CROWD / 2);
	weft_cond_broadcast(&s.c);
	dismiss(CROWD, NULL);
	return 0;
}

Test(cond, each_signal_wakes_one_and_no_more)
{
	EACH(several_signals);
}

/* --- what a timeout leaves ---------------------------------------------------------- */

struct tokens {
	weft_mutex m;
	weft_cond c;
	long there, taken;      /* m */
	bool over;              /* m */
	weft_waitgroup all;
};

static void consume(void *arg)
{
	struct tokens *t = arg;
	weft_time patience = WEFT_US;

	weft_mutex_lock(&t->m);
	while (!t->over || t->there) {
		if (t->there) {
			t->there--;
			t->taken++;
			continue;
		}
		if (weft_cond_wait_until(&t->c, &t->m, weft_in(patience)))
			patience = patience < WEFT_MS ? 2 * patience : WEFT_US;
	}
	weft_mutex_unlock(&t->m);
	weft_waitgroup_done(&t->all);
}

static int race(void *arg)
{
	struct tokens t = { .there = 0 };

	(void)arg;
	weft_waitgroup_add(&t.all, 6);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(weft_go(consume, &t), 0);
	for (int i = 0; i < 3000; i++) {
		weft_mutex_lock(&t.m);
		t.there++;
		weft_mutex_unlock(&t.m);
		weft_cond_signal(&t.c);
		if (i % 16 == 0)
			weft_yield();
	}
	weft_mutex_lock(&t.m);
	t.over = true;
	weft_cond_broadcast(&t.c);
	weft_mutex_unlock(&t.m);
	weft_waitgroup_wait(&t.all);
	CHECK_EQ(t.taken, 3000);
	CHECK_EQ(t.there, 0);
	CHECK_EQ(t.c.weft__word, 0);
	return 0;
}

Test(cond, a_deadline_that_races_with_a_signal_loses_nothing)
{
	EACH(race);
}

/* Of two waiters the first times out while the signal comes: one is woken. */
static _Atomic int woken, timed_out;

static void wait_a_little(void *arg)
{
	struct tokens *t = arg;
	int err;

	weft_mutex_lock(&t->m);
	err = weft_cond_wait_until(&t->c, &t->m, weft_in(20 * WEFT_US));
	if (err == 0)
		woken++;
	else
		timed_out++;
	CHECK(err == 0 || err == -ETIMEDOUT);
	weft_mutex_unlock(&t->m);
	weft_waitgroup_done(&t->all);
}

static void wait_long(void *arg)
{
	struct tokens *t = arg;

	weft_mutex_lock(&t->m);
	t->there++;
	CHECK_EQ(weft_cond_wait(&t->c, &t->m), 0);
	woken++;
	weft_mutex_unlock(&t->m);
	weft_waitgroup_done(&t->all);
}

static int not_used_up(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < fewer(100); lap++) {
		struct tokens t = { .there = 0 };
		weft_time until;

		woken = timed_out = 0;
		weft_waitgroup_add(&t.all, 2);
		CHECK_EQ(weft_go(wait_a_little, &t), 0);
		CHECK_EQ(weft_go(wait_long, &t), 0);
		until = weft_in(lap * WEFT_US / 2);
		while (weft_now() < until)
			weft_yield();
		/* Both, or the second once the first has gone: one signal each
		 * time that somebody stands there. */
		while (woken + timed_out < 2) {
			weft_mutex_lock(&t.m);
			weft_cond_signal(&t.c);
			weft_mutex_unlock(&t.m);
			weft_yield();
		}
		weft_waitgroup_wait(&t.all);
		CHECK(woken >= 1);
	}
	return 0;
}

Test(cond, a_timed_out_wait_uses_up_no_signal)
{
	EACH(not_used_up);
}

/* --- cancel ---------------------------------------------------------------------------- */

static int wait_to_be_cancelled(void *arg)
{
	struct tokens *t = arg;
	int err;

	weft_mutex_lock(&t->m);
	t->there = 1;
	err = weft_cond_wait(&t->c, &t->m);
	CHECK_EQ(weft_mutex_trylock(&t->m), -EAGAIN);
	/* Sticky: the next one does not even let the mutex go. */
	CHECK_EQ(weft_cond_wait(&t->c, &t->m), -ECANCELED);
	CHECK_EQ(weft_cond_wait_until(&t->c, &t->m, -1), -ECANCELED);
	CHECK_EQ(weft_cond_wait_until(&t->c, &t->m, WEFT_NOWAIT), -EAGAIN);
	weft_mutex_unlock(&t->m);
	CHECK_EQ(weft_mutex_lock_until(&t->m, WEFT_FOREVER), -ECANCELED);
	weft_mutex_lock(&t->m);
	CHECK_EQ(weft_mutex_trylock(&t->m), -EAGAIN);
	weft_mutex_unlock(&t->m);
	return err;
}

static int cancelled(void *arg)
{
	struct tokens t = { .there = 0 };
	weft_id id;
	int status;

	(void)arg;
	CHECK_EQ(weft_spawn(&id, NULL, wait_to_be_cancelled, &t), 0);
	for (bool there = false; !there; weft_yield()) {
		weft_mutex_lock(&t.m);
		there = t.there;
		weft_mutex_unlock(&t.m);
	}
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, -ECANCELED);
	CHECK_EQ(t.c.weft__word, 0);
	CHECK_EQ(t.m.weft__word, 0);
	return 0;
}

Test(cond, a_cancelled_wait_returns_with_the_mutex_held)
{
	EACH(cancelled);
}

/* --- lifetime ---------------------------------------------------------------------------- */

struct frame {
	weft_mutex m;
	weft_cond c;
	bool done;
};

static void finish(void *arg)
{
	struct frame *f = arg;

	weft_mutex_lock(&f->m);
	f->done = true;
	weft_cond_signal(&f->c);
	weft_mutex_unlock(&f->m);
}

static int frames(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < fewer(2000); lap++) {
		struct frame f = { .done = false };

		CHECK_EQ(weft_go(finish, &f), 0);
		weft_mutex_lock(&f.m);
		while (!f.done)
			CHECK_EQ(weft_cond_wait(&f.c, &f.m), 0);
		weft_mutex_unlock(&f.m);
		/* gone: a late touch would show as a hang or a panic later */
		memset(&f, 0xff, sizeof f);
	}
	return 0;
}

Test(cond, may_live_on_a_frame_that_goes_when_wait_returns)
{
	EACH(frames);
}

static struct frame left;

static void wait_for_ever(void *arg)
{
	(void)arg;
	weft_mutex_lock(&left.m);
	weft_cond_wait(&left.c, &left.m);
	weft_mutex_unlock(&left.m);
}

static int abandon(void *arg)
{
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_go(wait_for_ever, NULL), 0);
	for (int i = 0; i < 30; i++)
		weft_yield();
	if (arg)
		weft_cond_broadcast(&left.c);
	return 0;
}

Test(cond, outlives_a_run_whose_routines_waited_for_it)
{
	for (unsigned n = 1; n <= 4; n *= 2) {
		for (uintptr_t wake = 0; wake < 2; wake++) {
			cr_assert_eq(run_on(n, abandon, (void *)wake), 0);
			cr_assert_eq(left.c.weft__word, 0);
			cr_assert_eq(left.m.weft__word, 0);
		}
	}
	cr_assert_eq(failures, 0);
}

/* --- reports and misuse --------------------------------------------------------------------- */

static int wait_in_vain(void *arg)
{
	(void)arg;
	weft_mutex_lock(&left.m);
	return weft_cond_wait(&left.c, &left.m);
}

static int deadlock_child(void *arg)
{
	(void)arg;
	return run_on(2, wait_in_vain, NULL) == -EDEADLK ? 0 : 1;
}

Test(cond, is_named_in_a_deadlock_report)
{
	child_starts_threads();
	cr_assert_eq(in_child(deadlock_child, NULL), 0);
	cr_expect(strstr(said, "condition"), "%s", said);
}

Test(cond, wait_with_an_unlocked_mutex_panics, .signal = SIGABRT)
{
	weft_mutex m = WEFT_MUTEX_INIT;
	weft_cond c = WEFT_COND_INIT;

	(void)weft_cond_wait(&c, &m);
}
