/* api/chan_partners.c - channels between parties: routines, plain threads, and
 * those of an earlier run. */
#include "support/home.h"
#include "support/promise.h"

#include <errno.h>
#include <pthread.h>

TestSuite(chan_partners, .timeout = 120);

static bool wait_until(bool (*ready)(void *), void *arg)
{
	weft_time end = weft_in(60 * WEFT_S);
	bool late;

	for (;;) {
		late = weft_now() > end;
		if (ready(arg))
			return true;
		if (late)
			return false;
		weft_yield();
	}
}

struct pair {
	weft_chan *c, *back;
	int base, n;
	_Atomic int ended;
};

static void send_range(void *arg)
{
	struct pair *p = arg;

	for (int i = 0; i < p->n; i++) {
		int v = p->base + i;

		if (weft_chan_send(p->c, &v) != 0)
			break;
	}
	p->ended = p->ended + 1;
}

static bool many_parked(void *arg)
{
	/* full, and everybody else has had a turn */
	weft_chan *c = arg;

	for (int i = 0; i < 50; i++)
		weft_yield();
	return weft_chan_len(c) == weft_chan_cap(c);
}

static int many_wakes_body(void *arg)
{
	static struct pair p[6];
	weft_chan *c = weft_chan_new(sizeof(int), 2);
	int out[16], seen = 0, n = 0;

	(void)arg;
	PROMISE(c);
	for (int i = 0; i < 6; i++) {
		p[i] = (struct pair){ c, NULL, i, 1, 0 };
		PROMISE(weft_go(send_range, &p[i]) == 0);
	}
	PROMISE(wait_until(many_parked, c));
	while (n < 6) {
		ssize_t k = weft_chan_recv_many(c, out + n, 16 - (size_t)n,
						WEFT_FOREVER);
		PROMISE(k > 0);
		n += (int)k;
	}
	for (int i = 0; i < 6; i++)
		seen |= 1 << out[i];
	PROMISE(n == 6 && seen == 63);
	while (p[0].ended + p[1].ended + p[2].ended + p[3].ended + p[4].ended +
	       p[5].ended < 6)
		weft_yield();
	weft_chan_unref(c);
	return 0;
}

Test(chan_partners, recv_many_wakes_the_senders_whose_values_it_took)
{
	everywhere(many_wakes_body);
}

/* --- two sides ------------------------------------------------------------------ */

static void echo(void *arg)
{
	struct pair *p = arg;
	int v;

	while (weft_chan_recv(p->c, &v) == 0)
		if (weft_chan_send(p->back, &v) != 0)
			break;
	weft_chan_close(p->back);
}

static int pingpong_body(void *arg)
{
	struct pair p = { weft_chan_new(sizeof(int), 0),
			  weft_chan_new(sizeof(int), 0), 0, 0, 0 };
	int v;

	(void)arg;
	PROMISE(p.c && p.back && weft_go(echo, &p) == 0);
	for (int i = 0; i < 2000; i++) {
		PROMISE(weft_chan_send(p.c, &i) == 0);
		PROMISE(weft_chan_recv(p.back, &v) == 0 && v == i);
	}
	PROMISE(weft_chan_close(p.c) == 0);
	PROMISE(weft_chan_recv(p.back, &v) == -EPIPE && v == 0);
	weft_chan_unref(p.c);
	weft_chan_unref(p.back);
	return 0;
}

Test(chan_partners, unbuffered_values_go_there_and_back)
{
	everywhere(pingpong_body);
}

static int rendezvous_body(void *arg)
{
	static struct pair p;
	int v = 0;

	(void)arg;
	p = (struct pair){ weft_chan_new(sizeof(int), 0), NULL, 42, 1, 0 };
	PROMISE(p.c && weft_go(send_range, &p) == 0);
	for (int i = 0; i < 200; i++)
		weft_yield();
	PROMISE(p.ended == 0 && weft_chan_len(p.c) == 0);
	PROMISE(weft_chan_recv(p.c, &v) == 0 && v == 42);
	while (!p.ended)
		weft_yield();
	weft_chan_unref(p.c);
	return 0;
}

Test(chan_partners, unbuffered_send_ends_only_when_received)
{
	everywhere(rendezvous_body);
}

static void send_range_here(void *arg)
{
	arrive();
	send_range(arg);
}

static int senders_fifo_body(void *arg)
{
	static struct pair p[8];
	weft_chan *c = weft_chan_new(sizeof(int), 1);
	bool known = true;
	int v = -1;

	(void)arg;
	stay_home();
	PROMISE(c && weft_chan_send(c, &v) == 0);
	for (int i = 0; i < 8; i++) {
		p[i] = (struct pair){ c, NULL, i, 1, 0 };
		PROMISE(weft_go(send_range_here, &p[i]) == 0);
		weft_yield();
		known = known && all_wait(i + 1);
	}
	for (int want = -1; want < 8; want++)
		PROMISE(weft_chan_recv(c, &v) == 0 && (v == want || !known));
	for (int i = 0; i < 8; i++)
		while (!p[i].ended)
			weft_yield();
	weft_chan_unref(c);
	return known ? 0 : STRAYED;
}

Test(chan_partners, parked_senders_are_served_first_come_first_served)
{
	int line = on_one_thread(senders_fifo_body, NULL);

	cr_assert_eq(line, 0, "line %d", line);
}

struct taker {
	weft_chan *c;
	int err, v;
	_Atomic int done;
};

static void take_one(void *arg)
{
	struct taker *t = arg;

	t->v = 99;
	t->err = weft_chan_recv(t->c, &t->v);
	t->done = 1;
}

static void take_one_here(void *arg)
{
	arrive();
	take_one(arg);
}

static int receivers_fifo_body(void *arg)
{
	static struct taker t[8];
	weft_chan *c = weft_chan_new(sizeof(int), 4);
	bool known = true;

	(void)arg;
	stay_home();
	PROMISE(c);
	for (int i = 0; i < 8; i++) {
		t[i] = (struct taker){ .c = c };
		PROMISE(weft_go(take_one_here, &t[i]) == 0);
		weft_yield();
		known = known && all_wait(i + 1);
	}
	for (int i = 0; i < 8; i++)
		PROMISE(weft_chan_send(c, &i) == 0);
	PROMISE(weft_chan_len(c) == 0 || !known);
	for (int i = 0; i < 8; i++) {
		while (!t[i].done)
			weft_yield();
		PROMISE(t[i].err == 0 && (t[i].v == i || !known));
	}
	weft_chan_unref(c);
	return known ? 0 : STRAYED;
}

Test(chan_partners, parked_receivers_are_served_first_come_first_served)
{
	int line = on_one_thread(receivers_fifo_body, NULL);

	cr_assert_eq(line, 0, "line %d", line);
}

static int close_wakes_body(void *arg)
{
	static struct taker t[5];
	static struct pair p[5];
	weft_chan *c = weft_chan_new(sizeof(int), 0), *full;
	int v = 1;

	(void)arg;
	full = weft_chan_new(sizeof(int), 2);
	PROMISE(c && full);
	PROMISE(weft_chan_send(full, &v) == 0 && weft_chan_send(full, &v) == 0);
	for (int i = 0; i < 5; i++) {
		t[i] = (struct taker){ .c = c };
		p[i] = (struct pair){ full, NULL, 50, 1, 0 };
		PROMISE(weft_go(take_one, &t[i]) == 0);
		PROMISE(weft_go(send_range, &p[i]) == 0);
	}
	for (int i = 0; i < 100; i++)
		weft_yield();
	PROMISE(weft_chan_close(c) == 0 && weft_chan_close(full) == 0);
	for (int i = 0; i < 5; i++) {
		while (!t[i].done || !p[i].ended)
			weft_yield();
		PROMISE(t[i].err == -EPIPE && t[i].v == 0);
	}
	/* only what was buffered survives */
	PROMISE(weft_chan_len(full) == 2);
	PROMISE(weft_chan_recv(full, &v) == 0 && v == 1);
	PROMISE(weft_chan_recv(full, &v) == 0 && v == 1);
	PROMISE(weft_chan_recv(full, &v) == -EPIPE);
	weft_chan_unref(c);
	weft_chan_unref(full);
	return 0;
}

Test(chan_partners, close_wakes_everyone_and_parked_values_do_not_survive)
{
	everywhere(close_wakes_body);
}

static void send_one_late(void *arg)
{
	int v = 7;

	for (int i = 0; i < 20; i++)
		weft_yield();
	weft_chan_send(arg, &v);
}

static int last_reference_body(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		weft_chan *c = weft_chan_new(sizeof(int), (size_t)i % 2);
		int v = 0;

		PROMISE(c && weft_go(send_one_late, c) == 0);
		PROMISE(weft_chan_recv(c, &v) == 0 && v == 7);
		weft_chan_unref(c);
	}
	return 0;
}

Test(chan_partners, receiver_may_drop_the_last_reference_before_the_sender_is_back)
{
	everywhere(last_reference_body);
}

/* --- plain threads -------------------------------------------------------------- */

static void *thread_echo(void *arg)
{
	echo(arg);
	return NULL;
}

static int threads_body(void *arg)
{
	struct pair p = { weft_chan_new(sizeof(int), 0),
			  weft_chan_new(sizeof(int), 3), 0, 0, 0 };
	pthread_t thread;
	int v;

	(void)arg;
	PROMISE(p.c && p.back);
	PROMISE(!pthread_create(&thread, NULL, thread_echo, &p));
	for (int i = 0; i < 500; i++) {
		int err;

		/* a deadline keeps the runtime from calling it a deadlock
		 * while the thread has not begun */
		do {
			err = weft_chan_send_until(p.c, &i, weft_in(WEFT_S));
		} while (err == -ETIMEDOUT);
		PROMISE(err == 0);
		PROMISE(weft_chan_recv(p.back, &v) == 0 && v == i);
	}
	weft_chan_close(p.c);
	PROMISE(weft_chan_recv(p.back, &v) == -EPIPE);
	pthread_join(thread, NULL);
	weft_chan_unref(p.c);
	weft_chan_unref(p.back);
	return 0;
}

Test(chan_partners, routines_and_plain_threads_are_partners)
{
	anywhere(threads_body);
}

/* --- across runs, and misuse ------------------------------------------------------- */

static void park_in(void *arg)
{
	int v;

	weft_chan_recv(arg, &v);
}

static int leave_parked(void *arg)
{
	for (int i = 0; i < 3; i++)
		PROMISE(weft_go(park_in, arg) == 0);
	for (int i = 0; i < 100; i++)
		weft_yield();
	return 0;
}

static int use_again(void *arg)
{
	int v = 5;

	PROMISE(weft_chan_try_send(arg, &v) == -EAGAIN);
	PROMISE(weft_chan_close(arg) == 0);
	return 0;
}

Test(chan_partners, outlives_a_run_whose_routines_were_parked_in_it)
{
	weft_chan *c = weft_chan_new(sizeof(int), 0);

	cr_assert_not_null(c);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(with_workers(2, leave_parked, c), 0);
	cr_expect_eq(with_workers(2, use_again, c), 0);
	weft_chan_unref(c);
}

static void park_in_here(void *arg)
{
	arrive();
	park_in(arg);
}

static int drop_under_waiter(void *c)
{
	stay_home();
	PROMISE(weft_go(park_in_here, c) == 0);
	weft_yield();
	if (!all_wait(1))
		return STRAYED;
	weft_chan_unref(c);
	return 0;
}

Test(chan_partners, dropping_the_last_reference_under_a_waiter_panics)
{
	weft_chan *c = weft_chan_new(sizeof(int), 0);

	cr_assert_not_null(c);
	cr_assert_eq(on_one_thread(drop_under_waiter, c), WEFT_EPANIC);
	weft_chan_unref(c);     /* refused then, so it is still ours */
}
