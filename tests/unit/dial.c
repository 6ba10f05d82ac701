/* unit/dial.c - src/net/dial.c: a name with several addresses.
 *
 * The addresses are 127.0.0.1 and up, or ::1, on one port: one listens, one
 * refuses, one does not answer since its queue is full.
 */
#include "support/net.h"

#include "net/net.h"
#include "os/sys.h"

TestSuite(dial, .timeout = 100);

enum { MOST = 6, FILL = 16 };

/* What the name stands for; libc's freeaddrinfo must like it, so every entry
 * comes from getaddrinfo and is linked to the next. */
static const char *address[MOST];
static size_t addresses;

static int some(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST,
				    .ai_socktype = SOCK_STREAM };

	(void)node;
	(void)hints;
	*res = NULL;
	for (size_t i = addresses; i-- > 0;) {
		struct addrinfo *a;
		int err = getaddrinfo(address[i], service, &numeric, &a);

		if (err)
			return err;
		a->ai_next = *res;
		*res = a;
	}
	return 0;
}

static void stands_for(const char *list)
{
	static char text[256];
	char *save, *a;

	snprintf(text, sizeof text, "%s", list);
	addresses = 0;
	for (a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		address[addresses++] = a;
	weft__net_resolver = some;
}

struct place {
	int l, port, full, fill[FILL], n;
};

/* 127.0.0.1 listens; so does 127.0.0.2, but its queue is full. */
static void open_place(struct place *p)
{
	p->full = -EADDRINUSE;
	/* The second is another process's, by chance. */
	for (int i = 0; i < 10 && p->full == -EADDRINUSE; i++) {
		if (i)
			weft_close(p->l);
		p->l = weft_tcp_listen("127.0.0.1", 0, 0);
		p->port = weft_sockport(p->l);
		p->full = weft_tcp_listen("127.0.0.2", p->port, 1);
	}
	CHECK(p->l >= 0 && p->full >= 0);
	p->n = fill_queue(p->full, 1, "127.0.0.2", p->fill, FILL);
}

static void close_place(struct place *p)
{
	weft_close(p->l);
	weft_close(p->full);
	while (p->n > 0)
		weft_close(p->fill[--p->n]);
}

static void back_to(int before)
{
	if (!wait_until(open_descriptors() == before)) {
		fprintf(stderr, "# %d before, now\n", before);
		tell_descriptors();
	}
}

/* Gives how long it took. */
static weft_time reaches(struct place *p, const char *list)
{
	weft_time began = weft_now(), took;
	char text[WEFT_ADDR_TEXT], want[WEFT_ADDR_TEXT];
	int fd, s;

	stands_for(list);
	fd = weft_tcp_connect("several.example", p->port, PATIENCE);
	took = weft_now() - began;
	CHECK(fd >= 0);
	snprintf(want, sizeof want, "127.0.0.1:%d", p->port);
	CHECK(weft_peername(fd, text, sizeof text) > 0);
	CHECK(strcmp(text, want) == 0);
	s = weft_accept(p->l, NULL, NULL, PATIENCE);
	CHECK(s >= 0);
	carries_and_ends(fd, s);
	return took;
}

static int several(void *arg)
{
	struct place p;
	int before;

	(void)arg;
	open_place(&p);
	before = open_descriptors();
	/* What refuses costs no time. */
	reaches(&p, "127.0.0.1");
	reaches(&p, "127.0.0.1 127.0.0.2");
	reaches(&p, "127.0.0.3 127.0.0.1");
	reaches(&p, "127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.1");
	/* What does not answer is given a head start, and not more. */
	CHECK(reaches(&p, "127.0.0.2 127.0.0.1") >= 250 * WEFT_MS);
	CHECK(reaches(&p, "127.0.0.2 127.0.0.2 127.0.0.1") >= 500 * WEFT_MS);
	reaches(&p, "127.0.0.3 127.0.0.2 127.0.0.4 127.0.0.1 127.0.0.2");
	back_to(before);
	close_place(&p);
	return 0;
}

Test(dial, the_first_address_that_answers_is_taken)
{
	ANYWHERE(several);
}

static int none(void *arg)
{
	struct place p;
	weft_time t;
	int before;

	(void)arg;
	open_place(&p);
	before = open_descriptors();
	stands_for("127.0.0.3 127.0.0.4");
	CHECK_EQ(weft_tcp_connect("x", p.port, PATIENCE), -ECONNREFUSED);
	/* Before the race, and in it. */
	stands_for("127.0.0.2 127.0.0.2 127.0.0.3");
	for (int ms = 20; ms < 700; ms += 300) {
		t = weft_in(ms * WEFT_MS);
		CHECK_EQ(weft_tcp_connect("x", p.port, t), -ETIMEDOUT);
		CHECK(weft_now() >= t);
	}
	CHECK_EQ(weft_tcp_connect("x", p.port, -1), -ETIMEDOUT);
	CHECK_EQ(weft_tcp_connect("x", p.port, WEFT_NOWAIT), -EAGAIN);
	back_to(before);
	close_place(&p);
	return 0;
}

Test(dial, the_deadline_is_for_all_of_them)
{
	ANYWHERE(none);
}

struct call {
	struct place *p;
	int answer;
	atomic_int begun;
};

static int call(void *arg)
{
	struct call *c = arg;

	c->begun = 1;
	c->answer = weft_tcp_connect("x", c->p->port, WEFT_FOREVER);
	return 0;
}

static int cancelled(void *arg)
{
	struct place p;
	struct crew c;
	int before;

	(void)arg;
	open_place(&p);
	before = open_descriptors();
	stands_for("127.0.0.2 127.0.0.2 127.0.0.2");
	for (int ms = 10; ms < 400; ms += 280) {
		struct call k = { .p = &p };

		crew_start(&c, 1, 0, call, &k);
		wait_until(k.begun);
		/* In its first attempt, and in the race. */
		CHECK_EQ(weft_sleep(ms * WEFT_MS), 0);
		CHECK_EQ(weft_cancel(c.id[0]), 0);
		crew_join(&c);
		CHECK_EQ(k.answer, -ECANCELED);
	}
	back_to(before);
	close_place(&p);
	return 0;
}

Test(dial, a_cancel_ends_the_race)
{
	EACH(cancelled);
}

static atomic_int trouble;              /* 'f'amily, 'e'poll or 0 */

static int fault(enum sys_call c, int fd)
{
	static atomic_int n;

	(void)fd;
	if (trouble == 'f' && c == SYS_SOCKET && n++ % 2 == 0)
		return -EAFNOSUPPORT;
	return trouble == 'e' && c == SYS_EPOLL_CREATE ? -EMFILE : 0;
}

static int without(void *arg)
{
	struct place p;
	int before;

	(void)arg;
	open_place(&p);
	/* The runtime has its own. */
	before = open_descriptors();
	trouble = 'f';
	reaches(&p, "127.0.0.3 127.0.0.1");
	/* The error that tells more. */
	stands_for("127.0.0.3 127.0.0.4");
	CHECK_EQ(weft_tcp_connect("x", p.port, PATIENCE), -ECONNREFUSED);
	trouble = 'e';
	stands_for("127.0.0.2 127.0.0.1");
	CHECK_EQ(weft_tcp_connect("x", p.port, PATIENCE), -EMFILE);
	trouble = 0;
	back_to(before);
	close_place(&p);
	return 0;
}

Test(dial, what_fails_leaves_nothing_behind)
{
	weft__sys_fault = fault;
	ANYWHERE(without);
}

/* The families of the sockets that are connected, in their order. */
static atomic_int attempts, last_fd, family[MOST];

static int note_family(enum sys_call c, int fd)
{
	/* Each is asked again when it is ready. */
	if (c == SYS_CONNECT && atomic_exchange(&last_fd, fd) != fd) {
		int i = attempts++;

		if (i < MOST)
			family[i] = option(fd, SOL_SOCKET, SO_DOMAIN);
	}
	return 0;
}

static int families(void *arg)
{
	struct place p;
	int s, fd;

	(void)arg;
	if (!have_ipv6())
		return 0;
	open_place(&p);
	/* The other family has its turn before the second of the first. */
	stands_for("127.0.0.2 127.0.0.2 127.0.0.2 ::1");
	s = weft_tcp_listen("::1", p.port, 0);
	if (s >= 0) {
		attempts = 0;
		last_fd = -1;
		fd = weft_tcp_connect("x", p.port, PATIENCE);
		CHECK(fd >= 0);
		CHECK(attempts >= 2);
		CHECK_EQ(family[0], AF_INET);
		CHECK_EQ(family[1], AF_INET6);
		weft_close(fd);
		weft_close(s);
	}
	close_place(&p);
	return 0;
}

Test(dial, the_families_take_turns)
{
	weft__sys_fault = note_family;
	ANYWHERE(families);
}
