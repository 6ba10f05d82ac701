/* tests/unit/guard.c - src/routine/guard.c and overflow.c: what stands below a
 * stack, what is tried when it cannot, and the report. */
#include "support/crit.h"

#include "base/base.h"
#include "os/os.h"
#include "routine/overflow.h"
#include "routine/slab.h"
#include "routine/stack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(guard, .timeout = 120);

static struct stack_pool pool;
static struct stack_cache cache;

static struct stack *fresh(enum guard_tier tier, unsigned cls)
{
	weft__stack_pool_init(&pool, tier);
	weft__stack_cache_init(&cache, &pool);
	return weft__stack_get(&cache, cls);
}

/* Does the kernel refuse to read this byte? */
static bool unreadable(const char *p)
{
	int fd[2];
	ssize_t n;

	if (pipe(fd) < 0)
		return false;
	n = write(fd[1], p, 1);
	close(fd[0]);
	close(fd[1]);
	return n < 0;
}

static int count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c, n = 0;

	while (f && (c = fgetc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

Test(guard, the_page_below_every_stack_is_guarded)
{
	static const enum guard_tier tiers[] = {
		GUARD_AUTO, GUARD_MADVISE, GUARD_MPROTECT,
	};

	for (size_t t = 0; t < countof(tiers); t++)
		for (unsigned c = STACK_4K; c < 12; c++) {
			struct stack *s = fresh(tiers[t], c);

			cr_assert_not_null(s);
			cr_expect(unreadable(s->base - 1), "class %u", c);
			cr_expect(unreadable(s->base - s->slab->guard));
			cr_expect(!unreadable(s->base), "class %u", c);
			cr_expect_eq(s->flags & STACK_BARE, 0);
			cr_expect(s->guard == GUARD_MADVISE ||
				  s->guard == GUARD_MPROTECT);
			weft__stack_put(&cache, s);
			weft__stack_pool_fini(&pool);
		}
}

Test(guard, guards_outlive_a_trim)
{
	struct stack *s = fresh(GUARD_AUTO, STACK_4K), *held[600];
	int64_t now = 0;

	cr_assert_not_null(s);
	for (int i = 0; i < 600; i++)
		cr_assert_not_null(held[i] = weft__stack_get(&cache, STACK_4K));
	for (int i = 0; i < 600; i++)
		weft__stack_put(&cache, held[i]);
	weft__stack_cache_flush(&cache);
	for (int i = 0; i < 4; i++)
		weft__stack_trim(&pool, now += TRIM_TICK, 4096);
	cr_expect(pool.depot[STACK_4K].cold > 0);
	for (int i = 0; i < 600; i++) {
		held[i] = weft__stack_get(&cache, STACK_4K);
		cr_assert_not_null(held[i]);
		cr_expect(unreadable(held[i]->base - 1));
	}
	for (int i = 0; i < 600; i++)
		weft__stack_put(&cache, held[i]);
	weft__stack_put(&cache, s);
	weft__stack_pool_fini(&pool);
}

Test(guard, advised_guards_split_no_mapping)
{
	struct stack *s = fresh(GUARD_AUTO, STACK_4K);
	int before = count_maps();

	cr_assert_not_null(s);
	if (weft__guard_tier(&pool) != GUARD_MADVISE)
		cr_skip_test("no MADV_GUARD_INSTALL here");
	if (WEFT_SANITIZED)
		cr_skip_test("the sanitizer maps memory of its own");
	for (int i = 0; i < 10000; i++)
		cr_assert_not_null(weft__stack_get(&cache, STACK_4K));
	cr_expect(count_maps() < before + 20);
	weft__stack_pool_fini(&pool);
}

Test(guard, mprotect_keeps_to_its_budget_and_spawns_go_on)
{
	long limit = weft__os_map_limit();
	struct stack *s = fresh(GUARD_MPROTECT, STACK_4K);
	int want = (int)(limit / 5) + 2000;

	if (limit > 200000)
		cr_skip_test("vm.max_map_count is too high to reach");
	cr_assert_not_null(s);
	cr_expect_eq(weft__guard_tier(&pool), GUARD_MPROTECT);
	for (int i = 0; i < want; i++)
		cr_assert_not_null(s = weft__stack_get(&cache, STACK_4K));
	cr_expect(count_maps() < limit / 2);
	cr_expect_eq(weft__guard_tier(&pool), GUARD_CANARY);
	cr_expect(s->flags & STACK_BARE);
	cr_expect(load_rlx(&pool.bare) > 0);
	weft__stack_pool_fini(&pool);
	s = fresh(GUARD_MPROTECT, STACK_4K);
	cr_expect_eq(s->guard, GUARD_MPROTECT, "the budget came back");
	weft__stack_pool_fini(&pool);
}

static int no_guards(enum os_call call, size_t len)
{
	(void)len;
	return call == OS_GUARD ? -EINVAL : 0;
}

static int no_protection(enum os_call call, size_t len)
{
	(void)len;
	return call == OS_GUARD || call == OS_FORBID ? -ENOMEM : 0;
}

Test(guard, refused_guards_fall_to_the_next_tier)
{
	struct stack *s;

	if (!weft__os_guard_works())
		cr_skip_test("no MADV_GUARD_INSTALL here");
	weft__os_fault = no_guards;
	s = fresh(GUARD_AUTO, STACK_DEFAULT);
	cr_assert_not_null(s);
	cr_expect_eq(s->guard, GUARD_MPROTECT);
	cr_expect(unreadable(s->base - 1));
	weft__stack_pool_fini(&pool);
	weft__os_fault = no_protection;
	s = fresh(GUARD_AUTO, STACK_DEFAULT);
	cr_assert_not_null(s);
	cr_expect_eq(s->guard, GUARD_CANARY);
	cr_expect(s->flags & STACK_BARE);
	weft__stack_put(&cache, s);
	weft__os_fault = NULL;
	weft__stack_pool_fini(&pool);
}

/* --- canaries ------------------------------------------------------------------ */

Test(guard, a_bare_stack_costs_no_page_below_and_passes_when_whole)
{
	struct stack *s = fresh(GUARD_CANARY, STACK_DEFAULT);

	cr_assert_not_null(s);
	weft__stack_check(s, weft__stack_top(s));
	if (!WEFT_ASAN && !WEFT_ON_VALGRIND())
		cr_expect_eq(weft__os_resident(s->base, s->size), 1);
	memset(s->base + 64, 1, s->size - 64 - sizeof *s);
	weft__stack_check(s, s->base + 1024);
	weft__stack_put(&cache, s);
	weft__stack_pool_fini(&pool);
}

static void quiet(void)
{
	int fd = open("/dev/null", O_WRONLY);

	dup2(fd, STDERR_FILENO);
}

Test(guard, a_dead_canary_panics_when_the_routine_ends, .signal = SIGABRT)
{
	struct stack *s = fresh(GUARD_CANARY, STACK_DEFAULT);

	if (WEFT_ON_VALGRIND())
		abort();
	quiet();
	memset(s->base, 1, s->size - sizeof *s);
	weft__stack_put(&cache, s);
}

Test(guard, a_dead_canary_panics_below_a_page, .signal = SIGABRT)
{
	struct stack *s = fresh(GUARD_AUTO, STACK_SUBPAGE);

	if (WEFT_ON_VALGRIND())
		abort();
	quiet();
	memset(s->base, 1, s->size - sizeof *s);
	weft__stack_put(&cache, s);
}

Test(guard, standing_at_the_end_panics_at_the_park, .signal = SIGABRT)
{
	struct stack *s = fresh(GUARD_CANARY, STACK_4K);

	quiet();
	weft__stack_check(s, s->base + 8);
}

/* --- the report ------------------------------------------------------------------ */

static void describe(struct overflow_info *i)
{
	i->id = 77;
	i->name = "digger";
	i->fn = (const void *)(uintptr_t)&describe;
}

/* What a child that touches a guard says, and how it dies. */
static int touch_guard(char *said, size_t size, unsigned cls)
{
	int fd[2], status;
	size_t n = 0;
	ssize_t k;
	pid_t pid;

	fflush(NULL);
	if (pipe(fd) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		struct stack *s = fresh(GUARD_AUTO, cls);
		void *mem;

		dup2(fd[1], STDERR_FILENO);
		weft__overflow_describe = describe;
		if (weft__sigstack_enable(&mem) || weft__overflow_install())
			_exit(3);
		*(volatile char *)(s->base - 8) = 1;
		_exit(4);
	}
	close(fd[1]);
	while (n < size - 1 && (k = read(fd[0], said + n, size - 1 - n)) > 0)
		n += (size_t)k;
	said[n] = 0;
	close(fd[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

Test(guard, a_hit_is_reported_and_kills_by_its_signal)
{
	static char said[16384];

	if (WEFT_ON_VALGRIND())
		cr_skip_test("valgrind reports the access itself");
	cr_expect_eq(touch_guard(said, sizeof said, STACK_4K + 1), SIGSEGV);
	cr_expect_not_null(strstr(said, "weft: stack overflow in routine 77 "
				  "\"digger\""), "%s", said);
	cr_expect_not_null(strstr(said, "8 bytes below"), "%s", said);
	cr_expect_not_null(strstr(said, "stack_size = 16384"), "%s", said);
	cr_expect_not_null(strstr(said, "WEFT_STACK=16K"), "%s", said);
	cr_expect_not_null(strstr(said, "backtrace"), "%s", said);
}

static sigjmp_buf after;
static volatile sig_atomic_t users;

static void on_users(int sig)
{
	users = sig;
	siglongjmp(after, 1);
}

Test(guard, other_faults_go_to_the_users_handler)
{
	struct sigaction sa = { .sa_handler = on_users };
	char *p = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	void *mem;

	if (WEFT_ON_VALGRIND())
		cr_skip_test("valgrind reports the access itself");
	cr_assert(p != MAP_FAILED);
	cr_assert_eq(sigaction(SIGSEGV, &sa, NULL), 0);
	cr_assert_eq(weft__sigstack_enable(&mem), 0);
	cr_assert_eq(weft__overflow_install(), 0);
	cr_assert_eq(weft__overflow_install(), 0, "twice is once");
	for (int i = 0; i < 3; i++) {
		users = 0;
		if (!sigsetjmp(after, 1))
			*(volatile char *)p = 1;
		cr_expect_eq(users, SIGSEGV);
	}
	weft__sigstack_disable(mem);
	munmap(p, 65536);
}

Test(guard, a_fault_nobody_handles_still_kills, .signal = SIGSEGV)
{
	char *p = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(SIGSEGV, &dfl, NULL);
	if (WEFT_ON_VALGRIND())
		raise(SIGSEGV);
	weft__overflow_install();
	*(volatile char *)p = 1;
}

Test(guard, the_alternate_stack_before_comes_back)
{
	static char own[65536];
	stack_t mine = { .ss_sp = own, .ss_size = sizeof own }, now;
	void *mem;

	cr_assert_eq(sigaltstack(&mine, NULL), 0);
	cr_assert_eq(weft__sigstack_enable(&mem), 0);
	sigaltstack(NULL, &now);
	cr_expect(now.ss_sp != own && now.ss_size >= 65536);
	weft__sigstack_disable(mem);
	sigaltstack(NULL, &now);
	cr_expect(now.ss_sp == own);
}
