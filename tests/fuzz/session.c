/* fuzz/session.c - see fuzz.h: the runtime, and a connection to a server.
 *
 * Descriptors: the lowest free number may not creep up while inputs run; when
 * the runtime has stopped, as many are open as before it.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { SENT_MAX = 192 * 1024, GOT_MAX = 4 << 20, CREEP = 4, PIECES = 300 };

static weft_runtime *runtime;
static int open_before, low_first;

static int count_open(bool tell)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	char what[256];
	int n = 0;

	for (; d && (e = readdir(d)) != NULL; n++) {
		ssize_t l = readlinkat(dirfd(d), e->d_name, what, sizeof what);

		if (tell && l > 0)
			fprintf(stderr, "%s: %.*s\n", e->d_name, (int)l, what);
	}
	if (d)
		closedir(d);
	return n;
}

static int lowest_free(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	close(fd);
	return fd;
}

static void finish(void)
{
	int n;

	MUST(weft_stop(runtime, weft_in(PATIENCE)) == 0);
	n = count_open(false);
	if (n > open_before)
		count_open(true);
	MUST(n <= open_before);
}

/* The poller, once made, stays until the process ends. */
static int warm_up(void *arg)
{
	int fd[2];
	char byte;

	(void)arg;
	MUST(weft_pipe(fd) == 0);
	MUST(weft_read(fd[0], &byte, 1, weft_in(1)) == -ETIMEDOUT);
	MUST(weft_close(fd[0]) == 0 && weft_close(fd[1]) == 0);
	return 0;
}

static void start(void)
{
	weft_config c;

	MUST(weft_run(warm_up, NULL) == 0);
	open_before = count_open(false);
	weft_config_init(&c);
	c.workers = 1;
	MUST(weft_start(&c, &runtime) == 0);
	atexit(finish);
}

struct job {
	void (*fn)(void *);
	void *arg;
};

static int run(void *arg)
{
	struct job *j = arg;

	j->fn(j->arg);
	return 0;
}

void session_run(void (*fn)(void *), void *arg)
{
	struct job j = { fn, arg };

	if (!runtime)
		start();
	MUST(weft_call(runtime, run, &j) == 0);
	if (!low_first)
		low_first = lowest_free();
	MUST(lowest_free() <= low_first + CREEP);
}

/* --- a connection --------------------------------------------------------------- */

static bool send_later(struct talk *t, unsigned byte, size_t times)
{
	if (t->n_sent + times > SENT_MAX)
		return false;
	memset(t->sent + t->n_sent, (int)byte, times);
	t->n_sent += times;
	return true;
}

bool talk_init(struct talk *t, const uint8_t *data, size_t n)
{
	struct input in = { data, n };
	bool fits = true;
	char *whole;

	memset(t, 0, sizeof *t);
	t->flags = input_byte(&in);
	t->pieces = t->flags & TALK_PIECES;
	for (unsigned i = 0; i < t->pieces; i++)
		t->piece[i] = (uint8_t)input_byte(&in);
	t->sent = malloc(SENT_MAX);
	MUST(t->sent);
	while (in.n && fits) {
		unsigned byte = input_byte(&in), times;

		if (byte == 0xfe) {
			times = input_byte(&in);
			byte = input_byte(&in);
			fits = send_later(t, byte, times ? 64 * times : 1);
		} else {
			fits = send_later(t, byte, 1);
		}
	}
	/* Of its size: who reads behind it is caught. */
	whole = realloc(t->sent, t->n_sent + 1);
	MUST(whole);
	t->sent = whole;
	if (!fits)
		talk_fini(t);
	return fits;
}

void talk_fini(struct talk *t)
{
	free(t->sent);
	free(t->got);
	t->sent = t->got = NULL;
}

static void server(void *arg)
{
	struct talk *t = arg;

	t->serve(t, t->server);
	t->served = true;
	MUST(weft_close(t->server) == 0);
	weft_waitgroup_done(&t->others);
}

static void read_answers(void *arg)
{
	struct talk *t = arg;
	size_t part = t->flags & TALK_SMALL ? 1500 : 1 << 16;
	ssize_t n;

	for (;;) {
		if (t->room - t->n_got < part) {
			t->room = 2 * t->room + part;
			t->got = realloc(t->got, t->room);
			MUST(t->got);
		}
		n = weft_read(t->client, t->got + t->n_got, part,
			      weft_in(PATIENCE));
		MUST(n >= 0 || n == -ECONNRESET);
		if (n <= 0)
			break;
		t->n_got += (size_t)n;
		if (t->n_got > GOT_MAX) {
			t->cut = true;
			break;
		}
	}
	/* A server that lingers sees the end. */
	weft_shutdown(t->client, SHUT_RDWR);
	weft_waitgroup_done(&t->others);
}

/* Has the server everything?  Then the next piece is one of its own. */
static bool taken(struct talk *t)
{
	int n = 0;

	return t->served || ioctl(t->server, FIONREAD, &n) || n == 0;
}

static size_t piece_of(const struct talk *t, size_t i, size_t left)
{
	size_t n = t->pieces && i < PIECES ? t->piece[i % t->pieces] : 0;

	return n && n < left ? n : left;
}

static void feed(struct talk *t)
{
	weft_time end = weft_in(PATIENCE);
	int err = 0;

	for (size_t i = 0, at = 0, n; at < t->n_sent && !err; i++, at += n) {
		n = piece_of(t, i, t->n_sent - at);
		err = weft_write_all(t->client, t->sent + at, n, NULL, end);
		MUST(err == 0 || err == -EPIPE || err == -ECONNRESET);
		while (!err && !taken(t)) {
			MUST(weft_now() < end);
			weft_yield();
		}
	}
	weft_shutdown(t->client, SHUT_WR);
}

/* As much as there is room for. */
static void feed_at_once(struct talk *t)
{
	ssize_t n = weft_write(t->client, t->sent, t->n_sent, WEFT_NOWAIT);

	t->n_sent = n > 0 ? (size_t)n : 0;
}

static void begin(struct talk *t, void (*fn)(void *))
{
	weft_waitgroup_add(&t->others, 1);
	MUST(weft_go(fn, t) == 0);
}

void talk_run(struct talk *t)
{
	int fd[2], little = 1;

	MUST(weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	t->client = fd[0];
	t->server = fd[1];
	t->others = (weft_waitgroup)WEFT_WAITGROUP_INIT;
	t->served = t->cut = false;
	t->n_got = 0;
	if (t->flags & TALK_SMALL)
		setsockopt(t->server, SOL_SOCKET, SO_SNDBUF, &little,
			   sizeof little);
	if (t->flags & (TALK_HURRY | TALK_LEAVES))
		feed_at_once(t);
	begin(t, server);
	if (t->flags & TALK_LEAVES) {
		weft_yield();
	} else {
		begin(t, read_answers);
		if (!(t->flags & TALK_HURRY))
			feed(t);
	}
	if (t->flags & TALK_LEAVES)
		MUST(weft_close(t->client) == 0);
	MUST(weft_waitgroup_wait_until(&t->others, weft_in(PATIENCE)) == 0);
	if (!(t->flags & TALK_LEAVES))
		MUST(weft_close(t->client) == 0);
}
