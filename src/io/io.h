/* io/io.h - what the files of weft/io.h share: one read or write.
 *
 * Which call is made depends on what the descriptor is:
 *
 *   socket   recv or send that does not wait (MSG_DONTWAIT), by desc_do
 *   file     once with RWF_NOWAIT: what is in memory.  The rest on a thread of
 *            the blocking pool
 *   other    RWF_NOWAIT, by desc_do; where the kernel cannot do that, what
 *            poll(2) says will not wait
 *
 * The kind may be out of date when somebody else closed the number: -ENOTSOCK
 * says so, and the kernel is asked again.  The other way round does no harm,
 * since sockets know RWF_NOWAIT.
 */
#ifndef WEFT_IO_IO_H
#define WEFT_IO_IO_H

#include "base/base.h"
#include "io/desc.h"
#include "os/sys.h"

enum { IO_AGAIN = 4 };                  /* how often a kind may be wrong */

/* The most that one system call moves. */
#define IO_MOST ((size_t)0x7ffff000)

struct io_op {
	const struct iovec *v;
	int n;
	size_t size;                    /* of all parts */
	uint32_t generation;            /* as of weft__desc_do_as */
};

/* A cancel point that has done nothing yet. */
static inline int io_cancelled(weft_time deadline)
{
	return deadline != WEFT_NOWAIT && weft__cancelled(weft__worker()) ?
		-ECANCELED : 0;
}

/* How many bytes v has; negative: too many, or n is not possible. */
ssize_t weft__io_size(const struct iovec *v, int n);

/* The kernel does not know whether this would wait. */
static inline bool io_unsure(ssize_t r)
{
	return r == -EOPNOTSUPP || r == -ENOSYS;
}

/* What a stream read tells about being drained (D6): a test that cuts reads
 * short says nothing about that. */
static inline size_t io_asked(size_t n)
{
	if (unlikely(load_rlx(&weft__sys_fault) != NULL))
		return 0;
	return n < IO_MOST ? n : IO_MOST;
}

/* To a file, or from it; never -EAGAIN. */
ssize_t weft__io_disk(int fd, struct io_op *op, bool write,
		      weft_time deadline);

/* Parts of a call that makes several, as weft__desc_do_as. */
ssize_t weft__io_read_as(int fd, uint32_t *generation, void *buf, size_t n,
			 weft_time deadline);
int weft__io_write_all_as(int fd, uint32_t *generation, const void *buf,
			  size_t n, size_t *done, weft_time deadline);

/* A read of no bytes. */
int weft__io_nothing(int fd, weft_time deadline);

/* Make a call that may block, on the pool; it enters what it uses. */
int weft__io_pool(void *(*call)(void *), void *arg, weft_time deadline);

#endif
