/* api/rwlock.c - the rwlock, one sentence a test. */
#include "support/counted.h"
#include "support/crew.h"
#include "support/home.h"

#include <errno.h>

TestSuite(rwlock, .timeout = 120);

static int single(void *arg)
{
	weft_rwlock l = WEFT_RWLOCK_INIT;

	(void)arg;
	weft_rwlock_lock(&l);
	CHECK_EQ(weft_rwlock_try_lock(&l), -EAGAIN);
	CHECK_EQ(weft_rwlock_try_rlock(&l), -EAGAIN);
	CHECK_EQ(weft_rwlock_lock_until(&l, -1), -ETIMEDOUT);
	CHECK_EQ(weft_rwlock_rlock_until(&l, -1), -ETIMEDOUT);
	CHECK_EQ(weft_rwlock_lock_until(&l, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_rwlock_rlock_until(&l, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_rwlock_lock_until(&l, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_rwlock_rlock_until(&l, weft_in(WEFT_MS)), -ETIMEDOUT);
	weft_rwlock_unlock(&l);

	weft_rwlock_rlock(&l);
	CHECK_EQ(weft_rwlock_try_rlock(&l), 0);
	CHECK_EQ(weft_rwlock_rlock_until(&l, -1), 0);
	CHECK_EQ(weft_rwlock_try_lock(&l), -EAGAIN);
	CHECK_EQ(weft_rwlock_lock_until(&l, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_rwlock_try_rlock(&l), 0);
	for (int i = 0; i < 4; i++)
		weft_rwlock_runlock(&l);
	CHECK_EQ(weft_rwlock_lock_until(&l, -1), 0);
	weft_rwlock_unlock(&l);
	CHECK_EQ(weft_rwlock_try_lock(&l), 0);
	weft_rwlock_unlock(&l);
	return 0;
}

Test(rwlock, is_had_by_readers_or_one_writer)
{
	single(NULL);
	EACH(single);
}

Test(rwlock, all_zero_is_ready)
{
	static weft_rwlock l;

	weft_rwlock_rlock(&l);
	weft_rwlock_runlock(&l);
	weft_rwlock_lock(&l);
	weft_rwlock_unlock(&l);
	cr_expect(sizeof l <= 32);
}

/* --- exclusion ------------------------------------------------------------------ */

enum { PARTIES = 8 };
#define LAPS ((unsigned)fewer(2000))

struct crowd {
	weft_rwlock l;
	long a, b;              /* l: equal outside */
	_Atomic long writes;
	weft_waitgroup all;
	bool deadlines, yields;
};

static void get(struct crowd *c, bool write, unsigned how)
{
	weft_rwlock *l = &c->l;

	if (!c->deadlines || how % 3 == 0) {
		if (write)
			weft_rwlock_lock(l);
		else
			weft_rwlock_rlock(l);
	} else if (how % 3 == 1) {
		while (write ? weft_rwlock_lock_until(l, weft_in(5 * WEFT_US))
			     : weft_rwlock_rlock_until(l, weft_in(5 * WEFT_US)))
			;
	} else {
		while (write ? weft_rwlock_try_lock(l)
			     : weft_rwlock_try_rlock(l))
			weft_yield();
	}
}

static int party(void *arg)
{
	struct crowd *c = arg;
	unsigned laps = LAPS;

	for (unsigned i = 0; i < laps; i++) {
		bool write = i % 16 == 3;

		get(c, write, i);
		CHECK_EQ(c->a, c->b);
		if (write)
			c->a++;
		if (c->yields && i % 8 == 0)
			weft_yield();
		if (write) {
			c->b++;
			c->writes++;
		}
		CHECK_EQ(c->a, c->b);
		if (write)
			weft_rwlock_unlock(&c->l);
		else
			weft_rwlock_runlock(&c->l);
	}
	weft_waitgroup_done(&c->all);
	return 0;
}

static void crowd_run(int routines, int threads, unsigned how)
{
	struct crowd c = { .deadlines = how & 1, .yields = how & 2 };
	struct crew crew;

	weft_waitgroup_add(&c.all, routines + threads);
	crew_start(&crew, routines, threads, party, &c);
	while (weft_waitgroup_wait_until(&c.all, weft_in(WEFT_S)))
		;
	crew_join(&crew);
	CHECK_EQ(c.a, c.writes);
	weft_rwlock_lock(&c.l);
	weft_rwlock_unlock(&c.l);
	CHECK_EQ(c.l.weft__state, 0);
}

static int routines(void *arg)
{
	(void)arg;
	for (unsigned how = 0; how < 4; how++)
		crowd_run(PARTIES, 0, how);
	return 0;
}

static int both_kinds(void *arg)
{
	(void)arg;
	for (unsigned how = 0; how < 4; how++)
		crowd_run(PARTIES, 2, how);
	return 0;
}

Test(rwlock, keeps_writers_from_everybody)
{
	EACH(routines);
}

Test(rwlock, keeps_writers_from_everybody_threads_too)
{
	EACH(both_kinds);
}

Test(rwlock, works_between_threads_without_a_runtime)
{
	for (unsigned how = 0; how < 4; how++)
		crowd_run(0, 4, how);
	cr_assert_eq(failures, 0);
}

/* --- many readers at once, that move between workers ------------------------------ */

static weft_rwlock shared;
static _Atomic unsigned inside;

static void read_together(void *arg)
{
	weft_rwlock_rlock(&shared);
	inside++;
	/* All of them must be inside at once before any goes on. */
	wait_until(inside >= 16);
	weft_rwlock_runlock(&shared);
	weft_waitgroup_done(arg);
}

static int together(void *arg)
{
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	(void)arg;
	for (int lap = 0; lap < 20; lap++) {
		inside = 0;
		weft_waitgroup_add(&all, 16);
		for (int i = 0; i < 16; i++)
			CHECK_EQ(weft_go(read_together, &all), 0);
		weft_waitgroup_wait(&all);
		weft_rwlock_lock(&shared);
		weft_rwlock_unlock(&shared);
	}
	return 0;
}

Test(rwlock, lets_all_readers_in_at_once)
{
	EACH(together);
}

/* --- preference ------------------------------------------------------------------- */

static _Atomic unsigned step;
static unsigned reader_step, writer_step, second_step;

static void write_once(void *arg)
{
	arrive();
	weft_rwlock_lock(&shared);
	writer_step = ++step;
	weft_rwlock_unlock(&shared);
	weft_waitgroup_done(arg);
}

static void write_second(void *arg)
{
	arrive();
	weft_rwlock_lock(&shared);
	second_step = ++step;
	weft_rwlock_unlock(&shared);
	weft_waitgroup_done(arg);
}

static void read_once(void *arg)
{
	arrive();
	weft_rwlock_rlock(&shared);
	reader_step = ++step;
	weft_rwlock_runlock(&shared);
	weft_waitgroup_done(arg);
}

/* Long enough for a routine that a spare worker took meanwhile, too. */
static void settle_down(void)
{
	for (int i = fewer(20000); i > 0; i--)
		weft_yield();
}

/* Reader inside; writer waits; reader, writer come: writer, reader, writer. */
static int preference(void *arg)
{
	weft_waitgroup all = WEFT_WAITGROUP_INIT;
	bool known;

	(void)arg;
	step = 0;
	stay_home();
	weft_waitgroup_add(&all, 3);
	weft_rwlock_rlock(&shared);
	CHECK_EQ(weft_go(write_once, &all), 0);
	settle_down();
	known = all_wait(1);
	if (weft_rwlock_try_rlock(&shared) == 0) {
		CHECK(!known);
		weft_rwlock_runlock(&shared);
	}
	CHECK_EQ(weft_go(read_once, &all), 0);
	settle_down();
	known = all_wait(2) && known;
	CHECK_EQ(weft_go(write_second, &all), 0);
	settle_down();
	known = all_wait(3) && known;
	CHECK(!known || step == 0);
	weft_rwlock_runlock(&shared);
	weft_waitgroup_wait(&all);
	if (!known)
		return STRAYED;
	CHECK_EQ(writer_step, 1);
	CHECK_EQ(reader_step, 2);
	CHECK_EQ(second_step, 3);
	return 0;
}

Test(rwlock, prefers_a_waiting_writer_then_the_readers_behind_it)
{
	cr_assert_eq(on_one_thread(preference, NULL), 0);
	cr_assert_eq(failures, 0);
}

static weft_time patience;
static _Atomic bool gone;

static void write_in_vain(void *arg)
{
	CHECK_EQ(weft_rwlock_lock_until(&shared, weft_in(patience)),
		 -ETIMEDOUT);
	gone = true;
	weft_waitgroup_done(arg);
}

/* There is a writer that waits. */
static bool keeps_readers_out(void)
{
	if (weft_rwlock_try_rlock(&shared) == -EAGAIN)
		return true;
	weft_rwlock_runlock(&shared);
	return false;
}

/* A writer that gives up lets the readers behind it in. */
static int gave_up(void *arg)
{
	weft_waitgroup all = WEFT_WAITGROUP_INIT;
	bool seen;

	(void)arg;
	weft_rwlock_rlock(&shared);
	/* On a busy machine it may give up before anybody has looked. */
	patience = WEFT_MS;
	do {
		weft_waitgroup_wait(&all);
		gone = seen = false;
		patience *= 2;
		weft_waitgroup_add(&all, 1);
		CHECK_EQ(weft_go(write_in_vain, &all), 0);
		wait_until((seen = keeps_readers_out()) || gone);
	} while (!seen && patience < 20 * WEFT_S);
	CHECK(seen);
	CHECK_EQ(weft_rwlock_rlock_until(&shared, weft_in(30 * WEFT_S)), 0);
	weft_rwlock_runlock(&shared);
	weft_waitgroup_wait(&all);
	weft_rwlock_runlock(&shared);
	CHECK_EQ(weft_rwlock_try_lock(&shared), 0);
	weft_rwlock_unlock(&shared);
	return 0;
}

Test(rwlock, lets_readers_in_when_the_writer_before_them_gives_up)
{
	EACH(gave_up);
}

static _Atomic bool stop;

static void read_on(void *arg)
{
	while (!stop) {
		weft_rwlock_rlock(&shared);
		weft_yield();
		weft_rwlock_runlock(&shared);
	}
	weft_waitgroup_done(arg);
}

static void write_on(void *arg)
{
	while (!stop) {
		weft_rwlock_lock(&shared);
		weft_yield();
		weft_rwlock_unlock(&shared);
	}
	weft_waitgroup_done(arg);
}

static int nobody_starves(void *arg)
{
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	(void)arg;
	stop = false;
	weft_waitgroup_add(&all, 8);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(weft_go(read_on, &all), 0);
		CHECK_EQ(weft_go(write_on, &all), 0);
	}
	for (int i = 0; i < 50; i++) {
		weft_rwlock_lock(&shared);
		weft_rwlock_unlock(&shared);
		weft_rwlock_rlock(&shared);
		weft_rwlock_runlock(&shared);
	}
	stop = true;
	weft_waitgroup_wait(&all);
	return 0;
}

Test(rwlock, starves_neither_readers_nor_writers)
{
	EACH(nobody_starves);
}

/* --- cancel ------------------------------------------------------------------------ */

static int write_until_cancelled(void *arg)
{
	(void)arg;
	return weft_rwlock_lock_until(&shared, WEFT_FOREVER);
}

static int read_until_cancelled(void *arg)
{
	(void)arg;
	return weft_rwlock_rlock_until(&shared, WEFT_FOREVER);
}

static int read_steadily(void *arg)
{
	(void)arg;
	weft_rwlock_rlock(&shared);
	weft_rwlock_runlock(&shared);
	return 7;
}

static int cancel_them(void *arg)
{
	static int (*const fn[])(void *) = {
		write_until_cancelled, read_until_cancelled, read_steadily,
	};
	weft_id id[3];
	int status;

	(void)arg;
	weft_rwlock_lock(&shared);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, fn[i], NULL), 0);
	settle_down();
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_cancel(id[i]), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, -ECANCELED);
	}
	weft_rwlock_unlock(&shared);
	CHECK_EQ(weft_join(id[2], &status), 0);
	CHECK_EQ(status, 7);
	CHECK_EQ(weft_rwlock_try_lock(&shared), 0);
	weft_rwlock_unlock(&shared);
	return 0;
}

Test(rwlock, a_cancel_ends_the_until_forms_but_not_the_others)
{
	EACH(cancel_them);
}

/* --- lifetime ---------------------------------------------------------------------- */

static int last_user_frees(void *arg)
{
	(void)arg;
	return last_one_frees(fewer(500), rwlock_less);
}

Test(rwlock, may_be_freed_by_the_last_who_unlocks_it)
{
	EACH(last_user_frees);
}

/* --- reports and misuse ------------------------------------------------------------- */

static int read_then_write(void *arg)
{
	weft_rwlock l = WEFT_RWLOCK_INIT;

	(void)arg;
	weft_rwlock_rlock(&l);
	weft_rwlock_lock(&l);
	return 0;
}

static int write_then_read(void *arg)
{
	weft_rwlock l = WEFT_RWLOCK_INIT;

	(void)arg;
	weft_rwlock_lock(&l);
	weft_rwlock_rlock(&l);
	return 0;
}

static int writer_child(void *arg)
{
	(void)arg;
	return run_on(2, read_then_write, NULL) == -EDEADLK ? 0 : 1;
}

static int reader_child(void *arg)
{
	(void)arg;
	return run_on(2, write_then_read, NULL) == -EDEADLK ? 0 : 1;
}

Test(rwlock, is_named_in_a_deadlock_report)
{
	child_starts_threads();
	cr_assert_eq(in_child(writer_child, NULL), 0);
	cr_expect(strstr(said, "rwlock write"), "%s", said);
	cr_assert_eq(in_child(reader_child, NULL), 0);
	cr_expect(strstr(said, "rwlock read"), "%s", said);
}

Test(rwlock, runlock_of_an_unlocked_lock_panics, .signal = SIGABRT)
{
	weft_rwlock l = WEFT_RWLOCK_INIT;

	weft_rwlock_rlock(&l);
	weft_rwlock_runlock(&l);
	weft_rwlock_runlock(&l);
}

Test(rwlock, runlock_of_a_lock_held_to_write_panics, .signal = SIGABRT)
{
	weft_rwlock l = WEFT_RWLOCK_INIT;

	weft_rwlock_lock(&l);
	weft_rwlock_runlock(&l);
}

Test(rwlock, unlock_of_an_unlocked_lock_panics, .signal = SIGABRT)
{
	weft_rwlock l = WEFT_RWLOCK_INIT;

	weft_rwlock_unlock(&l);
}

Test(rwlock, unlock_of_a_lock_held_to_read_panics, .signal = SIGABRT)
{
	weft_rwlock l = WEFT_RWLOCK_INIT;

	weft_rwlock_rlock(&l);
	weft_rwlock_unlock(&l);
}
