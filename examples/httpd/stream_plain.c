/* stream_plain.c - see stream.h */
#include "stream.h"

#include <errno.h>
#include <sys/socket.h>

int stream_secure(const char *cert, const char *key)
{
	(void)cert;
	(void)key;
	return -ENOSYS;
}

void stream_unsecure(void)
{
}

int stream_begin(struct stream *s, int fd, weft_time deadline)
{
	(void)deadline;
	*s = (struct stream){ .fd = fd };
	return 0;
}

ssize_t stream_read(struct stream *s, void *buf, size_t n, weft_time deadline)
{
	return weft_read(s->fd, buf, n, deadline);
}

ssize_t stream_write(struct stream *s, const void *buf, size_t n, bool more,
		     weft_time deadline)
{
	return weft_sendto(s->fd, buf, n, more ? MSG_MORE : 0, NULL, 0,
			   deadline);
}

void stream_finish(struct stream *s, weft_time deadline)
{
	(void)deadline;
	weft_shutdown(s->fd, SHUT_WR);
}

void stream_end(struct stream *s)
{
	(void)s;
}
