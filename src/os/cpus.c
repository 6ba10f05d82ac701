/* os/cpus.c - how many CPUs this process may really use.
 *
 * The affinity mask says where threads may run; the cgroup's quota says for
 * how long.  A container limited to 1.5 CPUs on a machine of 64 wants two
 * workers, not 64 that are throttled together.
 */
#include "base/base.h"
#include "os/thread.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	return true;
}

/* CPUs that quota/period buys, rounded up; 0 when there is no limit. */
static unsigned cpus_of(long long quota, long long period)
{
	if (quota <= 0 || period <= 0)
		return 0;
	return (unsigned)((quota + period - 1) / period);
}

/* The tightest quota from this process's cgroup (v2) up to the root. */
static unsigned quota_v2(void)
{
	char line[4096], path[4200], text[128];
	unsigned least = 0;
	char *group;

	if (!read_file("/proc/self/cgroup", line, sizeof line))
		return 0;
	group = strstr(line, "0::");
	if (!group)
		return 0;
	group += 3;
	group[strcspn(group, "\n")] = '\0';
	for (;;) {
		long long quota, period;
		char *slash;

		snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
		if (read_file(path, text, sizeof text) &&
		    sscanf(text, "%lld %lld", &quota, &period) == 2) {
			unsigned n = cpus_of(quota, period);

			if (n && (!least || n < least))
				least = n;
		}
		slash = strrchr(group, '/');
		if (!slash || !*group)
			return least;
		*slash = '\0';
	}
}

static unsigned quota_v1(void)
{
	char quota[64], period[64];

	if (!read_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota,
		       sizeof quota) ||
	    !read_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period,
		       sizeof period))
		return 0;
	return cpus_of(atoll(quota), atoll(period));
}

static unsigned affinity(void)
{
	/* Machines with more CPUs than one mask holds need a larger one. */
	for (int bits = 1024; bits <= 1 << 18; bits *= 2) {
		size_t size = CPU_ALLOC_SIZE(bits);
		cpu_set_t *set = CPU_ALLOC(bits);
		int n = 0;

		if (!set)
			break;
		if (sched_getaffinity(0, size, set) == 0)
			n = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (n > 0)
			return (unsigned)n;
	}
	return 1;
}

unsigned weft__os_cpus(void)
{
	unsigned n = affinity();
	unsigned quota = quota_v2();

	if (!quota)
		quota = quota_v1();
	return quota && quota < n ? quota : n;
}
