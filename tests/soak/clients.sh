#!/bin/sh
# clients.sh BUILD [SECONDS] - the example servers under the load generators that
# are found: wrk, hey, h2load, ab, redis-benchmark, redis-cli, openssl, curl.
#
# Each poller (POLLERS), plain and TLS, 1, 100 and 1000 connections (CONNECTIONS),
# kept, closed after each request, and pipelined; each such run takes SECONDS (2),
# and longer where all shake hands first: for as long as the machine needs for so
# many handshakes, which is measured.  With all there is a poller takes about 60
# runs of SECONDS and one or two minutes more.  One line per run, with the minutes
# and seconds since the beginning; what is no good answer is a fault, and at the
# end their number is the verdict.
build=${1:?usage: $0 BUILD [SECONDS]}
seconds=${2:-2}
connections=${CONNECTIONS:-1 100 1000}
pollers=${POLLERS:-epoll uring poll}
began=$(date +%s)
LC_ALL=C
export LC_ALL
tmp=$(mktemp -d) || exit 99
servers=
# shellcheck disable=SC2086
trap '[ -z "$servers" ] || kill -9 $servers 2>/dev/null; rm -rf "$tmp"' EXIT
faults=0 runs=0 answers=0

# say WORD...: the time, and that.
say() {
	now=$(($(date +%s) - began))
	printf '%3d:%02d %s\n' $((now / 60)) $((now % 60)) "$*"
}

fault() {
	say "FAULT: $*"
	faults=$((faults + 1))
}

have() {
	command -v "$1" >/dev/null
}

# start PROGRAM [ARGUMENT...]: sets pid and line, the first that it prints.
start() {
	rm -f "$tmp/line"
	mkfifo "$tmp/line"
	"$@" > "$tmp/line" 2> "$tmp/errors" &
	pid=$!
	servers=$pid
	exec 3< "$tmp/line"
	read -r line <&3 || fault "$1 ended at once"
	cat <&3 > "$tmp/rest" &
	exec 3<&-
}

descriptors() {
	find "/proc/$pid/fd" | wc -l
}

# stop BEFORE: all descriptors have been given back, and it ends as it should.
stop() {
	tries=0
	while [ "$(descriptors)" -gt $(($1 + 1)) ] && [ $tries -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	[ $tries -lt 100 ] || fault "$(descriptors) descriptors, $1 before"
	kill "$pid"
	wait "$pid" || fault "the server ended with $?"
	servers=
	sed 's/^/said: /' "$tmp/errors"
}

# run NAME COMMAND...: its output is in $tmp/run.
run() {
	name=$1
	shift
	runs=$((runs + 1))
	timeout 200 "$@" > "$tmp/run" 2>&1 || fault "$name: status $?: $(tail -n 1 "$tmp/run")"
}

# told NAME GOOD BAD: how many answers were good, and what was not.
told() {
	say "$(printf '%-36s %8s good%s' "$1" "${2:-no}" "${3:+, $3}")"
	answers=$((answers + ${2:-0}))
	[ "${2:-0}" -gt 0 ] || fault "$1: no answer"
	[ -z "$3" ] || fault "$1: $3"
}

cat > "$tmp/pipeline.lua" <<'LUA'
init = function(args)
	local r = {}
	for i = 1, 16 do
		r[i] = wrk.format("GET", "/small")
	end
	all = table.concat(r)
end
request = function()
	return all
end
LUA

# wrk_run NAME [ARGUMENT...]
wrk_run() {
	name=$1
	shift
	run "$name" wrk -t1 -d"$((seconds + for_all))" --timeout 60 "$@"
	# On a busy machine all shake hands for that long: slow, or stuck?
	if [ "$(awk '/requests in/ { print $1 }' "$tmp/run")" = 0 ]; then
		say "$name: no answer in $((seconds + for_all)) s, so for longer"
		run "$name" wrk -t1 -d"$((10 * (seconds + for_all)))" \
			--timeout 60 "$@"
	fi
	told "$name" "$(awk '/requests in/ { print $1 }' "$tmp/run")" \
		"$(grep -E 'Socket errors|Non-2xx' "$tmp/run")"
}

hey_run() {
	name=$1
	shift
	run "$name" hey -z "$((seconds + for_all))s" -t 60 "$@"
	told "$name" "$(awk '/\[200\]/ { print $2 }' "$tmp/run")" \
		"$(sed -n '/Error distribution/,$p' "$tmp/run" | tr '\n' ' '
		   grep -E '\[[^2][0-9]*\].*responses' "$tmp/run")"
}

h2load_run() {
	name=$1
	shift
	# Not by time: it never ends while handshakes are under way.
	run "$name" h2load --h1 -n $((5000 * seconds + 5 * c)) "$@"
	told "$name" "$(sed -n 's/^status codes: \([0-9]*\) 2xx.*/\1/p' "$tmp/run")" \
		"$(grep -E '^requests:' "$tmp/run" |
		   grep -vE ' 0 failed, 0 errored, 0 timeout')$(
		   grep -E '^status codes' "$tmp/run" |
		   grep -vE ' 0 3xx, 0 4xx, 0 5xx')"
}

ab_run() {
	name=$1
	shift
	run "$name" ab -q -t "$((seconds + for_all))" -n 10000000 -s 60 "$@"
	told "$name" "$(awk '/^Complete requests/ { print $3 }' "$tmp/run")" \
		"$(grep -E '^Non-2xx|^Failed requests: *[1-9]' "$tmp/run")"
}

# shake POLLER: sets rate, how many handshakes this machine makes in a second.
shake() {
	openssl s_time -connect "${url#*//}" -www /small -CAfile "$tmp/cert" \
		-time 1 -new > "$tmp/run" 2>&1
	rate=$(sed -n 's/^\([0-9]*\) connections in \([0-9]*\) real.*/\1 \2/p' \
		"$tmp/run" | awk '$2 { print int($1 / $2) }')
	[ "${rate:-0}" -gt 0 ] || rate=50
	say "$1: $rate handshakes a second"
}

# http SCHEME POLLER
http() {
	for_all=0
	[ "$1" = http ] || shake "$2"
	for c in $connections; do
		of="$2 $1 $c"
		# Before all have shaken hands nobody is answered by some.
		[ "$1" = http ] || for_all=$(((2 * c + rate - 1) / rate))
		if have wrk; then
			wrk_run "wrk $of kept" -c$c "$url/small"
			wrk_run "wrk $of closed" -c$c -H 'Connection: close' "$url/small"
			wrk_run "wrk $of pipelined" -c$c -s "$tmp/pipeline.lua" "$url/small"
			wrk_run "wrk $of big" -c$c "$url/big"
		fi
		if have hey; then
			hey_run "hey $of kept" -c $c "$url/small"
			hey_run "hey $of closed" -c $c -disable-keepalive "$url/small"
		fi
		if have h2load; then
			h2load_run "h2load $of kept" -c$c "$url/small"
			h2load_run "h2load $of pipelined" -c$c -m 16 "$url/small"
		fi
		if have ab; then
			ab_run "ab $of kept" -k -c $c "$url/small"
			ab_run "ab $of closed" -c $c "$url/small"
		fi
	done
}

# One answer to openssl, over each version and after a renegotiation was refused.
handshakes() {
	for version in 1_2 1_3; do
		printf 'GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
			run "openssl $1 $version" openssl s_client -quiet -tls$version \
				-CAfile "$tmp/cert" -verify_return_error \
				-connect "${url#*//}"
		told "openssl $1 $version" "$(grep -ac 'HTTP/1.1 200 OK' "$tmp/run")" ""
	done
	run "openssl s_time $1" openssl s_time -connect "${url#*//}" -www /small \
		-CAfile "$tmp/cert" -time "$seconds" -new
	told "openssl s_time $1" \
		"$(sed -n 's/^\([0-9]*\) connections in .* real.*/\1/p' "$tmp/run")" ""
	run "openssl s_time $1 resumed" openssl s_time -connect "${url#*//}" \
		-www /small -CAfile "$tmp/cert" -time "$seconds" -reuse
	told "openssl s_time $1 resumed" \
		"$(sed -n 's/^\([0-9]*\) connections in .* real.*/\1/p' "$tmp/run")" ""
}

# bench NAME [ARGUMENT...]: redis-benchmark's own set of commands.
bench() {
	name=$1
	shift
	run "$name" redis-benchmark -p "$port" --csv "$@"
	told "$name" "$(grep -c '^"[A-Z].*","[0-9]' "$tmp/run")" \
		"$(grep -iE 'error|failed|timeout' "$tmp/run" | grep -v CONFIG |
		   head -n 3)"
}

# mass NAME COUNT: mass insertion in the protocol itself.
mass() {
	awk -v n="$2" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "*3\r\n$3\r\nSET\r\n$%d\r\nkey:%d\r\n$%d\r\nvalue %d\r\n",
				length(i) + 4, i, length(i) + 6, i
	}' > "$tmp/mass"
	run "$1" redis-cli -p "$port" --pipe < "$tmp/mass"
	told "$1" "$(sed -n 's/.*replies: \([0-9]*\)$/\1/p' "$tmp/run")" \
		"$(grep 'errors:' "$tmp/run" | grep -v 'errors: 0,')"
	[ "$(redis-cli -p "$port" GET "key:$(($2 - 1))")" = "value $(($2 - 1))" ] ||
		fault "$1: the last key is wrong"
}

kv() {
	for c in $connections; do
		n=$((c == 1 ? 1000 : 5000)) some=
		# It makes all its connections anew for each command.
		[ "$c" -le 100 ] || some="-t ping,set,get,incr,lpush,lrange"
		# shellcheck disable=SC2086
		bench "redis-benchmark $1 $c" -c $c -n $n $some
		# shellcheck disable=SC2086
		bench "redis-benchmark $1 $c -P 16" -c $c -n $n -P 16 $some
	done
	bench "redis-benchmark $1 10 kB" -c 100 -n 20000 -d 10000 -r 1000 -t set,get,lpush
	bench "redis-benchmark $1 threads" -c 100 -n 20000 --threads 2 -t set,get,incr
	mass "redis-cli --pipe $1" 200000
}

mkdir "$tmp/www"
head -c 700 /dev/zero | tr '\0' x > "$tmp/www/small"
head -c 100000 /dev/urandom > "$tmp/www/big"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$tmp/key" \
	-out "$tmp/cert" 2>/dev/null

say "clients: $pollers; $connections connections; $seconds s each run"
for poller in $pollers; do
	WEFT_POLLER=$poller
	export WEFT_POLLER
	for scheme in http https; do
		set -- -p 0 -i 60 -r 60
		[ $scheme = http ] || set -- "$@" -c "$tmp/cert" -k "$tmp/key"
		[ -x "$build/examples/httpd/httpd" ] || continue
		start "$build/examples/httpd/httpd" "$@" "$tmp/www"
		url=${line##* at }
		url=${url%/}
		before=$(descriptors)
		http $scheme "$poller"
		[ $scheme = http ] || handshakes "$poller"
		stop "$before"
	done
	have redis-benchmark || continue
	start "$build/examples/kv/kv" -p 0
	port=${line##*:}
	before=$(descriptors)
	kv "$poller"
	stop "$before"
done
say "$runs runs of clients, $answers good answers, $faults faults"
[ $faults -eq 0 ]
