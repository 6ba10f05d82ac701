/* api/resolve.c - weft_getaddrinfo beside the C library's, one sentence a test. */
#include "support/net.h"

TestSuite(resolve, .timeout = 100);

static const struct {
	int eai, code;
} codes[] = {
	{ 0, 0 },
	{ EAI_ADDRFAMILY, WEFT_EAI_ADDRFAMILY },
	{ EAI_AGAIN, WEFT_EAI_AGAIN },
	{ EAI_BADFLAGS, WEFT_EAI_BADFLAGS },
	{ EAI_FAIL, WEFT_EAI_FAIL },
	{ EAI_FAMILY, WEFT_EAI_FAMILY },
	{ EAI_MEMORY, -ENOMEM },
	{ EAI_NODATA, WEFT_EAI_NODATA },
	{ EAI_NONAME, WEFT_EAI_NONAME },
	{ EAI_OVERFLOW, WEFT_EAI_OVERFLOW },
	{ EAI_SERVICE, WEFT_EAI_SERVICE },
	{ EAI_SOCKTYPE, WEFT_EAI_SOCKTYPE },
};

static int code_of(int eai)
{
	for (size_t i = 0; i < COUNT(codes); i++)
		if (codes[i].eai == eai)
			return codes[i].code;
	return 1;
}

static bool same(const struct addrinfo *a, const struct addrinfo *b)
{
	return a->ai_family == b->ai_family &&
	       a->ai_socktype == b->ai_socktype &&
	       a->ai_protocol == b->ai_protocol &&
	       a->ai_addrlen == b->ai_addrlen &&
	       !memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) &&
	       !a->ai_canonname == !b->ai_canonname &&
	       (!a->ai_canonname || !strcmp(a->ai_canonname, b->ai_canonname));
}

/* Where the answer is right, whatever it is; a build with c-ares answers names
 * by other rules, but not numbers. */
static void as_libc(const char *node, const char *service,
		    const struct addrinfo *hints)
{
	struct addrinfo *mine = NULL, *libc = NULL;
	int want = code_of(getaddrinfo(node, service, hints, &libc));
	int got = weft_getaddrinfo(node, service, hints, &mine, PATIENCE);

	if (!check_at(got == want, node ? node : "no node", service ? service :
		      "no service", hints ? hints->ai_flags : -1, got, want))
		return;
	if (got)
		return;
	for (const struct addrinfo *a = mine, *b = libc; a || b;
	     a = a->ai_next, b = b->ai_next) {
		if (!check_at(a && b && same(a, b), node ? node : "no node",
			      service ? service : "no service",
			      hints ? hints->ai_flags : -1, 0, 0))
			break;
	}
	freeaddrinfo(mine);
	freeaddrinfo(libc);
}

static int numbers(void *arg)
{
	static const char *const nodes[] = {
		NULL, "127.0.0.1", "::1", "0", "127.1", "0x7f.1", "1.2.3.4",
		"::ffff:1.2.3.4", "fe80::1%1", "2001:db8::", "::",
	};
	static const char *const services[] = { NULL, "0", "80", "65535" };
	static const int flags[] = {
		0, AI_PASSIVE, AI_NUMERICHOST, AI_NUMERICSERV,
		AI_NUMERICHOST | AI_NUMERICSERV, 0x40000000,
	};
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6, 99 };

	(void)arg;
	for (size_t n = 0; n < COUNT(nodes); n++) {
		for (size_t s = 0; s < COUNT(services); s++) {
			as_libc(nodes[n], services[s], NULL);
			for (size_t f = 0; f < COUNT(flags); f++) {
				struct addrinfo hints = {
					.ai_flags = flags[f],
					.ai_family = families[(n + s + f) % 4],
					.ai_socktype = f % 2 ? SOCK_STREAM : 0,
				};

				as_libc(nodes[n], services[s], &hints);
			}
		}
	}
	return 0;
}

Test(resolve, numbers_are_read_as_the_c_library_does)
{
	ANYWHERE(numbers);
}

static int names(void *arg)
{
	struct addrinfo stream = { .ai_socktype = SOCK_STREAM };
	struct addrinfo dgram = { .ai_socktype = SOCK_DGRAM,
				  .ai_family = AF_INET };
	struct addrinfo digits = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo number = { .ai_flags = AI_NUMERICSERV };

	(void)arg;
	as_libc("localhost", NULL, &stream);
	as_libc("localhost", "80", &dgram);
	as_libc("localhost", "http", &digits);
	as_libc("localhost", "http", &number);
	as_libc("127.0.0.1", "http", &number);
	as_libc("127.0.0.1", "http", &stream);
	as_libc("127.0.0.1", "domain", &dgram);
	as_libc(NULL, "http", &stream);
	as_libc("127.0.0.1", "no-such-service", &stream);
	return 0;
}

Test(resolve, names_of_this_machine_and_of_services_are_known)
{
	ANYWHERE(names);
}

static int arguments(void *arg)
{
	struct addrinfo *res = (struct addrinfo *)arg;
	struct addrinfo bad = { .ai_flags = 0x40000000 };
	weft_time t;
	int err;

	CHECK_EQ(weft_getaddrinfo("::1", NULL, NULL, NULL, PATIENCE), -EINVAL);
	CHECK_EQ(weft_getaddrinfo(NULL, NULL, NULL, &res, PATIENCE),
		 WEFT_EAI_NONAME);
	CHECK_EQ(weft_getaddrinfo("127.0.0.1", NULL, &bad, &res, PATIENCE),
		 WEFT_EAI_BADFLAGS);
	/* A name would have to be looked up; a number is there already. */
	CHECK_EQ(weft_getaddrinfo("localhost", NULL, NULL, &res, WEFT_NOWAIT),
		 -EAGAIN);
	CHECK_EQ(weft_getaddrinfo("localhost", NULL, NULL, &res, -1),
		 -ETIMEDOUT);
	CHECK(res == arg);
	CHECK_EQ(weft_getaddrinfo("127.0.0.1", "1", NULL, &res, WEFT_NOWAIT), 0);
	freeaddrinfo(res);
	CHECK_EQ(weft_getaddrinfo("127.0.0.1", "1", NULL, &res, -1), 0);
	freeaddrinfo(res);
	/* Nobody has this name; without a network nobody says so either. */
	res = arg;
	t = weft_in(200 * WEFT_MS);
	err = weft_getaddrinfo("x.invalid", "80", NULL, &res, t);
	CHECK(err == WEFT_EAI_NONAME || err == WEFT_EAI_NODATA ||
	      err == WEFT_EAI_AGAIN || err == WEFT_EAI_FAIL ||
	      err == -ETIMEDOUT);
	CHECK(res == arg);
	err = weft_tcp_connect("x.invalid", 80, weft_in(50 * WEFT_MS));
	CHECK(err < 0);
	return 0;
}

Test(resolve, what_cannot_be_answered_is_an_error)
{
	ANYWHERE(arguments);
}

static int when_cancelled(void *arg)
{
	struct addrinfo *res = NULL;
	weft_scope s;

	(void)arg;
	CHECK_EQ(weft_scope_begin(&s, WEFT_FOREVER), 0);
	weft_scope_cancel(&s, -EINTR);
	CHECK_EQ(weft_getaddrinfo("127.0.0.1", "1", NULL, &res, PATIENCE),
		 -ECANCELED);
	CHECK_EQ(weft_getaddrinfo("localhost", "1", NULL, &res, PATIENCE),
		 -ECANCELED);
	CHECK_EQ(weft_tcp_connect("127.0.0.1", 1, PATIENCE), -ECANCELED);
	CHECK_EQ(weft_tcp_connect("localhost", 1, PATIENCE), -ECANCELED);
	CHECK_EQ(weft_unix_connect("@nobody", PATIENCE), -ECANCELED);
	CHECK_EQ(weft_scope_end(&s), -EINTR);
	CHECK(res == NULL);
	return 0;
}

Test(resolve, is_a_cancel_point)
{
	EACH(when_cancelled);
}
