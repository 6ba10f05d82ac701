/* skynet - a tree of routines adds up the numbers of its leaves.
 *
 *	skynet [LEAVES]
 *
 * Every routine starts ten more and sums what they send, down to one routine
 * per leaf: a million leaves are 1111111 routines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <weft/go.h>

static void die(int err)
{
	fprintf(stderr, "skynet: %s\n", weft_strerror(err));
	exit(1);
}

static void node(long first, long leaves, chan(long) out)
{
	long n = leaves < 10 ? leaves : 10, sum = 0, part;
	chan(long) in;

	if (leaves == 1) {
		chan_send(out, first);
		return;
	}
	if (!(in = chan_make(long, 10)))
		die(-ENOMEM);
	for (long i = 0; i < n; i++) {
		long from = leaves * i / n, to = leaves * (i + 1) / n;
		int err = go(node, first + from, to - from, in);

		if (err != 0)
			die(err);
	}
	for (long i = 0; i < n && chan_recv(in, &part) == 0; i++)
		sum += part;
	chan_free(in);
	chan_send(out, sum);
}

static int skynet(void *arg)
{
	long leaves = *(long *)arg, sum = -1;
	weft_time start = weft_now();
	chan(long) out = chan_make(long, 1);
	int err = out ? go(node, 0, leaves, out) : -ENOMEM;

	if (err != 0)
		die(err);
	chan_recv(out, &sum);
	chan_free(out);
	printf("%ld leaves, sum %ld: %.3f s\n", leaves, sum,
	       (double)(weft_now() - start) / WEFT_S);
	return sum != leaves * (leaves - 1) / 2;
}

int main(int argc, char **argv)
{
	long leaves = argc > 1 ? atol(argv[1]) : 1000000;

	if (leaves < 1) {
		fprintf(stderr, "usage: skynet [LEAVES]\n");
		return 2;
	}
	return weft_run(skynet, &leaves) != 0;
}
