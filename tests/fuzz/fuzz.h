/* fuzz/fuzz.h - what the fuzz targets share.
 *
 *     input -> [ TARGET.c ] -> a routine -> the code under test
 *                                        -> the same by plain means: equal?
 *
 * Each target is one LLVMFuzzerTestOneInput.  libFuzzer's main calls it with
 * what it thinks up (make fuzz), replay.c with the files of corpus/TARGET (make
 * check).  A target aborts when something is not as it must be.
 *
 * All inputs of a process run in one runtime of one worker, each in a routine:
 * the same input does the same again.
 */
#ifndef WEFT_FUZZ_H
#define WEFT_FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* before any header of the system */
#endif

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft.h>

#define MUST(what)                                                      \
	((what) ? (void)0 :                                             \
	 (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what), abort()))

/* Longer than anything here takes, on any machine; then it hangs. */
#define PATIENCE (100 * WEFT_S)

/* The directory of the target's corpus. */
extern const char fuzz_name[];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is left of the input. */
struct input {
	const uint8_t *at;
	size_t n;
};

/* The next byte; 0 when there is none. */
static inline unsigned input_byte(struct input *in)
{
	return in->n ? (in->n--, *in->at++) : 0;
}

/* Run fn(arg) as a routine and wait for it. */
void session_run(void (*fn)(void *), void *arg);

/* One connection of an example's server.  An input begins with a byte of
 * flags, then as many lengths as it says: so long are the pieces in which the
 * client sends the rest, until there have been 300.  "0GET ..." comes at once,
 * "1\x01GET ..." byte by byte.  In the rest \xfe N B means B, 64 * N times, or once when N is 0. */
enum {
	TALK_PIECES = 7,                /* how many lengths follow */
	TALK_SMALL = 8,                 /* little room for the answers */
	TALK_HURRY = 64,                /* all is sent before it is served, and
					 * no end is: the server gives up */
	TALK_LEAVES = 128,              /* the client reads nothing and goes */
};

struct talk {
	unsigned flags, pieces;
	uint8_t piece[TALK_PIECES];     /* 0: all that is left */
	char *sent, *got;
	size_t n_sent, n_got, room;
	bool cut;                       /* there was more than it can hold */

	/* One connection; it is closed when this returns. */
	void (*serve)(struct talk *t, int fd);
	int client, server;
	atomic_bool served;
	weft_waitgroup others;
};

/* Read the input.  False: it is too long once its repeats are made. */
bool talk_init(struct talk *t, const uint8_t *data, size_t n);
/* In a routine: until both sides have ended.  Twice is fine. */
void talk_run(struct talk *t);
void talk_fini(struct talk *t);

#endif
