/* stress/chaos.c - random spawn, yield, send, receive, close, join; no value,
 * wakeup or routine may be lost.
 *
 * An epoch is one runtime with 1 to 8 workers.  A few places hold a channel
 * each; a feeder sends into it and a sink drains it until it is closed, so no
 * plain send or receive waits for ever.  Actors pick a place and do something
 * to it, spawn more actors and join them; a plain thread is one more actor.
 * Closing a channel puts a fresh one in its place.  At the end everything is
 * closed and joined, and the books must balance: values sent = values received,
 * in number and in sum; routines started = routines ended.
 *
 * A watchdog that sees no operation for a while says what it knows and aborts.
 */
#include "stress.h"

#include <errno.h>

enum {
	PLACES = 6, MANY = 7, CHILDREN = 4, DEPTH_MAX = 4,
	PATIENCE = 30,          /* seconds without an operation: hung */
};

struct place {
	pthread_mutex_t lock;   /* a few instructions, never over a park */
	weft_chan *c;           /* lock; NULL: the epoch is over          */
};

enum kind {
	ACTOR, FEEDER, SINK, THREAD, KINDS
};

static const char *const kind_name[KINDS] = {
	"actors", "feeders", "sinks", "threads"
};

static struct {
	struct place place[PLACES];
	weft_waitgroup all;
	_Atomic uint64_t sent, sent_sum, received, received_sum;
	_Atomic uint64_t started, ended, ids;
	_Atomic int64_t alive[KINDS];
	_Atomic uint64_t operations;    /* the watchdog's heartbeat */
	_Atomic uint64_t seed;          /* of the epoch             */
	_Atomic unsigned workers;
	_Atomic bool over;
	_Atomic(const char *) phase;
} g;

static void beat(void)
{
	atomic_fetch_add_explicit(&g.operations, 1, memory_order_relaxed);
}

static void sent(const uint64_t *v, ssize_t n)
{
	beat();
	for (ssize_t i = 0; i < n; i++)
		atomic_fetch_add(&g.sent_sum, v[i]);
	if (n > 0)
		atomic_fetch_add(&g.sent, (uint64_t)n);
}

static void received(const uint64_t *v, ssize_t n)
{
	beat();
	for (ssize_t i = 0; i < n; i++)
		atomic_fetch_add(&g.received_sum, v[i]);
	if (n > 0)
		atomic_fetch_add(&g.received, (uint64_t)n);
}

/* --- feeders and sinks ---------------------------------------------------------- */

struct post {
	weft_chan *c;
	struct rng rng;
};

static void begin(enum kind k)
{
	atomic_fetch_add(&g.started, 1);
	atomic_fetch_add(&g.alive[k], 1);
}

static void end(enum kind k)
{
	atomic_fetch_sub(&g.alive[k], 1);
	atomic_fetch_add(&g.ended, 1);
	weft_waitgroup_done(&g.all);
}

static void feeder(void *arg)
{
	struct post *p = arg;
	uint64_t v;

	while (v = rng_next(&p->rng), weft_chan_send(p->c, &v) == 0) {
		sent(&v, 1);
		if (weft_chan_len(p->c) > 1000 || rng_below(&p->rng, 2))
			weft_yield();
	}
	weft_chan_unref(p->c);
	free(p);
	end(FEEDER);
}

static void sink(void *arg)
{
	struct post *p = arg;
	uint64_t v;

	while (weft_chan_recv(p->c, &v) == 0)
		received(&v, 1);
	weft_chan_unref(p->c);
	free(p);
	end(SINK);
}

static void launch(enum kind k, void (*fn)(void *), void *arg)
{
	begin(k);
	weft_waitgroup_add(&g.all, 1);
	MUST(weft_go(fn, arg) == 0, "no routine");
}

static weft_chan *furnish(struct rng *rng)
{
	static const size_t cap[] = { 0, 0, 1, 3, 16, WEFT_UNBOUNDED };
	weft_chan *c = weft_chan_new(8, cap[rng_below(rng, 6)]);

	MUST(c, "no channel");
	for (int i = 0; i < 2; i++) {
		struct post *p = malloc(sizeof *p);

		MUST(p, "no memory");
		p->c = weft_chan_ref(c);
		p->rng.x = rng_next(rng);
		if (i)
			launch(SINK, sink, p);
		else
			launch(FEEDER, feeder, p);
	}
	return c;
}

/* A reference to what is in a place now; NULL when the epoch is over. */
static weft_chan *visit(struct place *p)
{
	weft_chan *c;

	pthread_mutex_lock(&p->lock);
	c = weft_chan_ref(p->c);
	pthread_mutex_unlock(&p->lock);
	return c;
}

static void close_at(struct place *p, weft_chan *c, struct rng *rng)
{
	weft_chan *fresh = furnish(rng);

	pthread_mutex_lock(&p->lock);
	if (p->c == c) {
		p->c = fresh;
		fresh = c;      /* the place's reference */
	}
	pthread_mutex_unlock(&p->lock);
	/* Either the old one, or the new one that came too late. */
	MUST(weft_chan_close(fresh) == 0, "close");
	weft_chan_unref(fresh);
}

/* --- actors ------------------------------------------------------------------------ */

struct actor {
	struct rng rng;
	unsigned depth, steps;
	uint64_t id;
	weft_id child[CHILDREN];
	struct actor *born[CHILDREN];
	unsigned children;
};

static int actor_run(struct actor *a);

static int actor_joined(void *arg)
{
	struct actor *a = arg;
	int status = actor_run(a);

	end(ACTOR);
	return status;
}

static void actor_alone(void *arg)
{
	struct actor *a = arg;

	actor_run(a);
	free(a);
	end(ACTOR);
}

static struct actor *actor_new(struct rng *rng, unsigned depth)
{
	struct actor *a = calloc(1, sizeof *a);

	MUST(a, "no memory");
	a->rng.x = rng_next(rng);
	a->depth = depth;
	a->steps = 10 + rng_below(rng, 60);
	a->id = atomic_fetch_add(&g.ids, 1);
	return a;
}

static void join_one(struct actor *a)
{
	unsigned i = --a->children;
	int status = -1, err, want = (int)(a->born[i]->id & 0xffff);

	do {
		if (rng_below(&a->rng, 2))
			err = weft_join(a->child[i], &status);
		else
			err = weft_join_until(a->child[i], &status,
					      weft_in(rng_below(&a->rng, 200) *
						      WEFT_US));
	} while (err == -ETIMEDOUT);
	MUST(err == 0, "join: %d", err);
	MUST(status == want, "joined with %d, not %d", status, want);
	MUST(weft_join(a->child[i], NULL) == -ESRCH, "joined twice");
	free(a->born[i]);
	beat();
}

static void spawn_one(struct actor *a)
{
	struct actor *b;

	if (a->depth >= DEPTH_MAX)
		return;
	b = actor_new(&a->rng, a->depth + 1);
	if (a->children == CHILDREN || rng_below(&a->rng, 2)) {
		launch(ACTOR, actor_alone, b);
		return;
	}
	begin(ACTOR);
	weft_waitgroup_add(&g.all, 1);
	a->born[a->children] = b;
	MUST(weft_spawn(&a->child[a->children++], NULL, actor_joined, b) == 0,
	     "no routine");
}

static weft_time soon(struct rng *rng)
{
	return weft_in((int64_t)rng_below(rng, 100) * WEFT_US - 5 * WEFT_US);
}

static void send_step(struct rng *rng, weft_chan *c)
{
	uint64_t v[MANY];
	ssize_t n = 1;
	int err = 0;

	for (int i = 0; i < MANY; i++)
		v[i] = rng_next(rng);
	switch (rng_below(rng, 4)) {
	case 0:
		err = weft_chan_send(c, v);
		break;
	case 1:
		err = weft_chan_try_send(c, v);
		break;
	case 2:
		err = weft_chan_send_until(c, v, soon(rng));
		break;
	default:
		n = weft_chan_send_many(c, v, MANY, soon(rng));
	}
	sent(v, err ? 0 : n);
	if (n < 0)
		err = (int)n;
	MUST(err == 0 || err == -EPIPE || err == -EAGAIN || err == -ETIMEDOUT,
	     "send: %d", err);
}

static void receive_step(struct rng *rng, weft_chan *c)
{
	uint64_t v[MANY];
	ssize_t n = 1;
	int err = 0;

	switch (rng_below(rng, 4)) {
	case 0:
		err = weft_chan_recv(c, v);
		break;
	case 1:
		err = weft_chan_try_recv(c, v);
		break;
	case 2:
		err = weft_chan_recv_until(c, v, soon(rng));
		break;
	default:
		n = weft_chan_recv_many(c, v, MANY, soon(rng));
	}
	received(v, err ? 0 : n);
	if (n < 0)
		err = (int)n;
	MUST(err == 0 || err == -EPIPE || err == -EAGAIN || err == -ETIMEDOUT,
	     "receive: %d", err);
}

static void step(struct actor *a)
{
	struct place *p = &g.place[rng_below(&a->rng, PLACES)];
	unsigned what = rng_below(&a->rng, 64);
	weft_chan *c;

	if (what < 16) {
		weft_yield();
		return;
	}
	if (what < 20) {
		spawn_one(a);
		return;
	}
	if (what < 22) {
		if (a->children)
			join_one(a);
		return;
	}
	c = visit(p);
	if (!c)
		return;
	if (what == 63)
		close_at(p, c, &a->rng);
	else if (what < 43)
		send_step(&a->rng, c);
	else
		receive_step(&a->rng, c);
	weft_chan_unref(c);
}

static int actor_run(struct actor *a)
{
	while (a->steps--)
		step(a);
	while (a->children)
		join_one(a);
	return (int)(a->id & 0xffff);
}

static void *actor_thread(void *arg)
{
	struct actor *a = arg;

	actor_run(a);
	free(a);
	end(THREAD);
	return NULL;
}

/* --- epochs ------------------------------------------------------------------------- */

static void finish(void)
{
	atomic_store(&g.phase, "waiting for the actors");
	while (atomic_load(&g.alive[ACTOR]) || atomic_load(&g.alive[THREAD]))
		weft_yield();
	atomic_store(&g.phase, "closing");
	for (int i = 0; i < PLACES; i++) {
		struct place *p = &g.place[i];
		weft_chan *c;

		pthread_mutex_lock(&p->lock);
		c = p->c;
		p->c = NULL;
		pthread_mutex_unlock(&p->lock);
		MUST(weft_chan_close(c) == 0, "close");
		weft_chan_unref(c);
	}
	atomic_store(&g.phase, "waiting for feeders and sinks");
	weft_waitgroup_wait(&g.all);
}

static int epoch(void *arg)
{
	struct rng *rng = arg;
	unsigned actors = 2 + rng_below(rng, 30), threads = rng_below(rng, 3);
	pthread_t thread[2];

	atomic_store(&g.phase, "acting");
	for (int i = 0; i < PLACES; i++)
		g.place[i].c = furnish(rng);
	for (unsigned i = 0; i < threads; i++) {
		begin(THREAD);
		weft_waitgroup_add(&g.all, 1);
		MUST(!pthread_create(&thread[i], NULL, actor_thread,
				     actor_new(rng, DEPTH_MAX - 1)),
		     "no thread");
	}
	for (unsigned i = 0; i < actors; i++)
		launch(ACTOR, actor_alone, actor_new(rng, 0));
	finish();
	for (unsigned i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static void balance(void)
{
	uint64_t s = atomic_load(&g.sent), r = atomic_load(&g.received);

	MUST(s == r, "sent %" PRIu64 " values, received %" PRIu64, s, r);
	MUST(atomic_load(&g.sent_sum) == atomic_load(&g.received_sum),
	     "the values are not those that were sent");
	s = atomic_load(&g.started);
	r = atomic_load(&g.ended);
	MUST(s == r, "started %" PRIu64 ", ended %" PRIu64, s, r);
}

/* --- the watchdog --------------------------------------------------------------------- */

static pthread_mutex_t dog_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t dog_cond = PTHREAD_COND_INITIALIZER;

static void dump(void)
{
	fprintf(stderr, "HUNG: seed=%" PRIu64 " epoch seed=%" PRIu64
		" workers=%u phase=%s\n  sent %" PRIu64 " received %" PRIu64
		" started %" PRIu64 " ended %" PRIu64 "\n",
		stress_current_seed, atomic_load(&g.seed),
		atomic_load(&g.workers), atomic_load(&g.phase),
		atomic_load(&g.sent), atomic_load(&g.received),
		atomic_load(&g.started), atomic_load(&g.ended));
	for (int k = 0; k < KINDS; k++)
		fprintf(stderr, "  %s alive: %" PRId64 "\n", kind_name[k],
			atomic_load(&g.alive[k]));
	for (int i = 0; i < PLACES; i++) {
		weft_chan *c = g.place[i].c;

		fprintf(stderr, "  place %d: %p cap %zu len %zu\n", i,
			(void *)c, weft_chan_cap(c), weft_chan_len(c));
	}
}

static void *watchdog(void *arg)
{
	uint64_t last = 0, now;
	unsigned still = 0;
	struct timespec t;

	(void)arg;
	pthread_mutex_lock(&dog_lock);
	while (!atomic_load(&g.over)) {
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec++;
		pthread_cond_timedwait(&dog_cond, &dog_lock, &t);
		now = atomic_load(&g.operations);
		still = now == last ? still + 1 : 0;
		last = now;
		if (still > PATIENCE) {
			dump();
			abort();
		}
	}
	pthread_mutex_unlock(&dog_lock);
	return NULL;
}

int main(void)
{
	struct rng rng = stress_begin();
	weft_time stop = stress_end(5);
	uint64_t epochs = 0;
	pthread_t dog;

	for (int i = 0; i < PLACES; i++)
		pthread_mutex_init(&g.place[i].lock, NULL);
	MUST(!pthread_create(&dog, NULL, watchdog, NULL), "no thread");
	do {
		struct rng own = { rng_next(&rng) };
		weft_config config;
		int err;

		weft_config_init(&config);
		config.workers = 1 + rng_below(&own, 8);
		atomic_store(&g.seed, own.x);
		atomic_store(&g.workers, config.workers);
		err = weft_run_config(&config, epoch, &own);
		MUST(err == 0, "run: %d", err);
		balance();
		if (++epochs % 100 == 0 && getenv("WEFT_STRESS_VERBOSE"))
			printf("%" PRIu64 " epochs\n", epochs);
	} while (weft_now() < stop);
	pthread_mutex_lock(&dog_lock);
	atomic_store(&g.over, true);
	pthread_cond_signal(&dog_cond);
	pthread_mutex_unlock(&dog_lock);
	pthread_join(dog, NULL);
	printf("%" PRIu64 " epochs, %" PRIu64 " values, %" PRIu64 " routines\n",
	       epochs, atomic_load(&g.sent), atomic_load(&g.started));
	return 0;
}
