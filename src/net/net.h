/* net/net.h - what the files of net/ share.
 *
 *     name -> [ resolve ] -> addresses -> [ listen | dial, connect ] -> fd
 *                                         listener -> [ accept ]     -> fd
 *
 * Everything waits in io/desc.h, in weft_await or in weft_sleep; nothing here
 * has a lock or a queue of its own but the turns of accept.c.
 */
#ifndef WEFT_NET_NET_H
#define WEFT_NET_NET_H

#include "base/base.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <weft/net.h>

/* An address and its length, on a stack. */
struct net_addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_storage room;
		struct sockaddr_un un;
	};
};

/* "192.0.2.1" or "2001:db8::1" and a port; false: it is neither. */
bool weft__net_numeric(struct net_addr *a, const char *host, int port);
/* A path or "@name".  -EINVAL, -ENAMETOOLONG. */
int weft__net_unix(struct net_addr *a, const char *path);
/* Look up where a stream or datagram socket can be bound or connected to. */
int weft__net_lookup(const char *host, int port, int type, int flags,
		     struct addrinfo **res, weft_time deadline);

/* The error of several that tells the most: the first that is not about a
 * family this machine cannot use. */
static inline int net_worse(int before, int err)
{
	return before == 0 || before == -EAFNOSUPPORT ||
	       before == -EADDRNOTAVAIL || before == -ENETUNREACH ? err : before;
}

/* A new socket, or an error; neither blocks, nor survives exec.  It is not in
 * the table yet. */
int weft__net_socket(int family, int type);

/* fd was opened by weft, as far as the table knows: it does not block. */
bool weft__net_ours(int fd);

/* The library's function, or a test's. */
extern int (*weft__net_resolver)(const char *node, const char *service,
				 const struct addrinfo *hints,
				 struct addrinfo **res);
/* The weft code of an EAI_... one; reads errno. */
int weft__net_eai(int eai);

#ifdef HAVE_CARES
/* The question is one that c-ares answers as the library does. */
bool weft__net_ares_knows(const char *service, const struct addrinfo *hints);
/* A name, and a number or nothing, by c-ares.  Parks. */
int weft__net_ares(const char *node, const char *service,
		   const struct addrinfo *hints, struct addrinfo **res,
		   weft_time deadline);
/* Whom to ask, for tests; NULL: as the system says. */
extern const char *weft__net_ares_servers;
#endif

#endif
