/* tests/unit/sweep_ares.c - names by c-ares, while every system call that the
 * library makes for it fails in every way; see support/sweep.h.
 *
 * The calls that c-ares makes itself do not fail; what memory it has is counted.
 */
#include "net/net.h"
#include "support/sweep.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <weft/net.h>

TestSuite(sweep_ares, .timeout = 250);

/* --- what c-ares has -------------------------------------------------------------- */

static void *count_malloc(size_t n)
{
	return block_add(__real_malloc(n), "c-ares");
}

static void *count_realloc(void *p, size_t n)
{
	block_remove(p);
	return block_add(__real_realloc(p, n), "c-ares");
}

static void count_free(void *p)
{
	block_remove(p);
	__real_free(p);
}

/* --- a name server: 192.0.2.7 is all that it says ------------------------------------ */

static int server;

static size_t question_end(const unsigned char *q, size_t n)
{
	size_t i = 12;

	while (i < n && q[i])
		i += q[i] + 1u;
	return i + 5;
}

static void *answers(void *arg)
{
	static const unsigned char a[] = {
		0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7,
	};
	struct sockaddr_storage peer;
	unsigned char q[512];
	ssize_t n;

	for (;;) {
		socklen_t l = sizeof peer;
		size_t end;

		n = recvfrom(server, q, sizeof q - sizeof a, 0,
			     (struct sockaddr *)&peer, &l);
		if (n < 17)
			return arg;
		end = question_end(q, (size_t)n);
		q[2] = 0x81;
		q[3] = 0x80;
		memset(q + 6, 0, 6);
		if (q[end - 3] == 1) {
			q[7] = 1;
			memcpy(q + end, a, sizeof a);
			end += sizeof a;
		}
		(void)!sendto(server, q, end, 0, (struct sockaddr *)&peer, l);
	}
}

/* --- asking ------------------------------------------------------------------------ */

/* "No memory" may be the only reason that it gives. */
static long long of_names(long long r)
{
	return plan.fired && (r == WEFT_EAI_FAIL || r == WEFT_EAI_AGAIN) ?
	       plan.answer : r;
}

static void asks(void)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	if (OK(of_names(weft_getaddrinfo("name.test.", "80", &hints, &list,
					 soon()))) < 0) {
		CHECK(!list);
		return;
	}
	if (CHECK(list && list->ai_family == AF_INET && !list->ai_next)) {
		const struct sockaddr_in *in = (void *)list->ai_addr;

		CHECK_EQ(ntohl(in->sin_addr.s_addr), 0xc0000207);
		CHECK_EQ(ntohs(in->sin_port), 80);
		CHECK(list->ai_canonname != NULL);
	}
	freeaddrinfo(list);
}

static int asks_too(void *arg)
{
	(void)arg;
	asks();
	return 0;
}

static void two_ask(void)
{
	struct mate m;
	bool both = mate_start(&m, asks_too, NULL);

	asks();
	if (both)
		mate_join(&m);
}

static const struct workload workloads[] = {
	{ "two ask", two_ask, 0, NULL, NULL },
	{ "two ask", two_ask, 0, "uring", NULL },
	{ "two ask, threads", two_ask, NO_RUNTIME, NULL, NULL },
};

Test(sweep_ares, no_failure_loses_leaks_or_hangs)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t l = sizeof at;
	static char csv[32];
	pthread_t t;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(server, (struct sockaddr *)&at, l), 0);
	cr_assert_eq(getsockname(server, (struct sockaddr *)&at, &l), 0);
	snprintf(csv, sizeof csv, "127.0.0.1:%d", ntohs(at.sin_port));
	weft__net_ares_servers = csv;
	cr_assert_eq(ares_library_init_mem(ARES_LIB_INIT_ALL, count_malloc,
					   count_free, count_realloc), 0);
	cr_assert_eq(__real_pthread_create(&t, NULL, answers, NULL), 0);
	sweep(workloads, COUNT(workloads), NAMES);
	shutdown(server, SHUT_RDWR);
	pthread_join(t, NULL);
	close(server);
}
