/* sched/report.c - naming routines: in reports, panics and overflow messages.
 *
 * Read without locks while other threads may run: what is printed of a routine
 * that moves meanwhile may be a moment old, never wild, since records are
 * never unmapped.  Only a name is behind a pointer: it is read of the routine
 * that asks itself, and of the others when none of them can run.
 */
#include "sched/local.h"
#include "sched/runtime.h"
#include "os/os.h"
#include "routine/overflow.h"

#include <stdio.h>

static const char *name_of(const struct routine *r)
{
	uint8_t state = load_rlx(&r->state);
	const struct extra *x = NULL;

	if (state == ROUTINE_NEW && r->flags & ROUTINE_EXTRA)
		x = (const struct extra *)r->word[5];
	else if (state == ROUTINE_RUNNING || state == ROUTINE_PARKED)
		x = r->live.extra;
	return x && x->name[0] ? x->name : NULL;
}

static size_t describe(const struct routine *r, const char *name, char *buf,
		       size_t size)
{
	char entry[160], site[160];
	int n;

	weft__os_code_name((const void *)(uintptr_t)r->fn, entry, sizeof entry);
	weft__os_code_name(r->site, site, sizeof site);
	n = snprintf(buf, size, "routine %llu%s%s%s, entry %s, spawned at %s",
		     (unsigned long long)routine_id(r), name ? " \"" : "",
		     name ? name : "", name ? "\"" : "", entry, site);
	return n < 0 ? 0 : (size_t)n;
}

static size_t describe_current(char *buf, size_t size)
{
	struct routine *r = weft__current(weft__worker());

	return r ? describe(r, name_of(r), buf, size) : 0;
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

void weft__report_routines(struct weft_runtime *rt, const char *title,
			   bool still)
{
	enum { SHOWN = 100 };
	static const char *const state_name[] = {
		[ROUTINE_NEW] = "not yet run", [ROUTINE_RUNNABLE] = "runnable",
		[ROUTINE_RUNNING] = "running", [ROUTINE_ENDED] = "ended, not joined",
	};
	unsigned long count = 0;
	struct routine *r;
	char who[400];

	weft__warn("%s", title);
	for (uint32_t i = 0; (r = weft__record_at(i)); i++) {
		uint8_t state = load_rlx(&r->state);

		if (!(load_rlx(&r->handle) & HANDLE_LIVE) ||
		    r->rt != rt->slot || state == ROUTINE_FREE ||
		    (r->flags & ROUTINE_MAIN && state == ROUTINE_ENDED))
			continue;
		if (++count > SHOWN)
			continue;
		describe(r, still ? name_of(r) : NULL, who, sizeof who);
		weft__warn("  %s: %s", who, state == ROUTINE_PARKED ?
			   weft__park_reason_name[load_rlx(&r->reason)] :
			   state_name[state]);
	}
	if (count > SHOWN)
		weft__warn("  and %lu more", count - SHOWN);
}
