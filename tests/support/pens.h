/* support/pens.h - many routines that write at once, each into a connection of its own,
 * and what came out: each byte once, in its order.
 */
#ifndef WEFT_SUPPORT_PENS_H
#define WEFT_SUPPORT_PENS_H

#include "support/fds.h"
#include "support/ring.h"

#include "sched/cork.h"
#include "sched/park.h"

enum { MANY = 100 };

#define BYTE(i, at) ((char)((i) * 7 + (at) * 31 + (at) / 256))

/* Sends made along with others; each routine looks where it runs. */
static _Atomic uint64_t most_made;

static void look(void)
{
	struct worker *w = weft__worker();
	uint64_t made = w ? weft__cork_made(w) : 0;

	if (made > most_made)
		most_made = made;
}

struct pen {
	struct ends e;
	int number;
	size_t size;                    /* of all that it writes            */
	size_t step;                    /* of each write                    */
	bool all;                       /* weft_write_all                   */
	atomic_long sent;               /* known to have gone               */
	atomic_long begun;              /* that may have gone               */
	ssize_t got;                    /* what the last one said           */
	weft_id id;
};

static struct pen pens[MANY];

/* One write; how much went.  -ENOBUFS comes from tests that say so. */
static ssize_t write_some(struct pen *p, const char *buf, size_t n)
{
	size_t done = 0;
	ssize_t r;

	if (p->all) {
		r = weft_write_all(p->e.out, buf, n, &done, WEFT_FOREVER);
		CHECK(r < 0 || done == n);
	} else {
		r = weft_write(p->e.out, buf, n, WEFT_FOREVER);
		done = r > 0 ? (size_t)r : 0;
	}
	p->got = r;
	look();
	return (ssize_t)done;
}

static int writes(void *arg)
{
	struct pen *p = arg;
	char *buf = malloc(p->step);

	p->sent = 0;
	p->got = buf ? 0 : -ENOMEM;
	while ((size_t)p->sent < p->size &&
	       CHECK(p->got >= 0 || p->got == -ENOBUFS)) {
		size_t n = p->size - (size_t)p->sent;

		n = n < p->step ? n : p->step;
		for (size_t k = 0; k < n; k++)
			buf[k] = BYTE(p->number, (size_t)p->sent + k);
		p->sent += write_some(p, buf, n);
	}
	free(buf);
	return 0;
}

/* So many bytes are there in this order, read by so many at a time. */
static void expect(struct pen *p, size_t n, size_t step)
{
	static char buf[4096];          /* the main routine's */
	size_t at = 0, wrong = 0;
	ssize_t r = 1;

	while (at < n && r > 0) {
		size_t want = n - at < step ? n - at : step;

		r = recv(p->e.in, buf, want, MSG_WAITALL);
		for (ssize_t k = 0; k < r; k++)
			wrong += buf[k] != BYTE(p->number, at + (size_t)k);
		at += r > 0 ? (size_t)r : 0;
	}
	CHECK_EQ(at, n);
	CHECK_EQ(wrong, 0);
}

/* Nothing more comes out once the other end is shut. */
static void expect_end(int in, int out)
{
	CHECK_EQ(shutdown(out, SHUT_WR), 0);
	CHECK_EQ(recv(in, &(char){ 0 }, 1, 0), 0);
}

static void pens_make(int n, size_t size, size_t step, bool all)
{
	for (int i = 0; i < n; i++)
		pens[i] = (struct pen){
			.e = tcp_ends(), .number = i, .size = size,
			.step = step, .all = all,
		};
}

static void pens_start(int n, int (*fn)(void *))
{
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_spawn(&pens[i].id, NULL, fn, &pens[i]), 0);
}

static void pens_join(int n)
{
	for (int i = 0; i < n; i++)
		CHECK_EQ(weft_join(pens[i].id, NULL), 0);
}

/* They hold no more and no less than was sent. */
static void pens_done(int n)
{
	for (int i = 0; i < n; i++) {
		expect(&pens[i], (size_t)pens[i].sent, 4096);
		expect_end(pens[i].e.in, pens[i].e.out);
		ends_close(&pens[i].e);
	}
}

/* All write at once; how they did it is told by most_made. */
static void crowd(int n, bool all)
{
	pens_make(n, 500, 100, all);
	pens_start(n, writes);
	pens_join(n);
	for (int i = 0; i < n; i++)
		CHECK_EQ(pens[i].sent, 500);
	pens_done(n);
}

#endif
