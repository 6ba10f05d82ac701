/* api/rwlock_crowd.c - the rwlock with many at once, who give up or are
 * discarded, one sentence a test. */
#include "support/rt.h"

#include <errno.h>

TestSuite(rwlock_crowd, .timeout = 120);

static weft_rwlock shared;

static bool is_free(weft_rwlock *l)
{
	weft_rwlock_lock(l);
	weft_rwlock_unlock(l);
	return !l->weft__state && !l->weft__gate;
}

/* --- more readers than a worker has room for ---------------------------------- */

static void read_twice(void *arg)
{
	int laps = fewer(200);

	for (int i = 0; i < laps; i++) {
		weft_rwlock_rlock(&shared);
		weft_yield();
		weft_rwlock_rlock(&shared);
		weft_rwlock_runlock(&shared);
		weft_yield();
		weft_rwlock_runlock(&shared);
	}
	weft_waitgroup_done(arg);
}

static int crowded(void *arg)
{
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	(void)arg;
	weft_waitgroup_add(&all, 32);
	for (int i = 0; i < 32; i++)
		CHECK_EQ(weft_go(read_twice, &all), 0);
	weft_waitgroup_wait(&all);
	CHECK_EQ(is_free(&shared), true);
	return 0;
}

Test(rwlock_crowd, readers_are_counted_right_however_many_there_are)
{
	EACH(crowded);
}

/* --- writers behind writers ----------------------------------------------------- */

static void write_in_vain(void *arg)
{
	CHECK_EQ(weft_rwlock_lock_until(&shared, weft_in(2 * WEFT_MS)),
		 -ETIMEDOUT);
	weft_waitgroup_done(arg);
}

static int all_gave_up(void *arg)
{
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	(void)arg;
	weft_rwlock_rlock(&shared);
	weft_waitgroup_add(&all, 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_go(write_in_vain, &all), 0);
	weft_waitgroup_wait(&all);
	CHECK_EQ(weft_rwlock_try_rlock(&shared), 0);
	weft_rwlock_runlock(&shared);
	weft_rwlock_runlock(&shared);
	CHECK_EQ(weft_rwlock_try_lock(&shared), 0);
	weft_rwlock_unlock(&shared);
	CHECK_EQ(is_free(&shared), true);
	return 0;
}

Test(rwlock_crowd, is_free_for_readers_when_all_writers_gave_up)
{
	EACH(all_gave_up);
}

static int write_until_cancelled(void *arg)
{
	(void)arg;
	return weft_rwlock_lock_until(&shared, WEFT_FOREVER);
}

static int cancelled(void *arg)
{
	weft_id id[3];
	int status;

	(void)arg;
	weft_rwlock_rlock(&shared);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, write_until_cancelled, NULL),
			 0);
	wait_until(weft_rwlock_try_rlock(&shared) == -EAGAIN ||
		   (weft_rwlock_runlock(&shared), false));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_cancel(id[i]), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, -ECANCELED);
	}
	CHECK_EQ(weft_rwlock_try_rlock(&shared), 0);
	weft_rwlock_runlock(&shared);
	weft_rwlock_runlock(&shared);
	CHECK_EQ(is_free(&shared), true);
	return 0;
}

Test(rwlock_crowd, is_free_for_readers_when_all_writers_were_cancelled)
{
	EACH(cancelled);
}

/* --- who is discarded -------------------------------------------------------------- */

static weft_rwlock outliving;

static void pass_reading(void *arg)
{
	(void)arg;
	weft_rwlock_rlock(&outliving);
	weft_rwlock_runlock(&outliving);
}

static void pass_writing(void *arg)
{
	(void)arg;
	weft_rwlock_lock(&outliving);
	weft_rwlock_unlock(&outliving);
}

/* fn leaves them waiting, or (wake) the first of them on its way. */
static void outlives(int (*fn)(void *), void (*unlock)(weft_rwlock *))
{
	for (unsigned n = 1; n <= 4; n *= 2) {
		for (uintptr_t wake = 0; wake < 2; wake++) {
			cr_assert_eq(run_on(n, fn, (void *)wake), 0);
			if (!wake)
				unlock(&outliving);
			cr_assert(is_free(&outliving));
		}
	}
	cr_assert_eq(failures, 0);
}

/* Long enough for a routine that a spare worker took meanwhile, too. */
static void settle_down(int turns)
{
	for (int i = fewer(turns); i > 0; i--)
		weft_yield();
}

static int abandon_writing(void *arg)
{
	weft_rwlock_lock(&outliving);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(weft_go(pass_reading, NULL), 0);
		CHECK_EQ(weft_go(pass_writing, NULL), 0);
	}
	settle_down(20000);
	if (arg)
		weft_rwlock_unlock(&outliving);
	return 0;
}

Test(rwlock_crowd, outlives_a_run_whose_routines_waited_for_a_writer)
{
	outlives(abandon_writing, weft_rwlock_unlock);
}

/* One writer waits for the reader, others for that writer, readers behind it. */
static int abandon_reading(void *arg)
{
	weft_rwlock_rlock(&outliving);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(weft_go(pass_writing, NULL), 0);
		CHECK_EQ(weft_go(pass_reading, NULL), 0);
	}
	wait_until(weft_rwlock_try_rlock(&outliving) == -EAGAIN ||
		   (weft_rwlock_runlock(&outliving), false));
	settle_down(2000);
	if (arg)
		weft_rwlock_runlock(&outliving);
	return 0;
}

Test(rwlock_crowd, outlives_a_run_whose_writers_waited_for_a_reader)
{
	outlives(abandon_reading, weft_rwlock_runlock);
}
