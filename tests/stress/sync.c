/* stress/sync.c - once, semaphore, barrier, latch and one-shot under load.
 *
 * Each round draws a shape (workers, routines, plain threads) and plays one of
 * the games below; every form of wait is used, deadlines pass at the worst
 * moment, and routines are cancelled where a game can do without them.  The
 * objects that open once are freed by the first waiter that gets through,
 * while others are giving up.
 */
#include "stress.h"

#include <errno.h>
#include <unistd.h>

enum { PARTIES = 24, LAPS = 60, PATIENCE = 140 };

struct game;

struct party {
	struct game *g;
	unsigned index;
	struct rng rng;
	weft_id id;
	pthread_t thread;
	bool plain;
};

struct game {
	struct rng rng;
	unsigned parties;               /* how many play                    */
	void (*play)(struct party *);
	struct party party[PARTIES];
	bool cancels;
	/* semaphore */
	weft_sem sem;
	long permits;
	_Atomic long inside;
	/* barrier */
	weft_barrier barrier;
	_Atomic unsigned arrived[LAPS], firsts[LAPS];
	/* what opens once: on the heap, freed by who gets through first */
	union gate {
		weft_once once;
		weft_latch latch;
		weft_oneshot oneshot;
	} *gate;
	_Atomic unsigned out, through, runs;
};

static weft_time soon(struct rng *r)
{
	return rng_below(r, 8) ? weft_in(rng_below(r, 80) * WEFT_US)
			       : weft_now() - 5;
}

static bool gave_up(int err)
{
	return err == -EAGAIN || err == -ETIMEDOUT || err == -ECANCELED;
}

/* --- semaphore ----------------------------------------------------------------- */

static int acquire(struct party *p, long n)
{
	weft_sem *s = &p->g->sem;

	switch (rng_below(&p->rng, 4)) {
	case 0:
		return weft_sem_try_acquire(s, n);
	case 1:
		return weft_sem_acquire(s, n);
	default:
		return weft_sem_acquire_until(s, n, soon(&p->rng));
	}
}

static void play_sem(struct party *p)
{
	struct game *g = p->g;

	for (int lap = 0; lap < LAPS; lap++) {
		long n = 1 + rng_below(&p->rng, (unsigned)g->permits);
		int err = acquire(p, n);

		if (err) {
			MUST(gave_up(err), "acquire: %d", err);
			continue;
		}
		MUST(atomic_fetch_add(&g->inside, n) + n <= g->permits,
		     "too many inside");
		if (rng_below(&p->rng, 2))
			weft_yield();
		g->inside -= n;
		while (n) {
			long part = 1 + rng_below(&p->rng, (unsigned)n);

			weft_sem_release(&g->sem, part);
			n -= part;
		}
	}
}

/* --- barrier ------------------------------------------------------------------- */

static void play_barrier(struct party *p)
{
	struct game *g = p->g;

	for (int lap = 0; lap < LAPS; lap++) {
		int got;

		g->arrived[lap]++;
		while ((got = rng_below(&p->rng, 2) ?
			weft_barrier_wait(&g->barrier) :
			weft_barrier_wait_until(&g->barrier, soon(&p->rng))) < 0)
			MUST(gave_up(got), "barrier: %d", got);
		MUST(g->arrived[lap] == g->parties, "through too early");
		g->firsts[lap] += (unsigned)got;
	}
}

/* --- what opens once ----------------------------------------------------------- */

static unsigned waiting(struct game *g)
{
	return __atomic_load_n(&g->gate->once.weft__waiting, __ATOMIC_RELAXED);
}

/* Everybody is in the wait or has left it: the object may be opened, and is
 * its first leaver's, who frees it. */
static void await_others(struct game *g)
{
	unsigned out;

	/* In this order: nobody is counted twice. */
	do {
		out = g->out;
		weft_yield();
	} while (waiting(g) + out < g->parties - 1);
}

static void through(struct game *g)
{
	if (!g->through++) {
		memset(g->gate, 0xa5, sizeof *g->gate);
		free(g->gate);
	}
}

static void play_latch(struct party *p)
{
	struct game *g = p->g;
	weft_latch *l = &g->gate->latch;
	int err;

	if (!p->index) {
		await_others(g);
		weft_latch_count_down(l, 1);
		return;
	}
	err = p->index == 1 ? weft_latch_wait(l)
			    : weft_latch_wait_until(l, soon(&p->rng));
	if (!err)
		through(g);
	else
		MUST(gave_up(err), "latch: %d", err);
	g->out++;
}

static void play_oneshot(struct party *p)
{
	struct game *g = p->g;
	weft_oneshot *o = &g->gate->oneshot;
	void *v = NULL;
	int err;

	if (!p->index) {
		await_others(g);
		MUST(weft_oneshot_set(o, g) == 0, "set twice");
		return;
	}
	err = p->index == 1 ? weft_oneshot_get(o, &v)
			    : weft_oneshot_get_until(o, &v, soon(&p->rng));
	MUST(v == (err ? NULL : g), "oneshot: %d with %p", err, v);
	if (!err)
		through(g);
	else
		MUST(gave_up(err), "oneshot: %d", err);
	g->out++;
}

static void run_once(void *arg)
{
	struct game *g = arg;

	g->runs++;
	await_others(g);
}

static void play_once(struct party *p)
{
	struct game *g = p->g;
	weft_once *o = &g->gate->once;
	int err = 0;

	/* Who runs it is known, and does not count as one who left. */
	if (!p->index) {
		weft_once_do(o, run_once, g);
		return;
	}
	while (!g->runs)
		weft_yield();
	if (p->index == 1)
		weft_once_do(o, run_once, g);
	else
		err = weft_once_do_until(o, run_once, g, soon(&p->rng));
	MUST(g->runs == 1, "run twice");
	if (!err)
		through(g);
	else
		MUST(gave_up(err), "once: %d", err);
	g->out++;
}

/* --- a round --------------------------------------------------------------------- */

static int play(void *arg)
{
	struct party *p = arg;

	p->g->play(p);
	return 0;
}

static void *play_thread(void *arg)
{
	play(arg);
	return NULL;
}

static void start(struct game *g)
{
	for (unsigned i = 0; i < g->parties; i++) {
		struct party *p = &g->party[i];

		p->g = g;
		p->index = i;
		p->rng.x = rng_next(&g->rng);
		p->plain = !rng_below(&g->rng, 6);
		if (p->plain)
			MUST(!pthread_create(&p->thread, NULL, play_thread, p),
			     "no thread");
		else
			MUST(!weft_spawn(&p->id, NULL, play, p), "no routine");
	}
}

static void join(struct game *g)
{
	for (unsigned i = 0; i < g->parties; i++)
		if (!g->party[i].plain)
			MUST(!weft_join(g->party[i].id, NULL), "join");
	for (unsigned i = 0; i < g->parties; i++)
		if (g->party[i].plain)
			pthread_join(g->party[i].thread, NULL);
}

/* Parties 0 and 1 play to the end. */
static void cancel_some(struct game *g)
{
	for (unsigned i = 2; g->cancels && i < g->parties; i++) {
		if (!g->party[i].plain && !rng_below(&g->rng, 4))
			(void)weft_cancel(g->party[i].id);
		if (!rng_below(&g->rng, 3))
			weft_yield();
	}
}

static void check(struct game *g)
{
	if (g->play == play_sem) {
		MUST(!weft_sem_try_acquire(&g->sem, g->permits) &&
		     weft_sem_try_acquire(&g->sem, 1) == -EAGAIN,
		     "permits lost or found");
	} else if (g->play == play_barrier) {
		for (int lap = 0; lap < LAPS; lap++)
			MUST(g->firsts[lap] == 1, "%u firsts in lap %d",
			     g->firsts[lap], lap);
	} else {
		MUST(g->through, "nobody got through");
	}
}

static int round_of(void *arg)
{
	static void (*const games[])(struct party *) = {
		play_sem, play_barrier, play_latch, play_oneshot, play_once,
	};
	struct game *g = arg;

	g->play = games[rng_below(&g->rng, 5)];
	g->parties = 2 + rng_below(&g->rng, PARTIES - 1);
	g->cancels = g->play != play_barrier && rng_below(&g->rng, 2);
	g->permits = 1 + (long)rng_below(&g->rng, 9);
	g->sem = (weft_sem)WEFT_SEM_INIT(g->permits);
	g->barrier = (weft_barrier)WEFT_BARRIER_INIT(g->parties);
	if (g->play != play_sem && g->play != play_barrier) {
		g->gate = calloc(1, sizeof *g->gate);
		MUST(g->gate, "no memory");
		if (g->play == play_latch)
			g->gate->latch = (weft_latch)WEFT_LATCH_INIT(1);
	}
	start(g);
	cancel_some(g);
	join(g);
	check(g);
	return 0;
}

int main(void)
{
	struct rng rng = stress_begin();
	weft_time stop = stress_end(5);
	uint64_t rounds = 0;

	do {
		struct game *g = calloc(1, sizeof *g);

		MUST(g, "no memory");
		g->rng.x = rng_next(&rng);
		/* Plain threads come late: a hang is for the alarm to tell. */
		stress_round(&g->rng, PATIENCE, WEFT_DEADLOCK_IGNORE, round_of,
			     g);
		free(g);
		rounds++;
	} while (weft_now() < stop);
	printf("%" PRIu64 " rounds\n", rounds);
	return 0;
}
