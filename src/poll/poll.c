/* poll/poll.c - poll(2), where there is nothing better.
 *
 * poll reports levels, so a side that was reported is disarmed until somebody
 * is about to wait for it again.  A table says what is awaited of each number;
 * each wait makes the kernel's array of it anew.
 *
 *     who changes the table                  who waits
 *     lock                                   lock; take a kick; make the array
 *       change                                 polling = true; unlock
 *       polling and not told? told = true    poll
 *     unlock                                 lock
 *     told it: write to the eventfd            disarm and report what is ready
 *                                            polling = told = false; unlock
 *
 * Invariants
 *   P1  while `polling`, whoever changes what is awaited tells the eventfd, which
 *       is in the array: poll ends, and the array is made anew.  That holds for
 *       a drop, too: the kernel keeps a file open while it polls it.
 *   P2  a result counts only while the entry's serial is what it was when the
 *       array was made: so what was registered since is not disarmed for the
 *       events of the last file with its number.
 *   P3  an entry whose sides are all disarmed is not in the array: its errors
 *       and hangups, which poll reports always, would end each wait.
 *   P4  set, was and room are the waiter's.
 *
 * Lock rank: POLLER, below none but the owner's of a descriptor.
 */
#include "base/base.h"
#include "base/spinlock.h"
#include "poll/poller.h"
#include "poll/fdmap.h"
#include "poll/nap.h"
#include "os/sys.h"

enum {
	BOTH = POLL_READY_IN | POLL_READY_OUT,
	/* To be armed, HUP without IN, PRI with it: they are levels, too. */
	SIDES = BOTH | POLL_READY_HUP | POLL_READY_PRI,
	ROOM_MIN = 64,
};

struct levels {
	struct spinlock lock;
	uint32_t used;                  /* lock: entries                     */
	bool polling, told, kicked;     /* lock: P1, E4                      */
	int last;                       /* P4: next time others come first   */
	struct pollfd *set;             /* P4: the first is the eventfd      */
	uint32_t *was;                  /* P4: serials, P2                   */
	uint32_t room;                  /* P4: of both                       */
	struct fdmap map;
};

static void levels_close(struct poller *p)
{
	struct levels *l = p->state;

	if (p->kick_fd >= 0)
		weft__sys_close(p->kick_fd);
	p->kick_fd = -1;
	if (!l)
		return;
	weft__fdmap_fini(&l->map);
	free(l->set);
	free(l->was);
	free(l);
	p->state = NULL;
}

static int levels_open(struct poller *p)
{
	struct levels *l = p->state = calloc(1, sizeof *l);
	int rc = l ? weft__sys_eventfd() : -ENOMEM;

	p->kick_fd = rc;
	if (rc < 0)
		levels_close(p);
	return rc < 0 ? rc : 0;
}

/* Unlocks; the waiter, if there is one, looks at the table again (P1). */
static void changed_unlock(struct poller *p, struct levels *l)
{
	bool tell = l->polling && !l->told;

	l->told |= tell;
	spin_unlock(&l->lock);
	if (tell)
		weft__sys_eventfd_tell(p->kick_fd);
}

static void register_locked(struct levels *l, struct fd_entry *e, uint64_t tag)
{
	l->used += !e->used;
	/* Who waits for a hangup or urgent data still does. */
	e->armed = BOTH | (e->used && e->tag == tag ? e->armed : 0);
	e->used = true;
	e->tag = tag;
	e->serial++;
}

static int levels_add(struct poller *p, int fd, uint64_t tag)
{
	struct levels *l = p->state;
	int rc = weft__fdmap_check(fd);
	struct fd_entry *e;

	if (rc < 0)
		return rc;
	e = weft__fdmap_make(&l->map, fd);
	if (!e)
		return -ENOMEM;
	spin_lock(&l->lock);
	register_locked(l, e, tag);
	changed_unlock(p, l);
	return 0;
}

static int levels_rearm(struct poller *p, int fd, uint64_t tag)
{
	struct levels *l = p->state;
	struct fd_entry *e = fdmap_find(&l->map, fd);
	int rc = weft__fdmap_check(fd);

	if (rc < 0)
		return rc;
	if (!e)
		return -ENOENT;
	spin_lock(&l->lock);
	if (!e->used) {
		spin_unlock(&l->lock);
		return -ENOENT;
	}
	register_locked(l, e, tag);
	changed_unlock(p, l);
	return 0;
}

static void levels_arm(struct poller *p, int fd, uint64_t tag, uint32_t ready)
{
	struct levels *l = p->state;
	struct fd_entry *e = fdmap_find(&l->map, fd);

	if (!e)
		return;
	spin_lock(&l->lock);
	if (!e->used || e->tag != tag || !(ready & SIDES & ~e->armed)) {
		spin_unlock(&l->lock);
		return;
	}
	e->armed |= ready & SIDES;
	changed_unlock(p, l);
}

static void levels_drop(struct poller *p, int fd)
{
	struct levels *l = p->state;
	struct fd_entry *e = fdmap_find(&l->map, fd);

	if (!e)
		return;
	spin_lock(&l->lock);
	l->used -= e->used;
	e->used = false;
	e->armed = 0;
	e->serial++;
	changed_unlock(p, l);
}

static void levels_kick(struct poller *p)
{
	struct levels *l = p->state;

	spin_lock(&l->lock);
	l->kicked = true;
	changed_unlock(p, l);
}

/* --- waiting ------------------------------------------------------------------- */

/* Room for n entries and the eventfd. */
static bool make_room(struct levels *l, uint32_t n)
{
	uint32_t room = l->room ? l->room : ROOM_MIN;
	struct pollfd *set;
	uint32_t *was;

	while (room <= n)
		room *= 2;
	set = realloc(l->set, room * sizeof *set);
	if (set)
		l->set = set;
	was = set ? realloc(l->was, room * sizeof *was) : NULL;
	if (!was)
		return false;
	l->was = was;
	l->room = room;
	return true;
}

static short events_of(uint32_t armed)
{
	return (short)((armed & POLL_READY_IN ? POLLIN | POLLRDHUP : 0) |
		       (armed & POLL_READY_HUP ? POLLRDHUP : 0) |
		       (armed & POLL_READY_PRI ? POLLPRI : 0) |
		       (armed & POLL_READY_OUT ? POLLOUT : 0));
}

static uint32_t ready_of(short revents)
{
	uint32_t ready = 0;

	if (revents & POLLIN)
		ready |= POLL_READY_IN;
	if (revents & POLLOUT)
		ready |= POLL_READY_OUT;
	if (revents & POLLPRI)
		ready |= POLL_READY_IN | POLL_READY_PRI;
	if (revents & POLLRDHUP)
		ready |= POLL_READY_IN | POLL_READY_HUP;
	if (revents & POLLHUP)
		ready |= BOTH | POLL_READY_HUP;
	if (revents & (POLLERR | POLLNVAL))
		ready |= BOTH | POLL_READY_ERR;
	return ready;
}

/* The array of what is awaited; how many, the eventfd included.  0: no memory.
 * Returns with the lock held. */
static uint32_t gather_lock(struct poller *p, struct levels *l)
{
	uint32_t n = 1, end;

	spin_lock(&l->lock);
	while (l->room <= l->used) {
		uint32_t used = l->used;
		bool ok;

		spin_unlock(&l->lock);
		ok = make_room(l, used);
		spin_lock(&l->lock);
		if (!ok)
			return 0;
	}
	l->set[0] = (struct pollfd){ .fd = p->kick_fd, .events = POLLIN };
	end = load_rlx(&l->map.end);
	for (uint32_t fd = 0; fd < end; fd++) {
		struct fd_entry *e = fdmap_find(&l->map, (int)fd);

		if (!e) {
			fd |= FDMAP_PART - 1;           /* no such part */
			continue;
		}
		if (!e->used || !e->armed)
			continue;                       /* P3 */
		l->set[n] = (struct pollfd){ .fd = (int)fd,
					     .events = events_of(e->armed) };
		l->was[n++] = e->serial;
	}
	return n;
}

static bool report_locked(struct levels *l, uint32_t i, struct poll_event *ev)
{
	struct fd_entry *e = fdmap_find(&l->map, l->set[i].fd);

	if (!l->set[i].revents || !e->used || e->serial != l->was[i])
		return false;                           /* P2 */
	ev->tag = e->tag;
	ev->ready = ready_of(l->set[i].revents);
	e->armed &= ~ev->ready;
	if (l->set[i].revents & POLLNVAL) {
		e->used = false;
		l->used--;
	}
	return true;
}

/* One system call.  *again: neither an event nor a kick nor an error. */
static int look(struct poller *p, struct poll_event *ev, int max,
		int64_t timeout, bool *again)
{
	struct levels *l = p->state;
	uint32_t n = gather_lock(p, l), at = 1;
	int k = 0, r = -ENOMEM;
	bool told;

	if (l->kicked)
		timeout = 0;
	l->polling = n && timeout != 0;
	spin_unlock(&l->lock);
	if (n)
		r = weft__sys_poll(l->set, n, timeout);
	spin_lock(&l->lock);
	while (at < n && l->set[at].fd <= l->last)
		at++;
	for (uint32_t i = 1; r > 0 && i < n && k < max; i++, at++) {
		at = at < n ? at : 1;
		l->last = l->set[at].fd;                        /* P4 */
		k += report_locked(l, at, &ev[k]);
	}
	*again = k == 0 && r >= 0 && !l->kicked;
	told = l->told || (r > 0 && l->set[0].revents);
	l->polling = l->told = l->kicked = false;
	spin_unlock(&l->lock);
	/* Nobody tells now; who is late makes one look too many. */
	if (told)
		weft__sys_eventfd_clear(p->kick_fd);
	return k;
}

static int levels_wait(struct poller *p, struct poll_event *ev, int max,
		       int64_t deadline)
{
	int64_t timeout;
	bool again;
	int n;

	do {
		poll_nap(deadline, &timeout);
		n = look(p, ev, max, timeout, &again);
	} while (again && timeout != 0);
	return n;
}

const struct poll_backend weft__poll_poll = {
	.name = "poll",
	.open = levels_open,
	.close = levels_close,
	.add = levels_add,
	.rearm = levels_rearm,
	.arm = levels_arm,
	.drop = levels_drop,
	.wait = levels_wait,
	.kick = levels_kick,
};
