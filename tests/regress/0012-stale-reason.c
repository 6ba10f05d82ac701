/* regress/0012 - a discarded select left its mark on the record.
 *
 * The next routine of the record had not waited for anything and was runnable
 * when its run ended; it was taken for a select that still stands in queues.
 */
#include "stress/stress.h"

enum { N = 300 };

static weft_chan *chan;
static atomic_int there;

static void wait_in_select(void *arg)
{
	weft_case cases[] = { WEFT_RECV(chan, NULL) };

	(void)arg;
	there++;
	weft_select(cases, 1, WEFT_FOREVER);
	stress_fail("the select has ended");
}

static void yield(void *arg)
{
	(void)arg;
	there++;
	for (;;)
		weft_yield();
}

static int leave(void *fn)
{
	there = 0;
	for (int i = 0; i < N; i++)
		MUST(weft_go((void (*)(void *))(intptr_t)fn, NULL) == 0, "go");
	while (there < N)
		weft_yield();
	return 0;
}

int main(void)
{
	weft_config c;

	weft_config_init(&c);
	c.workers = 1;
	chan = weft_chan_new(0, 0);
	for (int i = 0; i < 3; i++) {
		MUST(weft_run_config(&c, leave, (void *)(intptr_t)
				     wait_in_select) == 0, "the first run");
		MUST(weft_run_config(&c, leave, (void *)(intptr_t)yield) == 0,
		     "the second run");
	}
	weft_chan_unref(chan);
	return 0;
}
