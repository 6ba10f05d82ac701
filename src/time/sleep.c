/* time/sleep.c - the clock, and a wait that only its deadline ends. */
#include "base/base.h"
#include "sched/park.h"

#include <weft/time.h>

weft_time weft_now(void)
{
	return weft__clock();
}

weft_time weft_in(weft_time ns)
{
	weft_time now = weft__clock(), t;

	if (__builtin_add_overflow(now, ns, &t))
		return ns > 0 ? WEFT_FOREVER : INT64_MIN;
	return t ? t : 1;       /* 0 means "do not wait" */
}

static bool withdraw_sleep(struct wait *wt)
{
	(void)wt;
	return true;            /* it is in no object */
}

int weft_sleep_until(weft_time t)
{
	struct worker *w = weft__worker();
	struct wait wt;

	if (weft__cancelled(w))
		return -ECANCELED;
	if (t <= weft__clock()) {
		weft__budget(w);
		return 0;
	}
	wait_init(&wt, weft__current(w), t);
	wt.withdraw = withdraw_sleep;
	weft__park(w, &wt, NULL, PARK_SLEEP);
	return wt.result == -ETIMEDOUT ? 0 : wt.result;
}

int weft_sleep(weft_time ns)
{
	return ns <= 0 ? weft_sleep_until(-1) : weft_sleep_until(weft_in(ns));
}
