/* embed - weft inside a program that owns main() and has threads of its own.
 *
 * Four threads of the program make jobs; eight routines do them; a third kind
 * of code, called by main() and run as a routine, adds up the answers.  The
 * same channels serve all of them: a thread waits where a routine parks.
 * This one uses the plain names; <weft/go.h> is a matter of taste.
 */
#include <pthread.h>
#include <stdio.h>
#include <weft.h>

enum { THREADS = 4, JOBS = 1000, ROUTINES = 8 };

struct job {
	long a, b;
};

static weft_chan *jobs, *answers;

static void *make_jobs(void *arg)	/* a thread of the program */
{
	struct job j = { .a = *(long *)arg };

	for (j.b = 1; j.b <= JOBS; j.b++)
		if (weft_chan_send(jobs, &j) != 0)
			break;
	return NULL;
}

static void do_jobs(void *arg)		/* a routine */
{
	struct job j;

	(void)arg;
	while (weft_chan_recv(jobs, &j) == 0) {
		long product = j.a * j.b;

		if (weft_chan_send(answers, &product) != 0)
			break;
	}
}

static int add_up(void *arg)		/* a routine that main() waits for */
{
	long *sum = arg, product;

	for (int i = 0; i < THREADS * JOBS; i++) {
		int err = weft_chan_recv(answers, &product);

		if (err != 0)
			return err;
		*sum += product;
	}
	return 0;
}

int main(void)
{
	weft_runtime *rt;
	pthread_t thread[THREADS];
	long number[THREADS], sum = 0;
	int err = weft_start(NULL, &rt);

	if (err != 0) {
		fprintf(stderr, "embed: %s\n", weft_strerror(err));
		return 1;
	}
	jobs = weft_chan_new(sizeof(struct job), 16);
	answers = weft_chan_new(sizeof(long), 16);
	if (!jobs || !answers)
		return 1;
	for (int i = 0; i < ROUTINES; i++)
		if (weft_submit(rt, do_jobs, NULL) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++) {
		number[i] = i + 1;
		if (pthread_create(&thread[i], NULL, make_jobs, &number[i]))
			return 1;
	}
	err = weft_call(rt, add_up, &sum);
	printf("%d products, sum %ld\n", THREADS * JOBS, sum);

	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	weft_chan_close(jobs);			/* the routines end */
	if (err == 0)
		err = weft_stop(rt, weft_in(5 * WEFT_S));
	if (err != 0)
		fprintf(stderr, "embed: %s\n", weft_strerror(err));
	weft_chan_unref(jobs);
	weft_chan_unref(answers);
	return err != 0;
}
