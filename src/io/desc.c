/* io/desc.c - the table of descriptors: who is inside, what each is, closing.
 * Rules in desc.h.
 */
#include "base/fork.h"
#include "io/desc.h"
#include "os/sys.h"
#include "os/thread.h"

#include <fcntl.h>
#include <netinet/in.h>

#define BITS_OFF (~(uint32_t)(DESC_CLOSING | DESC_IN_KERNEL))

enum { CHUNK_BITS = 10, CHUNK = 1 << CHUNK_BITS, CHUNKS = 4096 };

static struct desc *_Atomic chunk[CHUNKS];                          /* D12 */

/* --- the table ----------------------------------------------------------------- */

static NOINLINE struct desc *chunk_make(unsigned i)
{
	struct desc *fresh = calloc(CHUNK, sizeof *fresh), *was = NULL;

	if (!fresh)
		return NULL;
	for (unsigned k = 0; k < CHUNK; k++)
		store_rlx(&fresh[k].generation, 1);     /* D5 */
	if (cas_acqrel(&chunk[i], &was, fresh))                     /* D12 */
		return fresh;
	free(fresh);
	return load_acq(&chunk[i]);                                 /* D12 */
}

struct desc *weft__desc_find(int fd, int *err)
{
	unsigned i = (unsigned)fd >> CHUNK_BITS;
	struct desc *c;

	*err = -EBADF;
	if (unlikely(i >= CHUNKS)) {
		if (fd >= 0)
			*err = -ENFILE;
		return NULL;
	}
	c = load_acq(&chunk[i]);                                    /* D12 */
	if (unlikely(!c))
		c = chunk_make(i);
	if (unlikely(!c)) {
		*err = -ENOMEM;
		return NULL;
	}
	return &c[(unsigned)fd & (CHUNK - 1)];
}

/* --- inside -------------------------------------------------------------------- */

/* The last one out tells the closer; it looks again itself. */
static NOINLINE void tell_closer(struct desc *d)
{
	struct wait *closer;

	spin_lock(&d->lock);
	closer = d->closer;
	d->closer = NULL;
	spin_unlock(&d->lock);
	if (closer)
		weft__ready(weft__worker(), closer);
}

void weft__desc_out(struct desc *d)
{
	uint32_t u = sub_acqrel(&d->users, DESC_USER) - DESC_USER;  /* D8 */

	if (unlikely(u == DESC_CLOSING))
		tell_closer(d);
}

int weft__desc_in(struct desc *d, uint32_t *generation)
{
	for (;;) {
		uint32_t g = load_acq(&d->generation);              /* D14 */
		uint32_t u = add_acqrel(&d->users, DESC_USER);      /* D8 */

		if (unlikely(u & (DESC_CLOSING | DESC_IN_KERNEL))) {
			weft__desc_out(d);
			if (!(u & DESC_IN_KERNEL))
				return -EBADF;
			weft__os_yield();                           /* D11 */
		} else if (likely(load_rlx(&d->generation) == g)) {
			*generation = g;
			return 0;
		} else {
			weft__desc_out(d);      /* it is being closed, or was */
		}
	}
}

int weft__desc_in_again(struct desc *d, uint32_t generation)
{
	uint32_t now;

	if (weft__desc_in(d, &now) < 0)
		return -EBADF;
	if (likely(now == generation))
		return 0;
	weft__desc_out(d);
	return -EBADF;
}

int weft__desc_enter(int fd, uint32_t *generation)
{
	int err;
	struct desc *d = weft__desc_find(fd, &err);

	return d ? weft__desc_in(d, generation) : err;
}

int weft__desc_enter_as(int fd, uint32_t generation)
{
	int err;
	struct desc *d = weft__desc_find(fd, &err);

	return d ? weft__desc_in_again(d, generation) : err;
}

void weft__desc_leave(int fd)
{
	int err;

	weft__desc_out(weft__desc_find(fd, &err));
}

/* --- what it is ------------------------------------------------------------------ */

static int kind_asked(int fd)
{
	int type = weft__sys_sockopt(fd, SOL_SOCKET, SO_TYPE);
	struct stat st;
	int err;

	if (type >= 0) {
		if (weft__sys_sockopt(fd, SOL_SOCKET, SO_ACCEPTCONN) > 0)
			return DESC_LISTEN;
		if (type != SOCK_STREAM)
			return DESC_SOCKET;
		return weft__sys_sockopt(fd, SOL_SOCKET, SO_PROTOCOL) ==
		       IPPROTO_TCP ? DESC_STREAM : DESC_SOCKET;
	}
	if (type != -ENOTSOCK)
		return type;
	err = weft__sys_fstat(fd, &st);
	if (err < 0)
		return err;
	return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ||
	       S_ISBLK(st.st_mode) ? DESC_FILE : DESC_OTHER;
}

int weft__desc_kind(int fd)
{
	uint32_t generation;
	int err, kind;
	struct desc *d = weft__desc_find(fd, &err);

	if (!d)
		return err;
	kind = load_rlx(&d->kind);                                  /* D9 */
	if (likely(kind == DESC_STREAM || kind == DESC_SOCKET ||
		   kind == DESC_LISTEN))
		return kind;
	if (kind != DESC_UNKNOWN && load_rlx(&d->flags) & DESC_OURS)
		return kind;
	/* Inside: else the answer may be about the next file. */
	err = weft__desc_in(d, &generation);
	if (err)
		return err;
	kind = kind_asked(fd);
	if (kind >= 0)
		store_rlx(&d->kind, (uint8_t)kind);                 /* D9 */
	weft__desc_out(d);
	return kind;
}

void weft__desc_forget(int fd)
{
	int err;
	struct desc *d = weft__desc_find(fd, &err);

	if (d)
		store_rlx(&d->kind, DESC_UNKNOWN);
}

/* Locked: nothing is known. */
static void reset(struct desc *d, enum desc_kind kind, unsigned flags)
{
	uint32_t next = load_rlx(&d->generation) + 1;

	store_rel(&d->generation, next ? next : 1);     /* D14 */
	store_rlx(&d->kind, (uint8_t)kind);
	store_rlx(&d->flags, (uint8_t)flags);
	store_rlx(&d->hup, false);
	store_rlx(&d->serial, 0);
	store_rlx(&d->along, 0);
	for (unsigned i = 0; i < DESC_SIDES; i++) {
		store_rlx(&d->side[i].drained, 0);
		store_rlx(&d->side[i].deadline, 0);
	}
}

int weft__desc_adopt(int fd, enum desc_kind kind, unsigned flags)
{
	struct ended e = { { NULL, NULL } };
	int err;
	struct desc *d;

	if (fd < 0)
		return fd;
	d = weft__desc_find(fd, &err);
	if (!d) {
		weft__sys_close(fd);
		return err;
	}
	spin_lock(&d->lock);
	reset(d, kind, flags);
	and_seq(&d->users, BITS_OFF);                           /* D8 */
	/* Whoever still waits for the last file with this number. */
	weft__desc_end_waits(d, 1 << DESC_IN | 1 << DESC_OUT, -EBADF, &e);
	spin_unlock(&d->lock);
	weft__desc_ready(weft__worker(), &e);
	return fd;
}

/* --- closing ---------------------------------------------------------------------- */

/* Where it is registered; SPREAD: in several. */
static uint64_t registration(struct desc *d)
{
	return load_rlx(&d->flags) & DESC_SPREAD ? WATCH_ALL :
						   load_rlx(&d->serial);
}

/* Bar the way in.  False: somebody else closes it. */
static bool bar(struct desc *d, struct ended *e, uint64_t *serial)
{
	uint32_t u;

	for (;;) {
		spin_lock(&d->lock);
		u = load_acq(&d->users);                            /* D8 */
		if (likely(!(u & DESC_IN_KERNEL)))
			break;
		spin_unlock(&d->lock);
		weft__os_yield();                                   /* D11 */
	}
	if (!(u & DESC_CLOSING)) {
		or_seq(&d->users, DESC_CLOSING);                    /* D8 */
		*serial = registration(d);
		reset(d, DESC_UNKNOWN, 0);
		weft__desc_end_waits(d, 1 << DESC_IN | 1 << DESC_OUT, -EBADF,
				     e);
	}
	spin_unlock(&d->lock);
	return !(u & DESC_CLOSING);
}

/* The routine that closes is discarded, perhaps after it was told to go on: the
 * descriptor stays open. */
static bool withdraw_closer(struct wait *wt)
{
	struct desc *d = wt->object;
	bool was;

	if (!d)
		return false;
	wt->object = NULL;
	spin_lock(&d->lock);
	was = d->closer == wt;
	if (was)
		d->closer = NULL;
	and_seq(&d->users, ~(uint32_t)DESC_CLOSING);                /* D8 */
	spin_unlock(&d->lock);
	return was;
}

/* Those inside come out by themselves: it is no deadlock. */
static struct worker *park_closer(struct worker *w, struct desc *d)
{
	struct wait wt;

	wait_init_steady(&wt, weft__current(w));
	wt.withdraw = withdraw_closer;
	wt.object = d;
	d->closer = &wt;
	if (w)
		weft__watch_wait_begin(w);
	w = weft__park(w, &wt, &d->lock, PARK_CLOSE);
	if (w) {
		weft__watch_wait_end(w);
		store_rlx(&wt.routine->reason, PARK_NONE);
	}
	return w;
}

/* Until nobody is inside. */
static struct worker *wait_until_out(struct worker *w, struct desc *d)
{
	for (;;) {
		spin_lock(&d->lock);
		if (load_acq(&d->users) < DESC_USER)                /* D8 */
			break;
		w = park_closer(w, d);
	}
	spin_unlock(&d->lock);
	return w;
}

/* `before` is where it was registered before the way in was barred; who was
 * inside may have registered it since.  Some pollers keep the file open, and its
 * other end would not hear of the close. */
static void drop(struct worker *w, struct desc *d, int fd, uint64_t before)
{
	uint64_t since = registration(d);

	weft__watch_drop(w, fd, before);
	if (unlikely(since != before))
		weft__watch_drop(w, fd, since);
	store_rlx(&d->serial, 0);
}

int weft__desc_close(int fd)
{
	struct worker *w = weft__worker();
	struct ended e = { { NULL, NULL } };
	uint32_t generation;
	uint64_t serial;
	struct desc *d;
	int err;

	d = weft__desc_find(fd, &err);
	if (!d)
		return err;
	if (!bar(d, &e, &serial))
		return -EBADF;
	generation = load_rlx(&d->generation);
	weft__desc_ready(w, &e);
	w = wait_until_out(w, d);
	drop(w, d, fd, serial);
	spin_lock(&d->lock);
	or_seq(&d->users, DESC_IN_KERNEL);                          /* D8 */
	spin_unlock(&d->lock);
	err = weft__sys_close(fd);
	spin_lock(&d->lock);
	/* Else it is a new file already, adopted by who opened that (D11). */
	if (load_rlx(&d->generation) == generation)
		and_seq(&d->users, BITS_OFF);                       /* D8 */
	spin_unlock(&d->lock);
	return err;
}

void weft__desc_drop(void *fd)
{
	if (*(int *)fd >= 0)
		weft__desc_close(*(int *)fd);
}

/* --- fork -------------------------------------------------------------------------- */

/* Whoever was inside or waits belongs to the parent, as does the poller. */
static void forget_others(struct desc *d)
{
	if (!load_rlx(&d->users) && !load_rlx(&d->serial) &&
	    !load_rlx(&d->lock.locked) && list_empty(&d->threads) &&
	    list_empty(&d->side[DESC_IN].waiters) &&
	    list_empty(&d->side[DESC_OUT].waiters) &&
	    list_empty(&d->side[DESC_IN].lookers) &&
	    list_empty(&d->side[DESC_OUT].lookers))
		return;
	store_rlx(&d->users, 0);
	store_rlx(&d->serial, 0);
	for (unsigned i = 0; i < DESC_SIDES; i++) {
		memset(&d->side[i].waiters, 0, sizeof d->side[i].waiters);
		memset(&d->side[i].lookers, 0, sizeof d->side[i].lookers);
		store_rlx(&d->side[i].drained, 0);
	}
	memset(&d->threads, 0, sizeof d->threads);
	d->closer = NULL;
	store_rlx(&d->lock.locked, 0);
}

static void in_child(void)
{
	for (unsigned i = 0; i < CHUNKS; i++) {
		struct desc *c = load_acq(&chunk[i]);               /* D12 */

		for (unsigned k = 0; c && k < CHUNK; k++)
			forget_others(&c[k]);
	}
}

FORK_HOOK(FORK_DESC, NULL, NULL, in_child)
