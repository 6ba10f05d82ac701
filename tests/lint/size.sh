#!/bin/sh
# A file is one noun: at most 600 lines; a function at most 70.  A function is
# what stands between a "{" and a "}" that are alone in column 0.
cd "${srcdir:-.}" || exit 99

find src include tests bench examples \( -name '*.[chS]' -o -name '*.cc' \) ! -path 'tests/lint/bad/*' |
	sort | xargs "${AWK:-awk}" '
function file_done() {
	if (name != "" && lines > 600) {
		print name ": " lines " lines, at most 600"
		bad = 1
	}
}
FNR == 1 { file_done(); name = FILENAME; start = 0 }
{ lines = FNR }
/^{[ \t]*$/ { start = FNR }
/^}[ \t]*$/ && start {
	if (FNR - start - 1 > 70) {
		print FILENAME ":" start ": a function of " FNR - start - 1 " lines, at most 70"
		bad = 1
	}
	start = 0
}
END { file_done(); exit bad }'
