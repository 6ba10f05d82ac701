#!/bin/sh
# Each public header compiles alone, as C11 and as C++17, with every compiler
# that is here, warnings as errors; twice included is once included.
inc=${srcdir:-.}/include
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

rc=0
# try LANGUAGE STANDARD COMPILER...
try()
{
	lang=$1 std=$2
	shift 2
	command -v "$1" >/dev/null || return 0
	for h in "$inc"/*.h "$inc"/weft/*.h; do
		name=${h#"$inc"/}
		[ "$lang" = c++ ] && grep -q 'not for C++' "$h" && continue
		printf '#include <%s>\n#include <%s>\nint weft_dummy;\n' "$name" "$name" > "$tmp/t.c"
		"$@" -x "$lang" -std="$std" -fsyntax-only -Wall -Wextra \
			-Wno-unused-function -Werror -I"$inc" "$tmp/t.c" || {
			echo "headers: $name is not good $std for $*"
			rc=1
		}
	done
}

# shellcheck disable=SC2086
{
	try c gnu11 ${CC:-cc}
	try c c11 ${CC:-cc}
	try c++ gnu++17 ${CXX:-c++}
}
[ -n "$HEADERS_ONE_COMPILER" ] && exit $rc
try c gnu11 gcc
try c gnu11 clang
try c++ gnu++17 g++
try c++ gnu++17 clang++
exit $rc
