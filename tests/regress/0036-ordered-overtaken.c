/* regress/0036 - an ordered select did a later case though an earlier one could be
 * done since before.
 *
 * It looked at one case after the other and took the first that it had found: what
 * became possible behind its back, and then something further on, was overtaken.  So
 * a producer that sends its last value and then says "done" lost the value.  And who
 * only makes sure of what was found, and does it then, does it too late: on the same
 * channel others may have been served in between.
 */
#include "stress/stress.h"

#include <errno.h>

enum { DULL = 69, N = DULL + 2 };       /* more than are looked at together */

static weft_chan *first, *last, *ack, *dull;
static bool by_room;            /* the first case is a send, which gets room */
static atomic_bool over;

static void *produce(void *arg)
{
	int v;

	(void)arg;
	for (int i = 0; !atomic_load(&over); i++) {
		MUST((by_room ? weft_chan_recv(first, &v) :
				weft_chan_send(first, &i)) == 0, "the first");
		MUST(weft_chan_send(last, &i) == 0, "the last");
		MUST(weft_chan_recv(ack, &v) == 0 && v == i, "ack");
	}
	weft_chan_close(last);
	return NULL;
}

static void produce_routine(void *arg)
{
	produce(arg);
}

/* What is there, without waiting or after a wait. */
static int next(weft_case *k, bool wait)
{
	int i;

	while ((i = weft_select_ordered(k, N, wait ? WEFT_FOREVER : WEFT_NOWAIT)) ==
	       -EAGAIN)
		weft_yield();
	return i;
}

static int consume(weft_time until, bool wait)
{
	weft_case k[N];
	int v = 0, w = 0, rounds = 0;

	k[0] = by_room ? WEFT_SEND(first, &v) : WEFT_RECV(first, &v);
	for (int i = 0; i < DULL; i++)
		k[1 + i] = i % 2 ? WEFT_RECV(dull, &w) : WEFT_SEND(dull, &w);
	k[N - 1] = WEFT_RECV(last, &w);
	for (;; rounds++) {
		int got = next(k, wait);

		if (got == N - 1 && k[got].err == -EPIPE)
			return rounds;
		MUST(got == 0, "round %d: case %d overtook the first", rounds,
		     got);
		MUST(next(k, wait) == N - 1, "round %d: not the last", rounds);
		if (weft_now() >= until)
			atomic_store(&over, true);
		MUST(weft_chan_send(ack, &w) == 0, "ack");
	}
}

static int race(void *arg)
{
	bool plain = !weft_self();
	pthread_t t;
	int v = 0, rounds;

	(void)arg;
	for (int kind = 0; kind < 4; kind++) {
		by_room = kind & 1;
		atomic_store(&over, false);
		first = weft_chan_new(sizeof(int), 1);
		last = weft_chan_new(sizeof(int), 1);
		ack = weft_chan_new(sizeof(int), 1);
		dull = weft_chan_new(sizeof(int), 0);
		MUST(first && last && ack && dull, "no memory");
		if (by_room)
			MUST(weft_chan_send(first, &v) == 0, "fill");
		if (plain)
			MUST(pthread_create(&t, NULL, produce, NULL) == 0,
			     "thread");
		else
			MUST(weft_go(produce_routine, NULL) == 0, "go");
		rounds = consume(weft_in(WEFT_S / 4), kind & 2);
		MUST(rounds > 0, "nothing happened");
		if (plain)
			pthread_join(t, NULL);
		weft_chan_unref(first);
		weft_chan_unref(last);
		weft_chan_unref(ack);
		weft_chan_unref(dull);
	}
	return 0;
}

/* --- others on the later channel -------------------------------------------------- */

/* Numbers, each on `first` and then on `last`. */
static void *number(void *arg)
{
	(void)arg;
	for (int i = 0; !atomic_load(&over); i++)
		if (weft_chan_send(first, &i) || weft_chan_send(last, &i))
			break;
	return NULL;
}

/* Who takes values away leaves others behind. */
static void *steal(void *arg)
{
	int v;

	(void)arg;
	while (!atomic_load(&over))
		(void)!weft_chan_try_recv(last, &v);
	return NULL;
}

static void end_threads(pthread_t *t, int n)
{
	atomic_store(&over, true);
	weft_chan_close(first);
	weft_chan_close(last);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	weft_chan_unref(first);
	weft_chan_unref(last);
}

static void start_threads(size_t room, pthread_t *t, int n)
{
	atomic_store(&over, false);
	first = weft_chan_new(sizeof(int), 4);
	last = weft_chan_new(sizeof(int), room);
	MUST(first && last, "no memory");
	for (int i = 0; i < n; i++)
		MUST(pthread_create(&t[i], NULL, i ? steal : number, NULL) == 0,
		     "thread");
}

/* A number from `last` has been taken from `first` before. */
static void receives(void)
{
	weft_time until = weft_in(WEFT_S / 2);
	int v, w, newest = -1;
	weft_case k[2];
	pthread_t t[2];

	start_threads(1, t, 2);
	k[0] = WEFT_RECV(first, &v);
	k[1] = WEFT_RECV(last, &w);
	while (weft_now() < until) {
		switch (weft_select_ordered(k, 2, WEFT_NOWAIT)) {
		case 0:
			newest = v;
			break;
		case 1:
			MUST(w <= newest, "%d overtook %d", w, newest + 1);
			break;
		default:
			weft_yield();
		}
	}
	end_threads(t, 2);
}

/* What is sent on `last` says up to where `first` was taken: no number beyond that
 * is there before it. */
static void sends(void)
{
	weft_time until = weft_in(WEFT_S / 2);
	int v, w, x, newest = -1, before;
	weft_case k[2];
	pthread_t t;

	start_threads(64, &t, 1);
	k[0] = WEFT_RECV(first, &v);
	k[1] = WEFT_SEND(last, &w);
	while (weft_now() < until) {
		w = -2 - newest;
		if (weft_select_ordered(k, 2, WEFT_NOWAIT) == 0) {
			newest = v;
			continue;
		}
		before = -1;
		while (weft_chan_try_recv(last, &x) == 0)
			if (x >= 0)
				before = x;
			else
				MUST(before <= -2 - x, "%d came before %d, and "
				     "its first was not taken", before, -2 - x);
	}
	end_threads(&t, 1);
}

int main(void)
{
	alarm(140);
	race(NULL);
	stress_run(2, race, NULL);
	stress_run(4, race, NULL);
	receives();
	sends();
	return 0;
}
