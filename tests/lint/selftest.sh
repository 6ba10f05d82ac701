#!/bin/sh
# Every lint can fail: each is shown one breach of its rule in a small copy of a
# tree, and the same tree without the breach.
lint=$(cd "$(dirname "$0")" && pwd) || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
rc=0

# A tree that keeps all rules.
fresh()
{
	rm -rf "$tmp/t"
	mkdir -p "$tmp/t/src/base" "$tmp/t/src/arch" "$tmp/t/src/chan" \
		"$tmp/t/include/weft" "$tmp/t/tests/unit" "$tmp/t/examples" \
		"$tmp/t/bench" "$tmp/t/man" "$tmp/t/.libs"
	cd "$tmp/t" || exit 99
	printf 'base :\narch : base\nchan : base\n' > src/LAYERS
	printf '/* base.h */\n' > src/base/base.h
	cat > src/chan/chan.c <<-'X'
		/* chan/chan.c - sample.
		 *
		 * Ordering
		 *   Q1  len: store-release / load-acquire.
		 */
		#include "base/base.h"
		int weft_one(void)
		{
			store_rel(&len, 1);     /* Q1 */
			return load_acq(&len);  /* Q1 */
		}
	X
	printf 'base/base.h chan/chan.c weft.h\n' > src/local.mk
	printf 'WEFT_0.1 {\nglobal:\n\tweft_one;\nlocal:\n\t*;\n};\n' > src/weft.map
	printf '#define WEFT_API\nWEFT_API int weft_one(void);\n' > include/weft.h
	: > include/weft/empty.h
	printf 'include/weft.h include/weft/empty.h\n' >> src/local.mk
	printf 'int main(void)\n{\n\treturn 0;\n}\n' > tests/unit/one.c
	printf 'unit/one\n' > tests/local.mk
	: > examples/local.mk
	: > bench/local.mk
	: > man/local.mk
	: > configure.ac
	: > Makefile.am
	printf 'Channels live in src/chan/chan.c.\n' > ARCHITECTURE
}
run()
{
	(cd "$tmp/t" && srcdir=. HEADERS_ONE_COMPILER=1 LIBRARY='' \
		sh "$lint/$1.sh") > "$tmp/out" 2>&1
}
# good LINT
good()
{
	run "$1" && return
	echo "$1: complains about a tree without a breach:"
	cat "$tmp/out"
	rc=1
}
# bad LINT WHAT
bad()
{
	run "$1"
	status=$?
	if [ $status = 1 ] || [ $status = 123 ]; then
		echo "ok: $1 finds $2"
	else
		echo "$1: does not find $2 (status $status)"
		cat "$tmp/out"
		rc=1
	fi
	fresh
}

fresh
for l in layers platform size words paths listed headers pairs symbols; do
	good $l
done

echo '#include "chan/chan.h"' >> src/base/base.h
bad layers "an include against the layers"
printf '#include "base/base.h"\n' > tests/unit/x.c
mkdir -p tests/api && mv tests/unit/x.c tests/api/x.c
bad layers "a test of the interface that looks inside"
echo '#ifdef __x86_64__' >> src/chan/chan.c
bad platform "a CPU name"
echo '#ifdef __linux__' >> src/chan/chan.c
bad platform "an operating system name"
echo 'long weft__now(void) { return time(0); }' >> src/chan/chan.c
bad platform "the time of day"
echo 'int weft__wait(void) { return pthread_cond_timedwait(c, m, t); }' >> src/chan/chan.c
bad platform "a wait by the time of day"
awk 'BEGIN { for (i = 0; i < 601; i++) print "/* line */" }' >> src/chan/chan.c
bad size "a long file"
awk 'BEGIN { print "int weft_long(void)\n{"; for (i = 0; i < 71; i++) print "\t;"; print "}" }' >> src/chan/chan.c
bad size "a long function"
echo '/* TO''DO */' >> src/chan/chan.c
bad words "a note to self"
printf '\tsleep(1);\n' >> tests/unit/one.c
bad words "a sleeping test"
echo 'See src/chan/gone.c.' >> ARCHITECTURE
bad paths "a path that is gone"
: > src/chan/new.c
bad listed "a source that is not built"
echo 'struct no_such_type x;' > include/weft/empty.h
bad headers "a header that does not compile alone"
echo 'int f(int class);' > include/weft/empty.h
bad headers "a header that C++ refuses"
sed 's, /\* Q1 \*/$,,' src/chan/chan.c > x && mv x src/chan/chan.c
bad pairs "ordered accesses without a rule"
grep -v store_rel src/chan/chan.c > x && mv x src/chan/chan.c
bad pairs "a rule with one side"
sed 's,acq(&len);  /\* Q1,acq(\&len); /* Q7,' src/chan/chan.c > x && mv x src/chan/chan.c
bad pairs "a rule that is not defined"
echo 'WEFT_API int weft_two(void);' >> include/weft.h
bad symbols "a declaration that is not exported"

# The rule of tls.sh needs compiled samples.
sample()
{
	# shellcheck disable=SC2086
	${CC:-cc} -O2 -fPIC -shared -ftls-model=initial-exec "$@" \
		"$lint/bad/tls_held.c" -o "$tmp/held.so" || exit 99
	LIBRARY=$tmp/held.so weft_sanitizer=none sh "$lint/tls.sh" > "$tmp/out" 2>&1
}
if sample -DHELD || [ "$(grep -c 'uses ' "$tmp/out")" != 2 ]; then
	echo "tls: does not find both addresses held across a switch"
	cat "$tmp/out"
	rc=1
else
	echo "ok: tls finds thread pointers held across a switch"
fi
sample || {
	echo "tls: complains about code that holds nothing"
	cat "$tmp/out"
	rc=1
}
# ... and unprefixed symbols need a library.
mkdir -p "$tmp/t/.libs"
# shellcheck disable=SC2086
echo 'int leaked; int weft_one(void); int weft_one(void) { return leaked; }' |
	${CC:-cc} -fPIC -shared -x c - -o "$tmp/t/.libs/libweft.so" || exit 99
bad symbols "an export that is not in the map"
exit $rc
