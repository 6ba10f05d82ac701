/* tests/unit/sweep_tls.c - TLS, while every system call below it fails in every
 * way; see support/sweep.h.
 *
 * The library's sources are in this program, so that its memory can fail, too.
 * What OpenSSL has is counted with the rest, and never fails.
 */
#include "support/sweep.h"

#include "support/pki.h"

#include <openssl/crypto.h>
#include <weft/io.h>
#include <weft/net.h>
#include <weft/tls.h>

TestSuite(sweep_tls, .timeout = 250);

enum { SIZE = 40000 };

static char text[SIZE];

/* Both sides are told, by no call of the library. */
static void give_up(int fd)
{
	plan.spoilt = true;
	shutdown(fd, SHUT_RDWR);
}

/* The other side has failed, and says so, perhaps before it is judged itself; or
 * its time was over before there was a fault. */
static long long of_tls(long long r)
{
	if (r != WEFT_ETLS_TRUNCATED && r != WEFT_ETLS_ALERT)
		return r;
	return plan.fired ? plan.answer : stalls() ? -ETIMEDOUT : r;
}

#define TLS(r) OK(of_tls(r))

/* --- what OpenSSL has -------------------------------------------------------------- */

static void *count_malloc(size_t n, const char *file, int line)
{
	(void)line;
	return block_add(__real_malloc(n), file);
}

static void *count_realloc(void *p, size_t n, const char *file, int line)
{
	(void)line;
	block_remove(p);
	return block_add(__real_realloc(p, n), file);
}

static void count_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	block_remove(p);
	__real_free(p);
}

/* Criterion has OpenSSL make something, too, before any test. */
__attribute__((constructor))
static void count_all(void)
{
	if (CRYPTO_set_mem_functions(count_malloc, count_realloc,
				     count_free) != 1)
		abort();
}

/* --- a connection -------------------------------------------------------------------- */

struct side {
	weft_tls_ctx *ctx;
	int fd;
};

/* What was read goes back. */
static void answers(weft_tls *t, char *buf)
{
	size_t n = 0;

	if (TLS(weft_tls_read_full(t, buf, SIZE, &n, soon())) < 0)
		return;
	CHECK(n == SIZE && memcmp(buf, text, n) == 0);
	if (TLS(weft_tls_write_all(t, buf, n, NULL, soon())) < 0)
		return;
	if (TLS(weft_tls_read(t, buf, 1, soon())) == 0)
		TLS(weft_tls_close(t, soon()));
}

static int serves(void *arg)
{
	struct side *s = arg;
	char *buf = __real_malloc(SIZE);
	weft_tls *t = NULL;

	if (TLS(weft_tls_server(&t, s->ctx, s->fd, soon())) == 0)
		answers(t, buf);
	weft_tls_free(t);
	__real_free(buf);
	if (plan.spoilt)
		give_up(s->fd);
	OK(weft_close(s->fd));
	return 0;
}

static void asks(weft_tls *t, char *buf)
{
	size_t n = 0;

	if (TLS(weft_tls_write_all(t, text, SIZE, NULL, soon())) < 0 ||
	    TLS(weft_tls_read_full(t, buf, SIZE, &n, soon())) < 0)
		return;
	CHECK(n == SIZE && memcmp(buf, text, n) == 0);
	TLS(weft_tls_close(t, soon()));
}

static void calls(struct side *s)
{
	char *buf = __real_malloc(SIZE);
	weft_tls *t = NULL;

	if (TLS(weft_tls_client(&t, s->ctx, s->fd, "localhost", soon())) == 0)
		asks(t, buf);
	weft_tls_free(t);
	__real_free(buf);
	if (plan.spoilt)
		give_up(s->fd);
}

static void meet(struct side *client, struct side *server)
{
	struct mate m;
	int fd[2];

	if (OK(weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) < 0)
		return;
	client->fd = fd[0];
	server->fd = fd[1];
	if (mate_start(&m, serves, server))
		calls(client);
	else
		OK(weft_close(server->fd));
	OK(weft_close(client->fd));
	mate_join(&m);
}

static void connection(void)
{
	weft_tls_config trusts = { .ca_file = pki("ca.pem"),
				   .alpn = "echo,other" };
	weft_tls_config has = { .cert_file = pki("both.pem"),
				.alpn = "other,echo" };
	struct side client = { NULL, -1 }, server = { NULL, -1 };

	if (OK(weft_tls_ctx_client(&client.ctx, &trusts)) == 0 &&
	    OK(weft_tls_ctx_server(&server.ctx, &has)) == 0)
		meet(&client, &server);
	weft_tls_ctx_unref(client.ctx);
	weft_tls_ctx_unref(server.ctx);
}

static const struct workload workloads[] = {
	{ "connection", connection, BULK, NULL, NULL },
	{ "connection", connection, BULK, "poll", NULL },
	{ "connection, threads", connection, NO_RUNTIME | BULK, NULL, NULL },
};

Test(sweep_tls, no_failure_loses_leaks_or_hangs)
{
	for (int i = 0; i < SIZE; i++)
		text[i] = (char)(i * 31 + i / 256);
	pki_make();
	sweep(workloads, COUNT(workloads), TLS_IO);
	pki_clean();
}
