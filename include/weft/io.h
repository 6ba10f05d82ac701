/* SPDX-License-Identifier: MIT */
/* weft/io.h - reading and writing descriptors; the routine waits, no thread.
 *
 * Descriptors are plain ints, as everywhere.  Rules for all calls here:
 *
 *   Handed    any descriptor will do: sockets, pipes, terminals, regular files,
 *             eventfd and its like.  Its flags are never changed, and O_NONBLOCK
 *             makes no difference.  Those made here are close-on-exec.
 *   Closing   close with weft_close a descriptor that routines use: it ends
 *             their waits with -EBADF, and none of them ever gets a byte of the
 *             next file with that number.
 *   Deadline  WEFT_FOREVER, WEFT_NOWAIT (-EAGAIN instead of waiting), or an
 *             absolute time; what is ready is done even when it is past.
 *             Regular files count as ready always: no deadline cuts them short.
 *   Cancel    all that take a deadline are cancel points (not with
 *             WEFT_NOWAIT): -ECANCELED before any effect.
 *   Partly    a call that moved some bytes says how many; an error that came
 *             after them is told by the next call.
 *   Signals   none cuts a wait short, and there is never a SIGPIPE: writing to
 *             who has gone is -EPIPE.
 *
 * Several routines may use one descriptor at a time; each byte goes to one of
 * them, and who waits longest reads first.  Unless a comment says otherwise a
 * call may park, works on plain threads, and is thread-safe.  Errors of all
 * that wait: -EAGAIN, -ETIMEDOUT, -ECANCELED, -EBADF (not open, closed
 * meanwhile, or not open for this), -ENOMEM; and what read(2), send(2) and
 * their like say, negative.
 */
#ifndef WEFT_IO_H
#define WEFT_IO_H

#include <weft/base.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Read up to n bytes: what is there, at least one; 0 at the end of the stream.
 * n = 0 gives 0 at once.  From a regular file: at its position, on the blocking
 * pool unless the bytes are in memory; fewer than n only at its end.
 */
WEFT_API ssize_t weft_read(int fd, void *buf, size_t n, weft_time deadline);

/**
 * Write up to n bytes: as many as there is room for, at least one, so the
 * answer may be less than n; weft_write_all goes on.  n = 0 gives 0 at once
 * (a datagram socket sends an empty datagram).  -EPIPE: nobody reads any more.
 */
WEFT_API ssize_t weft_write(int fd, const void *buf, size_t n,
			    weft_time deadline);

/**
 * weft_read into n buffers, filled one after the other.  -EINVAL: n is negative
 * or above IOV_MAX, or the sizes add up to more than SSIZE_MAX.
 */
WEFT_API ssize_t weft_readv(int fd, const struct iovec *v, int n,
			    weft_time deadline);

/** weft_write from n buffers.  Errors also: -EINVAL, as weft_readv. */
WEFT_API ssize_t weft_writev(int fd, const struct iovec *v, int n,
			     weft_time deadline);

/**
 * Receive a message, with address and control data, as recvmsg(2).  In flags
 * MSG_DONTWAIT means WEFT_NOWAIT, and MSG_WAITALL is not heeded.  Descriptors
 * that come are the caller's.  Errors also: -ENOTSOCK.
 */
WEFT_API ssize_t weft_recvmsg(int fd, struct msghdr *m, int flags,
			      weft_time deadline);

/**
 * Send a message, with address and control data, as sendmsg(2); MSG_NOSIGNAL is
 * implied.  -ENOTSOCK, -EMSGSIZE, -EDESTADDRREQ ... as there.  A stream may
 * take less than all of it.
 */
WEFT_API ssize_t weft_sendmsg(int fd, const struct msghdr *m, int flags,
			      weft_time deadline);

/**
 * Receive up to n bytes and, when a and l are not NULL, the sender's address:
 * *l is the room at a, then the size of the address.  On a stream MSG_WAITALL
 * waits for all n; who gets an error first is told what came until then.
 * n = 0 gives 0 at once unless MSG_PEEK, MSG_TRUNC or MSG_ERRQUEUE is set.
 */
WEFT_API ssize_t weft_recvfrom(int fd, void *buf, size_t n, int flags,
			       struct sockaddr *a, socklen_t *l,
			       weft_time deadline);

/** Send up to n bytes, to the address a of size l unless a is NULL. */
WEFT_API ssize_t weft_sendto(int fd, const void *buf, size_t n, int flags,
			     const struct sockaddr *a, socklen_t l,
			     weft_time deadline);

/**
 * Read exactly n bytes.  0 only when all came; WEFT_EOF when the stream ended
 * before, also when it did so at once; or an error.  *done (NULL: not wanted)
 * is how many came, in every case: those are in buf.
 */
WEFT_API WEFT_NODISCARD int weft_read_full(int fd, void *buf, size_t n,
					   size_t *done, weft_time deadline);

/**
 * Write all n bytes.  0 only when all went, or an error.  *done (NULL: not
 * wanted) is how many went, in every case.
 */
WEFT_API WEFT_NODISCARD int weft_write_all(int fd, const void *buf, size_t n,
					   size_t *done, weft_time deadline);

/**
 * Wait until one of events (POLLIN, POLLPRI, POLLOUT, POLLRDHUP) is there, or an
 * error or hangup; nothing is read or written.  The ready events, more than 0,
 * POLLERR and POLLHUP among them as poll(2) says.  Regular files are ready.
 */
WEFT_API int weft_poll(int fd, short events, weft_time deadline);

/**
 * Close fd.  Whoever waits for it, in any runtime or thread, gets -EBADF; the
 * number is free only when nobody is inside a call any more.  May park for
 * that; not a cancel point.  Whatever the answer, the number is no longer the
 * caller's.  Errors: -EBADF, -EIO and its like.
 */
WEFT_API int weft_close(int fd);

/**
 * Half-close a socket: how is SHUT_RD, SHUT_WR or SHUT_RDWR.  The other side
 * reads what was written and then the end.  Never parks.  Errors: -ENOTSOCK,
 * -ENOTCONN, -EINVAL.
 */
WEFT_API int weft_shutdown(int fd, int how);

/**
 * Set when reads (events has POLLIN) and writes (POLLOUT) of fd end with
 * -ETIMEDOUT: those that wait at this moment and those that come, besides the
 * deadline each call has of its own.  WEFT_FOREVER takes it away; a time that is
 * past ends the waits at once.  Forgotten when fd is closed.  Never parks; not a
 * cancel point.  Errors: -EBADF, -EINVAL (other events or none), -ENOMEM.
 */
WEFT_API int weft_fd_deadline(int fd, short events, weft_time deadline);

/**
 * Make a pipe: fds[0] reads what fds[1] writes.  Close both with weft_close.
 * Never parks.  Errors: -EMFILE, -ENFILE, -ENOMEM.
 */
WEFT_API WEFT_NODISCARD int weft_pipe(int fds[2]);

/**
 * Make a pair of connected sockets, as socketpair(2): domain AF_UNIX, type
 * SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.  Close both with weft_close.  Never
 * parks.  Errors: -EMFILE, -ENFILE, -ENOMEM, -EOPNOTSUPP, -EPROTONOSUPPORT ...
 */
WEFT_API WEFT_NODISCARD int weft_socketpair(int domain, int type, int protocol,
					    int fds[2]);

/**
 * Send n bytes of the file `in` to `out`, where that can be without copying:
 * from *off, which grows by what went, and the file's position stays; or, when
 * off is NULL, from its position, which moves.  How many bytes went: fewer than
 * n at the end of the file, or when an error came after some; that is told by
 * the next call.  Errors also: -EINVAL (`in` is no file), -ESPIPE (the same, with
 * off).
 */
WEFT_API ssize_t weft_sendfile(int out, int in, off_t *off, size_t n,
			       weft_time deadline);

/**
 * Copy from `in` to `out` until the end of `in`, whatever they are.  How many
 * bytes that were; or an error, after which some may have gone.  Neither is
 * closed.
 */
WEFT_API ssize_t weft_copy(int out, int in);

#ifdef __cplusplus
}
#endif

#endif
