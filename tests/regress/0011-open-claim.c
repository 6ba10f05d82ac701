/* regress/0011 - a record went back to the pool with its wait still open.
 *
 * A routine that was discarded in a wait that could be cancelled left the claim
 * of that wait open in its record.  Who cancelled the next routine of the record,
 * while it ran, then ended a wait that was not there.
 */
#include "stress/stress.h"

enum { N = 300 };

static atomic_int there;

static int sleep_long(void *arg)
{
	(void)arg;
	there++;
	return weft_sleep(3600 * WEFT_S);
}

static int leave(void *arg)
{
	weft_id id;

	for (int i = 0; i < N; i++)
		MUST(weft_spawn(&id, NULL, sleep_long, arg) == 0, "spawn");
	while (there < N)
		weft_yield();
	return 0;
}

/* It runs when it is cancelled. */
static int cancel_self(void *arg)
{
	MUST(weft_cancel(weft_self()) == 0, "cancel of oneself");
	MUST(weft_sleep(3600 * WEFT_S) == -ECANCELED, "not cancelled");
	return (int)(intptr_t)arg;
}

static int again(void *arg)
{
	weft_id id[N];
	int status;

	for (intptr_t i = 0; i < N; i++)
		MUST(weft_spawn(&id[i], NULL, cancel_self, (void *)i) == 0,
		     "spawn");
	for (int i = 0; i < N; i++) {
		MUST(weft_join(id[i], &status) == 0, "join");
		MUST(status == i, "status %d, not %d", status, i);
	}
	return (int)(intptr_t)arg;
}

int main(void)
{
	weft_config c;

	weft_config_init(&c);
	c.workers = 1;
	for (int i = 0; i < 3; i++) {
		there = 0;
		MUST(weft_run_config(&c, leave, NULL) == 0, "the first run");
		MUST(weft_run_config(&c, again, NULL) == 0, "the second run");
	}
	return 0;
}
