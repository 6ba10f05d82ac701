/* support/sweep.h - every failure of every system call, in small workloads.
 *
 * A case is a workload, a call, what it answers, and which of its times.  The
 * workload runs with the fault and then, in the same runtime, without it:
 *
 *   ends      each call that can wait has a deadline; a case that does not end
 *             aborts the program, with its name
 *   truth     each call that is judged by OK() succeeds, with the right data, or
 *             fails with what was injected, or with what follows from a failure
 *             before; nothing fails without the fault
 *   nothing   lost: descriptors, memory, threads, routines and children are as
 *             many as before
 *
 * All cases would be too many for each number of workers: they take turns.
 */
#ifndef WEFT_SUPPORT_SWEEP_H
#define WEFT_SUPPORT_SWEEP_H

#include "support/sweepwrap.h"

#include "support/proc.h"
#include "support/rt.h"

#include "os/os.h"
#include "sched/runtime.h"
#include "sched/worker.h"

/* Who has to come there. */
enum { IO = 1, FILES = 2, PROCESS = 4, TLS_IO = 8, NAMES = 16 };

#ifdef HAVE_LIBURING
#define HAVE_RING (!under("valgrind"))
#else
#define HAVE_RING 0
#endif

#define LIMITS 1, 7
#define NO_DESCRIPTOR -EMFILE, -ENFILE, -ENOMEM

static const struct row {
	int call, where;
	const char *name;
	int answer[12];                         /* ended by 0 */
} rows[] = {
#define ROW(call, where, ...) { call, where, #call, { __VA_ARGS__ } }
	ROW(SYS_READV, IO | FILES, LIMITS, -EINTR, -EAGAIN, -EIO, -ENOMEM,
	    -EOPNOTSUPP, -ENOSYS),
	ROW(SYS_WRITEV, IO | FILES, LIMITS, -EINTR, -EAGAIN, -EIO, -ENOSPC,
	    -EPIPE, -EDQUOT, -EOPNOTSUPP, -ENOSYS),
	ROW(SYS_POLL, IO, -EINTR, -ENOMEM),
	ROW(SYS_CLOSE, IO | FILES, -EINTR, -EIO, -ENOSPC, -EDQUOT),
	ROW(SYS_FCNTL, PROCESS, -EMFILE),
	ROW(SYS_FSTAT, FILES, -ENOMEM, -EIO),
	ROW(SYS_EVENTFD, IO, NO_DESCRIPTOR, -ENODEV),
	ROW(SYS_TIMERFD, IO, NO_DESCRIPTOR, -ENODEV),
	ROW(SYS_PIPE, PROCESS, -EMFILE, -ENFILE),
	ROW(SYS_SENDFILE, IO, LIMITS, -EINTR, -EAGAIN, -EIO, -ENOMEM, -EPIPE,
	    -EINVAL, -ENOSYS),
	ROW(SYS_SEEK, IO, -ESPIPE, -EOVERFLOW),
	ROW(SYS_SOCKET, IO, NO_DESCRIPTOR, -ENOBUFS, -EACCES, -EAFNOSUPPORT),
	ROW(SYS_RECV, IO | TLS_IO, LIMITS, -EINTR, -EAGAIN, -ECONNRESET, -ENOMEM,
	    -ETIMEDOUT, -EHOSTUNREACH),
	ROW(SYS_SEND, IO | TLS_IO, LIMITS, -EINTR, -EAGAIN, -ECONNRESET, -EPIPE,
	    -ENOBUFS, -ENOMEM, -EHOSTUNREACH),
	ROW(SYS_RECVMSG, IO, LIMITS, -EINTR, -EAGAIN, -ECONNREFUSED, -ENOMEM,
	    -ECONNRESET),
	ROW(SYS_SENDMSG, IO, LIMITS, -EINTR, -EAGAIN, -ECONNREFUSED, -ENOBUFS,
	    -ENOMEM, -EPERM, -ENETUNREACH, -EPIPE),
	ROW(SYS_ACCEPT, IO, -EINTR, -EAGAIN, NO_DESCRIPTOR, -ENOBUFS, -EPERM),
	ROW(SYS_ACCEPT, IO, -ECONNABORTED, -EPROTO, -ENETDOWN, -EHOSTUNREACH),
	ROW(SYS_CONNECT, IO, -EINTR, -ECONNREFUSED, -ETIMEDOUT, -ENETUNREACH,
	    -EHOSTUNREACH, -EADDRNOTAVAIL, -EACCES, -EAGAIN),
	ROW(SYS_BIND, IO, -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -ENOMEM),
	ROW(SYS_LISTEN, IO, -EADDRINUSE),
	ROW(SYS_SOCKOPT, IO, -ENOMEM, -ENOBUFS, -ENOPROTOOPT),
	ROW(SYS_SHUTDOWN, IO, -ENOTCONN),
	ROW(SYS_SOCKNAME, IO, -ENOBUFS),
	ROW(SYS_EPOLL_CREATE, IO | PROCESS | NAMES, NO_DESCRIPTOR, -ENOSYS),
	ROW(SYS_EPOLL_CTL, IO | PROCESS | TLS_IO | NAMES, -ENOMEM, -ENOSPC),
	ROW(SYS_EPOLL_WAIT, IO | NAMES, -EINTR, -ENOSYS),
	ROW(SYS_RING, FILES, NO_DESCRIPTOR, -EPERM, -ENOSYS, -EAGAIN, -EBUSY,
	    -EINTR),
	ROW(SYS_OPEN, FILES, -EINTR, NO_DESCRIPTOR, -EACCES, -ENOENT, -ENOSPC,
	    -EDQUOT, -EROFS, -EIO),
	ROW(SYS_PREAD, FILES, LIMITS, -EINTR, -EAGAIN, -EIO, -ENOMEM,
	    -EOPNOTSUPP, -ENOSYS),
	ROW(SYS_PWRITE, FILES, LIMITS, -EINTR, -EIO, -ENOSPC, -EDQUOT, -EFBIG,
	    -ENOMEM),
	ROW(SYS_FSYNC, FILES, -EINTR, -EIO, -ENOSPC, -EDQUOT, -EROFS),
	ROW(SYS_STAT, FILES, -EACCES, -ENOMEM, -ENOENT, -EIO),
	ROW(SYS_TRUNCATE, FILES, -EINTR, -EIO, -EFBIG, -EPERM),
	ROW(SYS_ALLOCATE, FILES, -EINTR, -ENOSPC, -EOPNOTSUPP, -ENOSYS,
	    -EDQUOT),
	ROW(SYS_NAME, FILES, -EACCES, -ENOSPC, -EDQUOT, -EIO, -EROFS, -EMLINK,
	    -ENOTEMPTY),
	ROW(SYS_READLINK, FILES, -EACCES, -EIO, -ENOMEM),
	ROW(SYS_GETDENTS, FILES, -EIO, -ENOENT, -ENOMEM),
	ROW(SYS_PIDFD, PROCESS, NO_DESCRIPTOR, -ENOSYS, -ENODEV, -EPERM),
	ROW(SYS_WAITID, PROCESS, -EINTR, -ECHILD),
	ROW(DO_MALLOC, IO | FILES | PROCESS | TLS_IO | NAMES, -ENOMEM),
	ROW(DO_MAP, IO | FILES | PROCESS, -ENOMEM),
	ROW(DO_THREAD, IO | FILES | PROCESS, -EAGAIN),
};

/* Which times: skip so many, then every period'th; 0: once. */
static const struct turn {
	int skip, period;
} turns[] = { { 0, 0 }, { 1, 0 }, { 2, 0 }, { 0, 2 }, { 0, 1 } };

enum {                                          /* flags of a workload */
	NO_RUNTIME = 1,                         /* on a plain thread */
	MESSAGES = 2,                           /* that have a size of their own */
	BULK = 4,                               /* no bytes one by one */
};

struct workload {
	const char *name;
	void (*fn)(void);
	unsigned flags;
	const char *poller, *ring;              /* WEFT_POLLER, WEFT_RING */
};

/* --- the case --------------------------------------------------------------------- */

static struct {
	atomic_int call, answer, skip, period, seen, fired;
	atomic_bool spoilt;                     /* something has failed */
} plan = { .call = DO_CALLS };
static const struct workload *working;
static int sweeping;                            /* IO, FILES or PROCESS */
static atomic_int asked[DO_CALLS], cases;
static char naming[160], first_naming[160];    /* first_: of the first failure */

static bool its_turn(int call)
{
	int n, period;

	if (!weft__sys_fault)
		return false;
	asked[call]++;
	if (call != plan.call)
		return false;
	n = plan.seen++ - plan.skip;
	period = plan.period;
	if (n < 0 || (period ? n % period : n))
		return false;
	/* A routine waits for memory until there is some. */
	if (call == DO_MAP && plan.fired >= 20)
		return false;
	plan.fired++;
	return true;
}

/* A signal cuts a call short below the hook, but where that has none. */
static bool below(int call)
{
	return plan.answer == -EINTR && call != SYS_EPOLL_WAIT &&
	       call != SYS_RING;
}

static bool sweep_cut(int call)
{
	return call == plan.call && below(call) && its_turn(call);
}

/* What is open already fails in other ways than what is to be opened. */
static bool suits(int call, int fd)
{
	int a = plan.answer;

	if (call == SYS_RING)
		return (fd < 0) == (a != -EAGAIN && a != -EBUSY && a != -EINTR);
	return call != SYS_TIMERFD || fd < 0;
}

static int sweep_hook(enum sys_call call, int fd)
{
	if ((int)call == plan.call && !suits(call, fd))
		return 0;
	if ((int)call == plan.call && below(call)) {
		asked[call]++;
		return 0;
	}
	return its_turn((int)call) ? plan.answer : 0;
}

static int sweep_fails(int call)
{
	return its_turn(call) ? -plan.answer : 0;
}

static int sweep_os_hook(enum os_call call, size_t len)
{
	(void)len;
	return call == OS_MAP && its_turn(DO_MAP) ? -ENOMEM : 0;
}

static void disarm(void)
{
	plan.call = DO_CALLS;
	plan.spoilt = false;
	plan.fired = plan.answer = 0;
	weft__sys_fault = NULL;
}

/* What the caller would have had from a kernel that has no such data. */
static bool stalls(void)
{
	return plan.answer == -EAGAIN && plan.call < SYS_CALLS;
}

static weft_time soon(void)
{
	return weft_in(stalls() ? 20 * WEFT_MS : 60 * WEFT_S);
}

/* --- judging ---------------------------------------------------------------------- */

static bool follows(long long r)
{
	static const int list[] = {
		WEFT_EOF, -EPIPE, -ECONNRESET, -ECONNREFUSED, -EBADF,
		-ENOTCONN, -ENOENT, -EEXIST, -ENOTEMPTY, -ECHILD,
		-EISDIR, -ENOTDIR, -ESRCH, -EINVAL,
	};

	for (size_t i = 0; i < COUNT(list); i++)
		if (r == list[i])
			return true;
	return false;
}

static bool allowed(long long r)
{
	/* Its deadlines are short ones: over before the call, perhaps. */
	if (stalls() && (r == -ETIMEDOUT || (plan.spoilt && follows(r))))
		return true;
	if (!plan.fired)
		return false;
	if (r == plan.answer || (plan.spoilt && follows(r)))
		return true;
	if (plan.call >= SYS_CALLS && r == -ENOMEM)
		return true;
	/* No port is free. */
	return plan.call == SYS_CONNECT && r == -EADDRNOTAVAIL &&
	       plan.answer == -EAGAIN;
}

static long long judge(long long r, const char *what, const char *file,
		       int line)
{
	if (r >= 0)
		return r;
	check_at(allowed(r), what, file, line, r, plan.answer);
	plan.spoilt = true;
	return r;
}

/* What a call gave. */
#define OK(r) judge((r), #r, __FILE__, __LINE__)

/* --- somebody beside ---------------------------------------------------------------- */

struct mate {
	int (*fn)(void *);
	void *arg;
	weft_id id;
	pthread_t thread;
	bool there;
};

static void *mate_main(void *arg)
{
	struct mate *m = arg;

	m->fn(m->arg);
	return NULL;
}

/* False: it could not be had. */
__attribute__((unused))
static bool mate_start(struct mate *m, int (*fn)(void *), void *arg)
{
	*m = (struct mate){ .fn = fn, .arg = arg };
	if (weft_self())
		m->there = OK(weft_spawn(&m->id, NULL, fn, arg)) == 0;
	else
		m->there = __real_pthread_create(&m->thread, NULL, mate_main,
						 m) == 0;
	return m->there;
}

__attribute__((unused))
static void mate_join(struct mate *m)
{
	if (m->there && m->id)
		CHECK_EQ(weft_join(m->id, NULL), 0);
	else if (m->there)
		CHECK_EQ(pthread_join(m->thread, NULL), 0);
}

/* --- running ------------------------------------------------------------------------ */

static struct count {
	int fds, blocks, threads;
} before;

static struct count count_now(void)
{
	return (struct count){ open_descriptors(), blocks_now(), threads_now() };
}

static bool as_before(void)
{
	struct count c = count_now();

	return c.fds <= before.fds && c.blocks <= before.blocks &&
	       c.threads <= before.threads;
}

/* Threads may still be on their way out. */
static void nothing_left(void)
{
	weft_time until = weft_in(20 * WEFT_S);
	struct count c;

	while (!as_before() && weft_now() < until)
		sched_yield();
	c = count_now();
	CHECK(c.fds <= before.fds);
	CHECK(c.threads <= before.threads);
	if (!CHECK(c.blocks <= before.blocks))
		for (int i = 0; i < BLOCKS; i++)
			if (blocks[i].p)
				fprintf(stderr, "# in use: %p, by %p\n",
					blocks[i].p, blocks[i].by);
	if (c.fds != before.fds || c.blocks != before.blocks)
		before = c;
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

static int both_ways(void *arg)
{
	(void)arg;
	working->fn();
	disarm();
	working->fn();
	if (weft__worker())
		wait_until(weft__runtime_live(weft__worker()->rt) == 1);
	return 0;
}

static void run_once(unsigned workers)
{
	int rc = working->flags & NO_RUNTIME ? both_ways(NULL) :
		 run_on(workers, both_ways, NULL);

	/* It did not even start, or its main routine. */
	if (OK(rc) < 0) {
		disarm();
		CHECK_EQ(run_on(workers, both_ways, NULL), 0);
	}
	disarm();
}

static void run_case(const struct row *row, int answer, const struct turn *t,
		     unsigned workers)
{
	int failed = failures;
	weft_time began = weft_now();

	snprintf(naming, sizeof naming,
		 "%s (%s, %s): %s answers %d, from %d, period %d; %u workers",
		 working->name, working->poller ? working->poller : "-",
		 working->ring ? working->ring : "-", row->name, answer, t->skip,
		 t->period, workers);
	cases++;
	plan.seen = plan.fired = 0;
	plan.spoilt = false;
	plan.answer = answer;
	plan.skip = t->skip;
	plan.period = t->period;
	plan.call = row->call;
	weft__sys_fault = sweep_hook;
	run_once(workers);
	nothing_left();
	/* Nobody has waited for what cannot come. */
	CHECK(weft_now() - began < 50 * WEFT_S);
	if (failures > failed) {
		fprintf(stderr, "# in: %s\n", naming);
		if (!failed)
			memcpy(first_naming, naming, sizeof naming);
	}
}

static void *watches(void *arg)
{
	atomic_bool *over = arg;
	int seen = -1, still = 0;

	while (!*over) {
		usleep(100000);
		still = seen == cases ? still + 1 : 0;
		seen = cases;
		if (still < 1800)
			continue;
		fprintf(stderr, "# does not end: %s\n", naming);
		abort();
	}
	return NULL;
}

/* --- the sweep ------------------------------------------------------------------------ */

/* For ever is no way to cut short, or to break what comes. */
static bool sensible(const struct row *row, int answer, const struct turn *t)
{
	int size = working->flags & BULK ? 1000 : 1;

	if (answer > 0 && (working->flags & MESSAGES))
		return false;
	if (answer > 0 && answer * size == size && size > 1)
		return false;
	if (t->period == 1 && (answer == -EINTR || row->call == SYS_POLL ||
			       (row->call == SYS_ACCEPT &&
				(answer == -ECONNABORTED || answer == -EPROTO ||
				 answer == -ENETDOWN ||
				 answer == -EHOSTUNREACH)) ||
			       (row->call == SYS_RING &&
				(answer == -EAGAIN || answer == -EBUSY ||
				 answer == -ENOMEM))))
		return false;
	return true;
}

/* Of so many cases one; programs start slowly there. */
static unsigned stride(void)
{
	unsigned slow = sweeping == PROCESS ? 8 : 1;

	return under("valgrind") ? 23 * slow : under("qemu") ? 11 * slow :
	       SANITIZED ? 5 : 1;
}

static const unsigned crews[] = { 1, 2, 4 };

static void sweep_row(const struct row *row, unsigned *turn, int times)
{
	for (const int *a = row->answer; *a; a++)
		for (size_t t = 0; t < COUNT(turns); t++) {
			int answer = *a > 0 && working->flags & BULK ?
				     *a * 1000 : *a;

			if (turns[t].skip >= times ||
			    !sensible(row, *a, &turns[t]) ||
			    (*turn)++ % stride())
				continue;
			run_case(row, answer, &turns[t],
				 crews[*turn / stride() % COUNT(crews)]);
		}
	/* What is asked for has no kinds of failure, but each has its place. */
	for (int skip = 3; row->call >= SYS_CALLS && skip < times;
	     skip += 1 + times / 64)
		if ((*turn)++ % stride() == 0)
			run_case(row, row->answer[0], &(struct turn){ skip, 0 },
				 crews[*turn / stride() % COUNT(crews)]);
}

static void choose(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

/* Each workload without faults, to see which calls it makes; then with. */
static void sweep(const struct workload *w, size_t n, int where)
{
	static bool reached[DO_CALLS];
	atomic_bool over = false;
	unsigned turn = 0;
	pthread_t watch;

	sweeping = where;
	signal(SIGPIPE, SIG_IGN);
	weft__os_fault = sweep_os_hook;
	cr_assert_eq(__real_pthread_create(&watch, NULL, watches, &over), 0);
	for (size_t i = 0; i < n; i++) {
		int times[DO_CALLS];

		working = &w[i];
		choose("WEFT_POLLER", w[i].poller);
		choose("WEFT_RING", w[i].ring);
		snprintf(naming, sizeof naming, "%s without a fault", w[i].name);
		disarm();
		run_once(4);            /* what is made once for all */
		before = count_now();
		memset(asked, 0, sizeof asked);
		weft__sys_fault = sweep_hook;
		run_once(2);
		nothing_left();
		for (int c = 0; c < DO_CALLS; c++) {
			times[c] = asked[c];
			reached[c] |= times[c] > 0;
		}
		for (size_t r = 0; r < COUNT(rows) && failures < 20; r++)
			sweep_row(&rows[r], &turn, times[rows[r].call]);
	}
	over = true;
	pthread_join(watch, NULL);
	fprintf(stderr, "# %d cases\n", cases);
	for (size_t r = 0; r < COUNT(rows); r++)
		cr_expect(reached[rows[r].call] || !(rows[r].where & where) ||
			  (rows[r].call == SYS_RING && !HAVE_RING),
			  "%s was never called", rows[r].name);
	cr_assert_eq(failures, 0, "%s; %s", first_failure, first_naming);
}

/* Every call that there is has a row, and a program that comes there. */
__attribute__((unused))
static void all_have_rows(void)
{
	for (int call = 0; call < DO_CALLS; call++) {
		bool found = false;

		for (size_t r = 0; r < COUNT(rows); r++)
			found |= rows[r].call == call && rows[r].where;
		cr_expect(found, "call %d has no row", call);
	}
}

#endif
