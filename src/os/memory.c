/* os/memory.c - mappings, guards and giving pages back, on Linux.
 *
 * Two facts decide the shape of this file.  An emulator may answer 0 to an
 * advice it does not know, so guard support is found by its effect: the kernel
 * must refuse to read a guarded page.  And one system call per page is most of
 * the cost of guarding or discarding it, so both have a vector form through
 * process_madvise on ourselves; kernels that refuse that get single calls.
 */
#include "base/base.h"
#include "base/atomic.h"
#include "os/os.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)             /* this process, Linux 6.14 */
#endif

enum { VECTOR_MAX = 512 };              /* the kernel takes 1024 */

/* What is found out once per process; 0 = not yet asked.  Every finder comes
 * to the same answer, so racing ones do no harm. */
static _Atomic size_t page_size;
static _Atomic int guard_state;         /* 1 works, 2 does not */
static _Atomic int vector_state;        /* 1 works, 2 does not */

int (*weft__os_fault)(enum os_call call, size_t len);

static int faulted(enum os_call call, size_t len)
{
	return unlikely(weft__os_fault) ? weft__os_fault(call, len) : 0;
}

size_t weft__os_page(void)
{
	size_t n = load_rlx(&page_size);

	if (unlikely(!n)) {
		n = (size_t)sysconf(_SC_PAGESIZE);
		store_rlx(&page_size, n);
	}
	return n;
}

void *weft__os_map(size_t len)
{
	return weft__os_map_aligned(len, 1);
}

void *weft__os_map_aligned(size_t len, size_t align)
{
	size_t page = weft__os_page();
	size_t slack = align > page ? align : 0;
	char *p, *start;

	if (len + slack < len || faulted(OS_MAP, len) < 0)
		return NULL;
	p = mmap(NULL, len + slack, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (!slack)
		return p;
	start = p + (-(uintptr_t)p & (align - 1));
	if (start != p)
		munmap(p, (size_t)(start - p));
	if (start + len != p + len + slack)
		munmap(start + len, (size_t)(p + slack - start));
	return start;
}

int weft__os_unmap(void *p, size_t len)
{
	int rc = faulted(OS_UNMAP, len);

	if (rc < 0)
		return rc;
	return munmap(p, len) < 0 ? -errno : 0;
}

/* --- advice on many ranges ------------------------------------------------ */

/* How many of the leading ranges are done. */
static size_t advise_vector(const struct iovec *v, size_t n, int advice)
{
	size_t done = 0;

#ifdef SYS_process_madvise
	if (RUNNING_ON_VALGRIND)
		return 0;               /* it would warn of an unknown call */
	while (done < n && load_rlx(&vector_state) != 2) {
		size_t k = n - done < VECTOR_MAX ? n - done : VECTOR_MAX;
		size_t bytes = 0;
		long got = syscall(SYS_process_madvise, PIDFD_SELF, v + done, k,
				   advice, 0);

		if (got <= 0) {
			/* Never worked yet: this kernel or emulator cannot. */
			if (load_rlx(&vector_state) == 0)
				store_rlx(&vector_state, 2);
			break;
		}
		store_rlx(&vector_state, 1);
		while (k-- && bytes + v[done].iov_len <= (size_t)got)
			bytes += v[done++].iov_len;
		if (bytes != (size_t)got || k != (size_t)-1)
			break;
	}
#else
	(void)v, (void)n, (void)advice;
#endif
	return done;
}

int weft__os_discard(void *p, size_t len)
{
	int rc = faulted(OS_DISCARD, len);

	if (rc < 0)
		return rc;
	return madvise(p, len, MADV_DONTNEED) < 0 ? -errno : 0;
}

void weft__os_discard_many(const struct iovec *v, size_t n)
{
	size_t i = 0;

	if (n > 1 && !weft__os_fault)
		i = advise_vector(v, n, MADV_DONTNEED);
	for (; i < n; i++)
		weft__os_discard(v[i].iov_base, v[i].iov_len);
}

/* --- guards --------------------------------------------------------------- */

/* Install one and ask the kernel to read it: only a real guard gives EFAULT. */
static bool probe_guard(void)
{
	size_t page = weft__os_page();
	bool works = false;
	int fd[2];
	char *p;

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	p = mmap(NULL, page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED) {
		works = madvise(p, page, MADV_GUARD_INSTALL) == 0 &&
			write(fd[1], p, 1) < 0 && errno == EFAULT;
		munmap(p, page);
	}
	close(fd[0]);
	close(fd[1]);
	return works;
}

bool weft__os_guard_works(void)
{
	int s = load_rlx(&guard_state);

	if (unlikely(!s)) {
		int saved = errno;

		s = probe_guard() ? 1 : 2;
		errno = saved;
		store_rlx(&guard_state, s);
	}
	return s == 1;
}

int weft__os_guard(void *p, size_t len)
{
	int rc = faulted(OS_GUARD, len);

	if (rc < 0)
		return rc;
	return madvise(p, len, MADV_GUARD_INSTALL) < 0 ? -errno : 0;
}

size_t weft__os_guard_many(const struct iovec *v, size_t n)
{
	size_t i = 0;

	if (n > 1 && !weft__os_fault)
		i = advise_vector(v, n, MADV_GUARD_INSTALL);
	for (; i < n; i++)
		if (weft__os_guard(v[i].iov_base, v[i].iov_len) < 0)
			break;
	return i;
}

int weft__os_forbid(void *p, size_t len)
{
	int rc = faulted(OS_FORBID, len);

	if (rc < 0)
		return rc;
	return mprotect(p, len, PROT_NONE) < 0 ? -errno : 0;
}

void weft__os_huge(void *p, size_t len, bool want)
{
	if (faulted(OS_HUGE, len) < 0)
		return;
	(void)!madvise(p, len, want ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

/* --- asking --------------------------------------------------------------- */

long weft__os_map_limit(void)
{
	long limit = 65530;             /* the kernel's default */
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

	if (f) {
		if (fscanf(f, "%ld", &limit) != 1 || limit < 0)
			limit = 65530;
		fclose(f);
	}
	return limit;
}

size_t weft__os_resident(const void *p, size_t len)
{
	size_t page = weft__os_page(), count = 0;
	unsigned char in[256];

	for (size_t off = 0; off < len; off += sizeof in * page) {
		size_t part = len - off < sizeof in * page ?
			      len - off : sizeof in * page;

		if (mincore((char *)(uintptr_t)p + off, part, in) < 0)
			return count;
		for (size_t i = 0; i < (part + page - 1) / page; i++)
			count += in[i] & 1;
	}
	return count;
}
