#!/bin/sh
# The program in README.md is examples/hello.c, word for word, and prints what
# README.md says it prints.  Every other whole program there compiles, and every
# piece of C in doc/, with <weft/go.h> included.
srcdir=${srcdir:-.}
readme=$srcdir/README.md
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
rc=0

# Each block of C goes to $tmp/PREFIX.N.c; of README.md those with a main.
blocks()
{
	awk -v to="$tmp/$2" -v all="$3" '
		/^```c$/	{ inside = 1; text = ""; main = 0; next }
		/^```$/ && inside {
			inside = 0
			if (main || all)
				printf "%s", text > (to "." ++n ".c")
			next
		}
		inside	{ text = text $0 "\n"; if (/^int main\(/) main = 1 }
	' "$1" || exit 99
}
blocks "$readme" README ""
for page in "$srcdir"/doc/*.md; do
	blocks "$page" "$(basename "$page" .md)" all
done

cmp "$tmp/README.1.c" "$srcdir/examples/hello.c" || {
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
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function \
		-fsyntax-only -I"$srcdir/include" -include errno.h \
		-include stdio.h -include weft/go.h "$program" || {
		echo "${program##*/}: this block of C does not compile"
		rc=1
	}
done
exit $rc
