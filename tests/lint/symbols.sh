#!/bin/sh
# What libweft.so exports, what src/weft.map lists and what the public headers
# declare WEFT_API are the same; every global of the archive begins with weft_.
so=.libs/libweft.so
archive=.libs/libweft-core.a
top=${srcdir:-.}
lint=$(cd "$(dirname "$0")" && pwd) || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
LC_ALL=C
export LC_ALL

rc=0
sed -n '/global:/,/local:/s/^[ 	]*\(weft_[a-z0-9_]*\);.*/\1/p' "$top/src/weft.map" |
	sort > "$tmp/map"
cat "$top"/include/*.h "$top"/include/weft/*.h |
	${AWK:-awk} -f "$lint/exports.awk" | sort -u > "$tmp/headers"
diff "$tmp/map" "$tmp/headers" || {
	echo "symbols: src/weft.map (<) and WEFT_API in include/ (>) differ"
	rc=1
}
if [ -f "$so" ]; then
	${NM:-nm} -D --defined-only "$so" |
		awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort > "$tmp/so"
	diff "$tmp/map" "$tmp/so" || {
		echo "symbols: src/weft.map (<) and the exports of libweft.so (>) differ"
		rc=1
	}
fi
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
