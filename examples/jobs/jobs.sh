#!/bin/sh
# Outputs in order and whole, failures counted, time limits kept.
# testlib.sh and serverlib.sh set what is not set here.
# shellcheck disable=SC2154

. "${srcdir:-.}/examples/testlib.sh"
. "${srcdir:-.}/examples/serverlib.sh"

run_jobs() {
	# shellcheck disable=SC2086
	${TEST_WRAPPER:-} "$program" "$@" > "$tmp/out" 2> "$tmp/err"
	status=$?
}

# The later a job is in the list, the sooner it is done.
i=0
while [ $i -lt 40 ]; do
	echo "sleep 0.$((4 - i / 10)); echo $i; echo $i more >&2"
	i=$((i + 1))
done > "$tmp/list"
awk 'BEGIN { for (i = 0; i < 40; i++) print i "\n" i " more" }' > "$tmp/want"
run_jobs -j 40 "$tmp/list"
same 0 $status "status"
diff -u "$tmp/want" "$tmp/out" || fail "outputs are not in order"
run_jobs -j 40 < "$tmp/list"
diff -u "$tmp/want" "$tmp/out" || fail "nor from the standard input"

# More jobs than may run: never more than that at a time.
i=0
while [ $i -lt 60 ]; do
	echo "echo 1 >> $tmp/now; echo $i; echo -1 >> $tmp/now"
	i=$((i + 1))
done > "$tmp/list"
run_jobs -j 3 "$tmp/list"
same 0 $status "status"
same 60 "$(wc -l < "$tmp/out")" "lines"
same 120 "$(wc -l < "$tmp/now")" "beginnings and ends"
awk '(n += $1) > 3 { exit 1 }' "$tmp/now" || fail "more than 3 at a time"

printf 'true\nfalse\n\nexit 7\nkill -9 $$\nno-such-command\n' > "$tmp/list"
run_jobs -v "$tmp/list"
same 4 $status "failures"
for sign in 'exit status 1: false' 'exit status 7' 'signal 9' 'exit status 127'; do
	grep -q "$sign" "$tmp/err" || fail "not told: $sign"
done

# Output that cannot be written is told, and is no success.
if [ -w /dev/full ]; then
	printf 'echo 1\n\necho 2\n' > "$tmp/list"
	# shellcheck disable=SC2086
	${TEST_WRAPPER:-} "$program" "$tmp/list" > /dev/full 2> "$tmp/err"
	same 255 $? "status of lost output"
	grep -q 'No space left' "$tmp/err" || fail "not told that output is lost"
fi

# What a job has started dies with it.  A busy machine needs longer for the rest.
printf 'echo before; sleep 1000 & sleep 1000; echo after\necho next\n' > "$tmp/list"
for t in "$(scale 2 3 8)" 10 40; do
	run_jobs -j 2 -t "$t" "$tmp/list"
	[ $status != 1 ] || [ "$(wc -l < "$tmp/out")" -lt 2 ] || break
done
same 1 $status "after its time"
same "before next" "$(tr '\n' ' ' < "$tmp/out" | sed 's/ $//')" "output"
grep -q 'killed after its time' "$tmp/err" || fail "not told of the time"

{ echo 'sleep 1000'; echo false; echo 'echo never'; echo 'echo never'; } > "$tmp/list"
run_jobs -k -j 2 "$tmp/list"
same 2 $status "failures with -k"
same "" "$(cat "$tmp/out")" "output with -k"

run_jobs "$tmp/missing"
same 255 $status "a missing file"
run_jobs -j 0
same 2 $status "-j 0"
