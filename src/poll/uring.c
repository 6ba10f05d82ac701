/* poll/uring.c - io_uring: one ring of multishot polls.
 *
 * A multishot poll tells each change, as edge-triggered epoll does.  Requests are
 * put in the ring by any thread under the lock and handed over by a system call
 * outside of it; completions are read by the one who waits, without a system call
 * while there are any.
 *
 * Two things make it a worse poller of many threads than epoll, which is why it
 * is taken only by name.  The kernel does the work of an event in the thread that
 * made the request: it interrupts or wakes that one, and it is late when that one
 * is stuck in the kernel.  And a request holds the open file: what is closed
 * without being dropped stays open until the poller closes.
 *
 * Invariants
 *   R1  an entry's serial and number are the request's name: what comes back with
 *       another serial belongs to a registration of before and is ignored.
 *   R2  each request ends with one completion without MORE, whatever ended it:
 *       its thread went, the completions overflowed, an error, a file that cannot
 *       be polled.  The entry is disarmed, an event tells both sides, and who
 *       then waits makes a new request by arming.  (Made at once it could end at
 *       once, and so on for ever.)
 *   R3  live counts the requests that have not ended; close cancels and awaits
 *       them.
 *   R4  kicked is set by a kick; who comes out of a wait resets it, whether it has
 *       read that completion or others only: a kick after a wait makes a new one,
 *       which is an edge for who polls the ring, and there is at most one more
 *       than there were waits.  Who reads one comes out of its wait.
 *   R5  what the kernel did not take yet stays in the ring: the next one to enter
 *       hands it over, at the latest whoever waits, and it waits MOMENT_NS only.
 *       Who leaves the ring to a foreign poll asks (owes), and kicks.
 *
 * Ordering
 *   R6  kicked: RMW seq by both: the kicker that finds it set is seen by who
 *       resets it.
 *
 * After fork the child has none of this memory, and its copy of the descriptor is
 * of no use to it.  Lock rank: POLLER.
 */
#include "base/base.h"
#include "poll/poller.h"
#include "poll/ring.h"

#ifdef HAVE_LIBURING

#include "base/spinlock.h"
#include "os/syscall.h"
#include "os/thread.h"
#include "poll/fdmap.h"
#include "poll/slots.h"

#include <liburing.h>

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#define NAME_KICK UINT64_C(1)
#define NAME_NONE UINT64_C(2)

enum {
	SQ_ENTRIES = WEFT_SHRINK(256, 4),
	CQ_ENTRIES = WEFT_SHRINK(4096, 8),
	BOTH = POLL_READY_IN | POLL_READY_OUT,
	MOMENT_NS = 1000000,
	PATIENCE = 1000,                /* rounds                            */
};

struct uring {
	struct io_uring ring;           /* sq: lock; cq: who waits           */
	struct spinlock lock;
	uint32_t live;                  /* lock: R3                          */
	_Atomic uint32_t ended;         /* lock: entries used and not armed  */
	_Atomic uint32_t kicked;        /* R4, R6                            */
	struct fdmap map;               /* lock: entries; armed: has request */
};

/* --- system calls -------------------------------------------------------------- */

static int asked(int fd)
{
	int f = sys_fault(SYS_RING, fd);

	return f < 0 ? f : 0;
}

/* What is in the ring goes to the kernel, whoever put it there. */
static int hand_over(struct poller *p)
{
	int rc = asked(p->fd);

	if (rc == 0)
		rc = io_uring_enter((unsigned)p->fd, INT32_MAX, 0, 0, NULL);
	return rc < 0 ? rc : 0;
}

/* Until there is a completion, or the timeout; -1: for ever. */
static int enter_wait(struct poller *p, int64_t timeout)
{
	struct __kernel_timespec ts = {
		.tv_sec = timeout / 1000000000,
		.tv_nsec = timeout % 1000000000,
	};
	struct io_uring_getevents_arg arg = {
		.sigmask_sz = _NSIG / 8,
		.ts = timeout < 0 ? 0 : (uintptr_t)&ts,
	};
	int rc = asked(p->fd);

	if (rc < 0)
		return rc;
	return io_uring_enter2((unsigned)p->fd, 0, timeout != 0,
			       IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
			       (sigset_t *)(void *)&arg, sizeof arg);
}

/* --- requests ------------------------------------------------------------------ */

static unsigned pending_locked(struct uring *r)
{
	return r->ring.sq.sqe_tail - io_uring_smp_load_acquire(r->ring.sq.khead);
}

/* Takes the lock when n requests have room; false: the kernel takes none. */
static bool room_lock(struct poller *p, struct uring *r, unsigned n)
{
	for (int i = 0; i < PATIENCE; i++) {
		spin_lock(&r->lock);
		if (r->ring.sq.ring_entries - pending_locked(r) >= n)
			return true;
		spin_unlock(&r->lock);
		if (hand_over(p) < 0)
			weft__os_yield();
	}
	return false;
}

static struct io_uring_sqe *next_locked(struct uring *r)
{
	return &r->ring.sq.sqes[r->ring.sq.sqe_tail & r->ring.sq.ring_mask];
}

static void put_locked(struct uring *r, struct io_uring_sqe *sqe, uint64_t name)
{
	sqe->user_data = name;
	r->ring.sq.sqe_tail++;
	io_uring_smp_store_release(r->ring.sq.ktail, r->ring.sq.sqe_tail);
}

static uint64_t name_of(const struct fd_entry *e, int fd)
{
	return (uint64_t)e->serial << 32 | (uint32_t)fd;
}

static void request_locked(struct uring *r, struct fd_entry *e, int fd)
{
	struct io_uring_sqe *sqe = next_locked(r);

	if (++e->serial == 0)
		e->serial = 1;                          /* no NAME_... */
	e->armed = 1;
	r->live++;
	io_uring_prep_poll_multishot(sqe, fd, POLLIN | POLLOUT | POLLPRI |
				     POLLRDHUP);
	put_locked(r, sqe, name_of(e, fd));
}

static void cancel_locked(struct uring *r, struct fd_entry *e, int fd)
{
	struct io_uring_sqe *sqe = next_locked(r);

	/* Not POLL_REMOVE, which gives up when an event is being told. */
	io_uring_prep_cancel64(sqe, name_of(e, fd), 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	put_locked(r, sqe, NAME_NONE);
}

/* The entry is used no more, nor its request. */
static void forget_locked(struct uring *r, struct fd_entry *e, int fd)
{
	if (!e->used)
		return;
	if (e->armed)
		cancel_locked(r, e, fd);
	else
		sub_rlx(&r->ended, 1);
	e->used = false;
	e->armed = 0;
}

static void uring_drop(struct poller *p, int fd)
{
	struct uring *r = p->state;
	struct fd_entry *e = fdmap_find(&r->map, fd);

	if (!e || !room_lock(p, r, 1))
		return;
	forget_locked(r, e, fd);
	spin_unlock(&r->lock);
	(void)hand_over(p);                                     /* R5 */
}

/* A new request in place of what there is. */
static int renew(struct poller *p, int fd, uint64_t tag, bool make)
{
	struct uring *r = p->state;
	int rc = weft__fdmap_check(fd);
	struct fd_entry *e;

	if (rc < 0)
		return rc;
	e = make ? weft__fdmap_make(&r->map, fd) : fdmap_find(&r->map, fd);
	if (!e)
		return make ? -ENOMEM : -ENOENT;
	if (!room_lock(p, r, 2))
		return -EAGAIN;
	if (!e->used && !make) {
		spin_unlock(&r->lock);
		return -ENOENT;
	}
	forget_locked(r, e, fd);
	e->used = true;
	e->tag = tag;
	request_locked(r, e, fd);
	spin_unlock(&r->lock);
	rc = hand_over(p);
	if (rc < 0)
		uring_drop(p, fd);
	return rc;
}

static int uring_add(struct poller *p, int fd, uint64_t tag)
{
	return renew(p, fd, tag, true);
}

static int uring_rearm(struct poller *p, int fd, uint64_t tag)
{
	return renew(p, fd, tag, false);
}

/* R2: its request has ended.  Who sees the count of before then gets the event
 * of that end later, and arms again. */
static void uring_arm(struct poller *p, int fd, uint64_t tag, uint32_t ready)
{
	struct uring *r = p->state;
	struct fd_entry *e;

	(void)ready;
	if (likely(load_rlx(&r->ended) == 0))
		return;
	e = fdmap_find(&r->map, fd);
	if (!e || !room_lock(p, r, 1))
		return;
	if (!e->used || e->tag != tag || e->armed) {
		spin_unlock(&r->lock);
		return;
	}
	sub_rlx(&r->ended, 1);
	request_locked(r, e, fd);
	spin_unlock(&r->lock);
	(void)hand_over(p);                                     /* R5 */
}

/* --- kick ---------------------------------------------------------------------- */

/* A request that does nothing is done by this thread, at once; an eventfd's event
 * would be told by another. */
static void uring_kick(struct poller *p)
{
	struct uring *r = p->state;
	struct io_uring_sqe *sqe;
	unsigned end;

	if (xchg_seq(&r->kicked, 1))                            /* R6 */
		return;
	while (!room_lock(p, r, 1))
		continue;
	sqe = next_locked(r);
	io_uring_prep_nop(sqe);
	put_locked(r, sqe, NAME_KICK);
	end = r->ring.sq.sqe_tail;
	spin_unlock(&r->lock);
	/* It takes them in their order, and may stop before ours. */
	while ((int32_t)(io_uring_smp_load_acquire(r->ring.sq.khead) - end) < 0)
		if (io_uring_enter((unsigned)p->fd, INT32_MAX, 0, 0, NULL) <= 0)
			weft__os_yield();
}

/* R5 */
static bool uring_owes(struct poller *p)
{
	struct uring *r = p->state;
	bool pending;

	spin_lock(&r->lock);
	pending = pending_locked(r) > 0;
	spin_unlock(&r->lock);
	return pending;
}

/* --- completions --------------------------------------------------------------- */

static uint32_t ready_of(uint32_t events)
{
	uint32_t ready = 0;

	if (events & POLLIN)
		ready |= POLL_READY_IN;
	if (events & POLLOUT)
		ready |= POLL_READY_OUT;
	if (events & POLLPRI)
		ready |= POLL_READY_IN | POLL_READY_PRI;
	if (events & POLLRDHUP)
		ready |= POLL_READY_IN | POLL_READY_HUP;
	if (events & POLLHUP)
		ready |= BOTH | POLL_READY_HUP;
	if (events & POLLERR)
		ready |= BOTH | POLL_READY_ERR;
	return ready;
}

/* True: *ev is an event. */
static bool completed_locked(struct uring *r, const struct io_uring_cqe *cqe,
			     struct poll_event *ev)
{
	bool more = cqe->flags & IORING_CQE_F_MORE;
	struct fd_entry *e;

	r->live -= !more;
	e = fdmap_find(&r->map, (int)(uint32_t)cqe->user_data);
	if (!e || !e->used || e->serial != cqe->user_data >> 32)
		return false;                                   /* R1 */
	ev->tag = e->tag;
	ev->ready = 0;
	if (cqe->res >= 0)
		ev->ready |= ready_of((uint32_t)cqe->res);
	else if (cqe->res != -ECANCELED)
		ev->ready |= POLL_READY_ERR;
	if (!more) {
		ev->ready |= BOTH;                              /* R2 */
		e->armed = 0;
		add_rlx(&r->ended, 1);
	}
	return true;
}

/* What there is, without asking the kernel. */
static int reap(struct uring *r, struct poll_event *ev, int max, bool *kicked,
		bool *pending)
{
	struct io_uring_cq *cq = &r->ring.cq;
	unsigned head = *cq->khead, tail = io_uring_smp_load_acquire(cq->ktail);
	int k = 0;

	spin_lock(&r->lock);
	for (; head != tail && k < max; head++) {
		const struct io_uring_cqe *cqe = &cq->cqes[head & cq->ring_mask];

		if (cqe->user_data == NAME_KICK)
			*kicked = true;
		else if (cqe->user_data != NAME_NONE)
			k += completed_locked(r, cqe, &ev[k]);
	}
	*pending = pending_locked(r) > 0;
	spin_unlock(&r->lock);
	io_uring_smp_store_release(cq->khead, head);
	return k;
}

static bool overflowed(struct uring *r)
{
	return io_uring_smp_load_acquire(r->ring.sq.kflags) &
	       IORING_SQ_CQ_OVERFLOW;
}

static int64_t timeout_of(int64_t deadline, bool pending)
{
	int64_t left;

	if (deadline == INT64_MAX)
		return pending ? MOMENT_NS : -1;
	left = deadline > 0 ? deadline - weft__os_now() : 0;
	if (left <= 0)
		return 0;
	return pending && left > MOMENT_NS ? MOMENT_NS : left;
}

static int uring_wait(struct poller *p, struct poll_event *ev, int max,
		      int64_t deadline)
{
	struct uring *r = p->state;
	bool kicked = false, pending, flushed = false;
	int64_t timeout;
	int n, rc = 0;

	for (;;) {
		n = reap(r, ev, max, &kicked, &pending);
		if (n > 0 || (kicked && !overflowed(r)))
			break;
		if (pending && hand_over(p) == 0)               /* R5 */
			pending = false;
		timeout = kicked ? 0 : timeout_of(deadline, pending);
		if (rc < 0 && rc != -ETIME && rc != -EINTR)
			break;
		if (timeout == 0 && (flushed || !overflowed(r)))
			break;
		flushed = timeout == 0;
		rc = enter_wait(p, timeout);
	}
	if (kicked || load_rlx(&r->kicked))
		xchg_seq(&r->kicked, 0);                        /* R6 */
	return n;
}

/* --- open, close --------------------------------------------------------------- */

/* Ends all requests (R3).  A thread that does not come out of the kernel does
 * not end its own: those hold no memory of ours, and end with it. */
static void cancel_all(struct poller *p, struct uring *r)
{
	uint32_t end = load_rlx(&r->map.end);
	bool kicked, pending = true;
	struct poll_event ev;

	for (uint32_t fd = 0; fd < end; fd++)
		uring_drop(p, (int)fd);
	for (int i = 0; (r->live || pending) && i < PATIENCE; i++) {
		reap(r, &ev, 1, &kicked, &pending);
		if (pending)
			(void)hand_over(p);
		if (r->live)
			(void)enter_wait(p, MOMENT_NS);
	}
}

static void uring_close(struct poller *p)
{
	struct uring *r = p->state;

	cancel_all(p, r);
	io_uring_queue_exit(&r->ring);
	weft__fdmap_fini(&r->map);
	free(r);
	p->state = NULL;
	p->fd = -1;
}

static int init(struct uring *r)
{
	struct io_uring_params par = {
		.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
		.cq_entries = CQ_ENTRIES,
	};
	/* The last one tells a kernel (5.17) whose multishot polls are sound. */
	const uint32_t need = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG |
			      IORING_FEAT_CQE_SKIP;
	unsigned threads[2] = { RING_THREADS, RING_THREADS };
	int rc = asked(-1);

	/* It stops all threads while one is in io_uring_enter. */
	if (RUNNING_ON_VALGRIND)
		return -ENOSYS;
	if (rc == 0)
		rc = io_uring_queue_init_params(SQ_ENTRIES, &r->ring, &par);
	if (rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM)
		return rc;
	if (rc < 0)
		return -ENOSYS;         /* forbidden, or not there */
	if ((par.features & need) != need ||
	    io_uring_ring_dontfork(&r->ring) < 0) {
		io_uring_queue_exit(&r->ring);
		return -ENOSYS;
	}
	(void)io_uring_register_iowq_max_workers(&r->ring, threads);
	slots_in_order(&r->ring, SQ_ENTRIES);
	return 0;
}

static int uring_open(struct poller *p)
{
	struct uring *r = calloc(1, sizeof *r);
	int rc = r ? init(r) : -ENOMEM;

	if (rc < 0) {
		free(r);
		return rc;
	}
	p->state = r;
	p->fd = r->ring.ring_fd;
	return 0;
}

const struct poll_backend weft__poll_uring = {
	.name = "uring",
	.open = uring_open,
	.close = uring_close,
	.add = uring_add,
	.rearm = uring_rearm,
	.arm = uring_arm,
	.drop = uring_drop,
	.wait = uring_wait,
	.kick = uring_kick,
	.owes = uring_owes,
};

#else

static int uring_missing(struct poller *p)
{
	(void)p;
	return -ENOSYS;
}

const struct poll_backend weft__poll_uring = {
	.name = "uring",
	.open = uring_missing,
};

#endif
