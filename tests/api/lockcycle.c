/* tests/api/lockcycle.c - debug builds name a cycle of locks; the deadlock report
 * says in every build who waits for what. */
#include "config.h"
#include "support/rt.h"

TestSuite(lockcycle, .timeout = 120);

static weft_mutex fork_at[3];
static weft_barrier all_seated = WEFT_BARRIER_INIT(3);

/* Everybody takes the left fork, then waits for the right one. */
static int dine(void *arg)
{
	int seat = (int)(intptr_t)arg;
	char name[20];

	snprintf(name, sizeof name, "philosopher %d", seat);
	weft_name_set(name);
	weft_mutex_lock(&fork_at[seat]);
	weft_barrier_wait(&all_seated);
	weft_mutex_lock(&fork_at[(seat + 1) % 3]);
	return 0;
}

static int party(void *arg)
{
	weft_id id[3];

	(void)arg;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, dine, (void *)(intptr_t)i), 0);
	return weft_join(id[0], NULL);
}

static int run_party(void *arg)
{
	return run_on((unsigned)(uintptr_t)arg, party, NULL) == -EDEADLK ?
	       17 : 1;
}

Test(lockcycle, is_named)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		int rc = in_child(run_party,
				  (void *)(uintptr_t)worker_counts[i]);
		char fork[40];

		cr_assert_eq(rc, 17, "%d: %s", rc, said);
		for (int k = 0; k < 3; k++) {
			snprintf(fork, sizeof fork, "\"philosopher %d\"", k);
			cr_expect_not_null(strstr(said, fork), "%s", said);
			snprintf(fork, sizeof fork, ": mutex lock on %p for ",
				 (void *)&fork_at[k]);
			cr_expect_not_null(strstr(said, fork), "%s", said);
		}
#if WEFT_DEBUG_LEVEL >= 1
		cr_expect_not_null(strstr(said, "lock cycle"), "%s", said);
		cr_expect_not_null(strstr(said, "held by"), "%s", said);
#endif
	}
}
