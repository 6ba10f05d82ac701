#!/bin/sh
# The program in README.md is examples/hello.c, word for word, and prints what
# README.md says it prints.  Every other whole program there compiles.
srcdir=${srcdir:-.}
readme=$srcdir/README.md
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
rc=0

# Each block of C with a main goes to $tmp/N.c.
awk -v dir="$tmp" '
	/^```c$/	{ inside = 1; text = ""; main = 0; next }
	/^```$/ && inside {
		inside = 0
		if (main)
			printf "%s", text > (dir "/" ++n ".c")
		next
	}
	inside		{ text = text $0 "\n"; if (/^int main\(/) main = 1 }
' "$readme" || exit 99

cmp "$tmp/1.c" "$srcdir/examples/hello.c" || {
	echo "README.md: its first program is not examples/hello.c"
	rc=1
}
grep -qxF "$(cat "$srcdir/examples/hello.out")" "$readme" || {
	echo "README.md: does not show what examples/hello.c prints"
	rc=1
}
for program in "$tmp"/*.c; do
	# CC may carry options.
	# shellcheck disable=SC2086
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -fsyntax-only \
		-I"$srcdir/include" "$program" || {
		echo "README.md: program ${program##*/} does not compile"
		rc=1
	}
done
exit $rc
