/* deadline - a request that must be answered in time.
 *
 *	request -- scope(deadline) -+- ask: prices
 *	                            +- ask: stock
 *	                            +- ask: reviews, which asks two more
 *
 * The scope's deadline reaches everybody who works for the request, however
 * deep: each wait that is not over by then ends with -ECANCELED.  None of them
 * looks at a clock, and when the scope has ended, none of them is left.
 *
 *	deadline [MILLISECONDS]         how long the shortest answer takes
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft.h>

enum { NEVER = 1000000 };

struct service {
	const char *name;
	int takes;                      /* so many units */
	int fails;                      /* 0, or the error it gives */
};

struct answer {
	const struct service *from;
	int err;
	int tidied;
};

static weft_time unit = WEFT_MS;
static atomic_int working;

/* What must be done even if nobody waits any more. */
static void tidy(struct answer *a)
{
	weft_shield_begin();
	weft_sleep(WEFT_MS);            /* not cancelled, in here */
	a->tidied = 1;
	weft_shield_end();
}

static int ask(void *arg)
{
	struct answer *a = arg;

	working++;
	a->err = weft_sleep(a->from->takes * unit);
	if (!a->err)
		a->err = a->from->fails;
	tidy(a);
	working--;
	return a->err;
}

/* Two more, in a scope inside the request's. */
static int ask_both(void *arg)
{
	struct answer *a = arg;
	weft_scope s;
	int err = weft_scope_begin(&s, WEFT_FOREVER);

	if (err)
		return err;
	weft_scope_go(&s, ask, &a[0]);
	weft_scope_go(&s, ask, &a[1]);
	return weft_scope_end(&s);
}

static int request(const char *what, const struct service *services,
		   int limit)
{
	struct answer a[4];
	weft_scope s;
	int err = weft_scope_begin(&s, weft_in(limit * unit));

	if (err)
		return err;
	for (int i = 0; i < 4; i++)
		a[i] = (struct answer){ &services[i], -EAGAIN, 0 };
	weft_scope_go(&s, ask, &a[0]);
	weft_scope_go(&s, ask, &a[1]);
	weft_scope_go(&s, ask_both, &a[2]);
	err = weft_scope_end(&s);

	printf("%s: %s\n", what, err ? weft_strerror(err) : "answered");
	for (int i = 0; i < 4; i++)
		printf("  %-8s %s\n", a[i].from->name,
		       a[i].err == 0 ? "answered" :
		       a[i].err == -ECANCELED ? "was cancelled" :
		       weft_strerror(a[i].err));
	for (int i = 0; i < 4; i++)
		if (!a[i].tidied)
			printf("  %s left something behind\n", a[i].from->name);
	if (working)
		printf("  somebody is still working\n");
	return 0;
}

static int app(void *arg)
{
	static const struct service quick[] = {
		{ "prices", 1, 0 }, { "stock", 2, 0 },
		{ "stars", 1, 0 }, { "texts", 3, 0 },
	}, slow[] = {
		{ "prices", 1, 0 }, { "stock", NEVER, 0 },
		{ "stars", 2, 0 }, { "texts", NEVER, 0 },
	}, broken[] = {
		{ "prices", NEVER, 0 }, { "stock", 50, -EIO },
		{ "stars", NEVER, 0 }, { "texts", NEVER, 0 },
	};
	int err;

	(void)arg;
	err = request("in time", quick, NEVER);
	if (!err)
		err = request("too slow", slow, 300);
	if (!err)
		err = request("no stock", broken, NEVER);
	return err;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		unit = atoi(argv[1]) * WEFT_MS;
	return weft_run(app, NULL) != 0;
}
