/* regress/0029 - routines piled up behind one that spawned and joined another
 * each time it started one: the joined one had its turn ahead of the ring, and
 * what the ring spilled came back a few at a time.
 *
 * When such turns were given up at each overflow, a tree of joins began new
 * branches instead of ending old ones: so that is looked at, too.
 */
#include "stress/stress.h"

#include "sched/injectq.h"

/* On one worker nobody else runs them.  Four at a time make the pile sooner; where
 * no more fit into a ring the pile grows, but slower than without the cure. */
enum { ROUNDS = 8000, EACH = 4, PILE = WEFT_SHRINK(8000, 20000) };

/* 97656 routines; 246 nodes are half done at once, or twice as many.  What has
 * waited for long is begun all the same, and a spare begins some, too: so only a
 * quick run on one thread tells. */
enum { FAN = 5, DEPTH = 7, HALF_DONE = 400, TRIES = 3 };

/* Atomic: a worker that is held up may be lent a spare. */
static atomic_long ended, half_done, most_done;
static atomic_bool helped;
static pthread_t home;

static void detached(void *arg)
{
	(void)arg;
	ended++;
}

static int joined(void *arg)
{
	(void)arg;
	return 0;
}

static int chain(void *arg)
{
	long started = 0, most = 0;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		weft_id id;

		for (int n = 0; n < EACH; n++, started++)
			MUST(weft_go(detached, NULL) == 0, "go");
		MUST(weft_spawn(&id, NULL, joined, NULL) == 0, "spawn");
		MUST(weft_join(id, NULL) == 0, "join");
		if (started - ended > most)
			most = started - ended;
	}
	MUST(most < PILE, "%ld of %ld waited", most, started);
	return 0;
}

static int node(void *arg)
{
	const char *below = arg;
	weft_id id[FAN];
	long now;

	if (!*below)
		return 0;
	if (!pthread_equal(pthread_self(), home))
		helped = true;
	now = ++half_done;
	if (now > most_done)
		most_done = now;
	for (int i = 0; i < FAN; i++)
		MUST(weft_spawn(&id[i], NULL, node, (void *)(below + 1)) == 0,
		     "spawn");
	for (int i = 0; i < FAN; i++)
		MUST(weft_join(id[i], NULL) == 0, "join");
	half_done--;
	return 0;
}

static int tree_on(void *depth)
{
	home = pthread_self();
	return node(depth);
}

/* False: too slow, or not alone. */
static bool tree(void)
{
	char depth[DEPTH + 1] = "";
	weft_time began = weft_now();

	memset(depth, '.', DEPTH);
	half_done = most_done = 0;
	helped = false;
	stress_run(1, tree_on, depth);
	if (helped || weft_now() - began >= INJECT_AGE)
		return false;
	MUST(most_done < HALF_DONE, "%ld nodes half done", most_done);
	return true;
}

int main(void)
{
	stress_run(1, chain, NULL);
	for (int i = 0; i < TRIES && !tree(); i++)
		;
	return 0;
}
