/* SPDX-License-Identifier: MIT */
/* client.c - see client.h */
#define _GNU_SOURCE
#include "bench.h"
#include "client.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 24, MISSING = 77 };

extern char **environ;

const char *client_beside(const char *name)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 256);
	char *slash;

	bench_check(n > 0, "where is this program?");
	path[n] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash + 1, 255, "%s", name);
	return path;
}

int client_found(const char *name)
{
	char path[4096];
	const char *p = getenv("PATH");

	for (; p && *p; p += strcspn(p, ":"), p += *p == ':') {
		snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(p, ":"), p,
			 name);
		if (!access(path, X_OK))
			return 1;
	}
	return 0;
}

void client_descriptors(long n)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_max < (rlim_t)n)
		r.rlim_max = (rlim_t)n;         /* root may */
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r)) {
		getrlimit(RLIMIT_NOFILE, &r);
		fprintf(stderr, "not measured: RLIMIT_NOFILE is %ld\n",
			(long)r.rlim_max);
		exit(MISSING);
	}
}

void client_start(struct client *c, const char *const argv[])
{
	posix_spawn_file_actions_t a;
	int in[2], out[2], err;

	bench_check(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC), "no pipe");
	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_adddup2(&a, in[0], 0);
	posix_spawn_file_actions_adddup2(&a, out[1], 1);
	err = posix_spawnp(&c->pid, argv[0], &a, NULL, (char *const *)argv,
			   environ);
	bench_check(!err, "%s: %s", argv[0], strerror(err));
	posix_spawn_file_actions_destroy(&a);
	close(in[0]);
	close(out[1]);
	c->in = fdopen(in[1], "w");
	c->out = fdopen(out[0], "r");
	bench_check(c->in && c->out, "no memory");
}

void client_line(struct client *c, char *line, size_t size)
{
	bench_check(fgets(line, (int)size, c->out), "a client ended early");
	line[strcspn(line, "\n")] = '\0';
}

static double ns(struct timeval t)
{
	return (double)t.tv_sec * 1e9 + (double)t.tv_usec * 1e3;
}

double client_end(struct client *c, int sig)
{
	struct rusage u;
	char line[512];
	int status;

	if (sig)
		kill(c->pid, sig);
	fclose(c->in);
	while (fgets(line, sizeof line, c->out))
		;
	fclose(c->out);
	bench_check(wait4(c->pid, &status, 0, &u) == c->pid, "no such child");
	bench_check(status == 0, "a client failed, status %x", status);
	return ns(u.ru_utime) + ns(u.ru_stime);
}

void load_start(struct client *c, const char *const options[], int port)
{
	const char *argv[ARGS_MAX] = { client_beside("load") };
	char number[16], line[64];
	int n = 1;

	for (; options[n - 1]; n++)
		argv[n] = options[n - 1];
	snprintf(number, sizeof number, "%d", port);
	argv[n] = number;
	client_start(c, argv);
	client_line(c, line, sizeof line);
	bench_check(!strcmp(line, "ready"), "load said: %s", line);
}

void load_run(struct client *c, struct load *l)
{
	char line[256];

	fputs("go\n", c->in);
	fflush(c->in);
	client_line(c, line, sizeof line);
	bench_check(sscanf(line, "%lf %lf %lf %lf", &l->requests, &l->seconds,
			   &l->p50, &l->p99) == 4, "load said: %s", line);
}
