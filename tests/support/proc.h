/* support/proc.h - what the kernel says of this process. */
#ifndef WEFT_SUPPORT_PROC_H
#define WEFT_SUPPORT_PROC_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many entries a directory has; the two for itself count, too. */
static inline int entries(const char *name)
{
	DIR *d = opendir(name);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* What others have open for a moment, on whatever thread: malloc counts the CPUs
 * for the first time in a tenth thread or so, the monitor asks what a worker does
 * that stands still.  It may be closed before it is asked for its name. */
static inline bool of_a_moment(int fds, const char *entry)
{
	char what[64];
	ssize_t k = readlinkat(fds, entry, what, sizeof what - 1);

	if (k < 0 && errno == ENOENT)
		return true;
	what[k > 0 ? k : 0] = '\0';
	return !strcmp(what, "/sys/devices/system/cpu/online") ||
	       (!strncmp(what, "/proc/", 6) && strstr(what, "/task/"));
}

/* To compare with what it was before: the count's own descriptor is in it. */
static inline int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += !of_a_moment(dirfd(d), e->d_name);
	if (d)
		closedir(d);
	return n;
}

/* Which there are, for who finds too many or too few. */
static inline void tell_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char what[256];
		ssize_t n = readlinkat(dirfd(d), e->d_name, what,
				       sizeof what - 1);

		if (n >= 0)
			fprintf(stderr, "# %s: %.*s\n", e->d_name, (int)n, what);
	}
	if (d)
		closedir(d);
}

static inline int threads_now(void)
{
	return entries("/proc/self/task");
}

/* No thread of this process but the caller is running or about to. */
static inline bool others_sleep(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int awake = 0;

	while (d && (e = readdir(d))) {
		char stat[sizeof "/proc/self/task//stat" + sizeof e->d_name];
		char text[256] = "", *state;
		FILE *f;

		if (atoi(e->d_name) == 0 || atoi(e->d_name) == gettid())
			continue;
		snprintf(stat, sizeof stat, "/proc/self/task/%s/stat", e->d_name);
		f = fopen(stat, "r");
		state = f && fgets(text, sizeof text, f) ?
			strrchr(text, ')') : NULL;
		awake += !state || state[2] != 'S';
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return !awake;
}

#endif
