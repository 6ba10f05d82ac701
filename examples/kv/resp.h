/* resp.h - the Redis protocol: commands in, replies out.
 *
 * A command is an array of bulk strings, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", or
 * words on a line.  Its arguments are slices of the input buffer: no byte is
 * copied before it is stored.
 */
#ifndef EXAMPLES_RESP_H
#define EXAMPLES_RESP_H

#include "table.h"

enum {
	LINE_MAX_LEN = 64 * 1024,
	ARGS_MAX = 1024 * 1024,
	BULK_MAX = 64 * 1024 * 1024,
	COMMAND_MAX = 2 * BULK_MAX,     /* bytes of a whole command */
};

struct buffer {
	char *at;
	size_t start, end, room;        /* what is in it: start to end */
};

struct command {
	struct slice *argv;
	size_t argc, room;
	/* How far an unfinished array has come: what has been read twice a
	 * byte at a time would cost the square of its length. */
	size_t *offset;                 /* of each argument, from the start */
	size_t seen;                    /* bytes */
	long long left;                 /* arguments; 0: not begun */
};

/* Take the next command out of the buffer.  1: there is one; its arguments
 * are valid until something is added to the buffer.  0: more bytes are needed,
 * at least *more.  -1: it is not the protocol, *error says why. */
int resp_parse(struct buffer *in, struct command *c, size_t *more,
	       const char **error);

/* Make room for n more bytes behind the end. */
void buffer_reserve(struct buffer *b, size_t n);
void buffer_free(struct buffer *b);
void command_free(struct command *c);

void reply_raw(struct buffer *out, const char *s);              /* "+OK\r\n" */
void reply_error(struct buffer *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void reply_int(struct buffer *out, long long v);
void reply_bulk(struct buffer *out, struct slice s);
void reply_text(struct buffer *out, const struct text *t);
void reply_null(struct buffer *out);
void reply_array(struct buffer *out, size_t n);         /* n replies follow */

/* The whole slice is a decimal number, in the form it would be printed. */
bool slice_int(struct slice s, long long *v);
bool slice_is(struct slice s, const char *word);        /* whatever its case */

#endif
