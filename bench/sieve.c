/* SPDX-License-Identifier: MIT */
/* sieve.c - row sieve-2000: the 2000th prime by a chain of 2000 filters over
 * unbuffered channels; the whole, in ms.  The chain is discarded with main.
 */
#include "bench.h"

#include <weft/go.h>

static void generate(chan(long) out)
{
	for (long i = 2; chan_send(out, i) == 0; i++)
		;
}

static void filter(chan(long) in, chan(long) out, long prime)
{
	long v;

	while (chan_recv(in, &v) == 0)
		if (v % prime != 0)
			bench_must(chan_send(out, v));
}

static void sieve(long n)
{
	chan(long) c = chan_make(long);
	long prime = 0;

	bench_check(c, "no channel");
	bench_must(go(generate, c));
	for (long i = 0; i < n; i++) {
		chan(long) next = chan_make(long);

		bench_check(next, "no channel");
		bench_must(chan_recv(c, &prime));
		bench_must(go(filter, c, next, prime));
		c = next;
	}
	bench_check(n != 2000 || prime == 17389, "prime %ld", prime);
}

static const struct bench_case cases[] = {
	{ .row = "sieve-2000", .unit = "ms", .ops = 2000, .work = sieve },
};

BENCH_PROGRAM("sieve", cases)
