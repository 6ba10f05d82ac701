/* SPDX-License-Identifier: MIT */
/* weft/net.h - connections: accept, connect, listen, names.
 *
 * Descriptors are plain ints.  Those that are made here do not block, are
 * closed on exec, and are closed by weft_close (weft/io.h), which wakes whoever
 * waits for them.  Every call also takes a descriptor that was opened elsewhere,
 * whose flags are not changed.
 *
 * TCP connections that are made or accepted here have TCP_NODELAY set: what is
 * written is sent at once, so write whole messages.  Clear it with setsockopt
 * where that is not wanted.
 */
#ifndef WEFT_NET_H
#define WEFT_NET_H

#include <netdb.h>
#include <sys/socket.h>

#include <weft/base.h>

/* A buffer of this size takes every text of weft_addr_text. */
#define WEFT_ADDR_TEXT 128

struct addrinfo;                        /* hidden by -std=c11 */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Take the next connection of the listening socket fd: a new descriptor.  a and
 * l, which may both be NULL, are as in accept(2): *l is the room at a, and then
 * the length of the peer's address; both are untouched on failure.
 *
 * Any number of callers may wait for one socket; those who wait are served in
 * the order in which they came.  A connection that broke while it was in the
 * queue (ECONNABORTED and the other errors that accept(2) says to try again for)
 * is passed over.  Parks; a cancel point; any thread.
 *
 * Errors: -ETIMEDOUT, -EAGAIN with WEFT_NOWAIT, -ECANCELED, -EBADF (also: it was
 * closed meanwhile), -EINVAL (not listening; a without l), -ENOTSOCK, -ENOMEM.
 * -EMFILE, -ENFILE, -ENOBUFS and -ENOMEM leave the connection in the queue, and
 * the next call fails at once as long as nothing was closed: who keeps serving
 * waits a little, see weft_accept_pause.
 *
 * A socket that was opened elsewhere without O_NONBLOCK is asked first, one
 * caller at a time.  When another process that shares it takes the connection
 * in that moment, this call holds its worker until the next one comes; the
 * runtime then lends a spare worker.
 */
WEFT_API WEFT_NODISCARD int weft_accept(int fd, struct sockaddr *a,
					socklen_t *l, weft_time deadline);

/**
 * What a server that goes on does about a failed weft_accept.  When err says
 * that descriptors or memory ran out (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM),
 * sleep for a while and give 0: try again.  Else give err back at once.  *pause
 * is 0 before the first failure in a row; it is how long this call slept, 5 ms at
 * first and each time twice as long, up to a second.
 *
 *     weft_time pause = 0;
 *
 *     for (;;) {
 *             int fd = weft_accept(l, NULL, NULL, WEFT_FOREVER);
 *
 *             if (fd >= 0) {
 *                     pause = 0;
 *                     serve(fd);
 *             } else if (weft_accept_pause(fd, &pause) < 0) {
 *                     break;
 *             }
 *     }
 *
 * Parks; a cancel point: -ECANCELED.
 */
WEFT_API WEFT_NODISCARD int weft_accept_pause(int err, weft_time *pause);

/**
 * Connect the socket fd to the address a of length l.  0, or the error of
 * connect(2), such as -ECONNREFUSED, -EISCONN (it is connected already) or
 * -EALREADY (somebody else's connect is under way).  A Unix listener whose queue
 * is full is tried again, at growing intervals up to 32 ms, until the deadline.
 *
 * After -ETIMEDOUT, -EAGAIN (WEFT_NOWAIT) and -ECANCELED the connection may still
 * come about; there is nothing to do with the socket but close it, or wait for
 * POLLOUT with weft_poll.  Parks; a cancel point; any thread.
 *
 * A socket without O_NONBLOCK is connected by a thread of the blocking pool,
 * which holds it for a tick of the kernel's clock: SO_SNDTIMEO is set for that
 * long and put back.
 */
WEFT_API WEFT_NODISCARD int weft_connect(int fd, const struct sockaddr *a,
					 socklen_t l, weft_time deadline);

/**
 * A TCP socket that listens on a port of host: a name, or an IPv4 or IPv6
 * address; NULL is any address of this machine, of both families where the
 * system has both.  The first address of the host that can be had is taken.
 * port 0 lets the kernel choose (weft_sockport says which); backlog 0 or less
 * is SOMAXCONN.  SO_REUSEADDR is set.
 *
 * A name is looked up without limit of time: parks, and is a cancel point.
 * Gives a descriptor, or -EINVAL (port), -EADDRINUSE, -EACCES and others of
 * bind(2), -EMFILE, or an error of weft_getaddrinfo.
 */
WEFT_API WEFT_NODISCARD int weft_tcp_listen(const char *host, int port,
					    int backlog);

/**
 * A TCP connection to a port of host; NULL is this machine.  The deadline is for
 * everything, looking up the name included.  The addresses of the host are tried
 * in their order, the families by turns; when one has not answered for 250 ms
 * the next is tried beside it, and the first connection wins (RFC 8305).
 *
 * Gives a descriptor, or -EINVAL (port), -ETIMEDOUT, -EAGAIN with WEFT_NOWAIT,
 * -ECANCELED, an error of weft_getaddrinfo, or that of the first address which
 * could be reached at all, such as -ECONNREFUSED.  Parks; a cancel point.
 */
WEFT_API WEFT_NODISCARD int weft_tcp_connect(const char *host, int port,
					     weft_time deadline);

/**
 * A Unix stream socket that listens at path; "@name" is a name in the abstract
 * namespace, without a file.  backlog as above.  An existing file is never
 * removed, be it a socket that nobody serves any more: -EADDRINUSE; a server
 * that knows that it is the only one unlinks the path first.  Nor does weft_close
 * remove it.
 *
 * Gives a descriptor, or -EINVAL (empty), -ENAMETOOLONG (107 bytes fit), and the
 * errors of bind(2).  Does not park.
 */
WEFT_API WEFT_NODISCARD int weft_unix_listen(const char *path, int backlog);

/**
 * A connection to the Unix stream socket at path, or "@name".  While the
 * listener's queue is full it waits (weft_connect).  Gives a descriptor, or
 * -ENOENT, -ECONNREFUSED (nobody serves it), and as weft_connect.  Parks; a
 * cancel point.
 */
WEFT_API WEFT_NODISCARD int weft_unix_connect(const char *path,
					      weft_time deadline);

/**
 * A UDP socket bound to a port of host; host and port as in weft_tcp_listen,
 * errors, too.  It sends and receives with weft_sendto and weft_recvfrom
 * (weft/io.h).  Bound to any address of both families, it shows IPv4 peers as
 * mapped ones (::ffff:192.0.2.1).
 */
WEFT_API WEFT_NODISCARD int weft_udp_bind(const char *host, int port);

/**
 * getaddrinfo(3), which no worker waits for: arguments and meaning are the same,
 * and the list in *res is freed with freeaddrinfo.  Addresses and numbers are
 * read here and now; names are looked up by a thread of the blocking pool, so
 * that everything the system is configured to ask is asked, or, in a build with
 * c-ares, by that.
 *
 * 0, or an error, *res untouched: WEFT_EAI_... (weft/base.h), -ENOMEM, -EINVAL
 * (res NULL), another negative errno for EAI_SYSTEM; -ETIMEDOUT, -EAGAIN with
 * WEFT_NOWAIT (a name had to be looked up; nothing was begun), -ECANCELED.  Who
 * gives up returns at once; the lookup goes on unseen, and its result is freed.
 * Parks; a cancel point; any thread.
 */
WEFT_API WEFT_NODISCARD int weft_getaddrinfo(const char *node,
					     const char *service,
					     const struct addrinfo *hints,
					     struct addrinfo **res,
					     weft_time deadline);

/**
 * An address as text: "192.0.2.1:80", "[2001:db8::1]:80", with a scope
 * "[fe80::1%2]:80", "/path", "@name" for an abstract name (a zero byte in it is
 * written as '@'), "" for an unnamed Unix socket, "family 17" for others.
 * Gives the length, or -EINVAL (l too short for its family), -ENOSPC (size
 * too small; WEFT_ADDR_TEXT never is).  Never parks.
 */
WEFT_API int weft_addr_text(const struct sockaddr *a, socklen_t l, char *buf,
			    size_t size);

/**
 * The address of fd, or of its peer, as text.  Gives the length, or what
 * getsockname(2) and getpeername(2) say (-EBADF, -ENOTSOCK, -ENOTCONN), -ENOSPC.
 * Never parks.
 */
WEFT_API int weft_sockname(int fd, char *buf, size_t size);
WEFT_API int weft_peername(int fd, char *buf, size_t size);

/**
 * The port that fd is bound to, 0 if to none.  -EBADF, -ENOTSOCK,
 * -EAFNOSUPPORT (it is no TCP or UDP socket).  Never parks.
 */
WEFT_API int weft_sockport(int fd);

#ifdef __cplusplus
}
#endif

#endif
