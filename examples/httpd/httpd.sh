#!/bin/sh
# Real clients, and some that are up to no good.
# testlib.sh and serverlib.sh set what is not set here.
# shellcheck disable=SC2154

. "${srcdir:-.}/examples/testlib.sh"
. "${srcdir:-.}/examples/serverlib.sh"
need curl

www=$tmp/www
mkdir -p "$www/sub" "$www/a b"
echo '<a href="small">small</a>' > "$www/index.html"
echo '{ "sub": true }' > "$www/sub/index.html"
head -c 700 /dev/zero | tr '\0' x > "$www/small"
head -c 3000000 /dev/urandom > "$www/big"
echo 'a name with a blank' > "$www/a b/c.txt"
ln -s /etc/passwd "$www/outside"

# A client of ours may have to wait for a CPU in the midst of its request.
start "$program" -p 0 -r 100 "$www"
server=$pid from=$reader
url=${line##* at }
url=${url%/}
echo "$line"

# status WANT [CURL ARGUMENT...]
status() {
	want=$1
	shift
	same "$want" "$(curl -s -o "$tmp/body" -w '%{http_code}' "$@")" "$*"
}

status 200 "$url/"
cmp -s "$tmp/body" "$www/index.html" || fail "a wrong index"
status 200 "$url/big"
cmp -s "$tmp/body" "$www/big" || fail "a wrong big file"
status 206 -r 1000-2499999 "$url/big"
tail -c +1001 "$www/big" | head -c 2499000 | cmp -s - "$tmp/body" ||
	fail "a wrong range"
status 206 -r -100 "$url/big"
tail -c 100 "$www/big" | cmp -s - "$tmp/body" || fail "a wrong end"
status 416 -r 3000000- "$url/big"
status 200 "$url/a%20b/c.txt"
cmp -s "$tmp/body" "$www/a b/c.txt" || fail "a wrong name"
status 301 "$url/sub"
status 200 -L "$url/sub"
cmp -s "$tmp/body" "$www/sub/index.html" || fail "not redirected"
status 200 -I "$url/big"
status 304 -z "$www/small" "$url/small"
status 200 -z '1 January 2001' "$url/small"
status 404 "$url/missing"
status 403 "$url/outside"
status 403 --path-as-is "$url/../../etc/passwd"
status 405 -X DELETE "$url/small"
status 200 -H 'Accept: */*' --http1.0 "$url/small"
same 1 "$(curl -s -o /dev/null -o /dev/null -w '%{num_connects}\n' \
	"$url/small" "$url/" | awk '{ n += $1 } END { print n }')" "keep-alive"

# Many at once, all of them right.
i=0
: > "$tmp/list"
while [ $i -lt "$(scale 200 200 20)" ]; do
	printf 'url = "%s/big"\noutput = "%s/copy.%d"\n' "$url" "$tmp" $((i % 4))
	i=$((i + 1))
done > "$tmp/list"
curl -s --parallel --parallel-max 20 -K "$tmp/list" 2>/dev/null || fail "curl: $?"
status 200 "$url/small"

if command -v python3 >/dev/null; then
	start "$program" -p 0 -r 1 "$www"
	line=${line##*:}
	python3 "$srcdir/examples/httpd/hostile.py" "${url##*:}" "${line%/}" ||
		fail "hostile clients"
	stop "$pid" "$reader"
	faults httpd "$program"
else
	echo "python3 is missing: no hostile clients"
fi
# load: from whom there is, as many at once as it says.  tests/soak/clients.sh is
# the long form.
load() {
	if command -v wrk >/dev/null; then
		wrk -t1 -c50 -d1s --timeout 60s "$url/small" > "$tmp/load" || fail "wrk: $?"
		grep -E 'Socket errors|Non-2xx' "$tmp/load" && fail "wrk saw errors"
		grep 'requests in' "$tmp/load"
	fi
	if command -v hey >/dev/null; then
		n=$(scale 200 100 40)
		hey -n "$n" -c 20 -t 60 -disable-keepalive "$url/small" > "$tmp/load" ||
			fail "hey: $?"
		grep -q "\[200\].*$n responses" "$tmp/load" || fail "hey saw errors"
	fi
	if command -v h2load >/dev/null; then
		n=$(scale 1000 400 100)
		h2load --h1 -n "$n" -c 20 -m 8 "$url/small" > "$tmp/load" ||
			fail "h2load: $?"
		grep -q " $n succeeded, 0 failed, 0 errored" "$tmp/load" ||
			fail "h2load saw errors"
	fi
}
load

# idle [CERTIFICATE]: told to end while nothing is under way it ends at once; the
# grace is as good as for ever.
idle() {
	command -v python3 >/dev/null || return 0
	start "$program" -p 0 -i 1000 -r 1000 -g 100000 \
		${1:+-c "$1" -k "$tmp/key"} "$www"
	port=${line##*:}
	mkfifo "$tmp/idle"
	python3 "$srcdir/examples/httpd/idle.py" "${port%/}" ${1:+"$1"} \
		> "$tmp/idle" &
	clients=$!
	read -r said < "$tmp/idle" || fail "no idle clients"
	same idle "$said" "idle clients"
	stop "$pid" "$reader"
	wait $clients || fail "idle clients: $?"
	rm "$tmp/idle"
}
idle

# Told to end in the middle of an answer, it finishes that first.
curl -s --limit-rate 3M -o "$tmp/last" "$url/big" &
last=$!
until [ -s "$tmp/last" ]; do
	kill -0 $last 2>/dev/null || break
done
stop "$server" "$from"
wait $last || fail "the last answer was cut short"
cmp -s "$tmp/last" "$www/big" || fail "the last answer is wrong"

# The same over TLS, where this build has it.
run -p 0 -c "$tmp/none" -k "$tmp/none" "$www" > "$tmp/said" 2>&1 &&
	fail "no certificate is fine?"
if grep -q 'not implemented' "$tmp/said"; then
	echo "built without TLS"
	exit 0
fi
command -v openssl >/dev/null || {
	echo "openssl is missing: TLS is not tried"
	exit 0
}
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$tmp/key" \
	-out "$tmp/cert" 2>/dev/null || fail "openssl: $?"
start "$program" -p 0 -r 100 -c "$tmp/cert" -k "$tmp/key" "$www"
server=$pid from=$reader
echo "$line"
url=${line##* at }
url=${url%/}
status 200 --cacert "$tmp/cert" "$url/big"
cmp -s "$tmp/body" "$www/big" || fail "a wrong big file over TLS"
status 206 -r 10-29 --cacert "$tmp/cert" "$url/small"
same 20 "$(wc -c < "$tmp/body")" "a range over TLS"
curl -s "$url/" && fail "a certificate that nobody trusts is fine?"
[ -n "${TEST_WRAPPER:-}" ] || load
stop "$server" "$from"
idle "$tmp/cert"
[ -n "${TEST_WRAPPER:-}" ] ||
	faults httpd "$program" -c "$tmp/cert" -k "$tmp/key"
