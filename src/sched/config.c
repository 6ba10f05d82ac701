/* sched/config.c - defaults and what the environment says.
 *
 * A value that makes no sense is named in one warning and ignored.
 */
#include "sched/runtime.h"

#include <stdio.h>

/* Digits, with a K or M suffix where `suffix` allows it.  False: not that. */
static bool parse(const char *text, uint64_t *value, bool suffix)
{
	char *end;
	unsigned long long v;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (suffix && (*end == 'K' || *end == 'k' || *end == 'M' ||
		       *end == 'm')) {
		unsigned shift = *end == 'K' || *end == 'k' ? 10 : 20;

		if (v > UINT64_MAX >> shift)
			return false;
		v <<= shift;
		end++;
	}
	*value = v;
	return !*end;
}

static void refuse(const char *name, const char *text, const char *want)
{
	weft__warn("%s=%s: not %s, ignored", name, text, want);
}

static void read_number(const char *name, uint64_t least, uint64_t most,
			unsigned *out)
{
	const char *text = getenv(name);
	char want[64];
	uint64_t v;

	if (!text || !*text)
		return;
	if (parse(text, &v, false) && v >= least && v <= most) {
		*out = (unsigned)v;
		return;
	}
	snprintf(want, sizeof want, "a number from %llu to %llu",
		 (unsigned long long)least, (unsigned long long)most);
	refuse(name, text, want);
}

static void read_stack(size_t *out)
{
	const char *text = getenv("WEFT_STACK");
	uint64_t v;

	if (!text || !*text)
		return;
	if (parse(text, &v, true) && v > 0 && weft__stack_class(v) >= 0)
		*out = v;
	else
		refuse("WEFT_STACK", text, "a stack size in bytes");
}

static void read_guard(int *out)
{
	static const char *const names[] = {
		"auto", "madvise", "mprotect", "canary",
	};
	const char *text = getenv("WEFT_GUARD");

	if (!text || !*text)
		return;
	for (int i = 0; i < (int)countof(names); i++)
		if (!strcmp(text, names[i])) {
			*out = i;
			return;
		}
	refuse("WEFT_GUARD", text, "auto, madvise, mprotect or canary");
}

/* A misspelt variable would be ignored in silence. */
static void name_unknown(void)
{
	static const char *const known[] = {
		"WEFT_WORKERS=", "WEFT_STACK=", "WEFT_GUARD=", "WEFT_DEBUG=",
		"WEFT_BLOCKING_MAX=", "WEFT_SEED=", "WEFT_STRESS_",
		"WEFT_POLLER=", "WEFT_RING=",
	};
	extern char **environ;
	static _Atomic int told;

	for (char **e = environ; e && *e; e++) {
		bool ours = false;

		if (strncmp(*e, "WEFT_", 5))
			continue;
		for (size_t i = 0; i < countof(known); i++)
			ours |= !strncmp(*e, known[i], strlen(known[i]));
		if (!ours && !atomic_exchange_explicit(&told, 1,
						       memory_order_relaxed))
			weft__warn("%.*s: no such variable, ignored",
				   (int)strcspn(*e, "="), *e);
	}
}

static void read_debug(unsigned *out)
{
	const char *text = getenv("WEFT_DEBUG");

	if (!text || !*text)
		return;
	if (!strcmp(text, "leaks"))
		*out = 1;
	else
		refuse("WEFT_DEBUG", text, "leaks");
}

bool weft__config_leaks(void)
{
	unsigned leaks = 0;

	read_debug(&leaks);
	return leaks;
}

void weft_config_init(weft_config *c)
{
	if (!c)
		return;
	memset(c, 0, sizeof *c);
	read_number("WEFT_WORKERS", 1, WORKER_MAX, &c->workers);
	read_number("WEFT_BLOCKING_MAX", 1, 65536, &c->blocking_max);
	read_stack(&c->stack_size);
	read_guard(&c->guard);
	name_unknown();
}
