/* generator - a recursive function turned inside out with a bare coroutine.
 *
 *	generator [WORD]	prints the permutations of WORD (weft)
 *
 * weft_coro is the context switch alone: no scheduler, no threads, and
 * weft_run is never called.  permute() is written as if it printed; each
 * yield hands one value to whoever resumes it, from any depth of recursion.
 */
#include <stdio.h>
#include <string.h>
#include <weft.h>

static void permute(char *word, size_t n)
{
	if (n <= 1)
		weft_coro_yield(word, NULL);
	for (size_t i = 0; n > 1 && i < n; i++) {
		size_t j = n % 2 ? 0 : i;	/* Heap's algorithm */
		char c;

		permute(word, n - 1);
		c = word[j];
		word[j] = word[n - 1];
		word[n - 1] = c;
	}
}

static void generate(void *arg)
{
	permute(arg, strlen(arg));
}

int main(int argc, char **argv)
{
	char word[] = "weft";
	weft_coro *gen = weft_coro_new(generate, argc > 1 ? argv[1] : word, 0);
	void *next;
	int count = 0, err;

	if (!gen) {
		fprintf(stderr, "generator: no memory\n");
		return 1;
	}
	while ((err = weft_coro_resume(gen, NULL, &next)) == 0)
		printf("%s%c", (char *)next, ++count % 6 ? ' ' : '\n');
	printf("%s%d permutations\n", count % 6 ? "\n" : "", count);
	weft_coro_free(gen);
	return err != -EPIPE;		/* the end of a generator, as of a channel */
}
