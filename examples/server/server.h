/* server.h - what the servers here share: listen, accept, limit, drain.
 *
 *	listen -> accept -> [ slots ] -> a routine per connection -> close
 *
 * A connection is a routine that reads and writes as if it had the thread for
 * itself.  SIGTERM and SIGINT end the server gently: it stops listening, idle
 * connections see the end of their input, those at work finish within the
 * grace, and what is left then is cancelled.
 *
 * All of them take -a ADDRESS, -p PORT, -m CONNECTIONS, -i SECONDS (idle) and
 * -g SECONDS (grace).
 */
#ifndef EXAMPLES_SERVER_H
#define EXAMPLES_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <weft.h>

struct connection;

struct server {
	const char *name;
	const char *host;               /* NULL: any address */
	int port;                       /* 0: the kernel's choice */
	int max_connections;            /* 0: as many as there are descriptors */
	int each;                       /* descriptors of one; 0: its own */
	weft_time idle;                 /* for those from whom nothing comes */
	weft_time grace;                /* for those at work at the end */
	/* One connection; it is closed when this returns. */
	void (*serve)(struct server *s, int fd);
	/* Told the port, once it listens; prints the first line. */
	void (*ready)(struct server *s, int port);

	int fd;                         /* it listens */
	weft_sem slots;
	weft_waitgroup open;
	weft_mutex lock;
	struct connection *first;       /* under the lock */
	atomic_bool stopping;
	atomic_long accepted, failed;
};

/* For getopt, and for what it found: false if that is none of these. */
#define SERVER_OPTIONS "a:p:m:i:g:"
bool server_option(struct server *s, int opt, const char *value);

/* All but the options: a runtime, with app(s) as its main routine, which calls
 * server_run.  What main returns. */
int server_main(struct server *s, int (*app)(void *));

/* Serve until told to stop.  0, or why it could not start. */
int server_run(struct server *s);

/* End as if SIGTERM had come; from any routine. */
void server_stop(struct server *s);

#endif
