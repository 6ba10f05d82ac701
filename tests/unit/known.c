/* unit/known.c - a plain thread is known before its call has any effect.
 *
 * Else a routine that sees the effect, and waits for more, could be told of a
 * deadlock although the thread is about to act.  The object is write-protected,
 * so the first thing that a call does to it is caught.
 */
#include "support/rt.h"

#include "base/base.h"
#include "base/atomic.h"
#include "sched/park.h"

#include <signal.h>
#include <sys/mman.h>

TestSuite(known, .timeout = 60);

/* A channel of so many bytes has pages of its own. */
enum { BIG = 64 << 20 };

static struct {
	char *page;
	size_t size;
	volatile sig_atomic_t touched, known;
} watched;

static void unprotect(void)
{
	mprotect(watched.page, watched.size, PROT_READ | PROT_WRITE);
}

static void caught(int sig, siginfo_t *info, void *context)
{
	char *at = info->si_addr;

	(void)context;
	if (at < watched.page || at >= watched.page + watched.size) {
		signal(sig, SIG_DFL);
		return;
	}
	watched.known = load_rlx(&weft__plain_threads) != 0;
	watched.touched = 1;
	unprotect();
}

/* The objects; those of one test are fresh. */
static struct objects {
	weft_sem sem;
	weft_latch latch;
	weft_oneshot oneshot;
	weft_once once;
	weft_barrier barrier;
	weft_waitgroup group;
	weft_mutex mutex;
	weft_rwlock rwlock;
	weft_timer timer;
} *o;
static weft_chan *chan;

static void release(void)       { weft_sem_release(&o->sem, 1); }
static void acquire(void)       { CHECK_EQ(weft_sem_acquire(&o->sem, 1), 0); }
static void try_acquire(void)   { CHECK_EQ(weft_sem_try_acquire(&o->sem, 1), 0); }
static void count_down(void)    { weft_latch_count_down(&o->latch, 1); }
static void count_to_zero(void) { weft_latch_count_down(&o->latch, 2); }
static void set(void)           { CHECK_EQ(weft_oneshot_set(&o->oneshot, o), 0); }
static void nothing(void *arg)  { (void)arg; }
static void do_once(void)       { weft_once_do(&o->once, nothing, NULL); }
static void meet(void)          { CHECK_EQ(weft_barrier_wait(&o->barrier), 1); }
static void add(void)           { weft_waitgroup_add(&o->group, 1); }
static void done(void)          { weft_waitgroup_done(&o->group); }
static void lock(void)          { weft_mutex_lock(&o->mutex); }
static void trylock(void)       { CHECK_EQ(weft_mutex_trylock(&o->mutex), 0); }
static void rlock(void)         { weft_rwlock_rlock(&o->rwlock); }
static void try_rlock(void)     { CHECK_EQ(weft_rwlock_try_rlock(&o->rwlock), 0); }
static void wlock(void)         { weft_rwlock_lock(&o->rwlock); }
static void try_wlock(void)     { CHECK_EQ(weft_rwlock_try_lock(&o->rwlock), 0); }
static void unlock(void)        { weft_mutex_unlock(&o->mutex); }
static void runlock(void)       { weft_rwlock_runlock(&o->rwlock); }
static void start(void)         { CHECK_EQ(weft_timer_start(&o->timer,
					weft_in(60 * WEFT_S), 0), 0); }
static void stop(void)          { CHECK_EQ(weft_timer_stop(&o->timer), 0); }

static void put(void)           { CHECK_EQ(weft_chan_send(chan, "b"), 0); }
static void try_send(void)      { CHECK_EQ(weft_chan_try_send(chan, "b"), 0); }
static void send_now(void)      { CHECK_EQ(weft_chan_send_until(chan, "b",
					WEFT_NOWAIT), 0); }
static void send_many(void)     { CHECK_EQ(weft_chan_send_many(chan, "bc", 2,
					WEFT_NOWAIT), 2); }
static char got[2];
static void get(void)           { CHECK_EQ(weft_chan_recv(chan, got), 0); }
static void try_recv(void)      { CHECK_EQ(weft_chan_try_recv(chan, got), 0); }
static void recv_now(void)      { CHECK_EQ(weft_chan_recv_until(chan, got,
					WEFT_NOWAIT), 0); }
static void recv_many(void)     { CHECK_EQ(weft_chan_recv_many(chan, got, 2,
					WEFT_NOWAIT), 1); }
static void close_it(void)      { CHECK_EQ(weft_chan_close(chan), 0); }

static void select_send(void)
{
	weft_case k[] = { { .op = WEFT_CASE_SEND, .chan = chan,
			    .elem = (char[]){ "b" } } };

	CHECK_EQ(weft_select(k, 1, WEFT_NOWAIT), 0);
}

static void select_recv(void)
{
	weft_case k[] = { { .op = WEFT_CASE_RECV, .chan = chan, .elem = got } };

	CHECK_EQ(weft_select_ordered(k, 1, WEFT_NOWAIT), 0);
}

#define CALL(f) { #f, f }
static const struct call {
	const char *name;
	void (*make)(void);
} calls[] = {
	CALL(release), CALL(acquire), CALL(try_acquire), CALL(count_down),
	CALL(count_to_zero), CALL(set), CALL(do_once), CALL(meet), CALL(add),
	CALL(done), CALL(lock), CALL(trylock), CALL(rlock), CALL(try_rlock),
	CALL(wlock), CALL(try_wlock), CALL(start), CALL(stop), CALL(unlock),
	CALL(runlock),
}, chan_calls[] = {
	CALL(put), CALL(try_send), CALL(send_now), CALL(send_many),
	CALL(get), CALL(try_recv), CALL(recv_now), CALL(recv_many),
	CALL(close_it), CALL(select_send), CALL(select_recv),
};

static void check(const struct call *call, void *page, size_t size)
{
	struct sigaction sa = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };
	struct sigaction old;

	watched.page = page;
	watched.size = size;
	watched.touched = watched.known = 0;
	cr_assert_eq(sigaction(SIGSEGV, &sa, &old), 0);
	store_rlx(&weft__plain_threads, 0);
	cr_assert_eq(mprotect(page, size, PROT_READ), 0);
	call->make();
	unprotect();
	cr_assert_eq(sigaction(SIGSEGV, &old, NULL), 0);
	cr_assert(watched.touched, "%s does nothing", call->name);
	cr_expect(watched.known, "%s", call->name);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

Test(known, before_an_object_is_changed)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	o = mmap(NULL, page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq((void *)o, MAP_FAILED);
	for (size_t i = 0; i < COUNT(calls); i++) {
		*o = (struct objects){
			.sem = WEFT_SEM_INIT(1), .latch = WEFT_LATCH_INIT(2),
			.barrier = WEFT_BARRIER_INIT(1),
		};
		weft_waitgroup_add(&o->group, 2);
		weft_timer_init(&o->timer);
		if (calls[i].make == unlock)
			weft_mutex_lock(&o->mutex);
		if (calls[i].make == runlock)
			weft_rwlock_rlock(&o->rwlock);
		check(&calls[i], o, page);
	}
	munmap(o, page);
}

Test(known, before_a_channel_is_changed)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < COUNT(chan_calls); i++) {
		chan = weft_chan_new(1, BIG);
		cr_assert_not_null(chan);
		cr_assert_eq(weft_chan_send(chan, "a"), 0);
		check(&chan_calls[i], (void *)((uintptr_t)chan & ~(page - 1)),
		      page);
		weft_chan_unref(chan);
	}
}
