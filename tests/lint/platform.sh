#!/bin/sh
# CPU names live in m4/weft_arch.m4, src/arch and src/local.mk; operating system
# names in src/os.  Everywhere else a platform is chosen by file, not by #if;
# prose may name what it likes.  The clock is the monotonic one.
cd "${srcdir:-.}" || exit 99

rc=0
report()
{
	[ -z "$1" ] && return
	echo "$1"
	echo "platform: $2"
	rc=1
}

cpu='x86_64|x86-64|amd64|i386|aarch64|arm64|riscv|tpidr_el0|mxcsr|%fs:'
report "$(find src include -name '*.[chS]' ! -path 'src/arch/*' -exec \
	grep -nHiE "(^|[^a-z0-9])_*($cpu)" {} + |
	grep -vE '^[^:]*:[0-9]*:[ 	]*/?\*')" \
	"CPU name outside src/arch"
report "$(grep -nHiE "($cpu)" configure.ac Makefile.am | grep -v AC_ARG_VAR)" \
	"CPU name outside m4/weft_arch.m4"
report "$(find src include -name '*.[chS]' ! -path 'src/os/*' -exec \
	grep -nHE '^#[ 	]*(el)?if.*(__linux|__gnu_linux|__FreeBSD|__APPLE|__unix|_WIN32)' {} +)" \
	"operating system name outside src/os"
# Deadlines are on the monotonic clock: the time of day may jump.  What waits
# by it unless told otherwise must be told.
report "$(find src -name '*.[ch]' -exec grep -nHE \
	'CLOCK_REALTIME|CLOCK_TAI|gettimeofday|[^a-z_](time|timespec_get|mq_timed[a-z]*|sem_timedwait|pthread_[a-z_]*timed[a-z]*lock|thrd_sleep) *\(' {} + |
	grep -vE '^[^:]*:[0-9]*:[ 	]*/?\*')" \
	"the time of day in the library"
for f in $(grep -lrE 'pthread_cond_timedwait' src); do
	report "$(grep -L 'pthread_condattr_setclock' "$f")" \
		"pthread_cond_timedwait without pthread_condattr_setclock"
done
exit $rc
