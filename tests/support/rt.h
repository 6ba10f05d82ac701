/* support/rt.h - what the tests of the runtime share.
 *
 * CHECK works anywhere, on small stacks and any thread: it counts, and the
 * test's main stack looks at the count.  wait_until polls a condition, giving
 * the CPU away meanwhile, and fails after its time: tests never sleep to let
 * something happen.
 */
#ifndef WEFT_SUPPORT_RT_H
#define WEFT_SUPPORT_RT_H

#include "support/crit.h"

#include <weft.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static atomic_int failures;
static char first_failure[256];         /* by whoever counted the first */

__attribute__((unused))
static bool check_at(bool ok, const char *what, const char *file, int line,
		     long long a, long long b)
{
	int before = ok ? 0 : atomic_fetch_add(&failures, 1);

	if (!ok && before == 0)
		snprintf(first_failure, sizeof first_failure,
			 "%s:%d: %s (%lld, %lld)", file, line, what, a, b);
	if (!ok && before < 20)
		fprintf(stderr, "# %s:%d: failed: %s (%lld, %lld)\n", file, line,
			what, a, b);
	return ok;
}

#define CHECK(c) check_at((c), #c, __FILE__, __LINE__, 0, 0)
#define CHECK_EQ(a, b) \
	__extension__({ \
		long long check_a = (long long)(a), check_b = (long long)(b); \
		check_at(check_a == check_b, #a " == " #b, __FILE__, __LINE__, \
			 check_a, check_b); \
	})

/* False: the condition did not come true in 20 s, and a failure counts. */
#define wait_until(c) \
	__extension__({ \
		weft_time until_ = weft_in((under("valgrind") ? 55 : 20) * \
					   WEFT_S); \
		bool ok_, late_; \
		do      /* whoever was late looks once more */ \
			late_ = weft_now() >= until_; \
		while (!(ok_ = (c)) && !late_ && (weft_yield(), true)); \
		check_at(ok_, "in time: " #c, __FILE__, __LINE__, 0, 0); \
	})

static const unsigned worker_counts[] = { 1, 2, 4, 10 };

__attribute__((unused))
static int run_on(unsigned workers, int (*fn)(void *), void *arg)
{
	weft_config c = { .workers = workers };

	return weft_run_config(&c, fn, arg);
}

/* fn as the main routine with each number of workers. */
#define EACH(fn) \
	do { \
		for (size_t i_ = 0; i_ < COUNT(worker_counts); i_++) { \
			unsigned n_ = worker_counts[i_]; \
			int rc_ = run_on(n_, fn, (void *)(uintptr_t)n_); \
			cr_assert_eq(rc_, 0, "%d on %u workers: %s", rc_, \
				     n_, first_failure); \
			cr_assert_eq(failures, 0, "on %u workers: %s", n_, \
				     first_failure); \
		} \
	} while (0)

__attribute__((unused))
static long thread_id(void)
{
	return syscall(SYS_gettid);
}

/* A number below n; the same ones from the same seed. */
__attribute__((unused))
static unsigned rnd(unsigned *seed, unsigned n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % n;
}

/* A channel of ints that cannot be missing. */
__attribute__((unused))
static weft_chan *ints(size_t cap)
{
	weft_chan *c = weft_chan_new(sizeof(int), cap);

	if (!c)
		abort();
	return c;
}

__attribute__((unused))
static int take(weft_chan *c)
{
	int v = -1;

	CHECK_EQ(weft_chan_recv(c, &v), 0);
	return v;
}

__attribute__((unused))
static void give(weft_chan *c, int v)
{
	CHECK_EQ(weft_chan_send(c, &v), 0);
}

/* What a child process said on stderr. */
static char said[1 << 18];

/* Run fn(arg) in a child; its answer is the exit status. */
__attribute__((unused))
static int in_child(int (*fn)(void *), const void *arg)
{
	int fd[2], status = -1;
	size_t n = 0;
	ssize_t k;
	pid_t pid;

	child_starts_threads();
	fflush(NULL);
	if (pipe(fd) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		_exit(fn((void *)(uintptr_t)arg));
	}
	close(fd[1]);
	while (n < sizeof said - 1 &&
	       (k = read(fd[0], said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)k;
	said[n] = 0;
	close(fd[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
