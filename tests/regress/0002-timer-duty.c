/* regress/0002 - a deadline was forgotten when the timed sleeper found work.
 *
 * Two workers sleep, one of them until the earlier of two deadlines; it wakes,
 * goes on busily with the routine it woke, and nobody watches for the later
 * deadline, which is in the other worker's heap.
 */
#include "stress/stress.h"

enum { ROUNDS = 20 };

/* What a loaded machine does not take, and the busy one does. */
#define LONG (100 * WEFT_S)

static _Atomic int placed, late, over;

static void wait_placed(int n)
{
	while (atomic_load(&placed) < n)
		;
}

/* Both hold their worker until the other is on its own, so that each one's
 * deadline is in a heap of its own. */
static void sleeper(void *arg)
{
	weft_time at = *(weft_time *)arg;

	atomic_fetch_add(&placed, 1);
	wait_placed(2);
	weft_sleep_until(at + 20 * WEFT_MS);
	if (weft_now() > at + LONG / 2)
		atomic_fetch_add(&late, 1);
	atomic_store(&over, 1);
}

static void busy(void *arg)
{
	weft_time at = *(weft_time *)arg;

	atomic_fetch_add(&placed, 1);
	wait_placed(2);
	weft_sleep_until(at + 10 * WEFT_MS);
	while (!atomic_load(&over) && weft_now() < at + LONG)
		weft_yield();
}

static int root(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS && !atomic_load(&late); i++) {
		weft_waitgroup all = WEFT_WAITGROUP_INIT;
		weft_time at = weft_now();

		atomic_store(&placed, 0);
		atomic_store(&over, 0);
		weft_waitgroup_go(&all, i % 2 ? busy : sleeper, &at);
		weft_waitgroup_go(&all, i % 2 ? sleeper : busy, &at);
		weft_waitgroup_wait(&all);
	}
	MUST(!atomic_load(&late), "a deadline was far too late");
	return 0;
}

int main(void)
{
	return stress_run(2, root, NULL);
}
