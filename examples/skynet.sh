#!/bin/sh
# The sum is right for a full tree, a ragged one and a single leaf.
. "${srcdir:-.}/examples/testlib.sh"

for n in 1 10 4711 "$(scale 1000000 100000 1000)"; do
	out=$(run "$n") || fail "exit status $?: $out"
	echo "$out"
	echo "$out" | grep -q "^$n leaves, sum $((n * (n - 1) / 2)): " ||
		fail "wrong sum for $n leaves"
done
run 0 2>/dev/null
[ $? -eq 2 ] || fail "no usage message for no leaves"
