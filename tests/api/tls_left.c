/* api/tls_left.c - TLS: who waits for another's turn, and that other never goes
 * on: its run ends in the middle of its call.
 */
#include "support/meet.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <sched.h>

TestSuite(tls_left, .timeout = 120, .init = pki_make, .fini = pki_clean);

/* --- half of a message ------------------------------------------------------------------- */

/* A connection over a wire that the test itself moves bytes along. */
struct slow {
	struct meeting m;
	int near, far;                  /* the wire's ends                  */
	atomic_int done[2];
	atomic_int waits, sent;
	char tickets[8192];
	size_t length;
};

static int slow_client(void *arg)
{
	struct slow *s = arg;

	CHECK_EQ(weft_tls_client(&s->m.tls[CLIENT], s->m.client_ctx,
				 s->m.fd[CLIENT], "localhost", PATIENCE), 0);
	s->done[CLIENT] = 1;
	return 0;
}

static int slow_server(void *arg)
{
	struct slow *s = arg;

	CHECK_EQ(weft_tls_server(&s->m.tls[SERVER], s->m.server_ctx,
				 s->m.fd[SERVER], PATIENCE), 0);
	s->done[SERVER] = 1;
	return 0;
}

/* What one side has written so far, to the other. */
static size_t forward(int from, int to)
{
	char buf[8192];
	ssize_t n = weft_read(from, buf, sizeof buf, WEFT_NOWAIT);

	if (n > 0)
		CHECK_EQ(weft_write_all(to, buf, (size_t)n, NULL, PATIENCE), 0);
	return n > 0 ? (size_t)n : 0;
}

/* The client is through; of the server's tickets, which do not fit one record,
 * it has got nothing. */
static void slow_meet(struct slow *s)
{
	weft_tls_config c = { .ca_file = pki("ca.pem"),
			      .cert_file = pki("client.pem"),
			      .key_file = pki("client.key") };
	weft_tls_config server = { .ca_file = pki("ca.pem"),
				   .cert_file = pki("both.pem"),
				   .flags = WEFT_TLS_REQUIRE_CERT };
	struct crew a, b;
	int fd[2];
	ssize_t n;

	CHECK_EQ(weft_tls_ctx_client(&s->m.client_ctx, &c), 0);
	CHECK_EQ(weft_tls_ctx_server(&s->m.server_ctx, &server), 0);
	SSL_CTX_set_max_send_fragment(weft_tls_ctx_openssl(s->m.server_ctx), 512);
	stream_pair(fd);
	s->m.fd[CLIENT] = fd[0];
	s->near = fd[1];
	stream_pair(fd);
	s->m.fd[SERVER] = fd[0];
	s->far = fd[1];
	crew_start(&a, 1, 0, slow_client, s);
	crew_start(&b, 1, 0, slow_server, s);
	wait_until(forward(s->near, s->far));
	wait_until((forward(s->far, s->near), s->done[CLIENT]));
	wait_until((forward(s->near, s->far), s->done[SERVER]));
	crew_join(&a);
	crew_join(&b);
	n = weft_read(s->far, s->tickets, sizeof s->tickets, PATIENCE);
	CHECK(n > 512);
	s->length = n > 0 ? (size_t)n : 0;
}

static int slow_read(void *arg)
{
	struct slow *s = arg;
	char c;

	s->waits++;
	CHECK_EQ(weft_tls_read(s->m.tls[CLIENT], &c, 1, PATIENCE), 1);
	return 0;
}

static int slow_write(void *arg)
{
	struct slow *s = arg;

	s->waits++;
	CHECK_EQ(weft_tls_write(s->m.tls[CLIENT], "x", 1, PATIENCE), 1);
	s->sent++;
	return 0;
}

static int half_message(void *arg)
{
	struct slow s;
	struct crew reader, writer;
	weft_tls *tls;
	size_t first;
	char c;

	(void)arg;
	memset(&s, 0, sizeof s);
	slow_meet(&s);
	tls = s.m.tls[CLIENT];
	first = 5 + ((size_t)(unsigned char)s.tickets[3] << 8 |
		     (unsigned char)s.tickets[4]);
	CHECK(first < s.length);
	CHECK_EQ(weft_write_all(s.near, s.tickets, first, NULL, PATIENCE), 0);
	CHECK_EQ(weft_tls_read(tls, &c, 1, -1), -ETIMEDOUT);
	/* The rest must come before anything can be written. */
	CHECK_EQ(weft_tls_write(tls, "x", 1, -1), -ETIMEDOUT);
	CHECK_EQ(weft_tls_write(tls, "x", 1, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_tls_shutdown(tls, weft_in(WEFT_MS)), -ETIMEDOUT);
	crew_start(&reader, 1, 0, slow_read, &s);
	crew_start(&writer, 1, 0, slow_write, &s);
	wait_until(s.waits == 2);
	for (int i = 0; i < 50; i++)
		weft_yield();
	CHECK_EQ(s.sent, 0);
	CHECK_EQ(weft_write_all(s.near, s.tickets + first, s.length - first,
				NULL, PATIENCE), 0);
	crew_join(&writer);
	wait_until(forward(s.near, s.far));
	CHECK_EQ(weft_tls_read(s.m.tls[SERVER], &c, 1, PATIENCE), 1);
	CHECK_EQ(weft_tls_write(s.m.tls[SERVER], "y", 1, PATIENCE), 1);
	wait_until(forward(s.far, s.near));
	crew_join(&reader);
	weft_close(s.near);
	weft_close(s.far);
	meet_end(&s.m);
	return 0;
}

Test(tls_left, a_writer_waits_for_the_other_half_of_a_message)
{
	TLS_ANYWHERE(half_message);
}

/* --- a run that ends in the middle ------------------------------------------------------- */

/* A routine of another run is inside of a call when that run ends. */
struct other {
	int (*fn)(void *);
	void *arg;
	atomic_int inside, waits, over;
	pthread_t thread;
};

static int other_routine(void *arg)
{
	struct other *o = arg;

	o->inside = 1;
	return o->fn(o->arg);
}

static int other_main(void *arg)
{
	struct other *o = arg;
	weft_id id;

	CHECK_EQ(weft_spawn(&id, NULL, other_routine, o), 0);
	/* On the one worker: the routine runs no more. */
	wait_until(o->inside);
	(void)weft_sleep(WEFT_MS);
	o->waits = 1;
	while (!o->over)
		(void)weft_sleep(WEFT_MS);
	return 0;
}

static void *other_run(void *arg)
{
	CHECK_EQ(run_on(1, other_main, arg), 0);
	return NULL;
}

/* Back when the routine has begun to wait. */
static void other_begin(struct other *o, int (*fn)(void *), void *arg)
{
	*o = (struct other){ .fn = fn, .arg = arg };
	CHECK_EQ(pthread_create(&o->thread, NULL, other_run, o), 0);
	wait_until(o->waits);
	for (int i = 0; i < 20; i++)
		(void)weft_sleep(WEFT_MS);
}

static void other_end(struct other *o)
{
	o->over = 1;
	pthread_join(o->thread, NULL);
}

static int never_reads(void *arg)
{
	struct slow *s = arg;
	char c;

	(void)!weft_tls_read(s->m.tls[CLIENT], &c, 1, WEFT_FOREVER);
	CHECK(!"it was discarded");
	return 0;
}

/* The reader on whom the writer relies never goes on: it reads by itself. */
static int reader_left(void *arg)
{
	struct slow s;
	struct crew writer;
	struct other o;
	size_t first;
	char c;

	(void)arg;
	memset(&s, 0, sizeof s);
	slow_meet(&s);
	first = 5 + ((size_t)(unsigned char)s.tickets[3] << 8 |
		     (unsigned char)s.tickets[4]);
	CHECK_EQ(weft_write_all(s.near, s.tickets, first, NULL, PATIENCE), 0);
	CHECK_EQ(weft_tls_read(s.m.tls[CLIENT], &c, 1, -1), -ETIMEDOUT);
	other_begin(&o, never_reads, &s);
	crew_start(&writer, 1, 0, slow_write, &s);
	wait_until(s.waits == 1);
	for (int i = 0; i < 20; i++)
		(void)weft_sleep(WEFT_MS);
	other_end(&o);
	CHECK_EQ(s.sent, 0);
	CHECK_EQ(weft_write_all(s.near, s.tickets + first, s.length - first,
				NULL, PATIENCE), 0);
	crew_join(&writer);
	CHECK_EQ(s.sent, 1);
	wait_until(forward(s.near, s.far));
	CHECK_EQ(weft_tls_read(s.m.tls[SERVER], &c, 1, PATIENCE), 1);
	weft_close(s.near);
	weft_close(s.far);
	meet_end(&s.m);
	return 0;
}

Test(tls_left, a_reader_that_is_discarded_keeps_no_writer)
{
	TLS_EACH(reader_left);
}

enum { MUCH = 4 << 20 };

static bool takes_no_more(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 0;
}

static int never_writes(void *arg)
{
	static const char much[MUCH];
	struct meeting *m = arg;

	(void)!weft_tls_write_all(m->tls[CLIENT], much, MUCH, NULL,
				  WEFT_FOREVER);
	CHECK(!"it was discarded");
	return 0;
}

/* Half of what it was to write is out: that is told, and reading goes on. */
static int writer_left(void *arg)
{
	struct meeting m;
	struct other o;
	char c = 0;

	(void)arg;
	meet(&m);
	other_begin(&o, never_writes, &m);
	wait_until(takes_no_more(m.fd[CLIENT]));
	CHECK_EQ(weft_tls_write(m.tls[CLIENT], "x", 1, weft_in(WEFT_MS)),
		 -ETIMEDOUT);
	other_end(&o);
	CHECK_EQ(weft_tls_write(m.tls[CLIENT], "x", 1, PATIENCE), -EPIPE);
	CHECK_EQ(weft_tls_flush(m.tls[CLIENT], PATIENCE), -EPIPE);
	CHECK_EQ(weft_tls_shutdown(m.tls[CLIENT], PATIENCE), -EPIPE);
	CHECK_EQ(weft_tls_write(m.tls[SERVER], "y", 1, PATIENCE), 1);
	CHECK_EQ(weft_tls_read(m.tls[CLIENT], &c, 1, PATIENCE), 1);
	CHECK_EQ(c, 'y');
	meet_end(&m);
	return 0;
}

Test(tls_left, a_writer_that_is_discarded_ends_the_writing)
{
	TLS_EACH(writer_left);
}
