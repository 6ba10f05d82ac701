/* support/minicrit.h - the part of Criterion's interface that our tests use,
 * for targets where Criterion does not exist.
 *
 * Each test runs in a forked process; TAP goes to stdout, messages to stderr.
 * Stricter than Criterion in one point: a test that ends with exit(0) before
 * its last line has failed.  Like Criterion, a TestSuite's options apply where
 * the test itself says nothing.
 */
#ifndef WEFT_SUPPORT_MINICRIT_H
#define WEFT_SUPPORT_MINICRIT_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct mc_options {
	int signal, exit_code;
	double timeout;
	bool disabled;
	void (*init)(void), (*fini)(void);
	const char *description;
	int unused;
};

struct mc_test {
	const char *suite, *name;
	void (*fn)(void);               /* NULL: options of the suite       */
	struct mc_options options;
	struct mc_test *next;
};

enum { MC_FATAL = 254, MC_TIMEOUT = 120 };

static struct mc_test *mc_first, **mc_last = &mc_first;

/* Shared with the running test's process. */
static struct mc_report {
	int failures, finished, skipped;
	char why[128];
} *mc_report;

#define MC_REGISTER(S, N, F, ...) \
	static struct mc_test S##_##N##_test = { \
		#S, #N, F, { .unused = 0, __VA_ARGS__ }, NULL \
	}; \
	__attribute__((constructor)) static void S##_##N##_register(void) \
	{ \
		*mc_last = &S##_##N##_test; \
		mc_last = &S##_##N##_test.next; \
	}
#define Test(S, N, ...) \
	static void S##_##N##_body(void); \
	MC_REGISTER(S, N, S##_##N##_body, __VA_ARGS__) \
	static void S##_##N##_body(void)
#define TestSuite(S, ...) \
	MC_REGISTER(S, suite_options, NULL, __VA_ARGS__) \
	struct mc_suite_##S

__attribute__((unused, format(printf, 5, 6)))
static void mc_fail(bool fatal, const char *file, int line, const char *what,
		    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "# %s:%d: failed: %s", file, line, what);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	__atomic_fetch_add(&mc_report->failures, 1, __ATOMIC_SEQ_CST);
	if (fatal)
		_exit(MC_FATAL);
}

#define MC_CHECK(fatal, c, text, ...) \
	do { \
		if (!(c)) \
			mc_fail(fatal, __FILE__, __LINE__, text, \
				" " __VA_ARGS__); \
	} while (0)
#define MC_OP(fatal, a, op, b, ...) \
	MC_CHECK(fatal, (a) op (b), #a " " #op " " #b, __VA_ARGS__)
#define MC_MEM(fatal, a, op, b, n, ...) \
	MC_CHECK(fatal, memcmp(a, b, n) op 0, #a " " #op " " #b, __VA_ARGS__)
#define MC_STR(fatal, a, op, b, ...) \
	MC_CHECK(fatal, strcmp(a, b) op 0, #a " " #op " " #b, __VA_ARGS__)

#define cr_assert(c, ...)              MC_CHECK(1, c, #c, __VA_ARGS__)
#define cr_assert_not(c, ...)          MC_CHECK(1, !(c), "!" #c, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)        MC_OP(1, a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)       MC_OP(1, a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)        MC_OP(1, a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)       MC_OP(1, a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)        MC_OP(1, a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)       MC_OP(1, a, >=, b, __VA_ARGS__)
#define cr_assert_null(a, ...)         MC_OP(1, a, ==, NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...)     MC_OP(1, a, !=, NULL, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)    MC_STR(1, a, ==, b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)   MC_STR(1, a, !=, b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) MC_MEM(1, a, ==, b, n, __VA_ARGS__)
#define cr_assert_fail(...) \
	mc_fail(1, __FILE__, __LINE__, "", " " __VA_ARGS__)

#define cr_expect(c, ...)              MC_CHECK(0, c, #c, __VA_ARGS__)
#define cr_expect_not(c, ...)          MC_CHECK(0, !(c), "!" #c, __VA_ARGS__)
#define cr_expect_eq(a, b, ...)        MC_OP(0, a, ==, b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)       MC_OP(0, a, !=, b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)        MC_OP(0, a, <, b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)       MC_OP(0, a, <=, b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)        MC_OP(0, a, >, b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)       MC_OP(0, a, >=, b, __VA_ARGS__)
#define cr_expect_null(a, ...)         MC_OP(0, a, ==, NULL, __VA_ARGS__)
#define cr_expect_not_null(a, ...)     MC_OP(0, a, !=, NULL, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)    MC_STR(0, a, ==, b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)   MC_STR(0, a, !=, b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) MC_MEM(0, a, ==, b, n, __VA_ARGS__)
#define cr_expect_fail(...) \
	mc_fail(0, __FILE__, __LINE__, "", " " __VA_ARGS__)

#define cr_skip_test(...) \
	do { \
		snprintf(mc_report->why, sizeof mc_report->why, \
			 " " __VA_ARGS__); \
		mc_report->skipped = 1; \
		_exit(0); \
	} while (0)
#define cr_skip(...) cr_skip_test(__VA_ARGS__)
#define cr_log_info(...) \
	(fprintf(stderr, "# " __VA_ARGS__), fputc('\n', stderr))

static void mc_inherit(struct mc_options *o, const char *suite)
{
	for (struct mc_test *s = mc_first; s; s = s->next) {
		if (s->fn || strcmp(s->suite, suite) != 0)
			continue;
		if (!o->signal)
			o->signal = s->options.signal;
		if (!o->exit_code)
			o->exit_code = s->options.exit_code;
		if (o->timeout <= 0)
			o->timeout = s->options.timeout;
		if (!o->init)
			o->init = s->options.init;
		if (!o->fini)
			o->fini = s->options.fini;
		o->disabled |= s->options.disabled;
	}
	if (o->timeout <= 0)
		o->timeout = MC_TIMEOUT;
}

_Noreturn static void mc_child(const struct mc_test *t, const struct mc_options *o)
{
	dup2(STDERR_FILENO, STDOUT_FILENO);
	setsid();
	if (o->init)
		o->init();
	t->fn();
	if (o->fini)
		o->fini();
	mc_report->finished = 1;
	exit(0);
}

static double mc_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits for the test's process; false when it was killed for its time. */
static bool mc_wait(pid_t p, double limit, int *status)
{
	double end = mc_now() + limit;

	while (waitpid(p, status, WNOHANG) != p) {
		struct timespec pause = { 0, 500000 };

		if (mc_now() > end) {
			kill(-p, SIGKILL);
			kill(p, SIGKILL);
			waitpid(p, status, 0);
			return false;
		}
		nanosleep(&pause, NULL);
	}
	return true;
}

enum mc_verdict { MC_BAD, MC_GOOD, MC_SKIPPED };

static enum mc_verdict mc_run(struct mc_test *t, char *why, size_t n)
{
	struct mc_options o = t->options;
	int status = 0, sig, code;
	pid_t p;

	mc_inherit(&o, t->suite);
	memset(mc_report, 0, sizeof *mc_report);
	why[0] = '\0';
	if (o.disabled) {
		snprintf(why, n, " disabled");
		return MC_SKIPPED;
	}
	fflush(NULL);
	p = fork();
	if (p == 0)
		mc_child(t, &o);
	if (p < 0 || !mc_wait(p, o.timeout, &status)) {
		snprintf(why, n, p < 0 ? " fork failed" : " timed out");
		return MC_BAD;
	}
	sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	if (mc_report->failures)
		snprintf(why, n, " %d failure(s)", mc_report->failures);
	else if (mc_report->skipped)
		snprintf(why, n, "%s", mc_report->why);
	else if (sig != o.signal)
		snprintf(why, n, " signal %d, expected %d", sig, o.signal);
	else if (!sig && code != o.exit_code)
		snprintf(why, n, " exit %d, expected %d", code, o.exit_code);
	else if (!sig && code == 0 && !mc_report->finished)
		snprintf(why, n, " ended early with exit(0)");
	else
		return MC_GOOD;
	return mc_report->skipped && !mc_report->failures ? MC_SKIPPED : MC_BAD;
}

int main(void)
{
	int n = 0, bad = 0;
	char why[192];

	mc_report = mmap(NULL, sizeof *mc_report, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mc_report == MAP_FAILED) {
		puts("Bail out! no shared memory");
		return 1;
	}
	for (struct mc_test *t = mc_first; t; t = t->next)
		n += t->fn != NULL;
	printf("TAP version 13\n1..%d\n", n);
	n = 0;
	for (struct mc_test *t = mc_first; t; t = t->next) {
		enum mc_verdict v;

		if (!t->fn)
			continue;
		v = mc_run(t, why, sizeof why);
		bad += v == MC_BAD;
		printf("%sok %d - %s::%s%s%s\n", v == MC_BAD ? "not " : "", ++n,
		       t->suite, t->name, v == MC_SKIPPED ? " # SKIP" : "", why);
	}
	return bad != 0;
}

#endif
