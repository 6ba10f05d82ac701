/* support/sweepwrap.h - what the sweep puts below the library: interrupted
 * system calls, memory and threads that are not to be had, and a count of the
 * memory that is in use.
 *
 * The program is linked with -Wl,--wrap=NAME for each of these (SWEEP_WRAPS in
 * tests/local.mk), so the library's calls come here, its own copy of it, the C
 * library's do not.  sweep.h says which call fails and when.
 */
#ifndef WEFT_SUPPORT_SWEEPWRAP_H
#define WEFT_SUPPORT_SWEEPWRAP_H

#include "support/crit.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/sys.h"

/* Calls that are none of the kernel's, behind the others in the table. */
enum { DO_MALLOC = SYS_CALLS, DO_MAP, DO_THREAD, DO_CALLS };

/* A signal cuts this one short.  This one fails, with that errno. */
static bool sweep_cut(int call);
static int sweep_fails(int call);

/* --- system calls that signals cut short ------------------------------------------ */

#define CUT_SHORT(type, name, call, params, args) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		if (sweep_cut(call)) { \
			errno = EINTR; \
			return -1; \
		} \
		return __real_##name args; \
	}

CUT_SHORT(ssize_t, readv, SYS_READV, (int fd, const struct iovec *v, int n),
	  (fd, v, n))
CUT_SHORT(ssize_t, writev, SYS_WRITEV, (int fd, const struct iovec *v, int n),
	  (fd, v, n))
CUT_SHORT(ssize_t, preadv2, SYS_READV,
	  (int fd, const struct iovec *v, int n, off_t off, int flags),
	  (fd, v, n, off, flags))
CUT_SHORT(ssize_t, pwritev2, SYS_WRITEV,
	  (int fd, const struct iovec *v, int n, off_t off, int flags),
	  (fd, v, n, off, flags))
CUT_SHORT(ssize_t, preadv, SYS_PREAD,
	  (int fd, const struct iovec *v, int n, off_t off), (fd, v, n, off))
CUT_SHORT(ssize_t, pwritev, SYS_PWRITE,
	  (int fd, const struct iovec *v, int n, off_t off), (fd, v, n, off))
CUT_SHORT(ssize_t, sendfile, SYS_SENDFILE,
	  (int out, int in, off_t *off, size_t n), (out, in, off, n))
CUT_SHORT(ssize_t, recv, SYS_RECV, (int fd, void *p, size_t n, int flags),
	  (fd, p, n, flags))
CUT_SHORT(ssize_t, send, SYS_SEND,
	  (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
CUT_SHORT(ssize_t, recvmsg, SYS_RECVMSG, (int fd, struct msghdr *m, int flags),
	  (fd, m, flags))
CUT_SHORT(ssize_t, sendmsg, SYS_SENDMSG,
	  (int fd, const struct msghdr *m, int flags), (fd, m, flags))
CUT_SHORT(int, accept4, SYS_ACCEPT,
	  (int fd, struct sockaddr *a, socklen_t *l, int flags),
	  (fd, a, l, flags))
CUT_SHORT(int, epoll_wait, SYS_EPOLL_WAIT,
	  (int ep, struct epoll_event *ev, int max, int ms), (ep, ev, max, ms))
CUT_SHORT(pid_t, waitpid, SYS_WAITID, (pid_t pid, int *status, int options),
	  (pid, status, options))
CUT_SHORT(int, fsync, SYS_FSYNC, (int fd), (fd))
CUT_SHORT(int, fdatasync, SYS_FSYNC, (int fd), (fd))
CUT_SHORT(int, ftruncate, SYS_TRUNCATE, (int fd, off_t size), (fd, size))
CUT_SHORT(int, fallocate, SYS_ALLOCATE,
	  (int fd, int mode, off_t off, off_t size), (fd, mode, off, size))

/* Who does not wait is not cut short: what is ready is told. */
int __real_ppoll(struct pollfd *p, nfds_t n, const struct timespec *t,
		 const sigset_t *s);
int __wrap_ppoll(struct pollfd *p, nfds_t n, const struct timespec *t,
		 const sigset_t *s);
int __wrap_ppoll(struct pollfd *p, nfds_t n, const struct timespec *t,
		 const sigset_t *s)
{
	if ((t && !t->tv_sec && !t->tv_nsec) || !sweep_cut(SYS_POLL))
		return __real_ppoll(p, n, t, s);
	errno = EINTR;
	return -1;
}

int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	if (!sweep_cut(SYS_OPEN))
		return __real_openat(dir, path, flags, mode);
	errno = EINTR;
	return -1;
}

/* The number is free. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	int r = __real_close(fd);

	if (r == 0 && sweep_cut(SYS_CLOSE)) {
		errno = EINTR;
		r = -1;
	}
	return r;
}

int __real_connect(int fd, const struct sockaddr *a, socklen_t l);
int __wrap_connect(int fd, const struct sockaddr *a, socklen_t l);
int __wrap_connect(int fd, const struct sockaddr *a, socklen_t l)
{
	bool waits = !(fcntl(fd, F_GETFL) & O_NONBLOCK);
	/* A Unix socket has done nothing then, others go on. */
	bool cut = a->sa_family == AF_UNIX && waits && sweep_cut(SYS_CONNECT);
	int r = cut ? -1 : __real_connect(fd, a, l);

	if (a->sa_family != AF_UNIX)
		cut = (r == 0 ? waits : errno == EINPROGRESS) &&
		      sweep_cut(SYS_CONNECT);
	if (cut) {
		errno = EINTR;
		r = -1;
	}
	return r;
}

/* --- memory ----------------------------------------------------------------------- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
char *__real_strdup(const char *s);
void __real_free(void *p);
void __real_freeaddrinfo(struct addrinfo *a);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a,
			  void *(*fn)(void *), void *arg);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);
void __wrap_freeaddrinfo(struct addrinfo *a);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a,
			  void *(*fn)(void *), void *arg);

/* Blocks in use, with who asked for each; addresses hash into a table. */
enum { BLOCKS = 1 << 16 };
static struct block {
	void *p;
	const void *by;
} blocks[BLOCKS];
static int blocks_used;
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned block_find(const void *p)
{
	unsigned i = (unsigned)((uintptr_t)p >> 4) * 2654435761u % BLOCKS;

	while (blocks[i].p && blocks[i].p != p)
		i = (i + 1) % BLOCKS;
	return i;
}

static void *block_add(void *p, const void *by)
{
	unsigned i;

	if (!p)
		return NULL;
	pthread_mutex_lock(&blocks_lock);
	i = block_find(p);
	blocks_used += !blocks[i].p;
	blocks[i] = (struct block){ p, by };
	if (blocks_used == BLOCKS / 2)
		abort();
	pthread_mutex_unlock(&blocks_lock);
	return p;
}

/* Those behind it move up. */
static void block_remove(const void *p)
{
	unsigned i, k;

	pthread_mutex_lock(&blocks_lock);
	i = block_find(p);
	if (p && blocks[i].p) {
		blocks[i].p = NULL;
		blocks_used--;
		for (k = (i + 1) % BLOCKS; blocks[k].p; k = (k + 1) % BLOCKS) {
			struct block b = blocks[k];

			blocks[k].p = NULL;
			blocks[block_find(b.p)] = b;
		}
	}
	pthread_mutex_unlock(&blocks_lock);
}

__attribute__((unused))
static int blocks_now(void)
{
	int n;

	pthread_mutex_lock(&blocks_lock);
	n = blocks_used;
	pthread_mutex_unlock(&blocks_lock);
	return n;
}

static bool no_memory(void)
{
	int err = sweep_fails(DO_MALLOC);

	if (err)
		errno = err;
	return err != 0;
}

#define BY __builtin_return_address(0)

void *__wrap_malloc(size_t n)
{
	return no_memory() ? NULL : block_add(__real_malloc(n), BY);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : block_add(__real_calloc(n, size), BY);
}

void *__wrap_realloc(void *p, size_t n)
{
	void *more;

	if (no_memory())
		return NULL;
	/* Not later: the address may be another thread's by then. */
	block_remove(p);
	more = __real_realloc(p, n);
	block_add(more || !n ? more : p, BY);
	return more;
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
	return no_memory() ? NULL : block_add(__real_aligned_alloc(align, n),
					      BY);
}

char *__wrap_strdup(const char *s)
{
	return no_memory() ? NULL : block_add(__real_strdup(s), BY);
}

void __wrap_free(void *p)
{
	block_remove(p);
	__real_free(p);
}

/* A list may be of our making. */
void __wrap_freeaddrinfo(struct addrinfo *a)
{
	for (struct addrinfo *i = a; i; i = i->ai_next) {
		block_remove(i->ai_canonname);
		block_remove(i);
	}
	__real_freeaddrinfo(a);
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a,
			  void *(*fn)(void *), void *arg)
{
	int err = sweep_fails(DO_THREAD);

	return err ? err : __real_pthread_create(t, a, fn, arg);
}

#endif
