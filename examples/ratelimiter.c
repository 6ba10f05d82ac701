/* ratelimiter - so many requests at once, then one per tick.
 *
 *	clients -> [ limiter ] -> granted
 *	              ^
 *	            ticker
 *
 * The limiter is one routine that owns the tokens, so nothing is locked: it
 * waits for a tick or, while it has a token, for a client.  A client gives up
 * at its deadline; the request that it did not get costs no token.
 */
#include <stdio.h>
#include <weft.h>

enum { BURST = 3, REQUESTS = 8 };

static const weft_time every = 4 * WEFT_MS;

struct limiter {
	weft_chan *grants;      /* receiving from it is being let through */
	weft_chan *quit;
	weft_waitgroup over;
};

static void limit(void *arg)
{
	struct limiter *l = arg;
	int tokens = BURST;
	weft_timer ticker;
	weft_case cases[3];

	weft_timer_init(&ticker);
	weft_timer_start(&ticker, weft_in(every), every);
	for (;;) {
		cases[0] = WEFT_RECV(l->quit, NULL);
		cases[1] = WEFT_RECV(weft_timer_chan(&ticker), NULL);
		/* A NULL channel is never ready: nobody gets through. */
		cases[2] = WEFT_SEND(tokens ? l->grants : NULL, NULL);
		switch (weft_select(cases, 3, WEFT_FOREVER)) {
		case 1:
			tokens += tokens < BURST;
			continue;
		case 2:
			tokens--;
			continue;
		}
		break;
	}
	weft_timer_fini(&ticker);
}

static int request(struct limiter *l, weft_time patience)
{
	return weft_chan_recv_until(l->grants, NULL, weft_in(patience));
}

static int app(void *arg)
{
	struct limiter l = { .over = WEFT_WAITGROUP_INIT };
	weft_time start, took;
	int err;

	(void)arg;
	l.grants = weft_chan_new(0, 0);
	l.quit = weft_chan_new(0, 0);
	start = weft_now();             /* the first tick is one period later */
	if (!l.grants || !l.quit || weft_waitgroup_go(&l.over, limit, &l))
		return 1;

	for (int i = 0; i < REQUESTS; i++)
		if (request(&l, 100 * WEFT_S))
			return 1;
	took = weft_now() - start;
	printf("%d requests, %d at once, the others tick by tick: %s\n",
	       REQUESTS, BURST, took >= (REQUESTS - BURST) * every ?
	       "in time" : "too fast");
	do
		err = request(&l, 1);
	while (!err);                   /* a tick had just come */
	printf("an impatient one: %s\n", weft_strerror(err));

	weft_chan_close(l.quit);
	weft_waitgroup_wait(&l.over);
	weft_chan_unref(l.grants);
	weft_chan_unref(l.quit);
	return 0;
}

int main(void)
{
	return weft_run(app, NULL);
}
