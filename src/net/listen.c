/* net/listen.c - sockets that are bound: TCP and Unix listeners, UDP. */
#include "net/net.h"
#include "io/desc.h"
#include "os/sys.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

int weft__net_socket(int family, int type)
{
	return weft__sys_socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int prepare(int fd, int family, int type, bool both)
{
	int err = 0;

	if (family == AF_INET6 && both)
		err = weft__sys_sockopt_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (!err && family != AF_UNIX && type == SOCK_STREAM) {
		err = weft__sys_sockopt_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		/* The connections inherit it. */
		(void)weft__sys_sockopt_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	}
	return err;
}

/* A socket of this type bound to a; a stream one listens.  `both`: an IPv6 one
 * is for IPv4, too. */
static int bound(const struct sockaddr *a, socklen_t l, int type, int backlog,
		 bool both)
{
	int fd = weft__net_socket(a->sa_family, type), err;

	if (fd < 0)
		return fd;
	err = prepare(fd, a->sa_family, type, both);
	if (!err)
		err = weft__sys_bind(fd, a, l);
	if (!err && type == SOCK_STREAM)
		err = weft__sys_listen(fd, backlog > 0 ? backlog : SOMAXCONN);
	if (err < 0) {
		weft__sys_close(fd);
		return err;
	}
	if (type != SOCK_STREAM)
		return weft__desc_adopt(fd, DESC_SOCKET, DESC_OURS);
	return weft__desc_adopt(fd, DESC_LISTEN, a->sa_family == AF_UNIX ?
				DESC_OURS : DESC_OURS | DESC_TCP);
}

static int bound_any(int port, int type, int backlog)
{
	static const char *const any[] = { "::", "0.0.0.0" };
	int err = 0;

	for (size_t i = 0; i < countof(any); i++) {
		struct net_addr a;
		int fd;

		weft__net_numeric(&a, any[i], port);
		fd = bound(&a.sa, a.len, type, backlog, true);
		/* Only where a family is missing is the other the answer. */
		if (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL)
			return fd;
		err = net_worse(err, fd);
	}
	return err;
}

static int bound_host(const char *host, int port, int type, int backlog)
{
	struct addrinfo *list;
	struct net_addr a;
	int fd, err;

	if (port < 0 || port > UINT16_MAX)
		return -EINVAL;
	if (!host)
		return bound_any(port, type, backlog);
	if (weft__net_numeric(&a, host, port))
		return bound(&a.sa, a.len, type, backlog, false);
	err = weft__net_lookup(host, port, type, AI_PASSIVE, &list,
			       WEFT_FOREVER);
	if (err < 0)
		return err;
	fd = WEFT_EAI_NONAME;
	for (struct addrinfo *i = list; i; i = i->ai_next) {
		fd = bound(i->ai_addr, i->ai_addrlen, type, backlog, false);
		if (fd >= 0)
			break;
		err = net_worse(err, fd);
	}
	freeaddrinfo(list);
	return fd >= 0 || !err ? fd : err;
}

int weft_tcp_listen(const char *host, int port, int backlog)
{
	return bound_host(host, port, SOCK_STREAM, backlog);
}

int weft_udp_bind(const char *host, int port)
{
	return bound_host(host, port, SOCK_DGRAM, 0);
}

int weft_unix_listen(const char *path, int backlog)
{
	struct net_addr a;
	int err = weft__net_unix(&a, path);

	return err < 0 ? err : bound(&a.sa, a.len, SOCK_STREAM, backlog, false);
}
