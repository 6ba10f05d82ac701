#!/bin/sh
# run-test.sh PROGRAM [ARG...]: run one test program, print plain TAP.
#
# Three kinds of program, told apart by their source:
#   has Test(...) in it        Criterion or minicrit: prints TAP itself
#   lives in examples/         its output must equal examples/NAME.out, or
#                              examples/NAME.sh PROGRAM must succeed
#   anything else              its exit status is the verdict, 77 is a skip
#
# From the environment:
#   TEST_WRAPPER   program that runs it: qemu-aarch64, valgrind ...
#   TEST_TIMEOUT   seconds a plain program may take (default 150); one with
#                  Test(...) in it, which has limits of its own, and a script,
#                  which runs many, twice that
#   srcdir         top of the source tree
#
# Criterion hides a test's own output under --tap and ignores what a process
# does after the test's body ended, so reports of sanitizers and of valgrind go
# to files, and a file left behind is a failure.  For that reason build paths
# must contain no comma, colon or space.
srcdir=${srcdir:-.}
prog=$1
shift
name=${prog#./}
case $prog in
/* | ./*) ;;
*) prog=./$prog ;;
esac

limit=${TEST_TIMEOUT:-150}
began=$(date +%s)
reports=$PWD/$name.reports
rm -rf "$reports"
mkdir -p "$reports" || exit 99
to="log_path=$reports/san"
ASAN_OPTIONS="handle_segv=0:handle_abort=0:detect_stack_use_after_return=1:$to${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
TSAN_OPTIONS="die_after_fork=0:handle_segv=0:handle_abort=0:$to${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
UBSAN_OPTIONS="handle_segv=0:print_stacktrace=1:$to${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
LSAN_OPTIONS="$to${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
export ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS
case $TEST_WRAPPER in
*valgrind*)
	# The system's own programs run as they are: it takes a second to load
	# each, and loses signals that come while one executes another.
	TEST_WRAPPER="$TEST_WRAPPER --trace-children=yes --log-file=$reports/vg.%p
		--trace-children-skip=/bin/*,/usr/bin/*,/sbin/*,/usr/sbin/*"
	;;
*qemu*)
	# Its child of a fork takes GLib's slice allocator as another thread left
	# it, locked perhaps, and then never ends; malloc is put right by fork.
	export G_SLICE=always-malloc
	;;
esac
export TEST_WRAPPER srcdir
# Death tests would litter the build directory; WEFT_... of the caller's shell
# would change what the tests see.
# shellcheck disable=SC3045
ulimit -c 0
unset WEFT_WORKERS WEFT_STACK WEFT_DEBUG WEFT_FLAGS

# One TAP line for a program whose exit status is the verdict: $1 is the
# status, the rest goes behind the name.
verdict()
{
	status=$1
	shift
	sed 's/^/# /' "$reports/output"
	case $status in
	0) echo "ok 1 - $name $*" ;;
	77) echo "ok 1 - $name # SKIP $(tail -n 1 "$reports/output")" ;;
	124) echo "not ok 1 - $name timed out after $limit s" ;;
	*) echo "not ok 1 - $name exit status $status $*" ;;
	esac
}

run()
{
	# shellcheck disable=SC2086
	timeout -k 10 "$limit" ${TEST_WRAPPER} "$prog" "$@"
}

rc=0
if grep -qsE '^Test(Suite)?\(' "$srcdir/$name.c"; then
	# shellcheck disable=SC2086
	timeout -k 10 $((2 * limit)) ${TEST_WRAPPER} "$prog" --tap --color=never \
		-j"${CRITERION_JOBS:-1}" "$@" > "$reports/tap"
	rc=$?
	cat "$reports/tap"
	[ $rc != 124 ] || echo "Bail out! $name timed out after $((2 * limit)) s"
	# What TAP has told as a failure is not told again as an error.
	if [ $rc = 1 ] && grep -q '^not ok' "$reports/tap"; then
		rc=0
	fi
elif [ -f "$srcdir/$name.sh" ]; then
	echo 1..1
	limit=$((2 * limit))
	timeout -k 10 "$limit" sh "$srcdir/$name.sh" "$prog" > "$reports/output" 2>&1
	verdict $?
elif [ -f "$srcdir/$name.out" ]; then
	echo 1..1
	run "$@" > "$reports/stdout" 2> "$reports/output"
	rc=$?
	if [ $rc = 0 ]; then
		diff -u "$srcdir/$name.out" "$reports/stdout" >> "$reports/output"
		rc=$?
	fi
	verdict $rc
	rc=0
else
	echo 1..1
	run "$@" > "$reports/output" 2>&1
	verdict $? "$(grep -o 'seed=[0-9a-fx]*' "$reports/output" | tail -n 1)"
fi

echo "# $(($(date +%s) - began)) s $name"
bad=
for f in "$reports"/san.* "$reports"/vg.*; do
	[ -f "$f" ] || continue
	case $f in
	*/vg.*) grep -q 'ERROR SUMMARY: [1-9]' "$f" || continue ;;
	esac
	bad=1
	sed 's/^/# /' "$f"
done
if [ -n "$bad" ]; then
	echo "Bail out! sanitizer or valgrind reports in $reports"
	exit 1
fi
rm -rf "$reports"
exit $rc
