/* support/backlog.h - is the queue of a TCP listener full? */
#ifndef WEFT_SUPPORT_BACKLOG_H
#define WEFT_SUPPORT_BACKLOG_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

/* How many wait in the queue of this listener, as a text for everybody tells. */
static inline unsigned queue_length(int l)
{
	FILE *f = fopen("/proc/net/tcp", "r");
	unsigned address, port, state, length, found = 0;
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof a;
	char line[256];

	getsockname(l, (struct sockaddr *)&a, &size);
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "%*u: %8X:%4X %*8X:%*4X %2X %*8X:%8X", &address,
			   &port, &state, &length) == 4 &&
		    address == a.sin_addr.s_addr && port == ntohs(a.sin_port) &&
		    state == TCP_LISTEN)
			found = length;
	if (f)
		fclose(f);
	return found;
}

/* A connection more to this listener, of so many, has to wait.  TCP_INFO of a
 * listener has the length of its queue and the bound; an emulator gives one word
 * of it. */
static inline bool queue_is_full(int l, unsigned backlog)
{
	struct tcp_info i;
	socklen_t size = sizeof i;

	if (getsockopt(l, IPPROTO_TCP, TCP_INFO, &i, &size) < 0 ||
	    size <= offsetof(struct tcp_info, tcpi_sacked))
		return queue_length(l) > backlog;
	return i.tcpi_unacked > i.tcpi_sacked;
}

#endif
