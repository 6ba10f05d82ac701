#!/bin/sh
# Every path that a document of the tree names exists.
cd "${srcdir:-.}" || exit 99

rc=0
for doc in ARCHITECTURE README.md CONTRIBUTING src/arch/README bench/README; do
	[ -f "$doc" ] || { [ "$doc" = ARCHITECTURE ] && echo "no ARCHITECTURE" && rc=1; continue; }
	# shellcheck disable=SC2013
	for path in $(grep -oE '(^|[^A-Za-z0-9_./-])(src|include|tests|bench|examples|man|m4|build-aux|\.ci)/[]A-Za-z0-9_./<>*{}[,-]*' "$doc" |
		sed -e 's/^[^A-Za-z0-9_.]//' -e 's/[.,]*$//' | grep -v '[][<>*{}]' | sort -u); do
		case $path in
		bench/results* | tests/regress/*) continue ;;
		esac
		[ -e "$path" ] || [ -e "$path.c" ] || [ -e "$path.sh" ] || {
			echo "$doc: names $path, which does not exist"
			rc=1
		}
	done
done
exit $rc
