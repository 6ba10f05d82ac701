/* fuzz/replay.c - every file of the target's corpus once, in any build.
 *
 *     tests/fuzz/TARGET [FILE...]
 */
#include "fuzz/fuzz.h"

#include <dirent.h>

static void replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t n = 0, part = 4096, got;

	if (!f)
		perror(path);
	MUST(f);
	printf("%s\n", path);
	do {
		uint8_t *more = realloc(data, n + part);

		MUST(more);
		data = more;
		got = fread(data + n, 1, part, f);
		n += got;
	} while (got == part);
	fclose(f);
	/* Of its size: who reads behind it is caught. */
	data = realloc(data, n ? n : 1);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
}

static int seeds(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *top = getenv("srcdir");
	struct dirent **e;
	char path[4096];
	int n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc > 1)
		return 0;
	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", top ? top : ".",
		 fuzz_name);
	n = scandir(path, &e, seeds, alphasort);
	if (n <= 0)
		perror(path);
	MUST(n > 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s/%s",
			 top ? top : ".", fuzz_name, e[i]->d_name);
		replay(path);
		free(e[i]);
	}
	free(e);
	return 0;
}
