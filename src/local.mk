# The library: sources in the order a routine meets them.  Layers: src/LAYERS.
noinst_LTLIBRARIES += libweft-core.la
libweft_core_la_CFLAGS = $(AM_CFLAGS) $(WEFT_LIB_CFLAGS) $(LIBURING_CFLAGS) $(CARES_CFLAGS)
libweft_core_la_LIBADD = $(LIBURING_LIBS) $(CARES_LIBS)
libweft_core_la_SOURCES = \
	%D%/base/base.h \
	%D%/base/panic.h \
	%D%/base/panic.c \
	%D%/base/atomic.h \
	%D%/base/spinlock.h \
	%D%/base/list.h \
	%D%/base/grid.h \
	%D%/base/capture.c \
	%D%/base/chaos.c \
	%D%/base/error.c \
	%D%/base/fork.h \
	%D%/base/fork.c \
	%D%/arch/arch.h \
	%D%/os/os.h \
	%D%/os/clock.c \
	%D%/os/cpus.c \
	%D%/os/elf.c \
	%D%/os/futex.c \
	%D%/os/memory.c \
	%D%/os/spinwait.c \
	%D%/os/symbol.c \
	%D%/os/tell.h \
	%D%/os/tell.c \
	%D%/os/thread.h \
	%D%/os/thread.c \
	%D%/os/sys.h \
	%D%/os/syscall.h \
	%D%/os/sys.c \
	%D%/os/sysfile.h \
	%D%/os/sysfile.c \
	%D%/poll/poller.h \
	%D%/poll/poller.c \
	%D%/poll/nap.h \
	%D%/poll/epoll.c \
	%D%/poll/fdmap.h \
	%D%/poll/fdmap.c \
	%D%/poll/poll.c \
	%D%/poll/uring.c \
	%D%/poll/ring.h \
	%D%/poll/ring.c \
	%D%/poll/slots.h \
	%D%/poll/bulk.h \
	%D%/poll/bulk.c \
	%D%/sched/spawn.c \
	%D%/routine/routine.h \
	%D%/routine/record.c \
	%D%/sched/runq.h \
	%D%/sched/runq.c \
	%D%/sched/injectq.h \
	%D%/sched/injectq.c \
	%D%/sched/worker.h \
	%D%/sched/worker.c \
	%D%/sched/steal.c \
	%D%/sched/idle.h \
	%D%/sched/idle.c \
	%D%/sched/watch.h \
	%D%/sched/watch.c \
	%D%/sched/cork.h \
	%D%/sched/cork.c \
	%D%/routine/stack.h \
	%D%/routine/stack.c \
	%D%/routine/guard.c \
	%D%/routine/overflow.h \
	%D%/routine/overflow.c \
	%D%/routine/sanitize.h \
	%D%/routine/sanitize.c \
	%D%/routine/sanitize_inline.h \
	%D%/routine/slab.h \
	%D%/routine/slab.c \
	%D%/routine/trim.c \
	%D%/sched/park.h \
	%D%/sched/park_inline.h \
	%D%/sched/park.c \
	%D%/sched/plain.c \
	%D%/sched/cancel.h \
	%D%/sched/cancel.c \
	%D%/sched/timers.h \
	%D%/sched/timers.c \
	%D%/sched/alarm.h \
	%D%/sched/alarm.c \
	%D%/sched/blocking.h \
	%D%/sched/blocking.c \
	%D%/sched/submit.h \
	%D%/sched/submit.c \
	%D%/sched/culprit.h \
	%D%/sched/culprit.c \
	%D%/sched/monitor.h \
	%D%/sched/monitor.c \
	%D%/sched/join.c \
	%D%/sched/runtime.h \
	%D%/sched/runtime.c \
	%D%/sched/config.c \
	%D%/sched/discard.c \
	%D%/sched/embed.c \
	%D%/sched/drive.h \
	%D%/sched/drive.c \
	%D%/sched/entry.c \
	%D%/sched/fork.h \
	%D%/sched/fork.c \
	%D%/sched/local.h \
	%D%/sched/local.c \
	%D%/sched/park_call.h \
	%D%/sched/permit.c \
	%D%/sched/pick.h \
	%D%/sched/queue.c \
	%D%/sched/report.c \
	%D%/sched/switch.h \
	%D%/sched/unwind.h \
	%D%/sched/unwind.c \
	%D%/sched/panics.h \
	%D%/sched/panics.c \
	%D%/chan/blocks.c \
	%D%/chan/chan.h \
	%D%/chan/chan.c \
	%D%/chan/many.c \
	%D%/chan/recv.c \
	%D%/chan/look.h \
	%D%/chan/look.c \
	%D%/chan/select.c \
	%D%/chan/send.c \
	%D%/chan/ticks.h \
	%D%/chan/ticks.c \
	%D%/sync/place.h \
	%D%/sync/mutex.h \
	%D%/sync/mutex.c \
	%D%/sync/rwlock.h \
	%D%/sync/rwlock.c \
	%D%/sync/rwwait.c \
	%D%/sync/tokens.h \
	%D%/sync/tokens.c \
	%D%/sync/cond.c \
	%D%/sync/lockgraph.h \
	%D%/sync/lockgraph.c \
	%D%/sync/waitgroup.c \
	%D%/sync/waitlist.h \
	%D%/sync/waitlist.c \
	%D%/sync/once.c \
	%D%/sync/sem.c \
	%D%/sync/barrier.c \
	%D%/sync/latch.c \
	%D%/sync/oneshot.c \
	%D%/sync/await.c \
	%D%/io/desc.h \
	%D%/io/desc.c \
	%D%/io/edge.c \
	%D%/io/io.h \
	%D%/io/read.c \
	%D%/io/write.c \
	%D%/io/message.c \
	%D%/io/disk.c \
	%D%/io/copy.c \
	%D%/io/fd.c \
	%D%/io/bufio.c \
	%D%/net/net.h \
	%D%/net/resolve.c \
	%D%/net/addr.c \
	%D%/net/listen.c \
	%D%/net/dial.c \
	%D%/net/connect.c \
	%D%/net/accept.c \
	%D%/process/process.h \
	%D%/process/signal.h \
	%D%/process/signal.c \
	%D%/process/waitpid.c \
	%D%/process/child.c \
	%D%/process/command.c \
	%D%/process/exit.c \
	%D%/time/sleep.c \
	%D%/time/timer.c \
	%D%/scope/scope.h \
	%D%/scope/scope.c \
	%D%/scope/child.c \
	%D%/scope/cancel.c \
	%D%/scope/shield.c \
	%D%/scope/supervise.c \
	%D%/scope/panic.c \
	%D%/scope/defer.c \
	%D%/scope/try.c \
	%D%/file/op.h \
	%D%/file/op.c \
	%D%/file/file.c \
	%D%/file/rw.c \
	%D%/file/name.c \
	%D%/file/whole.c \
	%D%/file/dir.c \
	%D%/file/walk.c \
	%D%/coro/coro.c
if ARCH_X86_64
libweft_core_la_SOURCES += %D%/arch/x86_64/arch_cpu.h %D%/arch/x86_64/switch.S
endif
if ARCH_AARCH64
libweft_core_la_SOURCES += %D%/arch/aarch64/arch_cpu.h %D%/arch/aarch64/switch.S
endif
if ARCH_RISCV64
libweft_core_la_SOURCES += %D%/arch/riscv64/arch_cpu.h %D%/arch/riscv64/switch.S
endif

if HAVE_CARES
libweft_core_la_SOURCES += %D%/net/ares.c
endif

# Unit tests reach hidden symbols through libweft-core.la, users link this.
lib_LTLIBRARIES += libweft.la
libweft_la_SOURCES =
libweft_la_LIBADD = libweft-core.la $(PTHREAD_LIBS)
libweft_la_LDFLAGS = $(AM_LDFLAGS) $(SAN_CFLAGS) -no-undefined \
	-version-info $(WEFT_ABI) \
	-Wl,-Bsymbolic-functions -Wl,--version-script=$(srcdir)/%D%/weft.map
EXTRA_libweft_la_DEPENDENCIES = %D%/weft.map

include_HEADERS = include/weft.h
weftincludedir = $(includedir)/weft
weftinclude_HEADERS = \
	include/weft/base.h \
	include/weft/bufio.h \
	include/weft/chan.h \
	include/weft/coro.h \
	include/weft/file.h \
	include/weft/go.h \
	include/weft/go_scope.h \
	include/weft/loop.h \
	include/weft/go_select.h \
	include/weft/panic.h \
	include/weft/process.h \
	include/weft/io.h \
	include/weft/routine.h \
	include/weft/runtime.h \
	include/weft/scope.h \
	include/weft/supervise.h \
	include/weft/select.h \
	include/weft/sync.h \
	include/weft/mutex.h \
	include/weft/rwlock.h \
	include/weft/cond.h \
	include/weft/waitgroup.h \
	include/weft/once.h \
	include/weft/sem.h \
	include/weft/barrier.h \
	include/weft/latch.h \
	include/weft/oneshot.h \
	include/weft/await.h \
	include/weft/net.h \
	include/weft/time.h \
	include/weft/version.h

# TLS: a library of its own, over OpenSSL and what is public of weft.
if HAVE_OPENSSL
weftinclude_HEADERS += include/weft/tls.h
lib_LTLIBRARIES += libweft-tls.la
libweft_tls_la_CFLAGS = $(AM_CFLAGS) $(WEFT_LIB_CFLAGS) $(OPENSSL_CFLAGS)
libweft_tls_la_SOURCES = \
	%D%/tls/connection.h \
	%D%/tls/context.c \
	%D%/tls/handshake.c \
	%D%/tls/stream.c \
	%D%/tls/wire.c \
	%D%/tls/outcome.c
libweft_tls_la_LIBADD = libweft.la $(OPENSSL_LIBS) $(PTHREAD_LIBS)
libweft_tls_la_LDFLAGS = $(AM_LDFLAGS) $(SAN_CFLAGS) -no-undefined \
	-version-info $(WEFT_ABI) \
	-Wl,-Bsymbolic-functions -Wl,--version-script=$(srcdir)/%D%/tls/weft-tls.map
EXTRA_libweft_tls_la_DEPENDENCIES = %D%/tls/weft-tls.map
endif

EXTRA_DIST += %D%/LAYERS %D%/weft.map %D%/tls/weft-tls.map %D%/arch/README
