#!/bin/sh
# Every #include "dir/..." under src/ must be allowed by src/LAYERS, must name a
# file that exists, and base/base.h or a header must come first.  Tests of the
# interface and examples include nothing of src/ at all.
cd "${srcdir:-.}" || exit 99

# shellcheck disable=SC2016
find src -name '*.[chS]' | sort | xargs grep -Hn '^#[ 	]*include[ 	]*"' |
"${AWK:-awk}" -F: '
BEGIN {
	while ((getline l < "src/LAYERS") > 0) {
		if (l ~ /^#/ || l !~ /:/)
			continue
		split(l, h, ":")
		gsub(/ /, "", h[1])
		known[h[1]] = 1
		k = split(h[2], d, " ")
		for (i = 1; i <= k; i++)
			ok[h[1], d[i]] = 1
	}
}
{
	split($1, p, "/")
	from = p[2]
	inc = $3
	sub(/^[^"]*"/, "", inc)
	sub(/".*/, "", inc)
	if (inc == "config.h") {
		if ($1 != "src/base/base.h") {
			print $1 ":" $2 ": only base/base.h includes config.h"
			bad = 1
		}
		next
	}
	split(inc, q, "/")
	to = q[1]
	if (inc !~ /\//) {
		print $1 ":" $2 ": include by path from src/: " inc
		bad = 1
	} else if (!(from in known)) {
		print $1 ": directory not in src/LAYERS"
		bad = 1
	} else if (to != from && !((from, to) in ok) && !((from, inc) in ok)) {
		print $1 ":" $2 ": " from " may not include " inc
		bad = 1
	} else if ((getline l < ("src/" inc)) < 0) {
		print $1 ":" $2 ": no such file: src/" inc
		bad = 1
	} else
		close("src/" inc)
}
END { exit bad }'
rc=$?

users=$(find examples tests/api include -name '*.[ch]' -exec \
	grep -nHE '^#[ 	]*include[ 	]*"(\.\./)*(src/)?(base|arch|os|routine|sched|chan|sync|time|coro)/' {} + 2>/dev/null)
[ -z "$users" ] || {
	echo "$users"
	echo "layers: only <weft/...> is for users; this looks into src/"
	rc=1
}
exit $rc
