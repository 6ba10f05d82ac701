#!/bin/sh
# run.sh SRCDIR [TARGET...]: let libFuzzer think up inputs for each target, or
# for these, FUZZ_SECONDS (60) each; `make fuzz` calls it.  Needs clang.
#
# In build-fuzz of the current directory is a build of its own, with the
# sanitizers.  There stay corpus/TARGET, inputs that each reach something new,
# and found/TARGET-*, those that are bugs: `tests/fuzz/TARGET FILE` repeats one
# in any build.  The status is 1 when something was found.
set -eu

top=$(cd "${1:?SRCDIR}" && pwd)
shift
command -v clang > /dev/null || {
	echo "fuzz: clang is missing"
	exit 1
}
mkdir -p build-fuzz/found
cd build-fuzz
[ -f Makefile ] || "$top/configure" -q CC=clang CXX=clang++ \
	--enable-sanitizer=address,undefined --enable-debug=1 \
	--disable-shared --with-criterion=no \
	CFLAGS='-O1 -g -fsanitize=fuzzer-no-link'
make -s -j"$(nproc)" fuzzers

status=0
if [ $# = 0 ]; then
	for f in tests/fuzz/*-fuzzer; do
		f=${f##*/}
		set -- "$@" "${f%-fuzzer}"
	done
fi
for t; do
	mkdir -p "corpus/$t"
	set --
	[ ! -f "$top/tests/fuzz/$t.dict" ] ||
		set -- "-dict=$top/tests/fuzz/$t.dict"
	# A symbolizer that tells of what is new would look like two descriptors
	# left open.
	"tests/fuzz/$t-fuzzer" -max_total_time="${FUZZ_SECONDS:-60}" \
		-max_len=1500 -timeout=60 -rss_limit_mb=3000 -print_funcs=0 \
		-print_final_stats=1 -artifact_prefix="found/$t-" "$@" \
		"corpus/$t" "$top/tests/fuzz/corpus/$t" > "$t.log" 2>&1 || status=1
	echo "$t: $(grep -E 'DONE|SUMMARY|: MUST' "$t.log" | tail -n 1)"
done
[ $status = 0 ] || ls -l found
exit $status
