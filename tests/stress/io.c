/* stress/io.c - seeded chaos on descriptors: streams, deadlines, cancels, closes.
 *
 * A round is a run with some lines, each a pair of descriptors with writers and
 * readers in shifts: who is cancelled is followed by another who goes on from
 * the same place.  On a quiet line every byte must come, in order, and then the
 * end.  On a crowded one several read, and the sum must be right.  On a cut one
 * somebody closes an end at any time: what came before must be right, and
 * everybody must hear of it.  Afterwards no descriptor is left.
 *
 * Who comes late to a number that was closed must not find another file there:
 * lines are cut in rounds in which nothing is opened any more, so without plain
 * threads, whose waits open descriptors, and without rings, which a worker opens
 * when it can use one.
 */
#include "stress.h"

#include "support/proc.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weft/io.h>

enum { LINES = 12, CROWD = 6, PART = 5000, PATIENCE = 140 };

enum line_kind { QUIET, CROWDED, CUT };

struct line;

/* A writer or a reader, by one routine or thread after the other. */
struct post {
	struct line *line;
	struct rng rng;
	bool writes, plain;
	size_t at;                      /* bytes so far                   */
	uint64_t sum;                   /* of those, when crowded         */
	bool over;
	int err;                        /* how it ended on a cut line     */
	weft_id id;
	pthread_t thread;
};

struct line {
	enum line_kind kind;
	uint64_t salt;
	size_t size;
	int in, out;
	struct post writer, reader[CROWD];
	unsigned readers;
	bool cut_in, cut_out;           /* by the closer */
};

struct round {
	struct rng rng;
	struct line line[LINES];
	unsigned lines;
	bool cuts;                      /* some lines; no plain threads, no rings */
};

static unsigned char byte_at(const struct line *l, size_t i)
{
	uint64_t x = (l->salt + i) * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned char)(x >> 56);
}

/* --- descriptors ------------------------------------------------------------------ */

static void tcp_pair(int fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t l = sizeof a;
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(!bind(s, (struct sockaddr *)&a, l) && !listen(s, 1) &&
	     !getsockname(s, (struct sockaddr *)&a, &l) &&
	     !connect(fd[1], (struct sockaddr *)&a, l), "no connection");
	fd[0] = accept(s, NULL, NULL);
	close(s);
}

static void open_line(struct line *l, struct rng *rng)
{
	int fd[2] = { -1, -1 }, small = 4096;

	switch (rng_below(rng, 5)) {
	case 0:
		tcp_pair(fd);
		break;
	case 1:
		MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd), "socketpair");
		break;
	case 2:
		MUST(!pipe(fd), "pipe");
		break;
	case 3:
		MUST(!weft_pipe(fd), "weft_pipe");
		break;
	default:
		MUST(!weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd), "pair");
	}
	MUST(fd[0] >= 0 && fd[1] >= 0, "no descriptors");
	if (rng_below(rng, 2))
		setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	l->in = fd[0];
	l->out = fd[1];
}

/* --- writing and reading ------------------------------------------------------------ */

static weft_time soon(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0:
		return WEFT_NOWAIT;
	case 1:
		return weft_in((weft_time)rng_below(rng, 300) * WEFT_US);
	default:
		return WEFT_FOREVER;
	}
}

static bool gave_up(ssize_t err)
{
	return err == -EAGAIN || err == -ETIMEDOUT;
}

/* What a line that was cut may say. */
static bool hangs_up(ssize_t err)
{
	return err == -EBADF || err == -EPIPE || err == -ECONNRESET || err == 0;
}

static ssize_t write_some(struct post *p, const unsigned char *buf, size_t n)
{
	weft_time deadline = soon(&p->rng);
	int fd = p->line->out, err;
	size_t done = 0;

	switch (rng_below(&p->rng, 3)) {
	case 0:
		return weft_write(fd, buf, n, deadline);
	case 1: {
		struct iovec v[2] = { { (void *)(uintptr_t)buf, n / 2 },
				      { (void *)(uintptr_t)(buf + n / 2),
					n - n / 2 } };

		return weft_writev(fd, v, 2, deadline);
	}
	default:
		err = weft_write_all(fd, buf, n, &done, deadline);
		MUST(err || done == n, "all of %zu was %zu", n, done);
		return done ? (ssize_t)done : err;
	}
}

static ssize_t read_some(struct post *p, unsigned char *buf, size_t n)
{
	weft_time deadline = soon(&p->rng);
	int fd = p->line->in, err;
	size_t done = 0;

	switch (rng_below(&p->rng, 4)) {
	case 0:
		err = weft_read_full(fd, buf, n, &done, deadline);
		MUST(err || done == n, "full %zu was %zu", n, done);
		return done ? (ssize_t)done : err == WEFT_EOF ? 0 : err;
	case 1: {
		struct iovec v[2] = { { buf, n / 3 }, { buf + n / 3, n - n / 3 } };

		return weft_readv(fd, v, 2, deadline);
	}
	case 2:
		err = weft_poll(fd, POLLIN, deadline);
		if (err < 0)
			return err;
		deadline = WEFT_NOWAIT;
		break;
	default:
		break;
	}
	return weft_read(fd, buf, n, deadline);
}

/* False: nothing, try again.  True: it is over, or the shift is. */
static bool ended(struct post *p, ssize_t r)
{
	struct line *l = p->line;

	if (gave_up(r)) {
		weft_yield();
		return false;
	}
	if (r == -ECANCELED)
		return true;
	if (l->kind == CUT)
		MUST(hangs_up(r), "%s of a cut line: %zd",
		     p->writes ? "writer" : "reader", r);
	else
		MUST(r == 0 && !p->writes, "%s: %zd",
		     p->writes ? "writer" : "reader", r);
	p->err = (int)r;
	p->over = true;
	return true;
}

static void write_shift(struct post *p, unsigned char *buf)
{
	struct line *l = p->line;

	while (p->at < l->size) {
		size_t n = 1 + rng_below(&p->rng, PART);
		ssize_t r;

		n = n < l->size - p->at ? n : l->size - p->at;
		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(l, p->at + i);
		r = write_some(p, buf, n);
		if (r <= 0 && ended(p, r))
			return;
		if (r > 0)
			p->at += (size_t)r;
		if (!rng_below(&p->rng, 8))
			weft_yield();
	}
	p->over = true;
	if (l->kind != CUT) {
		MUST(!weft_close(l->out), "close");
		l->out = -1;
	}
}

static void read_shift(struct post *p, unsigned char *buf)
{
	struct line *l = p->line;

	for (;;) {
		ssize_t r = read_some(p, buf, 1 + rng_below(&p->rng, PART));

		if (r <= 0 && ended(p, r))
			return;
		for (ssize_t i = 0; i < r; i++) {
			p->sum += buf[i];
			MUST(l->kind == CROWDED ||
			     buf[i] == byte_at(l, p->at + (size_t)i),
			     "wrong byte at %zu", p->at + (size_t)i);
		}
		p->at += r > 0 ? (size_t)r : 0;
		if (!rng_below(&p->rng, 8))
			weft_yield();
	}
}

static int shift(void *arg)
{
	struct post *p = arg;
	unsigned char *buf = malloc(PART + 1);

	MUST(buf, "no memory");
	if (p->writes)
		write_shift(p, buf);
	else
		read_shift(p, buf);
	free(buf);
	return 0;
}

static void *shift_thread(void *arg)
{
	shift(arg);
	return NULL;
}

/* --- a round --------------------------------------------------------------------------- */

static void start_post(struct line *l, struct post *p, bool writes, bool cuts,
		       struct rng *rng)
{
	p->line = l;
	p->writes = writes;
	p->rng.x = rng_next(rng);
	p->plain = !cuts && !rng_below(rng, 5);
	if (p->plain)
		MUST(!pthread_create(&p->thread, NULL, shift_thread, p),
		     "no thread");
	else
		MUST(!weft_spawn(&p->id, NULL, shift, p), "no routine");
}

static void start_line(struct line *l, bool cuts, struct rng *rng)
{
	l->kind = (enum line_kind)rng_below(rng, cuts ? 3 : 2);
	l->salt = rng_next(rng);
	l->size = rng_below(rng, 200000);
	l->readers = l->kind == CROWDED ? 1 + rng_below(rng, CROWD) : 1;
	start_post(l, &l->writer, true, cuts, rng);
	for (unsigned i = 0; i < l->readers; i++)
		start_post(l, &l->reader[i], false, cuts, rng);
}

static void join_post(struct post *p, struct rng *rng, bool cancels)
{
	if (p->plain) {
		pthread_join(p->thread, NULL);
	} else {
		for (;;) {
			if (cancels && rng_below(rng, 3))
				(void)weft_cancel(p->id);
			MUST(!weft_join(p->id, NULL), "join");
			if (p->over)
				break;
			cancels = cancels && rng_below(rng, 4);
			MUST(!weft_spawn(&p->id, NULL, shift, p), "no routine");
		}
	}
	MUST(p->over, "over");
}

static void nudge(struct line *l, struct rng *rng)
{
	bool in = rng_below(rng, 2);
	weft_time t = rng_below(rng, 2) ? WEFT_FOREVER :
		      weft_in((weft_time)rng_below(rng, 100) * WEFT_US);

	if (l->kind == CUT && !rng_below(rng, 3) && !l->cut_in && !l->cut_out) {
		MUST(!weft_close(in ? l->in : l->out), "cut");
		*(in ? &l->cut_in : &l->cut_out) = true;
	} else if (l->kind == CUT && !l->cut_in) {
		/* Only there the descriptor is sure to be ours still. */
		MUST(!weft_fd_deadline(l->in, POLLIN, t), "deadline");
	}
}

static void end_line(struct line *l, struct rng *rng)
{
	uint64_t sum = 0, want = 0;
	size_t got = 0;

	if (l->kind == CUT && !l->cut_in && !l->cut_out) {
		MUST(!weft_close(l->in), "cut at last");
		l->cut_in = true;
	}
	join_post(&l->writer, rng, l->kind != CUT);
	if (l->kind == CUT && !l->cut_out)
		MUST(!weft_close(l->out), "close");
	for (unsigned i = 0; i < l->readers; i++) {
		join_post(&l->reader[i], rng, l->kind != CUT);
		got += l->reader[i].at;
		sum += l->reader[i].sum;
	}
	if (!l->cut_in)
		MUST(!weft_close(l->in), "close");
	MUST(got <= l->size, "%zu of %zu bytes", got, l->size);
	for (size_t i = 0; i < got; i++)
		want += byte_at(l, i);
	MUST(l->kind == CUT || (got == l->size && sum == want),
	     "%zu of %zu bytes, sum %" PRIu64 " for %" PRIu64, got, l->size,
	     sum, want);
}

static int round_of(void *arg)
{
	struct round *r = arg;

	r->lines = 1 + rng_below(&r->rng, LINES);
	for (unsigned i = 0; i < r->lines; i++)
		open_line(&r->line[i], &r->rng);
	/* What the runtime opens for waiting it has from here on. */
	MUST(weft_poll(r->line[0].in, POLLIN, weft_in(WEFT_US)) == -ETIMEDOUT,
	     "poll");
	for (unsigned i = 0; i < r->lines; i++)
		start_line(&r->line[i], r->cuts, &r->rng);
	for (unsigned n = rng_below(&r->rng, 60); n; n--) {
		nudge(&r->line[rng_below(&r->rng, r->lines)], &r->rng);
		weft_yield();
	}
	for (unsigned i = 0; i < r->lines; i++)
		end_line(&r->line[i], &r->rng);
	return 0;
}

int main(void)
{
	struct rng rng = stress_begin();
	weft_time stop = stress_end(5);
	uint64_t rounds = 0;

	do {
		struct round *r = calloc(1, sizeof *r);
		int before = open_descriptors();

		MUST(r, "no memory");
		r->rng.x = rng_next(&rng);
		r->cuts = rng_below(&rng, 2);
		setenv("WEFT_RING", r->cuts ? "off" : "on", 1);
		stress_round(&r->rng, PATIENCE, WEFT_DEADLOCK_REPORT, round_of,
			     r);
		MUST(open_descriptors() == before, "%d descriptors, %d before",
		     open_descriptors(), before);
		free(r);
		rounds++;
	} while (weft_now() < stop);
	printf("%" PRIu64 " rounds\n", rounds);
	return 0;
}
