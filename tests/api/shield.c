/* api/shield.c - inside a shield nobody is cancelled, after it at once. */
#include "support/scopes.h"

TestSuite(shield, .timeout = 120);

static int masks_body(void *arg)
{
	weft_chan *c = ints(1);
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	CHECK_EQ(weft_cancelled(), -EINTR);
	weft_shield_begin();
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_sleep(1), 0);
	give(c, 1);
	CHECK_EQ(take(c), 1);
	weft_shield_begin();
	CHECK_EQ(weft_cancelled(), 0);
	weft_shield_end();
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_sleep(1), 0);
	weft_shield_end();
	CHECK_EQ(weft_cancelled(), -EINTR);
	CHECK_EQ(weft_sleep(1), -ECANCELED);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	CHECK_EQ(weft_cancelled(), 0);
	weft_chan_unref(c);
	return 0;
}

Test(shield, masks_and_nests)
{
	EACH(masks_body);
}

struct patient {
	atomic_int in, out;
	weft_chan *go_on;
};

/* fn, cancelled while it is inside its shield. */
static void cancel_within(int (*fn)(void *), struct patient *p)
{
	int status = 0;
	weft_id id;

	CHECK_EQ(weft_spawn(&id, NULL, fn, p), 0);
	wait_until(p->in);
	CHECK_EQ(weft_cancel(id), 0);
	give(p->go_on, 3);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(status, -ECANCELED);
}

/* A wait inside a shield is not ended by a cancel that comes meanwhile. */
static int clean_up(void *arg)
{
	struct patient *p = arg;

	weft_shield_begin();
	p->in = 1;
	CHECK_EQ(take(p->go_on), 3);
	CHECK_EQ(weft_cancelled(), 0);
	weft_shield_end();
	p->out = 1;
	CHECK(weft_cancelled() < 0);
	return weft_sleep(WEFT_FOREVER);
}

static int waits_body(void *arg)
{
	struct patient p = { .go_on = ints(0) };
	weft_scope s;

	(void)arg;
	BEGIN(&s);
	GO(&s, clean_up, &p);
	wait_until(p.in);
	CHECK_EQ(weft_scope_cancel(&s, -EINTR), 0);
	for (int i = 0; i < 20; i++)
		weft_yield();
	CHECK_EQ(p.out, 0);
	weft_shield_begin();
	give(p.go_on, 3);
	weft_shield_end();
	CHECK_EQ(weft_scope_end(&s), -EINTR);

	p.in = p.out = 0;
	cancel_within(clean_up, &p);
	weft_chan_unref(p.go_on);
	return 0;
}

Test(shield, a_cancel_waits_for_its_end)
{
	EACH(waits_body);
}

static int work(void *arg)
{
	weft_chan *c = arg;
	int v, err;

	while ((err = weft_chan_recv(c, &v)) == 0)
		continue;
	return err == -EPIPE ? 0 : err;
}

/* A scope begun inside is cancelled by itself, and not from outside. */
static int scopes_body(void *arg)
{
	weft_chan *c = ints(0);
	weft_scope outer, inner;

	(void)arg;
	BEGIN(&outer);
	CHECK_EQ(weft_scope_cancel(&outer, -EINTR), 0);
	weft_shield_begin();

	BEGIN(&inner);
	CHECK_EQ(weft_cancelled(), 0);
	GO(&inner, work, c);
	give(c, 1);
	weft_chan_close(c);
	CHECK_EQ(weft_scope_end(&inner), 0);

	CHECK_EQ(weft_scope_begin(&inner, weft_in(WEFT_MS)), 0);
	weft_scope_go(&inner, work, NULL);      /* refused if that was long */
	CHECK_EQ(weft_scope_end(&inner), -ETIMEDOUT);

	BEGIN(&inner);
	GO(&inner, work, NULL);
	GO(&inner, code, -EIO);
	CHECK_EQ(weft_scope_end(&inner), -EIO);

	weft_shield_end();
	CHECK_EQ(weft_scope_end(&outer), -EINTR);
	weft_chan_unref(c);
	return 0;
}

Test(shield, scopes_inside_are_not_cancelled_from_outside)
{
	EACH(scopes_body);
}

/* Not nested in each other: the shield ends first. */
static int catch_up_body(void *arg)
{
	weft_scope outer, middle, inner;

	(void)arg;
	BEGIN(&outer);
	weft_shield_begin();
	BEGIN(&middle);
	weft_shield_begin();
	BEGIN(&inner);
	GO(&inner, work, NULL);
	GO(&middle, work, NULL);
	CHECK_EQ(weft_scope_cancel(&outer, -EINTR), 0);
	weft_shield_end();
	CHECK_EQ(weft_cancelled(), 0);
	CHECK_EQ(weft_scope_go(&inner, code, NULL), 0);
	weft_shield_end();
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	CHECK_EQ(weft_scope_go(&inner, code, NULL), -ECANCELED);
	CHECK_EQ(weft_scope_end(&inner), -ECANCELED);
	CHECK_EQ(weft_scope_end(&middle), -ECANCELED);
	CHECK_EQ(weft_scope_end(&outer), -EINTR);
	return 0;
}

Test(shield, its_end_lets_the_cancel_through_to_open_scopes)
{
	EACH(catch_up_body);
}

static int shield_then_scope(void *arg)
{
	struct patient *p = arg;
	weft_scope s;

	weft_shield_begin();
	BEGIN(&s);
	GO(&s, work, NULL);
	p->in = 1;
	CHECK_EQ(take(p->go_on), 3);
	weft_shield_end();
	CHECK_EQ(weft_cancelled(), -ECANCELED);
	return weft_scope_end(&s);
}

static int by_id_body(void *arg)
{
	struct patient p = { .go_on = ints(0) };

	(void)arg;
	cancel_within(shield_then_scope, &p);
	weft_chan_unref(p.go_on);
	return 0;
}

Test(shield, holds_against_a_cancel_by_id)
{
	EACH(by_id_body);
}

/* --- misuse, and plain threads ------------------------------------------------ */

static int end_none(void *arg)
{
	(void)arg;
	weft_shield_end();
	return 0;
}

static int run_end_none(void *arg)
{
	(void)arg;
	return run_on(1, end_none, NULL) == WEFT_EPANIC ? 3 : 4;
}

Test(shield, end_without_begin_panics)
{
	cr_assert_eq(in_child(run_end_none, NULL), 3);
	cr_assert(strstr(said, "shield: end without a begin"), "%s", said);
}

Test(shield, nests_on_a_plain_thread)
{
	weft_shield_begin();
	weft_shield_begin();
	cr_assert_eq(weft_cancelled(), 0);
	weft_shield_end();
	weft_shield_end();
}
