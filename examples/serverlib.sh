# serverlib.sh - sourced by the tests of servers, after testlib.sh.  A server
# prints its first line when it listens, so nobody has to wait and hope.

tmp=$(mktemp -d) || exit 99
servers=
# Servers that are still there are of no more use to anybody.
# shellcheck disable=SC2086
trap '[ -z "$servers" ] || kill -9 $servers 2>/dev/null; rm -rf "$tmp"' EXIT

# skip SENTENCE: what is missing
skip() {
	echo "$*"
	exit 77
}

# need PROGRAM...
need() {
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is missing"
	done
}

# start PROGRAM [ARGUMENT...]: sets pid, and line, the first that it prints.
start() {
	rm -f "$tmp/out"
	mkfifo "$tmp/out" || exit 99
	# shellcheck disable=SC2086
	( exec ${TEST_WRAPPER:-} "$@" ) > "$tmp/out" &
	pid=$!
	servers="$servers $pid"
	exec 3< "$tmp/out"
	read -r line <&3 || fail "$1 ended at once"
	cat <&3 > "$tmp/rest.$pid" &
	reader=$!
	exec 3<&-
}

# stop PID READER: the gentle way; prints what it said in the end.
stop() {
	kill "$1" || fail "the server is gone"
	wait "$1"
	status=$?
	wait "$2"
	cat "$tmp/rest.$1"
	forget "$1"
	[ $status -eq 0 ] || fail "the server ended with $status"
}

# forget PID: it is gone, and its number may be another's.
forget() {
	left=
	for one in $servers; do
		[ "$one" = "$1" ] || left="$left $one"
	done
	servers=$left
}

# faults httpd|kv|proxy PROGRAM [ARGUMENT...]: what faults.py does to it.
faults() {
	if command -v python3 >/dev/null; then
		python3 "$srcdir/examples/faults.py" "$@" || fail "faults"
	else
		echo "python3 is missing: no faults"
	fi
}

# same WANT GOT WHAT
same() {
	[ "$1" = "$2" ] || fail "$3: want $1, got $2"
}
