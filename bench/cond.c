/* SPDX-License-Identifier: MIT */
/* cond.c - rows cond-pingpong: two routines that wait for each other's turn, a
 * round trip; cond-broadcast-100: one that wakes a hundred, per waiter. */
#include "bench.h"

enum { CROWD = 100 };

struct turns {
	weft_mutex m;
	weft_cond c[2];
	long turn;              /* m */
	long ops;
};

static void take_turns(struct turns *t, long me)
{
	weft_mutex_lock(&t->m);
	for (long i = 0; i < t->ops; i++) {
		while (t->turn % 2 != me)
			bench_must(weft_cond_wait(&t->c[me], &t->m));
		t->turn++;
		weft_cond_signal(&t->c[1 - me]);
	}
	weft_mutex_unlock(&t->m);
}

static void other(void *arg)
{
	take_turns(arg, 1);
}

static void pingpong(long ops)
{
	struct turns t = { .ops = ops };
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	bench_must(weft_waitgroup_go(&all, other, &t));
	take_turns(&t, 0);
	weft_waitgroup_wait(&all);
	bench_check(t.turn == 2 * ops, "turn %ld", t.turn);
}

struct crowd {
	weft_mutex m;
	weft_cond go, back;
	long lap, waiting, laps, sum;   /* m */
};

static void one_of_many(void *arg)
{
	struct crowd *c = arg;

	weft_mutex_lock(&c->m);
	for (long lap = 0; lap < c->laps; lap++) {
		if (++c->waiting == CROWD)
			weft_cond_signal(&c->back);
		while (c->lap == lap)
			bench_must(weft_cond_wait(&c->go, &c->m));
		c->sum++;
	}
	weft_mutex_unlock(&c->m);
}

static void broadcast(long ops)
{
	struct crowd c = { .laps = ops / CROWD };
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	for (int i = 0; i < CROWD; i++)
		bench_must(weft_waitgroup_go(&all, one_of_many, &c));
	weft_mutex_lock(&c.m);
	while (c.lap < c.laps) {
		while (c.waiting < CROWD)
			bench_must(weft_cond_wait(&c.back, &c.m));
		c.waiting = 0;
		c.lap++;
		weft_cond_broadcast(&c.go);
	}
	weft_mutex_unlock(&c.m);
	weft_waitgroup_wait(&all);
	bench_check(c.sum == c.laps * CROWD, "sum %ld", c.sum);
}

static const struct bench_case cases[] = {
	{ .row = "cond-pingpong", .unit = "ns", .ops = 2000000, .warm = 10000,
	  .work = pingpong },
	{ .row = "cond-broadcast-100", .unit = "ns", .ops = 4000000,
	  .warm = 10000, .work = broadcast },
};

BENCH_PROGRAM("cond", cases)
