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
	%D%/lint/manpages.sh \
	%D%/lint/readme.sh
TESTS += $(LINTS)
EXTRA_DIST += $(LINTS) \
	%D%/lint/bad/tls_held.c \
	%D%/lint/exports.awk \
	%D%/lint/pairs.awk \
	%D%/lint/tls.awk

# --- models of the protocols; skipped where spin is missing
MODELS = %D%/model/run.sh
TESTS += $(MODELS)
EXTRA_DIST += $(MODELS) \
	%D%/model/idle.pml \
	%D%/model/park.pml

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

EXTRA_DIST += %D%/support/promise.h %D%/support/rt.h

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
	tests/unit/injectq \
	tests/unit/record \
	tests/unit/runq \
	tests/unit/stack \
	tests/unit/timers
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
tests_unit_guard_SOURCES = %D%/unit/guard.c $(crit_support)
tests_unit_guard_LDADD = $(crit_libs)
tests_unit_injectq_SOURCES = %D%/unit/injectq.c $(crit_support)
tests_unit_injectq_LDADD = $(crit_libs)
tests_unit_record_SOURCES = %D%/unit/record.c $(crit_support)
tests_unit_record_LDADD = $(crit_libs)
tests_unit_runq_SOURCES = %D%/unit/runq.c $(crit_support)
tests_unit_runq_LDADD = $(crit_libs)
tests_unit_stack_SOURCES = %D%/unit/stack.c $(crit_support)
tests_unit_stack_LDADD = $(crit_libs)
tests_unit_timers_SOURCES = %D%/unit/timers.c $(crit_support)
tests_unit_timers_LDADD = $(crit_libs)

api_scripts = %D%/api/go_refused.sh
TESTS += $(api_scripts)
EXTRA_DIST += $(api_scripts)

# --- tests/api
api_tests = \
	tests/api/blocking \
	tests/api/chan \
	tests/api/chan_partners \
	tests/api/coro \
	tests/api/discard \
	tests/api/embed \
	tests/api/errors \
	tests/api/go \
	tests/api/join \
	tests/api/limits \
	tests/api/local \
	tests/api/outside \
	tests/api/overflow \
	tests/api/park \
	tests/api/routine \
	tests/api/runtime \
	tests/api/sleep \
	tests/api/waitgroup
check_PROGRAMS += $(api_tests)
TESTS += $(api_tests)
tests_api_blocking_SOURCES = %D%/api/blocking.c $(crit_support)
tests_api_blocking_LDADD = $(api_libs)
tests_api_blocking_LDFLAGS = $(api_ldflags)
tests_api_chan_SOURCES = %D%/api/chan.c $(crit_support)
tests_api_chan_LDADD = $(api_libs)
tests_api_chan_LDFLAGS = $(api_ldflags)
tests_api_chan_partners_SOURCES = %D%/api/chan_partners.c $(crit_support)
tests_api_chan_partners_LDADD = $(api_libs)
tests_api_chan_partners_LDFLAGS = $(api_ldflags)
tests_api_coro_SOURCES = %D%/api/coro.c $(crit_support)
tests_api_coro_LDADD = $(api_libs)
tests_api_coro_LDFLAGS = $(api_ldflags)
tests_api_discard_SOURCES = %D%/api/discard.c $(crit_support)
tests_api_discard_LDADD = $(api_libs)
tests_api_discard_LDFLAGS = $(api_ldflags)
tests_api_embed_SOURCES = %D%/api/embed.c $(crit_support)
tests_api_embed_LDADD = $(api_libs)
tests_api_embed_LDFLAGS = $(api_ldflags)
tests_api_errors_SOURCES = %D%/api/errors.c $(crit_support)
tests_api_errors_LDADD = $(api_libs)
tests_api_errors_LDFLAGS = $(api_ldflags)
tests_api_go_SOURCES = %D%/api/go.c $(crit_support)
tests_api_go_LDADD = $(api_libs)
tests_api_go_LDFLAGS = $(api_ldflags)
tests_api_join_SOURCES = %D%/api/join.c $(crit_support)
tests_api_join_LDADD = $(api_libs)
tests_api_join_LDFLAGS = $(api_ldflags)
tests_api_limits_SOURCES = %D%/api/limits.c $(crit_support)
tests_api_limits_LDADD = $(api_libs)
tests_api_limits_LDFLAGS = $(api_ldflags)
tests_api_local_SOURCES = %D%/api/local.c $(crit_support)
tests_api_local_LDADD = $(api_libs)
tests_api_local_LDFLAGS = $(api_ldflags)
tests_api_outside_SOURCES = %D%/api/outside.c $(crit_support)
tests_api_outside_LDADD = $(api_libs)
tests_api_outside_LDFLAGS = $(api_ldflags)
tests_api_overflow_SOURCES = %D%/api/overflow.c $(crit_support)
tests_api_overflow_LDADD = $(api_libs)
tests_api_overflow_LDFLAGS = $(api_ldflags)
tests_api_park_SOURCES = %D%/api/park.c $(crit_support)
tests_api_park_LDADD = $(api_libs)
tests_api_park_LDFLAGS = $(api_ldflags)
tests_api_routine_SOURCES = %D%/api/routine.c $(crit_support)
tests_api_routine_LDADD = $(api_libs)
tests_api_routine_LDFLAGS = $(api_ldflags)
tests_api_runtime_SOURCES = %D%/api/runtime.c $(crit_support)
tests_api_runtime_LDADD = $(api_libs)
tests_api_runtime_LDFLAGS = $(api_ldflags)
tests_api_sleep_SOURCES = %D%/api/sleep.c $(crit_support)
tests_api_sleep_LDADD = $(api_libs)
tests_api_sleep_LDFLAGS = $(api_ldflags)
tests_api_waitgroup_SOURCES = %D%/api/waitgroup.c $(crit_support)
tests_api_waitgroup_LDADD = $(api_libs)
tests_api_waitgroup_LDFLAGS = $(api_ldflags)

# --- tests/regress
regress_tests = \
	tests/regress/0001-monitor-wakes \
	tests/regress/0002-timer-duty \
	tests/regress/0003-stop-yielders \
	tests/regress/0004-blocking-pair \
	tests/regress/0005-small-commit \
	tests/regress/0006-join-across \
	tests/regress/0007-stop-blocking \
	tests/regress/0008-stuck-timer \
	tests/regress/0009-stranded-ring \
	tests/regress/0010-busy-queues
check_PROGRAMS += $(regress_tests)
TESTS += $(regress_tests)
tests_regress_0001_monitor_wakes_SOURCES = %D%/regress/0001-monitor-wakes.c
tests_regress_0002_timer_duty_SOURCES = %D%/regress/0002-timer-duty.c
tests_regress_0003_stop_yielders_SOURCES = %D%/regress/0003-stop-yielders.c
tests_regress_0004_blocking_pair_SOURCES = %D%/regress/0004-blocking-pair.c
tests_regress_0005_small_commit_SOURCES = %D%/regress/0005-small-commit.c
tests_regress_0006_join_across_SOURCES = %D%/regress/0006-join-across.c
tests_regress_0007_stop_blocking_SOURCES = %D%/regress/0007-stop-blocking.c
tests_regress_0008_stuck_timer_SOURCES = %D%/regress/0008-stuck-timer.c
tests_regress_0009_stranded_ring_SOURCES = %D%/regress/0009-stranded-ring.c
tests_regress_0010_busy_queues_SOURCES = %D%/regress/0010-busy-queues.c

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
