/* tests/unit/injectq.c - src/sched/injectq.c: the shared queue. */
#include "support/rt.h"

#include "sched/injectq.h"

#include <pthread.h>
#include <sched.h>

TestSuite(injectq, .timeout = 120);

enum { N = 100 };

static struct injectq q;
static struct runq ring;
static struct routine r[20000];

static void chain(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i + 1 < first + n; i++)
		r[i].next = &r[i + 1];
	r[first + n - 1].next = (void *)&q;     /* must not be followed */
	weft__injectq_push(&q, &r[first], &r[first + n - 1], n);
}

Test(injectq, first_in_first_out)
{
	cr_assert(injectq_empty(&q) && injectq_empty_seq(&q));
	cr_assert_null(weft__injectq_take(&q, NULL, 0));
	for (uint32_t round = 0; round < 3; round++) {
		chain(0, 1);
		chain(1, 50);
		chain(51, N - 51);
		cr_assert_eq(load_rlx(&q.len), N);
		for (uint32_t i = 0; i < N; i++)
			cr_assert_eq(weft__injectq_take(&q, NULL, 0), &r[i]);
		cr_assert_null(weft__injectq_take(&q, NULL, 0));
		cr_assert(injectq_empty(&q) && injectq_empty_seq(&q));
	}
}

Test(injectq, take_moves_more_as_far_as_there_is_room)
{
	uint32_t n = 2 * RUNQ_CAP;

	chain(0, n);
	cr_assert_eq(weft__injectq_take(&q, &ring, 0), &r[0]);
	cr_assert_eq(runq_len(&ring), 0);
	cr_assert_eq(weft__injectq_take(&q, &ring, 2), &r[1]);
	cr_assert_eq(runq_len(&ring), 2);
	cr_assert_eq(load_rlx(&q.len), n - 4);
	cr_assert_eq(weft__injectq_take(&q, &ring, n), &r[4]);
	cr_assert_eq(runq_len(&ring), RUNQ_CAP);
	cr_assert_eq(load_rlx(&q.len), n - 5 - (RUNQ_CAP - 2));
	cr_assert_eq(runq_take(&ring), &r[2]);
	cr_assert_eq(runq_take(&ring), &r[3]);
	for (uint32_t i = 5; i < 5 + RUNQ_CAP - 2; i++)
		cr_assert_eq(runq_take(&ring), &r[i]);
	for (uint32_t i = 5 + RUNQ_CAP - 2; i < n; i++)
		cr_assert_eq(weft__injectq_take(&q, NULL, 0), &r[i]);
	cr_assert(injectq_empty(&q));
}

static struct inject_block *push_block(uint32_t first, uint32_t n)
{
	struct inject_block *b = weft__injectq_block(&q);

	cr_assert_not_null(b);
	for (uint32_t i = 0; i < n; i++)
		b->slot[i] = &r[first + i];
	weft__injectq_push_block(&q, b, n);
	return b;
}

Test(injectq, singles_come_before_blocks_and_the_newest_block_first)
{
	enum { S = RUNQ_SPILL };

	for (uint32_t round = 0; round < 200; round++) {
		chain(0, 2);
		push_block(4 + S, S);
		push_block(3 + S, 1);
		chain(2, 1);
		push_block(3, S);
		cr_assert_eq(load_rlx(&q.len), 4 + 2 * S);
		for (uint32_t i = 0; i < 3; i++)
			cr_assert_eq(weft__injectq_take(&q, NULL, 0), &r[i]);
		/* No further than the block goes. */
		cr_assert_eq(weft__injectq_take(&q, &ring, 2 * S), &r[3]);
		for (uint32_t i = 4; i < 3 + S; i++)
			cr_assert_eq(runq_take(&ring), &r[i]);
		cr_assert_null(runq_take(&ring));
		cr_assert_eq(load_rlx(&q.len), 1 + S);
		cr_assert_eq(weft__injectq_take(&q, &ring, S), &r[3 + S]);
		cr_assert_null(runq_take(&ring));
		for (uint32_t i = 4 + S; i < 4 + 2 * S; i++)
			cr_assert_eq(weft__injectq_take(&q, NULL, 0), &r[i]);
		cr_assert_null(weft__injectq_take(&q, NULL, 0));
		cr_assert(injectq_empty(&q));
	}
	weft__injectq_block_back(&q, weft__injectq_block(&q));
	weft__injectq_fini(&q);
}

/* Two looks take a and b, in whatever order. */
static void look_for_both(struct routine *a, struct routine *b)
{
	struct routine *x = weft__injectq_look(&q);
	struct routine *y = weft__injectq_look(&q);

	cr_assert((x == a && y == b) || (x == b && y == a));
}

Test(injectq, a_look_takes_singles_and_old_blocks_by_turns)
{
	enum { S = RUNQ_SPILL };
	struct inject_block *old[3];

	cr_assert_null(weft__injectq_look(&q));
	for (uint32_t i = 0; i < 3; i++) {
		old[i] = push_block(10 + i * S, S);
		old[i]->due = INT64_MAX;
	}
	cr_assert_null(weft__injectq_look(&q));
	chain(0, 3);
	cr_assert_eq(weft__injectq_look(&q), &r[0]);
	cr_assert_eq(weft__injectq_look(&q), &r[1]);
	cr_assert_eq(weft__injectq_look(&q), &r[2]);

	/* The oldest counts. */
	old[2]->due = 0;
	cr_assert_null(weft__injectq_look(&q));
	old[0]->due = old[1]->due = 0;
	chain(0, 3);
	look_for_both(&r[0], &r[10]);
	look_for_both(&r[1], &r[11]);
	look_for_both(&r[2], S > 2 ? &r[12] : &r[10 + S]);
	cr_assert_eq(load_rlx(&q.len), 3 * S - 3);
	for (uint32_t i = 3; i < 3 * S; i++)
		cr_assert_eq(weft__injectq_look(&q), &r[10 + i]);
	cr_assert(injectq_empty(&q));
}

/* --- many at once ---------------------------------------------------------- */

enum { THREADS = 3, EACH_PUSHES = COUNT(r) / THREADS };

static _Atomic uint8_t seen[COUNT(r)];
static _Atomic uint32_t found, next_thread;

/* Push one or, as a block, some of the next `most`; returns how many. */
static uint32_t push_one_way(uint32_t i, uint32_t most)
{
	uint32_t n = RUNQ_SPILL;
	struct inject_block *b;

	r[i].index = i;
	if (i % 7 == 6 && n <= most && (b = weft__injectq_block(&q))) {
		for (uint32_t k = 0; k < n; k++) {
			r[i + k].index = i + k;
			b->slot[k] = &r[i + k];
		}
		weft__injectq_push_block(&q, b, n);
		return n;
	}
	weft__injectq_push(&q, &r[i], &r[i], 1);
	return 1;
}

/* Into the thread's own ring, unless it holds one. */
static struct routine *take_one_way(struct runq *own, uint32_t i)
{
	struct routine *got = runq_take(own);

	if (got)
		return got;
	return i % 2 ? weft__injectq_take(&q, own, i % 9) :
		       weft__injectq_look(&q);
}

static void *push_and_take(void *arg)
{
	uint32_t first = next_thread++ * EACH_PUSHES, i = 0, turn = 0;
	struct routine *got;
	struct runq own;

	(void)arg;
	memset(&own, 0, sizeof own);
	while (i < EACH_PUSHES || found < THREADS * EACH_PUSHES) {
		if (i < EACH_PUSHES)
			i += push_one_way(first + i, EACH_PUSHES - i);
		got = i == EACH_PUSHES || turn++ % 3 == 0 ?
		      take_one_way(&own, turn++) : NULL;
		if (got) {
			CHECK_EQ(seen[got->index]++, 0);
			found++;
		}
	}
	return NULL;
}

Test(injectq, each_is_taken_once)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, push_and_take, NULL),
			     0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(failures, 0);
	cr_assert(injectq_empty(&q));
}
