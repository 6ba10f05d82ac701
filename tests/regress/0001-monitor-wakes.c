/* regress/0001 - a worker woken by a deadline left the monitor asleep.
 *
 * Then a routine that keeps its worker was noticed by nobody, and what it had
 * made runnable, in its next slot, waited for ever beside an idle worker.
 */
#include "stress/stress.h"

static _Atomic bool ran;

static void child(void *arg)
{
	(void)arg;
	atomic_store(&ran, true);
}

static int root(void *arg)
{
	weft_time end;

	(void)arg;
	weft_sleep(2 * WEFT_S);         /* long enough for the monitor to rest */
	MUST(weft_go(child, NULL) == 0, "no routine");
	end = weft_in(30 * WEFT_S);
	while (!atomic_load(&ran))      /* on purpose without giving way */
		MUST(weft_now() < end, "nobody ran the child");
	return 0;
}

int main(void)
{
	return stress_run(2, root, NULL);
}
