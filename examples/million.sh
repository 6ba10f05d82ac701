#!/bin/sh
# Every routine parks, every answer arrives.
. "${srcdir:-.}/examples/testlib.sh"

n=$(scale 1000000 100000 1000)
out=$(run "$n") || fail "exit status $?: $out"
echo "$out"
echo "$out" | grep -q "^$n routines wait: " || fail "they did not wait"
echo "$out" | grep -qx "the sum of the answers is $((n * (n + 1)))" ||
	fail "wrong sum"
run 0 2>/dev/null
[ $? -eq 2 ] || fail "no usage message for a count of 0"
