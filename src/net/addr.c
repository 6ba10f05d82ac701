/* net/addr.c - addresses and their text. */
#include "net/net.h"
#include "os/sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

/* --- from text ------------------------------------------------------------------- */

bool weft__net_numeric(struct net_addr *a, const char *host, int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->room;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->room;

	memset(&a->room, 0, sizeof a->room);
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		a->len = sizeof *in;
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		a->len = sizeof *in6;
		return true;
	}
	return false;
}

int weft__net_unix(struct net_addr *a, const char *path)
{
	size_t n = path ? strlen(path) : 0;
	bool abstract = n > 0 && path[0] == '@';

	if (n <= abstract)
		return -EINVAL;
	if (n >= sizeof a->un.sun_path)
		return -ENAMETOOLONG;
	memset(&a->un, 0, sizeof a->un);
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, n);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	if (abstract)
		a->un.sun_path[0] = '\0';       /* and the length is the name's */
	else
		a->len++;
	return 0;
}

/* --- to text --------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4)))
static int print(char *buf, size_t size, const char *fmt, ...)
{
	char text[WEFT_ADDR_TEXT];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size)
		return -ENOSPC;
	memcpy(buf, text, (size_t)n + 1);
	return n;
}

static int unix_text(const struct sockaddr *a, size_t l, char *buf, size_t size)
{
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)a;
	size_t n = l > head ? l - head : 0;

	if (n > sizeof un->sun_path)
		return -EINVAL;
	if (n && un->sun_path[0])
		n = strnlen(un->sun_path, n);
	if (n >= size)
		return -ENOSPC;
	for (size_t i = 0; i < n; i++)
		buf[i] = un->sun_path[i] ? un->sun_path[i] : '@';
	buf[n] = '\0';
	return (int)n;
}

int weft_addr_text(const struct sockaddr *a, socklen_t l, char *buf,
		   size_t size)
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (!a || !buf || l < offsetof(struct sockaddr, sa_data))
		return -EINVAL;
	switch (a->sa_family) {
	case AF_INET:
		if (l < sizeof in)
			return -EINVAL;
		memcpy(&in, a, sizeof in);
		inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
		return print(buf, size, "%s:%u", host, ntohs(in.sin_port));
	case AF_INET6:
		if (l < sizeof in6)
			return -EINVAL;
		memcpy(&in6, a, sizeof in6);
		inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
		if (in6.sin6_scope_id)
			return print(buf, size, "[%s%%%u]:%u", host,
				     in6.sin6_scope_id, ntohs(in6.sin6_port));
		return print(buf, size, "[%s]:%u", host, ntohs(in6.sin6_port));
	case AF_UNIX:
		return unix_text(a, l, buf, size);
	default:
		return print(buf, size, "family %d", a->sa_family);
	}
}

/* --- of a descriptor ------------------------------------------------------------- */

static int text_of(int fd, bool peer, char *buf, size_t size)
{
	struct net_addr a;
	int err = weft__sys_sockname(fd, peer, &a.sa, &a.len, sizeof a.room);

	return err < 0 ? err : weft_addr_text(&a.sa, a.len, buf, size);
}

int weft_sockname(int fd, char *buf, size_t size)
{
	return text_of(fd, false, buf, size);
}

int weft_peername(int fd, char *buf, size_t size)
{
	return text_of(fd, true, buf, size);
}

int weft_sockport(int fd)
{
	struct net_addr a;
	int err = weft__sys_sockname(fd, false, &a.sa, &a.len, sizeof a.room);

	if (err < 0)
		return err;
	switch (a.sa.sa_family) {
	case AF_INET:
		return ntohs(((struct sockaddr_in *)&a.room)->sin_port);
	case AF_INET6:
		return ntohs(((struct sockaddr_in6 *)&a.room)->sin6_port);
	default:
		return -EAFNOSUPPORT;
	}
}
