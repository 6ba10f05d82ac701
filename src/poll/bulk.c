/* poll/bulk.c - see bulk.h. */
#include "poll/bulk.h"
#include "os/syscall.h"
#include "os/thread.h"

#ifdef HAVE_LIBURING

#include "poll/ring.h"
#include "poll/slots.h"

#include <sys/syscall.h>
#include <unistd.h>

/* IORING_REGISTER_USE_REGISTERED_RING of newer headers. */
#define USE_REGISTERED_RING (1u << 31)

static bool knows_send(struct io_uring *u)
{
	struct io_uring_probe *p = io_uring_get_probe_ring(u);
	bool knows = p && io_uring_opcode_supported(p, IORING_OP_SEND);

	io_uring_free_probe(p);
	return knows;
}

/* The ring becomes one of this thread's, its descriptor is closed (K4). */
static int own(struct io_uring *u)
{
	struct io_uring_rsrc_update up = {
		.offset = UINT32_MAX,
		.data = (uint64_t)u->ring_fd,
	};
	long r = syscall(__NR_io_uring_register, u->ring_fd,
			 IORING_REGISTER_RING_FDS, &up, 1);

	if (r != 1)
		return -ENOSYS;
	/* As liburing does: TSan knows nothing of the opening either. */
	(void)syscall(__NR_close, u->ring_fd);
	u->ring_fd = -1;
	return (int)up.offset;
}

/* Before Linux 6.3 it stays with the thread until that ends. */
static void disown(unsigned ring)
{
	struct io_uring_rsrc_update up = { .offset = ring };

	(void)syscall(__NR_io_uring_register, ring,
		      IORING_UNREGISTER_RING_FDS | USE_REGISTERED_RING, &up, 1);
}

static int set_up(struct io_uring *u)
{
	unsigned threads[2] = { RING_THREADS, RING_THREADS };
	int ring = -ENOSYS;

	if (io_uring_queue_init(BULK_MOST, u, 0) < 0)
		return -ENOSYS;
	/* None is for this one; but it may be the thread's first. */
	(void)io_uring_register_iowq_max_workers(u, threads);
	slots_in_order(u, BULK_MOST);
	if (io_uring_ring_dontfork(u) == 0 && knows_send(u))        /* K3 */
		ring = own(u);
	if (ring < 0)
		io_uring_queue_exit(u);
	return ring;
}

int weft__bulk_open(struct bulk *b)
{
	struct io_uring *u;

	b->ring = -1;
	b->thread = (pid_t)syscall(__NR_gettid);
	b->n = 0;
	b->broken = false;
	if (sys_fault(SYS_RING, -1) < 0)
		return -ENOSYS;
	u = malloc(sizeof *u);
	if (!u)
		return -ENOSYS;
	b->ring = set_up(u);
	if (b->ring < 0) {
		free(u);
		b->ring = -1;
		return -ENOSYS;
	}
	b->state = u;
	return 0;
}

void weft__bulk_close(struct bulk *b)
{
	if (b->ring < 0)
		return;
	if (b->thread == (pid_t)syscall(__NR_gettid))
		disown((unsigned)b->ring);
	io_uring_queue_exit(b->state);
	free(b->state);
	b->state = NULL;
	b->ring = -1;
}

void weft__bulk_send(struct bulk *b, int fd, const void *buf, size_t n,
		     int flags)
{
	int f = sys_fault(SYS_SEND, fd);
	struct io_uring_sqe *e = f < 0 ? NULL : io_uring_get_sqe(b->state);

	b->result[b->n] = f < 0 ? f : BULK_NOT_MADE;
	if (e) {
		memset(e, 0, sizeof *e);
		e->opcode = IORING_OP_SEND;
		e->fd = fd;
		e->addr = (uintptr_t)buf;
		e->len = (uint32_t)at_most(f, n);
		e->msg_flags = (uint32_t)flags;
		e->user_data = b->n;
	}
	b->n++;
}

static int enter(struct bulk *b, unsigned submit, unsigned wait)
{
	int f = sys_fault(SYS_RING, b->ring);
	long r;

	if (f < 0)
		return f;
	r = syscall(__NR_io_uring_enter, b->ring, submit, wait,
		    IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING,
		    NULL, 0);
	return r < 0 ? -errno : (int)r;
}

/* Publish and make them; how many the kernel took, in order.  The others are
 * taken back: it looks at them only when it is entered (K1). */
static unsigned make(struct bulk *b)
{
	struct io_uring *u = b->state;
	unsigned first = *u->sq.khead, n = u->sq.sqe_tail - first, took = 0;
	int r = 1;

	u->sq.sqe_head = u->sq.sqe_tail;
	io_uring_smp_store_release(u->sq.ktail, u->sq.sqe_tail);
	while (took < n && (r > 0 || r == -EINTR)) {
		r = enter(b, n - took, n - took);
		took = io_uring_smp_load_acquire(u->sq.khead) - first;
	}
	u->sq.sqe_head = u->sq.sqe_tail = first + took;
	io_uring_smp_store_release(u->sq.ktail, u->sq.sqe_tail);
	b->broken = r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY &&
		    r != -ENOMEM;
	return took;
}

/* What a signal kept from starting may come out with the kernel's own codes. */
static int32_t outcome(int32_t r)
{
	return r == -EINTR || (r <= -512 && r >= -516) ? BULK_NOT_MADE : r;
}

/* How many are complete. */
static unsigned reap(struct bulk *b)
{
	struct io_uring *u = b->state;
	struct io_uring_cqe *c;
	unsigned head, n = 0;

	io_uring_for_each_cqe(u, head, c) {
		b->result[c->user_data] = outcome(c->res);
		n++;
	}
	io_uring_cq_advance(u, n);
	return n;
}

void weft__bulk_go(struct bulk *b)
{
	unsigned took = make(b), seen = 0;

	b->n = 0;
	while ((seen += reap(b)) < took)                            /* K2 */
		if (enter(b, 0, 1) < 0)
			weft__os_yield();
}

#else /* no liburing in this build */

int weft__bulk_open(struct bulk *b)
{
	b->ring = -1;
	return -ENOSYS;
}

void weft__bulk_close(struct bulk *b)
{
	(void)b;
}

void weft__bulk_send(struct bulk *b, int fd, const void *buf, size_t n,
		     int flags)
{
	(void)b;
	(void)fd;
	(void)buf;
	(void)n;
	(void)flags;
}

void weft__bulk_go(struct bulk *b)
{
	(void)b;
}

#endif
