/* stream.h - what a connection is read from and written to: the socket, or TLS
 * on it.  stream_plain.c is for a build without libweft-tls, stream_tls.c for
 * one with it.
 */
#ifndef EXAMPLES_STREAM_H
#define EXAMPLES_STREAM_H

#include <stdbool.h>
#include <weft.h>

struct stream {
	int fd;
	void *tls;                      /* NULL: the socket itself */
};

/* From now on speak TLS with this certificate and key (PEM).  In a routine. */
int stream_secure(const char *cert, const char *key);
void stream_unsecure(void);

/* Begin on a connected socket: with TLS, shake hands. */
int stream_begin(struct stream *s, int fd, weft_time deadline);
/* As weft_read and weft_write; more: another write follows at once. */
ssize_t stream_read(struct stream *s, void *buf, size_t n, weft_time deadline);
ssize_t stream_write(struct stream *s, const void *buf, size_t n, bool more,
		     weft_time deadline);
/* Nothing more will be written. */
void stream_finish(struct stream *s, weft_time deadline);
/* Give back all but the socket. */
void stream_end(struct stream *s);

#endif
