/* api/tls_tools.c - TLS: other programs at the other end, where they exist. */
#include "support/meet.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

TestSuite(tls_tools, .timeout = 120, .init = pki_make, .fini = pki_clean);

extern char **environ;

static void need(const char *tool)
{
	char command[64];

	/* A wrapper's reports about them are nothing of ours. */
	if (under("valgrind") || getenv("TEST_EMULATOR"))
		cr_skip_test("only without a wrapper");
	snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", tool);
	if (system(command) != 0)
		cr_skip_test("there is no %s", tool);
}

struct child {
	pid_t pid;
	int in, out;                    /* its standard input and output    */
};

static void start(struct child *c, const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int in[2], out[2];
	sigset_t none;

	/* A worker's mask is not for others. */
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	stream_pair(in);
	stream_pair(out);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	CHECK_EQ(posix_spawnp(&c->pid, argv[0], &actions, &attr,
			      (char *const *)(uintptr_t)argv, environ), 0);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = out[0];
}

/* Its exit status. */
static int finish(struct child *c)
{
	int status = -1;

	if (c->in >= 0)
		weft_close(c->in);
	CHECK_EQ(weft_waitpid(c->pid, &status, 0, PATIENCE), c->pid);
	weft_close(c->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define ARGV(...) ((const char *const []){ __VA_ARGS__, NULL })

struct shop {
	weft_tls_ctx *ctx;
	int listener;
	char port[8], address[32];
};

static void shop_open(struct shop *s, const char *alpn)
{
	weft_tls_config c = { .cert_file = pki("both.pem"), .alpn = alpn };

	CHECK_EQ(weft_tls_ctx_server(&s->ctx, &c), 0);
	s->listener = weft_tcp_listen("127.0.0.1", 0, 8);
	CHECK(s->listener >= 0);
	snprintf(s->port, sizeof s->port, "%d", weft_sockport(s->listener));
	snprintf(s->address, sizeof s->address, "127.0.0.1:%s", s->port);
}

static void shop_close(struct shop *s)
{
	weft_close(s->listener);
	weft_tls_ctx_unref(s->ctx);
}

/* --- openssl s_client ---------------------------------------------------------------- */

static int with_s_client(const char *version)
{
	char line[64] = "";
	struct child c;
	struct shop s;
	weft_tls *tls;
	int fd;

	shop_open(&s, "weft,other");
	start(&c, ARGV("openssl", "s_client", "-connect", s.address, "-CAfile",
		       pki("ca.pem"), "-verify_return_error",
		       "-verify_hostname", "localhost", "-servername",
		       "localhost", "-alpn", "other,weft", "-quiet",
		       version));
	fd = weft_accept(s.listener, NULL, NULL, PATIENCE);
	CHECK(fd >= 0);
	CHECK_EQ(weft_tls_server(&tls, s.ctx, fd, PATIENCE), 0);
	CHECK(strcmp(weft_tls_alpn(tls), "weft") == 0);
	CHECK(strcmp(weft_tls_server_name(tls), "localhost") == 0);
	CHECK_EQ(weft_tls_write(tls, "welcome\n", 8, PATIENCE), 8);
	CHECK_EQ(weft_read_full(c.out, line, 8, NULL, PATIENCE), 0);
	CHECK(memcmp(line, "welcome\n", 8) == 0);
	CHECK_EQ(weft_write(c.in, "thanks\n", 7, PATIENCE), 7);
	CHECK_EQ(weft_tls_read_full(tls, line, 7, NULL, PATIENCE), 0);
	CHECK(memcmp(line, "thanks\n", 7) == 0);
	CHECK_EQ(weft_tls_shutdown(tls, PATIENCE), 0);
	finish(&c);
	weft_tls_free(tls);
	weft_close(fd);
	shop_close(&s);
	return 0;
}

static int s_client(void *arg)
{
	(void)arg;
	with_s_client("-tls1_3");
	return with_s_client("-tls1_2");
}

Test(tls_tools, a_server_answers_openssl_s_client)
{
	need("openssl");
	EACH(s_client);
}

/* What it would take to renegotiate is refused, and old versions. */
static int old_client(void *arg)
{
	struct child c;
	struct shop s;
	weft_tls *tls;
	int fd, err;

	(void)arg;
	shop_open(&s, NULL);
	start(&c, ARGV("openssl", "s_client", "-connect", s.address, "-tls1_1",
		       "-cipher", "ALL:@SECLEVEL=0", "-quiet"));
	fd = weft_accept(s.listener, NULL, NULL, PATIENCE);
	err = weft_tls_server(&tls, s.ctx, fd, PATIENCE);
	CHECK(err == WEFT_ETLS || err == WEFT_ETLS_TRUNCATED);
	CHECK(weft_tls_error(tls)[0] != '\0');
	weft_tls_free(tls);
	weft_close(fd);
	CHECK(finish(&c) != 0);
	shop_close(&s);
	return 0;
}

Test(tls_tools, a_client_of_last_century_is_refused)
{
	need("openssl");
	EACH(old_client);
}

/* --- openssl s_server ------------------------------------------------------------------ */

/* Lines of its output until one begins so. */
static int find_line(struct child *c, const char *begins, char rest[128])
{
	char line[128];
	size_t k = 0;

	while (weft_read(c->out, line + k, 1, PATIENCE) == 1) {
		if (line[k] != '\n') {
			k += k + 1 < sizeof line;
			continue;
		}
		line[k] = '\0';
		k = 0;
		if (strncmp(line, begins, strlen(begins)) == 0) {
			memcpy(rest, line, sizeof line);
			return 0;
		}
	}
	return -1;
}

static int s_server(void *arg)
{
	weft_tls_ctx *ctx = client_of("ca.pem", 0);
	char address[128] = "", line[16] = "", *colon;
	struct child c;
	weft_tls *tls;
	int fd;

	(void)arg;
	start(&c, ARGV("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
		       pki("server.pem"), "-key", pki("server.key"), "-rev"));
	CHECK_EQ(find_line(&c, "ACCEPT ", address), 0);
	colon = strrchr(address, ':');
	fd = weft_tcp_connect("127.0.0.1", colon ? atoi(colon + 1) : 0, PATIENCE);
	CHECK(fd >= 0);
	CHECK_EQ(weft_tls_client(&tls, ctx, fd, "localhost", PATIENCE), 0);
	CHECK_EQ(weft_tls_write(tls, "stressed\n", 9, PATIENCE), 9);
	CHECK_EQ(weft_tls_read_full(tls, line, 9, NULL, PATIENCE), 0);
	CHECK(strcmp(line, "desserts\n") == 0);
	CHECK_EQ(weft_tls_shutdown(tls, PATIENCE), 0);
	weft_tls_free(tls);
	weft_close(fd);
	kill(c.pid, SIGTERM);
	finish(&c);
	weft_tls_ctx_unref(ctx);
	return 0;
}

Test(tls_tools, a_client_talks_to_openssl_s_server)
{
	need("openssl");
	EACH(s_server);
}

/* --- curl --------------------------------------------------------------------------------- */

enum { BODY = 300000 };

/* One request, one answer; what the handshake said. */
static int answer(struct shop *s)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
				   "Content-Length: 300000\r\n\r\n";
	static char body[BODY];
	int fd = weft_accept(s->listener, NULL, NULL, PATIENCE), err;
	weft_bufio b;
	weft_tls *tls;
	char *line;
	size_t n;

	CHECK(fd >= 0);
	err = weft_tls_server(&tls, s->ctx, fd, PATIENCE);
	if (!err) {
		memset(body, 'w', sizeof body);
		weft_tls_bufio(&b, tls, 0);
		do {
			CHECK_EQ(weft_bufio_read_line(&b, &line, &n, PATIENCE), 0);
		} while (n > 2);
		CHECK(weft_bufio_puts(&b, head, PATIENCE) > 0);
		CHECK_EQ(weft_bufio_write(&b, body, BODY, PATIENCE), BODY);
		CHECK_EQ(weft_bufio_flush(&b, PATIENCE), 0);
		weft_bufio_fini(&b);
		CHECK_EQ(weft_tls_close(tls, PATIENCE), 0);
	}
	weft_tls_free(tls);
	weft_close(fd);
	return err;
}

struct download {
	struct child *child;
	size_t bytes;
};

static int collect(void *arg)
{
	struct download *d = arg;
	char buf[4096];
	ssize_t n;

	while ((n = weft_read(d->child->out, buf, sizeof buf, PATIENCE)) > 0)
		d->bytes += (size_t)n;
	CHECK_EQ(n, 0);
	return 0;
}

static int curl(void *arg)
{
	static const struct {
		const char *option, *value;
		int says, err;
	} cases[] = {
		{ "--cacert", "ca.pem", 0, 0 },
		{ "-k", NULL, 0, 0 },
		{ "--cacert", "other-ca.pem", 60, WEFT_ETLS_ALERT },
	};

	(void)arg;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char url[64], resolve[64];
		struct child c;
		struct download d = { &c, 0 };
		struct crew reader;
		struct shop s;
		int says;

		shop_open(&s, "http/1.1");
		snprintf(url, sizeof url, "https://localhost:%s/", s.port);
		snprintf(resolve, sizeof resolve, "localhost:%s:127.0.0.1", s.port);
		start(&c, ARGV("curl", "-sS", "--noproxy", "*", "--max-time", "60",
			       "--resolve", resolve, url, cases[i].option,
			       cases[i].value ? pki(cases[i].value) : NULL));
		crew_start(&reader, 1, 0, collect, &d);
		CHECK_EQ(answer(&s), cases[i].err);
		crew_join(&reader);
		says = finish(&c);
		CHECK_EQ(says, cases[i].says);
		CHECK_EQ(d.bytes, cases[i].err ? 0 : BODY);
		shop_close(&s);
	}
	return 0;
}

Test(tls_tools, a_server_answers_curl)
{
	need("curl");
	EACH(curl);
}
