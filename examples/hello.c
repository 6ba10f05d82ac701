#include <stdio.h>
#include <weft/go.h>

static void square(long n, chan(long) out)
{
	chan_send(out, n * n);
}

static int app(void *arg)
{
	chan(long) out = chan_make(long);
	long sum = 0;

	(void)arg;
	for (long n = 1; n <= 1000; n++)
		if (go(square, n, out) != 0)
			return 1;
	for (long v, n = 1; n <= 1000 && chan_recv(out, &v) == 0; n++)
		sum += v;
	printf("the sum of 1000 squares is %ld\n", sum);
	chan_free(out);
	return 0;
}

int main(void)
{
	return weft_run(app, NULL);
}
