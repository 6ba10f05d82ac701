#!/bin/sh
# Counts what wc -w counts, in real files and in awkward ones.
. "${srcdir:-.}/examples/testlib.sh"

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# Is a byte that is neither printable nor white space a word of its own?
strict=
[ "$(printf 'a \001 b' | wc -w)" -eq 3 ] && strict=-s

mkdir -p "$tmp/tree/a/b/c" "$tmp/tree/empty dir" "$tmp/sub"
printf 'no newline at the end' > "$tmp/tree/a/open"
printf 'next\001to\nit \001 \377 \303\251t\303\251\v1\f2\r3\t4\n' > "$tmp/tree/a/b/odd"
: > "$tmp/tree/a/b/c/empty"
printf 'a name with blanks\n' > "$tmp/tree/a/b/two words"
ln -s ../a "$tmp/tree/a/loop"
awk 'BEGIN { for (i = 0; i < 40000; i++) printf "word%d%s", i, i % 7 ? " " : "\n" }' \
	> "$tmp/tree/long"
i=0
while [ $i -lt 300 ]; do
	echo "$i is the number of this file" > "$tmp/tree/empty dir/$i"
	i=$((i + 1))
done

# check DIRECTORY
check() {
	want=$(find "$1" -type f -exec wc -w {} + |
		awk '$2 != "total" { n += $1 } END { print n + 0 }')
	files=$(find "$1" -type f | wc -l)
	for one in '' -1; do
		# shellcheck disable=SC2086
		out=$(run $one $strict "$1") ||
			fail "exit status $?: $out"
		echo "wordcount $one: $out; wc -w: $want"
		case $out in
		"$want words in $((files)) files: "*) ;;
		*) fail "want $want words in $((files)) files" ;;
		esac
	done
}

check "$tmp/tree"
check "$srcdir/src"
run "$tmp/missing" >/dev/null 2>&1 && fail "a missing directory is fine?"
run >/dev/null 2>&1 && fail "no argument is fine?"
exit 0
