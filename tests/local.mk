# The tests.  Programs: build-aux/run-test.sh tells the kinds apart and prints
# TAP.  Scripts (*.sh): exit status 0 passed, 77 skipped.

# --- lints: the rules of the tree
LINTS = \
	%D%/lint/layers.sh \
	%D%/lint/platform.sh \
	%D%/lint/size.sh \
	%D%/lint/words.sh \
	%D%/lint/paths.sh \
	%D%/lint/listed.sh \
	%D%/lint/headers.sh \
	%D%/lint/pairs.sh \
	%D%/lint/symbols.sh \
	%D%/lint/tls.sh \
	%D%/lint/selftest.sh \
	%D%/lint/readme.sh
TESTS += $(LINTS)
EXTRA_DIST += $(LINTS) \
	%D%/lint/bad/tls_held.c \
	%D%/lint/exports.awk \
	%D%/lint/pairs.awk \
	%D%/lint/tls.awk

# --- models of the protocols; skipped where spin is missing

# --- what Criterion's tests link besides the library
crit_support = %D%/support/crit.h %D%/support/minicrit.h \
	%D%/support/emuexec.c %D%/support/tsanfix.c
crit_libs = libweft-core.la $(CRITERION_LIBS) -lm $(PTHREAD_LIBS)
AM_CPPFLAGS += -I$(top_srcdir)/tests
if HAVE_CRITERION
AM_CPPFLAGS += -DHAVE_CRITERION $(CRITERION_CFLAGS)
endif

# The interface's tests link the shared library and include <weft/...> only.
api_libs = libweft.la $(CRITERION_LIBS) -lm $(PTHREAD_LIBS)
api_ldflags = $(AM_LDFLAGS) -no-install

# --- tests/arch
arch_tests = \
	tests/arch/migrate \
	tests/arch/switch \
	tests/arch/unwind
check_PROGRAMS += $(arch_tests)
TESTS += $(arch_tests)
EXTRA_DIST += %D%/arch/cpu.h
tests_arch_migrate_SOURCES = %D%/arch/migrate.c $(crit_support)
tests_arch_migrate_LDADD = $(crit_libs)
tests_arch_switch_SOURCES = %D%/arch/switch.c $(crit_support)
tests_arch_switch_LDADD = $(crit_libs)
tests_arch_unwind_SOURCES = %D%/arch/unwind.c $(crit_support)
tests_arch_unwind_LDADD = $(crit_libs)

# --- tests/unit
unit_tests = \
	tests/unit/guard \
	tests/unit/stack
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
tests_unit_guard_SOURCES = %D%/unit/guard.c $(crit_support)
tests_unit_guard_LDADD = $(crit_libs)
tests_unit_stack_SOURCES = %D%/unit/stack.c $(crit_support)
tests_unit_stack_LDADD = $(crit_libs)

api_scripts = %D%/api/go_refused.sh
TESTS += $(api_scripts)
EXTRA_DIST += $(api_scripts)

# --- tests/api
api_tests = \
	tests/api/coro \
	tests/api/errors \
	tests/api/go \
	tests/api/overflow
check_PROGRAMS += $(api_tests)
TESTS += $(api_tests)
tests_api_coro_SOURCES = %D%/api/coro.c $(crit_support)
tests_api_coro_LDADD = $(api_libs)
tests_api_coro_LDFLAGS = $(api_ldflags)
tests_api_errors_SOURCES = %D%/api/errors.c $(crit_support)
tests_api_errors_LDADD = $(api_libs)
tests_api_errors_LDFLAGS = $(api_ldflags)
tests_api_go_SOURCES = %D%/api/go.c $(crit_support)
tests_api_go_LDADD = $(api_libs)
tests_api_go_LDFLAGS = $(api_ldflags)
tests_api_overflow_SOURCES = %D%/api/overflow.c $(crit_support)
tests_api_overflow_LDADD = $(api_libs)
tests_api_overflow_LDFLAGS = $(api_ldflags)

# --- tests/stress
stress_tests = \
	tests/stress/chan \
	tests/stress/chaos
check_PROGRAMS += $(stress_tests)
TESTS += $(stress_tests)
EXTRA_DIST += %D%/stress/stress.h
tests_stress_chan_SOURCES = %D%/stress/chan.c
tests_stress_chaos_SOURCES = %D%/stress/chaos.c

# --- from C++
if HAVE_CXX17
check_PROGRAMS += tests/api/cxx
TESTS += tests/api/cxx
tests_api_cxx_SOURCES = %D%/api/cxx.cc
tests_api_cxx_LDADD = $(api_libs)
tests_api_cxx_LDFLAGS = $(api_ldflags)
endif

# --- how they run
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)
LOG_COMPILER = $(SHELL) $(top_srcdir)/build-aux/run-test.sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
AM_TESTS_ENVIRONMENT = \
	srcdir='$(srcdir)'; CC='$(CC)'; CXX='$(CXX)'; NM='$(NM)'; \
	OBJDUMP='$(OBJDUMP)'; AWK='$(AWK)'; weft_arch='$(weft_arch)'; \
	weft_sanitizer='$(weft_sanitizer)'; weft_debug='$(weft_debug)'; \
	TEST_WRAPPER='$(TEST_WRAPPER)'; \
	export srcdir CC CXX NM OBJDUMP AWK weft_arch weft_sanitizer \
		weft_debug TEST_WRAPPER;

mostlyclean-local:
	-rm -rf tests/*/*.reports examples/*.reports
