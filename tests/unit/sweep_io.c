/* tests/unit/sweep_io.c - sockets, pipes and what waits for them, while every
 * system call fails in every way; see support/sweep.h.
 */
#include "support/sweep.h"

#include <netinet/in.h>
#include <sys/un.h>
#include <weft/bufio.h>
#include <weft/io.h>
#include <weft/loop.h>
#include <weft/net.h>

TestSuite(sweep_io, .timeout = 250);

enum { SIZE = 700, BULK_SIZE = 300000 };

static char text[BULK_SIZE];

static void make_text(void)
{
	for (int i = 0; i < BULK_SIZE; i++)
		text[i] = (char)(i * 31 + i / 256);
}

/* Both sides are told, by no call of the library. */
static void give_up(int fd)
{
	plan.spoilt = true;
	shutdown(fd, SHUT_RDWR);
}

static bool same(const char *got, size_t n)
{
	return CHECK(n <= BULK_SIZE && memcmp(got, text, n) == 0);
}

/* --- an echo over a connection ------------------------------------------------------- */

struct echo {
	atomic_int l;                           /* -1: closed */
	int fd;
	bool by_parts;
};

static void close_listener(struct echo *e)
{
	int l = atomic_exchange(&e->l, -1);

	if (l >= 0)
		OK(weft_close(l));
}

static int serves(void *arg)
{
	struct echo *e = arg;
	char buf[200];
	ssize_t n;
	int c = (int)OK(weft_accept(e->l, NULL, NULL, soon()));

	if (c < 0) {
		/* Who is in the queue hears of it. */
		close_listener(e);
		return 0;
	}
	while ((n = OK(weft_read(c, buf, sizeof buf, soon()))) > 0)
		if (OK(weft_write_all(c, buf, (size_t)n, NULL, soon())) < 0)
			break;
	if (n || OK(weft_shutdown(c, SHUT_WR)) < 0)
		give_up(c);
	OK(weft_close(c));
	return 0;
}

static int says(void *arg)
{
	struct echo *e = arg;
	struct iovec v[2] = { { text, 100 }, { text + 100, SIZE - 100 } };
	size_t done = 0;
	ssize_t n = 0;

	if (e->by_parts)
		n = OK(weft_writev(e->fd, v, 2, soon()));
	if (n < 0 || OK(weft_write_all(e->fd, text + n, SIZE - (size_t)n,
				       &done, soon())) < 0 ||
	    OK(weft_shutdown(e->fd, SHUT_WR)) < 0)
		give_up(e->fd);
	return 0;
}

static void hears(struct echo *e)
{
	char back[SIZE], more;
	size_t done = 0;
	ssize_t n = 0;
	int err;

	if (e->by_parts) {
		struct iovec v[2] = { { back, 50 }, { back + 50, 300 } };

		n = OK(weft_readv(e->fd, v, 2, soon()));
	}
	err = n < 0 ? (int)n : (int)OK(weft_read_full(e->fd, back + n, SIZE -
						(size_t)n, &done, soon()));
	if (n >= 0)
		same(back, (size_t)n + done);
	if (!err)
		CHECK_EQ(n + (ssize_t)done, SIZE);
	if (err || OK(weft_read(e->fd, &more, 1, soon())) != 0)
		give_up(e->fd);
}

static void echo(int fd, struct mate *server, struct echo *e)
{
	struct mate writer;

	e->fd = fd;
	if (fd < 0) {
		/* The server waits for nobody. */
		close_listener(e);
	} else {
		e->by_parts = !e->by_parts;
		if (mate_start(&writer, says, e))
			hears(e);
		else
			give_up(fd);
		mate_join(&writer);
		OK(weft_close(fd));
	}
	mate_join(server);
	close_listener(e);
}

static void tcp_by(const char *host, bool by_parts)
{
	struct echo e = { .l = (int)OK(weft_tcp_listen(host, 0, 0)),
			  .by_parts = by_parts };
	struct mate server;
	int port;

	if (e.l < 0)
		return;
	port = (int)OK(weft_sockport(e.l));
	if (port < 0 || !mate_start(&server, serves, &e)) {
		close_listener(&e);
		return;
	}
	echo((int)OK(weft_tcp_connect(host, port, soon())), &server, &e);
}

static void tcp_echo(void)
{
	static bool by_parts;

	by_parts = !by_parts;
	tcp_by("127.0.0.1", !by_parts);
}

/* The resolver, and every address that it finds. */
static void dial_by_name(void)
{
	tcp_by("localhost", false);
}

static void unix_echo(void)
{
	static int turn;
	struct echo e = { .by_parts = ++turn & 1 };
	struct mate server;
	char name[64];

	snprintf(name, sizeof name, "@weft-sweep-%d-%d", (int)getpid(), turn);
	e.l = (int)OK(weft_unix_listen(name, 0));
	if (e.l < 0)
		return;
	if (!mate_start(&server, serves, &e)) {
		close_listener(&e);
		return;
	}
	echo((int)OK(weft_unix_connect(name, soon())), &server, &e);
}

/* --- descriptors of another's making ---------------------------------------------------- */

static void handed(const struct sockaddr *a, socklen_t l)
{
	struct sockaddr_storage at;
	struct echo e = { .l = socket(a->sa_family, SOCK_STREAM, 0) };
	int fd = socket(a->sa_family, SOCK_STREAM, 0);
	struct mate server;

	CHECK_EQ(bind(e.l, a, l), 0);
	CHECK_EQ(listen(e.l, 4), 0);
	l = sizeof at;
	CHECK_EQ(getsockname(e.l, (struct sockaddr *)&at, &l), 0);
	if (!mate_start(&server, serves, &e)) {
		close_listener(&e);
		OK(weft_close(fd));
		return;
	}
	if (OK(weft_connect(fd, (struct sockaddr *)&at, l, soon())) < 0) {
		OK(weft_close(fd));
		fd = -1;
	}
	echo(fd, &server, &e);
}

static void handed_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	handed((struct sockaddr *)&a, sizeof a);
}

static void handed_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	/* The kernel finds a name. */
	handed((struct sockaddr *)&a, sizeof a.sun_family);
}

/* --- much at a time, through a pipe ------------------------------------------------------ */

static int pours(void *arg)
{
	int fd = *(int *)arg;

	OK(weft_write_all(fd, text, BULK_SIZE, NULL, soon()));
	OK(weft_close(fd));
	return 0;
}

static void pour(int fd[2])
{
	char *back = __real_malloc(BULK_SIZE + 1);
	struct mate writer;
	size_t done = 0;
	int err;

	if (!mate_start(&writer, pours, &fd[1])) {
		OK(weft_close(fd[1]));
	} else {
		err = weft_read_full(fd[0], back, BULK_SIZE + 1, &done, soon());
		same(back, done);
		if (err != WEFT_EOF)
			OK(err);
		else if (!plan.spoilt)
			CHECK_EQ(done, BULK_SIZE);
	}
	OK(weft_close(fd[0]));
	mate_join(&writer);
	__real_free(back);
}

static void bulk_pipe(void)
{
	int fd[2];

	if (OK(weft_pipe(fd)) == 0)
		pour(fd);
}

static void bulk_handed_pipe(void)
{
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	pour(fd);
}

static void bulk_socket(void)
{
	int fd[2];

	if (OK(weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) == 0)
		pour(fd);
}

/* --- datagrams ---------------------------------------------------------------------------- */

static bool message(int from, int to, int n, const struct sockaddr_in *dest,
		    const struct sockaddr_in *source)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t l = sizeof a;
	char buf[64];
	struct iovec v = { buf, sizeof buf };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof a,
			    .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t got;

	if (OK(weft_sendto(from, text + n, 20 + (size_t)n, 0,
			   (const struct sockaddr *)dest, sizeof *dest,
			   soon())) < 0)
		return false;
	got = n % 2 ? OK(weft_recvmsg(to, &m, 0, soon())) :
	      OK(weft_recvfrom(to, buf, sizeof buf, 0, (struct sockaddr *)&a,
			       &l, soon()));
	if (got < 0)
		return false;
	CHECK_EQ(got, 20 + n);
	CHECK(memcmp(buf, text + n, 20 + (size_t)n) == 0);
	CHECK_EQ(a.sin_port, source->sin_port);
	return true;
}

static void datagrams(void)
{
	int a = (int)OK(weft_udp_bind("127.0.0.1", 0));
	int b = (int)OK(weft_udp_bind("127.0.0.1", 0));
	struct sockaddr_in at_a = { .sin_family = AF_INET }, at_b = at_a;
	socklen_t l = sizeof at_a;

	if (a >= 0 && b >= 0) {
		CHECK_EQ(getsockname(a, (struct sockaddr *)&at_a, &l), 0);
		CHECK_EQ(getsockname(b, (struct sockaddr *)&at_b, &l), 0);
		for (int i = 0; i < 8; i++)
			if (!(i & 2 ? message(b, a, i, &at_a, &at_b) :
				      message(a, b, i, &at_b, &at_a)))
				break;
	}
	if (a >= 0)
		OK(weft_close(a));
	if (b >= 0)
		OK(weft_close(b));
}

/* --- buffered lines, files into sockets --------------------------------------------------- */

enum { LINES = 30 };

static int tells_lines(void *arg)
{
	int fd = *(int *)arg;
	weft_bufio b;
	ssize_t r = 0;

	weft_bufio_init(&b, fd, 64);
	for (int i = 0; i < LINES && r >= 0; i++) {
		char line[32];
		int n = snprintf(line, sizeof line, "line %d of %d\n", i,
				 LINES);

		r = i % 2 ? OK(weft_bufio_printf(&b, soon(), "%s", line)) :
		    OK(weft_bufio_write(&b, line, (size_t)n, soon()));
		/* Fewer: the error is the next call's. */
		if (r >= 0 && r < n)
			r = OK(weft_bufio_puts(&b, line + r, soon()));
	}
	if (r >= 0)
		OK(weft_bufio_flush(&b, soon()));
	weft_bufio_fini(&b);
	if (plan.spoilt)
		shutdown(fd, SHUT_RDWR);
	OK(weft_close(fd));
	return 0;
}

static void lines(void)
{
	char *line, want[32];
	struct mate writer;
	weft_bufio b;
	int fd[2], err = 0, i;

	if (OK(weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) < 0)
		return;
	if (!mate_start(&writer, tells_lines, &fd[1]))
		OK(weft_close(fd[1]));
	weft_bufio_init(&b, fd[0], 48);
	for (i = 0; !err; i++) {
		err = weft_bufio_read_line(&b, &line, NULL, soon());
		snprintf(want, sizeof want, "line %d of %d", i, LINES);
		/* The last one may have lost its end. */
		if (!err && strcmp(line, want))
			CHECK(plan.spoilt && !strncmp(line, want, strlen(line)));
	}
	if (err != WEFT_EOF) {
		OK(err);
		give_up(fd[0]);
	} else if (!plan.spoilt) {
		CHECK_EQ(i - 1, LINES);
	}
	weft_bufio_fini(&b);
	OK(weft_close(fd[0]));
	mate_join(&writer);
}

struct relay {
	int out, in;
	bool copies;
};

static int relays(void *arg)
{
	struct relay *r = arg;
	off_t off = 0;
	ssize_t n = 1;

	if (r->copies) {
		n = OK(weft_fd_deadline(r->out, POLLOUT, soon()));
		if (n == 0)
			n = OK(weft_copy(r->out, r->in));
		if (n >= 0)
			CHECK_EQ(n, SIZE);
	}
	while (!r->copies && n > 0)
		n = OK(weft_sendfile(r->out, r->in, &off, SIZE, soon()));
	OK(weft_close(r->out));
	return 0;
}

static void relay(bool copies)
{
	struct relay r = { .copies = copies };
	char back[SIZE + 1], path[] = "/tmp/weft-sweep-XXXXXX";
	struct mate writer;
	size_t done = 0;
	int fd[2], err;

	if (OK(weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) < 0)
		return;
	r.out = fd[1];
	r.in = mkstemp(path);
	unlink(path);
	CHECK_EQ(write(r.in, text, SIZE), SIZE);
	CHECK_EQ(lseek(r.in, 0, SEEK_SET), 0);
	if (!mate_start(&writer, relays, &r))
		OK(weft_close(fd[1]));
	err = weft_read_full(fd[0], back, SIZE + 1, &done, soon());
	same(back, done < SIZE ? done : SIZE);
	if (err != WEFT_EOF)
		OK(err);
	else if (!plan.spoilt)
		CHECK_EQ(done, SIZE);
	OK(weft_close(fd[0]));
	mate_join(&writer);
	OK(weft_close(r.in));
}

static void sends_file(void)
{
	relay(false);
}

static void copies_file(void)
{
	relay(true);
}

/* --- inside another loop ---------------------------------------------------------------------- */

struct ping {
	int fd;
	atomic_int over;
	bool first;
};

static void pings(void *arg)
{
	struct ping *p = arg;
	char c = 'a';

	for (int i = 0; i < 5; i++) {
		if (p->first && OK(weft_sleep(WEFT_MS / 4)) < 0)
			break;
		if (p->first && OK(weft_write(p->fd, &c, 1, soon())) < 0)
			break;
		if (OK(weft_read(p->fd, &c, 1, soon())) <= 0)
			break;
		if (!p->first && OK(weft_write(p->fd, &c, 1, soon())) < 0)
			break;
	}
	if (plan.spoilt)
		shutdown(p->fd, SHUT_RDWR);
	p->over = 1;
}

static void other_loop(void)
{
	struct ping a = { .first = true }, b = { .first = false };
	weft_runtime *rt;
	int fd[2];

	if (OK(weft_loop_start(NULL, &rt)) < 0) {
		CHECK(rt == NULL);
		return;
	}
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	a.fd = fd[0];
	b.fd = fd[1];
	a.over = OK(weft_submit(rt, pings, &a)) < 0;
	b.over = a.over || OK(weft_submit(rt, pings, &b)) < 0;
	if (b.over)
		shutdown(a.fd, SHUT_RDWR);
	while (!a.over || !b.over) {
		struct pollfd p = { .fd = weft_loop_fd(rt), .events = POLLIN };

		if (!CHECK(poll(&p, 1, 20000) != 0))
			break;
		CHECK(weft_loop_run(rt, WEFT_NOWAIT) <= 0);
	}
	OK(weft_close(a.fd));
	OK(weft_close(b.fd));
	CHECK_EQ(weft_stop(rt, WEFT_FOREVER), 0);
}

static const struct workload workloads[] = {
	{ "echo over TCP", tcp_echo, 0, NULL, NULL },
	{ "echo over TCP", tcp_echo, 0, "uring", NULL },
	{ "echo over TCP", tcp_echo, 0, "poll", NULL },
	{ "echo over TCP, threads", tcp_echo, NO_RUNTIME, NULL, NULL },
	{ "echo over Unix", unix_echo, 0, NULL, NULL },
	{ "echo over Unix, threads", unix_echo, NO_RUNTIME, NULL, NULL },
	{ "handed, TCP", handed_tcp, 0, NULL, NULL },
	{ "handed, TCP, threads", handed_tcp, NO_RUNTIME, NULL, NULL },
	{ "handed, Unix", handed_unix, 0, NULL, NULL },
	{ "handed, Unix, threads", handed_unix, NO_RUNTIME, NULL, NULL },
	{ "dial by name", dial_by_name, 0, NULL, NULL },
	{ "bulk, pipe", bulk_pipe, BULK, NULL, NULL },
	{ "bulk, handed pipe", bulk_handed_pipe, BULK, NULL, NULL },
	{ "bulk, handed pipe, threads", bulk_handed_pipe, BULK | NO_RUNTIME,
	  NULL, NULL },
	{ "bulk, socket", bulk_socket, BULK, "poll", NULL },
	{ "datagrams", datagrams, MESSAGES, NULL, NULL },
	{ "datagrams, threads", datagrams, MESSAGES | NO_RUNTIME, NULL, NULL },
	{ "lines", lines, 0, NULL, NULL },
	{ "sendfile", sends_file, 0, NULL, NULL },
	{ "copy", copies_file, 0, NULL, NULL },
	{ "in another loop", other_loop, NO_RUNTIME, NULL, NULL },
};

Test(sweep_io, no_failure_loses_leaks_or_hangs)
{
	make_text();
	sweep(workloads, COUNT(workloads), IO);
}

Test(sweep_io, every_call_is_in_the_table)
{
	all_have_rows();
}
