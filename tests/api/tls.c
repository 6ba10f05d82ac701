/* api/tls.c - TLS: who may talk to whom, and what arrives. */
#include "support/meet.h"

TestSuite(tls, .timeout = 120, .init = pki_make, .fini = pki_clean);

/* --- contexts ------------------------------------------------------------------ */

static int error_of(int (*make)(weft_tls_ctx **, const weft_tls_config *),
		    const weft_tls_config *c)
{
	weft_tls_ctx *ctx = (void *)&ctx;
	int err = make(&ctx, c);

	CHECK(!ctx == (err != 0));
	weft_tls_ctx_unref(ctx);
	return err;
}

static int client_error(weft_tls_config c)
{
	return error_of(weft_tls_ctx_client, &c);
}

static int server_error(weft_tls_config c)
{
	return error_of(weft_tls_ctx_server, &c);
}

#define CONFIG(...) ((weft_tls_config){ __VA_ARGS__ })

static int contexts(void *arg)
{
	weft_tls_ctx *ctx;
	const char *cert = pki("server.pem"), *key = pki("server.key");
	const char *garbage = pki("garbage.pem"), *gone = pki("gone.pem");
	const char *ca = pki("ca.pem");

	(void)arg;
	CHECK_EQ(weft_tls_ctx_client(NULL, NULL), -EINVAL);
	CHECK_EQ(weft_tls_ctx_client(&ctx, NULL), 0);
	CHECK(weft_tls_ctx_openssl(ctx) != NULL);
	CHECK(weft_tls_ctx_ref(ctx) == ctx);
	CHECK(weft_tls_ctx_ref(NULL) == NULL);
	weft_tls_ctx_unref(ctx);
	weft_tls_ctx_unref(ctx);
	weft_tls_ctx_unref(NULL);
	CHECK_EQ(weft_tls_ctx_server(&ctx, NULL), -EINVAL);
	CHECK_EQ(client_error(CONFIG(.flags = 1u << 31)), -EINVAL);
	CHECK_EQ(client_error(CONFIG(.min_version = 0x0301)), -EINVAL);
	CHECK_EQ(client_error(CONFIG(.min_version = WEFT_TLS_1_3)), 0);
	CHECK_EQ(client_error(CONFIG(.alpn = "")), -EINVAL);
	CHECK_EQ(client_error(CONFIG(.alpn = "h2,,x")), -EINVAL);
	CHECK_EQ(client_error(CONFIG(.alpn = "h2,")), -EINVAL);
	CHECK_EQ(client_error(CONFIG(.alpn = "h2,http/1.1")), 0);
	CHECK_EQ(client_error(CONFIG(.ca_file = gone)), -ENOENT);
	CHECK_EQ(client_error(CONFIG(.ca_dir = gone)), -ENOENT);
	CHECK_EQ(client_error(CONFIG(.ca_dir = cert)), -ENOTDIR);
	CHECK_EQ(client_error(CONFIG(.ca_file = garbage)), WEFT_ETLS_CA);
	CHECK_EQ(client_error(CONFIG(.ca_file = key)), WEFT_ETLS_CA);
	CHECK_EQ(client_error(CONFIG(.ca_dir = pki_dir)), 0);
	CHECK_EQ(client_error(CONFIG(.key_file = key)), -EINVAL);
	CHECK_EQ(server_error(CONFIG(.key_file = key)), -EINVAL);
	CHECK_EQ(server_error(CONFIG(.cert_file = gone)), -ENOENT);
	CHECK_EQ(server_error(CONFIG(.cert_file = cert, .key_file = gone)),
		 -ENOENT);
	CHECK_EQ(server_error(CONFIG(.cert_file = garbage, .key_file = key)),
		 WEFT_ETLS_CERT);
	CHECK_EQ(server_error(CONFIG(.cert_file = cert)), WEFT_ETLS_CERT);
	CHECK_EQ(server_error(CONFIG(.cert_file = cert,
				     .key_file = pki("second.key"))),
		 WEFT_ETLS_CERT);
	CHECK_EQ(server_error(CONFIG(.cert_file = pki("both.pem"))), 0);
	CHECK_EQ(server_error(CONFIG(.cert_file = cert, .key_file = key,
				     .flags = WEFT_TLS_REQUIRE_CERT)), -EINVAL);
	CHECK_EQ(server_error(CONFIG(.cert_file = cert, .key_file = key,
				     .ca_file = ca,
				     .flags = WEFT_TLS_REQUIRE_CERT)), 0);
	CHECK_EQ(weft_tls_ctx_reload(NULL), -EINVAL);
	return 0;
}

Test(tls, contexts_tell_what_is_wrong_with_them)
{
	TLS_ANYWHERE(contexts);
}

/* --- talking -------------------------------------------------------------------- */

static void exchange(weft_tls *from, weft_tls *to, const char *text)
{
	char buf[64] = "";
	size_t n = strlen(text), done = 99;

	CHECK_EQ(weft_tls_write(from, text, n, PATIENCE), n);
	CHECK_EQ(weft_tls_read_full(to, buf, n, &done, PATIENCE), 0);
	CHECK_EQ(done, n);
	CHECK(strcmp(buf, text) == 0);
}

static int end_well(void *tls)
{
	CHECK_EQ(weft_tls_close(tls, PATIENCE), 0);
	return 0;
}

/* Both sides close at once. */
static void close_both(struct meeting *m)
{
	struct crew c;

	crew_start(&c, 1, 0, end_well, m->tls[SERVER]);
	end_well(m->tls[CLIENT]);
	crew_join(&c);
}

static int talk_over(void (*pair)(int fd[2]))
{
	struct meeting m;
	char name[64], small[4], c;

	memset(&m, 0, sizeof m);
	m.client_ctx = client_of("ca.pem", 0);
	m.server_ctx = server_of("server.pem", "server.key");
	m.host = "localhost";
	pair(m.fd);
	meet_on(&m);
	CHECK_EQ(m.err[CLIENT], 0);
	CHECK_EQ(m.err[SERVER], 0);
	for (int i = 0; i < 50; i++) {
		exchange(m.tls[CLIENT], m.tls[SERVER], "ping");
		exchange(m.tls[SERVER], m.tls[CLIENT], "pong");
	}
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 0, PATIENCE), 0);
	CHECK_EQ(weft_tls_write(m.tls[CLIENT], &c, 0, PATIENCE), 0);
	CHECK_EQ(weft_tls_write_all(m.tls[CLIENT], &c, 0, NULL, PATIENCE), 0);
	CHECK_EQ(weft_tls_flush(m.tls[CLIENT], PATIENCE), 0);
	CHECK(strcmp(weft_tls_version(m.tls[CLIENT]), "TLSv1.3") == 0);
	CHECK(strstr(weft_tls_cipher(m.tls[SERVER]), "TLS_") != NULL);
	CHECK(strcmp(weft_tls_alpn(m.tls[CLIENT]), "") == 0);
	CHECK(strcmp(weft_tls_server_name(m.tls[SERVER]), "localhost") == 0);
	CHECK(strcmp(weft_tls_server_name(m.tls[CLIENT]), "") == 0);
	CHECK(strcmp(weft_tls_error(m.tls[CLIENT]), "") == 0);
	CHECK_EQ(weft_tls_fd(m.tls[CLIENT]), m.fd[CLIENT]);
	CHECK_EQ(weft_tls_resumed(m.tls[CLIENT]), 0);
	CHECK_EQ(weft_tls_peer(m.tls[CLIENT], name, sizeof name), 19);
	CHECK(strcmp(name, "CN=localhost,O=weft") == 0);
	CHECK_EQ(weft_tls_peer(m.tls[CLIENT], small, sizeof small), 19);
	CHECK(strcmp(small, "CN=") == 0);
	CHECK_EQ(weft_tls_peer(m.tls[CLIENT], NULL, 0), 19);
	CHECK_EQ(weft_tls_peer(m.tls[SERVER], name, sizeof name), -ENOENT);
	close_both(&m);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 1, PATIENCE), 0);
	CHECK_EQ(weft_tls_write(m.tls[CLIENT], &c, 1, PATIENCE), -EPIPE);
	CHECK_EQ(weft_tls_shutdown(m.tls[CLIENT], PATIENCE), 0);
	meet_end(&m);
	return 0;
}

static int talk(void *arg)
{
	(void)arg;
	talk_over(stream_pair);
	return talk_over(tcp_pair);
}

Test(tls, says_what_was_said_over_sockets_of_any_kind)
{
	TLS_ANYWHERE(talk);
}

static int on_little_stack(void *arg)
{
	talk(arg);
	return 0;
}

static int little(void *arg)
{
	weft_attr a = { .stack_size = 32 * 1024 };
	weft_id id;

	CHECK_EQ(weft_spawn(&id, &a, on_little_stack, arg), 0);
	CHECK_EQ(weft_join(id, NULL), 0);
	return 0;
}

Test(tls, needs_no_more_than_half_the_default_stack)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
	cr_skip_test("a sanitizer's frames are larger");
#endif
	TLS_EACH(little);
}

/* --- who is trusted --------------------------------------------------------------- */

struct trial {
	const char *ca;
	unsigned flags;
	const char *host, *cert, *key;
	int client, server;
};

static void try_it(const struct trial *t)
{
	struct meeting m;
	int before = failures;

	memset(&m, 0, sizeof m);
	m.client_ctx = client_of(t->ca, t->flags);
	m.server_ctx = server_of(t->cert, t->key);
	m.host = t->host;
	stream_pair(m.fd);
	meet_on(&m);
	CHECK_EQ(m.err[CLIENT], t->client);
	CHECK_EQ(m.err[SERVER], t->server);
	if (t->client)
		CHECK(weft_tls_error(m.tls[CLIENT])[0] != '\0');
	if (t->client && t->server)
		CHECK_EQ(weft_tls_write(m.tls[CLIENT], "x", 1, PATIENCE),
			 t->client);
	if (failures != before)
		fprintf(stderr, "# with %s, %s, %x: %s\n", t->cert,
			t->host ? t->host : "no host", t->flags,
			m.tls[CLIENT] ? weft_tls_error(m.tls[CLIENT]) : "");
	meet_end(&m);
}

#define ANY_CERT WEFT_TLS_INSECURE_NO_VERIFY
#define ANY_HOST WEFT_TLS_INSECURE_ANY_HOST

static int trust(void *arg)
{
	static const struct trial trials[] = {
		{ "ca.pem", 0, "localhost", "server.pem", "server.key", 0, 0 },
		{ "ca.pem", 0, "LocalHost.", "server.pem", "server.key", 0, 0 },
		{ "ca.pem", 0, "a.example.test", "server.pem", "server.key", 0, 0 },
		{ "ca.pem", 0, "127.0.0.1", "server.pem", "server.key", 0, 0 },
		{ "ca.pem", 0, "::1", "server.pem", "server.key", 0, 0 },
		{ "ca.pem", 0, "a.b.example.test", "server.pem", "server.key",
		  WEFT_ETLS_HOST, WEFT_ETLS_ALERT },
		{ "ca.pem", 0, "example.test", "server.pem", "server.key",
		  WEFT_ETLS_HOST, WEFT_ETLS_ALERT },
		{ "ca.pem", 0, "example.org", "server.pem", "server.key",
		  WEFT_ETLS_HOST, WEFT_ETLS_ALERT },
		{ "ca.pem", 0, "127.0.0.2", "server.pem", "server.key",
		  WEFT_ETLS_HOST, WEFT_ETLS_ALERT },
		{ "ca.pem", 0, "localhost", "stranger.pem", "stranger.key",
		  WEFT_ETLS_UNTRUSTED, WEFT_ETLS_ALERT },
		{ "other-ca.pem", 0, "localhost", "server.pem", "server.key",
		  WEFT_ETLS_UNTRUSTED, WEFT_ETLS_ALERT },
		{ NULL, 0, "localhost", "server.pem", "server.key",
		  WEFT_ETLS_UNTRUSTED, WEFT_ETLS_ALERT },
		{ "ca.pem", 0, "localhost", "expired.pem", "server.key",
		  WEFT_ETLS_EXPIRED, WEFT_ETLS_ALERT },
		/* A client's certificate is for no host. */
		{ "ca.pem", 0, "localhost", "client.pem", "client.key",
		  WEFT_ETLS_HOST, WEFT_ETLS_ALERT },
		{ "ca.pem", ANY_HOST, "example.org", "server.pem", "server.key", 0, 0 },
		{ "ca.pem", ANY_HOST, "127.0.0.2", "server.pem", "server.key", 0, 0 },
		{ "ca.pem", ANY_HOST, NULL, "server.pem", "server.key", 0, 0 },
		{ "ca.pem", ANY_HOST, "example.org", "stranger.pem", "stranger.key",
		  WEFT_ETLS_UNTRUSTED, WEFT_ETLS_ALERT },
		{ "ca.pem", ANY_HOST, NULL, "expired.pem", "server.key",
		  WEFT_ETLS_EXPIRED, WEFT_ETLS_ALERT },
		{ "ca.pem", ANY_CERT, "example.org", "stranger.pem", "stranger.key", 0, 0 },
		{ NULL, ANY_CERT, NULL, "expired.pem", "server.key", 0, 0 },
	};

	(void)arg;
	for (size_t i = 0; i < COUNT(trials); i++)
		try_it(&trials[i]);
	return 0;
}

Test(tls, trusts_who_is_vouched_for_and_is_the_host_and_nobody_else)
{
	TLS_ANYWHERE(trust);
}

static int arguments(void *arg)
{
	weft_tls_ctx *client = client_of("ca.pem", 0);
	weft_tls_ctx *server = server_of("server.pem", "server.key");
	char longest[300];
	weft_tls *t;
	int fd[2];

	(void)arg;
	memset(longest, 'a', sizeof longest);
	longest[254] = '\0';
	stream_pair(fd);
	CHECK_EQ(weft_tls_client(NULL, client, fd[0], "a", PATIENCE), -EINVAL);
	CHECK_EQ(weft_tls_client(&t, NULL, fd[0], "a", PATIENCE), -EINVAL);
	CHECK_EQ(weft_tls_client(&t, server, fd[0], "a", PATIENCE), -EINVAL);
	CHECK_EQ(weft_tls_client(&t, client, fd[0], NULL, PATIENCE), -EINVAL);
	CHECK_EQ(weft_tls_client(&t, client, fd[0], "", PATIENCE), -EINVAL);
	CHECK_EQ(weft_tls_client(&t, client, fd[0], longest, PATIENCE), -EINVAL);
	CHECK(!t);
	CHECK_EQ(weft_tls_server(&t, client, fd[0], PATIENCE), -EINVAL);
	CHECK_EQ(weft_tls_server(NULL, server, fd[0], PATIENCE), -EINVAL);
	weft_tls_free(NULL);
	CHECK_EQ(weft_tls_client(&t, client, -1, "a", PATIENCE), -EBADF);
	CHECK(t != NULL);
	CHECK_EQ(weft_tls_read(t, longest, 1, PATIENCE), -EBADF);
	CHECK_EQ(weft_tls_close(t, PATIENCE), -EBADF);
	weft_tls_free(t);
	weft_close(fd[0]);
	weft_close(fd[1]);
	weft_tls_ctx_unref(client);
	weft_tls_ctx_unref(server);
	return 0;
}

Test(tls, refuses_arguments_that_are_none)
{
	TLS_ANYWHERE(arguments);
}

/* --- protocols and clients' certificates -------------------------------------------- */

struct offer {
	const char *client, *server, *chosen;   /* chosen NULL: none in common */
};

static int alpn(void *arg)
{
	static const struct offer offers[] = {
		{ "h2,http/1.1", "h2,http/1.1", "h2" },
		{ "http/1.1,h2", "h2,http/1.1", "h2" },
		{ "http/1.1", "h2,http/1.1", "http/1.1" },
		{ "a,bc,def", "x,def", "def" },
		{ "h2", NULL, "" },
		{ NULL, "h2", "" },
		{ "h2", "http/1.1", NULL },
	};

	(void)arg;
	for (size_t i = 0; i < COUNT(offers); i++) {
		weft_tls_config c = { .ca_file = pki("ca.pem"),
				      .alpn = offers[i].client };
		weft_tls_config s = { .cert_file = pki("both.pem"),
				      .alpn = offers[i].server };
		struct meeting m = { .host = "localhost" };
		int err = offers[i].chosen ? 0 : WEFT_ETLS_ALPN;

		CHECK_EQ(weft_tls_ctx_client(&m.client_ctx, &c), 0);
		CHECK_EQ(weft_tls_ctx_server(&m.server_ctx, &s), 0);
		stream_pair(m.fd);
		meet_on(&m);
		for (int side = 0; side < 2; side++) {
			CHECK_EQ(m.err[side], err);
			CHECK(err || strcmp(weft_tls_alpn(m.tls[side]),
					    offers[i].chosen) == 0);
		}
		meet_end(&m);
	}
	return 0;
}

Test(tls, agrees_on_a_protocol_in_the_servers_order)
{
	TLS_ANYWHERE(alpn);
}

static int with_client_cert(const char *cert, const char *key, unsigned flags,
			    int server_says)
{
	weft_tls_config c = { .ca_file = pki("ca.pem") };
	weft_tls_config s = { .cert_file = pki("both.pem"),
			      .ca_file = pki("ca.pem"), .flags = flags };
	struct meeting m = { .host = "localhost" };
	char name[64] = "", byte;

	c.cert_file = cert ? pki(cert) : NULL;
	c.key_file = key ? pki(key) : NULL;
	CHECK_EQ(weft_tls_ctx_client(&m.client_ctx, &c), 0);
	CHECK_EQ(weft_tls_ctx_server(&m.server_ctx, &s), 0);
	stream_pair(m.fd);
	meet_on(&m);
	CHECK_EQ(m.err[SERVER], server_says);
	if (server_says) {
		/* With TLS 1.3 the client's handshake is over before. */
		CHECK_EQ(m.err[CLIENT], 0);
		CHECK_EQ(weft_tls_read(m.tls[CLIENT], &byte, 1, PATIENCE),
			 WEFT_ETLS_ALERT);
		CHECK(weft_tls_error(m.tls[CLIENT])[0] != '\0');
	} else if (cert) {
		CHECK(weft_tls_peer(m.tls[SERVER], name, sizeof name) > 0);
		CHECK(strcmp(name, "CN=client,O=weft") == 0);
	} else {
		CHECK_EQ(weft_tls_peer(m.tls[SERVER], name, sizeof name),
			 -ENOENT);
	}
	meet_end(&m);
	return 0;
}

static int client_certs(void *arg)
{
	(void)arg;
	with_client_cert("client.pem", "client.key", WEFT_TLS_REQUIRE_CERT, 0);
	with_client_cert("client.pem", "client.key", WEFT_TLS_ASK_CERT, 0);
	with_client_cert(NULL, NULL, WEFT_TLS_ASK_CERT, 0);
	with_client_cert(NULL, NULL, WEFT_TLS_REQUIRE_CERT,
			 WEFT_ETLS_UNTRUSTED);
	with_client_cert("stranger.pem", "stranger.key", WEFT_TLS_REQUIRE_CERT,
			 WEFT_ETLS_UNTRUSTED);
	with_client_cert("stranger.pem", "stranger.key", WEFT_TLS_ASK_CERT,
			 WEFT_ETLS_UNTRUSTED);
	with_client_cert("expired.pem", "server.key", WEFT_TLS_ASK_CERT,
			 WEFT_ETLS_EXPIRED);
	return 0;
}

Test(tls, asks_for_a_clients_certificate_when_told_to)
{
	TLS_ANYWHERE(client_certs);
}

/* --- reload --------------------------------------------------------------------------- */

static void move(const char *from, const char *to)
{
	CHECK_EQ(rename(pki(from), pki(to)), 0);
}

static int reload(void *arg)
{
	struct meeting old, m = { .host = "localhost" };

	(void)arg;
	meet(&old);
	m.client_ctx = weft_tls_ctx_ref(old.client_ctx);
	m.server_ctx = weft_tls_ctx_ref(old.server_ctx);
	/* A pair that does not fit changes nothing. */
	move("server.key", "first.key");
	move("second.key", "server.key");
	CHECK_EQ(weft_tls_ctx_reload(m.server_ctx), WEFT_ETLS_CERT);
	stream_pair(m.fd);
	meet_on(&m);
	CHECK_EQ(m.err[CLIENT], 0);
	part(&m);
	/* One that nobody trusts does. */
	move("server.pem", "first.pem");
	move("stranger.pem", "server.pem");
	move("server.key", "second.key");
	move("stranger.key", "server.key");
	CHECK_EQ(weft_tls_ctx_reload(m.server_ctx), 0);
	stream_pair(m.fd);
	meet_on(&m);
	CHECK_EQ(m.err[CLIENT], WEFT_ETLS_UNTRUSTED);
	part(&m);
	move("server.pem", "stranger.pem");
	move("server.key", "stranger.key");
	move("first.pem", "server.pem");
	move("first.key", "server.key");
	/* What had begun goes on. */
	exchange(old.tls[CLIENT], old.tls[SERVER], "still here");
	exchange(old.tls[SERVER], old.tls[CLIENT], "so am I");
	drop_contexts(&m);
	meet_end(&old);
	return 0;
}

Test(tls, reloads_its_files_for_connections_to_come)
{
	TLS_ANYWHERE(reload);
}

/* --- directories --------------------------------------------------------------- */

static void hashed(char *path, size_t size)
{
	FILE *f = fopen(pki("ca.pem"), "r");
	X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	CHECK(cert != NULL);
	snprintf(path, size, "%s/%08lx.0", pki_dir, X509_subject_name_hash(cert));
	X509_free(cert);
	fclose(f);
}

static int met(struct meeting *m)
{
	int err;

	stream_pair(m->fd);
	meet_on(m);
	err = m->err[CLIENT];
	part(m);
	return err;
}

/* A handshake waits for no disk: what it needs was read before. */
static int directory(void *arg)
{
	weft_tls_config c = { .ca_dir = arg };
	struct meeting m = { .host = "localhost" };
	char path[128];

	hashed(path, sizeof path);
	CHECK_EQ(link(pki("ca.pem"), path), 0);
	m.server_ctx = server_of("server.pem", "server.key");
	CHECK_EQ(weft_tls_ctx_client(&m.client_ctx, &c), 0);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(met(&m), 0);
	CHECK_EQ(weft_tls_ctx_reload(m.client_ctx), 0);
	CHECK_EQ(met(&m), WEFT_ETLS_UNTRUSTED);
	drop_contexts(&m);
	return 0;
}

Test(tls, reads_a_directory_when_the_context_is_made)
{
	cr_assert_eq(run_on(2, directory, pki_dir), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
	/* That of the system is one, too. */
	setenv("SSL_CERT_DIR", pki_dir, 1);
	cr_assert_eq(run_on(2, directory, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
	unsetenv("SSL_CERT_DIR");
}
