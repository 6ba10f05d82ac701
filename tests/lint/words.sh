#!/bin/sh
# No notes to self in the tree, and no test that synchronises by sleeping.
cd "${srcdir:-.}" || exit 99

rc=0
places=
for p in src include tests bench examples man m4 build-aux .ci README.md \
	ARCHITECTURE CONTRIBUTING NEWS configure.ac Makefile.am quickstart bootstrap; do
	[ -e "$p" ] && places="$places $p"
done
# shellcheck disable=SC2086
found=$(find $places -type f ! -path 'tests/lint/*' ! -path 'm4/l*.m4' \
	! -path 'build-aux/*' ! -name CONTRIBUTING -exec \
	grep -nHwIE 'TO''DO|FIX''ME|X''XX|HACK' {} +)
[ -z "$found" ] || {
	echo "$found"
	echo "words: do it or leave it out"
	rc=1
}
found=$(find tests -name '*.c' ! -path 'tests/support/*' -exec \
	grep -nHE '(^|[^a-z_])(sleep|usleep|nanosleep|clock_nanosleep|thrd_sleep)[ 	]*\(' {} +)
[ -z "$found" ] || {
	echo "$found"
	echo "words: a test waits for a condition, never for a time"
	rc=1
}
exit $rc
