/* os/symbol.c - the name of a piece of code, for reports.
 *
 * Without stdio or locks of ours, since a report may come from a signal
 * handler.  The dynamic linker says which file the code is of; the name comes
 * from that file's own table (elf.c), or the linker knows one nearby.
 */
#include "base/base.h"
#include "os/os.h"

#include <dlfcn.h>
#include <sys/auxv.h>

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

/* The program itself may have been started by a name that is no path. */
static const char *file_of(const Dl_info *i)
{
	Dl_info own;
	void *headers = (void *)getauxval(AT_PHDR);

	return dladdr(headers, &own) && own.dli_fbase == i->dli_fbase ?
	       "/proc/self/exe" : i->dli_fname;
}

static void add_place(struct text *t, const char *name, uintptr_t into)
{
	add(t, name);
	if (into) {
		add(t, "+");
		add_hex(t, into);
	}
}

size_t weft__os_code_name(const void *pc, char *buf, size_t size)
{
	struct text t = { buf, buf + size - 1 };
	uintptr_t at = (uintptr_t)pc, into = 0;
	char name[80];
	Dl_info i;

	if (!dladdr(pc, &i) || !i.dli_fname) {
		/* A static program: no linker knows it. */
		if (weft__os_elf_name("/proc/self/exe", at, 0, name,
				      sizeof name, &into))
			add_place(&t, name, into);
		else
			add_hex(&t, at);
	} else {
		if (weft__os_elf_name(file_of(&i), at, (uintptr_t)i.dli_fbase,
				      name, sizeof name, &into))
			add_place(&t, name, into);
		else if (i.dli_sname)
			add_place(&t, i.dli_sname,
				  at - (uintptr_t)i.dli_saddr);
		else
			add_hex(&t, at);
		add(&t, " (");
		add(&t, i.dli_fname);
		add(&t, "+");
		add_hex(&t, at - (uintptr_t)i.dli_fbase);
		add(&t, ")");
	}
	*t.at = 0;
	return (size_t)(t.at - buf);
}
