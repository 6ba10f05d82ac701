# pairs.awk FILE...: ordering rules have two sides.
#
# A section "Ordering" of a comment in column 0 defines rules: " *   Q1  what".
# Each access with an order in its name - _acq _rel _acqrel _seq of
# base/atomic.h - cites the rule it serves in a comment on its line or, when the
# statement goes on, on a later line of it: /* Q1 */, or /* idle Q1 */ for a rule
# of another noun.  Each rule is cited by two accesses at least; an _acqrel one is
# two, being both sides.  x.h, x.c and x_inline.h are one noun and share their
# rules; a rule the noun does not define is looked for in its directory, then in
# the tree, and must be the only one there.

function noun(file) {
	sub(/\.[ch]$/, "", file)
	sub(/_inline$/, "", file)
	return file
}
function last(path) {
	sub(/.*\//, "", path)
	return path
}
# Records the rules that the comments of s cite; returns how many.
function cites(s, n,   t, who, rule, part) {
	n = 0
	while (match(s, /\/\*[^*]*(\*\/|$)/)) {
		t = substr(s, RSTART + 2, RLENGTH - 2)
		s = substr(s, RSTART + RLENGTH)
		while (match(t, /([a-z_]+ )?[A-HJ-Z][0-9]+/)) {
			rule = substr(t, RSTART, RLENGTH)
			t = substr(t, RSTART + RLENGTH)
			who = noun(FILENAME)
			if (rule ~ / /) {
				split(rule, part, " ")
				rule = part[2]
				if (part[1] in byname)
					who = byname[part[1]]
			}
			use[who, rule] += accesses
			where[who, rule] = at
			n++
		}
	}
	return n
}
function uncited() {
	if (open) {
		print at ": an ordered access that cites no rule"
		bad = 1
	}
	open = 0
}
# A first pass over the names: a rule of another noun may be cited before the
# file that defines it is read.
BEGIN {
	for (i = 1; i < ARGC; i++)
		if (!(last(noun(ARGV[i])) in byname))
			byname[last(noun(ARGV[i]))] = noun(ARGV[i])
}
FNR == 1 { uncited(); head = 0; ordering = 0 }
/^\/\*/ { head = 1; ordering = 0 }
head && /^ \* [^ ]/ { ordering = /^ \* Ordering/ }
head && ordering && !/[a-z_]+\.[ch]( says)?\.$/ && match($0, /^ \*[ \t]+[A-HJ-Z][0-9]+[ \t]/) {
	rule = substr($0, RSTART, RLENGTH)
	gsub(/[ \t*]/, "", rule)
	def[noun(FILENAME), rule] = FILENAME
}
head { if (/\*\//) head = ordering = 0; next }
{
	code = $0
	gsub(/\/\*[^*]*\*\//, "", code)
	sub(/\/\*.*/, "", code)
	code2 = code
	both = gsub(/(^|[^a-zA-Z0-9_])(xchg|add|sub|or|and|cas)_acqrel[ \t]*\(/, "&", code2)
	k = gsub(/(^|[^a-zA-Z0-9_])(load|store|xchg|add|sub|or|and|cas|fence)_(acq|rel|acqrel|seq)[ \t]*\(/, "&", code)
	if (code ~ /^#[ \t]*define/)
		k = 0
}
k {
	uncited()
	open = 1
	at = FILENAME ":" FNR
	accesses = k + both
}
open {
	if (cites($0))
		open = 0
	else if (code ~ /[;{}]/)
		uncited()
}
END {
	uncited()
	for (k in def) {
		split(k, p, SUBSEP)
		dir = p[1]
		sub(/\/[^\/]*$/, "", dir)
		shared[dir, p[2]]++
		owner[dir, p[2]] = k
		shared["", p[2]]++
		owner["", p[2]] = k
	}
	for (k in use) {
		split(k, p, SUBSEP)
		dir = p[1]
		sub(/\/[^\/]*$/, "", dir)
		if (!shared[dir, p[2]])
			dir = ""
		if (!(k in def) && shared[dir, p[2]] == 1)
			lent[owner[dir, p[2]]] += use[k]
		else if (!(k in def)) {
			print where[k] ": rule " p[2] " is cited but " (shared[dir, p[2]] ? "defined twice elsewhere" : "not defined in " last(p[1]))
			bad = 1
		}
	}
	for (k in def) {
		use[k] += lent[k]
		split(k, p, SUBSEP)
		if (use[k] < 2) {
			print def[k] ": rule " p[2] " is cited " use[k] + 0 " times: it has one side only"
			bad = 1
		}
	}
	exit bad
}
