/* unit/ares.c - src/net/ares.c asks a name server that is a routine here. */
#include "support/net.h"

#include "net/net.h"

TestSuite(ares, .timeout = 100);

/* Knows 192.0.2.7 and nothing of IPv6; does not know "gone..."; is silent about
 * "slow...". */
struct server {
	int fd;
	atomic_int asked;
};

static size_t question_end(const unsigned char *q, size_t n)
{
	size_t i = 12;

	while (i < n && q[i])
		i += q[i] + 1u;
	return i + 5;
}

static int serve(void *arg)
{
	static const unsigned char a[] = {
		0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7,
	};
	struct server *s = arg;
	struct sockaddr_storage peer;
	unsigned char q[512];
	socklen_t l;
	ssize_t n;

	for (;;) {
		size_t end;

		l = sizeof peer;
		n = weft_recvfrom(s->fd, q, sizeof q - sizeof a, 0,
				  (struct sockaddr *)&peer, &l, WEFT_FOREVER);
		if (n < 17)
			break;
		s->asked++;
		end = question_end(q, (size_t)n);
		if (memcmp(q + 13, "slow", 4) == 0)
			continue;
		q[2] = 0x81;
		q[3] = memcmp(q + 13, "gone", 4) ? 0x80 : 0x83;
		memset(q + 6, 0, 6);
		if (q[3] == 0x80 && q[end - 3] == 1) {
			q[7] = 1;
			memcpy(q + end, a, sizeof a);
			end += sizeof a;
		}
		CHECK_EQ(weft_sendto(s->fd, q, end, 0,
				     (struct sockaddr *)&peer, l, PATIENCE),
			 (ssize_t)end);
	}
	CHECK_EQ(n, -EBADF);
	return 0;
}

static int look(const char *name, int socktype, weft_time deadline)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME,
				  .ai_socktype = socktype };
	struct addrinfo *list = NULL;
	int err = weft_getaddrinfo(name, "80", &hints, &list, deadline), n = 0;

	CHECK(!err == (list != NULL));
	for (struct addrinfo *a = list; a; a = a->ai_next, n++) {
		const struct sockaddr_in *in = (void *)a->ai_addr;

		CHECK_EQ(a->ai_family, AF_INET);
		CHECK_EQ(ntohl(in->sin_addr.s_addr), 0xc0000207);
		CHECK_EQ(ntohs(in->sin_port), 80);
		CHECK(socktype ? a->ai_socktype == socktype : a->ai_socktype);
		CHECK(!a->ai_canonname == (n > 0));
	}
	CHECK(err || n == (socktype ? 1 : 3));
	if (list)
		freeaddrinfo(list);
	return err;
}

static int look_slowly(void *arg)
{
	*(int *)arg = look("slow.test.", SOCK_STREAM, WEFT_FOREVER);
	return 0;
}

static int look_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		CHECK_EQ(look("name.test.", i % 2 ? SOCK_STREAM : 0, PATIENCE),
			 0);
	return 0;
}

static int asks(void *arg)
{
	struct server s = { .fd = weft_udp_bind("127.0.0.1", 0) };
	static char csv[32];
	struct crew server, crowd;
	int before, answer = 1;

	(void)arg;
	snprintf(csv, sizeof csv, "127.0.0.1:%d", weft_sockport(s.fd));
	weft__net_ares_servers = csv;
	crew_start(&server, 1, 0, serve, &s);
	CHECK_EQ(look("name.test.", SOCK_STREAM, PATIENCE), 0);
	CHECK_EQ(look("name.test.", 0, WEFT_FOREVER), 0);
	before = open_descriptors();
	CHECK_EQ(look("gone.test.", SOCK_STREAM, PATIENCE), WEFT_EAI_NONAME);
	CHECK_EQ(look("slow.test.", SOCK_STREAM, weft_in(30 * WEFT_MS)),
		 -ETIMEDOUT);
	if (weft_self()) {
		s.asked = 0;
		crew_start(&crowd, 1, 0, look_slowly, &answer);
		wait_until(s.asked > 0);
		CHECK_EQ(weft_cancel(crowd.id[0]), 0);
		crew_join(&crowd);
		CHECK_EQ(answer, -ECANCELED);
	}
	crew_start(&crowd, 10, 2, look_many, NULL);
	crew_join(&crowd);
	if (weft_self())
		wait_until(open_descriptors() == before);
	CHECK_EQ(weft_close(s.fd), 0);
	crew_join(&server);
	return 0;
}

Test(ares, asks_a_server_and_waits_for_it)
{
	ANYWHERE(asks);
}
