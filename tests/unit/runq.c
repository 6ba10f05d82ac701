/* tests/unit/runq.c - src/sched/runq.c: the ring of one worker. */
#include "support/rt.h"

#include "sched/runq.h"

#include <pthread.h>
#include <stdlib.h>

TestSuite(runq, .timeout = 120);

static struct runq q, mine;

static struct routine *fresh(uint32_t n)
{
	struct routine *r = aligned_alloc(64, n * sizeof *r);

	cr_assert_not_null(r);
	memset(r, 0, n * sizeof *r);
	for (uint32_t i = 0; i < n; i++)
		r[i].index = i;
	return r;
}

/* Start near the end of the counters, so that they wrap. */
static void begin(struct runq *ring, uint32_t at)
{
	memset(ring, 0, sizeof *ring);
	store_rlx(&ring->head, at);
	store_rlx(&ring->tail, at);
}

Test(runq, first_in_first_out_up_to_its_capacity)
{
	struct routine *r = fresh(RUNQ_CAP + 1);

	for (uint32_t k = 0; k <= 16; k++) {
		begin(&q, k * RUNQ_CAP / 8 - 2 * RUNQ_CAP + 1);
		cr_assert_null(runq_take(&q));
		cr_assert(runq_empty_seq(&q));
		for (uint32_t i = 0; i < RUNQ_CAP; i++) {
			CHECK(i % 2 ? runq_push(&q, &r[i]) :
				      runq_push_quiet(&q, &r[i]));
			CHECK_EQ(runq_len(&q), i + 1);
		}
		cr_assert_not(runq_push(&q, &r[RUNQ_CAP]));
		cr_assert_not(runq_push_quiet(&q, &r[RUNQ_CAP]));
		cr_assert_not(runq_empty_seq(&q));
		for (uint32_t i = 0; i < RUNQ_CAP; i++)
			CHECK(runq_take(&q) == &r[i]);
		cr_assert_null(runq_take(&q));
		cr_assert_eq(failures, 0);
	}
	free(r);
}

Test(runq, spill_takes_the_older_half)
{
	struct routine *r = fresh(RUNQ_CAP), *spilt[RUNQ_SPILL];
	uint32_t i, n;

	begin(&q, UINT32_MAX - RUNQ_CAP / 4);
	cr_assert_eq(weft__runq_spill(&q, spilt), 0);
	for (i = 0; i < RUNQ_CAP; i++)
		cr_assert(runq_push(&q, &r[i]));
	n = weft__runq_spill(&q, spilt);
	cr_assert_eq(n, RUNQ_CAP / 2);
	for (i = 0; i < n; i++)
		cr_assert_eq(spilt[i], &r[i]);
	cr_assert_eq(runq_len(&q), RUNQ_CAP - n);
	for (; i < RUNQ_CAP; i++)
		cr_assert_eq(runq_take(&q), &r[i]);
	free(r);
}

Test(runq, the_newest_is_taken_back_and_no_other)
{
	struct routine *r = fresh(RUNQ_CAP);

	begin(&q, UINT32_MAX - 1);
	cr_assert_not(runq_take_newest(&q, &r[0]));
	for (uint32_t i = 0; i < RUNQ_CAP; i++)
		cr_assert(runq_push(&q, &r[i]));
	cr_assert_not(runq_take_newest(&q, &r[RUNQ_CAP - 2]));
	cr_assert(runq_take_newest(&q, &r[RUNQ_CAP - 1]));
	cr_assert_not(runq_take_newest(&q, &r[RUNQ_CAP - 1]));
	cr_assert_eq(runq_len(&q), RUNQ_CAP - 1);
	cr_assert_eq(runq_take(&q), &r[0]);
	cr_assert(runq_take_newest(&q, &r[RUNQ_CAP - 2]));
	for (uint32_t i = 1; i < RUNQ_CAP - 2; i++)
		cr_assert_eq(runq_take(&q), &r[i]);
	cr_assert(runq_empty_seq(&q));
	free(r);
}

Test(runq, steal_takes_half_oldest_first)
{
	struct routine *r = fresh(RUNQ_CAP);

	for (uint32_t n = 0; n <= RUNQ_CAP; n += n < 10 ? 1 : 31) {
		uint32_t half = n - n / 2;

		if (half > RUNQ_CAP / 2)
			half = RUNQ_CAP / 2;
		begin(&q, UINT32_MAX - n / 3);
		begin(&mine, UINT32_MAX - n / 5);
		for (uint32_t i = 0; i < n; i++)
			cr_assert(runq_push(&q, &r[i]));
		cr_assert_eq(weft__runq_steal(&mine, &q), n ? &r[0] : NULL);
		if (!n)
			continue;
		cr_assert_eq(runq_len(&mine), half - 1);
		cr_assert_eq(runq_len(&q), n - half);
		for (uint32_t i = 1; i < half; i++)
			cr_assert_eq(runq_take(&mine), &r[i]);
		for (uint32_t i = half; i < n; i++)
			cr_assert_eq(runq_take(&q), &r[i]);
	}
	free(r);
}

/* --- one owner, many thieves: nothing is lost and nothing comes twice ------- */

enum { THIEVES = 3, ROUTINES = WEFT_SHRINK(60000, 3000) };

static struct routine *all;
static _Atomic uint8_t seen[ROUTINES];
static _Atomic uint32_t found;

static void see(struct routine *r)
{
	CHECK_EQ(seen[r->index]++, 0);
	CHECK_EQ(r->word[0], r->index + 1);
	found++;
}

static void *thief(void *arg)
{
	struct runq *own = arg;
	struct routine *r;

	while (found < ROUTINES) {
		r = weft__runq_steal(own, &q);
		if (!r)
			sched_yield();
		while (r) {
			see(r);
			r = runq_take(own);
		}
	}
	return NULL;
}

static void owner(void)
{
	struct routine *r, *spilt[RUNQ_SPILL];
	uint32_t n;

	for (uint32_t i = 0; i < ROUTINES; i++) {
		all[i].word[0] = i + 1;
		while (!runq_push(&q, &all[i])) {
			n = weft__runq_spill(&q, spilt);
			for (uint32_t k = 0; k < n; k++)
				see(spilt[k]);
		}
		if (i % 7 == 0 && (r = runq_take(&q)))
			see(r);
		for (uint32_t k = i; i % 3 == 0 && k > 0 &&
		     runq_take_newest(&q, &all[k]); k--)
			see(&all[k]);
	}
	while (found < ROUTINES)
		if ((r = runq_take(&q)))
			see(r);
		else
			sched_yield();
}

Test(runq, each_is_taken_once)
{
	static struct runq own[THIEVES];
	pthread_t t[THIEVES];

	all = fresh(ROUTINES);
	begin(&q, UINT32_MAX - ROUTINES / 2);
	for (int i = 0; i < THIEVES; i++) {
		begin(&own[i], UINT32_MAX - 1000);
		cr_assert_eq(pthread_create(&t[i], NULL, thief, &own[i]), 0);
	}
	owner();
	for (int i = 0; i < THIEVES; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(failures, 0);
	for (int i = 0; i < ROUTINES; i++)
		cr_assert_eq(seen[i], 1);
	free(all);
}
