/* tests/unit/injectq.c - src/sched/injectq.c: the shared queue. */
#include "support/rt.h"

#include "sched/injectq.h"

#include <pthread.h>
#include <sched.h>

TestSuite(injectq, .timeout = 60);

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

static void push_block(uint32_t first, uint32_t n)
{
	struct inject_block *b = weft__injectq_block(&q);

	cr_assert_not_null(b);
	for (uint32_t i = 0; i < n; i++)
		b->slot[i] = &r[first + i];
	weft__injectq_push_block(&q, b, n);
}

Test(injectq, blocks_and_singles_keep_their_order)
{
	enum { S = RUNQ_SPILL };

	for (uint32_t round = 0; round < 200; round++) {
		chain(0, 2);
		push_block(2, S);
		push_block(2 + S, 1);
		chain(3 + S, 1);
		push_block(4 + S, S);
		for (uint32_t i = 0; i < 3; i++)
			cr_assert_eq(weft__injectq_take(&q, NULL, 0), &r[i]);
		cr_assert_eq(weft__injectq_take(&q, &ring, S), &r[3]);
		for (uint32_t i = 4; i < 4 + S; i++)
			cr_assert_eq(runq_take(&ring), &r[i]);
		cr_assert_null(runq_take(&ring));
		cr_assert_eq(load_rlx(&q.len), S);
		for (uint32_t i = 4 + S; i < 4 + 2 * S; i++)
			cr_assert_eq(weft__injectq_take(&q, NULL, 0), &r[i]);
		cr_assert(injectq_empty(&q));
	}
	weft__injectq_block_back(&q, weft__injectq_block(&q));
	weft__injectq_fini(&q);
}

/* --- many at once ---------------------------------------------------------- */

enum { THREADS = 3, EACH_PUSHES = COUNT(r) / THREADS };

static _Atomic uint8_t seen[COUNT(r)];
static _Atomic uint32_t found, next_thread;

static void *push_and_take(void *arg)
{
	uint32_t first = next_thread++ * EACH_PUSHES, i = 0;
	struct routine *got;

	(void)arg;
	while (i < EACH_PUSHES || found < THREADS * EACH_PUSHES) {
		if (i < EACH_PUSHES) {
			r[first + i].index = first + i;
			weft__injectq_push(&q, &r[first + i], &r[first + i],
					   1);
			i++;
		}
		got = i % 3 == 0 || i == EACH_PUSHES ?
		      weft__injectq_take(&q, NULL, 0) : NULL;
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
