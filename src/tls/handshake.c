/* tls/handshake.c - the beginning and the end of a connection, and what the
 * handshake found out. */
#include "tls/connection.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_MAX = 253 };

/* --- the beginning -------------------------------------------------------------- */

/* Whom the certificate must be for, and the name that the server is told. */
static int expect_host(weft_tls *t, const char *host)
{
	unsigned flags = weft__tls_ctx_flags(t->ctx);
	bool any = flags & (WEFT_TLS_INSECURE_NO_VERIFY |
			    WEFT_TLS_INSECURE_ANY_HOST);
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	size_t n = host ? strlen(host) : 0;
	char name[HOST_MAX + 1];

	if (!host)
		return any ? 0 : -EINVAL;
	if (n > 1 && host[n - 1] == '.')
		n--;                    /* the root is not in certificates */
	if (!n || n > HOST_MAX)
		return -EINVAL;
	memcpy(name, host, n);
	name[n] = '\0';
	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
		if (any)
			X509_VERIFY_PARAM_set1_ip(param, NULL, 0);
		return 0;
	}
	ERR_clear_error();
	if (SSL_set_tlsext_host_name(t->ssl, name) != 1)
		return -ENOMEM;
	if (any)
		return 0;
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, n) == 1 ? 0 : -ENOMEM;
}

/* The place is in the frame of the call: what is the caller's may be gone before. */
static void connection_drop(void *place)
{
	weft_tls **tls = place;

	weft_tls_free(*tls);
	*tls = NULL;
}

/* Into *tls. */
static int connection_new(weft_tls **tls, weft_tls_ctx *ctx, int fd,
			  bool server)
{
	weft_tls *t = calloc(1, sizeof *t);

	*tls = t;
	if (!t)
		return -ENOMEM;
	t->fd = fd;
	t->server = server;
	t->small = true;
	t->got = -1;
	t->ctx = weft_tls_ctx_ref(ctx);
	t->ssl = weft__tls_ssl_new(ctx);
	if (!t->ssl || weft__tls_wire(t) != 0) {
		ERR_clear_error();
		connection_drop(tls);
		return -ENOMEM;
	}
	if (server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	return 0;
}

static int note_alpn(weft_tls *t)
{
	const unsigned char *name = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(t->ssl, &name, &n);
	if (!n)
		return 0;
	t->alpn = calloc(1, n + 1);
	if (!t->alpn)
		return -ENOMEM;
	memcpy(t->alpn, name, n);
	return 0;
}

/* Nobody else knows t yet: the turns are ours. */
static int shake_hands(weft_tls *t, weft_time deadline)
{
	for (;;) {
		int outcome, err;

		weft_mutex_lock(&t->lock);
		ERR_clear_error();
		outcome = SSL_do_handshake(t->ssl);
		outcome = weft__tls_outcome_locked(t, outcome);
		if (outcome == OUTCOME_DONE && note_alpn(t) != 0)
			outcome = t->failed = -ENOMEM;
		weft_mutex_unlock(&t->lock);
		if (outcome < 0) {
			weft__tls_push(t);      /* the alert */
			return outcome;
		}
		err = weft__tls_flush(t, deadline);
		if (err || outcome == OUTCOME_DONE)
			return err;
		if (outcome == OUTCOME_CLOSED)
			return WEFT_ETLS_TRUNCATED;
		err = weft__tls_fill(t, deadline);
		if (err)
			return err;
	}
}

/* After an error the connection is of no use but for its text. */
static int begin(weft_tls *t, weft_time deadline)
{
	int err = shake_hands(t, deadline);

	if (err && !t->failed)
		t->failed = err;
	return err;
}

int weft_tls_client(weft_tls **tls, weft_tls_ctx *ctx, int fd,
		    const char *host, weft_time deadline)
{
	weft_tls *t = NULL;
	weft_held h;
	int err;

	if (!tls)
		return -EINVAL;
	*tls = NULL;
	if (!ctx || weft__tls_ctx_is_server(ctx))
		return -EINVAL;
	weft_hold_begin(&h, connection_drop, &t);                   /* N6 */
	err = connection_new(&t, ctx, fd, false);
	if (!err) {
		err = expect_host(t, host);
		if (err)
			connection_drop(&t);
		else
			err = begin(t, deadline);
	}
	weft_hold_end(&h);
	*tls = t;
	return err;
}

int weft_tls_server(weft_tls **tls, weft_tls_ctx *ctx, int fd,
		    weft_time deadline)
{
	weft_tls *t = NULL;
	weft_held h;
	int err;

	if (!tls)
		return -EINVAL;
	*tls = NULL;
	if (!ctx || !weft__tls_ctx_is_server(ctx))
		return -EINVAL;
	weft_hold_begin(&h, connection_drop, &t);                   /* N6 */
	err = connection_new(&t, ctx, fd, true);
	if (!err)
		err = begin(t, deadline);
	weft_hold_end(&h);
	*tls = t;
	return err;
}

void weft_tls_free(weft_tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	ERR_clear_error();
	weft_tls_ctx_unref(t->ctx);
	weft__tls_buffer_free(&t->in);
	weft__tls_buffer_free(&t->out);
	weft__tls_buffer_free(&t->sending);
	free(t->alpn);
	free(t);
}

/* --- what it found out ----------------------------------------------------------- */

const char *weft_tls_error(const weft_tls *t)
{
	return t->error;
}

int weft_tls_fd(const weft_tls *t)
{
	return t->fd;
}

const char *weft_tls_alpn(const weft_tls *t)
{
	return t->alpn ? t->alpn : "";
}

const char *weft_tls_version(const weft_tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *weft_tls_cipher(const weft_tls *t)
{
	return SSL_get_cipher_name(t->ssl);
}

int weft_tls_resumed(const weft_tls *t)
{
	return SSL_session_reused(t->ssl);
}

const char *weft_tls_server_name(const weft_tls *t)
{
	const char *name = t->server ?
		SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) : NULL;

	return name ? name : "";
}

static ssize_t print_subject(X509 *cert, char *buf, size_t size)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *data;
	long n;

	if (!text)
		return -ENOMEM;
	if (X509_NAME_print_ex(text, X509_get_subject_name(cert), 0,
			       XN_FLAG_RFC2253) < 0) {
		BIO_free(text);
		return -ENOMEM;
	}
	n = BIO_get_mem_data(text, &data);
	if (size) {
		size_t k = (size_t)n < size ? (size_t)n : size - 1;

		memcpy(buf, data, k);
		buf[k] = '\0';
	}
	BIO_free(text);
	return n;
}

ssize_t weft_tls_peer(weft_tls *t, char *buf, size_t size)
{
	ssize_t n = -ENOENT;
	X509 *cert;

	weft_mutex_lock(&t->lock);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	cert = SSL_get1_peer_certificate(t->ssl);
#else
	cert = SSL_get_peer_certificate(t->ssl);
#endif
	if (cert) {
		n = print_subject(cert, buf, size);
		X509_free(cert);
	}
	ERR_clear_error();
	weft_mutex_unlock(&t->lock);
	return n;
}
