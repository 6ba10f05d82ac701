/* regress/0007 - the end of the last blocking call was no news to who waits for
 * the runtime to rest, so a stop could wait for ever; or it saw the call gone and
 * not yet the routine awake, and discarded that.
 */
#include "stress/stress.h"

#include <errno.h>
#include <unistd.h>

static _Atomic int ended;

static void *nothing(void *arg)
{
	return arg;
}

static void caller(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		int err = weft_blocking(nothing, NULL, NULL);

		MUST(err == 0 || err == -ECANCELED, "blocking: %d", err);
	}
	atomic_fetch_add(&ended, 1);
}

int main(void)
{
	enum { ROUNDS = 300 };

	alarm(140);
	for (int i = 0; i < ROUNDS; i++) {
		weft_runtime *rt;
		weft_config c;

		weft_config_init(&c);
		c.workers = 1 + i % 3;
		MUST(weft_start(&c, &rt) == 0, "start");
		MUST(weft_submit(rt, caller, NULL) == 0, "submit");
		MUST(weft_stop(rt, WEFT_FOREVER) == 0, "stop");
		MUST(atomic_load(&ended) == i + 1, "a routine was discarded");
	}
	return 0;
}
