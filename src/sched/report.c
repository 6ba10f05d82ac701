/* sched/report.c - naming routines: in reports, panics and overflow messages.
 *
 * Read without locks while other threads may run: what is printed of a routine
 * that moves meanwhile may be a moment old, never wild, since records are
 * never unmapped.  Only a name is behind a pointer: it is read of the routine
 * that asks itself, and of the others when none of them can run.
 */
#include "sched/local.h"
#include "sched/panics.h"
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
	if (x && x->name[0])
		return x->name;
	return r->flags & ROUTINE_MAIN ? "main" : NULL;
}

size_t weft__report_describe(const struct routine *r, const char *name,
			     char *buf, size_t size)
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

size_t weft__routine_describe(uint64_t id, char *buf, size_t size)
{
	const struct routine *r = weft__record_find(id);

	*buf = 0;
	return r && routine_id(r) == id ?
	       weft__report_describe(r, name_of(r), buf, size) : 0;
}

static size_t describe_current(char *buf, size_t size)
{
	struct routine *r = weft__current(weft__worker());

	return r ? weft__report_describe(r, name_of(r), buf, size) : 0;
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
	weft__panic_unwind = weft__panic_begin;
	weft__overflow_describe = describe_overflow;
}

/* What it waits for and since when; only of routines that stand still. */
static void describe_wait(const struct routine *r, int64_t now, char *buf,
			  size_t size)
{
	const struct wait *wt = r->wait;
	uint8_t reason = load_rlx(&r->reason);
	int64_t ms = (now - wt->since) / 1000000;
	int n = snprintf(buf, size, "%s", weft__park_reason_name[reason]);

	if (reason == PARK_JOIN)
		n += snprintf(buf + n, size - (size_t)n, " of routine %llu",
			(unsigned long long)routine_id(wt->object));
	else if (reason == PARK_READ || reason == PARK_WRITE ||
		 reason == PARK_POLL)
		n += snprintf(buf + n, size - (size_t)n, " of %d",
			      (int)(intptr_t)wt->object);
	else if (wt->object)
		n += snprintf(buf + n, size - (size_t)n, " on %p", wt->object);
	snprintf(buf + n, size - (size_t)n, " for %lld.%03lld s",
		 (long long)(ms < 0 ? 0 : ms / 1000),
		 (long long)(ms < 0 ? 0 : ms % 1000));
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
	int64_t now = weft__os_now();
	char who[400], what[120];

	weft__warn("%s", title);
	for (uint32_t i = 0; (r = weft__record_at(i)); i++) {
		uint8_t state = load_rlx(&r->state);

		if (!(load_rlx(&r->handle) & HANDLE_LIVE) ||
		    r->rt != rt->slot || state == ROUTINE_FREE ||
		    (r->flags & ROUTINE_MAIN && state == ROUTINE_ENDED))
			continue;
		if (++count > SHOWN)
			continue;
		weft__report_describe(r, still ? name_of(r) : NULL, who,
				      sizeof who);
		if (state != ROUTINE_PARKED)
			snprintf(what, sizeof what, "%s", state_name[state]);
		else if (still)
			describe_wait(r, now, what, sizeof what);
		else
			snprintf(what, sizeof what, "%s",
				 weft__park_reason_name[load_rlx(&r->reason)]);
		weft__warn("  %s: %s", who, what);
	}
	if (count > SHOWN)
		weft__warn("  and %lu more", count - SHOWN);
}
