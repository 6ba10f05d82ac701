/* tests/unit/cork.c - writes that are held back and made along with others: each
 * byte goes once, in its order, into the file it was written to.
 */
#include "support/pens.h"
#include "support/home.h"
#include "support/proc.h"

TestSuite(cork, .timeout = 250);

enum { NO_END = 1 << 30 };

static bool ring;               /* is there one? */

/* --- many at once ----------------------------------------------------------------- */

static int crowds(void *arg)
{
	most_made = 0;
	crowd(MANY, false);
	crowd(MANY, true);
	/* Whoever is interrupted now and then may be alone; not for ever. */
	if ((uintptr_t)arg == 1 && ring)
		wait_until(most_made > 0 || (crowd(MANY, false), false));
	return 0;
}

Test(cork, of_a_hundred_who_write_at_once_all_arrives)
{
	ring = have_ring();
	EACH(crowds);
}

/* What a number was before says nothing about the next file with it. */
static int generations(void *arg)
{
	uint64_t before;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		before = most_made;
		wait_until(most_made > before || (crowd(MANY, false), false));
	}
	return 0;
}

Test(cork, each_file_with_a_number_has_its_first_answer)
{
	ring = have_ring();
	if (!ring)
		cr_skip_test("no ring");
	cr_assert_eq(run_on(1, generations, NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
}

/* --- more than there is room for -------------------------------------------------- */

enum { SLOW = 12, STREAM = 300000 };

static int reads_slowly(void *arg)
{
	struct pen *p = arg;
	char buf[1111];
	size_t at = 0, wrong = 0;

	while (at < p->size) {
		ssize_t r = weft_read(p->e.in, buf, 1 + at % sizeof buf,
				      WEFT_FOREVER);

		if (!CHECK(r > 0))
			return 1;
		for (ssize_t k = 0; k < r; k++)
			wrong += buf[k] != BYTE(p->number, at + (size_t)k);
		at += (size_t)r;
		let(3);
	}
	CHECK_EQ(wrong, 0);
	return 0;
}

static int slow_readers(void *arg)
{
	weft_id id[SLOW];

	(void)arg;
	for (int all = 0; all < 2; all++) {
		pens_make(SLOW, (size_t)STREAM, 0, all);
		for (int i = 0; i < SLOW; i++)
			pens[i].step = (size_t)(1000 + 1279 * i);
		pens_start(SLOW, writes);
		for (int i = 0; i < SLOW; i++)
			CHECK_EQ(weft_spawn(&id[i], NULL, reads_slowly,
					    &pens[i]), 0);
		pens_join(SLOW);
		for (int i = 0; i < SLOW; i++) {
			CHECK_EQ(weft_join(id[i], NULL), 0);
			CHECK_EQ(pens[i].sent, STREAM);
			expect_end(pens[i].e.in, pens[i].e.out);
			ends_close(&pens[i].e);
		}
	}
	return 0;
}

Test(cork, what_finds_no_room_waits_and_nothing_is_lost)
{
	EACH(slow_readers);
}

/* --- two on one descriptor -------------------------------------------------------- */

enum { BOTH = 2, SHARED = 8, EACH_WRITES = 20000 };

struct hand { int fd, who; };

/* Whose it is and a count, in each byte. */
static int scribbles(void *arg)
{
	struct hand *h = arg;
	size_t at = 0;
	char buf[64];

	while (at < EACH_WRITES) {
		size_t n = 1 + at % sizeof buf;
		ssize_t r;

		n = n < EACH_WRITES - at ? n : EACH_WRITES - at;
		for (size_t k = 0; k < n; k++)
			buf[k] = (char)(h->who << 7 | ((at + k) & 127));
		r = weft_write(h->fd, buf, n, WEFT_FOREVER);
		if (!CHECK(r > 0))
			return 1;
		at += (size_t)r;
	}
	return 0;
}

static int reads_both(void *arg)
{
	size_t came[BOTH] = { 0 }, wrong = 0;
	const int *fd = arg;
	char buf[512];

	while (came[0] + came[1] < BOTH * EACH_WRITES) {
		ssize_t r = weft_read(*fd, buf, sizeof buf, WEFT_FOREVER);

		if (!CHECK(r > 0))
			return 1;
		for (ssize_t k = 0; k < r; k++) {
			unsigned c = (unsigned char)buf[k];

			wrong += (came[c >> 7]++ & 127) != (c & 127);
		}
	}
	CHECK_EQ(came[0], came[1]);
	CHECK_EQ(wrong, 0);
	return 0;
}

static int shared(void *arg)
{
	struct ends e[SHARED];
	struct hand h[SHARED][BOTH];
	weft_id id[SHARED][BOTH + 1];

	(void)arg;
	for (int i = 0; i < SHARED; i++) {
		e[i] = tcp_ends();
		CHECK_EQ(weft_spawn(&id[i][BOTH], NULL, reads_both, &e[i].in),
			 0);
		for (int k = 0; k < BOTH; k++) {
			h[i][k] = (struct hand){ e[i].out, k };
			CHECK_EQ(weft_spawn(&id[i][k], NULL, scribbles,
					    &h[i][k]), 0);
		}
	}
	for (int i = 0; i < SHARED; i++) {
		for (int k = 0; k <= BOTH; k++)
			CHECK_EQ(weft_join(id[i][k], NULL), 0);
		expect_end(e[i].in, e[i].out);
		ends_close(&e[i]);
	}
	return 0;
}

Test(cork, two_writers_of_one_descriptor_write_each_byte_once)
{
	EACH(shared);
}

/* --- somebody else steps in ------------------------------------------------------- */

static int writes_once(void *arg)
{
	struct pen *p = arg;
	char c = BYTE(p->number, 0);

	arrive();
	p->got = weft_write(p->e.out, &c, 1, WEFT_FOREVER);
	return 0;
}

static void closed_pen(struct pen *p)
{
	CHECK(p->got == 1 || p->got == -EBADF);
	expect(p, p->got == 1, 1);
	CHECK_EQ(recv(p->e.in, &(char){ 0 }, 1, 0), 0);
	CHECK_EQ(weft_close(p->e.in), 0);
}

static int held_rounds;         /* in which some were held back at the close */

/* Half of the descriptors are closed, and their numbers others', while they are
 * written to.  On one thread: who has not got there would write to the others. */
static int closed_under(void *arg)
{
	enum { N = MANY / 2 };
	static struct ends other[N];
	uint64_t before;
	bool judge;

	(void)arg;
	stay_home();
	pens_make(N, 1, 1, false);
	pens_start(N, writes_once);
	weft_yield();
	judge = all_wait(N);
	before = weft__cork_made(weft__worker());
	for (int i = 0; judge && i < N; i += 2)
		CHECK_EQ(weft_close(pens[i].e.out), 0);
	for (int i = 0; judge && i < N; i += 2)
		other[i] = ends_make(OUR_UNIX);
	pens_join(N);
	held_rounds += judge && weft__cork_made(weft__worker()) > before;
	for (int i = 0; i < N; i++) {
		if (judge && i % 2 == 0) {
			closed_pen(&pens[i]);
			expect_end(other[i].in, other[i].out);
			expect_end(other[i].out, other[i].in);
			ends_close(&other[i]);
			continue;
		}
		CHECK_EQ(pens[i].got, 1);
		expect(&pens[i], 1, 1);
		expect_end(pens[i].e.in, pens[i].e.out);
		ends_close(&pens[i].e);
	}
	return judge ? 0 : STRAYED;
}

Test(cork, a_close_meanwhile_keeps_it_from_the_next_file)
{
	int judged = 0;

	ring = have_ring();
	for (int i = 0; i < fewer(20); i++) {
		int rc = on_one_thread(closed_under, NULL);

		cr_assert(rc == 0 || rc == STRAYED, "%d", rc);
		cr_assert_eq(failures, 0, "%s", first_failure);
		judged += rc == 0;
	}
	/* Where all is slow they are made before there are two. */
	cr_assert(!ring || judged < 5 || fewer(20) < 20 || held_rounds > 0,
		  "nobody was held back");
}

/* A byte at a time, until something is in the way. */
static int trickles(void *arg)
{
	struct pen *p = arg;

	p->got = 1;
	while (p->got == 1 && p->sent < (long)p->size) {
		char c = BYTE(p->number, (size_t)p->sent);

		p->begun++;
		p->got = weft_write(p->e.out, &c, 1, WEFT_FOREVER);
		p->sent += p->got == 1;
	}
	return 0;
}

static int cancelled(void *arg)
{
	(void)arg;
	for (int rounds = 0; rounds < 4; rounds++) {
		pens_make(MANY, NO_END, 1, false);
		pens_start(MANY, trickles);
		let(1 + 2 * rounds);
		for (int i = 0; i < MANY; i++)
			CHECK_EQ(weft_cancel(pens[i].id), 0);
		pens_join(MANY);
		for (int i = 0; i < MANY; i++)
			CHECK_EQ(pens[i].got, -ECANCELED);
		pens_done(MANY);
	}
	return 0;
}

Test(cork, who_is_cancelled_has_written_what_it_was_told)
{
	EACH(cancelled);
}

static void goes(void *arg)
{
	trickles(arg);
}

static int leaves_them(void *arg)
{
	pens_make(MANY, NO_END, 1, false);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(weft_go(goes, &pens[i]), 0);
	let(6);
	if (arg)
		weft_exit(7);
	return 7;
}

/* Of the one that was being written nobody knows. */
static void left_pen(struct pen *p)
{
	long n = 0, wrong = 0;
	char c;

	CHECK_EQ(shutdown(p->e.out, SHUT_WR), 0);
	while (recv(p->e.in, &c, 1, 0) == 1) {
		wrong += c != BYTE(p->number, (size_t)n);
		n++;
	}
	CHECK_EQ(wrong, 0);
	CHECK(n == p->sent || n == p->begun);
	ends_close(&p->e);
}

static int small_crowd(void *arg)
{
	(void)arg;
	crowd(MANY / 4, false);
	return 0;
}

Test(cork, the_end_of_a_run_leaves_nothing_to_the_next)
{
	int before = 0;

	for (size_t i = 0; i < 2 * COUNT(worker_counts); i++) {
		unsigned n = worker_counts[i / 2];

		cr_assert_eq(run_on(n, leaves_them, i % 2 ? &before : NULL), 7);
		for (int k = 0; k < MANY; k++)
			left_pen(&pens[k]);
		cr_assert_eq(run_on(n, small_crowd, NULL), 0);
		cr_assert_eq(failures, 0, "%u: %s", n, first_failure);
		if (!i)
			before = open_descriptors();
		wait_until(open_descriptors() <= before);
		cr_assert_eq(failures, 0, "%u: %s", n, first_failure);
	}
}

/* --- who is not held back --------------------------------------------------------- */

static int writes_now(void *arg)
{
	struct pen *p = arg;

	for (p->sent = 0; p->sent < (long)p->size; p->sent++) {
		char c = BYTE(p->number, (size_t)p->sent);

		CHECK_EQ(weft_write(p->e.out, &c, 1, WEFT_NOWAIT), 1);
		look();
		weft_yield();
	}
	return 0;
}

static int nowait(void *arg)
{
	(void)arg;
	most_made = 0;
	pens_make(MANY, 10, 1, false);
	pens_start(MANY, writes_now);
	pens_join(MANY);
	CHECK_EQ(most_made, 0);
	pens_done(MANY);
	return 0;
}

Test(cork, who_does_not_wait_is_not_held_back)
{
	EACH(nowait);
}

static int alone(void *arg)
{
	(void)arg;
	most_made = 0;
	pens_make(1, 1000, 10, false);
	writes(&pens[0]);
	CHECK_EQ(pens[0].sent, 1000);
	CHECK_EQ(most_made, 0);
	pens_done(1);
	return 0;
}

Test(cork, who_is_alone_is_not_held_back)
{
	EACH(alone);
}
