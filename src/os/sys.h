/* os/sys.h - system calls on descriptors: the answer is a result or -errno.
 *
 * A routine may wake up on another thread, and compilers keep the address of
 * errno across a switch; so errno is read in here and nowhere else.  None of
 * these parks.  A call that a signal cut short before it did anything is made
 * again, except close.
 *
 * Every call first asks weft__sys_fault, when a test has set it: a negative
 * answer is the result, and the kernel is not asked; a positive one limits how
 * many bytes the call may move.
 */
#ifndef WEFT_OS_SYS_H
#define WEFT_OS_SYS_H

#include "base/base.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum sys_call {
	/* descriptors */
	SYS_READV, SYS_WRITEV, SYS_POLL, SYS_CLOSE, SYS_FCNTL, SYS_FSTAT,
	SYS_EVENTFD, SYS_TIMERFD, SYS_PIPE, SYS_SENDFILE, SYS_SEEK,
	/* sockets */
	SYS_SOCKET, SYS_RECV, SYS_SEND, SYS_RECVMSG, SYS_SENDMSG, SYS_ACCEPT,
	SYS_CONNECT, SYS_BIND, SYS_LISTEN, SYS_SOCKOPT, SYS_SHUTDOWN,
	SYS_SOCKNAME,
	/* pollers */
	SYS_EPOLL_CREATE, SYS_EPOLL_CTL, SYS_EPOLL_WAIT, SYS_RING,
	/* files */
	SYS_OPEN, SYS_PREAD, SYS_PWRITE, SYS_FSYNC, SYS_STAT, SYS_TRUNCATE,
	SYS_ALLOCATE, SYS_NAME, SYS_READLINK, SYS_GETDENTS,
	/* processes */
	SYS_PIDFD, SYS_WAITID,
	SYS_CALLS
};

typedef int sys_fault_fn(enum sys_call call, int fd);
extern sys_fault_fn *_Atomic weft__sys_fault;

/* At the current position; flags as preadv2: RWF_NOWAIT answers -EAGAIN for
 * what would wait, -EOPNOTSUPP where it cannot know. */
ssize_t weft__sys_readv(int fd, const struct iovec *v, int n, int flags);
ssize_t weft__sys_writev(int fd, const struct iovec *v, int n, int flags);
/* timeout in ns; negative: for ever.  A signal ends it with 0. */
int weft__sys_poll(struct pollfd *p, nfds_t n, int64_t timeout);
int weft__sys_close(int fd);
/* The O_... flags of the open file, or an error. */
int weft__sys_flags(int fd);
int weft__sys_fstat(int fd, struct stat *st);
/* Not blocking, close-on-exec.  Telling and clearing never fail and never wait,
 * so they are not asked about. */
int weft__sys_eventfd(void);
int weft__sys_timerfd(void);
/* Absolute monotonic ns; INT64_MAX: never. */
int weft__sys_timerfd_set(int fd, int64_t deadline);
void weft__sys_eventfd_tell(int fd);
void weft__sys_eventfd_clear(int fd);

/* At a place of its own; flags as weft__sys_readv. */
ssize_t weft__sys_preadv(int fd, const struct iovec *v, int n, off_t off,
			 int flags);
/* lseek */
off_t weft__sys_seek(int fd, off_t off, int whence);
/* off as sendfile(2). */
ssize_t weft__sys_sendfile(int out, int in, off_t *off, size_t n);
/* Both ends not blocking, close-on-exec. */
int weft__sys_pipe(int fds[2]);
int weft__sys_socketpair(int domain, int type, int protocol, int fds[2]);

/* Around writes to pipes on a thread that hears signals: no SIGPIPE of theirs
 * comes out.  `piped`: one of them said -EPIPE. */
struct sys_hush {
	sigset_t mask;
	bool pending;
};
void weft__sys_hush_begin(struct sys_hush *h);
void weft__sys_hush_end(struct sys_hush *h, bool piped);

ssize_t weft__sys_recv(int fd, void *buf, size_t n, int flags);
ssize_t weft__sys_send(int fd, const void *buf, size_t n, int flags);
ssize_t weft__sys_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t weft__sys_sendmsg(int fd, const struct msghdr *m, int flags);
/* flags: SOCK_NONBLOCK, SOCK_CLOEXEC */
int weft__sys_accept(int fd, struct sockaddr *a, socklen_t *l, int flags);
int weft__sys_connect(int fd, const struct sockaddr *a, socklen_t l);
int weft__sys_socket(int domain, int type, int protocol);
int weft__sys_bind(int fd, const struct sockaddr *a, socklen_t l);
int weft__sys_listen(int fd, int backlog);
/* An int-sized option of a socket, or an error. */
int weft__sys_sockopt(int fd, int level, int name);
int weft__sys_sockopt_set(int fd, int level, int name, int value);
int weft__sys_shutdown(int fd, int how);
/* Its own address or its peer's; *l gets the length. */
int weft__sys_sockname(int fd, bool peer, struct sockaddr *a, socklen_t *l,
		       size_t room);

/* A descriptor for the process, close-on-exec, readable when it has ended. */
int weft__sys_pidfd(pid_t pid);
int weft__sys_pidfd_kill(int pidfd, int sig);
/* Never waits: 0 when there is nothing to tell yet. */
pid_t weft__sys_waitpid(pid_t pid, int *status, int options);
/* kill(2); pid as there */
int weft__sys_kill(pid_t pid, int sig);
/* A copy with a number of 3 or more, close-on-exec. */
int weft__sys_dup(int fd);
/* O_NONBLOCK off: the file may be another process's, too. */
int weft__sys_blocking(int fd);

struct epoll_event;
/* Close-on-exec. */
int weft__sys_epoll_create(void);
/* EPOLL_CTL_...; data is what an event brings back. */
int weft__sys_epoll_ctl(int ep, int op, int fd, uint32_t events, uint64_t data);
/* timeout in ns; negative: for ever.  A signal ends it with 0.  Kernels before
 * 5.11 (and emulators) need two calls for it; it is as precise there. */
int weft__sys_epoll_wait(int ep, struct epoll_event *ev, int max,
			 int64_t timeout);

#endif
