#!/bin/sh
# What libweft.so exports, what src/weft.map lists and what the public headers
# declare WEFT_API are the same, and so for each library beside it; every global
# of the archive begins with weft_.
archive=.libs/libweft-core.a
top=${srcdir:-.}
lint=$(cd "$(dirname "$0")" && pwd) || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
LC_ALL=C
export LC_ALL

rc=0
# agree MAP LIBRARY HEADER...
agree()
{
	map=$1 so=$2
	shift 2
	sed -n '/global:/,/local:/s/^[ 	]*\(weft_[a-z0-9_]*\);.*/\1/p' \
		"$top/src/$map" | sort > "$tmp/map"
	cat "$@" | ${AWK:-awk} -f "$lint/exports.awk" | sort -u > "$tmp/headers"
	diff "$tmp/map" "$tmp/headers" || {
		echo "symbols: src/$map (<) and WEFT_API in its headers (>) differ"
		rc=1
	}
	[ -f "$so" ] || return
	${NM:-nm} -D --defined-only "$so" |
		awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort > "$tmp/so"
	diff "$tmp/map" "$tmp/so" || {
		echo "symbols: src/$map (<) and the exports of $so (>) differ"
		rc=1
	}
}
# What lies in a library of its own, with a map of its own, is not the core's.
core=
for h in "$top"/include/*.h "$top"/include/weft/*.h; do
	[ -f "$top/src/$(basename "$h" .h)/weft-$(basename "$h" .h).map" ] ||
		core="$core $h"
done
# shellcheck disable=SC2086
agree weft.map .libs/libweft.so $core
for map in "$top"/src/*/weft-*.map; do
	[ -f "$map" ] || continue
	part=$(basename "$(dirname "$map")")
	agree "$part/weft-$part.map" ".libs/libweft-$part.so" \
		"$top/include/weft/$part.h"
done
if [ -f "$archive" ]; then
	${NM:-nm} -g --defined-only "$archive" |
		awk 'NF == 3 && $2 != "W" && $2 != "V" && $3 !~ /^(weft_|__odr_asan)/ { print $3 }' > "$tmp/bad"
	if [ -s "$tmp/bad" ]; then
		echo "symbols: globals of the archive that do not begin with weft_:"
		cat "$tmp/bad"
		rc=1
	fi
fi
exit $rc
