/* stream_tls.c - see stream.h */
#include "stream.h"

#include <sys/socket.h>
#include <weft/tls.h>

static weft_tls_ctx *ctx;       /* NULL: no TLS */

int stream_secure(const char *cert, const char *key)
{
	weft_tls_config config = {
		.cert_file = cert, .key_file = key, .alpn = "http/1.1",
	};

	return weft_tls_ctx_server(&ctx, &config);
}

void stream_unsecure(void)
{
	weft_tls_ctx_unref(ctx);
	ctx = NULL;
}

int stream_begin(struct stream *s, int fd, weft_time deadline)
{
	weft_tls *tls = NULL;
	int err = ctx ? weft_tls_server(&tls, ctx, fd, deadline) : 0;

	*s = (struct stream){ .fd = fd, .tls = tls };
	return err;
}

ssize_t stream_read(struct stream *s, void *buf, size_t n, weft_time deadline)
{
	return s->tls ? weft_tls_read(s->tls, buf, n, deadline) :
			weft_read(s->fd, buf, n, deadline);
}

ssize_t stream_write(struct stream *s, const void *buf, size_t n, bool more,
		     weft_time deadline)
{
	return s->tls ? weft_tls_write(s->tls, buf, n, deadline) :
			weft_sendto(s->fd, buf, n, more ? MSG_MORE : 0, NULL, 0,
				    deadline);
}

void stream_finish(struct stream *s, weft_time deadline)
{
	if (s->tls)
		weft_tls_shutdown(s->tls, deadline);
	weft_shutdown(s->fd, SHUT_WR);
}

void stream_end(struct stream *s)
{
	weft_tls_free(s->tls);
}
