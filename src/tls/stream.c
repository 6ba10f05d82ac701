/* tls/stream.c - reading, writing and closing a connection. */
#include "tls/connection.h"

#include <openssl/err.h>

/* As much is made of one write before it is sent: four records. */
enum { RECORD = 16384, BATCH = 4 * RECORD, RECORD_EXTRA = 128 };

/* --- reading ------------------------------------------------------------------- */

/* Up to n bytes of what is there; *done says how many. */
static int decrypt_locked(weft_tls *t, char *buf, size_t n, size_t *done)
{
	int outcome = t->failed;
	size_t k = 0;

	while (!outcome && *done < n) {
		ERR_clear_error();
		outcome = SSL_read_ex(t->ssl, buf + *done, n - *done, &k);
		outcome = weft__tls_outcome_locked(t, outcome);
		if (!outcome)
			*done += k;
	}
	return *done ? OUTCOME_DONE : outcome;
}

/* Wait for 1 to n bytes; reading turn. */
static int read_some(weft_tls *t, void *buf, size_t n, size_t *done,
		     weft_time deadline)
{
	for (;;) {
		bool made;
		int err;

		weft_mutex_lock(&t->lock);
		err = decrypt_locked(t, buf, n, done);
		made = buffer_used(&t->out) != 0;
		weft__tls_moved(t);
		weft_mutex_unlock(&t->lock);
		if (made)
			weft__tls_push(t);
		if (err != OUTCOME_INPUT)
			return err;
		err = weft__tls_fill(t, deadline);
		if (err)
			return err;
	}
}

ssize_t weft_tls_read(weft_tls *t, void *buf, size_t n, weft_time deadline)
{
	struct turn turn;
	size_t done = 0;
	int err;

	if (!n)
		return 0;
	err = weft__tls_turn(&turn, t, &t->reading, deadline);
	if (err)
		return err;
	err = read_some(t, buf, n, &done, deadline);
	weft__tls_reading_done(&turn);
	return err < 0 ? err : (ssize_t)done;
}

int weft_tls_read_full(weft_tls *t, void *buf, size_t n, size_t *done,
		       weft_time deadline)
{
	struct turn turn;
	size_t all = 0;
	int err = n ? weft__tls_turn(&turn, t, &t->reading, deadline) : 0;
	bool taken = n && !err;

	while (!err && all < n) {
		size_t k = 0;

		err = read_some(t, (char *)buf + all, n - all, &k, deadline);
		all += k;
	}
	if (taken)
		weft__tls_reading_done(&turn);
	if (done)
		*done = all;
	return err == OUTCOME_CLOSED ? WEFT_EOF : err;
}

/* --- writing ------------------------------------------------------------------- */

/* How much `n` bytes are on the wire, or more. */
static size_t wire_size(size_t n)
{
	return n + (n / RECORD + 2) * RECORD_EXTRA;
}

/* Make records of n bytes, all of them unless something is wrong. */
static int encrypt(weft_tls *t, const char *buf, size_t n, size_t *done,
		   weft_time deadline)
{
	size_t k = 0;
	int err;

	weft_mutex_lock(&t->lock);
	err = weft__tls_buffer_reserve(&t->out, wire_size(n));
	while (!err && *done < n) {
		err = t->failed ? t->failed : t->shut ? -EPIPE : 0;
		if (err)
			break;
		ERR_clear_error();
		err = SSL_write_ex(t->ssl, buf + *done, n - *done, &k);
		err = weft__tls_outcome_locked(t, err);
		if (err == OUTCOME_INPUT)
			err = weft__tls_await_input_locked(t, deadline);
		else if (!err)
			*done += k;
	}
	weft_mutex_unlock(&t->lock);
	return *done ? 0 : err;
}

/* Up to n bytes, sent or at least made; writing turn.  0, with *done > 0 and
 * *unsent telling why not all of them were sent, or an error. */
static int write_some(weft_tls *t, const char *buf, size_t n, size_t *done,
		      int *unsent, weft_time deadline)
{
	int err = weft__tls_flush(t, deadline);

	if (!err)
		err = encrypt(t, buf, n < BATCH ? n : BATCH, done, deadline);
	if (err)
		return err;
	*unsent = weft__tls_flush(t, deadline);
	/* What can never be sent was not taken. */
	return t->unsendable;
}

ssize_t weft_tls_write(weft_tls *t, const void *buf, size_t n,
		       weft_time deadline)
{
	struct turn turn;
	size_t done = 0;
	int err, unsent;

	if (!n)
		return 0;
	err = weft__tls_turn(&turn, t, &t->writing, deadline);
	if (err)
		return err;
	err = write_some(t, buf, n, &done, &unsent, deadline);
	weft__tls_writing_done(&turn);
	return err ? err : (ssize_t)done;
}

int weft_tls_write_all(weft_tls *t, const void *buf, size_t n, size_t *done,
		       weft_time deadline)
{
	struct turn turn;
	size_t all = 0;
	int err = n ? weft__tls_turn(&turn, t, &t->writing, deadline) : 0;
	bool taken = n && !err;

	while (!err && all < n) {
		size_t k = 0;
		int unsent = 0;

		err = write_some(t, (const char *)buf + all, n - all, &k,
				 &unsent, deadline);
		all += k;
		if (!err)
			err = unsent;
	}
	if (taken)
		weft__tls_writing_done(&turn);
	if (done)
		*done = all;
	return err;
}

int weft_tls_flush(weft_tls *t, weft_time deadline)
{
	struct turn turn;
	int err = weft__tls_turn(&turn, t, &t->writing, deadline);

	if (err)
		return err;
	err = weft__tls_flush(t, deadline);
	weft__tls_writing_done(&turn);
	return err;
}

/* --- for weft/bufio.h ------------------------------------------------------------ */

static ssize_t bufio_read(void *t, void *buf, size_t n, weft_time deadline)
{
	return weft_tls_read(t, buf, n, deadline);
}

static ssize_t bufio_write(void *t, const void *buf, size_t n,
			   weft_time deadline)
{
	return weft_tls_write(t, buf, n, deadline);
}

void weft_tls_bufio(weft_bufio *b, weft_tls *t, size_t size)
{
	weft_bufio_init_io(b, bufio_read, bufio_write, t, size);
}

/* --- closing ------------------------------------------------------------------- */

/* Make the close_notify. */
static int say_end(weft_tls *t, weft_time deadline)
{
	int err = 0, ret;

	weft_mutex_lock(&t->lock);
	while (!err && !t->shut) {
		err = t->failed;
		if (err)
			break;
		ERR_clear_error();
		ret = SSL_shutdown(t->ssl);
		if (ret >= 0)
			t->shut = true;
		else if (SSL_in_init(t->ssl) &&
			 ERR_GET_REASON(ERR_peek_error()) ==
			 SSL_R_SHUTDOWN_WHILE_IN_INIT)
			err = weft__tls_await_input_locked(t, deadline);
		else
			err = weft__tls_outcome_locked(t, ret);
	}
	weft_mutex_unlock(&t->lock);
	return err;
}

int weft_tls_shutdown(weft_tls *t, weft_time deadline)
{
	struct turn turn;
	int err = weft__tls_turn(&turn, t, &t->writing, deadline);

	if (err)
		return err;
	err = weft__tls_flush(t, deadline);
	if (!err)
		err = say_end(t, deadline);
	if (!err)
		err = weft__tls_flush(t, deadline);
	weft__tls_writing_done(&turn);
	return err;
}

int weft_tls_close(weft_tls *t, weft_time deadline)
{
	struct turn turn;
	int err = weft_tls_shutdown(t, deadline);
	char dropped[1024];

	if (!err)
		err = weft__tls_turn(&turn, t, &t->reading, deadline);
	if (err)
		return err;
	while (!err) {
		size_t k = 0;

		err = read_some(t, dropped, sizeof dropped, &k, deadline);
	}
	weft__tls_reading_done(&turn);
	return err == OUTCOME_CLOSED ? 0 : err;
}
