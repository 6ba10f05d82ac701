#!/bin/sh
# Ordered atomics cite their rule, and each rule has two sides: see pairs.awk.
lint=$(cd "$(dirname "$0")" && pwd) || exit 99
cd "${srcdir:-.}" || exit 99
find src -name '*.[ch]' ! -path src/base/atomic.h | sort |
	xargs "${AWK:-awk}" -f "$lint/pairs.awk"
