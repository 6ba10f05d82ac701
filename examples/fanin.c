/* fanin - several sources, one reader that takes what comes first.
 *
 *	even  --+
 *	odd   --+-> [ gather ]
 *	big   --+
 *
 * Each source sends its numbers and closes its channel.  The reader forgets a
 * channel that has ended by setting it to NULL: a NULL channel is never ready.
 * It is over when all three have ended, or when nothing has come for a while.
 */
#include <errno.h>
#include <stdio.h>
#include <weft/go.h>

static void count(chan(int) out, int from, int step, int n)
{
	for (int i = 0; i < n; i++)
		if (chan_send(out, from + i * step) != 0)
			break;
	chan_close(out);
}

struct tally {
	int values;
	long sum;
};

static void note(struct tally *t, chan(int) *from, int v, int err)
{
	if (err == -EPIPE) {
		chan_free(*from);
		*from = NULL;
		return;
	}
	t->values++;
	t->sum += v;
}

static int gather(chan(int) even, chan(int) odd, chan(int) big)
{
	struct tally t[3] = { { 0, 0 } };
	int v, err;

	while (even || odd || big) {
		switch (chan_select(weft_in(10 * WEFT_S),
				    on_recv(even, &v, &err),
				    on_recv(odd, &v, &err),
				    on_recv(big, &v, &err))) {
		case 0:
			note(&t[0], &even, v, err);
			break;
		case 1:
			note(&t[1], &odd, v, err);
			break;
		case 2:
			note(&t[2], &big, v, err);
			break;
		case -ETIMEDOUT:
			printf("nothing has come for 10 s\n");
			return 1;
		default:
			return 1;
		}
	}
	printf("even: %d values, sum %ld\n", t[0].values, t[0].sum);
	printf("odd:  %d values, sum %ld\n", t[1].values, t[1].sum);
	printf("big:  %d values, sum %ld\n", t[2].values, t[2].sum);
	return 0;
}

static int app(void *arg)
{
	chan(int) even = chan_make(int), odd = chan_make(int);
	chan(int) big = chan_make(int, 16);

	(void)arg;
	if (!even || !odd || !big || go(count, even, 0, 2, 5000) != 0 ||
	    go(count, odd, 1, 2, 5000) != 0 ||
	    go(count, big, 1000000, 1, 1000) != 0)
		return 1;
	return gather(even, odd, big);
}

int main(void)
{
	return weft_run(app, NULL) != 0;
}
