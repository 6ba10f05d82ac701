/* regress/0034 - routines that main leaves behind inside a call of weft/tls.h kept
 * the connection or context that the call was making, and the turn to read.
 */
#include "stress/stress.h"

#include "support/pki.h"
#include "support/proc.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <weft/tls.h>

enum { WARM = 3, ROUNDS = 24, LEFT = 5, SLACK = 48 << 10 };

static atomic_int inside, alive;        /* alive: blocks that OpenSSL has */
static weft_tls_ctx *client_ctx, *server_ctx;
static weft_tls *client, *server;
static weft_tls *place;                 /* outlives the run */
static int quiet[2][2], fds[2];

/* --- what OpenSSL has ------------------------------------------------------------- */

static void *counted_malloc(size_t n, const char *file, int line)
{
	void *p = malloc(n);

	(void)file;
	(void)line;
	alive += p != NULL;
	return p;
}

static void *counted_realloc(void *old, size_t n, const char *file, int line)
{
	void *p = realloc(old, n);

	(void)file;
	(void)line;
	alive += !old && p;
	return p;
}

static void counted_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	alive -= p != NULL;
	free(p);
}

/* --- those who are left ----------------------------------------------------------- */

static weft_tls_config trusts(void)
{
	return (weft_tls_config){ .ca_file = pki("ca.pem") };
}

static void connects(void *arg)
{
	(void)arg;
	inside++;
	(void)!weft_tls_client(&place, client_ctx, quiet[0][0], "localhost",
			       WEFT_FOREVER);
}

static void accepts(void *arg)
{
	weft_tls *t;

	(void)arg;
	inside++;
	(void)!weft_tls_server(&t, server_ctx, quiet[1][0], WEFT_FOREVER);
}

static void reads(void *arg)
{
	char c;

	(void)arg;
	inside++;
	(void)!weft_tls_read(client, &c, 1, WEFT_FOREVER);
}

/* It wants the reading turn, too. */
static void closes(void *arg)
{
	char c;

	(void)arg;
	inside++;
	(void)!weft_tls_read_full(client, &c, 1, NULL, WEFT_FOREVER);
}

/* Its thread reads files meanwhile, or has not begun. */
static void makes(void *arg)
{
	weft_tls_config config = trusts();
	weft_tls_ctx *ctx;

	(void)arg;
	inside++;
	if (weft_tls_ctx_client(&ctx, &config) == 0)
		weft_tls_ctx_unref(ctx);
}

static int leave(void *arg)
{
	void (*const left[LEFT])(void *) = {
		connects, accepts, reads, closes, makes,
	};

	(void)arg;
	inside = 0;
	for (int i = 0; i < LEFT; i++)
		MUST(weft_go(left[i], NULL) == 0, "go");
	while (inside < LEFT)
		weft_yield();
	return 0;
}

/* --- what outlives a run ------------------------------------------------------------ */

static int serve(void *arg)
{
	(void)arg;
	return weft_tls_server(&server, server_ctx, fds[1], WEFT_FOREVER);
}

static int prepare(void *arg)
{
	weft_tls_config mine = { .cert_file = pki("both.pem"),
				 .flags = WEFT_TLS_NO_TICKETS };
	weft_tls_config config = trusts();
	weft_id id;
	int err = -1;

	(void)arg;
	MUST(weft_tls_ctx_client(&client_ctx, &config) == 0, "context");
	MUST(weft_tls_ctx_server(&server_ctx, &mine) == 0, "context");
	MUST(weft_spawn(&id, NULL, serve, NULL) == 0, "spawn");
	MUST(weft_tls_client(&client, client_ctx, fds[0], "localhost",
			     WEFT_FOREVER) == 0, "%s", weft_tls_error(client));
	MUST(weft_join(id, &err) == 0 && err == 0, "server: %d", err);
	return 0;
}

static int talk(void *arg)
{
	char c = 'x', got = 0;

	(void)arg;
	MUST(weft_tls_write_all(server, &c, 1, NULL,
				weft_in(100 * WEFT_S)) == 0, "write");
	MUST(weft_tls_read(client, &got, 1, weft_in(100 * WEFT_S)) == 1,
	     "nobody gave the turn back");
	MUST(got == c, "read %d", got);
	return 0;
}

static void make_pair(int fd[2])
{
	MUST(weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
}

/* Of what both are, one never answers. */
static void once(unsigned i)
{
	weft_config c = { .workers = 1 + i % 3,
			  .on_deadlock = WEFT_DEADLOCK_IGNORE,
			  .blocking_max = 1 };

	make_pair(quiet[0]);
	make_pair(quiet[1]);
	MUST(weft_run_config(&c, leave, NULL) == 0, "run");
	MUST(!place, "the place still has what was freed");
	for (int k = 0; k < 4; k++)
		(void)!weft_close(quiet[k / 2][k % 2]);
	MUST(weft_run_config(&c, talk, NULL) == 0, "run");
}

int main(void)
{
	int were = 0, are, before, now;
	size_t used = 0, more;

	MUST(CRYPTO_set_mem_functions(counted_malloc, counted_realloc,
				      counted_free) == 1, "OpenSSL is in use");
	before = open_descriptors();
	pki_make();
	make_pair(fds);
	MUST(weft_run(prepare, NULL) == 0, "run");
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (i == WARM) {
			used = mallinfo2().uordblks;
			were = alive;
		}
		once(i);
	}
	are = alive;
	more = mallinfo2().uordblks;
	weft_tls_free(client);
	weft_tls_free(server);
	weft_tls_ctx_unref(client_ctx);
	weft_tls_ctx_unref(server_ctx);
	(void)!weft_close(fds[0]);
	(void)!weft_close(fds[1]);
	pki_clean();
	now = open_descriptors();
	MUST(are <= were + 64, "%d blocks more", are - were);
	MUST(more < used + SLACK, "%zu bytes more", more - used);
	MUST(now == before, "%d descriptors, %d before", now, before);
	return 0;
}
