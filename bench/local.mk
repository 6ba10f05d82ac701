# The benchmarks: no part of `make all`; `make bench` builds and runs them.
# They are linked statically, as a program that cares for speed would be.

BENCH_PROGS = %D%/switch %D%/yield %D%/spawn %D%/join %D%/pingpong \
	%D%/stream %D%/chan %D%/ring %D%/skynet %D%/sieve %D%/nqueens \
	%D%/parked %D%/steal %D%/cpu %D%/select \
	%D%/mutex %D%/rwlock %D%/cond \
	%D%/timer %D%/sleep \
	%D%/scope \
	%D%/load %D%/mute %D%/echo %D%/http %D%/kv %D%/file %D%/dns
EXTRA_PROGRAMS += $(BENCH_PROGS)

BENCH_COMMON = %D%/bench.c %D%/bench.h
BENCH_LIBS = libweft.la $(PTHREAD_LIBS)

%C%_switch_SOURCES = %D%/switch.c %D%/limit.h $(BENCH_COMMON)
%C%_switch_LDADD = $(BENCH_LIBS)
%C%_switch_LDFLAGS = $(AM_LDFLAGS) -static
%C%_yield_SOURCES = %D%/yield.c $(BENCH_COMMON)
%C%_yield_LDADD = $(BENCH_LIBS)
%C%_yield_LDFLAGS = $(AM_LDFLAGS) -static
%C%_spawn_SOURCES = %D%/spawn.c $(BENCH_COMMON)
%C%_spawn_LDADD = $(BENCH_LIBS)
%C%_spawn_LDFLAGS = $(AM_LDFLAGS) -static
%C%_join_SOURCES = %D%/join.c $(BENCH_COMMON)
%C%_join_LDADD = $(BENCH_LIBS)
%C%_join_LDFLAGS = $(AM_LDFLAGS) -static
%C%_pingpong_SOURCES = %D%/pingpong.c $(BENCH_COMMON)
%C%_pingpong_LDADD = $(BENCH_LIBS)
%C%_pingpong_LDFLAGS = $(AM_LDFLAGS) -static
%C%_stream_SOURCES = %D%/stream.c $(BENCH_COMMON)
%C%_stream_LDADD = $(BENCH_LIBS)
%C%_stream_LDFLAGS = $(AM_LDFLAGS) -static
%C%_chan_SOURCES = %D%/chan.c $(BENCH_COMMON)
%C%_chan_LDADD = $(BENCH_LIBS)
%C%_chan_LDFLAGS = $(AM_LDFLAGS) -static
%C%_ring_SOURCES = %D%/ring.c $(BENCH_COMMON)
%C%_ring_LDADD = $(BENCH_LIBS)
%C%_ring_LDFLAGS = $(AM_LDFLAGS) -static
%C%_skynet_SOURCES = %D%/skynet.c $(BENCH_COMMON)
%C%_skynet_LDADD = $(BENCH_LIBS)
%C%_skynet_LDFLAGS = $(AM_LDFLAGS) -static
%C%_sieve_SOURCES = %D%/sieve.c $(BENCH_COMMON)
%C%_sieve_LDADD = $(BENCH_LIBS)
%C%_sieve_LDFLAGS = $(AM_LDFLAGS) -static
%C%_nqueens_SOURCES = %D%/nqueens.c $(BENCH_COMMON)
%C%_nqueens_LDADD = $(BENCH_LIBS)
%C%_nqueens_LDFLAGS = $(AM_LDFLAGS) -static
%C%_parked_SOURCES = %D%/parked.c $(BENCH_COMMON)
%C%_parked_LDADD = $(BENCH_LIBS)
%C%_parked_LDFLAGS = $(AM_LDFLAGS) -static
%C%_steal_SOURCES = %D%/steal.c $(BENCH_COMMON)
%C%_steal_LDADD = $(BENCH_LIBS)
%C%_steal_LDFLAGS = $(AM_LDFLAGS) -static
%C%_cpu_SOURCES = %D%/cpu.c $(BENCH_COMMON)
%C%_cpu_LDADD = $(BENCH_LIBS)
%C%_cpu_LDFLAGS = $(AM_LDFLAGS) -static
%C%_select_SOURCES = %D%/select.c $(BENCH_COMMON)
%C%_select_LDADD = $(BENCH_LIBS)
%C%_select_LDFLAGS = $(AM_LDFLAGS) -static
%C%_mutex_SOURCES = %D%/mutex.c $(BENCH_COMMON)
%C%_mutex_LDADD = $(BENCH_LIBS)
%C%_mutex_LDFLAGS = $(AM_LDFLAGS) -static
%C%_rwlock_SOURCES = %D%/rwlock.c $(BENCH_COMMON)
%C%_rwlock_LDADD = $(BENCH_LIBS)
%C%_rwlock_LDFLAGS = $(AM_LDFLAGS) -static
%C%_cond_SOURCES = %D%/cond.c $(BENCH_COMMON)
%C%_cond_LDADD = $(BENCH_LIBS)
%C%_cond_LDFLAGS = $(AM_LDFLAGS) -static
%C%_timer_SOURCES = %D%/timer.c $(BENCH_COMMON)
%C%_timer_LDADD = $(BENCH_LIBS)
%C%_timer_LDFLAGS = $(AM_LDFLAGS) -static
%C%_sleep_SOURCES = %D%/sleep.c $(BENCH_COMMON)
%C%_sleep_LDADD = $(BENCH_LIBS)
%C%_sleep_LDFLAGS = $(AM_LDFLAGS) -static
%C%_scope_SOURCES = %D%/scope.c $(BENCH_COMMON)
%C%_scope_LDADD = $(BENCH_LIBS)
%C%_scope_LDFLAGS = $(AM_LDFLAGS) -static
%C%_load_SOURCES = %D%/load.c
%C%_load_LDADD =
%C%_mute_SOURCES = %D%/mute.c
%C%_mute_LDADD =
%C%_echo_SOURCES = %D%/echo.c %D%/client.c %D%/client.h $(BENCH_COMMON)
%C%_echo_LDADD = $(BENCH_LIBS)
%C%_echo_LDFLAGS = $(AM_LDFLAGS) -static
%C%_http_SOURCES = %D%/http.c %D%/client.c %D%/client.h $(BENCH_COMMON)
%C%_http_LDADD = $(BENCH_LIBS)
%C%_http_LDFLAGS = $(AM_LDFLAGS) -static
%C%_kv_SOURCES = %D%/kv.c %D%/client.c %D%/client.h $(BENCH_COMMON)
%C%_kv_LDADD = $(BENCH_LIBS)
%C%_kv_LDFLAGS = $(AM_LDFLAGS) -static
%C%_file_SOURCES = %D%/file.c $(BENCH_COMMON)
%C%_file_LDADD = $(BENCH_LIBS)
%C%_file_LDFLAGS = $(AM_LDFLAGS) -static
%C%_dns_SOURCES = %D%/dns.c %D%/client.c %D%/client.h $(BENCH_COMMON)
%C%_dns_LDADD = $(BENCH_LIBS)
%C%_dns_LDFLAGS = $(AM_LDFLAGS) -static

EXTRA_DIST += %D%/README %D%/run %D%/rows.py %D%/plot.py \
	%D%/instructions.py %D%/instructions.tsv \
	%D%/results/2026-11-22-amd-epyc-6403d4a.tsv \
	%D%/results/2026-11-22-intel-r-xeon-r-processor-901ff0c.tsv \
	%D%/plots/2026-11-22-amd-epyc-6403d4a.svg \
	%D%/plots/2026-11-22-intel-r-xeon-r-processor-901ff0c.svg \
	%D%/go/go.mod %D%/go/main.go %D%/go/switch.go %D%/go/yield.go \
	%D%/go/spawn.go %D%/go/join.go %D%/go/pingpong.go %D%/go/stream.go \
	%D%/go/chan.go %D%/go/ring.go %D%/go/skynet.go %D%/go/sieve.go \
	%D%/go/nqueens.go %D%/go/parked.go %D%/go/steal.go %D%/go/select.go \
	%D%/go/mutex.go %D%/go/rwlock.go %D%/go/cond.go \
	%D%/go/timer.go %D%/go/sleep.go \
	%D%/go/scope.go \
	%D%/go/client.go %D%/go/echo.go %D%/go/http.go %D%/go/kv.go \
	%D%/go/file.go %D%/go/dns.go
CLEANFILES += $(BENCH_PROGS) %D%/twins %D%/last.tsv

BENCH_RUN = '$(srcdir)/%D%/run' --build='$(abs_builddir)/%D%'

# Some rows load the servers of the examples.
bench-build: $(BENCH_PROGS) $(server_programs)

# BENCHFLAGS: see bench/run --help, e.g. BENCHFLAGS='--rows=pingpong --plot'
bench: bench-build
	@command -v python3 >/dev/null || { \
		echo 'make bench: python3 is missing; install it and try again' >&2; \
		exit 1; }
	$(BENCH_RUN) $(BENCHFLAGS)

bench-quick:
	$(MAKE) $(AM_MAKEFLAGS) bench BENCHFLAGS='--quick $(BENCHFLAGS)'

bench-instructions:
	$(MAKE) $(AM_MAKEFLAGS) bench BENCHFLAGS='--instructions $(BENCHFLAGS)'

.PHONY: bench bench-build bench-quick bench-instructions
