#!/bin/sh
# Every source is in a local.mk: a file the build does not know is dead, and is
# missing from the release.
cd "${srcdir:-.}" || exit 99

rc=0
for f in $(find src include tests bench examples man -type f \
	\( -name '*.[chS]' -o -name '*.cc' -o -name '*.sh' -o -name '*.awk' -o -name '*.[1-9]' -o -name '*.out' -o -name '*.pml' -o -name '*.go' \) | sort); do
	dir=${f%%/*}
	mk=$dir/local.mk
	[ "$dir" = include ] && mk=src/local.mk
	base=${f#"$dir"/}
	case $f in
	tests/*.cc) base=${base%.cc} ;;
	examples/*.c | bench/*.c | tests/*.c) base=${base%.c} ;;
	esac
	grep -qF -e "$base" "$mk" || {
		echo "$f: not in $mk"
		rc=1
	}
done
exit $rc
