/* os/tell.c - see tell.h. */
#include "os/tell.h"
#include "os/os.h"

#include <unistd.h>
#include <unwind.h>

enum { FRAMES = 24 };

void weft__line_add(struct line *l, const char *s)
{
	while (s && *s && l->n < sizeof l->text - 1)
		l->text[l->n++] = *s++;
}

void weft__line_number(struct line *l, uint64_t v, unsigned base)
{
	char digits[24];
	size_t i = sizeof digits;

	digits[--i] = 0;
	do
		digits[--i] = "0123456789abcdef"[v % base];
	while (v /= base);
	weft__line_add(l, digits + i);
}

void weft__line_say(struct line *l)
{
	l->text[l->n++] = '\n';
	if (write(STDERR_FILENO, l->text, l->n) < 0)
		return;         /* nobody to tell */
	l->n = 0;
}

void weft__line_code(struct line *l, const void *pc)
{
	char name[256];

	weft__os_code_name(pc, name, sizeof name);
	weft__line_add(l, name);
}

/* --- the backtrace: equal frames in a row are one line --------------------- */

struct trace {
	struct line line;
	const void *pc;
	unsigned depth, lines, repeats;
};

static void end_repeats(struct trace *t)
{
	if (t->repeats) {
		weft__line_add(&t->line, "weft:        ... and ");
		weft__line_number(&t->line, t->repeats, 10);
		weft__line_add(&t->line, " more of this frame");
		weft__line_say(&t->line);
	}
	t->repeats = 0;
}

static _Unwind_Reason_Code step(struct _Unwind_Context *c, void *arg)
{
	struct trace *t = arg;
	const void *pc = (const void *)_Unwind_GetIP(c);

	if (!pc)
		return _URC_END_OF_STACK;
	t->depth++;
	if (pc == t->pc) {
		t->repeats++;
		return _URC_NO_REASON;
	}
	end_repeats(t);
	if (t->lines++ == FRAMES)
		return _URC_END_OF_STACK;
	t->pc = pc;
	weft__line_add(&t->line, "weft:   #");
	weft__line_number(&t->line, t->depth - 1, 10);
	weft__line_add(&t->line, " ");
	weft__line_code(&t->line, pc);
	weft__line_say(&t->line);
	return _URC_NO_REASON;
}

void weft__os_backtrace(void)
{
	struct trace t = { .depth = 0 };

	weft__line_add(&t.line, "weft: backtrace (the handler first):");
	weft__line_say(&t.line);
	_Unwind_Backtrace(step, &t);
	end_repeats(&t);
}
