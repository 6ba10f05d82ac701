/* os/symbol.c - the name of a piece of code, for reports.
 *
 * Without stdio or locks of ours, since a report may come from a signal
 * handler; the dynamic linker's own lookup is the one thing it relies on.
 */
#include "base/base.h"
#include "os/os.h"

#include <dlfcn.h>

struct text {
	char *at, *end;
};

static void add(struct text *t, const char *s)
{
	while (s && *s && t->at < t->end)
		*t->at++ = *s++;
}

static void add_hex(struct text *t, uintptr_t v)
{
	char digits[20];
	size_t i = sizeof digits;

	digits[--i] = 0;
	do
		digits[--i] = "0123456789abcdef"[v % 16];
	while (v /= 16);
	add(t, "0x");
	add(t, digits + i);
}

size_t weft__os_code_name(const void *pc, char *buf, size_t size)
{
	struct text t = { buf, buf + size - 1 };
	Dl_info i;

	add_hex(&t, (uintptr_t)pc);
	if (dladdr(pc, &i) && i.dli_fname) {
		if (i.dli_sname) {
			add(&t, " ");
			add(&t, i.dli_sname);
			add(&t, "+");
			add_hex(&t, (uintptr_t)pc - (uintptr_t)i.dli_saddr);
		}
		add(&t, " (");
		add(&t, i.dli_fname);
		add(&t, "+");
		add_hex(&t, (uintptr_t)pc - (uintptr_t)i.dli_fbase);
		add(&t, ")");
	}
	*t.at = 0;
	return (size_t)(t.at - buf);
}
