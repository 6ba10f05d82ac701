#!/bin/sh
# Disassembles the shared library: no address made from the thread pointer is
# held across a switch.  The rule, exactly: tls.awk.  LIBRARY may name another
# file.
#
# HANDLERS are signal handlers: they may hold errno around their work, for no
# handler is left by a switch.
HANDLERS="on_fault on_urgent on_signal"
lint=$(cd "$(dirname "$0")" && pwd) || exit 99
so=${LIBRARY:-.libs/libweft.so}
[ "${weft_sanitizer:-none}" = none ] || {
	echo "a sanitizer's own code is not ours"
	exit 77
}
[ -f "$so" ] || so=.libs/libweft-core.a
[ -f "$so" ] || {
	echo "tls: no library to look at"
	exit 77
}
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
${OBJDUMP:-objdump} -d --no-show-raw-insn "$so" > "$out" || exit 99
${AWK:-awk} -v verbose=1 -v handlers="$HANDLERS" -f "$lint/tls.awk" "$out"
