/* net/resolve.c - weft_getaddrinfo: the library's, on a thread that may block.
 *
 * Numeric addresses and ports are read at once: getaddrinfo asks nobody about
 * them.  It takes up to 12 KB of stack, so a routine does that on a bigger one.
 *
 *     caller                           helper routine      thread of the pool
 *     weft_await: start helper   ->    weft_blocking  ->   getaddrinfo
 *     parked, gives up any time                            weft_await_done
 *     the list is his            <---------------------    or frees the list
 *
 * The question is shared by the caller and whoever answers, with the list in it
 * once that is made, and goes when both have let go of it.  So neither waits for
 * the other.  A plain thread asks by itself, or, when it has a deadline to keep, a
 * thread made for it.
 *
 * Ordering
 *   Q1  refs: RMW acquire-release by both; who lets go last sees the list.
 */
#include "net/net.h"
#include "base/atomic.h"
#include "os/thread.h"
#include "sched/park.h"

#include <stdio.h>

#include <weft/await.h>
#include <weft/routine.h>
#include <weft/scope.h>

enum { NUMERIC_STACK = 64 << 10, HELPER_STACK = 16 << 10 };

int (*weft__net_resolver)(const char *node, const char *service,
			  const struct addrinfo *hints,
			  struct addrinfo **res) = getaddrinfo;

struct question {
	_Atomic unsigned refs;          /* Q1 */
	struct addrinfo *list;          /* whoever answers, then the caller */
	const char *node, *service;
	const struct addrinfo *hints;
	struct addrinfo copy;
	weft_await_token *token;
	char text[];
};

int weft__net_eai(int eai)
{
	switch (eai) {
	case 0:
		return 0;
	case EAI_SYSTEM:
		return errno ? -errno : -EIO;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_ADDRFAMILY:
		return WEFT_EAI_ADDRFAMILY;
	case EAI_AGAIN:
		return WEFT_EAI_AGAIN;
	case EAI_BADFLAGS:
		return WEFT_EAI_BADFLAGS;
	case EAI_FAMILY:
		return WEFT_EAI_FAMILY;
	case EAI_NODATA:
		return WEFT_EAI_NODATA;
	case EAI_NONAME:
		return WEFT_EAI_NONAME;
	case EAI_OVERFLOW:
		return WEFT_EAI_OVERFLOW;
	case EAI_SERVICE:
		return WEFT_EAI_SERVICE;
	case EAI_SOCKTYPE:
		return WEFT_EAI_SOCKTYPE;
	default:
		return WEFT_EAI_FAIL;
	}
}

/* --- numbers ----------------------------------------------------------------------- */

struct numbers {
	const char *node, *service;
	struct addrinfo hints, *list;
	int err;
};

static void *read_numbers(void *arg)
{
	struct numbers *n = arg;

	n->err = weft__net_eai(getaddrinfo(n->node, n->service, &n->hints,
					   &n->list));
	return NULL;
}

static bool all_digits(const char *s)
{
	return !s || s[strspn(s, "0123456789")] == '\0';
}

/* Nobody has to be asked about these, or they can only be refused. */
static bool no_names(const char *node, const char *service, int flags)
{
	/* "*" is any address to some libraries, and no name to the others. */
	bool host = node && !(flags & AI_NUMERICHOST) && strcmp(node, "*") &&
		    !strchr(node, ':') && (*node < '0' || *node > '9');

	return !host && (flags & AI_NUMERICSERV || all_digits(service));
}

/* 0, an error, or WEFT_EAI_NONAME: a name after all, perhaps. */
static int numeric(const char *node, const char *service,
		   const struct addrinfo *hints, struct addrinfo **res)
{
	struct numbers n = { .node = node, .service = service };
	int err = 0;

	/* As without hints: getaddrinfo(3). */
	if (hints)
		n.hints = *hints;
	else
		n.hints.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG;
	if (node)
		n.hints.ai_flags |= AI_NUMERICHOST;
	if (weft_self())
		err = weft_call_big(NUMERIC_STACK, read_numbers, &n, NULL);
	else
		read_numbers(&n);
	if (err < 0 || n.err < 0)
		return err < 0 ? err : n.err;
	*res = n.list;
	return 0;
}

/* --- names -------------------------------------------------------------------------- */

static struct question *question_new(const char *node, const char *service,
				     const struct addrinfo *hints)
{
	size_t n = node ? strlen(node) + 1 : 0;
	size_t s = service ? strlen(service) + 1 : 0;
	struct question *q = calloc(1, sizeof *q + n + s);

	if (!q)
		return NULL;
	store_rlx(&q->refs, 1);
	if (n)
		q->node = memcpy(q->text, node, n);
	if (s)
		q->service = memcpy(q->text + n, service, s);
	if (hints) {
		q->copy.ai_flags = hints->ai_flags;
		q->copy.ai_family = hints->ai_family;
		q->copy.ai_socktype = hints->ai_socktype;
		q->copy.ai_protocol = hints->ai_protocol;
		q->hints = &q->copy;
	}
	return q;
}

static void let_go(void *arg)
{
	struct question *q = arg;

	if (sub_acqrel(&q->refs, 1) != 1)                           /* Q1 */
		return;
	if (q->list)
		freeaddrinfo(q->list);
	free(q);
}

static void finish(struct question *q, int err)
{
	weft_await_done(q->token, err, NULL);
	let_go(q);
}

/* On a thread that may block: errno is its own. */
static void *answer(void *arg)
{
	struct question *q = arg;
	struct addrinfo *list = NULL;
	int err = weft__net_eai(weft__net_resolver(q->node, q->service,
						   q->hints, &list));

	q->list = err ? NULL : list;
	finish(q, err);
	return NULL;
}

static void *answer_thread(void *q)
{
	weft__plain_ours();
	return answer(q);
}

/* From here on the thread lets go of it. */
static void *take_up(void *asked)
{
	struct question *q = *(struct question **)asked;

	*(struct question **)asked = NULL;
	return answer(q);
}

static void drop_asked(void *asked)
{
	if (*(struct question **)asked)
		let_go(*(struct question **)asked);
}

static int ask_pool(struct question *q)
{
	struct hold h;
	int err;

	weft__hold(&h, drop_asked, &q);
	err = weft_blocking(take_up, &q, NULL);
	weft__hold_end(&h);
	return err;
}

static void help(void *arg)
{
	struct question *q = arg;
	int err;

	err = ask_pool(q);
	if (err < 0)
		finish(q, err);
}

static int begin_in_routine(struct question *q)
{
	const weft_attr attr = { .name = "weft-resolve",
				 .stack_size = HELPER_STACK };
	int err = weft__go_held(&attr, help, q, let_go);

	/* No routine more is allowed: then without one, and late if need be. */
	return err == -EAGAIN ? ask_pool(q) : err;
}

static int begin_in_thread(struct question *q)
{
	pthread_t t;
	int err = weft__os_thread_start(&t, "weft-resolve", answer_thread,
					q);

	if (!err)
		pthread_detach(t);
	return err;
}

static void begin(weft_await_token *t, void *arg)
{
	struct question *q = arg;
	int err;

	q->token = t;
	add_rlx(&q->refs, 1);
	err = weft_self() ? begin_in_routine(q) : begin_in_thread(q);
	if (err < 0)
		finish(q, err);
}

static int ask(const char *node, const char *service,
	       const struct addrinfo *hints, struct addrinfo **res,
	       weft_time deadline)
{
	struct question *q;
	struct hold h;
	int err;

	if (!weft_self() && deadline == WEFT_FOREVER)
		return weft__net_eai(weft__net_resolver(node, service, hints,
							res));
	q = question_new(node, service, hints);
	if (!q)
		return -ENOMEM;
	weft__hold(&h, let_go, q);
	err = weft_await(begin, q, NULL, deadline);
	weft__hold_end(&h);
	if (!err) {
		*res = q->list;
		q->list = NULL;
	}
	let_go(q);
	return err;
}

int weft_getaddrinfo(const char *node, const char *service,
		     const struct addrinfo *hints, struct addrinfo **res,
		     weft_time deadline)
{
	int flags = hints ? hints->ai_flags : 0, err;

	if (!res)
		return -EINVAL;
	if (!node && !service)
		return WEFT_EAI_NONAME;
	if (weft_cancelled() && deadline != WEFT_NOWAIT)
		return -ECANCELED;
	if (no_names(node, service, flags)) {
		err = numeric(node, service, hints, res);
		if (err != WEFT_EAI_NONAME || !node || flags & AI_NUMERICHOST)
			return err;
	}
	if (deadline <= 0)
		return deadline ? -ETIMEDOUT : -EAGAIN;
#ifdef HAVE_CARES
	if (node && weft__net_ares_knows(service, hints) &&
	    weft__net_resolver == getaddrinfo)
		return weft__net_ares(node, service, hints, res, deadline);
#endif
	return ask(node, service, hints, res, deadline);
}

int weft__net_lookup(const char *host, int port, int type, int flags,
		     struct addrinfo **res, weft_time deadline)
{
	const struct addrinfo hints = {
		.ai_flags = flags | AI_NUMERICSERV, .ai_socktype = type,
	};
	char service[sizeof "65535"];

	snprintf(service, sizeof service, "%u", (unsigned)port & UINT16_MAX);
	return weft_getaddrinfo(host, service, &hints, res, deadline);
}
