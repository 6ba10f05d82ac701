/* tls/connection.h - one TLS connection: OpenSSL between two buffers.
 *
 * OpenSSL keeps its error queue per thread, and a routine that parks may wake up
 * on another.  So OpenSSL never does I/O here: it takes its input from one
 * buffer and puts its output into another (wire.c), and what moves bytes between
 * the buffers and the descriptor, and parks, is outside of every OpenSSL call.
 *
 *     read                                  write
 *     take the reading turn                 take the writing turn
 *     lock, SSL_read, unlock                flush what is left from before
 *     wants input? fill, again              lock, SSL_write, unlock
 *     give the turn back                    flush, give the turn back
 *
 * Invariants
 *   N1  `lock` is held around OpenSSL calls and what they touch.  Nobody parks or
 *       yields while holding it, so from clearing the error queue to reading it
 *       a routine stays on one thread, and it never is left locked.
 *   N2  the reading turn belongs to who fills `in`; only the tail of its buffer
 *       is written without the lock.  `got` says at once what was read: who never
 *       goes on has not lost it, since weft_read does not yield after it has read.
 *   N3  the writing turn belongs to who sends: `sending` is his.  What OpenSSL
 *       makes goes to `out` and moves to `sending` when that is empty, so bytes
 *       leave in the order in which they were made.  Of a write that never
 *       returns nobody knows how much was sent: no more can be.
 *   N4  a reader may make output, too (an alert, a key update), and may not wait
 *       for a writer, who may be waiting for the other side to read.  It leaves
 *       it in `out`, and who gives the writing turn back looks again after that.
 *   N5  a writer may need input (half of a handshake message has arrived).  It
 *       asks to be told, under the lock, then fills `in` itself or, when somebody
 *       reads, waits; who has moved input or gives the reading turn back tells it,
 *       also if that comes before it waits.  Telling needs no lock.
 *   N6  a turn is given back also when its taker never goes on (struct turn); so
 *       is the connection that a handshake is about; the caller's place is set
 *       when the call returns.
 *
 * Order: a turn, then lock.
 */
#ifndef WEFT_TLS_CONNECTION_H
#define WEFT_TLS_CONNECTION_H

#include <weft/mutex.h>
#include <weft/panic.h>
#include <weft/tls.h>
#include <weft/waitgroup.h>

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>

struct buffer {
	char *data;
	size_t off, len, size;          /* valid: data[off .. len)           */
};

struct weft_tls {
	weft_tls_ctx *ctx;
	int fd;
	bool server;
	weft_mutex reading, writing;    /* turns (N2, N3)                    */
	weft_mutex lock;                /* N1                                */
	atomic_bool asked;              /* N5: there is one in untold        */
	weft_waitgroup untold;          /* N5                                */
	SSL *ssl;                       /* lock                              */
	struct buffer in;               /* lock; tail: reading               */
	struct buffer out;              /* lock                              */
	struct buffer sending;          /* writing                           */
	ssize_t got;                    /* reading: N2; 0: the end; -1: none */
	bool small;                     /* reading: the last fill was        */
	bool midway;                    /* writing: in weft_write (N3)       */
	bool ended;                     /* lock: the descriptor's stream     */
	bool shut;                      /* lock: close_notify is made        */
	bool no_memory;                 /* lock: out could not grow          */
	int failed;                     /* lock: OpenSSL will not go on      */
	int unsendable;                 /* writing: the descriptor will not  */
	char *alpn;                     /* fixed after the handshake         */
	char error[200];                /* lock                              */
};

/* A turn that was taken, in the frame of who took it. */
struct turn {
	weft_held held;                 /* N6 */
	weft_tls *t;
	weft_mutex *of;                 /* t->reading or t->writing */
};

/* What an OpenSSL call came to, besides negative codes. */
enum { OUTCOME_DONE, OUTCOME_INPUT, OUTCOME_CLOSED };

/* --- context.c -------------------------------------------------------------- */

/* A fresh SSL with the settings that ctx has now. */
SSL *weft__tls_ssl_new(weft_tls_ctx *ctx);
unsigned weft__tls_ctx_flags(const weft_tls_ctx *ctx);
bool weft__tls_ctx_is_server(const weft_tls_ctx *ctx);

/* --- outcome.c -------------------------------------------------------------- */

/* What `ret` of the last call meant; its errors are out of the queue.  A
 * negative one is final and is noted.  Locked. */
int weft__tls_outcome_locked(weft_tls *t, int ret);

/* --- wire.c ----------------------------------------------------------------- */

/* Put t's buffers below its ssl. */
int weft__tls_wire(weft_tls *t);
void weft__tls_buffer_free(struct buffer *b);
/* Room for n more; -ENOMEM. */
int weft__tls_buffer_reserve(struct buffer *b, size_t n);

static inline size_t buffer_used(const struct buffer *b)
{
	return b->len - b->off;
}

/* Read what the descriptor has into `in`, waiting for something; reading turn.
 * Parks.  0 also at the end of the stream. */
int weft__tls_fill(weft_tls *t, weft_time deadline);

/* Send all that there is; writing turn.  Parks. */
int weft__tls_flush(weft_tls *t, weft_time deadline);

/* Take and give back the turns.  Taking parks; a cancel point.  Giving back the
 * writing turn sends what was made meanwhile, without waiting. */
int weft__tls_turn(struct turn *turn, weft_tls *t, weft_mutex *of,
		   weft_time deadline);
void weft__tls_reading_done(struct turn *turn);
void weft__tls_writing_done(struct turn *turn);

/* Send what a reader has made, if nobody is sending and it goes at once. */
void weft__tls_push(weft_tls *t);

/* Wait until there may be more input; locked, which is given up meanwhile, and
 * writing turn. */
int weft__tls_await_input_locked(weft_tls *t, weft_time deadline);
/* N5: there may be.  Never parks or yields. */
void weft__tls_moved(weft_tls *t);

#endif
