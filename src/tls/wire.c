/* tls/wire.c - the buffers below OpenSSL, and moving them to and from the
 * descriptor; rules in connection.h.
 */
#include "tls/connection.h"

#include <openssl/bio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <weft/io.h>

/* A connection that is waited for keeps a small buffer; one that filled it gets
 * room for two records. */
enum { IN_SMALL = 4096, IN_LARGE = 2 * (16384 + 256) };

void weft__tls_buffer_free(struct buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof *b);
}

int weft__tls_buffer_reserve(struct buffer *b, size_t n)
{
	size_t size;
	char *data;

	if (b->size - b->len >= n)
		return 0;
	if (b->off == b->len)
		b->off = b->len = 0;
	size = b->len + n;
	if (size < 2 * b->size)
		size = 2 * b->size;
	data = realloc(b->data, size);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->size = size;
	return 0;
}

/* --- what OpenSSL sees; locked, and nothing in here parks -------------------- */

static int bio_read(BIO *bio, char *buf, int n)
{
	weft_tls *t = BIO_get_data(bio);
	size_t k = buffer_used(&t->in);

	BIO_clear_retry_flags(bio);
	if (!k && !t->ended)
		BIO_set_retry_read(bio);
	if (!k)
		return t->ended ? 0 : -1;
	if (k > (size_t)n)
		k = (size_t)n;
	memcpy(buf, t->in.data + t->in.off, k);
	t->in.off += k;
	return (int)k;
}

static int bio_write(BIO *bio, const char *buf, int n)
{
	weft_tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (weft__tls_buffer_reserve(&t->out, (size_t)n) != 0) {
		t->no_memory = true;
		return -1;
	}
	memcpy(t->out.data + t->out.len, buf, (size_t)n);
	t->out.len += (size_t)n;
	return n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	weft_tls *t = BIO_get_data(bio);

	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return t->ended && !buffer_used(&t->in);
	default:
		return 0;
	}
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void method_make(void)
{
	int type = BIO_get_new_index();

	method = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK,
						"weft");
	if (!method)
		return;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

int weft__tls_wire(weft_tls *t)
{
	BIO *bio;

	pthread_once(&method_once, method_make);
	bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return -ENOMEM;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	return 0;
}

/* --- turns ---------------------------------------------------------------------- */

static void give_back(struct turn *turn)
{
	weft_tls *t = turn->t;

	weft_mutex_unlock(turn->of);
	if (turn->of == &t->reading)
		weft__tls_moved(t);                         /* N5 */
}

/* Its taker never goes on. */
static void turn_drop(void *arg)
{
	struct turn *turn = arg;
	weft_tls *t = turn->t;

	if (turn->of == &t->writing && t->midway) {         /* N3 */
		t->midway = false;
		t->unsendable = -EPIPE;
	}
	give_back(turn);
}

static void turn_taken(struct turn *turn, weft_tls *t, weft_mutex *of)
{
	turn->t = t;
	turn->of = of;
	weft_hold_begin(&turn->held, turn_drop, turn);              /* N6 */
}

static bool turn_try(struct turn *turn, weft_tls *t, weft_mutex *of)
{
	if (weft_mutex_trylock(of) != 0)
		return false;
	turn_taken(turn, t, of);
	return true;
}

static void turn_over(struct turn *turn)
{
	weft_hold_end(&turn->held);
	give_back(turn);
}

int weft__tls_turn(struct turn *turn, weft_tls *t, weft_mutex *of,
		   weft_time deadline)
{
	int err = weft_mutex_lock_until(of, deadline);

	if (!err)
		turn_taken(turn, t, of);
	return err;
}

void weft__tls_reading_done(struct turn *turn)
{
	turn_over(turn);
}

void weft__tls_writing_done(struct turn *turn)
{
	turn_over(turn);
	weft__tls_push(turn->t);                            /* N4 */
}

/* --- input --------------------------------------------------------------------- */

/* Room behind what is left, which moves to the front. */
static int make_room_locked(weft_tls *t)
{
	struct buffer *in = &t->in;
	size_t left = buffer_used(in);

	if (!left && t->small && in->size > IN_SMALL)
		weft__tls_buffer_free(in);
	if (left && in->off)
		memmove(in->data, in->data + in->off, left);
	in->off = 0;
	in->len = left;
	if (left < in->size && (t->small || in->size >= IN_LARGE))
		return 0;
	return weft__tls_buffer_reserve(in, (in->size && !t->small ? IN_LARGE :
					     IN_SMALL + left) - left);
}

/* What was read belongs to `in` now (N2).  False: nothing was. */
static bool take_in_locked(weft_tls *t)
{
	size_t room = t->in.size - t->in.len, n = (size_t)t->got;

	if (t->got < 0)
		return false;
	t->got = -1;
	t->in.len += n;
	t->ended |= n == 0;
	t->small = n < room && n < IN_SMALL;
	weft__tls_moved(t);
	return true;
}

int weft__tls_fill(weft_tls *t, weft_time deadline)
{
	size_t room = 0;
	char *tail = NULL;
	ssize_t n = 0;
	bool ready;

	weft_mutex_lock(&t->lock);
	ready = take_in_locked(t) || t->ended;
	if (!ready) {
		n = make_room_locked(t);
		room = t->in.size - t->in.len;
		tail = t->in.data + t->in.len;
	}
	weft_mutex_unlock(&t->lock);
	if (!ready && !n)
		n = weft_read(t->fd, tail, room, deadline);
	if (ready || n < 0)
		return (int)n;
	t->got = n;                                                 /* N2 */
	weft_mutex_lock(&t->lock);
	take_in_locked(t);
	weft_mutex_unlock(&t->lock);
	return 0;
}

void weft__tls_moved(weft_tls *t)
{
	if (atomic_exchange(&t->asked, false))
		weft_waitgroup_done(&t->untold);
}

int weft__tls_await_input_locked(weft_tls *t, weft_time deadline)
{
	struct turn turn;
	int err;

	/* Counted before it is asked for: who tells needs no lock.  It may still
	 * be there from one that was not told. */
	weft_waitgroup_add(&t->untold, 1);
	if (atomic_exchange(&t->asked, true))
		weft_waitgroup_done(&t->untold);
	weft_mutex_unlock(&t->lock);
	if (turn_try(&turn, t, &t->reading)) {
		err = weft__tls_fill(t, deadline);
		weft__tls_reading_done(&turn);
	} else {
		err = weft_waitgroup_wait_until(&t->untold, deadline);
	}
	weft_mutex_lock(&t->lock);
	return err;
}

/* --- output -------------------------------------------------------------------- */

/* False: there is nothing to send. */
static bool load(weft_tls *t)
{
	struct buffer *s = &t->sending;

	if (buffer_used(s))
		return true;
	weft__tls_buffer_free(s);
	weft_mutex_lock(&t->lock);
	*s = t->out;
	memset(&t->out, 0, sizeof t->out);
	weft_mutex_unlock(&t->lock);
	return buffer_used(s) != 0;
}

/* It may be tried again. */
static bool passing(ssize_t err)
{
	return err == -ETIMEDOUT || err == -EAGAIN || err == -ECANCELED ||
	       err == -ENOMEM;
}

int weft__tls_flush(weft_tls *t, weft_time deadline)
{
	struct buffer *s = &t->sending;

	while (!t->unsendable && load(t)) {
		ssize_t n;

		t->midway = true;
		n = weft_write(t->fd, s->data + s->off, buffer_used(s),
			       deadline);
		t->midway = false;
		if (passing(n))
			return (int)n;
		if (n < 0)
			t->unsendable = (int)n;
		else
			s->off += (size_t)n;
	}
	return t->unsendable;
}

void weft__tls_push(weft_tls *t)
{
	for (;;) {
		struct turn turn;
		bool more;
		int err;

		weft_mutex_lock(&t->lock);
		more = buffer_used(&t->out) != 0;
		weft_mutex_unlock(&t->lock);
		if (!more || !turn_try(&turn, t, &t->writing))
			return;
		err = weft__tls_flush(t, WEFT_NOWAIT);
		turn_over(&turn);
		if (err)
			return;
	}
}
