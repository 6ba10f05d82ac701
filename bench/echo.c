/* SPDX-License-Identifier: MIT */
/* echo.c - rows echo-*, idle-* and accept-storm: a routine per connection that
 * sends back what it reads, loaded by another process (load.c).
 */
#include "bench.h"
#include "client.h"

#include <string.h>
#include <unistd.h>

enum { CHUNK = 4096, SPARE = 200 };     /* descriptors for all else */

static void connection(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[CHUNK];
	ssize_t n;

	while ((n = weft_read(fd, buf, sizeof buf, WEFT_FOREVER)) > 0)
		if (weft_write_all(fd, buf, (size_t)n, NULL, WEFT_FOREVER))
			break;
	weft_close(fd);
}

static void acceptor(void *arg)
{
	int listener = (int)(intptr_t)arg, fd;

	while ((fd = weft_accept(listener, NULL, NULL, WEFT_FOREVER)) >= 0)
		bench_must(weft_go(connection, (void *)(intptr_t)fd));
	bench_check(fd == -EBADF, "accept: %s", weft_strerror(fd));
}

static int serve(void)
{
	int fd = weft_tcp_listen("127.0.0.1", 0, 4096);

	bench_check(fd >= 0, "listen: %s", weft_strerror(fd));
	bench_must(weft_go(acceptor, (void *)(intptr_t)fd));
	return fd;
}

/* The clients, on a thread of the blocking pool. */
struct visit {
	const char *const *options;
	int port;
	struct client client;
	struct load load;
	double rss, cpu;                /* at the beginning, in the end */
};

static double rss(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	bench_check(f && fscanf(f, "%*s %ld", &pages) == 1, "no statm");
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void *visit(void *arg)
{
	struct visit *v = arg;
	struct bench_time t;

	load_start(&v->client, v->options, v->port);
	v->rss = rss();
	t = bench_now();
	load_run(&v->client, &v->load);
	v->cpu = (double)bench_since(t).cpu;
	client_end(&v->client, 0);
	return NULL;
}

static struct visit load(const char *const options[])
{
	int fd = serve();
	struct visit v = { .options = options, .port = weft_sockport(fd) };

	bench_must(weft_blocking(visit, &v, NULL));
	weft_close(fd);
	return v;
}

static void report(const struct bench *b, const char *row, const char *part,
		   double value, double cpu, const char *unit)
{
	char name[64];

	snprintf(name, sizeof name, "%s%s", row, part);
	bench_report(b, name, value, cpu, unit);
}

static void echo(const struct bench *b, const char *row, long ops,
		 const char *connections, const char *extra)
{
	char count[24];
	const char *options[] = { "-c", connections, "-n", count, extra, NULL };
	struct visit v;
	double cpu;

	snprintf(count, sizeof count, "%ld", ops);
	v = load(options);
	bench_check((long)v.load.requests == ops, "lost requests");
	cpu = v.cpu / v.load.requests;
	report(b, row, "", 1e9 * v.load.seconds / v.load.requests, cpu, "ns");
	report(b, row, "-cpu", cpu, cpu, "ns");
	report(b, row, "-p99", v.load.p99 / 1e3, 0, "us");
}

static void echo_100(const struct bench *b, long ops)
{
	echo(b, "echo-100", ops, "100", NULL);
}

static void accept_storm(const struct bench *b, long ops)
{
	echo(b, "accept-storm", ops, "100", "-r");
}

static void idle(const struct bench *b, const char *row, long n)
{
	char count[24];
	const char *options[] = { "-c", "1", "-n", "20000", "-i", count, NULL };
	double before;
	struct visit v;

	client_descriptors(n + SPARE);
	before = rss();
	snprintf(count, sizeof count, "%ld", n);
	v = load(options);
	report(b, row, "", v.load.p50, v.cpu / v.load.requests, "ns");
	report(b, row, "-p99", v.load.p99 / 1e3, 0, "us");
	report(b, row, "-rss", (v.rss - before) / (double)n, 0, "B");
}

static void idle_10k(const struct bench *b, long n)
{
	idle(b, "idle-10k", n);
}

static void idle_50k(const struct bench *b, long n)
{
	idle(b, "idle-50k", n);
}

static const struct bench_case cases[] = {
	{ .row = "echo-100", .unit = "ns", .ops = 300000, .custom = echo_100 },
	{ .row = "accept-storm", .unit = "ns", .ops = 30000,
	  .custom = accept_storm },
	{ .row = "idle-10k", .unit = "mixed", .ops = 10000, .custom = idle_10k },
	{ .row = "idle-50k", .unit = "mixed", .ops = 50000, .custom = idle_50k },
};

BENCH_PROGRAM("echo", cases)
