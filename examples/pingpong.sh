#!/bin/sh
# The ball is hit twice in every round.
. "${srcdir:-.}/examples/testlib.sh"

n=$(scale 1000000 100000 1000)
out=$(run "$n") || fail "exit status $?: $out"
echo "$out"
echo "$out" | grep -q "^$n rounds, $((2 * n)) hits: " || fail "wrong count"
