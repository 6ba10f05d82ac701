# exports.awk HEADER...: the functions and objects declared WEFT_API, one a line.
{
	sub(/\/\/.*/, "")
	gsub(/\/\*[^*]*\*\//, "")
}
/^[ \t]*(\/\*|\*)/ || /^#/ { next }
/WEFT_API/ { want = 1; text = "" }
want { text = text " " $0 }
want && /[;{]/ {
	sub(/.*WEFT_API/, "", text)
	# The name stands before the first "(" that is not an attribute's.
	while (match(text, /__attribute__ *\(\([^)]*(\([^)]*\))?[^)]*\)\)/))
		text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
	if (match(text, /weft_[a-z0-9_]*[ \t]*(\(|;|\[|=)/)) {
		name = substr(text, RSTART, RLENGTH)
		sub(/[ \t]*[(;=\[]$/, "", name)
		print name
	}
	want = 0
}
