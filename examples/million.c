/* million - a million routines wait for a question, then all of them answer.
 *
 *	million [COUNT]
 *
 * What a parked routine costs is its stack, and of the stack the pages that
 * were touched.  With the default class that is one page of 4 KB at least, so
 * a million take about 4.5 GB.  These ask for half a page (WEFT_STACK_SUBPAGE)
 * and get by with half of that.  Such a stack has no guard page and no room
 * for the C library, not even for the dynamic linker when a function is called
 * for the first time: link with -Wl,-z,now, and use it for small leaves only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weft/go.h>

struct hall {
	long count;
	weft_waitgroup seated;
	chan(long) questions, answers;
};

static void pupil(void *arg)
{
	struct hall *h = arg;
	long n;

	weft_waitgroup_done(&h->seated);
	if (chan_recv(h->questions, &n) == 0)	/* parks here */
		chan_send(h->answers, 2 * n);
}

static double resident_mb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static int school(void *arg)
{
	struct hall *h = arg;
	weft_attr small = { .stack_size = WEFT_STACK_SUBPAGE };
	weft_time start = weft_now();
	long sum = 0;

	for (long i = 0; i < h->count; i++) {
		int err = weft_go_attr(&small, pupil, h);

		if (err != 0) {
			fprintf(stderr, "million: routine %ld: %s\n", i,
				weft_strerror(err));
			return 1;
		}
	}
	weft_waitgroup_wait(&h->seated);
	printf("%ld routines wait: %.2f s, %.0f MB resident\n", h->count,
	       (double)(weft_now() - start) / WEFT_S, resident_mb());

	start = weft_now();
	for (long i = 1; i <= h->count; i++)
		chan_send(h->questions, i);
	for (long i = 1, v; i <= h->count && chan_recv(h->answers, &v) == 0; i++)
		sum += v;
	printf("all of them answered: %.2f s\n",
	       (double)(weft_now() - start) / WEFT_S);
	printf("the sum of the answers is %ld\n", sum);
	return sum != h->count * (h->count + 1);
}

int main(int argc, char **argv)
{
	struct hall h = { .count = argc > 1 ? atol(argv[1]) : 1000000 };
	int rc = 1;

	if (h.count < 1) {
		fprintf(stderr, "usage: million [COUNT]\n");
		return 2;
	}
	h.questions = chan_make(long);
	h.answers = chan_make(long);
	weft_waitgroup_add(&h.seated, h.count);
	if (h.questions && h.answers)
		rc = weft_run(school, &h) != 0;
	chan_free(h.questions);
	chan_free(h.answers);
	return rc;
}
