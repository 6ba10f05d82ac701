#!/bin/sh
# The manual: every exported function has its page, man/local.mk lists every
# page, mandoc finds nothing to say, and the examples build without a warning
# and, where the library is there, run.
top=$(cd "${srcdir:-.}" && pwd) || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
build=$PWD
LC_ALL=C
export LC_ALL
cd "$top/man" || exit 99

rc=0
say()
{
	echo "manpages: $*"
	rc=1
}

# What go() calls behind the scenes is explained in its header.
for f in $(sed -n '/global:/,/local:/s/^[ 	]*\(weft_[a-z0-9_]*\);.*/\1/p' \
	../src/weft.map ../src/*/weft-*.map | grep -v '^weft_go_capture'); do
	[ -f "$f.3" ] || {
		say "$f has no page"
		continue
	}
	page=$f.3
	link=$(sed -n 's|^\.so man3/||p' "$page")
	[ -n "$link" ] && page=$link
	grep -q "[ *]$f(" "$page" || say "$page has no synopsis of $f"
done

for page in *.[1-9]; do
	grep -qF "%D%/$page" local.mk || say "$page is not in man/local.mk"
	link=$(sed -n 's|^\.so man3/||p' "$page")
	if [ -n "$link" ]; then
		[ -f "$link" ] || say "$page: no $link"
		continue
	fi
	if command -v mandoc > /dev/null; then
		mandoc -Tlint -Wstyle "$page" || rc=1
	fi
	awk '/^\.SH/ { on = $2 == "EXAMPLE" }
	     on && /^\.EX/ { code = 1; next }
	     /^\.EE/ { code = 0 }
	     code { gsub(/\\-/, "-"); sub(/^\\&/, ""); gsub(/\\e/, "\\"); print }' \
		"$page" > "$tmp/example.c"
	[ -s "$tmp/example.c" ] || {
		say "$page has no example"
		continue
	}
	# shellcheck disable=SC2086
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -I"$top/include" \
		-c -o "$tmp/example.o" "$tmp/example.c" || {
		say "the example of $page does not compile"
		continue
	}
	[ -f "$build/.libs/libweft.so" ] || continue
	more=
	grep -q '^#include <weft/tls.h>' "$tmp/example.c" && more=-lweft-tls
	[ -z "$more" ] || [ -f "$build/.libs/libweft-tls.so" ] || continue
	[ "${weft_sanitizer:-none}" = none ] || continue
	# shellcheck disable=SC2086
	${CC:-cc} -o "$tmp/example" "$tmp/example.o" -L"$build/.libs" $more -lweft \
		-Wl,-rpath,"$build/.libs" -pthread || {
		say "the example of $page does not link"
		continue
	}
	# shellcheck disable=SC2086
	timeout 60 ${TEST_WRAPPER} "$tmp/example" > "$tmp/out" 2>&1 || {
		say "the example of $page fails:"
		cat "$tmp/out"
	}
done
exit $rc
