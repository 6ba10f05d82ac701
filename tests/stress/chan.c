/* stress/chan.c - every value arrives once, and in its sender's order.
 *
 * Each round draws a shape: capacity, parties (routines and plain threads),
 * workers, element size, early close.  The parties use every form of send and
 * receive at random.  A sender numbers what it has really sent; at the end
 * the receivers together hold each number once, and each receiver saw every
 * sender's numbers rise.  Between rounds: objects that go away as soon as one
 * side has returned.
 */
#include "stress.h"

#include <errno.h>

enum { SENDERS_MAX = 8, PER_SENDER = 600 };

struct value {
	uint32_t sender, seq;
	uint64_t tail[2];       /* copies of the above, for the sizes > 8 */
};

struct shape {
	size_t cap, size;
	unsigned workers, senders, receivers, threads;
	bool close_early, deadlines;
};

struct round {
	struct shape s;
	weft_chan *c;
	weft_waitgroup senders, all;
	_Atomic uint32_t sent[SENDERS_MAX];
	_Atomic uint8_t got[SENDERS_MAX][PER_SENDER];
	_Atomic uint32_t received;
};

struct party {
	struct round *r;
	uint32_t id;
	struct rng rng;
	pthread_t thread;
	bool is_sender;
	int64_t last[SENDERS_MAX];
};

/* --- one party --------------------------------------------------------------- */

static weft_time soon(struct party *p)
{
	return rng_below(&p->rng, 4) ? weft_in(rng_below(&p->rng, 60) * WEFT_US)
				     : weft_now() - 5;
}

static bool again(int err)
{
	return err == -EAGAIN || err == -ETIMEDOUT;
}

/* Sends p's next values, as many as it says; -EPIPE, or not yet. */
static ssize_t send_some(struct party *p, uint32_t seq, unsigned left)
{
	struct round *r = p->r;
	size_t size = r->s.size;
	char bytes[4 * sizeof(struct value)];
	unsigned n = 1 + rng_below(&p->rng, left < 4 ? left : 4);
	int err;

	for (unsigned i = 0; i < n; i++) {
		struct value v = { p->id, seq + i, { 0, 0 } };

		v.tail[0] = v.tail[1] = (uint64_t)v.sender << 32 | v.seq;
		memcpy(bytes + i * size, &v, size);
	}
	switch (rng_below(&p->rng, r->s.deadlines ? 8 : 2)) {
	case 2: case 3:
		err = weft_chan_try_send(r->c, bytes);
		break;
	case 4:
		err = weft_chan_send_until(r->c, bytes, soon(p));
		break;
	case 5:
		return weft_chan_send_many(r->c, bytes, n, soon(p));
	case 6:
		return weft_chan_send_many(r->c, bytes, n, WEFT_NOWAIT);
	case 1:
		return weft_chan_send_many(r->c, bytes, n, WEFT_FOREVER);
	default:
		err = weft_chan_send(r->c, bytes);
	}
	return err ? err : 1;
}

static void sender(struct party *p)
{
	struct round *r = p->r;
	uint32_t seq = 0;

	while (seq < PER_SENDER) {
		ssize_t n = send_some(p, seq, PER_SENDER - seq);

		if (n == -EPIPE)
			break;
		if (n > 0)
			seq += (uint32_t)n;
		else if (again((int)n))
			weft_yield();
		else
			stress_fail("send: %zd", n);
	}
	MUST(seq == PER_SENDER || r->s.close_early, "sender cut short");
	atomic_store(&r->sent[p->id], seq);
	weft_waitgroup_done(&r->senders);
}

static void take(struct party *p, const char *bytes)
{
	struct round *r = p->r;
	struct value v = { 0 };

	memcpy(&v, bytes, r->s.size);
	MUST(v.sender < r->s.senders && v.seq < PER_SENDER,
	     "value from nowhere: %" PRIu32 "/%" PRIu32, v.sender, v.seq);
	for (size_t i = 0; i < (r->s.size - 8) / 8; i++)
		MUST(v.tail[i] == ((uint64_t)v.sender << 32 | v.seq),
		     "torn value");
	MUST((int64_t)v.seq > p->last[v.sender],
	     "sender %" PRIu32 ": %" PRIu32 " after %" PRId64, v.sender, v.seq,
	     p->last[v.sender]);
	p->last[v.sender] = v.seq;
	MUST(!atomic_exchange(&r->got[v.sender][v.seq], 1), "value came twice");
	atomic_fetch_add(&r->received, 1);
}

static ssize_t receive_some(struct party *p, char *bytes)
{
	struct round *r = p->r;
	int err;

	switch (rng_below(&p->rng, r->s.deadlines ? 8 : 2)) {
	case 2: case 3:
		err = weft_chan_try_recv(r->c, bytes);
		break;
	case 4:
		err = weft_chan_recv_until(r->c, bytes, soon(p));
		break;
	case 5:
		return weft_chan_recv_many(r->c, bytes, 4, soon(p));
	case 6:
		return weft_chan_recv_many(r->c, bytes, 4, WEFT_NOWAIT);
	case 1:
		return weft_chan_recv_many(r->c, bytes, 4, WEFT_FOREVER);
	default:
		err = weft_chan_recv(r->c, bytes);
	}
	return err ? err : 1;
}

static void receiver(struct party *p)
{
	char bytes[4 * sizeof(struct value) + 1];
	size_t size = p->r->s.size;

	memset(p->last, 0xff, sizeof p->last);
	for (;;) {
		memset(bytes, 0x5a, sizeof bytes);
		ssize_t n = receive_some(p, bytes);

		for (ssize_t i = 0; i < n; i++)
			take(p, bytes + (size_t)i * size);
		if (n == -EPIPE)
			break;
		MUST(bytes[(n > 0 ? (size_t)n : 0) * size] == 0x5a,
		     "receive wrote past what it says");
		if (n <= 0) {
			MUST(again((int)n), "receive: %zd", n);
			weft_yield();
		}
	}
}

static void party(void *arg)
{
	struct party *p = arg;
	struct round *r = p->r;
	weft_chan *c = r->c;

	if (p->is_sender)
		sender(p);
	else
		receiver(p);
	weft_chan_unref(c);
	weft_waitgroup_done(&r->all);
}

static void *thread_party(void *arg)
{
	party(arg);
	return NULL;
}

/* --- one round ------------------------------------------------------------------ */

static void check(struct round *r)
{
	uint32_t sent = 0;

	for (unsigned i = 0; i < r->s.senders; i++) {
		uint32_t n = atomic_load(&r->sent[i]);

		sent += n;
		for (uint32_t seq = 0; seq < PER_SENDER; seq++)
			MUST(atomic_load(&r->got[i][seq]) == (seq < n),
			     "sender %u, %" PRIu32 " sent: value %" PRIu32 " %s",
			     i, n, seq, seq < n ? "lost" : "came from nowhere");
	}
	MUST(sent == atomic_load(&r->received), "sent %" PRIu32 ", received %"
	     PRIu32, sent, atomic_load(&r->received));
}

struct job {
	struct shape s;
	struct rng rng;
};

static int play(void *arg)
{
	struct job *job = arg;
	struct shape *s = &job->s;
	unsigned n = s->senders + s->receivers, threads = s->threads;
	struct round *r = calloc(1, sizeof *r);
	struct party *p = calloc(n, sizeof *p);

	MUST(r && p, "no memory");
	r->s = *s;
	r->c = weft_chan_new(s->size, s->cap);
	MUST(r->c, "no channel");
	weft_waitgroup_add(&r->senders, s->senders);
	weft_waitgroup_add(&r->all, n);
	for (unsigned i = 0; i < n; i++) {
		p[i].r = r;
		p[i].is_sender = i < s->senders;
		p[i].id = p[i].is_sender ? i : i - s->senders;
		p[i].rng.x = rng_next(&job->rng);
		weft_chan_ref(r->c);
	}
	for (unsigned i = 0; i < n; i++) {
		/* threads are dealt from both ends: senders and receivers */
		if (i < threads / 2 || i >= n - (threads + 1) / 2)
			MUST(!pthread_create(&p[i].thread, NULL, thread_party,
					     &p[i]), "no thread");
		else
			MUST(!weft_go(party, &p[i]), "no routine");
	}
	if (s->close_early) {
		unsigned pause = rng_below(&job->rng, 400);

		while (pause--)
			weft_yield();
	} else {
		weft_waitgroup_wait(&r->senders);
	}
	MUST(weft_chan_close(r->c) == 0, "close");
	MUST(weft_chan_close(r->c) == -EALREADY, "close twice");
	weft_waitgroup_wait(&r->all);
	for (unsigned i = 0; i < n; i++)
		if (i < threads / 2 || i >= n - (threads + 1) / 2)
			pthread_join(p[i].thread, NULL);
	check(r);
	MUST(weft_chan_len(r->c) == 0, "something is left");
	weft_chan_unref(r->c);
	free(p);
	free(r);
	return 0;
}

/* --- objects that go at once --------------------------------------------------- */

static void send_and_forget(void *arg)
{
	uint64_t v = 42;

	/* no reference of its own: gone when the receiver has the value */
	MUST(!weft_chan_send(arg, &v), "send");
}

static void close_and_forget(void *arg)
{
	MUST(!weft_chan_close(arg), "close");
}

static void done(void *arg)
{
	weft_waitgroup_done(arg);
}

static void *run_on_thread(void *arg)
{
	void **call = arg;

	((void (*)(void *))call[0])(call[1]);
	free(call);
	return NULL;
}

static void start(struct rng *rng, void (*fn)(void *), void *arg, bool plain)
{
	pthread_t t;
	void **call;

	if (!plain && rng_below(rng, 8)) {
		MUST(!weft_go(fn, arg), "no routine");
		return;
	}
	call = malloc(2 * sizeof *call);
	MUST(call, "no memory");
	call[0] = (void *)fn;
	call[1] = arg;
	MUST(!pthread_create(&t, NULL, run_on_thread, call), "no thread");
	pthread_detach(t);
}

static void group_on_the_stack(struct rng *rng, bool plain)
{
	weft_waitgroup g = WEFT_WAITGROUP_INIT;
	unsigned n = 1 + rng_below(rng, 3);

	weft_waitgroup_add(&g, n);
	for (unsigned i = 0; i < n; i++)
		start(rng, done, &g, plain);
	while (rng_below(rng, 2))
		if (weft_waitgroup_wait_until(&g, weft_in(rng_below(rng, 50) *
							  WEFT_US)) == 0)
			goto out;
	weft_waitgroup_wait(&g);
out:
	memset(&g, 0xee, sizeof g);
}

static void vanish(struct rng *rng, bool plain)
{
	weft_chan *c = weft_chan_new(8, rng_below(rng, 2));
	uint64_t v = 0;
	int err;

	MUST(c, "no channel");
	if (rng_below(rng, 2)) {
		start(rng, send_and_forget, c, plain);
		while ((err = weft_chan_recv_until(c, &v, weft_in(20000))))
			MUST(err == -ETIMEDOUT, "receive: %d", err);
		MUST(v == 42, "wrong value");
	} else {
		bool poll = rng_below(rng, 2);

		start(rng, close_and_forget, c, plain);
		do {
			err = poll ? weft_chan_try_recv(c, &v)
				   : weft_chan_recv(c, &v);
			if (err == -EAGAIN)
				weft_yield();
		} while (err == -EAGAIN);
		MUST(err == -EPIPE, "receive: %d", err);
	}
	weft_chan_unref(c);
	group_on_the_stack(rng, plain);
}

static int play_vanish(void *arg)
{
	struct job *job = arg;

	for (int i = 0; i < 40; i++)
		vanish(&job->rng, job->s.workers == 0);
	return 0;
}

/* --- the program ------------------------------------------------------------------ */

static struct shape draw(struct rng *rng)
{
	static const size_t cap[] = { 0, 0, 1, 4, 64, WEFT_UNBOUNDED };
	static const unsigned workers[] = { 0, 1, 1, 2, 2, 4, 8 };
	struct shape s = {
		.cap = cap[rng_below(rng, 6)],
		.size = 8 * (1 + rng_below(rng, 3)),
		.workers = workers[rng_below(rng, 7)],
		.senders = 1 + rng_below(rng, SENDERS_MAX),
		.receivers = 1 + rng_below(rng, 8),
		.close_early = rng_below(rng, 3) == 0,
		.deadlines = rng_below(rng, 3) != 0,
	};

	if (s.workers == 0)
		s.threads = s.senders + s.receivers;
	else if (rng_below(rng, 2))
		s.threads = rng_below(rng, 4);
	if (s.threads > s.senders + s.receivers)
		s.threads = s.senders + s.receivers;
	return s;
}

static void one(struct job *job, int (*fn)(void *))
{
	weft_config config;
	int err;

	if (job->s.workers == 0) {
		/* threads / 2 from each end covers all when sides are even */
		job->s.senders = job->s.receivers =
			(job->s.senders + job->s.receivers + 1) / 2;
		job->s.threads = 2 * job->s.senders;
		fn(job);
		return;
	}
	weft_config_init(&config);
	config.workers = job->s.workers;
	/* A plain thread that has not begun yet is no sign of hope to it. */
	if (job->s.threads || fn == play_vanish)
		config.on_deadlock = WEFT_DEADLOCK_IGNORE;
	err = weft_run_config(&config, fn, job);
	MUST(err == 0, "run: %d", err);
}

int main(void)
{
	struct rng rng = stress_begin();
	weft_time end = stress_end(5);
	unsigned rounds = 0;

	do {
		struct job job = { draw(&rng), { rng_next(&rng) } };

		if (getenv("WEFT_STRESS_VERBOSE"))
			printf("cap %zu size %zu workers %u senders %u "
			       "receivers %u threads %u early %d deadlines %d"
			       "\n", job.s.cap, job.s.size, job.s.workers,
			       job.s.senders, job.s.receivers, job.s.threads,
			       job.s.close_early, job.s.deadlines);
		one(&job, play);
		if (rounds % 4 == 0)
			one(&job, play_vanish);
		rounds++;
	} while (weft_now() < end);
	printf("%u rounds\n", rounds);
	return 0;
}
