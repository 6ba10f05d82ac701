/* request.h - one HTTP/1.x request, as bytes arrive.
 *
 * http-parser does the parsing; this keeps what a file server wants to know,
 * within limits.  A request that is wrong, too long or not for us ends with a
 * status of its own, after which the connection cannot go on.
 */
#ifndef EXAMPLES_REQUEST_H
#define EXAMPLES_REQUEST_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
	TARGET_MAX = 2048,              /* longer: 414 */
	HEADER_MAX = 16 * 1024,         /* 431 */
	BODY_MAX = 64 * 1024,           /* 413; bodies are read and dropped */
};

struct request {
	http_parser parser;
	char target[TARGET_MAX + 1];    /* as it was sent, 0 at the end */
	size_t target_len;

	bool head;                      /* HEAD, not GET */
	bool keep_alive;
	bool ranged;                    /* Range: bytes=first-last */
	long long first, last;          /* -1: left out */
	time_t since;                   /* If-Modified-Since; -1: none */
	int refuse;                     /* 0, or the status to end with */

	bool begun;                     /* its first byte has arrived */
	bool header_done;
	bool complete;
	bool host;
	bool in_value;                  /* the current header has got one */
	char field[24], value[128];     /* of the current header, cut */
	size_t field_len, value_len;
	size_t header_len, body_len;
};

void request_init(struct request *r);

/* Feed n bytes and say in *used how many belonged to this request.  True: it
 * is complete, or to be refused; the next call begins the next one. */
bool request_feed(struct request *r, const char *p, size_t n, size_t *used);

#endif
