/* api/tls_crowd.c - TLS: many connections, cancelled ones, other programs. */
#include "support/meet.h"

#include <openssl/ssl.h>

TestSuite(tls_crowd, .timeout = 120, .init = pki_make, .fini = pki_clean);

/* --- a server and its clients -------------------------------------------------------- */

struct house {
	weft_tls_ctx *server, *client;
	int listener, port, lines;
};

struct guest {
	struct house *house;
	int fd;
};

/* Echoes lines until the client closes. */
static int serve(void *arg)
{
	struct guest *g = arg;
	weft_tls *tls;
	char line[64];
	ssize_t n;

	CHECK_EQ(weft_tls_server(&tls, g->house->server, g->fd, PATIENCE), 0);
	while ((n = weft_tls_read(tls, line, sizeof line, PATIENCE)) > 0)
		CHECK_EQ(weft_tls_write_all(tls, line, (size_t)n, NULL,
					    PATIENCE), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(weft_tls_close(tls, PATIENCE), 0);
	weft_tls_free(tls);
	CHECK_EQ(weft_close(g->fd), 0);
	return 0;
}

static int visit(void *arg)
{
	struct house *h = arg;
	int fd = weft_tcp_connect("127.0.0.1", h->port, PATIENCE);
	weft_tls *tls;

	if (!CHECK(fd >= 0))
		return 0;
	CHECK_EQ(weft_tls_client(&tls, h->client, fd, "localhost", PATIENCE), 0);
	for (int i = 0; i < h->lines; i++) {
		char out[64], in[64];
		int n = snprintf(out, sizeof out, "line %d of %d\n", i, fd);

		CHECK_EQ(weft_tls_write_all(tls, out, (size_t)n, NULL,
					    PATIENCE), 0);
		CHECK_EQ(weft_tls_read_full(tls, in, (size_t)n, NULL,
					    PATIENCE), 0);
		CHECK(memcmp(in, out, (size_t)n) == 0);
	}
	CHECK_EQ(weft_tls_close(tls, PATIENCE), 0);
	weft_tls_free(tls);
	CHECK_EQ(weft_close(fd), 0);
	return 0;
}

enum { GUESTS = 100 };

static int crowd(void *arg)
{
	int guests = fewer(GUESTS);
	weft_id visitor[GUESTS], servant[GUESTS];
	struct guest g[GUESTS];
	struct house h = {
		.server = server_of("server.pem", "server.key"),
		.client = client_of("ca.pem", 0),
		.listener = weft_tcp_listen("127.0.0.1", 0, guests),
		.lines = 20,
	};

	(void)arg;
	CHECK(h.listener >= 0);
	h.port = weft_sockport(h.listener);
	for (int i = 0; i < guests; i++)
		CHECK_EQ(weft_spawn(&visitor[i], NULL, visit, &h), 0);
	for (int i = 0; i < guests; i++) {
		g[i].house = &h;
		g[i].fd = weft_accept(h.listener, NULL, NULL, PATIENCE);
		CHECK(g[i].fd >= 0);
		CHECK_EQ(weft_spawn(&servant[i], NULL, serve, &g[i]), 0);
	}
	for (int i = 0; i < guests; i++) {
		CHECK_EQ(weft_join(visitor[i], NULL), 0);
		CHECK_EQ(weft_join(servant[i], NULL), 0);
	}
	weft_close(h.listener);
	weft_tls_ctx_unref(h.server);
	weft_tls_ctx_unref(h.client);
	return 0;
}

Test(tls_crowd, serves_a_hundred_at_once)
{
	TLS_EACH(crowd);
}

/* --- several writers ------------------------------------------------------------------ */

enum { WRITERS = 4, MESSAGES = 50, LONG = 3000 };

struct choir {
	weft_tls *tls;
	atomic_int next;
};

static int sing(void *arg)
{
	struct choir *c = arg;
	char voice = (char)('a' + c->next++), text[LONG];

	memset(text, voice, sizeof text);
	for (int i = 0; i < MESSAGES; i++)
		CHECK_EQ(weft_tls_write_all(c->tls, text, sizeof text, NULL,
					    PATIENCE), 0);
	return 0;
}

static int turns(void *arg)
{
	char text[LONG];
	struct meeting m;
	struct choir c;
	struct crew singers;

	(void)arg;
	meet(&m);
	c = (struct choir){ .tls = m.tls[CLIENT] };
	crew_start(&singers, WRITERS, 0, sing, &c);
	for (int i = 0; i < WRITERS * MESSAGES; i++) {
		size_t wrong = 0;

		CHECK_EQ(weft_tls_read_full(m.tls[SERVER], text, sizeof text,
					    NULL, PATIENCE), 0);
		for (size_t k = 1; k < sizeof text; k++)
			wrong += text[k] != text[0];
		CHECK_EQ(wrong, 0);
	}
	crew_join(&singers);
	meet_end(&m);
	return 0;
}

Test(tls_crowd, takes_what_each_writer_writes_in_one_piece)
{
	TLS_ANYWHERE(turns);
}

/* --- cancel and close ------------------------------------------------------------------- */

struct stuck {
	struct meeting *m;
	atomic_int began, err;
};

static int stuck_read(void *arg)
{
	struct stuck *s = arg;
	char c;

	s->began = 1;
	s->err = (int)weft_tls_read(s->m->tls[CLIENT], &c, 1, WEFT_FOREVER);
	return 0;
}

static int stuck_shake(void *arg)
{
	struct stuck *s = arg;
	weft_tls *tls;

	s->began = 1;
	s->err = weft_tls_server(&tls, s->m->server_ctx, s->m->fd[SERVER],
				 WEFT_FOREVER);
	weft_tls_free(tls);
	return 0;
}

static void begin_stuck(weft_id *id, int (*fn)(void *), struct stuck *s)
{
	s->began = s->err = 0;
	CHECK_EQ(weft_spawn(id, NULL, fn, s), 0);
	wait_until(s->began);
	for (int i = 0; i < 20; i++)
		weft_yield();
}

static int cancels(void *arg)
{
	struct meeting m;
	struct stuck s = { .m = &m };
	weft_id id;
	char c;

	(void)arg;
	meet(&m);
	begin_stuck(&id, stuck_read, &s);
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(s.err, -ECANCELED);
	/* Nothing was lost by that. */
	CHECK_EQ(weft_tls_write(m.tls[SERVER], "x", 1, PATIENCE), 1);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 1, PATIENCE), 1);
	/* Who closes the descriptor wakes who reads. */
	begin_stuck(&id, stuck_read, &s);
	CHECK_EQ(weft_close(m.fd[CLIENT]), 0);
	m.fd[CLIENT] = -1;
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(s.err, -EBADF);
	part(&m);
	stream_pair(m.fd);
	begin_stuck(&id, stuck_shake, &s);
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(s.err, -ECANCELED);
	meet_end(&m);
	return 0;
}

static int cancelled_client(void *arg)
{
	struct stuck *s = arg;
	weft_tls *tls = NULL;
	char c;

	wait_until(weft_cancelled());
	CHECK_EQ(weft_tls_read(s->m->tls[CLIENT], &c, 1, PATIENCE), -ECANCELED);
	CHECK_EQ(weft_tls_write(s->m->tls[CLIENT], "x", 1, PATIENCE),
		 -ECANCELED);
	CHECK_EQ(weft_tls_shutdown(s->m->tls[CLIENT], PATIENCE), -ECANCELED);
	CHECK_EQ(weft_tls_ctx_reload(s->m->client_ctx), -ECANCELED);
	CHECK_EQ(weft_tls_client(&tls, s->m->client_ctx, s->m->fd[CLIENT], "a",
				 PATIENCE), -ECANCELED);
	weft_tls_free(tls);
	weft_shield_begin();
	CHECK_EQ(weft_tls_shutdown(s->m->tls[CLIENT], PATIENCE), 0);
	weft_shield_end();
	return 0;
}

static int sticky(void *arg)
{
	struct meeting m;
	struct stuck s = { .m = &m };
	weft_id id;
	char c;

	(void)arg;
	meet(&m);
	CHECK_EQ(weft_spawn(&id, NULL, cancelled_client, &s), 0);
	CHECK_EQ(weft_cancel(id), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	CHECK_EQ(weft_tls_read(m.tls[SERVER], &c, 1, PATIENCE), 0);
	meet_end(&m);
	return 0;
}

Test(tls_crowd, every_call_that_waits_can_be_cancelled)
{
	TLS_EACH(cancels);
	TLS_EACH(sticky);
}

/* --- through a buffer ------------------------------------------------------------------------ */

static int lines(void *arg)
{
	struct meeting m;
	weft_bufio in, out;
	char line[32];

	(void)arg;
	meet(&m);
	weft_tls_bufio(&out, m.tls[CLIENT], 0);
	weft_tls_bufio(&in, m.tls[SERVER], 0);
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(line, sizeof line, "%d\n", i);

		CHECK_EQ(weft_bufio_write(&out, line, (size_t)n, PATIENCE), n);
	}
	CHECK_EQ(weft_bufio_flush(&out, PATIENCE), 0);
	for (int i = 0; i < 1000; i++) {
		char *got;
		size_t n;

		CHECK_EQ(weft_bufio_read_line(&in, &got, &n, PATIENCE), 0);
		CHECK_EQ(atoi(got), i);
	}
	weft_bufio_fini(&in);
	weft_bufio_fini(&out);
	meet_end(&m);
	return 0;
}

Test(tls_crowd, carries_buffered_lines)
{
	TLS_ANYWHERE(lines);
}

/* --- a client that resumes; plain OpenSSL on a thread of its own ------------------------------- */

struct foreigner {
	SSL_CTX *ctx;
	SSL_SESSION *session;
	int fd, reused;
};

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct foreigner *f = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);

	SSL_SESSION_free(f->session);
	f->session = session;
	return 1;
}

static void *foreign_client(void *arg)
{
	struct foreigner *f = arg;
	SSL *ssl = SSL_new(f->ctx);
	char c;

	SSL_set_fd(ssl, f->fd);
	if (f->session)
		SSL_set_session(ssl, f->session);
	CHECK_EQ(SSL_connect(ssl), 1);
	CHECK_EQ(SSL_read(ssl, &c, 1), 1);
	f->reused = SSL_session_reused(ssl);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	return NULL;
}

/* Did the server resume? */
static int call_foreigner(struct foreigner *f, weft_tls_ctx *server)
{
	int fd[2], resumed;
	pthread_t t;
	weft_tls *tls;
	char c;

	stream_pair(fd);
	f->fd = fd[CLIENT];
	CHECK_EQ(pthread_create(&t, NULL, foreign_client, f), 0);
	CHECK_EQ(weft_tls_server(&tls, server, fd[SERVER], PATIENCE), 0);
	CHECK_EQ(weft_tls_write(tls, "x", 1, PATIENCE), 1);
	CHECK_EQ(weft_tls_read(tls, &c, 1, PATIENCE), 0);
	pthread_join(t, NULL);
	resumed = weft_tls_resumed(tls);
	CHECK_EQ(resumed, f->reused);
	weft_tls_free(tls);
	weft_close(fd[0]);
	weft_close(fd[1]);
	return resumed;
}

static int resumption(void *arg)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)arg;
	for (size_t i = 0; i < COUNT(versions); i++) {
		weft_tls_ctx *server = server_of("server.pem", "server.key");
		weft_tls_config none = { .cert_file = pki("both.pem"),
					 .flags = WEFT_TLS_NO_TICKETS };
		struct foreigner f = { .ctx = SSL_CTX_new(TLS_client_method()) };

		SSL_CTX_set_ex_data(f.ctx, 0, &f);
		SSL_CTX_set_session_cache_mode(f.ctx, SSL_SESS_CACHE_CLIENT);
		SSL_CTX_sess_set_new_cb(f.ctx, keep_session);
		SSL_CTX_set_max_proto_version(f.ctx, versions[i]);
		CHECK_EQ(call_foreigner(&f, server), 0);
		CHECK(f.session != NULL);
		CHECK_EQ(call_foreigner(&f, server), 1);
		CHECK_EQ(weft_tls_ctx_reload(server), 0);
		CHECK_EQ(call_foreigner(&f, server), 1);
		weft_tls_ctx_unref(server);
		CHECK_EQ(weft_tls_ctx_server(&server, &none), 0);
		CHECK_EQ(call_foreigner(&f, server), 0);
		CHECK_EQ(call_foreigner(&f, server), 0);
		weft_tls_ctx_unref(server);
		SSL_SESSION_free(f.session);
		SSL_CTX_free(f.ctx);
	}
	return 0;
}

Test(tls_crowd, resumes_sessions_by_ticket_also_after_a_reload)
{
	TLS_ANYWHERE(resumption);
}
