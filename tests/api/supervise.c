/* api/supervise.c - who fails is started again, within bounds. */
#include "support/rt.h"

TestSuite(supervise, .timeout = 120);

struct bulb {
	atomic_int starts;
	int lives;                      /* runs that fail before one does not */
	int err;
};

static int shine(void *arg)
{
	struct bulb *b = arg;

	return ++b->starts <= b->lives ? b->err : 0;
}

static int burst(void *arg)
{
	struct bulb *b = arg;

	if (++b->starts <= b->lives)
		weft_panic("bulb %d", b->starts);
	return 0;
}

static int quit(void *arg)
{
	struct bulb *b = arg;

	weft_exit(++b->starts <= b->lives ? b->err : 5);
}

static int until_cancelled(void *arg)
{
	struct bulb *b = arg;

	b->starts++;
	CHECK_EQ(weft_sleep(WEFT_FOREVER), -ECANCELED);
	return -EIO;
}

static const weft_supervision generous = {
	.intensity = 100, .period = 1000 * WEFT_S,
};

static int one_body(void *arg)
{
	struct bulb a = { .lives = 3, .err = -EIO }, b = { .lives = 5 },
		    c = { .lives = 2, .err = -EDOM }, d = { .lives = 9 };
	weft_supervised who[] = {
		{ .name = "a", .fn = shine, .arg = &a },
		{ .name = "b", .fn = burst, .arg = &b },
		{ .fn = quit, .arg = &c },
		{ .fn = shine, .arg = &d },
	};

	(void)arg;
	CHECK_EQ(weft_supervise(who, 4, &generous), 0);
	CHECK_EQ(a.starts, 4);
	CHECK_EQ(b.starts, 6);
	CHECK_EQ(c.starts, 3);
	CHECK_EQ(d.starts, 1);          /* returned 0 */
	CHECK_EQ(weft_supervise(NULL, 0, &generous), 0);
	CHECK_EQ(weft_cancelled(), 0);
	return 0;
}

Test(supervise, one_for_one_starts_again_who_failed)
{
	EACH(one_body);
}

static int intensity_body(void *arg)
{
	struct bulb a = { .lives = 1000, .err = -EIO }, b = { .lives = 0 };
	weft_supervised who[] = {
		{ .fn = until_cancelled, .arg = &b },
		{ .fn = shine, .arg = &a },
	};
	weft_supervision how = { .intensity = 4, .period = 1000 * WEFT_S };
	weft_time t;

	(void)arg;
	CHECK_EQ(weft_supervise(who, 2, &how), -EIO);
	CHECK_EQ(a.starts, 5);
	/* Three more in five seconds; on a slow machine they take longer. */
	a.starts = 0;
	t = weft_now();
	CHECK_EQ(weft_supervise(who, 2, NULL), -EIO);
	CHECK(a.starts == 4 ||
	      (a.starts > 4 && weft_now() - t > 5 * WEFT_S));
	a.starts = 0;
	how = (weft_supervision){ .intensity = 0 };
	CHECK_EQ(weft_supervise(who, 2, &how), -EIO);
	CHECK_EQ(a.starts, 1);
	/* As many as one likes, if slowly enough. */
	a.starts = 0;
	a.lives = 20;
	how = (weft_supervision){ .intensity = 1, .period = 1 };
	who[0] = who[1];
	CHECK_EQ(weft_supervise(who, 1, &how), 0);
	CHECK_EQ(a.starts, 21);
	return 0;
}

Test(supervise, gives_up_beyond_the_intensity)
{
	EACH(intensity_body);
}

static int kinds_body(void *arg)
{
	struct bulb a = { .lives = 0 }, b = { .lives = 10, .err = -EIO };
	weft_supervised who[] = {
		{ .fn = shine, .arg = &a, .restart = WEFT_RESTART_ALWAYS },
		{ .fn = shine, .arg = &b, .restart = WEFT_RESTART_NEVER },
	};
	weft_supervision how = { .intensity = 6, .period = 1000 * WEFT_S };

	(void)arg;
	CHECK_EQ(weft_supervise(&who[0], 1, &how), -ECHILD);
	CHECK_EQ(a.starts, 7);
	CHECK_EQ(weft_supervise(&who[1], 1, &how), 0);
	CHECK_EQ(b.starts, 1);
	return 0;
}

Test(supervise, always_and_never)
{
	EACH(kinds_body);
}

static int all_body(void *arg)
{
	struct bulb a = { .lives = 3, .err = -EIO }, b = { .lives = 0 },
		    c = { .lives = 0 };
	weft_supervised who[] = {
		{ .fn = until_cancelled, .arg = &b },
		{ .fn = shine, .arg = &c },
		{ .fn = shine, .arg = &a },
	};
	weft_supervision how = {
		.strategy = WEFT_ONE_FOR_ALL, .intensity = 2,
		.period = 1000 * WEFT_S,
	};

	(void)arg;
	CHECK_EQ(weft_supervise(who, 3, &how), -EIO);
	CHECK_EQ(a.starts, 3);
	CHECK(b.starts <= 3);           /* cancelled before it ran: it runs */
	CHECK(c.starts >= 1 && c.starts <= 3);
	a.starts = 0;
	CHECK_EQ(weft_supervise(&who[1], 2, &generous), 0);
	CHECK_EQ(a.starts, 4);
	return 0;
}

Test(supervise, one_for_all_starts_all_again)
{
	EACH(all_body);
}

static void note(void *context, const weft_supervised *who, int err)
{
	atomic_int *sum = context;

	CHECK(strcmp(who->name, "a") == 0);
	*sum += err;
}

static int report_body(void *arg)
{
	struct bulb a = { .lives = 3, .err = -2 };
	atomic_int sum = 0;
	weft_supervised who = { .name = "a", .fn = shine, .arg = &a };
	weft_supervision how = {
		.intensity = 9, .period = WEFT_S, .report = note,
		.context = &sum,
	};

	(void)arg;
	CHECK_EQ(weft_supervise(&who, 1, &how), 0);
	CHECK_EQ(sum, -6);
	return 0;
}

Test(supervise, reports_each_failure)
{
	EACH(report_body);
}

static atomic_int reached;

static int supervisor(void *arg)
{
	struct bulb b[2] = { { .lives = 0 }, { .lives = 0 } };
	weft_supervised who[] = {
		{ .fn = until_cancelled, .arg = &b[0] },
		{ .fn = until_cancelled, .arg = &b[1] },
	};
	weft_supervision how = generous;
	int err;

	how.strategy = (int)(intptr_t)arg;
	reached++;
	err = weft_supervise(who, 2, &how);
	CHECK_EQ(err, -ECANCELED);
	CHECK(b[0].starts <= 1);
	return err;
}

static int cancel_body(void *arg)
{
	weft_scope s;

	(void)arg;
	for (int lap = 0; lap < 20; lap++) {
		reached = 0;
		CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
		for (intptr_t i = 0; i < 2; i++)
			CHECK_EQ(weft_scope_go(&s, supervisor, (void *)i), 0);
		wait_until(reached == 2);
		for (int i = 0; i < lap; i++)
			weft_yield();
		weft_scope_cancel(&s, -EINTR);
		CHECK_EQ(weft_scope_end(&s), -EINTR);
	}
	return 0;
}

Test(supervise, ends_when_its_caller_is_cancelled)
{
	EACH(cancel_body);
}

static int bad_body(void *arg)
{
	struct bulb a = { .lives = 0 };
	weft_supervised who = { .fn = shine, .arg = &a }, bad = who;
	weft_supervision how = generous;

	(void)arg;
	CHECK_EQ(weft_supervise(NULL, 1, NULL), -EINVAL);
	bad.fn = NULL;
	CHECK_EQ(weft_supervise(&bad, 1, NULL), -EINVAL);
	bad = who;
	bad.restart = 7;
	CHECK_EQ(weft_supervise(&bad, 1, NULL), -EINVAL);
	how.strategy = 9;
	CHECK_EQ(weft_supervise(&who, 1, &how), -EINVAL);
	how = (weft_supervision){ .intensity = 1 };
	CHECK_EQ(weft_supervise(&who, 1, &how), -EINVAL);
	CHECK_EQ(a.starts, 0);
	return 0;
}

Test(supervise, refuses_what_makes_no_sense)
{
	EACH(bad_body);
}
