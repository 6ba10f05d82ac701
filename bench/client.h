/* SPDX-License-Identifier: MIT */
/* client.h - programs that load a server, started by the benchmark of it. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdio.h>
#include <sys/types.h>

struct client {
	pid_t pid;
	FILE *in, *out;                 /* its standard input and output */
};

/* A path relative to where the benchmark programs are.  Static. */
const char *client_beside(const char *name);

/* True: name is a program along PATH. */
int client_found(const char *name);

/* May this process, and those it starts, have n descriptors?  If not, the program
 * ends: not measured. */
void client_descriptors(long n);

/* Start argv[0], with pipes.  Blocking, as all of these: not on a worker. */
void client_start(struct client *c, const char *const argv[]);
/* Its next line, without the end; the program fails if there is none. */
void client_line(struct client *c, char *line, size_t size);
/* Send it a signal, or none (0), and wait for a good end; the CPU time it has
 * used, ns. */
double client_end(struct client *c, int sig);

/* What load (load.c) has measured. */
struct load {
	double requests, seconds, p50, p99;     /* ns */
};

/* Load, with the given options, the server on a port: start returns when all
 * is connected, run when all is done. */
void load_start(struct client *c, const char *const options[], int port);
void load_run(struct client *c, struct load *l);

#endif
