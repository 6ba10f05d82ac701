/* SPDX-License-Identifier: MIT */
/* load.c - the clients of the echo rows: plain epoll, one thread, no weft, so
 * that every server is loaded by the same program.
 *
 *	load [-c CONNECTIONS] [-i IDLE] [-n REQUESTS] [-s SIZE] [-r] PORT
 *	load --beside COMMAND [ARGUMENT...]
 *
 * Connects, lets every connection (idle ones too) ask once, prints "ready", and
 * waits for a line on its input.  Then each of the CONNECTIONS sends a message,
 * waits until all of it has come back, and sends the next; -r makes a new
 * connection for each.  Prints
 *
 *	requests<TAB>seconds<TAB>p50 ns<TAB>p99 ns
 *
 * It runs on those CPUs that its parent was not bound to, if there are any;
 * --beside does the same for another program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	MESSAGE_MAX = 16384, FINE = 64, GRADES = 40 * FINE, BATCH = 64,
	PER_ADDRESS = 8192,             /* of 28 000 ports connect finds half
					 * quickly */
};

struct connection {
	int fd;
	uint64_t asked;                 /* number of the request under way */
	int64_t when;
	size_t got;
};

static struct {
	long connections, idle, requests, size;
	int port, reconnect, ep;
	long sent, done;
	long grades[GRADES];            /* of latency: powers of 2 in FINE parts */
	char message[MESSAGE_MAX];
} l = { .connections = 100, .requests = 100000, .size = 64 };

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- CPUs and limits --- */

static void step_aside(void)
{
	cpu_set_t mine, others;
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (sched_getaffinity(0, sizeof mine, &mine))
		return;
	CPU_ZERO(&others);
	for (long i = 0; i < n; i++)
		if (!CPU_ISSET(i, &mine))
			CPU_SET(i, &others);
	if (CPU_COUNT(&others))
		sched_setaffinity(0, sizeof others, &others);
}

static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* --- latency --- */

static int grade_of(int64_t ns)
{
	int power, part;

	if (ns < FINE)
		return (int)ns;
	power = 63 - __builtin_clzll((uint64_t)ns);
	part = (int)(ns >> (power - 6)) & (FINE - 1);
	power = (power - 5) * FINE + part;
	return power < GRADES ? power : GRADES - 1;
}

static double grade_value(int grade)
{
	int power = grade / FINE + 5;

	return grade < FINE ? grade :
	       (double)((int64_t)(FINE + grade % FINE) << (power - 6));
}

static double quantile(double q)
{
	long upto = 0;

	for (int i = 0; i < GRADES; i++) {
		upto += l.grades[i];
		if ((double)upto >= q * (double)l.done)
			return grade_value(i);
	}
	return 0;
}

/* --- connections --- */

/* The next connections of many come from 127.0.0.2, .3 ...; without a port of
 * their own yet, so that it need be free towards this server only. */
static void bind_source(int fd, long i)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl((uint32_t)(INADDR_LOOPBACK +
						    i / PER_ADDRESS)),
	};
	int on = 1;

	if (i < PER_ADDRESS)
		return;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&a, sizeof a))
		die("bind");
}

static int dial(long i)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)l.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct linger hard = { 1, 0 };  /* leaves no TIME_WAIT behind */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		die("socket");
	bind_source(fd, i);
	if (connect(fd, (struct sockaddr *)&a, sizeof a))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	return fd;
}

static void ask(struct connection *c)
{
	c->asked = (uint64_t)++l.sent;
	c->got = 0;
	memcpy(l.message, &c->asked, sizeof c->asked);
	c->when = now();
	if (send(c->fd, l.message, (size_t)l.size, MSG_NOSIGNAL) != l.size)
		die("send");
}

/* True: the answer is whole. */
static int hear(struct connection *c)
{
	char buf[MESSAGE_MAX];
	uint64_t number;
	ssize_t n = recv(c->fd, buf, sizeof buf, 0);

	if (n <= 0)
		die("recv");
	if (c->got == 0 && n >= (ssize_t)sizeof number) {
		memcpy(&number, buf, sizeof number);
		if (number != c->asked ||
		    memcmp(buf + 8, l.message + 8, (size_t)n - 8)) {
			fprintf(stderr, "load: wrong answer\n");
			exit(1);
		}
	}
	c->got += (size_t)n;
	return c->got == (size_t)l.size;
}

static void watch(struct connection *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	if (epoll_ctl(l.ep, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll_ctl");
}

/* The next connections, as many at a time as a server will take. */
static void begin(struct connection *c, long first)
{
	long end = l.connections + l.idle;

	end = end < first + BATCH ? end : first + BATCH;
	for (long i = first; i < end; i++) {
		c[i].fd = dial(i);
		ask(&c[i]);
	}
	for (long i = first; i < end; i++) {
		while (!hear(&c[i]))
			;
		if (i < l.connections)
			watch(&c[i]);
	}
}

static void answered(struct connection *c)
{
	l.grades[grade_of(now() - c->when)]++;
	l.done++;
	if (l.sent >= l.requests)
		return;
	if (l.reconnect) {
		close(c->fd);
		c->fd = dial(0);
		watch(c);
	}
	ask(c);
}

static void run(struct connection *c)
{
	struct epoll_event e[64];
	long burst = l.connections < l.requests ? l.connections : l.requests;

	l.sent = l.done = 0;
	for (long i = 0; i < burst; i++)
		ask(&c[i]);
	while (l.done < l.requests) {
		int n = epoll_wait(l.ep, e, 64, -1);

		for (int i = 0; i < n; i++)
			if (hear(e[i].data.ptr))
				answered(e[i].data.ptr);
	}
}

int main(int argc, char **argv)
{
	struct connection *all;
	int64_t start;
	int opt;

	step_aside();
	if (argc > 2 && !strcmp(argv[1], "--beside")) {
		execvp(argv[2], argv + 2);
		die(argv[2]);
	}
	while ((opt = getopt(argc, argv, "c:i:n:s:r")) != -1) {
		if (opt == 'c')
			l.connections = atol(optarg);
		else if (opt == 'i')
			l.idle = atol(optarg);
		else if (opt == 'n')
			l.requests = atol(optarg);
		else if (opt == 's')
			l.size = atol(optarg);
		else if (opt == 'r')
			l.reconnect = 1;
		else
			return 2;
	}
	if (optind + 1 != argc || l.connections < 1 || l.size < 8 ||
	    l.size > MESSAGE_MAX)
		return 2;
	l.port = atoi(argv[optind]);
	raise_limit();
	l.ep = epoll_create1(EPOLL_CLOEXEC);
	all = calloc((size_t)(l.connections + l.idle), sizeof *all);
	if (l.ep < 0 || !all)
		die("start");
	for (long i = 8; i < l.size; i++)
		l.message[i] = (char)('a' + i % 26);
	for (long i = 0; i < l.connections + l.idle; i += BATCH)
		begin(all, i);
	printf("ready\n");
	fflush(stdout);
	if (getchar() == EOF)
		return 1;
	start = now();
	run(all);
	printf("%ld\t%.6f\t%.0f\t%.0f\n", l.done, (double)(now() - start) / 1e9,
	       quantile(0.5), quantile(0.99));
	return 0;
}
