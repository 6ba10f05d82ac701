/* SPDX-License-Identifier: MIT */
/* http.c - rows http-100 and http-1000: examples/httpd serves a small file to
 * wrk on so many connections.  The twin is Go's http.FileServer.
 */
#include "bench.h"
#include "client.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE = 1024, MISSING = 77 };

static char dir[] = "/tmp/weft-bench-XXXXXX";

static void make_site(void)
{
	char path[64], content[FILE_SIZE];
	FILE *f;

	memset(content, 'x', sizeof content);
	bench_check(mkdtemp(dir), "no directory");
	snprintf(path, sizeof path, "%s/file.txt", dir);
	f = fopen(path, "w");
	bench_check(f && fwrite(content, sizeof content, 1, f) == 1 &&
		    !fclose(f), "no file");
}

static void remove_site(void)
{
	char path[64];

	snprintf(path, sizeof path, "%s/file.txt", dir);
	unlink(path);
	rmdir(dir);
}

/* A latency such as "1.52ms" in us. */
static double latency(const char *s)
{
	char *unit;
	double v = strtod(s, &unit);

	return !strncmp(unit, "us", 2) ? v :
	       !strncmp(unit, "ms", 2) ? v * 1e3 : v * 1e6;
}

struct measured {
	double requests, per_second, p99;       /* us */
};

static struct measured wrk(const char *url, const char *connections,
			   const char *duration)
{
	char load[4096], line[512], *at;
	const char *argv[] = {
		load, "--beside", "wrk", "-t1", "-c", connections, "-d",
		duration, "--latency", url, NULL
	};
	struct measured m = { 0 };
	struct client c;

	snprintf(load, sizeof load, "%s", client_beside("load"));
	client_start(&c, argv);
	while (fgets(line, sizeof line, c.out)) {
		bench_check(!strstr(line, "Socket errors") &&
			    !strstr(line, "Non-2xx"), "wrk: %s", line);
		if ((at = strstr(line, "99%")) != NULL)
			m.p99 = latency(at + 3);
		if (strstr(line, "requests in"))
			m.requests = atof(line);
		if ((at = strstr(line, "Requests/sec:")) != NULL)
			m.per_second = atof(at + 13);
	}
	client_end(&c, 0);
	bench_check(m.per_second > 0, "wrk said nothing");
	return m;
}

static void http(const struct bench *b, const char *row,
		 const char *connections, long tenths)
{
	const char *argv[] = { client_beside("../examples/httpd/httpd"),
			       "-p", "0", dir, NULL };
	char line[512], url[600], duration[32], part[32], *at;
	struct client server;
	struct measured m;
	double cpu;

	if (access(argv[0], X_OK)) {
		fprintf(stderr, "not measured: examples/httpd is not built\n");
		exit(MISSING);
	}
	if (!client_found("wrk")) {
		fprintf(stderr, "not measured: wrk is missing\n");
		exit(MISSING);
	}
	make_site();
	client_start(&server, argv);
	client_line(&server, line, sizeof line);
	at = strstr(line, "http://");
	bench_check(at, "httpd said: %s", line);
	snprintf(url, sizeof url, "%sfile.txt", at);
	snprintf(duration, sizeof duration, "%lds", (tenths + 9) / 10);
	m = wrk(url, connections, duration);
	cpu = client_end(&server, SIGTERM) / m.requests;
	remove_site();
	bench_report(b, row, 1e9 / m.per_second, cpu, "ns");
	snprintf(part, sizeof part, "%s-cpu", row);
	bench_report(b, part, cpu, cpu, "ns");
	snprintf(part, sizeof part, "%s-p99", row);
	bench_report(b, part, m.p99, 0, "us");
}

static void http_100(const struct bench *b, long tenths)
{
	http(b, "http-100", "100", tenths);
}

static void http_1000(const struct bench *b, long tenths)
{
	http(b, "http-1000", "1000", tenths);
}

static const struct bench_case cases[] = {
	{ .row = "http-100", .unit = "ns", .ops = 20, .custom = http_100,
	  .bare = 1 },
	{ .row = "http-1000", .unit = "ns", .ops = 20, .custom = http_1000,
	  .bare = 1 },
};

BENCH_PROGRAM("http", cases)
