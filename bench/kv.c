/* SPDX-License-Identifier: MIT */
/* kv.c - rows kv-*: examples/kv, loaded by redis-benchmark with 50 clients that
 * send one command at a time, or sixteen (P16).  The twin is the same in Go;
 * Redis itself, where it is installed, is measured along with them.
 */
#include "bench.h"
#include "client.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { MISSING = 77 };

struct measured {
	double per_second, p99;         /* ms */
};

static struct measured redis_benchmark(const char *port, const char *test,
				       const char *depth, long ops)
{
	char load[4096], line[512], count[24];
	const char *argv[] = {
		load, "--beside", "redis-benchmark", "-p", port, "-t", test,
		"-P", depth, "-n", count, "-c", "50", "-r", "100000", "--csv",
		NULL
	};
	struct measured m = { 0 };
	struct client c;

	snprintf(load, sizeof load, "%s", client_beside("load"));
	snprintf(count, sizeof count, "%ld", ops);
	client_start(&c, argv);
	while (fgets(line, sizeof line, c.out))
		sscanf(line, "\"%*[A-Z]\",\"%lf\",\"%*[^\"]\",\"%*[^\"]\","
		       "\"%*[^\"]\",\"%*[^\"]\",\"%lf\"", &m.per_second,
		       &m.p99);
	client_end(&c, 0);
	bench_check(m.per_second > 0, "redis-benchmark said nothing");
	return m;
}

static void measure(const struct bench *b, const char *impl, const char *row,
		    struct client *server, const char *port, long ops)
{
	char test[8], part[32];
	const char *depth = strstr(row, "-P16") ? "16" : "1";
	struct measured m;
	double cpu;

	sscanf(row, "kv-%3[a-z]", test);
	m = redis_benchmark(port, test, depth, ops);
	cpu = client_end(server, SIGTERM) / (double)ops;
	bench_report_as(b, impl, row, 1e9 / m.per_second, cpu, "ns");
	snprintf(part, sizeof part, "%s-cpu", row);
	bench_report_as(b, impl, part, cpu, cpu, "ns");
	snprintf(part, sizeof part, "%s-p99", row);
	bench_report_as(b, impl, part, m.p99 * 1e3, 0, "us");
}

static void kv(const struct bench *b, const char *row, long ops)
{
	const char *argv[] = { client_beside("../examples/kv/kv"), "-p", "0",
			       NULL };
	struct client server;
	char line[512], *port;

	client_start(&server, argv);
	client_line(&server, line, sizeof line);
	port = strrchr(line, ':');
	bench_check(port, "kv said: %s", line);
	measure(b, "weft", row, &server, port + 1, ops);
}

/* Redis chooses no port by itself: one that is free a moment before. */
static void redis(const struct bench *b, const char *row, long ops)
{
	char port[16], line[512];
	const char *argv[] = { "redis-server", "--port", port, "--save", "",
			       "--appendonly", "no", NULL };
	struct client server;
	int fd = weft_tcp_listen("127.0.0.1", 0, 1);

	bench_check(fd >= 0, "no port: %s", weft_strerror(fd));
	snprintf(port, sizeof port, "%d", weft_sockport(fd));
	weft_close(fd);
	client_start(&server, argv);
	do
		client_line(&server, line, sizeof line);
	while (!strstr(line, "Ready to accept"));
	measure(b, "redis", row, &server, port, ops);
}

static void both(const struct bench *b, const char *row, long ops)
{
	if (!client_found("redis-benchmark")) {
		fprintf(stderr, "not measured: redis-benchmark is missing\n");
		exit(MISSING);
	}
	kv(b, row, ops);
	if (client_found("redis-server"))
		redis(b, row, ops);
}

static void get(const struct bench *b, long ops)
{
	both(b, "kv-get", ops);
}

static void set(const struct bench *b, long ops)
{
	both(b, "kv-set", ops);
}

static void get_16(const struct bench *b, long ops)
{
	both(b, "kv-get-P16", ops);
}

static void set_16(const struct bench *b, long ops)
{
	both(b, "kv-set-P16", ops);
}

static const struct bench_case cases[] = {
	{ .row = "kv-get", .unit = "ns", .ops = 100000, .custom = get,
	  .bare = 1 },
	{ .row = "kv-set", .unit = "ns", .ops = 100000, .custom = set,
	  .bare = 1 },
	{ .row = "kv-get-P16", .unit = "ns", .ops = 1000000, .custom = get_16,
	  .bare = 1 },
	{ .row = "kv-set-P16", .unit = "ns", .ops = 1000000, .custom = set_16,
	  .bare = 1 },
};

BENCH_PROGRAM("kv", cases)
