#!/bin/sh
# Speaks with Redis's own clients.  kv.replies is what Redis 7.0 says to
# kv.commands.
# testlib.sh and serverlib.sh set what is not set here.
# shellcheck disable=SC2154

. "${srcdir:-.}/examples/testlib.sh"
. "${srcdir:-.}/examples/serverlib.sh"
need redis-cli

start "$program" -p 0
server=$pid from=$reader
port=${line##*:}
echo "$line"
ask() {
	redis-cli -p "$port" "$@"
}

ask < "$srcdir/examples/kv/kv.commands" > "$tmp/replies" || fail "redis-cli: $?"
diff -u "$srcdir/examples/kv/kv.replies" "$tmp/replies" || fail "wrong replies"

# Time goes on meanwhile.
for how in 'EX 100' 'PX 100000'; do
	# shellcheck disable=SC2086
	same OK "$(ask SET lasting x $how)" "$how"
	ttl=$(ask TTL lasting)
	[ "$ttl" -gt 10 ] && [ "$ttl" -le 100 ] || fail "$ttl s of $how are left"
done
same 1 "$(ask EXPIRE lasting 200)" "EXPIRE"
ttl=$(ask TTL lasting)
[ "$ttl" -gt 110 ] && [ "$ttl" -le 200 ] || fail "$ttl s of 200 are left"
ask DEL lasting > "$tmp/got"

head -c 3000000 /dev/urandom | od -An -tx1 > "$tmp/big"
same OK "$(ask -x SET big < "$tmp/big")" "a big value"
ask GET big > "$tmp/got"
cmp -s "$tmp/big" "$tmp/got" || {
	# redis-cli ends it with a line feed of its own
	{ cat "$tmp/big"; echo; } | cmp -s - "$tmp/got" || fail "a wrong value"
}
ask DEL big > "$tmp/got"

# A key that nobody asks for goes, too.
same OK "$(ask SET soon gone PX 20)" "PX"
until [ "$(ask DBSIZE)" = 0 ]; do
	:
done

if command -v redis-benchmark >/dev/null; then
	n=$(scale 4000 960 160)
	for depth in 1 16; do
		redis-benchmark -p "$port" -q -n "$n" -c 20 -P $depth \
			> "$tmp/bench" 2>&1 || fail "redis-benchmark: $?"
		tr '\r' '\n' < "$tmp/bench" | grep -iE 'error|failed' |
			grep -v 'fetch server CONFIG' && fail "redis-benchmark"
	done
	# Nothing was lost: as many as it has counted.
	redis-benchmark -p "$port" -q -n "$n" -c 20 -P 16 incr total > "$tmp/bench"
	same "$n" "$(ask GET total)" "increments"
else
	echo "redis-benchmark is missing: no load"
fi
stop "$server" "$from"

start "$program" -p 0
port=${line##*:}
ask SHUTDOWN > /dev/null 2>&1
wait "$pid" || fail "after SHUTDOWN: $?"
forget "$pid"
faults kv "$program"
