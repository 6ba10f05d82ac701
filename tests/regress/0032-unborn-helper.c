/* regress/0032 - a lookup that was given up before the routine that was to ask for
 * it had run kept its memory, when the run ended before that routine did.
 */
#include "stress/stress.h"

#include "net/net.h"
#include "os/os.h"

#include <malloc.h>

enum { WARM = 4, ROUNDS = 40, LONG = 20000, SLACK = 3 * LONG };

static char name[LONG + 1];
static atomic_bool scarce;
static atomic_int refused, asked;

static int nobody(const char *node, const char *service,
		  const struct addrinfo *hints, struct addrinfo **res)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)res;
	asked++;
	return EAI_NONAME;
}

/* Who has no stack yet waits for one. */
static int no_stacks(enum os_call call, size_t len)
{
	(void)len;
	if (call != OS_MAP || !scarce)
		return 0;
	refused++;
	return -ENOMEM;
}

static int ask(void *arg)
{
	struct addrinfo *list;
	int err;

	(void)arg;
	scarce = true;
	err = weft_getaddrinfo(name, "1", NULL, &list, weft_in(5 * WEFT_MS));
	MUST(err == -ETIMEDOUT || err == WEFT_EAI_NONAME, "lookup: %d", err);
	return 0;
}

int main(void)
{
	size_t used = 0, more;

	memset(name, 'x', LONG);
	weft__net_resolver = nobody;
	weft__os_fault = no_stacks;
	for (int i = 0; i < ROUNDS; i++) {
		weft_config c = { .workers = 1 + (unsigned)i % 3 };

		if (i == WARM)
			used = mallinfo2().uordblks;
		MUST(weft_run_config(&c, ask, NULL) == 0, "run");
		scarce = false;
	}
	more = mallinfo2().uordblks;
	MUST(refused > 0 && asked < ROUNDS, "the helper has always run");
	MUST(more < used + SLACK, "%zu bytes more", more - used);
	return 0;
}
