/* support/proc.h - what the kernel says of this process. */
#ifndef WEFT_SUPPORT_PROC_H
#define WEFT_SUPPORT_PROC_H

#include <dirent.h>

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

/* To compare with what it was before: the count's own descriptor is in it. */
static inline int open_descriptors(void)
{
	return entries("/proc/self/fd");
}

static inline int threads_now(void)
{
	return entries("/proc/self/task");
}

#endif
