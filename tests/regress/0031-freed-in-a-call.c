/* regress/0031 - a coroutine that was freed while it was suspended in a function
 * that a call of weft had called kept what the call had for itself.
 */
#include "stress/stress.h"

#include <fcntl.h>
#include <malloc.h>

enum { WARM = 3, ROUNDS = 200, NAMES = 40, SLACK = 32 << 10 };

static char dir[] = "/tmp/weft-0031.XXXXXX";

/* --- calls that call ----------------------------------------------------------- */

static int stay(const weft_walk_entry *e, void *arg)
{
	(void)arg;
	if (e->depth == 0)
		return 0;
	(void)!weft_coro_yield(NULL, NULL);
	return -1;
}

static void walks(void *arg)
{
	(void)arg;
	(void)!weft_walk(dir, 0, -1, stay, NULL);
}

static ssize_t stay_in_write(void *io, const void *p, size_t n, weft_time d)
{
	(void)io;
	(void)p;
	(void)d;
	(void)!weft_coro_yield(NULL, NULL);
	return (ssize_t)n;
}

static void prints(void *arg)
{
	(void)!weft_bufio_printf(arg, WEFT_FOREVER, "%20000d", 1);
}

static void starts(weft_await_token *t, void *arg)
{
	(void)arg;
	(void)!weft_coro_yield(NULL, NULL);
	(void)!weft_await_done(t, 0, NULL);
}

static void awaits(void *arg)
{
	(void)arg;
	(void)!weft_await(starts, NULL, NULL, WEFT_FOREVER);
}

/* One coroutine resumes another, and stays in it. */
static void walks_inside(void *arg)
{
	weft_coro **co = arg;

	*co = weft_coro_new(walks, NULL, 0);
	MUST(*co && weft_coro_resume(*co, NULL, NULL) == 0, "inner");
	(void)!weft_walk(dir, 0, -1, stay, NULL);
}

/* --- freed there ----------------------------------------------------------------- */

static void begin(weft_coro **co, void (*fn)(void *), void *arg)
{
	*co = weft_coro_new(fn, arg, 0);
	MUST(*co && weft_coro_resume(*co, NULL, NULL) == 0, "resume");
}

static weft_coro *later;

static int leave(void *arg)
{
	weft_bufio out;
	weft_coro *co, *inner;

	weft_bufio_init_io(&out, NULL, stay_in_write, NULL, 0);
	begin(&co, walks, NULL);
	weft_coro_free(co);
	begin(&co, prints, &out);
	weft_coro_free(co);
	weft_bufio_fini(&out);
	begin(&co, awaits, NULL);
	weft_coro_free(co);
	begin(&co, walks_inside, &inner);
	weft_coro_free(co);
	weft_coro_free(inner);
	/* What goes on to its end gives it back by itself. */
	begin(&co, walks, NULL);
	MUST(weft_coro_resume(co, NULL, NULL) == -EPIPE, "its end");
	weft_coro_free(co);
	if (arg)
		begin(&later, walks, NULL);
	return 0;
}

static void once(int i)
{
	weft_config c = { .workers = 1 + (unsigned)i % 3 };

	if (i % 4) {
		MUST(leave(NULL) == 0, "leave");
		return;
	}
	/* It outlives the run that it was begun in. */
	MUST(weft_run_config(&c, leave, &later) == 0, "run");
	weft_coro_free(later);
}

int main(void)
{
	size_t used = 0, more;
	char path[64];

	MUST(mkdtemp(dir) != NULL, "mkdtemp");
	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof path, "%s/a-name-of-some-length-%d", dir, i);
		close(open(path, O_CREAT | O_CLOEXEC, 0600));
	}
	for (int i = 0; i < ROUNDS; i++) {
		if (i == 4 * WARM)
			used = mallinfo2().uordblks;
		once(i);
	}
	more = mallinfo2().uordblks;
	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof path, "%s/a-name-of-some-length-%d", dir, i);
		unlink(path);
	}
	rmdir(dir);
	MUST(more < used + SLACK, "%zu bytes more", more - used);
	return 0;
}
