/* sync/lockgraph.c - see lockgraph.h.
 *
 * Two maps, lock -> holder and holder -> the lock it waits for, both search
 * trees of libc (tsearch(3)) behind one mutex: this is a debug build.  A party
 * is a routine, by its id, or a plain thread, by the address of a variable of
 * its own with the top bit set (a generation that high is 2^31 reuses away).
 *
 * Every edge of the graph is there before its party parks, under the same
 * mutex, so of those who close a cycle the last one sees all of it.
 */
#include "sync/lockgraph.h"

#if WEFT_DEBUG_LEVEL >= 1

#include "base/fork.h"
#include "sched/park.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <weft/routine.h>

enum { LONGEST = 64 };          /* a cycle of more is not followed */

struct edge {
	uint64_t from, to;
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static void *holder_of, *wanted_by;     /* guard: trees of struct edge */

static int by_from(const void *a, const void *b)
{
	uint64_t x = ((const struct edge *)a)->from;
	uint64_t y = ((const struct edge *)b)->from;

	return x < y ? -1 : x > y;
}

static void edge_set(void **tree, uint64_t from, uint64_t to)
{
	struct edge *e = malloc(sizeof *e), **in;

	if (!e)
		return;         /* one edge less to follow */
	*e = (struct edge){ from, to };
	in = tsearch(e, tree, by_from);
	if (in && *in != e) {
		(*in)->to = to;
		free(e);
	} else if (!in) {
		free(e);
	}
}

static void edge_drop(void **tree, uint64_t from)
{
	struct edge key = { .from = from }, **in = tfind(&key, tree, by_from);
	struct edge *e = in ? *in : NULL;

	if (e) {
		tdelete(e, tree, by_from);
		free(e);
	}
}

static uint64_t edge_get(void **tree, uint64_t from)
{
	struct edge key = { .from = from }, **in = tfind(&key, tree, by_from);

	return in ? (*in)->to : 0;
}

static uint64_t myself(void)
{
	static _Thread_local char mine;
	weft_id id = weft__worker() ? weft_self() : 0;

	return id ? id : (uint64_t)(uintptr_t)&mine | UINT64_C(1) << 63;
}

static void name_party(uint64_t who, char *buf, size_t size)
{
	if (who >> 63)
		snprintf(buf, size, "a plain thread");
	else
		weft__routine_describe(who, buf, size);
}

/* The lock that `me` is about to wait for leads back to `me`: say how. */
static void say_cycle(uint64_t me, uint64_t lock)
{
	char who[400];
	uint64_t party = me;

	weft__warn("lock cycle: these wait for each other");
	do {
		name_party(party, who, sizeof who);
		weft__warn("  %s: waits for lock %p, held by", who,
			   (void *)(uintptr_t)lock);
		party = edge_get(&holder_of, lock);
		lock = edge_get(&wanted_by, party);
	} while (party != me);
	name_party(me, who, sizeof who);
	weft__warn("  %s", who);
}

void weft__lock_took(const void *lock)
{
	uint64_t me = myself();

	pthread_mutex_lock(&guard);
	edge_set(&holder_of, (uint64_t)(uintptr_t)lock, me);
	pthread_mutex_unlock(&guard);
}

void weft__lock_gave(const void *lock)
{
	pthread_mutex_lock(&guard);
	edge_drop(&holder_of, (uint64_t)(uintptr_t)lock);
	pthread_mutex_unlock(&guard);
}

void weft__lock_wait(const void *lock)
{
	uint64_t me = myself(), at = (uint64_t)(uintptr_t)lock, party = 0;

	pthread_mutex_lock(&guard);
	edge_set(&wanted_by, me, at);
	for (unsigned n = 0; at && n < LONGEST && party != me; n++) {
		party = edge_get(&holder_of, at);
		at = party ? edge_get(&wanted_by, party) : 0;
	}
	if (party == me)
		say_cycle(me, (uint64_t)(uintptr_t)lock);
	pthread_mutex_unlock(&guard);
}

void weft__lock_waited(void)
{
	pthread_mutex_lock(&guard);
	edge_drop(&wanted_by, myself());
	pthread_mutex_unlock(&guard);
}

static void hold(void)
{
	pthread_mutex_lock(&guard);
}

static void release(void)
{
	pthread_mutex_unlock(&guard);
}

FORK_HOOK(FORK_LOCKGRAPH, hold, release, NULL)

#else

/* A translation unit holds a declaration. */
typedef int weft__lockgraph_not_built;

#endif
