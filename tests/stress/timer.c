/* tests/stress/timer.c - timers under fire: many hands on a few of them.
 *
 * Routines of the runtime and plain threads start, stop, receive, select and
 * wait on a small set of timers of both kinds, all chosen from the seed.  What
 * is checked:
 *   - a start begins a life, and a life ends once: its value is received, its
 *     function runs, a stop says 1 or a start says 1;
 *   - nothing comes before its time, and nothing of a timer that was stopped;
 *   - what a function timer starts may free it.
 */
#include "stress.h"

enum { TIMERS = 6, ROUTINES = 12, THREADS = 3 };

struct subject {
	weft_timer t;
	_Atomic weft_time early;        /* no deadline set so far is earlier */
	atomic_long begun, ended, moved, stopped;
	bool calls;
};

static struct subject subject[TIMERS];
static atomic_long running, thrown, caught;
static weft_time end;

static void ran(void *arg)
{
	struct subject *s = arg;

	MUST(weft_now() >= s->early, "a function ran before any deadline");
	s->ended++;
}

static void start(struct rng *r, struct subject *s)
{
	weft_time at = weft_in((weft_time)rng_below(r, 60000) - 10000);
	int was = weft_timer_start(&s->t, at, 0);

	MUST(was == 0 || was == 1, "start: %d", was);
	s->begun++;
	s->moved += was;
}

static void stop(struct subject *s)
{
	int was = weft_timer_stop(&s->t);

	MUST(was == 0 || was == 1, "stop: %d", was);
	s->stopped += was;
}

static void took(struct subject *s, weft_time v)
{
	MUST(v >= s->early && v <= weft_now(), "a value out of its time");
	s->ended++;
}

static void receive(struct rng *r, struct subject *s)
{
	weft_chan *c = weft_timer_chan(&s->t);
	weft_time v = -1;
	int err = weft_chan_recv_until(c, &v, weft_in(rng_below(r, 30000)));

	MUST(err == 0 || (err == -ETIMEDOUT && v == -1), "receive: %d", err);
	if (!err)
		took(s, v);
}

static void wait(struct rng *r, struct subject *s)
{
	int err = weft_timer_wait(&s->t, weft_in(rng_below(r, 30000)));

	MUST(err == 0 || err == -ETIMEDOUT, "wait: %d", err);
	s->ended += !err;
}

static void choose(struct rng *r)
{
	weft_case cases[TIMERS];
	weft_time v[TIMERS];
	struct subject *s;
	int i;

	for (i = 0; i < TIMERS; i++) {
		v[i] = -1;
		cases[i] = WEFT_RECV(weft_timer_chan(&subject[i].t), &v[i]);
	}
	i = weft_select(cases, TIMERS, rng_below(r, 3) ?
			weft_in(rng_below(r, 30000)) : WEFT_NOWAIT);
	if (i < 0) {
		MUST(i == -ETIMEDOUT || i == -EAGAIN, "select: %d", i);
		return;
	}
	s = &subject[i];
	MUST(!s->calls && cases[i].err == 0, "a select of nothing");
	took(s, v[i]);
}

/* A timer of its own, which what it starts frees. */
struct loose {
	weft_timer t;
	weft_time at;
};

static void land(void *arg)
{
	struct loose *l = arg;

	MUST(weft_now() >= l->at, "a loose one came early");
	memset(l, 0x5a, sizeof *l);
	free(l);
	caught++;
}

static void throw(struct rng *r)
{
	struct loose *l = malloc(sizeof *l);
	int err;

	MUST(l, "no memory");
	l->at = weft_in(rng_below(r, 50000));
	err = weft_after_func(&l->t, l->at, land, l);
	MUST(err == 0, "after_func: %d", err);
	thrown++;
}

static void hand(uint64_t seed)
{
	struct rng r = { seed };

	while (weft_now() < end) {
		struct subject *s = &subject[rng_below(&r, TIMERS)];
		unsigned what = rng_below(&r, 16);

		if (what < 5)
			start(&r, s);
		else if (what < 9)
			stop(s);
		else if (what < 11)
			choose(&r);
		else if (what == 11)
			throw(&r);
		else if (what == 12)
			weft_yield();
		else if (s->calls)
			weft_checkpoint();
		else if (what == 13)
			receive(&r, s);
		else
			wait(&r, s);
	}
	running--;
}

static void hand_routine(void *arg)
{
	hand(stress_current_seed ^ (uintptr_t)arg);
}

static void *hand_thread(void *arg)
{
	hand(stress_current_seed ^ (uintptr_t)arg);
	return NULL;
}

static bool balanced(void)
{
	for (int i = 0; i < TIMERS; i++) {
		struct subject *s = &subject[i];

		if (s->begun != s->ended + s->moved + s->stopped)
			return false;
	}
	return thrown == caught;
}

static int round_of(void *arg)
{
	pthread_t thread[THREADS];
	weft_time late;

	(void)arg;
	for (int i = 0; i < TIMERS; i++) {
		struct subject *s = &subject[i];

		s->calls = i >= TIMERS / 2;
		s->begun = s->ended = s->moved = s->stopped = 0;
		s->early = weft_now() - 20000;
		if (!s->calls) {
			weft_timer_init(&s->t);
			continue;
		}
		s->begun = 1;
		MUST(weft_after_func(&s->t, weft_now(), ran, s) == 0,
		     "after_func");
	}
	running = ROUTINES + THREADS;
	for (uintptr_t i = 0; i < ROUTINES; i++)
		MUST(weft_go(hand_routine, (void *)(i * 977 + 1)) == 0, "go");
	for (uintptr_t i = 0; i < THREADS; i++)
		MUST(pthread_create(&thread[i], NULL, hand_thread,
				    (void *)(i * 7919 + 3)) == 0, "thread");
	while (running)
		weft_sleep(WEFT_MS);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < TIMERS; i++)
		stop(&subject[i]);
	for (late = weft_in(60 * WEFT_S); !balanced(); weft_yield())
		MUST(weft_now() < late, "a life is missing, or one too many");
	weft_sleep(WEFT_MS);
	MUST(balanced(), "one came after its stop");
	for (int i = 0; i < TIMERS; i++)
		weft_timer_fini(&subject[i].t);
	return 0;
}

int main(void)
{
	static const unsigned workers[] = { 1, 2, 4, 10 };
	uint64_t seed = stress_seed();
	weft_time stop_at = stress_end(4);
	unsigned rounds = 0;

	do {
		weft_config c = { .workers = workers[rounds % 4] };

		stress_current_seed = seed + rounds;
		end = weft_in(100 * WEFT_MS);
		thrown = caught = 0;
		MUST(weft_run_config(&c, round_of, NULL) == 0, "the run");
		rounds++;
	} while (weft_now() < stop_at);
	printf("timer: %u rounds, seed %" PRIu64 "\n", rounds, seed);
	return 0;
}
