/* support/meet.h - two sides of a TLS connection, as routines or threads. */
#ifndef WEFT_SUPPORT_MEET_H
#define WEFT_SUPPORT_MEET_H

#include "support/crew.h"
#include "support/pki.h"

#include <weft/io.h>
#include <weft/net.h>
#include <weft/tls.h>

#include <sys/socket.h>

/* Longer than anything takes, shorter than a test's time. */
#define PATIENCE weft_in(60 * WEFT_S)

/* ANYWHERE and EACH, or, where handshakes take their time, once. */
#define ONCE(fn) \
	do { \
		cr_assert_eq(run_on(2, fn, NULL), 0, "%s", first_failure); \
		cr_assert_eq(failures, 0, "%s", first_failure); \
	} while (0)
#define TLS_ANYWHERE(fn) \
	do { \
		if (under("valgrind") || under("qemu")) \
			ONCE(fn); \
		else \
			ANYWHERE(fn); \
	} while (0)
#define TLS_EACH(fn) \
	do { \
		if (under("valgrind")) \
			ONCE(fn); \
		else \
			EACH(fn); \
	} while (0)

struct meeting {
	weft_tls_ctx *client_ctx, *server_ctx;
	const char *host;
	int fd[2];                      /* client's, server's               */
	weft_tls *tls[2];
	int err[2];
	struct crew server;
};

enum { CLIENT, SERVER };

static weft_tls_ctx *client_of(const char *ca, unsigned flags)
{
	weft_tls_config c = { .flags = flags };
	weft_tls_ctx *ctx = NULL;

	c.ca_file = ca ? pki(ca) : NULL;
	CHECK_EQ(weft_tls_ctx_client(&ctx, &c), 0);
	return ctx;
}

static weft_tls_ctx *server_of(const char *cert, const char *key)
{
	weft_tls_config c = { 0 };
	weft_tls_ctx *ctx = NULL;

	c.cert_file = pki(cert);
	c.key_file = key ? pki(key) : NULL;
	CHECK_EQ(weft_tls_ctx_server(&ctx, &c), 0);
	return ctx;
}

__attribute__((unused))
static void stream_pair(int fd[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
}

__attribute__((unused))
static void tcp_pair(int fd[2])
{
	int l = weft_tcp_listen("127.0.0.1", 0, 1);

	CHECK(l >= 0);
	fd[CLIENT] = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);
	CHECK(fd[CLIENT] >= 0);
	fd[SERVER] = weft_accept(l, NULL, NULL, PATIENCE);
	CHECK(fd[SERVER] >= 0);
	weft_close(l);
}

static int meet_server(void *arg)
{
	struct meeting *m = arg;

	m->err[SERVER] = weft_tls_server(&m->tls[SERVER], m->server_ctx,
					 m->fd[SERVER], PATIENCE);
	return 0;
}

/* The contexts, host and descriptors are set; both sides shake hands. */
static void meet_on(struct meeting *m)
{
	crew_start(&m->server, 1, 0, meet_server, m);
	m->err[CLIENT] = weft_tls_client(&m->tls[CLIENT], m->client_ctx,
					 m->fd[CLIENT], m->host, PATIENCE);
	crew_join(&m->server);
}

__attribute__((unused))
static void part(struct meeting *m)
{
	for (int i = 0; i < 2; i++) {
		weft_tls_free(m->tls[i]);
		m->tls[i] = NULL;
		if (m->fd[i] >= 0)
			CHECK_EQ(weft_close(m->fd[i]), 0);
		m->fd[i] = -1;
	}
}

__attribute__((unused))
static void drop_contexts(struct meeting *m)
{
	weft_tls_ctx_unref(m->client_ctx);
	weft_tls_ctx_unref(m->server_ctx);
	m->client_ctx = m->server_ctx = NULL;
}

/* A good connection over a socket pair. */
__attribute__((unused))
static void meet(struct meeting *m)
{
	memset(m, 0, sizeof *m);
	m->client_ctx = client_of("ca.pem", 0);
	m->server_ctx = server_of("server.pem", "server.key");
	m->host = "localhost";
	stream_pair(m->fd);
	meet_on(m);
	CHECK_EQ(m->err[CLIENT], 0);
	CHECK_EQ(m->err[SERVER], 0);
}

__attribute__((unused))
static void meet_end(struct meeting *m)
{
	part(m);
	drop_contexts(m);
}

#endif
