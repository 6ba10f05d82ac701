/* api/io.c - reading and writing what is ready, on every kind of descriptor. */
#include "support/fds.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>

TestSuite(io, .timeout = 120);

static int passes(void *arg)
{
	char buf[64] = "";

	(void)arg;
	EACH_KIND(e) {
		CHECK_EQ(weft_write(e.out, "hello", 5, WEFT_FOREVER), 5);
		CHECK_EQ(weft_read(e.in, buf, sizeof buf, WEFT_FOREVER), 5);
		CHECK(!memcmp(buf, "hello", 5));
		CHECK_EQ(weft_write(e.out, "abcdef", 6, WEFT_NOWAIT), 6);
		arrived(e.in);
		CHECK_EQ(weft_read(e.in, buf, 2, -1), 2);
		CHECK_EQ(weft_read(e.in, buf, 3, 1), 3);
		CHECK(!memcmp(buf, "cde", 3));
		CHECK_EQ(weft_read(e.in, buf, 3, WEFT_NOWAIT), 1);
		if (e.both) {
			CHECK_EQ(weft_write(e.in, "back", 4, WEFT_FOREVER), 4);
			CHECK_EQ(weft_read(e.out, buf, 9, WEFT_FOREVER), 4);
		}
		ends_close(&e);
	}
	return 0;
}

Test(io, passes_bytes_through_every_kind_of_descriptor)
{
	ANYWHERE(passes);
}

static int codes(void *arg)
{
	char c;

	(void)arg;
	EACH_KIND(e) {
		weft_time t = weft_in(WEFT_MS);
		ssize_t r;

		CHECK_EQ(weft_read(e.in, &c, 1, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(weft_read(e.in, &c, 1, -1), -ETIMEDOUT);
		CHECK_EQ(weft_read(e.in, &c, 1, 1), -ETIMEDOUT);
		CHECK_EQ(weft_read(e.in, &c, 1, t), -ETIMEDOUT);
		CHECK(weft_now() >= t);
		/* TCP may find a little room later. */
		stuff(e.out);
		while ((r = weft_write(e.out, "", 1, -1)) == 1)
			continue;
		CHECK_EQ(r, -ETIMEDOUT);
		while ((r = weft_write(e.out, "", 1, weft_in(WEFT_MS))) == 1)
			continue;
		CHECK_EQ(r, -ETIMEDOUT);
		arrived(e.in);
		CHECK_EQ(weft_read(e.in, &c, 1, -1), 1);
		ends_close(&e);
		CHECK_EQ(weft_close(e.in), -EBADF);
	}
	return 0;
}

Test(io, answers_with_the_codes_of_the_contract)
{
	ANYWHERE(codes);
}

static int bad(void *arg)
{
	char buf[4];
	struct iovec v = { buf, 4 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	static const int fds[] = { -1, INT_MIN };
	int gone;
	size_t done = 9;

	(void)arg;
	EACH_KIND(e) {
		gone = e.in;
		ends_close(&e);
		CHECK_EQ(weft_read(gone, buf, 4, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_write(gone, buf, 4, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_poll(gone, POLLIN, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_fd_deadline(gone, POLLIN, 1), -EBADF);
		CHECK_EQ(weft_recvmsg(gone, &m, 0, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_shutdown(gone, SHUT_RD), -EBADF);
	}
	for (size_t i = 0; i < COUNT(fds); i++) {
		int fd = fds[i];

		CHECK_EQ(weft_read(fd, buf, 4, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_write(fd, buf, 4, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_readv(fd, &v, 1, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_writev(fd, &v, 1, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_recvmsg(fd, &m, 0, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_sendmsg(fd, &m, 0, WEFT_FOREVER), -EBADF);
		CHECK_EQ(weft_recvfrom(fd, buf, 4, 0, NULL, NULL, -1), -EBADF);
		CHECK_EQ(weft_sendto(fd, buf, 4, 0, NULL, 0, -1), -EBADF);
		CHECK_EQ(weft_read_full(fd, buf, 4, &done, -1), -EBADF);
		CHECK_EQ(done, 0);
		CHECK_EQ(weft_write_all(fd, buf, 4, NULL, -1), -EBADF);
		CHECK_EQ(weft_poll(fd, POLLIN, -1), -EBADF);
		CHECK_EQ(weft_close(fd), -EBADF);
		CHECK_EQ(weft_fd_deadline(fd, POLLIN, 1), -EBADF);
		CHECK_EQ(weft_sendfile(fd, fd, NULL, 1, -1), -EBADF);
		CHECK_EQ(weft_copy(fd, fd), -EBADF);
	}
	return 0;
}

Test(io, a_bad_descriptor_is_ebadf)
{
	ANYWHERE(bad);
}

static int nothing(void *arg)
{
	struct iovec v[2] = { { NULL, 0 }, { NULL, 0 } };
	size_t done = 7;

	(void)arg;
	EACH_KIND(e) {
		CHECK_EQ(weft_read(e.in, NULL, 0, WEFT_FOREVER), 0);
		CHECK_EQ(weft_write(e.out, NULL, 0, WEFT_FOREVER), 0);
		CHECK_EQ(weft_readv(e.in, v, 2, WEFT_FOREVER), 0);
		CHECK_EQ(weft_readv(e.in, NULL, 0, WEFT_FOREVER), 0);
		CHECK_EQ(weft_writev(e.out, v, 2, WEFT_FOREVER), 0);
		CHECK_EQ(weft_read_full(e.in, NULL, 0, &done, WEFT_FOREVER), 0);
		CHECK_EQ(done, 0);
		done = 7;
		CHECK_EQ(weft_write_all(e.out, NULL, 0, &done, -1), 0);
		CHECK_EQ(done, 0);
		stuff(e.out);
		CHECK_EQ(weft_write(e.out, NULL, 0, WEFT_FOREVER), 0);
		if (e.both) {
			CHECK_EQ(weft_recvfrom(e.out, NULL, 0, 0, NULL, NULL,
					       WEFT_FOREVER), 0);
			CHECK_EQ(weft_sendto(e.out, NULL, 0, 0, NULL, 0,
					     WEFT_FOREVER), 0);
		}
		CHECK_EQ(weft_readv(e.in, v, -1, -1), -EINVAL);
		CHECK_EQ(weft_readv(e.in, v, IOV_MAX + 1, -1), -EINVAL);
		ends_close(&e);
	}
	return 0;
}

Test(io, no_bytes_are_done_at_once)
{
	ANYWHERE(nothing);
}

static int ended(void *arg)
{
	char buf[16];
	size_t done;

	(void)arg;
	EACH_KIND(e) {
		CHECK_EQ(weft_write(e.out, "abc", 3, -1), 3);
		CHECK_EQ(weft_close(e.out), 0);
		CHECK_EQ(weft_read_full(e.in, buf, 2, &done, WEFT_FOREVER), 0);
		CHECK_EQ(done, 2);
		CHECK_EQ(weft_read_full(e.in, buf, 2, &done, WEFT_FOREVER),
			 WEFT_EOF);
		CHECK_EQ(done, 1);
		CHECK_EQ(buf[0], 'c');
		CHECK_EQ(weft_read_full(e.in, buf, 2, NULL, -1), WEFT_EOF);
		CHECK_EQ(weft_read(e.in, buf, 2, WEFT_FOREVER), 0);
		CHECK_EQ(weft_read(e.in, buf, 2, WEFT_NOWAIT), 0);
		CHECK_EQ(weft_close(e.in), 0);
	}
	return 0;
}

Test(io, the_end_of_a_stream_is_0_and_eof_to_who_wants_more)
{
	ANYWHERE(ended);
}

static int half_closed(void *arg)
{
	char buf[16];

	(void)arg;
	EACH_KIND(e) {
		if (e.both) {
			CHECK_EQ(weft_write(e.out, "abc", 3, -1), 3);
			CHECK_EQ(weft_shutdown(e.out, SHUT_WR), 0);
			CHECK_EQ(weft_read(e.in, buf, 9, WEFT_FOREVER), 3);
			CHECK_EQ(weft_read(e.in, buf, 9, WEFT_FOREVER), 0);
			CHECK_EQ(weft_write(e.in, "back", 4, -1), 4);
			CHECK_EQ(weft_read(e.out, buf, 9, WEFT_FOREVER), 4);
			CHECK_EQ(weft_write(e.out, "x", 1, -1), -EPIPE);
			CHECK_EQ(weft_shutdown(e.out, 77), -EINVAL);
		} else {
			CHECK_EQ(weft_shutdown(e.out, SHUT_WR), -ENOTSOCK);
		}
		ends_close(&e);
	}
	return 0;
}

Test(io, half_of_a_connection_can_be_closed)
{
	ANYWHERE(half_closed);
}

/* Nobody has told the kernel to ignore it, and nobody dies. */
static int no_signal(void *arg)
{
	static const char block[65536];
	struct iovec v[2] = { { (void *)(uintptr_t)block, 9 },
			      { (void *)(uintptr_t)block, 9 } };
	ssize_t r;

	(void)arg;
	EACH_KIND(e) {
		CHECK_EQ(weft_close(e.in), 0);
		wait_until((r = weft_write(e.out, block, 1, -1)) < 0 &&
			   r != -ETIMEDOUT);
		CHECK(r == -EPIPE || r == -ECONNRESET);
		CHECK_EQ(weft_write(e.out, block, 1, -1), -EPIPE);
		CHECK_EQ(weft_writev(e.out, v, 2, -1), -EPIPE);
		if (e.both)
			CHECK_EQ(weft_sendto(e.out, block, 5, 0, NULL, 0, -1),
				 -EPIPE);
		CHECK_EQ(weft_write_all(e.out, block, 5, NULL, -1), -EPIPE);
		CHECK_EQ(weft_close(e.out), 0);
	}
	return 0;
}

Test(io, there_is_never_a_sigpipe)
{
	sigset_t set;

	signal(SIGPIPE, SIG_DFL);
	ANYWHERE(no_signal);
	sigpending(&set);
	cr_assert(!sigismember(&set, SIGPIPE));
}

Test(io, a_pending_sigpipe_of_the_callers_stays)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGPIPE);
	cr_assert_eq(no_signal(NULL), 0);
	cr_assert_eq(failures, 0);
	sigpending(&set);
	cr_assert(sigismember(&set, SIGPIPE));
}

static int vectors(void *arg)
{
	static char text[IOV_MAX], back[IOV_MAX];
	static struct iovec v[IOV_MAX];
	char a[3], b[5], c[9];
	struct iovec few[4] = { { a, 3 }, { NULL, 0 }, { b, 5 }, { c, 9 } };

	(void)arg;
	for (int i = 0; i < IOV_MAX; i++) {
		text[i] = (char)(i * 7);
		v[i] = (struct iovec){ &text[i], 1 };
	}
	EACH_KIND(e) {
		CHECK_EQ(weft_write(e.out, "abcdefghij", 10, -1), 10);
		CHECK_EQ(weft_readv(e.in, few, 4, WEFT_FOREVER), 10);
		CHECK(!memcmp(a, "abc", 3) && !memcmp(b, "defgh", 5) &&
		      !memcmp(c, "ij", 2));
		CHECK_EQ(weft_readv(e.in, few, 4, -1), -ETIMEDOUT);
		CHECK_EQ(weft_writev(e.out, v, IOV_MAX, WEFT_FOREVER), IOV_MAX);
		CHECK_EQ(weft_read_full(e.in, back, IOV_MAX, NULL,
					WEFT_FOREVER), 0);
		CHECK(!memcmp(text, back, IOV_MAX));
		ends_close(&e);
	}
	return 0;
}

Test(io, vectors_are_read_and_written_in_order)
{
	ANYWHERE(vectors);
}

static int files(void *arg)
{
	int fd = file_make(0);
	char buf[64] = "";
	struct iovec v[2] = { { buf, 3 }, { buf + 3, 9 } };
	size_t done;

	(void)arg;
	CHECK(fd >= 0);
	CHECK_EQ(weft_write(fd, "hello, file", 11, WEFT_FOREVER), 11);
	CHECK_EQ(weft_read(fd, buf, 9, WEFT_FOREVER), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(weft_read(fd, buf, 5, WEFT_FOREVER), 5);
	CHECK_EQ(weft_read(fd, buf + 5, 50, -1), 6);
	CHECK(!memcmp(buf, "hello, file", 11));
	CHECK_EQ(weft_read(fd, buf, 5, WEFT_NOWAIT), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(weft_readv(fd, v, 2, WEFT_FOREVER), 11);
	CHECK_EQ(weft_writev(fd, v, 2, WEFT_FOREVER), 12);
	CHECK_EQ(lseek(fd, 20, SEEK_SET), 20);
	CHECK_EQ(weft_read_full(fd, buf, 9, &done, -1), WEFT_EOF);
	CHECK_EQ(done, 3);
	CHECK_EQ(weft_write_all(fd, buf, 40, &done, -1), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 63);
	CHECK(weft_poll(fd, POLLIN | POLLOUT, WEFT_FOREVER) &
	      (POLLIN | POLLOUT));
	CHECK_EQ(weft_recvfrom(fd, buf, 1, 0, NULL, NULL, -1), -ENOTSOCK);
	CHECK_EQ(weft_sendto(fd, buf, 1, 0, NULL, 0, -1), -ENOTSOCK);
	CHECK_EQ(weft_close(fd), 0);
	fd = open("/", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(weft_read(fd, buf, 5, -1), -EISDIR);
	CHECK_EQ(weft_write(fd, buf, 5, -1), -EBADF);
	CHECK_EQ(weft_close(fd), 0);
	return 0;
}

Test(io, regular_files_are_read_and_written_at_their_position)
{
	ANYWHERE(files);
}

static int counters(void *arg)
{
	int fd = eventfd(0, EFD_CLOEXEC), semaphore;
	uint64_t n = 5;
	char c;

	(void)arg;
	CHECK_EQ(weft_read(fd, &n, sizeof n, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_read(fd, &n, sizeof n, weft_in(WEFT_MS)), -ETIMEDOUT);
	n = 5;
	CHECK_EQ(weft_write(fd, &n, sizeof n, WEFT_FOREVER), 8);
	n = 0;
	CHECK_EQ(weft_read(fd, &n, sizeof n, WEFT_FOREVER), 8);
	CHECK_EQ(n, 5);
	/* A kernel that cannot be asked without waiting is asked when there is
	 * something to read. */
	n = (uint64_t)weft_read(fd, &c, 1, weft_in(10 * WEFT_MS));
	CHECK((int64_t)n == -EINVAL || (int64_t)n == -ETIMEDOUT);
	CHECK_EQ(weft_close(fd), 0);
	semaphore = eventfd(2, EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK_EQ(weft_read(semaphore, &n, sizeof n, WEFT_FOREVER), 8);
	CHECK_EQ(weft_read(semaphore, &n, sizeof n, WEFT_FOREVER), 8);
	CHECK_EQ(weft_read(semaphore, &n, sizeof n, -1), -ETIMEDOUT);
	CHECK_EQ(weft_close(semaphore), 0);
	return 0;
}

Test(io, eventfds_are_read_and_written)
{
	ANYWHERE(counters);
}

static int devices(void *arg)
{
	int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char buf[100];

	(void)arg;
	memset(buf, 1, sizeof buf);
	CHECK_EQ(weft_read(zero, buf, sizeof buf, WEFT_FOREVER), 100);
	CHECK_EQ(buf[99], 0);
	CHECK_EQ(weft_read(null, buf, sizeof buf, WEFT_FOREVER), 0);
	CHECK_EQ(weft_write(null, buf, sizeof buf, WEFT_NOWAIT), 100);
	CHECK_EQ(weft_close(zero), 0);
	CHECK_EQ(weft_close(null), 0);
	return 0;
}

Test(io, devices_are_read_and_written)
{
	ANYWHERE(devices);
}

static int terminals(void *arg)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1;
	char buf[64];

	(void)arg;
	if (master >= 0 && !grantpt(master) && !unlockpt(master) &&
	    !ptsname_r(master, buf, sizeof buf))
		slave = open(buf, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return 0;       /* not here */
	CHECK_EQ(weft_read(slave, buf, 9, WEFT_NOWAIT), -EAGAIN);
	CHECK_EQ(weft_read(slave, buf, 9, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_write(master, "line\n", 5, WEFT_FOREVER), 5);
	CHECK_EQ(weft_read(slave, buf, 64, WEFT_FOREVER), 5);
	CHECK_EQ(weft_read_full(master, buf, 6, NULL, WEFT_FOREVER), 0);
	CHECK(!memcmp(buf, "line\r\n", 6));                     /* its echo */
	CHECK_EQ(weft_write(slave, "out", 3, WEFT_FOREVER), 3);
	CHECK_EQ(weft_read_full(master, buf, 3, NULL, WEFT_FOREVER), 0);
	CHECK(!memcmp(buf, "out", 3));
	CHECK_EQ(weft_close(slave), 0);
	CHECK_EQ(weft_read(master, buf, 64, WEFT_FOREVER), -EIO);
	CHECK_EQ(weft_close(master), 0);
	return 0;
}

Test(io, terminals_are_read_and_written)
{
	ANYWHERE(terminals);
}

static int flags_stay(void *arg)
{
	char c;

	(void)arg;
	EACH_KIND(e) {
		int in = fcntl(e.in, F_GETFL), out = fcntl(e.out, F_GETFL);

		CHECK_EQ(weft_read(e.in, &c, 1, weft_in(WEFT_US)), -ETIMEDOUT);
		stuff(e.out);
		CHECK_EQ(fcntl(e.in, F_GETFL), in);
		CHECK_EQ(fcntl(e.out, F_GETFL), out);
		if (kind_ >= OUR_UNIX)
			CHECK(fcntl(e.in, F_GETFD) & FD_CLOEXEC);
		ends_close(&e);
	}
	return 0;
}

Test(io, flags_of_a_descriptor_are_never_changed)
{
	ANYWHERE(flags_stay);
}
