#!/bin/sh
# A store behind the proxy answers as if it were not there.
# testlib.sh and serverlib.sh set what is not set here.
# shellcheck disable=SC2154

. "${srcdir:-.}/examples/testlib.sh"
. "${srcdir:-.}/examples/serverlib.sh"
need redis-cli

start ./examples/kv/kv -p 0
kv=$pid kv_from=$reader kv_port=${line##*:}
start "$program" -p 0 127.0.0.1 "$kv_port"
proxy=$pid proxy_from=$reader
echo "$line"
port=${line%% to *}
port=${port##*:}

head -c 2000000 /dev/urandom | od -An -tx1 > "$tmp/big"
same OK "$(redis-cli -p "$port" -x SET big < "$tmp/big")" "through the proxy"
redis-cli -p "$kv_port" GET big > "$tmp/direct"
redis-cli -p "$port" GET big > "$tmp/through"
cmp "$tmp/direct" "$tmp/through" || fail "it came out different"

if command -v redis-benchmark >/dev/null; then
	n=$(scale 20000 4000 400)
	redis-benchmark -p "$port" -q -n "$n" -c 50 -P 8 incr total > "$tmp/bench"
	same "$n" "$(redis-cli -p "$kv_port" GET total)" "increments"
fi

if command -v python3 >/dev/null; then
	python3 - "$port" <<-'EOF' || fail "half-closing"
	import socket, sys
	# All is said before the first answer is read: the end of input must not
	# overtake it, and a client that reads late must not lose anything.
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
	s.sendall(b"GET big\r\n" * 5 + b"PING\r\n")
	s.shutdown(socket.SHUT_WR)
	n, last = 0, b""
	while True:
	    part = s.recv(65536)
	    if not part:
	        break
	    n, last = n + len(part), (last + part)[-7:]
	sys.exit(last != b"+PONG\r\n" or n < 25000000)
	EOF
fi

stop "$proxy" "$proxy_from"
stop "$kv" "$kv_from"
# Not the store's port: that may be another's by now.
start "$program" -p 0 127.0.0.1 1
port=${line%% to *}
redis-cli -p "${port##*:}" PING > "$tmp/none" 2>&1
stop "$pid" "$reader" > "$tmp/said"
cat "$tmp/said"
grep -q ' [1-9][0-9]* could not be passed on' "$tmp/said" ||
	fail "nobody noticed that there is no store"
faults proxy "$program" ./examples/kv/kv
