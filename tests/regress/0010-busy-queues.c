/* regress/0010 - routines that were always ready shut others out.
 *
 * A worker's look at the shared queues took from the first that had something:
 * pinned routines that yield kept it from the inject queue, and those of high
 * priority, which went to the front of that one, from the rest of it and from
 * the background.  Of two of high priority only the last ever ran.
 */
#include "stress/stress.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_bool stop;
static atomic_int ran, beaten, left;

static void yielder(void *arg)
{
	bool first = true;

	(void)arg;
	while (!stop) {
		weft_yield();
		if (first)
			beaten++;
		first = false;
	}
	left--;
}

static void bouncer(void *arg)
{
	weft_chan *const *c = arg;
	bool first = true;
	int v = 0;

	while (!stop) {
		weft_chan_send(c[0], &v);
		weft_chan_recv(c[1], &v);
		if (first)
			beaten++;
		first = false;
	}
	weft_chan_close(c[0]);
	left--;
}

static void wall(void *arg)
{
	weft_chan *const *c = arg;
	int v;

	while (weft_chan_recv(c[0], &v) == 0)
		weft_chan_send(c[1], &v);
	left--;
}

static void count(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		weft_yield();
	ran++;
}

/* From a plain thread: by way of the inject queue. */
static void *go_count(void *arg)
{
	MUST(weft_go(count, NULL) == 0, "go");
	return arg;
}

/* Busy ones of one kind; then each of them, and anybody else, gets to run. */
static int crowd(void *arg)
{
	const weft_attr *busy = arg;
	weft_chan *c[2][2];
	pthread_t t;

	stop = false;
	ran = beaten = 0;
	left = 6;
	for (int i = 0; i < 2; i++) {
		c[i][0] = weft_chan_new(sizeof(int), 0);
		c[i][1] = weft_chan_new(sizeof(int), 0);
		MUST(c[i][0] && c[i][1], "chan");
		MUST(weft_go_attr(busy, yielder, NULL) == 0, "go");
		MUST(weft_go_attr(busy, bouncer, c[i]) == 0, "go");
		MUST(weft_go_attr(busy, wall, c[i]) == 0, "go");
	}
	for (int p = -2; p <= 2; p++) {
		weft_attr a = { .priority = p };

		MUST(weft_go_attr(&a, count, NULL) == 0, "go");
	}
	MUST(pthread_create(&t, NULL, go_count, NULL) == 0, "thread");
	while (ran < 6 || beaten < 4)
		weft_sleep(WEFT_US);
	stop = true;
	pthread_join(t, NULL);
	while (left)
		weft_sleep(WEFT_US);
	for (int i = 0; i < 4; i++)
		weft_chan_unref(c[i / 2][i % 2]);
	return 0;
}

int main(void)
{
	static weft_attr kinds[] = {
		{ .priority = 2 }, { .priority = 1 }, { .priority = 0 },
		{ .priority = -1 }, { .pinned = 1 },
	};
	weft_config c;

	alarm(140);
	weft_config_init(&c);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (c.workers = 1; c.workers <= 4; c.workers *= 2) {
			int rc = weft_run_config(&c, crowd, &kinds[i]);

			MUST(rc == 0, "kind %zu: %d", i, rc);
		}
	return 0;
}
