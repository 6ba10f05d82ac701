/* pipeline - three stages joined by channels; the middle one is four routines.
 *
 *	numbers -> [ steps  steps  steps  steps ] -> the longest
 *
 * Which number below 100000 takes the most steps to reach 1, halving what is
 * even and turning odd n into 3n + 1?  A stage ends when its input is closed
 * and drained; the last routine of the middle stage closes the output.
 */
#include <stdio.h>
#include <weft/go.h>

enum { LIMIT = 100000, ROUTINES = 4 };

struct result {
	long number;
	int steps;
};

static void numbers(chan(long) out)
{
	for (long n = 1; n < LIMIT; n++)
		if (chan_send(out, n) != 0)
			break;
	chan_close(out);
}

static void steps(chan(long) in, chan(struct result) out, weft_waitgroup *left)
{
	struct result r;

	while (chan_recv(in, &r.number) == 0) {
		r.steps = 0;
		for (long n = r.number; n != 1; r.steps++)
			n = n % 2 ? 3 * n + 1 : n / 2;
		if (chan_send(out, r) != 0)
			break;
	}
	weft_waitgroup_done(left);
}

static void close_after(weft_waitgroup *left, chan(struct result) out)
{
	weft_waitgroup_wait(left);
	chan_close(out);
}

static int app(void *arg)
{
	chan(long) in = chan_make(long, 64);
	chan(struct result) out = chan_make(struct result, 64);
	weft_waitgroup left = WEFT_WAITGROUP_INIT;
	struct result r, best = { 0, -1 };
	int seen = 0;

	(void)arg;
	if (!in || !out || go(numbers, in) != 0)
		return 1;
	weft_waitgroup_add(&left, ROUTINES);
	for (int i = 0; i < ROUTINES; i++)
		if (go(steps, in, out, &left) != 0)
			return 1;
	if (go(close_after, &left, out) != 0)
		return 1;
	for (; chan_recv(out, &r) == 0; seen++)
		if (r.steps > best.steps)
			best = r;
	printf("of %d numbers, %ld takes the most steps: %d\n",
	       seen, best.number, best.steps);
	chan_free(in);
	chan_free(out);
	return 0;
}

int main(void)
{
	return weft_run(app, NULL) != 0;
}
