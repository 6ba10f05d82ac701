# testlib.sh - sourced by the tests of examples whose output varies.  They run
# in the top of the build tree; srcdir is the top of the source tree.

srcdir=${srcdir:-.}
LC_ALL=C
export LC_ALL

# run [ARGUMENT...]: the program under test, the first argument of the script,
# through the emulator or valgrind if there is one.
program=${1:?usage: $0 PROGRAM}
run() {
	# TEST_WRAPPER is a command with arguments.
	# shellcheck disable=SC2086
	${TEST_WRAPPER:-} "$program" "$@"
}

# scale FULL SOME FEW: which of three sizes this build and machine can take.
scale() {
	if [ -n "${TEST_WRAPPER:-}" ] || grep -qs -e '-fsanitize=[a-z,]*thread' Makefile
	then
		echo "$3"
	elif grep -qs -e '-fsanitize=' Makefile ||
	     [ "$(awk '/^MemAvailable/ { print int($2 / 1e6) }' /proc/meminfo)" -lt 5 ]
	then
		echo "$2"
	else
		echo "$1"
	fi
}

# fail SENTENCE
fail() {
	echo "$0: $*" >&2
	exit 1
}
