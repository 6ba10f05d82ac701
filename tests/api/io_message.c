/* api/io_message.c - datagrams, addresses, flags and descriptors in messages. */
#include "support/fds.h"

#include <sys/un.h>

TestSuite(io_message, .timeout = 120);

static int udp(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t l = sizeof *a;

	/* Where no other process binds what was closed. */
	*a = (struct sockaddr_in){ .sin_family = AF_INET };
	a->sin_addr.s_addr = htonl(0x7f010000 + ((uint32_t)getpid() & 0x3fffff));
	CHECK_EQ(bind(fd, (struct sockaddr *)a, l), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)a, &l), 0);
	return fd;
}

static int datagrams(void *arg)
{
	struct sockaddr_in aa, ba, from;
	struct sockaddr *to = (struct sockaddr *)&ba;
	int a = udp(&aa), b = udp(&ba);
	socklen_t l = sizeof from;
	char buf[64] = "";
	ssize_t r;

	(void)arg;
	CHECK_EQ(weft_recvfrom(b, buf, 64, 0, NULL, NULL, WEFT_NOWAIT),
		 -EAGAIN);
	CHECK_EQ(weft_recvfrom(b, buf, 64, 0, NULL, NULL, weft_in(WEFT_MS)),
		 -ETIMEDOUT);
	CHECK_EQ(weft_recvfrom(b, buf, 64, MSG_DONTWAIT, NULL, NULL,
			       WEFT_FOREVER), -EAGAIN);
	CHECK_EQ(weft_sendto(a, "one", 3, 0, to, sizeof ba, WEFT_FOREVER), 3);
	arrived(b);     /* one from another CPU may overtake it */
	CHECK_EQ(weft_sendto(a, "two!", 4, 0, to, sizeof ba, -1), 4);
	CHECK_EQ(weft_recvfrom(b, buf, 64, MSG_PEEK, NULL, NULL, WEFT_FOREVER),
		 3);
	CHECK_EQ(weft_recvfrom(b, buf, 64, 0, (struct sockaddr *)&from, &l,
			       WEFT_FOREVER), 3);
	CHECK_EQ(l, sizeof from);
	CHECK_EQ(from.sin_port, aa.sin_port);
	CHECK_EQ(weft_recvfrom(b, NULL, 0, 0, NULL, NULL, WEFT_FOREVER), 0);
	CHECK_EQ(weft_recvfrom(b, NULL, 0, MSG_PEEK | MSG_TRUNC, NULL, NULL,
			       WEFT_FOREVER), 4);
	CHECK_EQ(weft_read(b, buf, 2, WEFT_FOREVER), 2); /* the rest is gone */
	CHECK_EQ(weft_read(b, buf, 2, -1), -ETIMEDOUT);
	/* An empty one is a message. */
	CHECK_EQ(weft_sendto(a, NULL, 0, 0, to, sizeof ba, -1), 0);
	CHECK_EQ(weft_recvfrom(b, buf, 9, 0, NULL, NULL, WEFT_FOREVER), 0);
	CHECK_EQ(weft_read(b, buf, 2, -1), -ETIMEDOUT);
	CHECK_EQ(connect(a, to, sizeof ba), 0);
	CHECK_EQ(weft_write(a, NULL, 0, -1), 0);
	CHECK_EQ(weft_read(b, buf, 9, WEFT_FOREVER), 0);
	CHECK_EQ(weft_write(a, "three", 5, -1), 5);
	CHECK_EQ(weft_read(b, buf, 9, WEFT_FOREVER), 5);
	CHECK_EQ(weft_close(b), 0);
	/* Nobody is there, as its host says; some pollers keep the file for a
	 * moment longer. */
	wait_until((r = weft_write(a, "x", 1, -1)) < 0 ||
		   (r = weft_read(a, buf, 1, weft_in(WEFT_MS))) != -ETIMEDOUT);
	CHECK_EQ(r, -ECONNREFUSED);
	CHECK_EQ(weft_close(a), 0);
	return 0;
}

Test(io_message, datagrams_go_to_addresses_and_come_from_some)
{
	ANYWHERE(datagrams);
}

struct receiver {
	int fd, got;
};

static int receives(void *arg)
{
	struct receiver *r = arg;
	char buf[64];

	while (weft_recvfrom(r->fd, buf, sizeof buf, 0, NULL, NULL,
			     WEFT_FOREVER) == 64)
		r->got++;
	return 0;
}

static int local_address(struct sockaddr_un *a, socklen_t *l, int fd)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (bind(fd, (struct sockaddr *)a, sizeof(sa_family_t)))
		return -1;      /* the kernel picks a name without a file */
	*l = sizeof *a;
	return getsockname(fd, (struct sockaddr *)a, l);
}

/* Who is not connected is not told when the queue has room again. */
static int full_queue(void *arg)
{
	int a = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int b = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), sent = 0;
	struct sockaddr_un to;
	struct receiver r = { b, 0 };
	struct crew c;
	char buf[64] = "";
	socklen_t l;
	ssize_t n;

	(void)arg;
	CHECK_EQ(local_address(&to, &l, b), 0);
	while ((n = weft_sendto(a, buf, 64, 0, (struct sockaddr *)&to, l,
				WEFT_NOWAIT)) == 64)
		sent++;
	CHECK_EQ(n, -EAGAIN);
	CHECK_EQ(weft_sendto(a, buf, 64, 0, (struct sockaddr *)&to, l,
			     weft_in(WEFT_MS)), -ETIMEDOUT);
	crew_start(&c, 1, 0, receives, &r);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(weft_sendto(a, buf, 64, 0, (struct sockaddr *)&to, l,
				     WEFT_FOREVER), 64);
	CHECK_EQ(weft_sendto(a, buf, 0, 0, (struct sockaddr *)&to, l,
			     WEFT_FOREVER), 0);
	crew_join(&c);
	CHECK_EQ(r.got, sent + 200);
	/* Connected it is an edge like others. */
	CHECK_EQ(connect(a, (struct sockaddr *)&to, l), 0);
	r.got = 0;
	crew_start(&c, 1, 0, receives, &r);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(weft_write(a, buf, 64, WEFT_FOREVER), 64);
	CHECK_EQ(weft_write(a, buf, 1, WEFT_FOREVER), 1);
	crew_join(&c);
	CHECK_EQ(r.got, 200);
	CHECK_EQ(weft_close(a), 0);
	CHECK_EQ(weft_close(b), 0);
	return 0;
}

Test(io_message, a_full_queue_of_a_unix_datagram_socket_is_waited_for)
{
	ANYWHERE(full_queue);
}

static struct ends connected(void)
{
	char dir[] = "/tmp/weft-io.XXXXXX", path[64];
	struct ends e = { -1, -1, true };
	int l;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	l = weft_unix_listen(path, 1);
	e.out = weft_unix_connect(path, WEFT_FOREVER);
	e.in = weft_accept(l, NULL, NULL, WEFT_FOREVER);
	CHECK(e.in >= 0 && e.out >= 0);
	CHECK_EQ(weft_close(l), 0);
	unlink(path);
	rmdir(dir);
	return e;
}

/* Descriptors in the middle of a stream: a read ends there, and what comes
 * behind is found all the same. */
static int descriptors(void *arg)
{
	(void)arg;
	for (int k = 0; k < 3; k++) {
		struct ends e = k == 2 ? connected() :
				ends_make(k ? UNIX : OUR_UNIX);
		int null = open("/dev/null", O_RDWR | O_CLOEXEC), got = -1;
		char buf[64];
		struct iovec v = { (void *)(uintptr_t)"fd", 2 };
		union {
			struct cmsghdr h;
			char room[CMSG_SPACE(sizeof(int))];
		} c = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS } };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
				    .msg_control = &c,
				    .msg_controllen = sizeof c };

		CHECK_EQ(weft_read(e.in, buf, 64, weft_in(WEFT_US)),
			 -ETIMEDOUT);
		memcpy(CMSG_DATA(&c.h), &null, sizeof null);
		CHECK_EQ(weft_sendmsg(e.out, &m, 0, WEFT_FOREVER), 2);
		CHECK_EQ(weft_write(e.out, "more", 4, WEFT_FOREVER), 4);
		CHECK_EQ(weft_sendmsg(e.out, &m, 0, WEFT_FOREVER), 2);
		CHECK_EQ(weft_write(e.out, "most", 4, WEFT_FOREVER), 4);
		v = (struct iovec){ buf, 64 };
		CHECK_EQ(weft_recvmsg(e.in, &m, MSG_CMSG_CLOEXEC, WEFT_FOREVER),
			 2);
		memcpy(&got, CMSG_DATA(&c.h), sizeof got);
		CHECK(fcntl(got, F_GETFD) & FD_CLOEXEC);
		CHECK_EQ(weft_write(got, "x", 1, -1), 1);
		CHECK_EQ(weft_close(got), 0);
		for (size_t n = 0; n < 10; ) {
			ssize_t r = weft_read(e.in, buf, 64, WEFT_FOREVER);

			if (!CHECK(r > 0))
				break;
			n += (size_t)r;
		}
		CHECK_EQ(weft_close(null), 0);
		ends_close(&e);
	}
	return 0;
}

Test(io_message, descriptors_are_sent_and_received)
{
	ANYWHERE(descriptors);
}

static int drips(void *arg)
{
	struct ends *e = arg;

	for (int i = 0; i < 10; i++) {
		CHECK_EQ(weft_write(e->out, &(char){ (char)i }, 1, -1), 1);
		let(i);
	}
	return 0;
}

static int waits_for_all(void *arg)
{
	(void)arg;
	EACH_KIND(e) {
		struct crew c;
		char buf[10];

		if (e.both) {
			crew_start(&c, 1, 0, drips, &e);
			CHECK_EQ(weft_recvfrom(e.in, buf, 10, MSG_WAITALL, NULL,
					       NULL, WEFT_FOREVER), 10);
			CHECK_EQ(buf[9], 9);
			crew_join(&c);
			CHECK_EQ(weft_write(e.out, "abc", 3, -1), 3);
			arrived(e.in);
			CHECK_EQ(weft_recvfrom(e.in, buf, 10, MSG_WAITALL, NULL,
					       NULL, weft_in(WEFT_MS)), 3);
		}
		ends_close(&e);
	}
	return 0;
}

Test(io_message, waitall_waits_for_all_of_a_stream)
{
	ANYWHERE(waits_for_all);
}

static int packets(void *arg)
{
	int fd[2];
	char buf[64];

	(void)arg;
	CHECK_EQ(weft_socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	CHECK_EQ(weft_write(fd[0], "abc", 3, -1), 3);
	CHECK_EQ(weft_write(fd[0], "defg", 4, -1), 4);
	CHECK_EQ(weft_read(fd[1], buf, 64, WEFT_FOREVER), 3);
	CHECK_EQ(weft_read(fd[1], buf, 64, WEFT_FOREVER), 4);
	CHECK_EQ(weft_close(fd[0]), 0);
	CHECK_EQ(weft_read(fd[1], buf, 64, WEFT_FOREVER), 0);
	CHECK_EQ(weft_close(fd[1]), 0);
	CHECK_EQ(weft_socketpair(AF_INET, SOCK_STREAM, 0, fd), -EOPNOTSUPP);
	CHECK_EQ(weft_socketpair(-1, SOCK_STREAM, 0, fd), -EAFNOSUPPORT);
	return 0;
}

Test(io_message, packets_keep_their_bounds)
{
	ANYWHERE(packets);
}

/* What was known of a number is found out again when it is another file. */
static int another_file(void *arg)
{
	(void)arg;
	for (int k = 0; k < KINDS; k++)
		EACH_KIND(e) {
			struct ends f = ends_make((enum kind)k);
			char c;

			CHECK_EQ(weft_write(f.out, "f", 1, -1), 1);
			CHECK_EQ(weft_write(e.out, "e", 1, -1), 1);
			arrived(e.in);
			CHECK_EQ(weft_read(e.in, &c, 1, -1), 1);
			/* Behind the library's back. */
			CHECK_EQ(dup2(f.in, e.in), e.in);
			CHECK_EQ(dup2(f.out, e.out), e.out);
			CHECK_EQ(weft_read(e.in, &c, 1, WEFT_FOREVER), 1);
			CHECK_EQ(c, 'f');
			CHECK_EQ(weft_read(e.in, &c, 1, weft_in(WEFT_US)),
				 -ETIMEDOUT);
			CHECK_EQ(weft_write(e.out, "g", 1, -1), 1);
			CHECK_EQ(weft_read(e.in, &c, 1, WEFT_FOREVER), 1);
			CHECK_EQ(c, 'g');
			ends_close(&e);
			ends_close(&f);
		}
	return 0;
}

Test(io_message, a_number_may_become_another_file)
{
	ANYWHERE(another_file);
}
