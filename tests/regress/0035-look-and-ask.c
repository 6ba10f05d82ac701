/* regress/0035 - a busy worker that looks after descriptors ran nobody but those in
 * its ring.
 *
 * A look that found the poller not asked for a while only asked it: where 64 picks
 * took longer than that, each look did.  Whoever waited elsewhere, pinned, of another
 * priority, from a plain thread, spilled by a ring, waited until the ring was empty.
 *
 * A pick that only leads to the asking still counted as a look, so each other source
 * had the first turn never but at the rare looks.
 *
 * And it asked for as much as came, so that under load the ring never was: of many
 * connections those who had once been spilled were not served any more.
 */
#include "stress/stress.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { YIELDERS = 4, TURN = 2 * WEFT_US, MANY = 1000 };
/* More than a ring holds, within 1024 descriptors; requests of each; as many times,
 * while somebody waits whose thread may have no CPU. */
enum { CLIENTS = 400, REQUESTS = 30, WORK = 10 * WEFT_US, TIMES = 10 };

static atomic_bool stop;
static atomic_int ran, left;
static atomic_uint yields;
static int ends[2];

/* Opens the poller. */
static void reader(void *arg)
{
	char c;

	(void)arg;
	MUST(weft_read(ends[0], &c, 1, WEFT_FOREVER) == 0, "read");
	left--;
}

static void work(weft_time duration)
{
	weft_time until = weft_in(duration);

	while (weft_now() < until)
		;
}

static void yielder(void *arg)
{
	(void)arg;
	while (!stop) {
		work(TURN);
		yields++;
		weft_yield();
	}
	left--;
}

static void count(void *arg)
{
	(void)arg;
	ran++;
}

/* From a plain thread: by way of the inject queue. */
static void *go_count(void *arg)
{
	const weft_attr *a = arg;

	MUST(weft_go_attr(a, count, NULL) == 0, "go");
	return NULL;
}

/* One from this worker, one from elsewhere: all run beside the yielders. */
static void others(const weft_attr *a)
{
	pthread_t t;

	ran = 0;
	MUST(weft_go_attr(a, count, NULL) == 0, "go");
	MUST(pthread_create(&t, NULL, go_count, (void *)(uintptr_t)a) == 0,
	     "thread");
	while (ran < 2)
		weft_yield();
	pthread_join(t, NULL);
}

/* More than a ring holds, at once. */
static void spilled(void)
{
	ran = 0;
	for (int i = 0; i < MANY; i++)
		MUST(weft_go(count, NULL) == 0, "go");
	while (ran < MANY)
		weft_yield();
}

static int busy(void *arg)
{
	static const weft_attr kinds[] = {
		{ .priority = 0 }, { .priority = 1 }, { .priority = -1 },
		{ .pinned = 1 },
	};

	(void)arg;
	stop = false;
	left = YIELDERS + 1;
	MUST(pipe(ends) == 0, "pipe");
	MUST(weft_go(reader, NULL) == 0, "go");
	for (int i = 0; i < YIELDERS; i++)
		MUST(weft_go(yielder, NULL) == 0, "go");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		others(&kinds[i]);
	spilled();
	stop = true;
	close(ends[1]);
	while (left)
		weft_yield();
	weft_close(ends[0]);
	return 0;
}

/* --- turns ---------------------------------------------------------------------- */

enum { TRIES = 21, WAITING = 3000, BOUND = 1000 };

static void nothing(void *arg)
{
	(void)arg;
}

static void note(void *arg)
{
	*(atomic_uint *)arg = yields;
	ran = 1;
}

static int by_size(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Of pinned ones and in the inject queue somebody waits all the time. */
static void turns(void)
{
	static const weft_attr pinned = { .pinned = 1 }, first = { .priority = 1 };
	atomic_uint at;
	int waited[TRIES];
	weft_runtime *rt;
	weft_config c;

	weft_config_init(&c);
	c.workers = 1;
	stop = false;
	left = YIELDERS + 2;
	MUST(pipe(ends) == 0 && weft_start(&c, &rt) == 0, "start");
	MUST(weft_go(reader, NULL) == 0, "go");
	for (int i = 0; i < YIELDERS; i++)
		MUST(weft_go(yielder, NULL) == 0, "go");
	MUST(weft_go_attr(&pinned, yielder, NULL) == 0, "go");
	for (int i = 0; i < WAITING; i++)
		MUST(weft_go(nothing, NULL) == 0, "go");
	for (int i = 0; i < TRIES; i++) {
		unsigned before = yields;

		ran = 0;
		MUST(weft_go_attr(&first, note, &at) == 0, "go");
		while (!ran)
			sched_yield();
		waited[i] = (int)(at - before);
	}
	qsort(waited, TRIES, sizeof *waited, by_size);
	MUST(waited[TRIES / 2] < BOUND, "half of them waited for %d others",
	     waited[TRIES / 2]);
	stop = true;
	close(ends[1]);
	while (left)
		sched_yield();
	MUST(weft_close(ends[0]) == 0, "close");
	weft_stop(rt, WEFT_FOREVER);
}

/* --- many connections ----------------------------------------------------------- */

static struct { int fd; atomic_int served; } all[CLIENTS];
static atomic_int served;

static void serve(void *arg)
{
	int i = (int)(intptr_t)arg;
	char c[2];              /* never full, so each read waits for an event */

	while (weft_read(all[i].fd, c, sizeof c, WEFT_FOREVER) == 1) {
		work(WORK);
		all[i].served++;
		served++;
		weft_write(all[i].fd, c, 1, WEFT_FOREVER);
	}
	weft_close(all[i].fd);
	left--;
}

static int dial(int port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	MUST(connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

/* Ask on all, and again at once where an answer has come. */
static void *clients(void *arg)
{
	struct epoll_event e[CLIENTS] = { { .events = EPOLLIN } };
	int ep = epoll_create1(EPOLL_CLOEXEC), fd[CLIENTS], n;
	char c = 'x';

	for (int i = 0; i < CLIENTS; i++) {
		fd[i] = dial((int)(intptr_t)arg);
		e[0].data.fd = fd[i];
		MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &e[0]) == 0,
		     "epoll_ctl");
		MUST(write(fd[i], &c, 1) == 1, "write");
	}
	while (!stop) {
		n = epoll_wait(ep, e, CLIENTS, 100);
		for (int i = 0; i < n; i++)
			MUST(read(e[i].data.fd, &c, 1) == 1 &&
			     write(e[i].data.fd, &c, 1) == 1, "client");
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
	close(ep);
	return NULL;
}

static int least_served(void)
{
	int least = INT_MAX;

	for (int i = 0; i < CLIENTS; i++)
		if (all[i].served < least)
			least = all[i].served;
	return least;
}

static int crowd(void *arg)
{
	int fd = weft_tcp_listen("127.0.0.1", 0, CLIENTS);
	pthread_t t;

	(void)arg;
	stop = false;
	left = CLIENTS;
	MUST(fd >= 0, "listen");
	MUST(pthread_create(&t, NULL, clients,
			    (void *)(intptr_t)weft_sockport(fd)) == 0, "thread");
	for (int i = 0; i < CLIENTS; i++) {
		all[i].fd = weft_accept(fd, NULL, NULL, WEFT_FOREVER);
		MUST(all[i].fd >= 0 &&
		     weft_go(serve, (void *)(intptr_t)i) == 0, "go");
	}
	do
		weft_sleep(WEFT_MS);
	while (served < CLIENTS * REQUESTS ||
	       (!least_served() && served < TIMES * CLIENTS * REQUESTS));
	MUST(least_served() > 0, "of %d requests on each connection, one had none",
	     served / CLIENTS);
	stop = true;
	while (left)
		weft_sleep(WEFT_MS);
	pthread_join(t, NULL);
	weft_close(fd);
	return 0;
}

int main(void)
{
	weft_config c;

	alarm(140);
	weft_config_init(&c);
	for (c.workers = 1; c.workers <= 4; c.workers *= 2) {
		int rc = weft_run_config(&c, busy, NULL);

		MUST(rc == 0, "%d workers: %d", (int)c.workers, rc);
	}
	turns();
	stress_run(1, crowd, NULL);
	return 0;
}
