/* poll/ring.c - see ring.h. */
#include "poll/ring.h"
#include "os/syscall.h"
#include "os/thread.h"

#ifdef HAVE_LIBURING

#include "poll/slots.h"

#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	SQ_ENTRIES = 128,
	CANCEL_ROOM = 64,       /* completions kept free for those of cancels */
};

static const uint8_t opcode[RING_OPS] = {
	[RING_READ] = IORING_OP_READ, [RING_WRITE] = IORING_OP_WRITE,
	[RING_READV] = IORING_OP_READV, [RING_WRITEV] = IORING_OP_WRITEV,
	[RING_FSYNC] = IORING_OP_FSYNC,
	[RING_FALLOCATE] = IORING_OP_FALLOCATE,
	[RING_OPENAT] = IORING_OP_OPENAT, [RING_CLOSE] = IORING_OP_CLOSE,
	[RING_STATX] = IORING_OP_STATX, [RING_RENAMEAT] = IORING_OP_RENAMEAT,
	[RING_UNLINKAT] = IORING_OP_UNLINKAT,
	[RING_MKDIRAT] = IORING_OP_MKDIRAT,
	[RING_SYMLINKAT] = IORING_OP_SYMLINKAT,
	[RING_LINKAT] = IORING_OP_LINKAT,
};

/* --- life ------------------------------------------------------------------- */

static uint32_t probe(struct io_uring *u)
{
	struct io_uring_probe *p = io_uring_get_probe_ring(u);
	uint32_t ops = 0;

	for (unsigned i = 0; p && i < RING_OPS; i++)
		if (io_uring_opcode_supported(p, opcode[i]))
			ops |= UINT32_C(1) << i;
	io_uring_free_probe(p);
	return ops;
}

NOINLINE int weft__ring_open(struct ring *r, unsigned most)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		.cq_entries = most + CANCEL_ROOM + SQ_ENTRIES,
	};
	unsigned threads[2] = { RING_THREADS, RING_THREADS };
	struct io_uring *u;

	memset(r, 0, sizeof *r);
	r->fd = -1;
	if (sys_fault(SYS_RING, -1) < 0)
		return -ENOSYS;
	u = malloc(sizeof *u);
	if (!u)
		return -ENOSYS;
	if (io_uring_queue_init_params(SQ_ENTRIES, u, &params) < 0) {
		free(u);
		return -ENOSYS;
	}
	io_uring_ring_dontfork(u);                                  /* R5 */
	slots_in_order(u, SQ_ENTRIES);
	(void)io_uring_register_iowq_max_workers(u, threads);
	r->ops = probe(u);
	r->fd = u->ring_fd;
	r->most = most;
	if (params.cq_entries < most + CANCEL_ROOM)
		r->most = params.cq_entries / 2;
	r->state = u;
	return 0;
}

void weft__ring_close(struct ring *r)
{
	if (r->fd < 0)
		return;
	io_uring_queue_exit(r->state);
	free(r->state);
	r->state = NULL;
	r->fd = -1;
	r->ops = 0;
}

/* --- submitting --------------------------------------------------------------- */

/* Tell the kernel of n entries, published before. */
static NOINLINE void enter(struct ring *r, unsigned n)
{
	while (n) {
		int f = sys_fault(SYS_RING, r->fd);
		long done = f < 0 ? -1 : syscall(__NR_io_uring_enter, r->fd, n,
						 0, 0, NULL, 0);

		/* Out of memory or the like: it is published, there is no way
		 * back. */
		if (done <= 0)
			weft__os_yield();
		else
			n -= (unsigned)done < n ? (unsigned)done : n;
	}
}

static void prep(struct io_uring_sqe *e, const struct ring_request *q)
{
	memset(e, 0, sizeof *e);
	e->opcode = opcode[q->op];
	e->flags = q->slow ? IOSQE_ASYNC : 0;
	e->fd = q->fd;
	e->addr = (uintptr_t)q->addr;
	e->len = q->len;
	e->off = q->off;
	e->rw_flags = (int)q->flags;    /* one union for all flags */
	e->user_data = (uintptr_t)q;
	switch (q->op) {
	case RING_FALLOCATE:
		e->addr = q->size;
		break;
	case RING_STATX:
		e->off = (uintptr_t)q->to;
		break;
	case RING_SYMLINKAT:
		e->off = (uintptr_t)q->to;
		break;
	case RING_RENAMEAT:
	case RING_LINKAT:
		e->off = (uintptr_t)q->to;
		e->len = (uint32_t)q->to_fd;
		break;
	default:
		break;
	}
}

/* An entry for q, or for the cancel of one.  False: no room. */
static bool publish(struct io_uring *u, const struct ring_request *q,
		    const struct ring_request *cancel)
{
	struct io_uring_sqe *e = io_uring_get_sqe(u);

	if (!e)
		return false;
	if (q) {
		prep(e, q);
	} else {
		memset(e, 0, sizeof *e);
		e->opcode = IORING_OP_ASYNC_CANCEL;
		e->fd = -1;
		e->addr = (uintptr_t)cancel;
	}
	/* As io_uring_submit does, but for the system call. */
	u->sq.sqe_head = u->sq.sqe_tail;
	io_uring_smp_store_release(u->sq.ktail, u->sq.sqe_tail);
	return true;
}

static int put(struct ring *r, uint32_t most, const struct ring_request *q,
	       const struct ring_request *cancel)
{
	bool there;

	spin_lock(&r->submit);
	there = add_acqrel(&r->flying, 1) < most &&                 /* R6 */
		publish(r->state, q, cancel);
	if (!there)
		sub_rlx(&r->flying, 1);
	spin_unlock(&r->submit);
	if (!there)
		return -EAGAIN;
	enter(r, 1);                                                /* R3 */
	return 0;
}

int weft__ring_submit(struct ring *r, struct ring_request *q)
{
	return put(r, r->most, q, NULL);
}

int weft__ring_cancel(struct ring *r, struct ring_request *q)
{
	return put(r, r->most + CANCEL_ROOM, NULL, q);
}

/* --- reaping -------------------------------------------------------------------- */

unsigned weft__ring_reap(struct ring *r, struct ring_done *done, unsigned max)
{
	struct io_uring *u = r->state;
	struct io_uring_cqe *c;
	unsigned head, seen = 0, n = 0;

	spin_lock(&r->reap);
	io_uring_for_each_cqe(u, head, c) {
		if (n == max)
			break;
		seen++;
		if (!c->user_data)      /* the answer to a cancel */
			continue;
		done[n].request = (struct ring_request *)(uintptr_t)c->user_data;
		/* Some operations let the kernel's own codes for a call that
		 * was cut short come out. */
		done[n++].result = c->res <= -512 && c->res >= -516 ? -EINTR
								    : c->res;
	}
	io_uring_cq_advance(u, seen);
	spin_unlock(&r->reap);
	if (seen)
		sub_acqrel(&r->flying, seen);                       /* R6 */
	return n;
}

void weft__ring_wait(struct ring *r, int64_t ns)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };

	weft__sys_poll(&p, 1, ns);
}

#else /* no liburing in this build */

int weft__ring_open(struct ring *r, unsigned most)
{
	(void)most;
	memset(r, 0, sizeof *r);
	r->fd = -1;
	return -ENOSYS;
}

void weft__ring_close(struct ring *r)
{
	(void)r;
}

int weft__ring_submit(struct ring *r, struct ring_request *q)
{
	(void)r;
	(void)q;
	return -ENOSYS;
}

int weft__ring_cancel(struct ring *r, struct ring_request *q)
{
	(void)r;
	(void)q;
	return -ENOSYS;
}

unsigned weft__ring_reap(struct ring *r, struct ring_done *done, unsigned max)
{
	(void)r;
	(void)done;
	(void)max;
	return 0;
}

void weft__ring_wait(struct ring *r, int64_t ns)
{
	(void)r;
	(void)ns;
}

#endif
