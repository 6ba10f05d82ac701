/* io/message.c - messages of sockets: with flags, addresses, control data. */
#include "base/base.h"
#include "io/io.h"

#include <weft/io.h>
#include <weft/time.h>

/* MSG_OOB and MSG_ERRQUEUE never wait: no edge tells of those. */
#define NEVER_WAIT (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)

/* Unix datagrams to somebody who is not connected: poll does not tell when his
 * queue has room again, so look after a while. */
#define QUEUE_FULL_MIN (50 * WEFT_US)
#define QUEUE_FULL_MAX (2 * WEFT_MS)

struct msg_op {
	struct msghdr *m;
	int flags;
};

static ssize_t try_recvmsg(int fd, void *p)
{
	struct msg_op *op = p;

	return weft__sys_recvmsg(fd, op->m, op->flags | MSG_DONTWAIT);
}

static ssize_t try_sendmsg(int fd, void *p)
{
	struct msg_op *op = p;

	return weft__sys_sendmsg(fd, op->m, op->flags | MSG_DONTWAIT |
				 MSG_NOSIGNAL);
}

static weft_time wait_of(int flags, weft_time deadline)
{
	return flags & NEVER_WAIT ? WEFT_NOWAIT : deadline;
}

static ssize_t recv_msg(int fd, uint32_t *generation, struct msghdr *m,
			int flags, size_t asked, weft_time deadline)
{
	struct msg_op op = { m, flags & ~MSG_WAITALL };
	ssize_t r = weft__desc_do_as(fd, generation, DESC_IN, try_recvmsg, &op,
				     asked, wait_of(flags, deadline));

	if (unlikely(r == -ENOTSOCK))
		weft__desc_forget(fd);
	return r;
}

ssize_t weft_recvmsg(int fd, struct msghdr *m, int flags, weft_time deadline)
{
	uint32_t generation = 0;

	if (!m)
		return -EINVAL;
	return recv_msg(fd, &generation, m, flags, 0, deadline);
}

static bool is_stream(int fd)
{
	uint32_t generation;
	int type;

	if (weft__desc_enter(fd, &generation))
		return false;
	type = weft__sys_sockopt(fd, SOL_SOCKET, SO_TYPE);
	weft__desc_leave(fd);
	return type == SOCK_STREAM;
}

ssize_t weft_recvfrom(int fd, void *buf, size_t n, int flags,
		      struct sockaddr *a, socklen_t *l, weft_time deadline)
{
	struct iovec v = { buf, n };
	struct msghdr m = {
		.msg_name = a && l ? a : NULL,
		.msg_namelen = a && l ? *l : 0,
		.msg_iov = &v,
		.msg_iovlen = 1,
	};
	int kind = weft__desc_kind(fd);
	bool plain = !(flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)), all;
	uint32_t generation = 0;
	size_t got = 0;
	ssize_t r;

	if (kind < 0)
		return kind;
	if (kind == DESC_FILE || kind == DESC_OTHER)
		return -ENOTSOCK;
	if (!n && !(flags & (MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE)))
		return io_cancelled(wait_of(flags, deadline));
	all = flags & MSG_WAITALL && plain && is_stream(fd);
	plain &= kind == DESC_STREAM;
	do {
		v.iov_base = (char *)buf + got;
		v.iov_len = n - got;
		r = recv_msg(fd, &generation, &m, flags,
			     plain ? io_asked(n - got) : 0, deadline);
		if (r > 0)
			got += (size_t)r;
	} while (all && r > 0 && got < n);
	if (r >= 0 && m.msg_name)
		*l = m.msg_namelen;
	return got ? (ssize_t)got : r;
}

static NOINLINE ssize_t send_when_room(int fd, struct msg_op *op,
				       weft_time deadline)
{
	weft_time pause = QUEUE_FULL_MIN, now;
	ssize_t r;
	int err;

	for (;;) {
		err = io_cancelled(deadline);
		if (err)
			return err;
		r = weft__desc_do(fd, DESC_OUT, try_sendmsg, op, 0,
				  WEFT_NOWAIT);
		if (r != -EAGAIN || deadline == WEFT_NOWAIT)
			return r;
		now = weft_now();
		if (now >= deadline)
			return -ETIMEDOUT;
		now = deadline - now < pause ? deadline : now + pause;
		err = weft_sleep_until(now);
		if (err)
			return err;
		pause = pause < QUEUE_FULL_MAX ? 2 * pause : pause;
	}
}

ssize_t weft_sendmsg(int fd, const struct msghdr *m, int flags,
		     weft_time deadline)
{
	struct msg_op op = { (struct msghdr *)(uintptr_t)m, flags };
	ssize_t r;

	if (!m)
		return -EINVAL;
	deadline = wait_of(flags, deadline);
	if (m->msg_name && m->msg_namelen >= sizeof(sa_family_t) &&
	    ((const struct sockaddr *)m->msg_name)->sa_family == AF_UNIX)
		r = send_when_room(fd, &op, deadline);
	else
		r = weft__desc_do(fd, DESC_OUT, try_sendmsg, &op, 0, deadline);
	if (unlikely(r == -ENOTSOCK))
		weft__desc_forget(fd);
	return r;
}

ssize_t weft_sendto(int fd, const void *buf, size_t n, int flags,
		    const struct sockaddr *a, socklen_t l, weft_time deadline)
{
	struct iovec v = { (void *)(uintptr_t)buf, n };
	struct msghdr m = {
		.msg_name = (void *)(uintptr_t)a,
		.msg_namelen = a ? l : 0,
		.msg_iov = &v,
		.msg_iovlen = 1,
	};

	return weft_sendmsg(fd, &m, flags, deadline);
}
