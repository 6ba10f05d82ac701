/* api/tls_ends.c - TLS: much data, and all the ways in which it can end. */
#include "support/meet.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

TestSuite(tls_ends, .timeout = 120, .init = pki_make, .fini = pki_clean);

/* --- much data --------------------------------------------------------------------- */

static unsigned char byte_at(size_t i, unsigned salt)
{
	return (unsigned char)((i * 2654435761u >> 7) + salt + i / 251);
}

struct flow {
	weft_tls *tls;
	size_t total;
	unsigned salt;
};

/* In pieces of every size. */
static int pour(void *arg)
{
	struct flow *f = arg;
	static const size_t pieces[] = { 1, 70000, 16384, 100, 16385, 200000 };
	unsigned char *buf = malloc(200000);
	size_t sent = 0;

	for (unsigned lap = 0; sent < f->total; lap++) {
		size_t n = pieces[lap % COUNT(pieces)], done;

		if (n > f->total - sent)
			n = f->total - sent;
		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(sent + i, f->salt);
		CHECK_EQ(weft_tls_write_all(f->tls, buf, n, &done, PATIENCE), 0);
		if (!CHECK_EQ(done, n))
			break;
		sent += n;
	}
	free(buf);
	return 0;
}

static int drink(void *arg)
{
	struct flow *f = arg;
	static const size_t pieces[] = { 50000, 3, 16384, 1000 };
	unsigned char *buf = malloc(50000);
	size_t got = 0, wrong = 0;

	for (unsigned lap = 0; got < f->total; lap++) {
		size_t n = pieces[lap % COUNT(pieces)];
		ssize_t k = weft_tls_read(f->tls, buf,
					  n < f->total - got ? n : f->total - got,
					  PATIENCE);

		if (!CHECK(k > 0))
			break;
		for (ssize_t i = 0; i < k; i++)
			wrong += buf[i] != byte_at(got + (size_t)i, f->salt);
		got += (size_t)k;
	}
	CHECK_EQ(wrong, 0);
	free(buf);
	return 0;
}

/* Both sides read and write at the same time. */
static void both_ways(struct meeting *m, size_t total)
{
	struct flow up = { m->tls[CLIENT], total, 3 };
	struct flow up_end = { m->tls[SERVER], total, 3 };
	struct flow down = { m->tls[SERVER], total, 7 };
	struct flow down_end = { m->tls[CLIENT], total, 7 };
	struct crew a, b, c;

	crew_start(&a, 1, 0, pour, &up);
	crew_start(&b, 1, 0, pour, &down);
	crew_start(&c, 1, 0, drink, &up_end);
	drink(&down_end);
	crew_join(&a);
	crew_join(&b);
	crew_join(&c);
}

static int transfer(void *arg)
{
	size_t total = (size_t)fewer(8) << 20;
	struct meeting m;

	(void)arg;
	meet(&m);
	both_ways(&m, total);
	meet_end(&m);
	meet(&m);
	part(&m);
	tcp_pair(m.fd);
	meet_on(&m);
	both_ways(&m, total);
	meet_end(&m);
	return 0;
}

Test(tls_ends, carries_megabytes_both_ways_at_once)
{
	TLS_ANYWHERE(transfer);
}

/* --- a wire that cuts everything to pieces ------------------------------------------ */

struct wire {
	int from, to;
	size_t piece;
};

static int relay(void *arg)
{
	struct wire *w = arg;
	char buf[64];
	ssize_t n;

	while ((n = weft_read(w->from, buf, w->piece, PATIENCE)) > 0)
		if (weft_write_all(w->to, buf, (size_t)n, NULL, PATIENCE) != 0)
			break;
	shutdown(w->to, SHUT_WR);
	return 0;
}

static int fragments(void *arg)
{
	for (size_t piece = 1; piece < 64; piece = piece * 5 + 2) {
		struct meeting m;
		struct wire there, back;
		struct crew a, b;
		int near[2], far[2];

		meet(&m);
		part(&m);
		stream_pair(near);
		stream_pair(far);
		m.fd[CLIENT] = near[0];
		m.fd[SERVER] = far[0];
		there = (struct wire){ near[1], far[1], piece };
		back = (struct wire){ far[1], near[1], piece };
		crew_start(&a, 1, 0, relay, &there);
		crew_start(&b, 1, 0, relay, &back);
		meet_on(&m);
		CHECK_EQ(m.err[CLIENT], 0);
		CHECK_EQ(m.err[SERVER], 0);
		/* The server's tickets come in pieces while the client writes. */
		both_ways(&m, (size_t)fewer(20) * 1024);
		meet_end(&m);
		crew_join(&a);
		crew_join(&b);
		weft_close(near[1]);
		weft_close(far[1]);
	}
	(void)arg;
	return 0;
}

Test(tls_ends, puts_together_what_comes_byte_by_byte)
{
	TLS_ANYWHERE(fragments);
}

/* --- how the stream ends --------------------------------------------------------------- */

static int truncation(void *arg)
{
	struct meeting m;
	char buf[8];
	size_t done;

	(void)arg;
	meet(&m);
	CHECK_EQ(weft_tls_write(m.tls[SERVER], "abc", 3, PATIENCE), 3);
	weft_tls_free(m.tls[SERVER]);
	m.tls[SERVER] = NULL;
	CHECK_EQ(weft_close(m.fd[SERVER]), 0);
	m.fd[SERVER] = -1;
	/* What came is not withheld. */
	CHECK_EQ(weft_tls_read_full(m.tls[CLIENT], buf, 8, &done, PATIENCE),
		 WEFT_ETLS_TRUNCATED);
	CHECK_EQ(done, 3);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], buf, 8, PATIENCE),
		 WEFT_ETLS_TRUNCATED);
	CHECK(weft_tls_close(m.tls[CLIENT], PATIENCE) < 0);
	meet_end(&m);
	return 0;
}

Test(tls_ends, an_end_that_was_not_announced_is_an_error)
{
	TLS_ANYWHERE(truncation);
}

static int half(void *arg)
{
	struct meeting m;
	char buf[8];
	size_t done;

	(void)arg;
	meet(&m);
	CHECK_EQ(weft_tls_write(m.tls[CLIENT], "ask", 3, PATIENCE), 3);
	CHECK_EQ(weft_tls_shutdown(m.tls[CLIENT], PATIENCE), 0);
	CHECK_EQ(weft_tls_shutdown(m.tls[CLIENT], PATIENCE), 0);
	CHECK_EQ(weft_tls_write(m.tls[CLIENT], "x", 1, PATIENCE), -EPIPE);
	CHECK_EQ(weft_tls_read_full(m.tls[SERVER], buf, 8, &done, PATIENCE),
		 WEFT_EOF);
	CHECK_EQ(done, 3);
	CHECK_EQ(weft_tls_read(m.tls[SERVER], buf, 8, PATIENCE), 0);
	/* The answer still comes. */
	CHECK_EQ(weft_tls_write(m.tls[SERVER], "answer", 6, PATIENCE), 6);
	CHECK_EQ(weft_tls_close(m.tls[SERVER], PATIENCE), 0);
	CHECK_EQ(weft_tls_read_full(m.tls[CLIENT], buf, 6, NULL, PATIENCE), 0);
	CHECK_EQ(weft_tls_close(m.tls[CLIENT], PATIENCE), 0);
	meet_end(&m);
	return 0;
}

Test(tls_ends, one_direction_can_end_before_the_other)
{
	TLS_ANYWHERE(half);
}

static int reset(void *arg)
{
	struct linger hard = { 1, 0 };
	struct meeting m;
	char buf[8];
	ssize_t n;

	(void)arg;
	meet(&m);
	part(&m);
	tcp_pair(m.fd);
	meet_on(&m);
	CHECK_EQ(m.err[CLIENT], 0);
	setsockopt(m.fd[SERVER], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	weft_tls_free(m.tls[SERVER]);
	m.tls[SERVER] = NULL;
	CHECK_EQ(weft_close(m.fd[SERVER]), 0);
	m.fd[SERVER] = -1;
	n = weft_tls_read(m.tls[CLIENT], buf, 8, PATIENCE);
	CHECK(n == -ECONNRESET || n == WEFT_ETLS_TRUNCATED);
	/* Never SIGPIPE. */
	n = weft_tls_write(m.tls[CLIENT], "x", 1, PATIENCE);
	CHECK(n == -EPIPE || n == -ECONNRESET);
	CHECK_EQ(weft_tls_write(m.tls[CLIENT], "x", 1, PATIENCE), n);
	CHECK(weft_tls_close(m.tls[CLIENT], PATIENCE) < 0);
	meet_end(&m);
	return 0;
}

Test(tls_ends, a_reset_is_an_error_and_no_signal)
{
	TLS_ANYWHERE(reset);
}

/* --- who is no TLS at all ------------------------------------------------------------------ */

static int strangers(void *arg)
{
	static const char *const words[] = {
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"\x16\x03\x01\x00\x05hello",
		"\x16\x03\x03\xff\xff\x01\x00\x00",
		"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",
		"\x15\x03\x03\x00\x02\x02\x28",
		"\x17\x03\x03\x00\x10................",
		"\n",
	};
	weft_tls_ctx *ctx = server_of("server.pem", "server.key");
	weft_tls_ctx *client = client_of("ca.pem", 0);

	(void)arg;
	for (size_t i = 0; i <= COUNT(words); i++) {
		for (int side = 0; side < 2; side++) {
			const char *w = i < COUNT(words) ? words[i] : "";
			size_t n = w[0] == '\x16' || w[0] == '\x17' ||
				   w[0] == '\x15' ? 7 : strlen(w);
			weft_tls *t;
			int fd[2], err;

			stream_pair(fd);
			CHECK_EQ(weft_write(fd[0], w, n, PATIENCE), n);
			shutdown(fd[0], SHUT_WR);
			err = side ? weft_tls_server(&t, ctx, fd[1], PATIENCE) :
				     weft_tls_client(&t, client, fd[1],
						     "localhost", PATIENCE);
			CHECK(err == WEFT_ETLS || err == WEFT_ETLS_ALERT ||
			      err == WEFT_ETLS_TRUNCATED);
			CHECK(n || err == WEFT_ETLS_TRUNCATED);
			CHECK(weft_tls_error(t)[0] != '\0');
			weft_tls_free(t);
			weft_close(fd[0]);
			weft_close(fd[1]);
		}
	}
	weft_tls_ctx_unref(ctx);
	weft_tls_ctx_unref(client);
	return 0;
}

Test(tls_ends, who_speaks_no_tls_is_told_off)
{
	TLS_ANYWHERE(strangers);
}

/* Seeded, and a handshake before the noise. */
static int noise(void *arg)
{
	unsigned state = 12345;

	(void)arg;
	for (int lap = fewer(30); lap > 0; lap--) {
		struct meeting m;
		char junk[200], buf[8];
		ssize_t n;

		meet(&m);
		for (size_t i = 0; i < sizeof junk; i++)
			junk[i] = (char)((state = state * 1103515245 + 12345) >> 16);
		junk[0] = lap % 2 ? 23 : junk[0];
		CHECK_EQ(weft_write(m.fd[CLIENT], junk, sizeof junk, PATIENCE),
			 sizeof junk);
		shutdown(m.fd[CLIENT], SHUT_WR);
		n = weft_tls_read(m.tls[SERVER], buf, sizeof buf, PATIENCE);
		CHECK(n == WEFT_ETLS || n == WEFT_ETLS_TRUNCATED ||
		      n == WEFT_ETLS_ALERT);
		CHECK_EQ(weft_tls_read(m.tls[SERVER], buf, 8, PATIENCE), n);
		CHECK(weft_tls_write(m.tls[SERVER], buf, 8, PATIENCE) < 0);
		meet_end(&m);
	}
	return 0;
}

Test(tls_ends, noise_after_the_handshake_is_an_error_for_good)
{
	TLS_ANYWHERE(noise);
}

/* --- deadlines -------------------------------------------------------------------------------- */

static int handshake_deadlines(void *arg)
{
	weft_tls_ctx *server = server_of("server.pem", "server.key");
	weft_tls_ctx *client = client_of("ca.pem", 0);
	weft_time t;
	weft_tls *tls;
	int fd[2];

	(void)arg;
	stream_pair(fd);
	CHECK_EQ(weft_tls_server(&tls, server, fd[0], WEFT_NOWAIT), -EAGAIN);
	weft_tls_free(tls);
	CHECK_EQ(weft_tls_server(&tls, server, fd[0], -1), -ETIMEDOUT);
	weft_tls_free(tls);
	t = weft_in(10 * WEFT_MS);
	CHECK_EQ(weft_tls_server(&tls, server, fd[0], t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	weft_tls_free(tls);
	t = weft_in(10 * WEFT_MS);
	CHECK_EQ(weft_tls_client(&tls, client, fd[0], "localhost", t),
		 -ETIMEDOUT);
	CHECK(weft_now() >= t);
	/* It is not taken up again. */
	CHECK_EQ(weft_tls_read(tls, fd, 1, PATIENCE), -ETIMEDOUT);
	weft_tls_free(tls);
	weft_close(fd[0]);
	weft_close(fd[1]);
	weft_tls_ctx_unref(server);
	weft_tls_ctx_unref(client);
	return 0;
}

/* Fill the pipe, in time and late; then see that nothing was lost. */
static void write_deadlines(struct meeting *m)
{
	struct flow end = { m->tls[SERVER], 0, 1 };
	weft_tls *tls = m->tls[CLIENT];
	unsigned char piece[30000];
	struct crew c;
	int err = 0;

	while (!err) {
		size_t n;

		for (size_t i = 0; i < sizeof piece; i++)
			piece[i] = byte_at(end.total + i, 1);
		err = weft_tls_write_all(tls, piece, sizeof piece, &n,
					 weft_in(5 * WEFT_MS));
		end.total += n;
		CHECK(err == 0 || err == -ETIMEDOUT);
	}
	CHECK_EQ(weft_tls_write(tls, piece, 1, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_tls_write(tls, piece, 1, -1), -ETIMEDOUT);
	CHECK_EQ(weft_tls_flush(tls, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_tls_shutdown(tls, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_tls_close(tls, weft_in(WEFT_MS)), -ETIMEDOUT);
	crew_start(&c, 1, 0, drink, &end);
	CHECK_EQ(weft_tls_flush(tls, PATIENCE), 0);
	crew_join(&c);
}

static int deadlines(void *arg)
{
	struct meeting m;
	weft_time t;
	char c = 0;

	handshake_deadlines(arg);
	meet(&m);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 1, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 1, -1), -ETIMEDOUT);
	t = weft_in(5 * WEFT_MS);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 1, t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	/* What is there is had however late it is. */
	CHECK_EQ(weft_tls_write(m.tls[SERVER], "ab", 2, WEFT_NOWAIT), 2);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 1, -1), 1);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 1, WEFT_NOWAIT), 1);
	CHECK_EQ(c, 'b');
	write_deadlines(&m);
	/* The other side does not close. */
	t = weft_in(5 * WEFT_MS);
	CHECK_EQ(weft_tls_close(m.tls[CLIENT], t), -ETIMEDOUT);
	CHECK(weft_now() >= t);
	meet_end(&m);
	return 0;
}

Test(tls_ends, every_wait_has_its_deadline_and_loses_nothing)
{
	TLS_ANYWHERE(deadlines);
}
