/* os/sys.c - see sys.h. */
#include "os/syscall.h"
#include "base/atomic.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

sys_fault_fn *_Atomic weft__sys_fault;

/* --- descriptors --------------------------------------------------------------- */

NOINLINE ssize_t weft__sys_readv(int fd, const struct iovec *v, int n, int flags)
{
	int f = sys_fault(SYS_READV, fd);
	struct iovec one;

	if (f < 0)
		return f;
	first_part(&v, &n, f, &one);
	if (!flags)
		return RETRY(readv(fd, v, n));
	return RETRY(preadv2(fd, v, n, -1, flags));
}

NOINLINE ssize_t weft__sys_writev(int fd, const struct iovec *v, int n,
				  int flags)
{
	int f = sys_fault(SYS_WRITEV, fd);
	struct iovec one;

	if (f < 0)
		return f;
	first_part(&v, &n, f, &one);
	if (!flags)
		return RETRY(writev(fd, v, n));
	return RETRY(pwritev2(fd, v, n, -1, flags));
}

NOINLINE int weft__sys_poll(struct pollfd *p, nfds_t n, int64_t timeout)
{
	int f = sys_fault(SYS_POLL, n ? p->fd : -1);
	struct timespec ts = {
		.tv_sec = (time_t)(timeout / 1000000000),
		.tv_nsec = (long)(timeout % 1000000000),
	};
	int r;

	if (f < 0)
		return f;
	r = ppoll(p, n, timeout < 0 ? NULL : &ts, NULL);
	return r >= 0 ? r : errno == EINTR ? 0 : -errno;
}

NOINLINE int weft__sys_close(int fd)
{
	int f = sys_fault(SYS_CLOSE, fd);
	int r = close(fd) < 0 ? -errno : 0;

	/* The number is free even when a signal came meanwhile. */
	return f < 0 ? f : r == -EINTR ? 0 : r;
}

NOINLINE int weft__sys_flags(int fd)
{
	int f = sys_fault(SYS_FCNTL, fd);

	return f < 0 ? f : (int)RETRY(fcntl(fd, F_GETFL));
}

NOINLINE int weft__sys_fstat(int fd, struct stat *st)
{
	int f = sys_fault(SYS_FSTAT, fd);

	return f < 0 ? f : (int)RETRY(fstat(fd, st));
}

NOINLINE int weft__sys_timerfd(void)
{
	int f = sys_fault(SYS_TIMERFD, -1);

	return f < 0 ? f : (int)RETRY(timerfd_create(CLOCK_MONOTONIC,
					TFD_NONBLOCK | TFD_CLOEXEC));
}

NOINLINE int weft__sys_timerfd_set(int fd, int64_t deadline)
{
	int f = sys_fault(SYS_TIMERFD, fd);
	struct itimerspec it = { .it_value = { 0, 0 } };

	if (f < 0)
		return f;
	/* All zero would stop it. */
	if (deadline != INT64_MAX) {
		it.it_value.tv_sec = (time_t)(deadline / 1000000000);
		it.it_value.tv_nsec = (long)(deadline % 1000000000);
	}
	return (int)RETRY(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL));
}

NOINLINE int weft__sys_eventfd(void)
{
	int f = sys_fault(SYS_EVENTFD, -1);

	return f < 0 ? f : (int)RETRY(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

NOINLINE void weft__sys_eventfd_tell(int fd)
{
	uint64_t one = 1;

	(void)RETRY(write(fd, &one, sizeof one));
}

NOINLINE void weft__sys_eventfd_clear(int fd)
{
	uint64_t was;

	(void)RETRY(read(fd, &was, sizeof was));
}

NOINLINE ssize_t weft__sys_preadv(int fd, const struct iovec *v, int n,
				  off_t off, int flags)
{
	int f = sys_fault(SYS_PREAD, fd);
	struct iovec one;

	if (f < 0)
		return f;
	first_part(&v, &n, f, &one);
	if (!flags)
		return RETRY(preadv(fd, v, n, off));
	return RETRY(preadv2(fd, v, n, off, flags));
}

NOINLINE off_t weft__sys_seek(int fd, off_t off, int whence)
{
	int f = sys_fault(SYS_SEEK, fd);

	return f < 0 ? f : RETRY(lseek(fd, off, whence));
}

NOINLINE ssize_t weft__sys_sendfile(int out, int in, off_t *off, size_t n)
{
	int f = sys_fault(SYS_SENDFILE, out);

	return f < 0 ? f : RETRY(sendfile(out, in, off, at_most(f, n)));
}

NOINLINE int weft__sys_pipe(int fds[2])
{
	int f = sys_fault(SYS_PIPE, -1);

	return f < 0 ? f : (int)RETRY(pipe2(fds, O_NONBLOCK | O_CLOEXEC));
}

NOINLINE int weft__sys_socketpair(int domain, int type, int protocol,
				  int fds[2])
{
	int f = sys_fault(SYS_SOCKET, -1);

	type |= SOCK_NONBLOCK | SOCK_CLOEXEC;
	return f < 0 ? f : (int)RETRY(socketpair(domain, type, protocol, fds));
}

static bool sigpipe_pending(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, SIGPIPE) > 0;
}

NOINLINE void weft__sys_hush_begin(struct sys_hush *h)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, &h->mask);
	/* One that was there before is the caller's. */
	h->pending = sigismember(&h->mask, SIGPIPE) > 0 && sigpipe_pending();
}

NOINLINE void weft__sys_hush_end(struct sys_hush *h, bool piped)
{
	struct timespec now = { 0, 0 };
	sigset_t set;

	if (piped && !h->pending) {
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR)
			;
	}
	pthread_sigmask(SIG_SETMASK, &h->mask, NULL);
}

/* --- sockets ------------------------------------------------------------------- */

NOINLINE ssize_t weft__sys_recv(int fd, void *buf, size_t n, int flags)
{
	int f = sys_fault(SYS_RECV, fd);

	return f < 0 ? f : RETRY(recv(fd, buf, at_most(f, n), flags));
}

NOINLINE ssize_t weft__sys_send(int fd, const void *buf, size_t n, int flags)
{
	int f = sys_fault(SYS_SEND, fd);

	return f < 0 ? f : RETRY(send(fd, buf, at_most(f, n), flags));
}

/* The same for the vector of a message; *one must live as long. */
static void first_part_of(struct msghdr *m, int limit, struct iovec *one)
{
	const struct iovec *v = m->msg_iov;
	int n = (int)m->msg_iovlen;

	first_part(&v, &n, limit, one);
	m->msg_iov = (struct iovec *)(uintptr_t)v;
	m->msg_iovlen = (size_t)n;
}

NOINLINE ssize_t weft__sys_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct iovec *v = m->msg_iov, one;
	int f = sys_fault(SYS_RECVMSG, fd);
	size_t n = m->msg_iovlen;
	ssize_t r;

	if (f < 0)
		return f;
	first_part_of(m, f, &one);
	r = RETRY(recvmsg(fd, m, flags));
	m->msg_iov = v;
	m->msg_iovlen = n;
	return r;
}

NOINLINE ssize_t weft__sys_sendmsg(int fd, const struct msghdr *m, int flags)
{
	int f = sys_fault(SYS_SENDMSG, fd);
	struct msghdr less = *m;
	struct iovec one;

	if (f < 0)
		return f;
	first_part_of(&less, f, &one);
	return RETRY(sendmsg(fd, &less, flags));
}

NOINLINE int weft__sys_accept(int fd, struct sockaddr *a, socklen_t *l,
			      int flags)
{
	int f = sys_fault(SYS_ACCEPT, fd);

	return f < 0 ? f : (int)RETRY(accept4(fd, a, l, flags));
}

/* Cut short it goes on by itself: that is EINPROGRESS, not to be made again.  But
 * a Unix socket that has waited for room in a queue has done nothing. */
NOINLINE int weft__sys_connect(int fd, const struct sockaddr *a, socklen_t l)
{
	int f = sys_fault(SYS_CONNECT, fd);

	if (f < 0)
		return f;
	if (a->sa_family == AF_UNIX)
		return (int)RETRY(connect(fd, a, l));
	if (connect(fd, a, l) == 0)
		return 0;
	return errno == EINTR ? -EINPROGRESS : -errno;
}

NOINLINE int weft__sys_socket(int domain, int type, int protocol)
{
	int f = sys_fault(SYS_SOCKET, -1);

	return f < 0 ? f : (int)RETRY(socket(domain, type, protocol));
}

NOINLINE int weft__sys_bind(int fd, const struct sockaddr *a, socklen_t l)
{
	int f = sys_fault(SYS_BIND, fd);

	return f < 0 ? f : (int)RETRY(bind(fd, a, l));
}

NOINLINE int weft__sys_listen(int fd, int backlog)
{
	int f = sys_fault(SYS_LISTEN, fd);

	return f < 0 ? f : (int)RETRY(listen(fd, backlog));
}

NOINLINE int weft__sys_sockopt(int fd, int level, int name)
{
	int f = sys_fault(SYS_SOCKOPT, fd), value = 0;
	socklen_t len = sizeof value;

	if (f < 0)
		return f;
	f = (int)RETRY(getsockopt(fd, level, name, &value, &len));
	return f < 0 ? f : value;
}

NOINLINE int weft__sys_sockopt_set(int fd, int level, int name, int value)
{
	int f = sys_fault(SYS_SOCKOPT, fd);

	return f < 0 ? f : (int)RETRY(setsockopt(fd, level, name, &value,
						 sizeof value));
}

NOINLINE int weft__sys_shutdown(int fd, int how)
{
	int f = sys_fault(SYS_SHUTDOWN, fd);

	return f < 0 ? f : (int)RETRY(shutdown(fd, how));
}

NOINLINE int weft__sys_sockname(int fd, bool peer, struct sockaddr *a,
				socklen_t *l, size_t room)
{
	int f = sys_fault(SYS_SOCKNAME, fd);

	*l = (socklen_t)room;
	if (f < 0)
		return f;
	return (int)RETRY(peer ? getpeername(fd, a, l) : getsockname(fd, a, l));
}

/* --- pollers ------------------------------------------------------------------- */

NOINLINE int weft__sys_epoll_create(void)
{
	int f = sys_fault(SYS_EPOLL_CREATE, -1);

	return f < 0 ? f : (int)RETRY(epoll_create1(EPOLL_CLOEXEC));
}

NOINLINE int weft__sys_epoll_ctl(int ep, int op, int fd, uint32_t events,
				 uint64_t data)
{
	int f = sys_fault(SYS_EPOLL_CTL, fd);
	struct epoll_event ev = { .events = events, .data.u64 = data };

	return f < 0 ? f : (int)RETRY(epoll_ctl(ep, op, fd, &ev));
}

static int epoll_wait_fine(int ep, struct epoll_event *ev, int max,
			   const struct timespec *timeout)
{
	static _Atomic bool missing;
	int r = -ENOSYS;

	if (load_rlx(&missing))
		return r;
#ifdef SYS_epoll_pwait2
	r = (int)syscall(SYS_epoll_pwait2, ep, ev, max, timeout, NULL, 0);
	if (r < 0)
		r = -errno;
#endif
	/* It never says EPERM; a filter that is older than the call does. */
	if (r == -EPERM)
		r = -ENOSYS;
	if (r == -ENOSYS)
		store_rlx(&missing, true);
	return r;
}

/* epoll_wait counts milliseconds; but an epoll descriptor can itself be polled,
 * to the nanosecond. */
static int epoll_wait_coarse(int ep, struct epoll_event *ev, int max,
			     const struct timespec *timeout)
{
	struct pollfd p = { .fd = ep, .events = POLLIN };
	int r = ppoll(&p, 1, timeout, NULL);

	if (r > 0)
		r = epoll_wait(ep, ev, max, 0);
	return r < 0 ? -errno : r;
}

NOINLINE int weft__sys_epoll_wait(int ep, struct epoll_event *ev, int max,
				  int64_t timeout)
{
	int r = sys_fault(SYS_EPOLL_WAIT, ep);
	struct timespec ts = {
		.tv_sec = (time_t)(timeout / 1000000000),
		.tv_nsec = (long)(timeout % 1000000000),
	}, *limit = timeout < 0 ? NULL : &ts;

	if (r >= 0 && timeout == 0)
		r = (int)RETRY(epoll_wait(ep, ev, max, 0));
	else if (r >= 0)
		r = epoll_wait_fine(ep, ev, max, limit);
	if (r == -ENOSYS)
		r = epoll_wait_coarse(ep, ev, max, limit);
	return r == -EINTR ? 0 : r;
}

/* --- processes ----------------------------------------------------------------- */

NOINLINE int weft__sys_pidfd(pid_t pid)
{
	int f = sys_fault(SYS_PIDFD, -1);

#ifdef SYS_pidfd_open
	return f < 0 ? f : (int)RETRY(syscall(SYS_pidfd_open, pid, 0));
#else
	return f < 0 ? f : -ENOSYS;
#endif
}

NOINLINE int weft__sys_pidfd_kill(int pidfd, int sig)
{
#ifdef SYS_pidfd_send_signal
	return (int)RETRY(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
#else
	return -ENOSYS;
#endif
}

NOINLINE pid_t weft__sys_waitpid(pid_t pid, int *status, int options)
{
	int f = sys_fault(SYS_WAITID, -1);

	return f < 0 ? f : (pid_t)RETRY(waitpid(pid, status,
						options | WNOHANG));
}

NOINLINE int weft__sys_kill(pid_t pid, int sig)
{
	return (int)RETRY(kill(pid, sig));
}

NOINLINE int weft__sys_dup(int fd)
{
	int f = sys_fault(SYS_FCNTL, fd);

	return f < 0 ? f : (int)RETRY(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

NOINLINE int weft__sys_blocking(int fd)
{
	int flags = weft__sys_flags(fd);

	if (flags < 0)
		return flags;
	return (int)RETRY(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK));
}
