/* wordcount - counts the words of all files below a directory, in parallel.
 *
 *	wordcount [-1] [-s] DIR
 *
 * One routine walks the tree and sends paths into a channel; sixteen take
 * them out and count.  -1 does the same on one thread, without weft.
 *
 * A word is what `wc -w` counts in the C locale: bytes up to white space with
 * a printable one among them.  Not every wc asks for that, nor does -s.
 */
#define _GNU_SOURCE             /* asprintf */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/go.h>

enum { ROUTINES = 16, QUEUE = 256, CHUNK = 64 * 1024 };
enum kind { NEITHER, SPACE, WORD };

struct total {
	long words, files, errors;
	char *chunk;			/* too big for the stack of a routine */
};

static unsigned char kind[256];		/* written before anything starts */

static void complain(struct total *t, const char *path)
{
	fprintf(stderr, "wordcount: %s: %s\n", path, strerror(errno));
	t->errors++;
}

static void count_file(struct total *t, const char *path)
{
	bool inside = false;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && (n = read(fd, t->chunk, CHUNK)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			enum kind k = kind[(unsigned char)t->chunk[i]];

			t->words += k == WORD && !inside;
			inside = k == WORD || (inside && k != SPACE);
		}
	if (n < 0)
		complain(t, path);
	if (fd >= 0)
		close(fd);
	t->files++;
}

/* Every regular file below dir goes to out, or is counted if that is NULL. */
static void walk(struct total *t, const char *dir, chan(char *) out)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	char *path;

	if (!d)
		complain(t, dir);
	while (d && (e = readdir(d)) != NULL) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (asprintf(&path, "%s/%s", dir, e->d_name) < 0)
			abort();
		if (lstat(path, &st) != 0)
			complain(t, path);
		else if (S_ISDIR(st.st_mode))
			walk(t, path, out);
		else if (S_ISREG(st.st_mode) && !out)
			count_file(t, path);
		else if (S_ISREG(st.st_mode) && chan_send(out, path) == 0)
			continue;	/* who receives it frees it */
		free(path);
	}
	if (d)
		closedir(d);
}

static void counter(chan(char *) paths, chan(struct total) totals)
{
	struct total t = { .chunk = malloc(CHUNK) };
	char *path;

	if (!t.chunk)
		abort();
	while (chan_recv(paths, &path) == 0) {
		count_file(&t, path);
		free(path);
	}
	free(t.chunk);
	chan_send(totals, t);
}

static int parallel(void *arg)
{
	const char *dir = arg;
	chan(char *) paths = chan_make(char *, QUEUE);
	chan(struct total) totals = chan_make(struct total, ROUTINES);
	struct total sum = { 0 }, t;

	if (!paths || !totals)
		return -ENOMEM;
	for (int i = 0; i < ROUTINES; i++) {
		int err = go(counter, paths, totals);

		if (err != 0)
			return err;
	}
	walk(&sum, dir, paths);
	chan_close(paths);
	for (int i = 0; i < ROUTINES && chan_recv(totals, &t) == 0; i++) {
		sum.words += t.words;
		sum.files += t.files;
		sum.errors += t.errors;
	}
	chan_free(paths);
	chan_free(totals);
	printf("%ld words in %ld files", sum.words, sum.files);
	return sum.errors != 0;
}

static int alone(void *arg)
{
	struct total t = { .chunk = malloc(CHUNK) };

	if (!t.chunk)
		return -ENOMEM;
	walk(&t, arg, NULL);
	free(t.chunk);
	printf("%ld words in %ld files", t.words, t.files);
	return t.errors != 0;
}

int main(int argc, char **argv)
{
	bool one = false, strict = false;
	weft_time start = weft_now();
	int opt, rc;

	while ((opt = getopt(argc, argv, "1s")) != -1) {
		one |= opt == '1';
		strict |= opt == 's';
		if (opt == '?')
			argc = 0;
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: wordcount [-1] [-s] DIR\n");
		return 2;
	}
	for (int c = 0; c < 256; c++)
		kind[c] = isspace(c) ? SPACE : isprint(c) || strict ? WORD : NEITHER;
	rc = one ? alone(argv[optind]) : weft_run(parallel, argv[optind]);
	if (rc < 0)
		fprintf(stderr, "wordcount: %s\n", weft_strerror(rc));
	else
		printf(": %.3f s\n", (double)(weft_now() - start) / WEFT_S);
	return rc != 0;
}
