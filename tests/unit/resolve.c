/* unit/resolve.c - src/net/resolve.c with a resolver that takes its time. */
#include "support/net.h"

#include "net/net.h"

#include <pthread.h>

TestSuite(resolve_slowly, .timeout = 100);

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static atomic_int entered, left, answers_with;

/* Waits at the gate, then knows one address. */
static int slow(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST,
				    .ai_socktype = SOCK_STREAM };
	int err = answers_with;

	CHECK(strcmp(node, "slow.example") == 0);
	CHECK(!service || !strcmp(service, "7"));
	CHECK(!hints || hints->ai_socktype == SOCK_STREAM);
	entered++;
	pthread_mutex_lock(&gate);
	while (!gate_open)
		pthread_cond_wait(&moved, &gate);
	pthread_mutex_unlock(&gate);
	if (!err)
		err = getaddrinfo("127.0.0.7", service, &numeric, res);
	else
		errno = EDOM;
	left++;
	return err;
}

static void set_gate(bool to)
{
	pthread_mutex_lock(&gate);
	gate_open = to;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&gate);
}

static void reset(bool open)
{
	weft__net_resolver = slow;
	set_gate(open);
	entered = left = answers_with = 0;
}

static int look(weft_time deadline)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *res = NULL;
	int err = weft_getaddrinfo("slow.example", "7", &hints, &res, deadline);

	CHECK(!err == (res != NULL));
	if (res) {
		const struct sockaddr_in *in = (void *)res->ai_addr;

		CHECK_EQ(ntohl(in->sin_addr.s_addr), 0x7f000007);
		CHECK_EQ(ntohs(in->sin_port), 7);
		freeaddrinfo(res);
	}
	return err;
}

static int gives_up(void *arg)
{
	weft_time t = weft_in(5 * WEFT_MS);

	(void)arg;
	reset(false);
	CHECK_EQ(look(t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	wait_until(entered == 1);
	CHECK_EQ(left, 0);
	set_gate(true);
	wait_until(left == 1);
	/* The one that came too late is nobody's; the next is mine. */
	CHECK_EQ(look(PATIENCE), 0);
	CHECK_EQ(look(WEFT_FOREVER), 0);
	CHECK_EQ(entered, 3);
	return 0;
}

Test(resolve_slowly, who_gives_up_returns_at_once)
{
	ANYWHERE(gives_up);
}

static int look_for_ever(void *arg)
{
	*(int *)arg = look(WEFT_FOREVER);
	return 0;
}

static int cancelled(void *arg)
{
	int answer = 1;
	struct crew c;

	(void)arg;
	reset(false);
	crew_start(&c, 1, 0, look_for_ever, &answer);
	wait_until(entered == 1);
	CHECK_EQ(weft_cancel(c.id[0]), 0);
	crew_join(&c);
	CHECK_EQ(answer, -ECANCELED);
	CHECK_EQ(left, 0);
	set_gate(true);
	wait_until(left == 1);
	return 0;
}

Test(resolve_slowly, who_is_cancelled_returns_at_once)
{
	EACH(cancelled);
}

struct walk {
	atomic_int steps, stop;
};

static int walk(void *arg)
{
	struct walk *k = arg;

	while (!k->stop) {
		k->steps++;
		weft_yield();
	}
	return 0;
}

static int others_run(void *arg)
{
	struct walk k = { 0 };
	struct crew walker, looker;
	int answer = 1;

	(void)arg;
	reset(false);
	crew_start(&walker, 1, 0, walk, &k);
	crew_start(&looker, 1, 0, look_for_ever, &answer);
	wait_until(entered == 1);
	k.steps = 0;
	wait_until(k.steps >= 1000);
	CHECK_EQ(left, 0);
	set_gate(true);
	crew_join(&looker);
	CHECK_EQ(answer, 0);
	k.stop = 1;
	crew_join(&walker);
	return 0;
}

Test(resolve_slowly, no_worker_waits_for_it)
{
	EACH(others_run);
}

static atomic_int answered;

static int look_once(void *arg)
{
	(void)arg;
	CHECK_EQ(look(PATIENCE), 0);
	answered++;
	return 0;
}

static int crowd(void *arg)
{
	struct crew c;

	(void)arg;
	reset(false);
	answered = 0;
	crew_start(&c, 30, 2, look_once, NULL);
	wait_until(entered >= 2);
	set_gate(true);
	crew_join(&c);
	CHECK_EQ(answered, 32);
	CHECK_EQ(entered, 32);
	return 0;
}

Test(resolve_slowly, a_busy_pool_only_makes_it_later)
{
	weft_config few = { .workers = 2, .blocking_max = 2 };

	cr_assert_eq(weft_run_config(&few, crowd, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
	ANYWHERE(crowd);
}

static int lonely(void *arg)
{
	(void)arg;
	reset(true);
	CHECK_EQ(look(PATIENCE), 0);
	return 0;
}

Test(resolve_slowly, it_works_where_no_other_routine_is_allowed)
{
	weft_config alone = { .workers = 1, .max_routines = 1 };

	cr_assert_eq(weft_run_config(&alone, lonely, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

static void *open_later(void *arg)
{
	(void)arg;
	while (!entered)
		sched_yield();
	set_gate(true);
	return NULL;
}

static void forget(void *arg)
{
	(void)arg;
	(void)look(WEFT_FOREVER);
}

static int leaves_it(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_go(forget, NULL), 0);
	wait_until(entered == 1);
	return 0;
}

Test(resolve_slowly, a_run_may_end_meanwhile)
{
	for (size_t i = 0; i < COUNT(worker_counts); i++) {
		pthread_t t;

		reset(false);
		/* A list would be lost with the routine that is discarded. */
		answers_with = EAI_NONAME;
		pthread_create(&t, NULL, open_later, NULL);
		cr_assert_eq(run_on(worker_counts[i], leaves_it, NULL), 0);
		pthread_join(t, NULL);
		cr_assert_eq(left, 1);
		cr_assert_eq(failures, 0, "%s", first_failure);
	}
}

static int errors(void *arg)
{
	static const int eai[][2] = {
		{ EAI_ADDRFAMILY, WEFT_EAI_ADDRFAMILY },
		{ EAI_AGAIN, WEFT_EAI_AGAIN },
		{ EAI_BADFLAGS, WEFT_EAI_BADFLAGS },
		{ EAI_FAIL, WEFT_EAI_FAIL },
		{ EAI_FAMILY, WEFT_EAI_FAMILY },
		{ EAI_NODATA, WEFT_EAI_NODATA },
		{ EAI_NONAME, WEFT_EAI_NONAME },
		{ EAI_OVERFLOW, WEFT_EAI_OVERFLOW },
		{ EAI_SERVICE, WEFT_EAI_SERVICE },
		{ EAI_SOCKTYPE, WEFT_EAI_SOCKTYPE },
		{ EAI_MEMORY, -ENOMEM },
		{ EAI_SYSTEM, -EDOM },
		{ 12345, WEFT_EAI_FAIL },
	};

	(void)arg;
	reset(true);
	for (size_t i = 0; i < COUNT(eai); i++) {
		answers_with = eai[i][0];
		CHECK_EQ(look(PATIENCE), eai[i][1]);
		CHECK_EQ(look(WEFT_FOREVER), eai[i][1]);
	}
	return 0;
}

Test(resolve_slowly, every_error_has_its_code)
{
	ANYWHERE(errors);
}
