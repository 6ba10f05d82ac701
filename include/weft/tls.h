/* SPDX-License-Identifier: MIT */
/* weft/tls.h - TLS over a descriptor, with OpenSSL.
 *
 * A library of its own: pkg-config name weft-tls, library libweft-tls.  Not
 * included by weft.h; installed where OpenSSL was found when weft was built.
 *
 * A context holds what many connections share: certificates, whom to trust,
 * protocols.  A connection puts TLS on a connected descriptor, which stays the
 * caller's: it is closed by who opened it, after weft_tls_free.
 *
 *     weft_tls_ctx_client(&ctx, NULL);
 *     fd = weft_tcp_connect(host, 443, deadline);
 *     err = weft_tls_client(&tls, ctx, fd, host, deadline);
 *     if (err == 0)
 *             err = weft_tls_write_all(tls, text, n, NULL, deadline);
 *     ...
 *     weft_tls_close(tls, deadline);
 *     weft_tls_free(tls);
 *     weft_close(fd);
 *
 * A client checks the server's certificate and that it is the host's, unless a
 * flag whose name says so switches that off.  TLS 1.2 is the oldest version;
 * renegotiation and compression are off.
 *
 * One routine may read while another writes the same connection.  Several that
 * read take turns, call by call, and so do several that write.  Whoever frees a
 * connection is the last to use it.
 *
 * Stack: the calls go deep into OpenSSL; the default class (64 KB) is enough
 * for all of them, a routine with less than 32 KB is not.
 */
#ifndef WEFT_TLS_H
#define WEFT_TLS_H

#include <weft/base.h>
#include <weft/bufio.h>

typedef struct weft_tls_ctx weft_tls_ctx;
typedef struct weft_tls weft_tls;

/* Flags of a context. */
/* Client: any certificate will do, and any host.  The traffic can be read and
 * changed by whoever sits between. */
#define WEFT_TLS_INSECURE_NO_VERIFY     1u
/* Client: a trusted certificate of any host will do. */
#define WEFT_TLS_INSECURE_ANY_HOST      2u
/* Server: ask the client for a certificate; one that is sent is checked. */
#define WEFT_TLS_ASK_CERT               4u
/* Server: the same, and none is refused. */
#define WEFT_TLS_REQUIRE_CERT           8u
/* Server: no session tickets, so no session is resumed. */
#define WEFT_TLS_NO_TICKETS             16u

/* For min_version. */
#define WEFT_TLS_1_2 0x0303
#define WEFT_TLS_1_3 0x0304

/**
 * What a context is made of.  All zero is valid for a client; a server needs
 * cert_file and key_file.  Strings are copied; files are PEM.
 */
typedef struct weft_tls_config {
	unsigned flags;         /* WEFT_TLS_... above                       */
	int min_version;        /* 0 = WEFT_TLS_1_2                         */
	/* Whom to trust: a file of certificates, a directory of them named by
	 * hash (openssl-rehash(1)), read when the context is made or reloaded.
	 * Both NULL: a client trusts whom the system trusts, a server nobody. */
	const char *ca_file, *ca_dir;
	/* Own certificate, then those between it and the root; its key, NULL:
	 * it is in cert_file.  For a client: when the server asks. */
	const char *cert_file, *key_file;
	/* Application protocols, best first: "h2,http/1.1"; NULL: none.  The
	 * server's order decides; it refuses a client that offers others only. */
	const char *alpn;
} weft_tls_config;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make a context for clients; config NULL means all zero.  The caller owns one
 * reference.  Reads the files on the blocking pool.  Parks; a cancel point.
 *
 * 0, *ctx set.  Errors, *ctx NULL: -EINVAL (NULL, a flag or version that does
 * not exist, a list of protocols that is none), -ENOENT, -EACCES and others of a
 * file, WEFT_ETLS_CERT (no certificate or key in it, or they are no pair),
 * WEFT_ETLS_CA, -ENOMEM, -EAGAIN, -ECANCELED.
 */
WEFT_API WEFT_NODISCARD int weft_tls_ctx_client(weft_tls_ctx **ctx,
						const weft_tls_config *config);

/**
 * The same for servers.  -EINVAL also when there is no cert_file, or a
 * certificate is required and nobody trusted.
 */
WEFT_API WEFT_NODISCARD int weft_tls_ctx_server(weft_tls_ctx **ctx,
						const weft_tls_config *config);

/**
 * Read the files of ctx again.  Connections that begin later use what was read;
 * those that have begun keep what they have.  After an error nothing has
 * changed.  Tickets given out before stay good.  Parks; a cancel point; any
 * thread.  Errors as weft_tls_ctx_client.
 */
WEFT_API WEFT_NODISCARD int weft_tls_ctx_reload(weft_tls_ctx *ctx);

/** One more reference; returns ctx.  NULL is fine.  Never parks; any thread. */
WEFT_API weft_tls_ctx *weft_tls_ctx_ref(weft_tls_ctx *ctx);

/** One less; the last one frees it.  A connection holds one, too.  NULL is
 * fine.  Never parks; any thread. */
WEFT_API void weft_tls_ctx_unref(weft_tls_ctx *ctx);

/**
 * Shake hands as the client over the connected descriptor fd.  host is the name
 * or the numeric address that the certificate must be for; a name is also sent
 * to the server.  It may be NULL with WEFT_TLS_INSECURE_ANY_HOST or
 * WEFT_TLS_INSECURE_NO_VERIFY only.
 *
 * Parks; a cancel point.  0, or an error: -EINVAL, -ENOMEM, -ETIMEDOUT, -EAGAIN
 * with WEFT_NOWAIT, -ECANCELED, -EBADF, what weft_read and weft_write give,
 * WEFT_ETLS_UNTRUSTED, WEFT_ETLS_HOST, WEFT_ETLS_EXPIRED, WEFT_ETLS_ALPN,
 * WEFT_ETLS_ALERT, WEFT_ETLS_TRUNCATED, WEFT_ETLS.  A handshake that has failed
 * cannot be taken up again.
 *
 * *tls is set, and to be freed, after an error, too, so that weft_tls_error can
 * tell more; but NULL after -EINVAL and -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_tls_client(weft_tls **tls, weft_tls_ctx *ctx,
					    int fd, const char *host,
					    weft_time deadline);

/**
 * The same as the server.  Give it a deadline: a client may say nothing.
 */
WEFT_API WEFT_NODISCARD int weft_tls_server(weft_tls **tls, weft_tls_ctx *ctx,
					    int fd, weft_time deadline);

/**
 * Read 1 to n bytes.  0: the other side has closed properly, or n is 0.
 * Parks; a cancel point.  Errors: -ETIMEDOUT, -EAGAIN with WEFT_NOWAIT,
 * -ECANCELED: nothing is lost, read again; WEFT_ETLS_TRUNCATED: the stream
 * ended, but the other side did not say so, and an attacker may have cut it;
 * what weft_read gives; WEFT_ETLS, WEFT_ETLS_ALERT.  A client whose certificate
 * was refused may learn it here first.
 */
WEFT_API ssize_t weft_tls_read(weft_tls *tls, void *buf, size_t n,
			       weft_time deadline);

/**
 * Read all n bytes.  0 only when all came; WEFT_EOF when the other side closed
 * before; *done (may be NULL) is always how many came.  Else as weft_tls_read.
 */
WEFT_API WEFT_NODISCARD int weft_tls_read_full(weft_tls *tls, void *buf,
					       size_t n, size_t *done,
					       weft_time deadline);

/**
 * Write 1 to n bytes: so many were taken, and are not to be given again.  When
 * the deadline or a cancel falls into the sending of what was taken, the rest
 * is sent at the beginning of the next write, flush, shutdown or close.  Parks;
 * a cancel point.  0 if n is 0.  Errors: nothing was taken: -ETIMEDOUT, -EAGAIN
 * with WEFT_NOWAIT, -ECANCELED, -ENOMEM; it is over: -EPIPE (also after
 * weft_tls_shutdown, and when a routine was discarded at the end of its run while
 * it was sending: nobody knows how much), what weft_write gives, WEFT_ETLS.
 */
WEFT_API ssize_t weft_tls_write(weft_tls *tls, const void *buf, size_t n,
				weft_time deadline);

/**
 * Write all n bytes, in one piece among those of several writers.  0 only when
 * all were sent; *done (may be NULL) is always how many were taken.  When that
 * is n and the result -ETIMEDOUT, weft_tls_flush goes on.  Else as
 * weft_tls_write.
 */
WEFT_API WEFT_NODISCARD int weft_tls_write_all(weft_tls *tls, const void *buf,
					       size_t n, size_t *done,
					       weft_time deadline);

/**
 * Send what earlier calls have left.  Parks; a cancel point.  0, or an error as
 * weft_tls_write.
 */
WEFT_API WEFT_NODISCARD int weft_tls_flush(weft_tls *tls, weft_time deadline);

/**
 * Tell the other side that nothing more will be written; reading goes on.  Once
 * is enough; the second is 0.  Parks; a cancel point.  0, or an error as
 * weft_tls_flush.
 */
WEFT_API int weft_tls_shutdown(weft_tls *tls, weft_time deadline);

/**
 * Close properly: weft_tls_shutdown, then read and drop what comes until the
 * other side says the same.  The descriptor stays open.  Parks; a cancel point:
 * when cancelled, shield it (weft/scope.h).  0, or an error as weft_tls_read;
 * in any case all that is left to do is weft_tls_free and weft_close.
 */
WEFT_API int weft_tls_close(weft_tls *tls, weft_time deadline);

/**
 * Free the connection, closed or not; sends nothing.  The descriptor stays the
 * caller's.  NULL is fine.  Nobody else may be using it: wake them with
 * weft_close on the descriptor and join them.  Never parks.
 */
WEFT_API void weft_tls_free(weft_tls *tls);

/**
 * Buffer tls, with buffers of size bytes (weft/bufio.h): b reads and writes it
 * and owns nothing of it.  Never parks or fails.
 */
WEFT_API void weft_tls_bufio(weft_bufio *b, weft_tls *tls, size_t size);

/**
 * More about the last error than its code: a sentence for people, "" when there
 * was none.  Valid until the next call on this connection.  Never parks; not
 * while others use the connection.
 */
WEFT_API const char *weft_tls_error(const weft_tls *tls);

/** The descriptor.  Never parks. */
WEFT_API int weft_tls_fd(const weft_tls *tls);

/** The application protocol agreed upon, "" for none.  Valid until the
 * connection is freed.  Never parks. */
WEFT_API const char *weft_tls_alpn(const weft_tls *tls);

/** "TLSv1.3".  A static string.  Never parks. */
WEFT_API const char *weft_tls_version(const weft_tls *tls);

/** The cipher suite's name.  A static string.  Never parks. */
WEFT_API const char *weft_tls_cipher(const weft_tls *tls);

/** Nonzero: an earlier session was resumed.  Never parks. */
WEFT_API int weft_tls_resumed(const weft_tls *tls);

/**
 * The subject of the other side's certificate ("CN=example.com,O=..."), cut to
 * fit size bytes with its NUL.  Returns its length, which may be more.  Checked
 * or not is the context's business.  Never parks.  Errors: -ENOENT (it sent
 * none), -ENOMEM.
 */
WEFT_API ssize_t weft_tls_peer(weft_tls *tls, char *buf, size_t size);

/** The server name the client asked for; "" for none, and on a client.  Valid
 * until the connection is freed.  Never parks. */
WEFT_API const char *weft_tls_server_name(const weft_tls *tls);

/**
 * The OpenSSL object below, an SSL_CTX: for settings that have no name here, to
 * be made before the first connection; a reload makes a new one.  Never parks.
 */
WEFT_API void *weft_tls_ctx_openssl(weft_tls_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
