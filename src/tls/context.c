/* tls/context.c - what many connections share.
 *
 * Files are read and OpenSSL is set up on the blocking pool: both take long, and
 * more stack than a routine may have.
 *
 * Invariants
 *   K1  the configuration and its copies do not change; `made` does, under the
 *       lock, by reload.  A connection takes a reference of what it finds.
 */
#include <weft/mutex.h>
#include <weft/panic.h>
#include <weft/routine.h>

#include "tls/connection.h"

#include <dirent.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct weft_tls_ctx {
	atomic_uint refs;
	bool server;
	weft_tls_config config;         /* K1: its strings are ours          */
	unsigned char *alpn;            /* as on the wire; NULL: none        */
	unsigned alpn_length;
	weft_mutex lock;
	SSL_CTX *made;                  /* lock                              */
};

#define ALL_FLAGS (WEFT_TLS_INSECURE_NO_VERIFY | WEFT_TLS_INSECURE_ANY_HOST | \
		   WEFT_TLS_ASK_CERT | WEFT_TLS_REQUIRE_CERT | \
		   WEFT_TLS_NO_TICKETS)

/* --- the configuration --------------------------------------------------------- */

/* "h2,http/1.1" becomes lengths and names. */
static int alpn_parse(weft_tls_ctx *ctx, const char *list)
{
	size_t n = list ? strlen(list) : 0, start = 0;

	if (!list)
		return 0;
	if (!n || n >= 65535)
		return -EINVAL;
	ctx->alpn = malloc(n + 1);
	if (!ctx->alpn)
		return -ENOMEM;
	ctx->alpn_length = (unsigned)n + 1;
	for (size_t i = 0; i <= n; i++) {
		if (i < n && list[i] != ',') {
			ctx->alpn[i + 1] = (unsigned char)list[i];
			continue;
		}
		if (i == start || i - start > 255)
			return -EINVAL;
		ctx->alpn[start] = (unsigned char)(i - start);
		start = i + 1;
	}
	return 0;
}

static int copy_string(const char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static int config_check(const weft_tls_config *c, bool server)
{
	if (c->flags & ~ALL_FLAGS)
		return -EINVAL;
	if (c->min_version && c->min_version != WEFT_TLS_1_2 &&
	    c->min_version != WEFT_TLS_1_3)
		return -EINVAL;
	if (c->key_file && !c->cert_file)
		return -EINVAL;
	if (!server)
		return 0;
	if (!c->cert_file)
		return -EINVAL;
	if (c->flags & (WEFT_TLS_ASK_CERT | WEFT_TLS_REQUIRE_CERT) &&
	    !c->ca_file && !c->ca_dir)
		return -EINVAL;
	return 0;
}

static int config_copy(weft_tls_ctx *ctx, const weft_tls_config *c)
{
	weft_tls_config *to = &ctx->config;
	int err = copy_string(&to->ca_file, c->ca_file);

	to->flags = c->flags;
	to->min_version = c->min_version;
	if (!err)
		err = copy_string(&to->ca_dir, c->ca_dir);
	if (!err)
		err = copy_string(&to->cert_file, c->cert_file);
	if (!err)
		err = copy_string(&to->key_file, c->key_file);
	if (!err)
		err = alpn_parse(ctx, c->alpn);
	return err;
}

static void ctx_free(void *arg)
{
	weft_tls_ctx *ctx = arg;

	SSL_CTX_free(ctx->made);
	free((char *)ctx->config.ca_file);
	free((char *)ctx->config.ca_dir);
	free((char *)ctx->config.cert_file);
	free((char *)ctx->config.key_file);
	free(ctx->alpn);
	free(ctx);
}

/* --- making an SSL_CTX; on a plain thread ---------------------------------------- */

/* The first error in the queue: the kernel's about a file, or else `code`. */
static int because(int code)
{
	unsigned long first = ERR_peek_error();
	int reason = ERR_GET_REASON(first);

	ERR_clear_error();
	if (first && ERR_GET_LIB(first) == ERR_LIB_SYS)
		return -reason;
	return reason == ERR_R_MALLOC_FAILURE ? -ENOMEM : code;
}

/* A key with a passphrase is refused, not asked for on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int load_own(SSL_CTX *made, const weft_tls_config *c)
{
	const char *key = c->key_file ? c->key_file : c->cert_file;

	if (!c->cert_file)
		return 0;
	SSL_CTX_set_default_passwd_cb(made, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(made, c->cert_file) != 1 ||
	    SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(made) != 1)
		return because(WEFT_ETLS_CERT);
	return 0;
}

/* Named as OpenSSL looks for one: a hash, and a number. */
static bool is_hashed(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	       name[9] && name[9 + strspn(name + 9, "0123456789")] == '\0';
}

/* All of it, now: OpenSSL would look there in a handshake, on the worker.  A file
 * that cannot be read is none, as it would be then. */
static int load_dir(SSL_CTX *made, const char *dir)
{
	X509_LOOKUP *l = X509_STORE_add_lookup(SSL_CTX_get_cert_store(made),
					       X509_LOOKUP_file());
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	if (!l)
		return because(-ENOMEM);
	d = opendir(dir);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		int n = is_hashed(e->d_name) ?
			snprintf(path, sizeof path, "%s/%s", dir, e->d_name) :
			-1;

		if (n > 0 && n < (int)sizeof path)
			(void)X509_load_cert_file(l, path, X509_FILETYPE_PEM);
	}
	closedir(d);
	ERR_clear_error();
	return 0;
}

/* What SSL_CTX_set_default_verify_paths makes known, read. */
static int load_default(SSL_CTX *made)
{
	const char *list = getenv(X509_get_default_cert_dir_env());
	char *dirs, *dir, *rest;

	if (SSL_CTX_set_default_verify_file(made) != 1)
		return because(WEFT_ETLS_CA);
	ERR_clear_error();
	dirs = strdup(list ? list : X509_get_default_cert_dir());
	if (!dirs)
		return -ENOMEM;
	for (dir = strtok_r(dirs, ":", &rest); dir;
	     dir = strtok_r(NULL, ":", &rest))
		(void)load_dir(made, dir);
	free(dirs);
	return 0;
}

static int load_trusted(SSL_CTX *made, const weft_tls_config *c, bool server)
{
	int err;

	if (!c->ca_file && !c->ca_dir)
		return server ? 0 : load_default(made);
	err = c->ca_dir ? load_dir(made, c->ca_dir) : 0;
	if (err)
		return err;
	if (c->ca_file &&
	    SSL_CTX_load_verify_locations(made, c->ca_file, NULL) != 1)
		return because(WEFT_ETLS_CA);
	if (server && c->ca_file)
		SSL_CTX_set_client_CA_list(made,
					   SSL_load_client_CA_file(c->ca_file));
	return 0;
}

/* The server's order decides. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
		       const unsigned char *in, unsigned in_length, void *arg)
{
	weft_tls_ctx *ctx = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, n, ctx->alpn, ctx->alpn_length, in,
				  in_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int set_verify(SSL_CTX *made, const weft_tls_ctx *ctx)
{
	unsigned flags = ctx->config.flags;
	int mode = SSL_VERIFY_PEER;

	if (ctx->server && !(flags & (WEFT_TLS_ASK_CERT | WEFT_TLS_REQUIRE_CERT)))
		mode = SSL_VERIFY_NONE;
	if (ctx->server && flags & WEFT_TLS_REQUIRE_CERT)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	if (!ctx->server && flags & WEFT_TLS_INSECURE_NO_VERIFY)
		mode = SSL_VERIFY_NONE;
	SSL_CTX_set_verify(made, mode, NULL);
	return SSL_CTX_set_session_id_context(made, (const unsigned char *)"weft",
					      4) == 1 ? 0 : -ENOMEM;
}

static int set_up(SSL_CTX *made, weft_tls_ctx *ctx)
{
	int min = ctx->config.min_version;
	long options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;

	if (ctx->config.flags & WEFT_TLS_NO_TICKETS) {
		options |= SSL_OP_NO_TICKET;
		SSL_CTX_set_num_tickets(made, 0);
	}
	SSL_CTX_set_options(made, (unsigned long)options);
	SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE |
			 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			 SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	/* Tickets keep the state of a session at the client, not here. */
	SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(made, min ? min : WEFT_TLS_1_2) != 1)
		return because(-EINVAL);
	if (ctx->alpn && ctx->server)
		SSL_CTX_set_alpn_select_cb(made, choose_alpn, ctx);
	if (ctx->alpn && !ctx->server &&
	    SSL_CTX_set_alpn_protos(made, ctx->alpn, ctx->alpn_length) != 0)
		return -ENOMEM;
	return set_verify(made, ctx);
}

/* Tickets that the old one gave out are good for the new one. */
static void take_ticket_keys(SSL_CTX *made, SSL_CTX *old)
{
	unsigned char keys[256];
	long n = SSL_CTX_get_tlsext_ticket_keys(old, NULL, 0);

	if (n > 0 && n <= (long)sizeof keys &&
	    SSL_CTX_get_tlsext_ticket_keys(old, keys, n) == 1)
		SSL_CTX_set_tlsext_ticket_keys(made, keys, n);
	OPENSSL_cleanse(keys, sizeof keys);
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* Whoever calls exit() need not wait until no routine is inside OpenSSL. */
static void library_init(void)
{
	OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
}

struct making {
	weft_tls_ctx *ctx;
	SSL_CTX *made;
	int err;
};

static void *make(void *arg)
{
	struct making *m = arg;
	weft_tls_ctx *ctx = m->ctx;

	pthread_once(&library_once, library_init);
	ERR_clear_error();
	m->made = SSL_CTX_new(ctx->server ? TLS_server_method() :
					    TLS_client_method());
	if (!m->made) {
		m->err = because(-ENOMEM);
		return NULL;
	}
	m->err = set_up(m->made, ctx);
	if (!m->err)
		m->err = load_own(m->made, &ctx->config);
	if (!m->err)
		m->err = load_trusted(m->made, &ctx->config, ctx->server);
	ERR_clear_error();
	if (m->err) {
		SSL_CTX_free(m->made);
		m->made = NULL;
	}
	return NULL;
}

static void making_drop(void *arg)
{
	struct making *m = arg;

	SSL_CTX_free(m->made);
}

int weft_tls_ctx_reload(weft_tls_ctx *ctx)
{
	struct making m = { .ctx = ctx };
	SSL_CTX *old;
	weft_held h;
	int err;

	if (!ctx)
		return -EINVAL;
	weft_hold_begin(&h, making_drop, &m);
	err = weft_blocking(make, &m, NULL);
	if (!err)
		err = m.err;
	if (!err)
		weft_mutex_lock(&ctx->lock);
	weft_hold_end(&h);
	if (err)
		return err;
	old = ctx->made;
	if (old && ctx->server)
		take_ticket_keys(m.made, old);
	ctx->made = m.made;
	weft_mutex_unlock(&ctx->lock);
	SSL_CTX_free(old);
	return 0;
}

/* --- life -------------------------------------------------------------------------- */

static int ctx_new(weft_tls_ctx **out, const weft_tls_config *config,
		   bool server)
{
	weft_tls_config none = { 0 };
	weft_tls_ctx *ctx;
	weft_held h;
	int err;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!config)
		config = &none;
	err = config_check(config, server);
	if (err)
		return err;
	ctx = calloc(1, sizeof *ctx);
	if (!ctx)
		return -ENOMEM;
	atomic_init(&ctx->refs, 1);
	ctx->server = server;
	weft_hold_begin(&h, ctx_free, ctx);
	err = config_copy(ctx, config);
	if (!err)
		err = weft_tls_ctx_reload(ctx);
	weft_hold_end(&h);
	if (err) {
		ctx_free(ctx);
		return err;
	}
	*out = ctx;
	return 0;
}

int weft_tls_ctx_client(weft_tls_ctx **ctx, const weft_tls_config *config)
{
	return ctx_new(ctx, config, false);
}

int weft_tls_ctx_server(weft_tls_ctx **ctx, const weft_tls_config *config)
{
	return ctx_new(ctx, config, true);
}

weft_tls_ctx *weft_tls_ctx_ref(weft_tls_ctx *ctx)
{
	if (ctx)
		atomic_fetch_add(&ctx->refs, 1);
	return ctx;
}

void weft_tls_ctx_unref(weft_tls_ctx *ctx)
{
	if (ctx && atomic_fetch_sub(&ctx->refs, 1) == 1)
		ctx_free(ctx);
}

void *weft_tls_ctx_openssl(weft_tls_ctx *ctx)
{
	return ctx->made;
}

/* --- for connections ------------------------------------------------------------------ */

SSL *weft__tls_ssl_new(weft_tls_ctx *ctx)
{
	SSL *ssl;

	weft_mutex_lock(&ctx->lock);
	ssl = SSL_new(ctx->made);
	weft_mutex_unlock(&ctx->lock);
	return ssl;
}

unsigned weft__tls_ctx_flags(const weft_tls_ctx *ctx)
{
	return ctx->config.flags;
}

bool weft__tls_ctx_is_server(const weft_tls_ctx *ctx)
{
	return ctx->server;
}
