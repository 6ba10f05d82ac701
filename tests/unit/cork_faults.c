/* tests/unit/cork_faults.c - what is held back does no harm to others: to who writes
 * on and on, to a child, to a runtime that is driven, to who trusts in what was there
 * before a write, or when the ring is refused.
 */
#include "support/fds.h"
#include "support/loop.h"
#include "support/proc.h"
#include "support/ring.h"

#include "os/sys.h"
#include "sched/cork.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <weft/runtime.h>

TestSuite(cork_faults, .timeout = 250);

enum { PAIRS = 12 };

/* --- a server and its clients ----------------------------------------------------- */

struct talk {
	struct ends e;
	weft_id asker, answerer;
};

static struct talk talks[PAIRS];
static atomic_bool over;
static _Atomic uint64_t most_made;      /* sends made along with others */
static atomic_int spoken;               /* questions that were answered */

static int asks(void *arg)
{
	struct talk *t = arg;
	char c = 0, answer;

	do {
		uint64_t made = weft__cork_made(weft__worker());

		if (made > most_made)
			most_made = made;
		answer = (char)~++c;
		CHECK_EQ(weft_write(t->e.out, &c, 1, WEFT_FOREVER), 1);
		CHECK_EQ(weft_read(t->e.out, &answer, 1, WEFT_FOREVER), 1);
		spoken++;
	} while (CHECK_EQ(answer, c) && !over);
	CHECK_EQ(shutdown(t->e.out, SHUT_WR), 0);
	return 0;
}

static int answers(void *arg)
{
	struct talk *t = arg;
	ssize_t r;
	char c;

	while ((r = weft_read(t->e.in, &c, 1, WEFT_FOREVER)) == 1)
		CHECK_EQ(weft_write(t->e.in, &c, 1, WEFT_FOREVER), 1);
	CHECK_EQ(r, 0);
	return 0;
}

static void talk_begin(void)
{
	over = false;
	most_made = 0;
	spoken = 0;
	for (int i = 0; i < PAIRS; i++) {
		struct talk *t = &talks[i];

		t->e = tcp_ends();
		CHECK_EQ(weft_spawn(&t->answerer, NULL, answers, t), 0);
		CHECK_EQ(weft_spawn(&t->asker, NULL, asks, t), 0);
	}
}

static void talk_end(void)
{
	over = true;
	for (int i = 0; i < PAIRS; i++) {
		struct talk *t = &talks[i];

		CHECK_EQ(weft_join(t->asker, NULL), 0);
		CHECK_EQ(weft_join(t->answerer, NULL), 0);
		ends_close(&t->e);
	}
}

/* --- who writes on and on --------------------------------------------------------- */

enum { TELLERS = 8, WIDE = 40 };

struct teller {
	struct ends e[WIDE];
	int to;                         /* so many; all to the first, or 0  */
	int ways;                       /* how often others ran meanwhile   */
	weft_id id;
};

static struct teller tellers[TELLERS];

/* One byte; true: others ran meanwhile. */
static bool gave_way(int fd)
{
	struct worker *w = weft__worker();
	uint64_t picks = load_rlx(&w->picks);

	CHECK_EQ(weft_write(fd, "x", 1, WEFT_FOREVER), 1);
	return weft__worker() != w || load_rlx(&w->picks) != picks;
}

static int tells(void *arg)
{
	struct teller *t = arg;

	t->ways = 0;
	for (int i = 0; i < WIDE; i++)
		t->ways += gave_way(t->e[t->to == 1 ? 0 : i].out);
	return 0;
}

/* To as many as there are, or to one; all tellers at the same time. */
static void tell(int to)
{
	for (int k = 0; k < TELLERS; k++) {
		struct teller *t = &tellers[k];

		t->to = to;
		for (int i = 0; i < to; i++)
			t->e[i] = tcp_ends();
	}
	for (int k = 0; k < TELLERS; k++)
		CHECK_EQ(weft_spawn(&tellers[k].id, NULL, tells, &tellers[k]),
			 0);
	for (int k = 0; k < TELLERS; k++) {
		struct teller *t = &tellers[k];

		CHECK_EQ(weft_join(t->id, NULL), 0);
		CHECK_EQ(t->ways < WIDE / 4 ? 0 : t->ways, 0);
		for (int i = 0; i < to; i++) {
			come(t->e[i].in, WIDE / (size_t)to);
			ends_close(&t->e[i]);
		}
	}
}

static int tell_often(void *arg)
{
	(void)arg;
	for (int round = 0; round < fewer(10); round++) {
		tell(WIDE);
		tell(1);
	}
	return 0;
}

Test(cork_faults, who_tells_many_things_gives_way_as_seldom_as_before)
{
	EACH(tell_often);
}

/* --- what was there before a write ------------------------------------------------ */

enum { LETTERS = 30 };

struct letter {
	struct ends e;
	int text;                       /* no atomic: the write orders it   */
	weft_id id;
};

static struct letter letters[LETTERS];

static int sends(void *arg)
{
	struct letter *l = arg;

	l->text = l->e.out;
	CHECK_EQ(weft_write(l->e.out, "x", 1, WEFT_FOREVER), 1);
	return 0;
}

static void *receives(void *unused)
{
	(void)unused;
	for (int i = 0; i < LETTERS; i++) {
		CHECK_EQ(recv(letters[i].e.in, &(char){ 0 }, 1, 0), 1);
		CHECK_EQ(letters[i].text, letters[i].e.out);
	}
	return NULL;
}

static int posts(void *arg)
{
	pthread_t t;

	(void)arg;
	for (int round = 0; round < fewer(20); round++) {
		for (int i = 0; i < LETTERS; i++) {
			letters[i].e = tcp_ends();
			letters[i].text = -1;
		}
		CHECK_EQ(pthread_create(&t, NULL, receives, NULL), 0);
		for (int i = 0; i < LETTERS; i++)
			CHECK_EQ(weft_spawn(&letters[i].id, NULL, sends,
					    &letters[i]), 0);
		for (int i = 0; i < LETTERS; i++)
			CHECK_EQ(weft_join(letters[i].id, NULL), 0);
		CHECK_EQ(pthread_join(t, NULL), 0);
		for (int i = 0; i < LETTERS; i++)
			ends_close(&letters[i].e);
	}
	return 0;
}

Test(cork_faults, who_has_read_sees_what_was_before_the_write)
{
	EACH(posts);
}

/* --- the ring is refused ---------------------------------------------------------- */

static _Thread_local int entered;       /* rings, by this thread */
static atomic_int most_entered;         /* by one */
static atomic_int tried;                /* openings of rings */
static atomic_int refusal;              /* of entering; 0: none */

static int count(enum sys_call call, int ring)
{
	if (call != SYS_RING)
		return 0;
	if (ring < 0) {
		tried++;
		return 0;
	}
	if (++entered > most_entered)
		most_entered = entered;
	return refusal;
}

/* From here on, by threads that have entered none. */
static void count_rings(int refuse)
{
	setenv("WEFT_POLLER", "epoll", 1);
	refusal = refuse;
	tried = 0;
	most_entered = 0;
	weft__sys_fault = count;
}

static int refused(void *arg)
{
	bool ring = (uintptr_t)arg == 1 && have_ring();
	int before;

	count_rings(-EPERM);
	talk_begin();
	wait_until(most_entered > 0 || !ring);
	before = spoken;
	wait_until(spoken > before + 100 * PAIRS);
	talk_end();
	weft__sys_fault = NULL;
	CHECK_EQ(most_made, 0);
	CHECK_EQ(most_entered, ring ? 1 : most_entered > 0);
	return 0;
}

Test(cork_faults, a_ring_that_is_refused_is_not_asked_again)
{
	EACH(refused);
}

/* --- driven ----------------------------------------------------------------------- */

static atomic_int done;

static void talk_a_while(void *arg)
{
	(void)arg;
	talk_begin();
	wait_until(spoken > 100 * PAIRS);
	talk_end();
	done++;
}

static int talk_as_main(void *arg)
{
	talk_a_while(arg);
	return 0;
}

Test(cork_faults, a_driven_runtime_has_none)
{
	weft_runtime *rt;
	bool ring = have_ring();

	count_rings(0);
	done = 0;
	rt = loop_begin();
	cr_assert_eq(weft_submit(rt, talk_a_while, NULL), 0);
	turn_until(rt, &done, 1);
	cr_assert_eq(tried, 0);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	/* As others do. */
	for (int i = 0; ring && !tried && i < 50; i++)
		cr_assert_eq(run_on(1, talk_as_main, NULL), 0);
	cr_assert(tried > 0 || !ring);
	weft__sys_fault = NULL;
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- a child ---------------------------------------------------------------------- */

static void talk_on(void *arg)
{
	(void)arg;
	talk_begin();
	while (!done)           /* what the child does takes its time */
		weft_yield();
	talk_end();
	done++;
}

/* Descriptors of rings in this process. */
static int rings(void)
{
	char name[64], what[64];
	int n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		memset(what, 0, sizeof what);
		if (readlink(name, what, sizeof what - 1) > 0)
			n += strstr(what, "io_uring") != NULL;
	}
	return n;
}

/* No CHECK: the lock of stderr may be another thread's. */
static int left_in_child(void)
{
	if (rings())
		return 1;
	weft__sys_fault = NULL;
	/* Its own threads are too much for a sanitizer. */
	return SANITIZED ? 0 : run_on(1, talk_as_main, NULL) || failures;
}

/* One ring and no other: a spare worker could be about to open its own, which
 * has a descriptor for that moment. */
static int one_ring(enum sys_call call, int ring)
{
	return call == SYS_RING && ring < 0 && tried++ ? -EPERM : 0;
}

static bool corked(weft_runtime *rt)
{
	uint32_t high = load_acq(&rt->high);
	bool any = false;

	for (uint32_t i = 0; i < high; i++)
		any |= load_acq(&rt->worker[i]->cork) != NULL;
	return any;
}

Test(cork_faults, a_child_has_nothing_of_it)
{
	int status = -1;
	weft_config c;
	weft_runtime *rt;
	pid_t pid;

	if (!have_ring())
		return;
	setenv("WEFT_POLLER", "epoll", 1);
	child_starts_threads();
	weft_config_init(&c);
	c.workers = 1;
	done = 0;
	tried = 0;
	weft__sys_fault = one_ring;
	cr_assert_eq(weft_start(&c, &rt), 0);
	cr_assert_eq(weft_submit(rt, talk_on, NULL), 0);
	wait_until(corked(rt));
	cr_assert_eq(rings(), 0);
	pid = fork();
	if (pid == 0)
		_exit(left_in_child());
	cr_assert_gt(pid, 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%x", (unsigned)status);
	done = 1;
	wait_until(done == 2);
	cr_assert_eq(weft_stop(rt, WEFT_FOREVER), 0);
	weft__sys_fault = NULL;
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- runtimes come and go --------------------------------------------------------- */

Test(cork_faults, many_runs_leave_nothing)
{
	int before = 0;

	for (int i = 0; i < fewer(SANITIZED ? 60 : 300); i++) {
		cr_assert_eq(run_on(1 + i % 2, talk_as_main, NULL), 0);
		cr_assert_eq(failures, 0, "%s", first_failure);
		if (!i)
			before = open_descriptors();
	}
	wait_until(open_descriptors() <= before);
	cr_assert_eq(failures, 0, "%s", first_failure);
}
