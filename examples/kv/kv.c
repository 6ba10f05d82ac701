/* kv - a key-value server that speaks the Redis protocol.
 *
 *	kv [-a ADDRESS] [-p PORT] [-m CLIENTS] [-i SECONDS] [-g SECONDS]
 *	   [-w SECONDS]
 *
 * One routine per client:  read -> every whole command -> one write
 *
 * Commands run where they are read, on all workers at once; what they share is
 * the store, behind a lock per shard (store.h).  A client that pipelines gets
 * the replies to a batch with one write, and one that does not read them is
 * not read from either, and after -w seconds of that is let go.
 */
#define _GNU_SOURCE             /* getopt */
#include "../server/server.h"
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 16 * 1024, FLUSH_AT = 64 * 1024 };

static weft_time write_time = 30 * WEFT_S;      /* written before any start */

/* What has grown for one big command is not kept for all the small ones. */
static void shrink(struct buffer *b)
{
	if (b->start == b->end) {
		b->start = b->end = 0;
		if (b->room > 4 * FLUSH_AT)
			buffer_free(b);
	}
}

static int flush(int fd, struct buffer *out)
{
	int err = 0;

	if (out->end > out->start)
		err = weft_write_all(fd, out->at + out->start,
				     out->end - out->start, NULL,
				     weft_in(write_time));
	out->start = out->end;
	shrink(out);
	return err;
}

static int fill(struct server *s, int fd, struct buffer *in, size_t more)
{
	ssize_t n;

	shrink(in);
	buffer_reserve(in, more > CHUNK ? more : CHUNK);
	n = weft_read(fd, in->at + in->end, in->room - in->end,
		      weft_in(s->idle));
	if (n <= 0)
		return n ? (int)n : WEFT_EOF;
	in->end += (size_t)n;
	return 0;
}

static void serve(struct server *s, int fd)
{
	struct buffer in = { 0 }, out = { 0 };
	struct command command = { 0 };
	struct call call = { .out = &out };
	const char *error;
	long done = 0;
	size_t more;
	int err = 0, r;

	clients_now++;
	while (!err && !call.quit) {
		r = resp_parse(&in, &command, &more, &error);
		if (r > 0 && command.argc) {
			call.argv = command.argv;
			call.argc = command.argc;
			command_run(&call);
			done++;
			if (out.end - out.start >= FLUSH_AT)
				err = flush(fd, &out);
		} else if (r == 0) {
			commands_run += done;
			done = 0;
			err = flush(fd, &out);
			if (!err)
				err = fill(s, fd, &in, more);
		} else if (r < 0) {
			reply_error(&out, "ERR Protocol error: %s", error);
			call.quit = true;
		}
	}
	if (!err)
		flush(fd, &out);
	if (call.shutdown)
		server_stop(s);
	commands_run += done;
	clients_now--;
	command_free(&command);
	buffer_free(&in);
	buffer_free(&out);
}

static void ready(struct server *s, int port)
{
	printf("%s: %s:%d\n", s->name, s->host, port);
}

static int app(void *arg)
{
	struct server *s = arg;
	weft_id sweeper;
	int err;

	hash_seed();
	command_init();
	err = weft_spawn(&sweeper, NULL, store_sweep, NULL);
	if (err)
		return err;
	err = server_run(s);
	weft_cancel(sweeper);
	weft_join(sweeper, NULL);
	if (!err)
		printf("%s: %ld commands from %ld clients\n", s->name,
		       commands_run, s->accepted);
	for (unsigned i = 0; i < SHARDS; i++)
		table_clear(store_shard(i));
	command_fini();
	return err;
}

int main(int argc, char **argv)
{
	struct server s = {
		.name = "kv", .host = "127.0.0.1", .port = 6379,
		.idle = WEFT_FOREVER, .grace = 5 * WEFT_S,
		.serve = serve, .ready = ready,
	};
	int opt;

	while ((opt = getopt(argc, argv, SERVER_OPTIONS "w:")) != -1)
		if (opt == 'w')
			write_time = atoi(optarg) * WEFT_S;
		else if (!server_option(&s, opt, optarg))
			argc = 0;
	if (optind != argc) {
		fprintf(stderr, "usage: kv [-a ADDRESS] [-p PORT] "
			"[-m CLIENTS] [-i SECONDS] [-g SECONDS] "
			"[-w SECONDS]\n");
		return 2;
	}
	return server_main(&s, app);
}
