/* stress/select.c - selects lose nothing, double nothing, and never see nothing
 * where there was something.
 *
 * Each round draws a number of channels with capacities, and parties: routines
 * and plain threads, who send and receive by selects over several channels at
 * once, with and without deadlines, ordered or not, with a channel twice, with
 * NULL ones, or by plain operations.  A sender numbers the values of each
 * channel it feeds.  At the end the receivers together hold each number once,
 * and per channel each saw every sender's numbers rise.  One channel, watched
 * by all, is closed at the end and is how the receivers learn of it.  Beside
 * that, a token moves between two channels so that one of them always has it,
 * and a select that does not wait must find it.
 */
#include "stress.h"

#include <errno.h>

enum { CHANS = 6, PARTIES = 8, PER_SENDER = 400, CASES = 12 };

struct value {
	uint32_t sender, chan, seq;
};

struct round {
	weft_chan *c[CHANS], *done;
	unsigned chans, senders, receivers;
	bool deadlines, many;
	weft_waitgroup sent, all;
	_Atomic uint32_t count[PARTIES][CHANS];
	_Atomic uint8_t got[PARTIES][CHANS][PER_SENDER];
	_Atomic uint32_t received;
};

struct party {
	struct round *r;
	uint32_t id;
	struct rng rng;
	pthread_t thread;
	bool is_sender, plain;
	int64_t last[PARTIES][CHANS];
};

static weft_time some_deadline(struct party *p)
{
	if (!p->r->deadlines || rng_below(&p->rng, 3) == 0)
		return WEFT_FOREVER;
	switch (rng_below(&p->rng, 4)) {
	case 0:
		return WEFT_NOWAIT;
	case 1:
		return weft_now() - 1;
	default:
		return weft_in(rng_below(&p->rng, 40) * WEFT_US);
	}
}

static int choose(struct party *p, weft_case *k, size_t n)
{
	weft_time deadline = some_deadline(p);

	return rng_below(&p->rng, 4) ? weft_select(k, n, deadline)
				     : weft_select_ordered(k, n, deadline);
}

static void check_nothing(int err)
{
	MUST(err == -EAGAIN || err == -ETIMEDOUT, "select: %d", err);
	weft_yield();
}

/* --- senders ------------------------------------------------------------------ */

static void sender(struct party *p)
{
	struct round *r = p->r;
	struct value v[CASES];
	weft_case k[CASES];
	uint32_t next[CHANS] = { 0 }, sent = 0;

	while (sent < PER_SENDER) {
		unsigned n = 1 + rng_below(&p->rng, CASES);
		int i;

		for (unsigned j = 0; j < n; j++) {
			unsigned c = rng_below(&p->rng, r->chans);

			v[j] = (struct value){ p->id, c, next[c] };
			k[j] = WEFT_SEND(rng_below(&p->rng, 9) ? r->c[c] : NULL,
					 &v[j]);
		}
		k[rng_below(&p->rng, n)].chan = r->c[0];
		for (unsigned j = 0; j < n; j++)
			if (k[j].chan == r->c[0])
				v[j] = (struct value){ p->id, 0, next[0] };
		i = choose(p, k, n);
		if (i < 0) {
			check_nothing(i);
			continue;
		}
		MUST(k[i].err == 0, "send: %d", k[i].err);
		next[v[i].chan]++;
		sent++;
	}
	for (unsigned c = 0; c < r->chans; c++)
		atomic_store(&r->count[p->id][c], next[c]);
	weft_waitgroup_done(&r->sent);
}

/* --- receivers ---------------------------------------------------------------- */

static void note(struct party *p, const struct value *v, unsigned chan)
{
	struct round *r = p->r;

	MUST(v->sender < r->senders && v->chan == chan && v->seq < PER_SENDER,
	     "value from nowhere: %u/%u/%u from %u", v->sender, v->chan, v->seq,
	     chan);
	MUST((int64_t)v->seq > p->last[v->sender][chan], "%u after %d", v->seq,
	     (int)p->last[v->sender][chan]);
	p->last[v->sender][chan] = v->seq;
	MUST(!atomic_exchange(&r->got[v->sender][chan][v->seq], 1),
	     "value came twice");
	atomic_fetch_add(&r->received, 1);
}

static void receiver(struct party *p)
{
	struct round *r = p->r;
	struct value v[100];
	weft_case k[100];
	unsigned chan[100];
	bool over = false;

	memset(p->last, 0xff, sizeof p->last);
	while (!over) {
		unsigned n = r->many && rng_below(&p->rng, 4) == 0 ?
			     70 + rng_below(&p->rng, 29) :
			     1 + rng_below(&p->rng, CASES), j;
		int i;

		for (j = 0; j < n; j++) {
			/* all parties have the first channel in common */
			chan[j] = j ? rng_below(&p->rng, r->chans) : 0;
			k[j] = WEFT_RECV(r->c[chan[j]], &v[j]);
			memset(&v[j], 0x5a, sizeof v[j]);
		}
		k[n] = WEFT_RECV(r->done, NULL);
		i = choose(p, k, n + 1);
		if (i < 0)
			check_nothing(i);
		for (j = 0; j < n; j++)
			if ((int)j != i)
				MUST(v[j].sender == 0x5a5a5a5a,
				     "a loser wrote (case %u, not %d)", j, i);
		over = i == (int)n;
		MUST(i < 0 || k[i].err == (over ? -EPIPE : 0), "err %d of %d",
		     k[i].err, i);
		if (i >= 0 && !over)
			note(p, &v[i], chan[i]);
	}
	/* closed after the last send had ended: what is left is buffered */
	for (unsigned c = 0; c < r->chans; c++)
		while (weft_chan_try_recv(r->c[c], &v[0]) == 0)
			note(p, &v[0], c);
}

static void party(void *arg)
{
	struct party *p = arg;

	if (p->is_sender)
		sender(p);
	else
		receiver(p);
	weft_waitgroup_done(&p->r->all);
}

static void *thread_party(void *arg)
{
	party(arg);
	return NULL;
}

/* --- a token ------------------------------------------------------------------- */

struct token {
	weft_chan *side[2];
	_Atomic uint32_t moves;
	_Atomic bool stop;
};

static void *move_token(void *arg)
{
	struct token *t = arg;
	int v = 1;

	for (unsigned i = 0; !atomic_load(&t->stop); i++) {
		MUST(!weft_chan_send(t->side[~i & 1], &v), "send");
		MUST(!weft_chan_recv(t->side[i & 1], &v), "receive");
		atomic_fetch_add(&t->moves, 1);
		if (i % 256 == 0)
			weft_yield();
	}
	return NULL;
}

static void watch_token(struct rng *rng)
{
	struct token t = { { weft_chan_new(sizeof(int), 1),
			     weft_chan_new(sizeof(int), 1) }, 0, false };
	unsigned n = 2 + rng_below(rng, 100);
	weft_chan *dull = weft_chan_new(4, 0);
	weft_time end = weft_in(WEFT_S);        /* each waits for a turn */
	weft_case k[102];
	pthread_t thread;
	int v = 1;

	MUST(t.side[0] && t.side[1] && dull, "no channel");
	MUST(!weft_chan_send(t.side[0], &v), "send");
	for (unsigned i = 0; i < n; i++)
		k[i] = WEFT_RECV(dull, &v);
	k[rng_below(rng, n - 1)].chan = t.side[n & 1];
	k[n - 1].chan = t.side[~n & 1];
	MUST(!pthread_create(&thread, NULL, move_token, &t), "no thread");
	for (int i = 0; i < 100 && (i < 5 || weft_now() < end); i++) {
		uint32_t before = atomic_load(&t.moves);
		int got;

		while (atomic_load(&t.moves) - before < 3)
			weft_yield();
		got = weft_select(k, n, WEFT_NOWAIT);
		MUST(got >= 0, "one of two was ready all the time: %d", got);
		MUST(!weft_chan_send(k[got].chan, &v), "send");
	}
	atomic_store(&t.stop, true);
	pthread_join(thread, NULL);
	weft_chan_unref(t.side[0]);
	weft_chan_unref(t.side[1]);
	weft_chan_unref(dull);
}

/* --- one round ------------------------------------------------------------------ */

struct job {
	struct rng rng;
	unsigned workers;
};

static void check(struct round *r)
{
	for (unsigned s = 0; s < r->senders; s++)
		for (unsigned c = 0; c < r->chans; c++)
			for (uint32_t i = 0; i < PER_SENDER; i++)
				MUST(atomic_load(&r->got[s][c][i]) ==
				     (i < atomic_load(&r->count[s][c])),
				     "value %u of sender %u, channel %u %s", i,
				     s, c, atomic_load(&r->got[s][c][i]) ?
				     "from nowhere" : "lost");
	MUST(atomic_load(&r->received) == r->senders * PER_SENDER, "received");
}

static struct round *draw(struct rng *rng)
{
	static const size_t caps[] = { 0, 0, 0, 1, 2, 16, WEFT_UNBOUNDED };
	struct round *r = calloc(1, sizeof *r);

	MUST(r, "no memory");
	r->chans = 1 + rng_below(rng, CHANS);
	r->senders = 1 + rng_below(rng, PARTIES);
	r->receivers = 1 + rng_below(rng, PARTIES);
	r->deadlines = rng_below(rng, 3) != 0;
	r->many = rng_below(rng, 3) == 0;
	r->done = weft_chan_new(4, 0);
	MUST(r->done, "no channel");
	for (unsigned i = 0; i < r->chans; i++) {
		r->c[i] = weft_chan_new(sizeof(struct value),
					caps[rng_below(rng, 7)]);
		MUST(r->c[i], "no channel");
	}
	return r;
}

static void start(struct job *job, struct round *r, struct party *p, unsigned i)
{
	p->r = r;
	p->is_sender = i < r->senders;
	p->id = p->is_sender ? i : i - r->senders;
	p->rng.x = rng_next(&job->rng);
	p->plain = !job->workers || rng_below(&job->rng, 4) == 0;
	if (p->plain)
		MUST(!pthread_create(&p->thread, NULL, thread_party, p),
		     "no thread");
	else
		MUST(!weft_go(party, p), "no routine");
}

static int play(void *arg)
{
	struct job *job = arg;
	struct round *r = draw(&job->rng);
	unsigned n = r->senders + r->receivers;
	struct party *p = calloc(n, sizeof *p);

	MUST(p, "no memory");
	weft_waitgroup_add(&r->sent, (int)r->senders);
	weft_waitgroup_add(&r->all, (int)n);
	for (unsigned i = 0; i < n; i++)
		start(job, r, &p[i], i);
	weft_waitgroup_wait(&r->sent);
	MUST(!weft_chan_close(r->done), "close");
	weft_waitgroup_wait(&r->all);
	for (unsigned i = 0; i < n; i++)
		if (p[i].plain)
			pthread_join(p[i].thread, NULL);
	check(r);
	for (unsigned i = 0; i < r->chans; i++)
		weft_chan_unref(r->c[i]);
	weft_chan_unref(r->done);
	free(p);
	free(r);
	if (rng_below(&job->rng, 2) == 0)
		watch_token(&job->rng);
	return 0;
}

int main(void)
{
	static const unsigned workers[] = { 0, 1, 2, 2, 4, 10 };
	struct rng rng = stress_begin();
	weft_time end = stress_end(5);
	unsigned rounds = 0;

	do {
		struct job job = { { rng_next(&rng) },
				   workers[rng_below(&rng, 6)] };
		weft_config config;
		int err = 0;

		if (job.workers) {
			weft_config_init(&config);
			config.workers = job.workers;
			/* A thread that has not begun is no hope to anybody. */
			config.on_deadlock = WEFT_DEADLOCK_IGNORE;
			err = weft_run_config(&config, play, &job);
		} else {
			play(&job);
		}
		MUST(err == 0, "run: %d", err);
		rounds++;
	} while (weft_now() < end);
	printf("%u rounds\n", rounds);
	return 0;
}
