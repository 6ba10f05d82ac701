/* sieve - the prime sieve: a chain of routines, one filter for every prime.
 *
 *	sieve [COUNT]		prints the first COUNT primes (30)
 *
 * The first routine sends 2, 3, 4, ...; what comes out first at the end of
 * the chain is a prime, and gets a filter of its own.  A reference to a
 * channel belongs to the routine that frees it: chan_ref makes another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <weft/go.h>

static void generate(chan(int) out)
{
	int i = 2;

	while (chan_send(out, i) == 0)
		i++;
	chan_free(out);
}

static void filter(chan(int) in, chan(int) out, int prime)
{
	int i;

	while (chan_recv(in, &i) == 0)
		if (i % prime != 0 && chan_send(out, i) != 0)
			break;
	chan_close(in);		/* the one before us sees -EPIPE and ends too */
	chan_free(in);
	chan_free(out);
}

static int sieve(void *arg)
{
	int prime, err, count = *(int *)arg;
	chan(int) end = chan_make(int), next;

	err = end ? go(generate, chan_ref(end)) : -ENOMEM;
	while (err == 0 && (err = chan_recv(end, &prime)) == 0) {
		printf("%d%c", prime, count > 1 ? ' ' : '\n');
		if (--count == 0)
			break;
		next = chan_make(int);
		err = next ? go(filter, end, chan_ref(next), prime) : -ENOMEM;
		if (err == 0)
			end = next;	/* the filter has the old one */
	}
	if (err != 0)
		fprintf(stderr, "sieve: %s\n", weft_strerror(err));
	chan_close(end);
	chan_free(end);
	return err != 0;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 30;
	weft_config config;

	if (count < 1) {
		fprintf(stderr, "usage: sieve [COUNT]\n");
		return 2;
	}
	weft_config_init(&config);
	config.flags |= WEFT_WAIT_ALL;	/* let the chain end before we do */
	return weft_run_config(&config, sieve, &count) != 0;
}
