/* SPDX-License-Identifier: MIT */
/* dns.c - row dns-sleep-1ms: how late sleeps of 1 ms end while a hundred routines
 * wait for a resolver that never answers (mute.c).
 */
#include "bench.h"
#include "client.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOKUPS = 100 };

static weft_waitgroup wg;
static weft_time patience;

static void look_up(void *arg)
{
	struct addrinfo *list;
	char name[64];
	int err;

	snprintf(name, sizeof name, "host-%d.example.", (int)(intptr_t)arg);
	err = weft_getaddrinfo(name, "80", NULL, &list, weft_in(patience));
	bench_check(err == -ETIMEDOUT, "%s: %s", name, weft_strerror(err));
	weft_waitgroup_done(&wg);
}

struct run {
	const struct bench *b;
	long ops;
};

static int measure(void *arg)
{
	const struct run *r = arg;
	int64_t *late = calloc((size_t)r->ops, sizeof *late);
	weft_time start = weft_now();
	struct bench_time t = bench_now();
	int deaf = atoi(getenv("BENCH_MUTE"));
	char question;

	bench_check(late, "no memory");
	patience = WEFT_S + 3 * r->ops * WEFT_MS;
	weft_waitgroup_add(&wg, LOOKUPS);
	for (int i = 0; i < LOOKUPS; i++)
		bench_must(weft_go(look_up, (void *)(intptr_t)i));
	bench_lateness(late, r->ops);
	t = bench_since(t);
	bench_check(weft_now() - start < patience,
		    "the lookups were over before");
	weft_waitgroup_wait(&wg);
	bench_check(recv(deaf, &question, 1, MSG_DONTWAIT) == 1,
		    "nobody asked");
	bench_report(r->b, "dns-sleep-1ms", (double)late[r->ops / 2],
		     (double)t.cpu / (double)r->ops, "ns");
	bench_report(r->b, "dns-sleep-1ms-p99", (double)late[r->ops * 99 / 100],
		     0, "ns");
	_exit(0);               /* the library's own patience is longer */
}

static void dns(const struct bench *b, long ops)
{
	struct run r = { b, ops };
	char mute[4096], count[32];

	if (getenv("BENCH_MUTE")) {
		bench_must(weft_run(measure, &r));
		return;
	}
	snprintf(mute, sizeof mute, "%s", client_beside("mute"));
	snprintf(count, sizeof count, "--ops=%ld", ops);
	execl(mute, mute, client_beside("dns"), count, "dns-sleep-1ms", NULL);
	bench_check(0, "no %s", mute);
}

static const struct bench_case cases[] = {
	{ .row = "dns-sleep-1ms", .unit = "ns", .ops = 300, .custom = dns,
	  .bare = 1 },
};

BENCH_PROGRAM("dns", cases)
