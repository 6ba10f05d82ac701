/* support/fds.h - pairs of descriptors for the tests of I/O.
 *
 * What is written to .out comes out of .in.  Handed ones block, as a program
 * would have them from elsewhere; the last kinds are made by the library.
 */
#ifndef WEFT_SUPPORT_FDS_H
#define WEFT_SUPPORT_FDS_H

#include "support/crew.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <weft/io.h>

enum kind { TCP, UNIX, PIPE, OUR_UNIX, OUR_PIPE, KINDS };

struct ends {
	int in, out;
	bool both;                      /* either end reads and writes */
};

__attribute__((unused))
static const char *const kind_name[KINDS] = {
	"tcp", "unix", "pipe", "our unix", "our pipe",
};

/* Connected over loopback, on a port of the kernel's choice. */
__attribute__((unused))
static int tcp_pair(int fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t l = sizeof a;
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	int room = 1 << 16;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Buffers that do not grow. */
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(s, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	if (s < 0 || fd[0] < 0 || bind(s, (struct sockaddr *)&a, l) ||
	    listen(s, 1) || getsockname(s, (struct sockaddr *)&a, &l) ||
	    connect(fd[0], (struct sockaddr *)&a, l))
		return -1;
	fd[1] = accept(s, NULL, NULL);
	close(s);
	setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd[1] < 0 ? -1 : 0;
}

__attribute__((unused))
static struct ends ends_make(enum kind k)
{
	struct ends e = { .both = k == TCP || k == UNIX || k == OUR_UNIX };
	int fd[2] = { -1, -1 }, err = -1;

	switch (k) {
	case TCP:
		err = tcp_pair(fd);
		break;
	case UNIX:
		err = socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
		break;
	case PIPE:
		err = pipe(fd);
		break;
	case OUR_UNIX:
		err = weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
		break;
	case OUR_PIPE:
		err = weft_pipe(fd);
		break;
	case KINDS:
		break;
	}
	CHECK_EQ(err, 0);
	e.in = fd[0];
	e.out = fd[1];
	return e;
}

/* Its reading end is closed first and leaves no port behind that waits. */
__attribute__((unused))
static struct ends tcp_ends(void)
{
	struct linger none = { .l_onoff = 1 };
	struct ends e = ends_make(TCP);

	setsockopt(e.in, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	return e;
}

__attribute__((unused))
static void ends_close(struct ends *e)
{
	CHECK_EQ(weft_close(e->in), 0);
	CHECK_EQ(weft_close(e->out), 0);
}

/* Give others the CPU n times: a routine that is to wait will have got there,
 * mostly; what is tested holds in any case. */
__attribute__((unused))
static void let(int n)
{
	while (n-- > 0)
		weft_yield();
}

/* Write until there is no more room; how much went.  (To be used at once: TCP may find
 * some later.) */
__attribute__((unused))
static size_t stuff(int fd)
{
	static const char block[4096];
	size_t n = 0;
	ssize_t r;

	while ((r = weft_write(fd, block, sizeof block, WEFT_NOWAIT)) > 0)
		n += (size_t)r;
	CHECK_EQ(r, -EAGAIN);
	return n;
}

/* What was written at the other end is here: TCP may take its time. */
__attribute__((unused))
static void arrived(int fd)
{
	CHECK(weft_poll(fd, POLLIN, WEFT_FOREVER) > 0);
}

/* Read all that is there, and what comes until the deadline; how much. */
__attribute__((unused))
static size_t drain(int fd, weft_time deadline)
{
	static char sink[1 << 16];
	size_t n = 0;
	ssize_t r;

	while ((r = weft_read(fd, sink, sizeof sink, deadline)) > 0)
		n += (size_t)r;
	CHECK_EQ(r, deadline == WEFT_NOWAIT ? -EAGAIN : -ETIMEDOUT);
	return n;
}

/* So many bytes come, however slowly, and then no more. */
__attribute__((unused))
static void come(int fd, size_t n)
{
	weft_time patience = weft_in((under("valgrind") ? 55 : 20) * WEFT_S);
	static char sink[1 << 16];
	size_t got = 0;
	ssize_t r = 0;

	while (got < n && (r = weft_read(fd, sink, sizeof sink, patience)) > 0)
		got += (size_t)r;
	CHECK_EQ(got, n);
	CHECK_EQ(weft_read(fd, sink, 1, WEFT_NOWAIT), -EAGAIN);
}

#define FILE_BYTE(i) ((char)((i) * 31 + (i) / 256))

/* A file without a name, in a directory that is gone at once. */
__attribute__((unused))
static int file_make(size_t size)
{
	char dir[] = "/tmp/weft-io.XXXXXX", path[64], *bytes;
	int fd;

	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/f", dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	unlink(path);
	rmdir(dir);
	bytes = malloc(size + 1);
	for (size_t i = 0; bytes && i < size; i++)
		bytes[i] = FILE_BYTE(i);
	CHECK(bytes && pwrite(fd, bytes, size, 0) == (ssize_t)size);
	free(bytes);
	return fd;
}

/* fn(arg) for each kind of pair. */
#define EACH_KIND(e) \
	for (int kind_ = 0; kind_ < KINDS; kind_++) \
		for (struct ends e = ends_make((enum kind)kind_), *once_ = &e; \
		     once_; once_ = NULL)

#endif
