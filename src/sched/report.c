/* sched/report.c - naming routines: in reports, panics and overflow messages.
 *
 * Read without locks while other threads may run: what is printed of a routine
 * that moves meanwhile may be a moment old, never wild, since records are
 * never unmapped.
 */
#include "sched/local.h"
#include "sched/runtime.h"
#include "routine/overflow.h"

#include <stdio.h>

static const struct extra *extra_seen(const struct routine *r)
{
	uint8_t state = load_rlx(&r->state);

	if (state == ROUTINE_NEW)
		return r->flags & ROUTINE_EXTRA ?
			(const struct extra *)r->word[5] : NULL;
	return state == ROUTINE_FREE || state == ROUTINE_ENDED ? NULL :
		r->live.extra;
}

static size_t describe(const struct routine *r, char *buf, size_t size)
{
	const struct extra *x = extra_seen(r);
	int n = snprintf(buf, size, "routine %llu \"%s\" entry %p spawned at %p",
			 (unsigned long long)routine_id(r), x ? x->name : "",
			 (void *)(uintptr_t)r->fn, r->site);

	return n < 0 ? 0 : (size_t)n;
}

static size_t describe_current(char *buf, size_t size)
{
	struct routine *r = weft__current(weft__worker());

	return r ? describe(r, buf, size) : 0;
}

/* Async-signal-safe: reads fields only. */
static void describe_overflow(struct overflow_info *info)
{
	struct routine *r = weft__current(weft__worker());
	const struct extra *x;

	if (!r || r->stack != info->stack)
		return;
	x = r->live.extra;
	info->id = routine_id(r);
	info->name = x && x->name[0] ? x->name : NULL;
	info->fn = (const void *)(uintptr_t)r->fn;
	info->site = r->site;
}

void weft__report_install(void)
{
	weft__panic_describe = describe_current;
	weft__overflow_describe = describe_overflow;
}

void weft__report_routines(struct weft_runtime *rt, const char *title)
{
	enum { SHOWN = 100 };
	static const char *const state_name[] = {
		[ROUTINE_NEW] = "not yet run", [ROUTINE_RUNNABLE] = "runnable",
		[ROUTINE_RUNNING] = "running", [ROUTINE_ENDED] = "ended, not joined",
	};
	unsigned long count = 0;
	struct routine *r;
	char who[256];

	weft__warn("%s", title);
	for (uint32_t i = 0; (r = weft__record_at(i)); i++) {
		uint8_t state = load_rlx(&r->state);

		if (!(load_rlx(&r->handle) & HANDLE_LIVE) ||
		    r->rt != rt->slot || state == ROUTINE_FREE)
			continue;
		if (++count > SHOWN)
			continue;
		describe(r, who, sizeof who);
		weft__warn("  %s: %s", who, state == ROUTINE_PARKED ?
			   weft__park_reason_name[load_rlx(&r->reason)] :
			   state_name[state]);
	}
	if (count > SHOWN)
		weft__warn("  and %lu more", count - SHOWN);
}
