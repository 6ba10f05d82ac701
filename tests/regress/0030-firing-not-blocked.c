/* regress/0030 - spare workers were lent, by the dozen, for workers that fired
 * timers.
 *
 * Many were due at once, and there were more threads than CPUs.  Whoever fired
 * them got little of a CPU, and those who came to help waited for the heap, so
 * each looked as if it were blocked; and each spare that was lent came to help.
 */
#include "stress/stress.h"

#include "sched/runtime.h"
#include "sched/worker.h"

enum { WORKERS = 2, BURNERS_MAX = 64, LENT_MAX = 20 };

/* Time for some fifty spares, where nobody knows better. */
#define HELD_NS (400 * WEFT_MS)

static struct weft_runtime *rt;
static atomic_bool over, held;

static void *burn(void *arg)
{
	while (!over)
		;
	return arg;
}

/* A heap, with a timer in it that falls due meanwhile: so it is being fired. */
static struct timers *lock_armed(void)
{
	for (unsigned i = 0;; i = (i + 1) % WORKERS) {
		struct timers *ts = &rt->worker[i]->timers;

		if (load_rlx(&ts->first) == INT64_MAX)
			continue;
		spin_lock(&ts->lock);
		if (load_rlx(&ts->first) != INT64_MAX)
			return ts;
		spin_unlock(&ts->lock);
	}
}

static void *hold(void *arg)
{
	struct timers *of = lock_armed();
	uint32_t most = 0;
	weft_time end;

	held = true;
	end = weft_in(HELD_NS);
	while (weft_now() < end) {
		uint32_t lent = load_rlx(&rt->monitor.lent);

		most = lent > most ? lent : most;
	}
	spin_unlock(&of->lock);
	MUST(most < LENT_MAX, "%u spares were lent", most);
	return arg;
}

static int root(void *arg)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int n = cpus > 0 && cpus < BURNERS_MAX / 4 ? (int)cpus * 4 : BURNERS_MAX;
	pthread_t burner[BURNERS_MAX], holder;

	(void)arg;
	rt = weft__worker()->rt;
	for (int i = 0; i < n; i++)
		MUST(!pthread_create(&burner[i], NULL, burn, NULL), "thread");
	MUST(!pthread_create(&holder, NULL, hold, NULL), "thread");
	while (!held)
		weft_sleep(WEFT_MS);
	over = true;
	pthread_join(holder, NULL);
	for (int i = 0; i < n; i++)
		pthread_join(burner[i], NULL);
	return 0;
}

int main(void)
{
	alarm(140);
	return stress_run(WORKERS, root, NULL);
}
