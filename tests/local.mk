# The tests.  Programs: build-aux/run-test.sh tells the kinds apart and prints
# TAP.  Scripts (*.sh): exit status 0 passed, 77 skipped.

# --- lints: the rules of the tree, and of what was built from it
TREE_LINTS = \
	%D%/lint/layers.sh \
	%D%/lint/platform.sh \
	%D%/lint/size.sh \
	%D%/lint/words.sh \
	%D%/lint/paths.sh \
	%D%/lint/listed.sh \
	%D%/lint/headers.sh \
	%D%/lint/pairs.sh \
	%D%/lint/selftest.sh \
	%D%/lint/manpages.sh \
	%D%/lint/readme.sh
BUILT_LINTS = \
	%D%/lint/symbols.sh \
	%D%/lint/tls.sh
LINTS = $(TREE_LINTS) $(BUILT_LINTS)
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
	%D%/model/cancel.pml \
	%D%/model/idle.pml \
	%D%/model/watch.pml \
	%D%/model/mutex.pml \
	%D%/model/park.pml \
	%D%/model/rwlock.pml

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

EXTRA_DIST += \
	%D%/support/backlog.h \
	%D%/support/child.h \
	%D%/support/counted.h \
	%D%/support/crew.h \
	%D%/support/fds.h \
	%D%/support/files.h \
	%D%/support/home.h \
	%D%/support/loop.h \
	%D%/support/panics.h \
	%D%/support/pens.h \
	%D%/support/pollers.h \
	%D%/support/proc.h \
	%D%/support/promise.h \
	%D%/support/ring.h \
	%D%/support/rt.h \
	%D%/support/scopes.h \
	%D%/support/selects.h \
	%D%/support/sides.h \
	%D%/support/signals.h \
	%D%/support/storm.h

net_support = %D%/support/net.h

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
	tests/unit/bulk \
	tests/unit/cork \
	tests/unit/cork_faults \
	tests/unit/cork_refused \
	tests/unit/culprit \
	tests/unit/dial \
	tests/unit/drive \
	tests/unit/file \
	tests/unit/futex \
	tests/unit/guard \
	tests/unit/injectq \
	tests/unit/iofault \
	tests/unit/known \
	tests/unit/places \
	tests/unit/starved \
	tests/unit/poller \
	tests/unit/poller_wait \
	tests/unit/net \
	tests/unit/record \
	tests/unit/resolve \
	tests/unit/ring \
	tests/unit/runq \
	tests/unit/stack \
	tests/unit/thread \
	tests/unit/sweep_file \
	tests/unit/sweep_io \
	tests/unit/sweep_process \
	tests/unit/timers \
	tests/unit/unblocked \
	tests/unit/waitpid
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
tests_unit_bulk_SOURCES = %D%/unit/bulk.c $(crit_support)
tests_unit_bulk_LDADD = $(crit_libs)
tests_unit_cork_SOURCES = %D%/unit/cork.c $(crit_support)
tests_unit_cork_LDADD = $(crit_libs)
tests_unit_cork_faults_SOURCES = %D%/unit/cork_faults.c $(crit_support)
tests_unit_cork_faults_LDADD = $(crit_libs)
tests_unit_cork_refused_SOURCES = %D%/unit/cork_refused.c $(crit_support)
tests_unit_cork_refused_LDADD = $(crit_libs)
tests_unit_culprit_SOURCES = %D%/unit/culprit.c $(crit_support)
tests_unit_culprit_LDADD = $(crit_libs)
tests_unit_thread_SOURCES = %D%/unit/thread.c $(crit_support)
tests_unit_thread_LDADD = $(crit_libs)
tests_unit_futex_SOURCES = %D%/unit/futex.c $(crit_support)
tests_unit_futex_LDADD = $(crit_libs)
tests_unit_guard_SOURCES = %D%/unit/guard.c $(crit_support)
tests_unit_guard_LDADD = $(crit_libs)
tests_unit_ring_SOURCES = %D%/unit/ring.c $(crit_support)
tests_unit_ring_LDADD = $(crit_libs)
tests_unit_file_SOURCES = %D%/unit/file.c $(crit_support)
tests_unit_file_LDADD = $(crit_libs)
if HAVE_CARES
check_PROGRAMS += tests/unit/ares
TESTS += tests/unit/ares
tests_unit_ares_SOURCES = %D%/unit/ares.c $(crit_support) $(net_support)
tests_unit_ares_LDADD = $(crit_libs)
check_PROGRAMS += tests/unit/sweep_ares
TESTS += tests/unit/sweep_ares
tests_unit_sweep_ares_SOURCES = %D%/unit/sweep_ares.c $(sweep_support) $(crit_support)
tests_unit_sweep_ares_CFLAGS = $(AM_CFLAGS) $(CARES_CFLAGS)
tests_unit_sweep_ares_LDADD = $(crit_libs) $(CARES_LIBS)
tests_unit_sweep_ares_LDFLAGS = $(sweep_ldflags)
endif
tests_unit_dial_SOURCES = %D%/unit/dial.c $(crit_support) $(net_support)
tests_unit_dial_LDADD = $(crit_libs)
tests_unit_net_SOURCES = %D%/unit/net.c $(crit_support) $(net_support)
tests_unit_net_LDADD = $(crit_libs)
tests_unit_resolve_SOURCES = %D%/unit/resolve.c $(crit_support) $(net_support)
tests_unit_resolve_LDADD = $(crit_libs)
tests_unit_injectq_SOURCES = %D%/unit/injectq.c $(crit_support)
tests_unit_injectq_LDADD = $(crit_libs)
tests_unit_places_SOURCES = %D%/unit/places.c $(crit_support)
tests_unit_places_LDADD = $(crit_libs)
tests_unit_places_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=weft__routine_end
tests_unit_starved_SOURCES = %D%/unit/starved.c $(crit_support)
tests_unit_starved_LDADD = $(crit_libs)
tests_unit_starved_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=weft__inject
tests_unit_poller_SOURCES = %D%/unit/poller.c $(crit_support)
tests_unit_poller_LDADD = $(crit_libs)
tests_unit_drive_SOURCES = %D%/unit/drive.c $(crit_support)
tests_unit_drive_LDADD = $(crit_libs)
tests_unit_drive_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=weft__idle_lie_down,--wrap=weft__duty_first \
	-Wl,--wrap=weft__watch_sleep,--wrap=weft__ready,--wrap=weft__os_now \
	-Wl,--wrap=weft__stack_refill,--wrap=weft__watch_arm
tests_unit_poller_wait_SOURCES = %D%/unit/poller_wait.c $(crit_support)
tests_unit_poller_wait_LDADD = $(crit_libs)
tests_unit_record_SOURCES = %D%/unit/record.c $(crit_support)
tests_unit_record_LDADD = $(crit_libs)
tests_unit_runq_SOURCES = %D%/unit/runq.c $(crit_support)
tests_unit_runq_LDADD = $(crit_libs)
tests_unit_stack_SOURCES = %D%/unit/stack.c $(crit_support)
tests_unit_stack_LDADD = $(crit_libs)
# What is put below the library: see sweepwrap.h.
sweep_support = %D%/support/sweep.h %D%/support/sweepwrap.h
sweep_ldflags = $(AM_LDFLAGS) \
	-Wl,--wrap=accept4,--wrap=close,--wrap=connect,--wrap=epoll_wait \
	-Wl,--wrap=fallocate,--wrap=fdatasync,--wrap=fsync,--wrap=ftruncate \
	-Wl,--wrap=openat,--wrap=ppoll,--wrap=preadv,--wrap=preadv2 \
	-Wl,--wrap=pwritev,--wrap=pwritev2,--wrap=readv,--wrap=recv \
	-Wl,--wrap=recvmsg,--wrap=send,--wrap=sendfile,--wrap=sendmsg \
	-Wl,--wrap=waitpid,--wrap=writev,--wrap=malloc,--wrap=calloc \
	-Wl,--wrap=realloc,--wrap=aligned_alloc,--wrap=strdup,--wrap=free \
	-Wl,--wrap=freeaddrinfo,--wrap=pthread_create
tests_unit_sweep_file_SOURCES = %D%/unit/sweep_file.c $(sweep_support) $(crit_support)
tests_unit_sweep_file_LDADD = $(crit_libs)
tests_unit_sweep_file_LDFLAGS = $(sweep_ldflags)
tests_unit_sweep_io_SOURCES = %D%/unit/sweep_io.c $(sweep_support) $(crit_support)
tests_unit_sweep_io_LDADD = $(crit_libs)
tests_unit_sweep_io_LDFLAGS = $(sweep_ldflags)
tests_unit_sweep_process_SOURCES = %D%/unit/sweep_process.c $(sweep_support) $(crit_support)
tests_unit_sweep_process_LDADD = $(crit_libs)
tests_unit_sweep_process_LDFLAGS = $(sweep_ldflags)
tests_unit_timers_SOURCES = %D%/unit/timers.c $(crit_support)
tests_unit_timers_LDADD = $(crit_libs)
tests_unit_unblocked_SOURCES = %D%/unit/unblocked.c $(crit_support) $(net_support)
tests_unit_unblocked_LDADD = $(crit_libs)
tests_unit_waitpid_SOURCES = %D%/unit/waitpid.c $(crit_support)
tests_unit_waitpid_LDADD = $(crit_libs)
tests_unit_iofault_SOURCES = %D%/unit/iofault.c $(crit_support)
tests_unit_iofault_LDADD = $(crit_libs)
tests_unit_known_SOURCES = %D%/unit/known.c $(crit_support)
tests_unit_known_LDADD = $(crit_libs)

api_scripts = %D%/api/go_refused.sh
TESTS += $(api_scripts)
EXTRA_DIST += $(api_scripts)

# --- tests/api
api_tests = \
	tests/api/after_func \
	tests/api/await \
	tests/api/barrier \
	tests/api/blocking \
	tests/api/blocking_pool \
	tests/api/bufio \
	tests/api/cancel \
	tests/api/cancel_rules \
	tests/api/chan \
	tests/api/chan_partners \
	tests/api/clock \
	tests/api/cond \
	tests/api/coro \
	tests/api/culprit \
	tests/api/defer \
	tests/api/deadlock \
	tests/api/discard \
	tests/api/embed \
	tests/api/errors \
	tests/api/exit \
	tests/api/fairness \
	tests/api/file \
	tests/api/file_busy \
	tests/api/file_full \
	tests/api/file_tree \
	tests/api/fork \
	tests/api/go \
	tests/api/io \
	tests/api/io_close \
	tests/api/io_copy \
	tests/api/io_message \
	tests/api/io_wait \
	tests/api/join \
	tests/api/latch \
	tests/api/limits \
	tests/api/local \
	tests/api/lockcycle \
	tests/api/loop \
	tests/api/loop_owner \
	tests/api/mutex \
	tests/api/net \
	tests/api/net_accept \
	tests/api/net_connect \
	tests/api/old_kernel \
	tests/api/once \
	tests/api/oneshot \
	tests/api/outside \
	tests/api/overflow \
	tests/api/panic \
	tests/api/panic_told \
	tests/api/park \
	tests/api/process \
	tests/api/process_command \
	tests/api/process_spawn \
	tests/api/resolve \
	tests/api/routine \
	tests/api/runtime \
	tests/api/rwlock \
	tests/api/rwlock_crowd \
	tests/api/scope \
	tests/api/scope_go \
	tests/api/scope_leave \
	tests/api/select \
	tests/api/select_ends \
	tests/api/select_waits \
	tests/api/sem \
	tests/api/shield \
	tests/api/signal \
	tests/api/sleep \
	tests/api/supervise \
	tests/api/timer \
	tests/api/timer_crowd \
	tests/api/timer_select \
	tests/api/timer_shared \
	tests/api/try \
	tests/api/unwind \
	tests/api/waitgroup
check_PROGRAMS += $(api_tests)
TESTS += $(api_tests)
tests_api_await_SOURCES = %D%/api/await.c $(crit_support)
tests_api_await_LDADD = $(api_libs)
tests_api_await_LDFLAGS = $(api_ldflags)
tests_api_barrier_SOURCES = %D%/api/barrier.c $(crit_support)
tests_api_barrier_LDADD = $(api_libs)
tests_api_barrier_LDFLAGS = $(api_ldflags)
tests_api_after_func_SOURCES = %D%/api/after_func.c $(crit_support)
tests_api_after_func_LDADD = $(api_libs)
tests_api_after_func_LDFLAGS = $(api_ldflags)
tests_api_blocking_SOURCES = %D%/api/blocking.c $(crit_support)
tests_api_blocking_LDADD = $(api_libs)
tests_api_blocking_LDFLAGS = $(api_ldflags)
tests_api_chan_SOURCES = %D%/api/chan.c $(crit_support)
tests_api_chan_LDADD = $(api_libs)
tests_api_chan_LDFLAGS = $(api_ldflags)
tests_api_chan_partners_SOURCES = %D%/api/chan_partners.c $(crit_support)
tests_api_chan_partners_LDADD = $(api_libs)
tests_api_chan_partners_LDFLAGS = $(api_ldflags)
tests_api_clock_SOURCES = %D%/api/clock.c $(crit_support)
tests_api_clock_LDADD = $(api_libs)
tests_api_clock_LDFLAGS = $(api_ldflags)
tests_api_cond_SOURCES = %D%/api/cond.c $(crit_support)
tests_api_cond_LDADD = $(api_libs)
tests_api_cond_LDFLAGS = $(api_ldflags)
tests_api_coro_SOURCES = %D%/api/coro.c $(crit_support)
tests_api_coro_LDADD = $(api_libs)
tests_api_coro_LDFLAGS = $(api_ldflags)
tests_api_defer_SOURCES = %D%/api/defer.c $(crit_support)
tests_api_defer_LDADD = $(api_libs)
tests_api_defer_LDFLAGS = $(api_ldflags)
tests_api_deadlock_SOURCES = %D%/api/deadlock.c $(crit_support)
tests_api_deadlock_LDADD = $(api_libs)
tests_api_deadlock_LDFLAGS = $(api_ldflags)
tests_api_discard_SOURCES = %D%/api/discard.c $(crit_support)
tests_api_discard_LDADD = $(api_libs)
tests_api_discard_LDFLAGS = $(api_ldflags)
tests_api_embed_SOURCES = %D%/api/embed.c $(crit_support)
tests_api_embed_LDADD = $(api_libs)
tests_api_embed_LDFLAGS = $(api_ldflags)
tests_api_errors_SOURCES = %D%/api/errors.c $(crit_support)
tests_api_errors_LDADD = $(api_libs)
tests_api_errors_LDFLAGS = $(api_ldflags)
tests_api_file_tree_SOURCES = %D%/api/file_tree.c $(crit_support)
tests_api_file_tree_LDADD = $(api_libs)
tests_api_file_tree_LDFLAGS = $(api_ldflags)
tests_api_file_busy_SOURCES = %D%/api/file_busy.c $(crit_support)
tests_api_file_busy_LDADD = $(api_libs)
tests_api_file_busy_LDFLAGS = $(api_ldflags)
tests_api_file_full_SOURCES = %D%/api/file_full.c $(crit_support)
tests_api_file_full_LDADD = $(api_libs)
tests_api_file_full_LDFLAGS = $(api_ldflags)
tests_api_file_SOURCES = %D%/api/file.c $(crit_support)
tests_api_file_LDADD = $(api_libs)
tests_api_file_LDFLAGS = $(api_ldflags)
tests_api_blocking_pool_SOURCES = %D%/api/blocking_pool.c $(crit_support)
tests_api_blocking_pool_LDADD = $(api_libs)
tests_api_blocking_pool_LDFLAGS = $(api_ldflags)
tests_api_go_SOURCES = %D%/api/go.c $(crit_support)
tests_api_go_LDADD = $(api_libs)
tests_api_go_LDFLAGS = $(api_ldflags)
tests_api_join_SOURCES = %D%/api/join.c $(crit_support)
tests_api_join_LDADD = $(api_libs)
tests_api_join_LDFLAGS = $(api_ldflags)
tests_api_latch_SOURCES = %D%/api/latch.c $(crit_support)
tests_api_latch_LDADD = $(api_libs)
tests_api_latch_LDFLAGS = $(api_ldflags)
tests_api_limits_SOURCES = %D%/api/limits.c $(crit_support)
tests_api_limits_LDADD = $(api_libs)
tests_api_limits_LDFLAGS = $(api_ldflags)
tests_api_local_SOURCES = %D%/api/local.c $(crit_support)
tests_api_local_LDADD = $(api_libs)
tests_api_local_LDFLAGS = $(api_ldflags)
tests_api_old_kernel_SOURCES = %D%/api/old_kernel.c $(crit_support) $(net_support)
tests_api_old_kernel_LDADD = $(api_libs)
tests_api_old_kernel_LDFLAGS = $(api_ldflags)
tests_api_once_SOURCES = %D%/api/once.c $(crit_support)
tests_api_once_LDADD = $(api_libs)
tests_api_once_LDFLAGS = $(api_ldflags)
tests_api_oneshot_SOURCES = %D%/api/oneshot.c $(crit_support)
tests_api_oneshot_LDADD = $(api_libs)
tests_api_oneshot_LDFLAGS = $(api_ldflags)
tests_api_outside_SOURCES = %D%/api/outside.c $(crit_support)
tests_api_outside_LDADD = $(api_libs)
tests_api_outside_LDFLAGS = $(api_ldflags)
tests_api_overflow_SOURCES = %D%/api/overflow.c $(crit_support)
tests_api_overflow_LDADD = $(api_libs)
tests_api_overflow_LDFLAGS = $(api_ldflags)
tests_api_lockcycle_SOURCES = %D%/api/lockcycle.c $(crit_support)
tests_api_lockcycle_LDADD = $(api_libs)
tests_api_lockcycle_LDFLAGS = $(api_ldflags)
tests_api_loop_SOURCES = %D%/api/loop.c $(crit_support)
tests_api_loop_LDADD = $(api_libs)
tests_api_loop_LDFLAGS = $(api_ldflags)
tests_api_loop_owner_SOURCES = %D%/api/loop_owner.c $(crit_support)
tests_api_loop_owner_LDADD = $(api_libs)
tests_api_loop_owner_LDFLAGS = $(api_ldflags)
tests_api_timer_crowd_SOURCES = %D%/api/timer_crowd.c $(crit_support)
tests_api_timer_crowd_LDADD = $(api_libs)
tests_api_timer_crowd_LDFLAGS = $(api_ldflags)
tests_api_culprit_SOURCES = %D%/api/culprit.c $(crit_support)
tests_api_culprit_LDADD = $(api_libs)
tests_api_culprit_LDFLAGS = $(api_ldflags)
tests_api_mutex_SOURCES = %D%/api/mutex.c $(crit_support)
tests_api_mutex_LDADD = $(api_libs)
tests_api_mutex_LDFLAGS = $(api_ldflags)
tests_api_net_SOURCES = %D%/api/net.c $(crit_support) $(net_support)
tests_api_net_LDADD = $(api_libs)
tests_api_net_LDFLAGS = $(api_ldflags)
tests_api_net_accept_SOURCES = %D%/api/net_accept.c $(crit_support) $(net_support)
tests_api_net_accept_LDADD = $(api_libs)
tests_api_net_accept_LDFLAGS = $(api_ldflags)
tests_api_net_connect_SOURCES = %D%/api/net_connect.c $(crit_support) $(net_support)
tests_api_net_connect_LDADD = $(api_libs)
tests_api_net_connect_LDFLAGS = $(api_ldflags)
tests_api_resolve_SOURCES = %D%/api/resolve.c $(crit_support) $(net_support)
tests_api_resolve_LDADD = $(api_libs)
tests_api_resolve_LDFLAGS = $(api_ldflags)
tests_api_panic_SOURCES = %D%/api/panic.c $(crit_support)
tests_api_panic_LDADD = $(api_libs)
tests_api_panic_LDFLAGS = $(api_ldflags)
tests_api_panic_told_SOURCES = %D%/api/panic_told.c $(crit_support)
tests_api_panic_told_LDADD = $(api_libs)
tests_api_panic_told_LDFLAGS = $(api_ldflags)
tests_api_park_SOURCES = %D%/api/park.c $(crit_support)
tests_api_park_LDADD = $(api_libs)
tests_api_park_LDFLAGS = $(api_ldflags)
tests_api_routine_SOURCES = %D%/api/routine.c $(crit_support)
tests_api_routine_LDADD = $(api_libs)
tests_api_routine_LDFLAGS = $(api_ldflags)
tests_api_runtime_SOURCES = %D%/api/runtime.c $(crit_support)
tests_api_runtime_LDADD = $(api_libs)
tests_api_runtime_LDFLAGS = $(api_ldflags)
tests_api_sem_SOURCES = %D%/api/sem.c $(crit_support)
tests_api_sem_LDADD = $(api_libs)
tests_api_sem_LDFLAGS = $(api_ldflags)
tests_api_rwlock_crowd_SOURCES = %D%/api/rwlock_crowd.c $(crit_support)
tests_api_rwlock_crowd_LDADD = $(api_libs)
tests_api_rwlock_crowd_LDFLAGS = $(api_ldflags)
tests_api_rwlock_SOURCES = %D%/api/rwlock.c $(crit_support)
tests_api_rwlock_LDADD = $(api_libs)
tests_api_rwlock_LDFLAGS = $(api_ldflags)
tests_api_cancel_SOURCES = %D%/api/cancel.c $(crit_support)
tests_api_cancel_LDADD = $(api_libs)
tests_api_cancel_LDFLAGS = $(api_ldflags)
tests_api_cancel_rules_SOURCES = %D%/api/cancel_rules.c $(crit_support)
tests_api_cancel_rules_LDADD = $(api_libs)
tests_api_cancel_rules_LDFLAGS = $(api_ldflags)
tests_api_scope_SOURCES = %D%/api/scope.c $(crit_support)
tests_api_scope_LDADD = $(api_libs)
tests_api_scope_LDFLAGS = $(api_ldflags)
tests_api_scope_leave_SOURCES = %D%/api/scope_leave.c $(crit_support)
tests_api_scope_leave_LDADD = $(api_libs)
tests_api_scope_leave_LDFLAGS = $(api_ldflags)
tests_api_shield_SOURCES = %D%/api/shield.c $(crit_support)
tests_api_shield_LDADD = $(api_libs)
tests_api_shield_LDFLAGS = $(api_ldflags)
tests_api_supervise_SOURCES = %D%/api/supervise.c $(crit_support)
tests_api_supervise_LDADD = $(api_libs)
tests_api_supervise_LDFLAGS = $(api_ldflags)
tests_api_scope_go_SOURCES = %D%/api/scope_go.c $(crit_support)
tests_api_scope_go_LDADD = $(api_libs)
tests_api_scope_go_LDFLAGS = $(api_ldflags)
tests_api_select_SOURCES = %D%/api/select.c $(crit_support)
tests_api_select_LDADD = $(api_libs)
tests_api_select_LDFLAGS = $(api_ldflags)
tests_api_select_waits_SOURCES = %D%/api/select_waits.c $(crit_support)
tests_api_select_waits_LDADD = $(api_libs)
tests_api_select_waits_LDFLAGS = $(api_ldflags)
tests_api_select_ends_SOURCES = %D%/api/select_ends.c $(crit_support)
tests_api_select_ends_LDADD = $(api_libs)
tests_api_select_ends_LDFLAGS = $(api_ldflags)
tests_api_fairness_SOURCES = %D%/api/fairness.c $(crit_support)
tests_api_fairness_LDADD = $(api_libs)
tests_api_fairness_LDFLAGS = $(api_ldflags)
tests_api_sleep_SOURCES = %D%/api/sleep.c $(crit_support)
tests_api_sleep_LDADD = $(api_libs)
tests_api_sleep_LDFLAGS = $(api_ldflags)
tests_api_timer_SOURCES = %D%/api/timer.c $(crit_support)
tests_api_timer_LDADD = $(api_libs)
tests_api_timer_LDFLAGS = $(api_ldflags)
tests_api_timer_select_SOURCES = %D%/api/timer_select.c $(crit_support)
tests_api_timer_select_LDADD = $(api_libs)
tests_api_timer_select_LDFLAGS = $(api_ldflags)
tests_api_timer_shared_SOURCES = %D%/api/timer_shared.c $(crit_support)
tests_api_timer_shared_LDADD = $(api_libs)
tests_api_timer_shared_LDFLAGS = $(api_ldflags)
tests_api_try_SOURCES = %D%/api/try.c $(crit_support)
tests_api_try_LDADD = $(api_libs)
tests_api_try_LDFLAGS = $(api_ldflags)
tests_api_unwind_SOURCES = %D%/api/unwind.c $(crit_support)
tests_api_unwind_LDADD = $(api_libs)
tests_api_unwind_LDFLAGS = $(api_ldflags)
tests_api_exit_SOURCES = %D%/api/exit.c $(crit_support)
tests_api_exit_LDADD = $(api_libs)
tests_api_exit_LDFLAGS = $(api_ldflags)
tests_api_fork_SOURCES = %D%/api/fork.c $(crit_support)
tests_api_fork_LDADD = $(api_libs)
tests_api_fork_LDFLAGS = $(api_ldflags)
tests_api_process_SOURCES = %D%/api/process.c $(crit_support)
tests_api_process_LDADD = $(api_libs)
tests_api_process_LDFLAGS = $(api_ldflags)
tests_api_process_command_SOURCES = %D%/api/process_command.c $(crit_support)
tests_api_process_command_LDADD = $(api_libs)
tests_api_process_command_LDFLAGS = $(api_ldflags)
tests_api_process_spawn_SOURCES = %D%/api/process_spawn.c $(crit_support)
tests_api_process_spawn_LDADD = $(api_libs)
tests_api_process_spawn_LDFLAGS = $(api_ldflags)
tests_api_signal_SOURCES = %D%/api/signal.c $(crit_support)
tests_api_signal_LDADD = $(api_libs)
tests_api_signal_LDFLAGS = $(api_ldflags)
tests_api_waitgroup_SOURCES = %D%/api/waitgroup.c $(crit_support)
tests_api_waitgroup_LDADD = $(api_libs)
tests_api_waitgroup_LDFLAGS = $(api_ldflags)

if HAVE_OPENSSL
tls_tests = \
	tests/api/tls \
	tests/api/tls_crowd \
	tests/api/tls_ends \
	tests/api/tls_left \
	tests/api/tls_tools
check_PROGRAMS += $(tls_tests)
TESTS += $(tls_tests)
tls_cflags = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tls_libs = libweft-tls.la $(api_libs) $(OPENSSL_LIBS)
tests_api_tls_SOURCES = %D%/api/tls.c $(crit_support)
tests_api_tls_CFLAGS = $(tls_cflags)
tests_api_tls_LDADD = $(tls_libs)
tests_api_tls_LDFLAGS = $(api_ldflags)
tests_api_tls_crowd_SOURCES = %D%/api/tls_crowd.c $(crit_support)
tests_api_tls_crowd_CFLAGS = $(tls_cflags)
tests_api_tls_crowd_LDADD = $(tls_libs)
tests_api_tls_crowd_LDFLAGS = $(api_ldflags)
tests_api_tls_ends_SOURCES = %D%/api/tls_ends.c $(crit_support)
tests_api_tls_ends_CFLAGS = $(tls_cflags)
tests_api_tls_ends_LDADD = $(tls_libs)
tests_api_tls_ends_LDFLAGS = $(api_ldflags)
tests_api_tls_left_SOURCES = %D%/api/tls_left.c $(crit_support)
tests_api_tls_left_CFLAGS = $(tls_cflags)
tests_api_tls_left_LDADD = $(tls_libs)
tests_api_tls_left_LDFLAGS = $(api_ldflags)
tests_api_tls_tools_SOURCES = %D%/api/tls_tools.c $(crit_support)
tests_api_tls_tools_CFLAGS = $(tls_cflags)
tests_api_tls_tools_LDADD = $(tls_libs)
tests_api_tls_tools_LDFLAGS = $(api_ldflags)
check_PROGRAMS += tests/unit/sweep_tls
TESTS += tests/unit/sweep_tls
tests_unit_sweep_tls_SOURCES = %D%/unit/sweep_tls.c $(sweep_support) \
	src/tls/context.c src/tls/handshake.c src/tls/stream.c \
	src/tls/wire.c src/tls/outcome.c $(crit_support)
tests_unit_sweep_tls_CFLAGS = $(tls_cflags)
tests_unit_sweep_tls_LDADD = $(crit_libs) $(OPENSSL_LIBS)
tests_unit_sweep_tls_LDFLAGS = $(sweep_ldflags)
check_PROGRAMS += tests/regress/0034-left-in-tls
TESTS += tests/regress/0034-left-in-tls
tests_regress_0034_left_in_tls_SOURCES = %D%/regress/0034-left-in-tls.c
tests_regress_0034_left_in_tls_CFLAGS = $(tls_cflags)
tests_regress_0034_left_in_tls_LDADD = $(tls_libs)
tests_regress_0034_left_in_tls_LDFLAGS = $(api_ldflags)
endif
EXTRA_DIST += %D%/support/meet.h %D%/support/pki.h
tests_api_bufio_SOURCES = %D%/api/bufio.c $(crit_support)
tests_api_bufio_LDADD = $(api_libs)
tests_api_bufio_LDFLAGS = $(api_ldflags)
tests_api_io_SOURCES = %D%/api/io.c $(crit_support)
tests_api_io_LDADD = $(api_libs)
tests_api_io_LDFLAGS = $(api_ldflags)
tests_api_io_close_SOURCES = %D%/api/io_close.c $(crit_support)
tests_api_io_close_LDADD = $(api_libs)
tests_api_io_close_LDFLAGS = $(api_ldflags)
tests_api_io_copy_SOURCES = %D%/api/io_copy.c $(crit_support)
tests_api_io_copy_LDADD = $(api_libs)
tests_api_io_copy_LDFLAGS = $(api_ldflags)
tests_api_io_message_SOURCES = %D%/api/io_message.c $(crit_support)
tests_api_io_message_LDADD = $(api_libs)
tests_api_io_message_LDFLAGS = $(api_ldflags)
tests_api_io_wait_SOURCES = %D%/api/io_wait.c $(crit_support)
tests_api_io_wait_LDADD = $(api_libs)
tests_api_io_wait_LDFLAGS = $(api_ldflags)

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
	tests/regress/0010-busy-queues \
	tests/regress/0011-open-claim \
	tests/regress/0012-stale-reason \
	tests/regress/0013-signal-gave-up \
	tests/regress/0014-join-at-stop \
	tests/regress/0015-cancel-at-stop \
	tests/regress/0016-spawn-at-stop \
	tests/regress/0017-look-and-read \
	tests/regress/0018-urgent-mark \
	tests/regress/0019-closer-left \
	tests/regress/0020-closer-waits \
	tests/regress/0021-two-pollers \
	tests/regress/0022-drop-at-stop \
	tests/regress/0023-parts-of-one-file \
	tests/regress/0025-signal-on-its-way \
	tests/regress/0026-stopped-culprit \
	tests/regress/0027-discard-holds \
	tests/regress/0028-wait-untold \
	tests/regress/0029-spawn-join-pile \
	tests/regress/0030-firing-not-blocked \
	tests/regress/0031-freed-in-a-call \
	tests/regress/0032-unborn-helper \
	tests/regress/0033-nobody-opens-it \
	tests/regress/0035-look-and-ask \
	tests/regress/0036-ordered-overtaken
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
tests_regress_0011_open_claim_SOURCES = %D%/regress/0011-open-claim.c
tests_regress_0012_stale_reason_SOURCES = %D%/regress/0012-stale-reason.c
tests_regress_0013_signal_gave_up_SOURCES = %D%/regress/0013-signal-gave-up.c
tests_regress_0014_join_at_stop_SOURCES = %D%/regress/0014-join-at-stop.c
tests_regress_0015_cancel_at_stop_SOURCES = %D%/regress/0015-cancel-at-stop.c
tests_regress_0016_spawn_at_stop_SOURCES = %D%/regress/0016-spawn-at-stop.c
tests_regress_0017_look_and_read_SOURCES = %D%/regress/0017-look-and-read.c
tests_regress_0018_urgent_mark_SOURCES = %D%/regress/0018-urgent-mark.c
tests_regress_0019_closer_left_SOURCES = %D%/regress/0019-closer-left.c
tests_regress_0020_closer_waits_SOURCES = %D%/regress/0020-closer-waits.c
tests_regress_0021_two_pollers_SOURCES = %D%/regress/0021-two-pollers.c
tests_regress_0022_drop_at_stop_SOURCES = %D%/regress/0022-drop-at-stop.c
tests_regress_0023_parts_of_one_file_SOURCES = %D%/regress/0023-parts-of-one-file.c
tests_regress_0025_signal_on_its_way_SOURCES = %D%/regress/0025-signal-on-its-way.c
tests_regress_0026_stopped_culprit_SOURCES = %D%/regress/0026-stopped-culprit.c
tests_regress_0027_discard_holds_SOURCES = %D%/regress/0027-discard-holds.c
tests_regress_0028_wait_untold_SOURCES = %D%/regress/0028-wait-untold.c
tests_regress_0029_spawn_join_pile_SOURCES = %D%/regress/0029-spawn-join-pile.c
tests_regress_0030_firing_not_blocked_SOURCES = %D%/regress/0030-firing-not-blocked.c
tests_regress_0031_freed_in_a_call_SOURCES = %D%/regress/0031-freed-in-a-call.c
tests_regress_0032_unborn_helper_SOURCES = %D%/regress/0032-unborn-helper.c
tests_regress_0033_nobody_opens_it_SOURCES = %D%/regress/0033-nobody-opens-it.c
tests_regress_0035_look_and_ask_SOURCES = %D%/regress/0035-look-and-ask.c
tests_regress_0036_ordered_overtaken_SOURCES = %D%/regress/0036-ordered-overtaken.c

# --- tests/stress
stress_tests = \
	tests/stress/cancel \
	tests/stress/chan \
	tests/stress/chaos \
	tests/stress/drive \
	tests/stress/io \
	tests/stress/lock \
	tests/stress/net \
	tests/stress/select \
	tests/stress/sync \
	tests/stress/timer \
	tests/stress/wait
check_PROGRAMS += $(stress_tests)
TESTS += $(stress_tests)
EXTRA_DIST += %D%/stress/stress.h
tests_stress_cancel_SOURCES = %D%/stress/cancel.c
tests_stress_wait_SOURCES = %D%/stress/wait.c
tests_stress_chan_SOURCES = %D%/stress/chan.c
tests_stress_chaos_SOURCES = %D%/stress/chaos.c
tests_stress_drive_SOURCES = %D%/stress/drive.c
tests_stress_io_SOURCES = %D%/stress/io.c
tests_stress_lock_SOURCES = %D%/stress/lock.c
tests_stress_net_SOURCES = %D%/stress/net.c
tests_stress_select_SOURCES = %D%/stress/select.c
tests_stress_timer_SOURCES = %D%/stress/timer.c
tests_stress_sync_SOURCES = %D%/stress/sync.c

# --- tests/fuzz: make check runs each target over its corpus; make fuzz has
# libFuzzer think up more
fuzz_support = %D%/fuzz/fuzz.h %D%/fuzz/session.c
fuzz_kv_sources = %D%/fuzz/kv.c $(fuzz_support) \
	examples/kv/resp.c \
	examples/kv/command.c \
	examples/kv/strings.c \
	examples/kv/keys.c \
	examples/kv/collections.c \
	examples/kv/store.c \
	examples/kv/table.c \
	$(server_common)
fuzz_httpd_sources = %D%/fuzz/httpd.c $(fuzz_support) \
	examples/httpd/request.c \
	examples/httpd/stream_plain.c \
	$(server_common)
fuzz_tests = \
	tests/fuzz/addr \
	tests/fuzz/bufio \
	tests/fuzz/kv
FUZZERS = \
	tests/fuzz/addr-fuzzer \
	tests/fuzz/bufio-fuzzer \
	tests/fuzz/kv-fuzzer
if HAVE_HTTP_PARSER
fuzz_tests += tests/fuzz/httpd
FUZZERS += tests/fuzz/httpd-fuzzer
endif
check_PROGRAMS += $(fuzz_tests)
TESTS += $(fuzz_tests)
EXTRA_PROGRAMS += $(FUZZERS)
tests_fuzz_addr_SOURCES = %D%/fuzz/addr.c %D%/fuzz/replay.c $(fuzz_support)
tests_fuzz_bufio_SOURCES = %D%/fuzz/bufio.c %D%/fuzz/replay.c $(fuzz_support)
tests_fuzz_kv_SOURCES = %D%/fuzz/replay.c $(fuzz_kv_sources)
tests_fuzz_httpd_SOURCES = %D%/fuzz/replay.c $(fuzz_httpd_sources)
tests_fuzz_httpd_LDADD = $(LDADD) -lhttp_parser

fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_addr_fuzzer_SOURCES = %D%/fuzz/addr.c $(fuzz_support)
tests_fuzz_addr_fuzzer_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_bufio_fuzzer_SOURCES = %D%/fuzz/bufio.c $(fuzz_support)
tests_fuzz_bufio_fuzzer_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_kv_fuzzer_SOURCES = $(fuzz_kv_sources)
tests_fuzz_kv_fuzzer_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_httpd_fuzzer_SOURCES = $(fuzz_httpd_sources)
tests_fuzz_httpd_fuzzer_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_httpd_fuzzer_LDADD = $(LDADD) -lhttp_parser

EXTRA_DIST += \
	%D%/fuzz/addr.dict \
	%D%/fuzz/corpus \
	%D%/fuzz/httpd.dict \
	%D%/fuzz/kv.dict \
	%D%/fuzz/run.sh
.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)
fuzz:
	FUZZ_SECONDS='$(FUZZ_SECONDS)' $(SHELL) $(srcdir)/tests/fuzz/run.sh $(srcdir) $(FUZZ_TARGETS)
clean-local:
	-rm -rf build-fuzz

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
	-rm -rf tests/*/*.reports examples/*.reports examples/*/*.reports

# --- tests/soak: the example servers under load and faults; by hand, needs
# python3, openssl and curl, and for the clients what is found of them.  With all
# of these and as it is: some 12 minutes for the clients, 10 for the faults.
# CLIENT_SECONDS, CONNECTIONS, POLLERS and SOAK_SECONDS make it shorter or longer.
EXTRA_DIST += %D%/soak/clients.sh %D%/soak/servers.py
.PHONY: soak soak-clients
soak: soak-clients
	python3 $(srcdir)/tests/soak/servers.py . $(SOAK_SECONDS)
soak-clients: all
	$(SHELL) $(srcdir)/tests/soak/clients.sh . $(CLIENT_SECONDS)
