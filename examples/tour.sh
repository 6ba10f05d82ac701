#!/bin/sh
# tour.sh BUILD_DIR - shows what weft does, and checks every answer on the way.
# `make` must have run in BUILD_DIR.
set -u
LC_ALL=C
export LC_ALL

src=$(cd "$(dirname "$0")/.." && pwd) || exit 1
build=${1:-.}
tree=${TOUR_TREE:-/usr/include}
tmp=

die() {
	echo "tour: $*" >&2
	exit 1
}

# progress [TEXT]: what is going on now; nothing takes it away again.
progress() {
	if [ -t 1 ]; then
		printf '\r\033[K%s' "${1:+   $1 ...}"
	elif [ -n "${1:-}" ]; then
		echo "   $1 ..."
	fi
}

title() {
	echo
	if [ -t 1 ]; then
		printf '\033[1m%s\033[0m\n' "$*"
	else
		echo "$*"
	fi
}

centiseconds() {
	sed 's/ .*//; s/\.//' /proc/uptime 2>/dev/null || echo "$(date +%s)00"
}

# Is a byte that is neither printable nor white space a word?  wc's differ.
strict_option() {
	if [ "$(printf 'a \001 b' | wc -w)" -eq 3 ]; then
		printf "%s\n" -s
	fi
}

build=$(cd "$build" 2>/dev/null && pwd) || die "no build directory ${1:-.}"
for program in sieve skynet wordcount; do
	[ -x "$build/examples/$program" ] ||
		die "$build/examples/$program is missing: run make there first"
done
tmp=$(mktemp -d) || die "cannot make a temporary directory"
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

sieve() {
	title "The prime sieve: a chain of routines, one filter for every prime"
	"$build/examples/sieve" > "$tmp/sieve" || die "the sieve failed"
	fold -s -w 70 "$tmp/sieve" | sed 's/^/   /; s/ *$//'
	cmp -s "$tmp/sieve" "$src/examples/sieve.out" ||
		die "the sieve found the wrong primes"
}

skynet() {
	title "Skynet: 1111111 routines in a tree add up the numbers of a million leaves"
	progress "running"
	out=$("$build/examples/skynet" 1000000) || die "skynet failed: $out"
	progress
	echo "   $out"
	case $out in
	"1000000 leaves, sum 499999500000: "*) ;;
	*) die "skynet has the wrong sum, it must be 499999500000" ;;
	esac
}

words() {
	[ -d "$tree" ] && [ -n "$(find "$tree" -type f 2>/dev/null | head -n 1)" ] ||
		tree=$src
	title "Word count of $tree: sixteen routines and one channel of paths"
	strict=$(strict_option)

	progress "wc -w"
	before=$(centiseconds)
	want=$(find "$tree" -type f -exec wc -w {} + |
		awk '$2 != "total" { n += $1 } END { print n + 0 }')
	spent=$(($(centiseconds) - before))
	progress
	printf '   %-12s  %s words: %d.%02d s\n' 'wc -w' "$want" \
		$((spent / 100)) $((spent % 100))
	for how in '-1:one thread' ':16 routines'; do
		progress "${how#*:}"
		# shellcheck disable=SC2086
		out=$("$build/examples/wordcount" ${how%%:*} $strict "$tree") ||
			die "wordcount failed"
		progress
		printf '   %-12s  %s\n' "${how#*:}" "$out"
		[ "${out%% *}" = "$want" ] ||
			die "wordcount and wc -w disagree on $tree"
	done
}

bench() {
	title "The quick benchmark, beside Go"
	if ! command -v python3 >/dev/null; then
		echo "   left out: python3 is missing (Debian: apt-get install python3)"
		return
	fi
	command -v go >/dev/null || [ -x /usr/local/go/bin/go ] ||
		echo "   go is missing, its column stays empty (Debian: apt-get install golang-go)"
	progress "building the benchmark programs"
	make -C "$build" -s bench-build > "$tmp/make" 2>&1 || {
		progress
		tail -n 20 "$tmp/make" >&2
		die "the benchmark programs do not build"
	}
	progress
	python3 "$src/bench/run" --quick --build="$build/bench" > "$tmp/bench" || {
		cat "$tmp/bench" >&2
		die "the benchmark failed"
	}
	figures "$build/bench/last.tsv"
	echo "   A hint, not a result: every figure of this run and what it should be"
	echo "   comes from make bench-quick, the careful ones from make bench."
}

# figures FILE: the medians of weft and of Go, where there are both.
figures() {
	awk -F '\t' '
	/^#/ || $9 == "%" || $2 ~ /-tables$/ { next }
	!($2 in seen) { seen[$2] = 1; row[++n] = $2 }
	{ v[$2, $3, $4] = $6; unit[$2] = $9 }
	function short(x) {
		return sprintf(x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x)
	}
	function show(r, p,    w, g) {
		w = v[r, "weft", p]
		g = v[r, "go", p]
		if (w != "" && g != "")
			printf "   %-16s %d %9s %9s %-3s %8.1f\n", r, p,
				short(w), short(g), unit[r], g / w
		else if (w != "" && !any_go)
			printf "   %-16s %d %9s %9s %-3s\n", r, p, short(w), "-", unit[r]
	}
	END {
		for (k in v) {
			split(k, part, SUBSEP)
			any_go = any_go || part[2] == "go"
		}
		printf "   %-18s %9s %9s %12s\n", "row, CPUs", "weft", "Go", "Go/weft"
		for (i = 1; i <= n; i++)
			for (p = 1; p <= 2; p++)
				show(row[i], p)
	}' "$1" || die "cannot read $1"
}

cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo "?")
echo "weft on $(uname -m), $cpus CPUs, Linux $(uname -r)"
sieve
skynet
words
bench
title "All answers are right."
echo "   Read examples/hello.c, then the others in $src/examples"
