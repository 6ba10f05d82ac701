/* tests/unit/iofault.c - src/io when the kernel says no, little, or later. */
#include "support/sides.h"
#include "support/storm.h"

#include "os/sys.h"

#include <weft/bufio.h>

TestSuite(iofault, .timeout = 120);

/* What the hook answers: for one call, on one descriptor or (-1) on all.  Workers
 * without work are in it at any time. */
static struct {
	atomic_int call, fd, answer;
	atomic_int from, times;         /* skip so many, then so often */
} plan = { .call = SYS_CALLS };
static atomic_int asked;

static int hook(enum sys_call call, int fd)
{
	if ((int)call != plan.call || (plan.fd >= 0 && fd != plan.fd))
		return 0;
	asked++;
	if (plan.from > 0 && plan.from-- > 0)
		return 0;
	return plan.times > 0 && plan.times-- > 0 ? plan.answer : 0;
}

static void inject(enum sys_call call, int fd, int answer, int from, int times)
{
	plan.call = SYS_CALLS;
	plan.fd = fd;
	plan.answer = answer;
	plan.from = from;
	plan.times = times;
	asked = 0;
	plan.call = (int)call;
	weft__sys_fault = hook;
}

static int bytes_by_call(enum sys_call call, int fd)
{
	switch (call) {
	case SYS_READV: case SYS_WRITEV: case SYS_RECV: case SYS_SEND:
	case SYS_RECVMSG: case SYS_SENDMSG: case SYS_SENDFILE: case SYS_PREAD:
		return 1 + (asked++ + fd) % 7;
	default:
		return 0;
	}
}

enum { SIZE = 4000 };

struct pour {
	int out;
	const char *text;
};

static int pours(void *arg)
{
	struct pour *p = arg;
	struct iovec v[3] = { { NULL, 0 },
		{ (void *)(uintptr_t)p->text, 10 },
		{ (void *)(uintptr_t)(p->text + 10), SIZE - 10 } };
	ssize_t r = weft_writev(p->out, v, 3, WEFT_FOREVER);
	size_t done = 0;

	if (!CHECK(r > 0))
		return 0;
	CHECK_EQ(weft_write_all(p->out, p->text + r, SIZE - (size_t)r, &done,
				WEFT_FOREVER), 0);
	CHECK_EQ(done, SIZE - (size_t)r);
	CHECK_EQ(weft_close(p->out), 0);
	return 0;
}

static int little(void *arg)
{
	static char text[SIZE], back[SIZE];

	(void)arg;
	for (int i = 0; i < SIZE; i++)
		text[i] = FILE_BYTE(i);
	weft__sys_fault = bytes_by_call;
	EACH_KIND(e) {
		struct pour p = { e.out, text };
		struct iovec v[2] = { { back, 3 }, { back + 3, 30 } };
		struct crew c;
		size_t done;
		ssize_t r;

		crew_start(&c, 1, 0, pours, &p);
		r = weft_readv(e.in, v, 2, WEFT_FOREVER);
		if (CHECK(r > 0 && r <= 7))
			CHECK_EQ(weft_read_full(e.in, back + r,
						SIZE - (size_t)r, &done,
						WEFT_FOREVER), 0);
		CHECK_EQ(weft_read(e.in, back, 1, WEFT_FOREVER), 0);
		CHECK(!memcmp(text, back, SIZE));
		crew_join(&c);
		CHECK_EQ(weft_close(e.in), 0);
	}
	weft__sys_fault = NULL;
	return 0;
}

Test(iofault, short_reads_and_writes_lose_nothing)
{
	ANYWHERE(little);
}

static int little_copies(void *arg)
{
	int file = file_make(SIZE);
	static char back[SIZE + 1];

	(void)arg;
	weft__sys_fault = bytes_by_call;
	EACH_KIND(e) {
		struct relay r = { e.out, file, 0 };
		struct crew c;
		size_t done, wrong = 0;

		CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
		crew_start(&c, 1, 0, relays, &r);
		CHECK_EQ(weft_read_full(e.in, back, SIZE + 1, &done,
					WEFT_FOREVER), WEFT_EOF);
		CHECK_EQ(done, SIZE);
		for (size_t i = 0; i < done; i++)
			wrong += back[i] != FILE_BYTE(i);
		CHECK_EQ(wrong, 0);
		crew_join(&c);
		CHECK_EQ(r.n, SIZE);
		CHECK_EQ(weft_close(e.in), 0);
	}
	weft__sys_fault = NULL;
	CHECK_EQ(weft_close(file), 0);
	return 0;
}

Test(iofault, copies_by_the_byte_are_whole)
{
	ANYWHERE(little_copies);
}

static int little_lines(void *arg)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: here\r\n\r\nbody";
	struct ends e = ends_make(OUR_UNIX);
	weft_bufio b;
	char *line;
	size_t n;

	(void)arg;
	weft__sys_fault = bytes_by_call;
	weft_bufio_init(&b, e.in, 32);
	CHECK_EQ(weft_write_all(e.out, text, sizeof text - 1, NULL, -1), 0);
	CHECK_EQ(weft_close(e.out), 0);
	CHECK_EQ(weft_bufio_read_line(&b, &line, &n, -1), 0);
	CHECK_EQ(n, 14);
	CHECK_EQ(weft_bufio_read_line(&b, &line, &n, -1), 0);
	CHECK(!strcmp(line, "Host: here"));
	CHECK_EQ(weft_bufio_read_line(&b, &line, &n, -1), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(weft_bufio_read_line(&b, &line, &n, -1), 0);
	CHECK(!strcmp(line, "body"));
	weft_bufio_fini(&b);
	weft__sys_fault = NULL;
	CHECK_EQ(weft_close(e.in), 0);
	return 0;
}

Test(iofault, lines_come_by_the_byte)
{
	ANYWHERE(little_lines);
}

/* What the kernel says is what the caller hears, and is said once. */
static int errors(void *arg)
{
	static const struct {
		enum sys_call call;
		int answer;
		bool out;
	} t[] = {
		{ SYS_RECV, -ECONNRESET, false }, { SYS_RECV, -ENOMEM, false },
		{ SYS_RECV, -ETIMEDOUT, false }, { SYS_SEND, -ENOBUFS, true },
		{ SYS_SEND, -ENOMEM, true }, { SYS_SEND, -EPIPE, true },
		{ SYS_SEND, -EHOSTUNREACH, true },
	};
	char c = 0;

	(void)arg;
	for (size_t i = 0; i < COUNT(t); i++)
		for (int k = 0; k < 2; k++) {
			struct ends e = ends_make(k ? TCP : OUR_UNIX);
			int fd = t[i].out ? e.out : e.in;
			size_t done = 9;

			CHECK_EQ(weft_write(e.out, "ab", 2, -1), 2);
			inject(t[i].call, fd, t[i].answer, 0, 1);
			CHECK_EQ(t[i].out ?
				 weft_write_all(fd, &c, 1, &done, WEFT_FOREVER)
				 : weft_read_full(fd, &c, 1, &done,
						  WEFT_FOREVER), t[i].answer);
			CHECK_EQ(done, 0);
			CHECK_EQ(weft_read(e.in, &c, 1, WEFT_FOREVER), 1);
			CHECK_EQ(weft_write(e.out, &c, 1, WEFT_FOREVER), 1);
			/* In the middle: what went before is told. */
			inject(SYS_SEND, e.out, 1, 0, 3);
			CHECK_EQ(weft_write(e.out, "xyz", 3, -1), 1);
			weft__sys_fault = NULL;
			ends_close(&e);
		}
	return 0;
}

Test(iofault, errors_of_the_kernel_are_told)
{
	ANYWHERE(errors);
}

static int in_the_middle(void *arg)
{
	struct ends e = ends_make(OUR_UNIX);
	char buf[8];
	size_t done;

	(void)arg;
	CHECK_EQ(weft_write(e.out, "abcd", 4, -1), 4);
	inject(SYS_RECV, e.in, -EIO, 1, 1);
	CHECK_EQ(weft_read_full(e.in, buf, 8, &done, WEFT_FOREVER), -EIO);
	CHECK_EQ(done, 4);
	weft__sys_fault = NULL;
	ends_close(&e);
	return 0;
}

Test(iofault, what_came_before_an_error_is_told)
{
	ANYWHERE(in_the_middle);
}

/* Every second call on a descriptor, the one with RWF_NOWAIT, is refused. */
static atomic_int refused[1024];
static atomic_int refusal;

static int refuse(enum sys_call call, int fd)
{
	if (call != SYS_READV && call != SYS_WRITEV)
		return 0;
	return refused[fd]++ % 2 ? 0 : refusal;
}

static int old_kernel(void *arg)
{
	static char block[100000];
	char buf[64];
	int fd;

	(void)arg;
	refusal = -EOPNOTSUPP;
	for (int k = 0; k < 2; k++) {
		struct ends e = ends_make(k ? PIPE : OUR_PIPE);

		memset(refused, 0, sizeof refused);
		weft__sys_fault = refuse;
		CHECK_EQ(weft_write(e.out, "abc", 3, WEFT_FOREVER), 3);
		CHECK_EQ(weft_read(e.in, buf, 64, WEFT_FOREVER), 3);
		/* Not asked twice when there is nothing to read. */
		CHECK_EQ(weft_read(e.in, buf, 64, weft_in(WEFT_MS)),
			 -ETIMEDOUT);
		memset(refused, 0, sizeof refused);
		/* No more at a time than does not block, then none at all. */
		weft__sys_fault = NULL;
		stuff(e.out);
		memset(refused, 0, sizeof refused);
		weft__sys_fault = refuse;
		CHECK_EQ(weft_write(e.out, block, sizeof block, -1),
			 -ETIMEDOUT);
		weft__sys_fault = NULL;
		drain(e.in, -1);
		memset(refused, 0, sizeof refused);
		weft__sys_fault = refuse;
		CHECK(weft_write(e.out, block, sizeof block, -1) > 0);
		weft__sys_fault = NULL;
		ends_close(&e);
	}
	for (int k = 0; k < 2; k++) {
		refusal = k ? -EAGAIN : -ENOSYS;
		fd = file_make(1000);
		memset(refused, 0, sizeof refused);
		weft__sys_fault = refuse;
		CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
		CHECK_EQ(weft_read(fd, buf, 64, WEFT_NOWAIT), 64);
		CHECK_EQ(buf[63], FILE_BYTE(63));
		CHECK_EQ(weft_write(fd, buf, 64, -1), 64);
		CHECK_EQ(lseek(fd, 0, SEEK_CUR), 128);
		weft__sys_fault = NULL;
		CHECK_EQ(weft_close(fd), 0);
	}
	return 0;
}

Test(iofault, a_kernel_without_nowait_will_do)
{
	ANYWHERE(old_kernel);
}

static int wrong_kind(void *arg)
{
	char buf[8];

	(void)arg;
	for (int k = 0; k < 2; k++) {
		struct ends e = ends_make(k ? UNIX : OUR_UNIX);

		CHECK_EQ(weft_write(e.out, "a", 1, -1), 1);
		inject(SYS_RECV, e.in, -ENOTSOCK, 0, 1);
		CHECK_EQ(weft_read(e.in, buf, 8, WEFT_FOREVER), 1);
		CHECK_EQ(asked, 2);
		/* Not for ever. */
		inject(SYS_RECV, e.in, -ENOTSOCK, 0, 1000);
		CHECK_EQ(weft_read(e.in, buf, 8, WEFT_FOREVER), -ENOTSOCK);
		weft__sys_fault = NULL;
		ends_close(&e);
	}
	return 0;
}

Test(iofault, a_descriptor_of_another_kind_is_asked_again)
{
	ANYWHERE(wrong_kind);
}

static int not_in_memory(enum sys_call call, int fd)
{
	(void)fd;
	return call == SYS_PREAD || call == SYS_SENDFILE ? -EAGAIN : 0;
}

/* The socket is ready, and yet takes nothing. */
static int never_enough_room(void *arg)
{
	struct ends e = ends_make(OUR_UNIX);
	int file = file_make(SIZE);
	off_t off = 0;

	(void)arg;
	weft__sys_fault = not_in_memory;
	CHECK_EQ(weft_sendfile(e.out, file, &off, SIZE, weft_in(20 * WEFT_MS)),
		 -ETIMEDOUT);
	CHECK_EQ(weft_sendfile(e.out, file, &off, SIZE, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_fd_deadline(e.out, POLLOUT, weft_in(20 * WEFT_MS)), 0);
	CHECK_EQ(weft_sendfile(e.out, file, &off, SIZE, WEFT_FOREVER),
		 -ETIMEDOUT);
	CHECK_EQ(weft_copy(e.out, file), -ETIMEDOUT);
	weft__sys_fault = NULL;
	CHECK_EQ(off, 0);
	CHECK_EQ(weft_close(file), 0);
	ends_close(&e);
	return 0;
}

Test(iofault, sendfile_keeps_to_its_deadline)
{
	ANYWHERE(never_enough_room);
}

static int no_sendfile(void *arg)
{
	static const int say[] = { -EINVAL, -ENOSYS, -EOPNOTSUPP };
	int file = file_make(SIZE);
	static char back[SIZE];

	(void)arg;
	for (size_t i = 0; i < COUNT(say); i++) {
		struct ends e = ends_make(OUR_UNIX);
		off_t off = 0;

		inject(SYS_SENDFILE, -1, say[i], 0, 1000);
		CHECK_EQ(weft_sendfile(e.out, file, &off, SIZE, WEFT_FOREVER),
			 SIZE);
		CHECK(asked > 0);
		CHECK_EQ(off, SIZE);
		CHECK_EQ(weft_read_full(e.in, back, SIZE, NULL, WEFT_FOREVER),
			 0);
		CHECK_EQ(back[SIZE - 1], FILE_BYTE(SIZE - 1));
		/* What may not be in memory is the pool's. */
		off = 0;
		inject(SYS_PREAD, file, -EAGAIN, 0, 1000);
		CHECK_EQ(weft_sendfile(e.out, file, &off, SIZE, WEFT_FOREVER),
			 SIZE);
		CHECK_EQ(weft_read_full(e.in, back, SIZE, NULL, WEFT_FOREVER),
			 0);
		off = 0;
		inject(SYS_SENDFILE, -1, -EIO, 0, 1);
		CHECK_EQ(weft_sendfile(e.out, file, &off, SIZE, WEFT_FOREVER),
			 -EIO);
		weft__sys_fault = NULL;
		ends_close(&e);
	}
	CHECK_EQ(weft_close(file), 0);
	return 0;
}

Test(iofault, without_sendfile_there_is_a_buffer)
{
	ANYWHERE(no_sendfile);
}

static int nothing_left(void *arg)
{
	int fd[2] = { 7, 7 };
	struct ends e;
	char c;

	inject(SYS_PIPE, -1, -EMFILE, 0, 1);
	CHECK_EQ(weft_pipe(fd), -EMFILE);
	inject(SYS_SOCKET, -1, -ENFILE, 0, 1);
	CHECK_EQ(weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd), -ENFILE);
	CHECK_EQ(fd[0], 7);
	weft__sys_fault = NULL;
	e = ends_make(OUR_UNIX);
	if (!arg) {
		/* A thread that waits would have one of its own. */
		inject(SYS_EVENTFD, -1, -EMFILE, 0, 1);
		CHECK_EQ(weft_read(e.in, &c, 1, weft_in(WEFT_MS)), -ETIMEDOUT);
		weft__sys_fault = NULL;
	}
	inject(SYS_CLOSE, e.in, -EIO, 0, 1);
	CHECK_EQ(weft_close(e.in), -EIO);
	weft__sys_fault = NULL;
	/* Its number may be another's already. */
	CHECK_EQ(weft_read(e.out, &c, 1, WEFT_NOWAIT), 0);
	CHECK_EQ(weft_close(e.out), 0);
	return 0;
}

Test(iofault, no_descriptors_left_is_an_error_and_no_leak)
{
	ANYWHERE(nothing_left);
}

static int no_room_to_watch(void *arg)
{
	char c;

	(void)arg;
	EACH_KIND(e) {
		inject(SYS_EPOLL_CTL, e.in, -ENOSPC, 0, 1000);
		CHECK_EQ(weft_read(e.in, &c, 1, WEFT_FOREVER), -ENOSPC);
		weft__sys_fault = NULL;
		CHECK_EQ(weft_read(e.in, &c, 1, weft_in(WEFT_MS)), -ETIMEDOUT);
		ends_close(&e);
	}
	return 0;
}

Test(iofault, what_cannot_be_watched_is_no_endless_wait)
{
	setenv("WEFT_POLLER", "epoll", 1);
	EACH(no_room_to_watch);
}

/* --- signals -------------------------------------------------------------------- */

static void *trickles(void *arg)
{
	struct ends *e = arg;

	for (int i = 0; i < 200; i++) {
		CHECK_EQ(weft_write(e->out, &(char){ (char)i }, 1, -1), 1);
		let(20);
	}
	return NULL;
}

Test(iofault, signals_cut_no_call_short)
{
	EACH_KIND(e) {
		struct storm s;
		pthread_t t;
		char buf[200];

		storm_begin(&s);
		pthread_create(&t, NULL, trickles, &e);
		CHECK_EQ(weft_read_full(e.in, buf, 200, NULL, WEFT_FOREVER), 0);
		CHECK_EQ(weft_read(e.in, buf, 1, weft_in(3 * WEFT_MS)),
			 -ETIMEDOUT);
		storm_end(&s);
		pthread_join(t, NULL);
		CHECK_EQ(buf[199], (char)199);
		ends_close(&e);
	}
	cr_assert_eq(failures, 0, "%s", first_failure);
}
