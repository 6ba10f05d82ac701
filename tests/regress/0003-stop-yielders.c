/* regress/0003 - routines that yield for ever kept their worker from stopping.
 *
 * More than a ring holds: a yield preferred the inject queue, which the ring's
 * overflow kept filled, to the request to leave.
 */
#include "stress/stress.h"

static void yielder(void *arg)
{
	(void)arg;
	for (;;)
		weft_yield();
}

static int root(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++)
		MUST(weft_go(yielder, NULL) == 0, "no routine");
	weft_sleep(10 * WEFT_MS);
	return 7;
}

int main(void)
{
	for (unsigned n = 1; n <= 4; n++) {
		weft_config c;

		weft_config_init(&c);
		c.workers = n;
		MUST(weft_run_config(&c, root, NULL) == 7, "status");
	}
	return 0;
}
