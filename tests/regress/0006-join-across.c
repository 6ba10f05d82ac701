/* regress/0006 - a runtime stopped, and a routine of another one that was
 * joining one of its routines was never told.
 */
#include "stress/stress.h"

#include <errno.h>
#include <unistd.h>

static weft_runtime *other;
static weft_id id;
static _Atomic int told = 1;

/* No cancel point: the stop has to discard it. */
static int parked(void *arg)
{
	static weft_waitgroup never;

	(void)arg;
	never = (weft_waitgroup)WEFT_WAITGROUP_INIT;
	weft_waitgroup_add(&never, 1);
	weft_waitgroup_wait(&never);
	return 0;
}

static int spawn(void *arg)
{
	(void)arg;
	return weft_spawn(&id, NULL, parked, NULL);
}

static void joiner(void *arg)
{
	(void)arg;
	atomic_store(&told, weft_join(id, NULL));
}

static int root(void *arg)
{
	weft_waitgroup all = WEFT_WAITGROUP_INIT;

	(void)arg;
	weft_waitgroup_go(&all, joiner, NULL);
	weft_sleep(20 * WEFT_MS);
	MUST(weft_stop(other, WEFT_FOREVER) == 0, "stop");
	weft_waitgroup_wait(&all);
	return 0;
}

int main(void)
{
	alarm(140);
	for (int i = 0; i < 100 && atomic_load(&told) != -ECANCELED; i++) {
		MUST(weft_start(NULL, &other) == 0, "start");
		MUST(weft_call(other, spawn, NULL) == 0, "spawn");
		MUST(weft_run(root, NULL) == 0, "run");
		/* Who comes too late to wait finds nobody. */
		MUST(atomic_load(&told) == -ECANCELED ||
		     atomic_load(&told) == -ESRCH, "join said %d",
		     atomic_load(&told));
	}
	MUST(atomic_load(&told) == -ECANCELED, "too late each time");
	return 0;
}
