#!/bin/sh
# What <weft/go.h> must not compile, by every compiler that is here, without
# any flag, and what the compiler must say.  The header is also taken as a
# system header, where compilers keep most warnings to themselves.
inc=${srcdir:-.}/include
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
LC_ALL=C
export LC_ALL

cat > "$tmp/head.h" <<'END'
#include <weft/go.h>
struct pair { long a, b; };
enum colour { RED };
void none(void);
void integer(int);
void pointer(int *);
void text(const char *);
void real(double);
void single(float);
void quad(long double);
#ifndef __cplusplus
void imaginary(_Complex double);
#endif
void structure(struct pair);
void narrow(unsigned char, bool, short, unsigned);
void six(int, int, int, int, int, int);
void seven(int, int, int, int, int, int, int);
void ints(chan(int));
struct pair gives_struct(int);
long double gives_long_double(int);
int gives_int(enum colour);
extern struct pair p;
extern chan(int) ci;
extern chan(long) cl;
extern chan(unsigned) cu;
extern chan(struct pair) cp;
extern int i;
extern unsigned u;
extern long l;
extern double d;
extern weft_scope sc;
long gives_long(int);
END

rc=0
n=0
# compile LANGUAGE STATEMENT: with $cc, the message to $tmp/out
compile()
{
	{
		[ "$1" = c ] && echo '#include <stdbool.h>'
		echo '#include "head.h"'
		echo "int f(void) { $2; return 0; }"
	} > "$tmp/t.$1"
	# shellcheck disable=SC2086
	$cc $how "$inc" -c -o "$tmp/t.o" "$tmp/t.$1" > "$tmp/out" 2>&1
}
# good LANGUAGE STATEMENT
good()
{
	n=$((n + 1))
	compile "$1" "$2" || {
		echo "go_refused: $cc $how should accept: $2"
		cat "$tmp/out"
		rc=1
	}
}
# bad LANGUAGE STATEMENT PATTERN...: refused, and every pattern is said
bad()
{
	lang=$1 text=$2
	shift 2
	n=$((n + 1))
	compile "$lang" "$text" && {
		echo "go_refused: $cc $how accepts: $text"
		rc=1
		return
	}
	for pattern in "$@"; do
		grep -qE -e "$pattern" "$tmp/out" || {
			echo "go_refused: $cc $how on '$text' does not say '$pattern':"
			cat "$tmp/out"
			rc=1
		}
	done
}

c_rules()
{
	good c 'go(none)'
	good c 'go(integer, 1); go(pointer, &i); go(pointer, 0)'
	good c 'go(pointer, (void *)0); go(text, "a"); go(gives_int, RED)'
	good c 'go(narrow, 300, 2, -1, -1L)'
	good c 'go(six, 1, 2, 3, 4, 5, 6); go(ints, ci); go(ints, (void *)0)'
	good c 'chan_send(ci, 1.5); chan_recv(ci, &i); chan_recv(ci, (void *)0)'
	good c 'chan_send(cp, (struct pair){ 1, 2 }); chan_send(cp, p)'

	# the count
	bad c 'go(none, 1)' 'too many arguments to function'
	bad c 'go(integer)' 'too few arguments to function'
	bad c 'go(six, 1, 2, 3, 4, 5)' 'too few arguments to function'
	bad c 'go(seven, 1, 2, 3, 4, 5, 6, 7)' 'go: at most six arguments'
	# the types
	bad c 'go(pointer, &l)' 'incompatible pointer type'
	bad c 'go(pointer, &u)' '(point|differ).* (sign|signedness)'
	bad c 'go(pointer, 5)' 'integer (from|to) pointer|pointer from integer'
	bad c 'go(pointer, i)' 'integer (from|to) pointer|pointer from integer'
	bad c 'go(integer, &i)' 'pointer to integer|integer from pointer'
	bad c 'go(integer, "a")' 'pointer to integer|integer from pointer'
	bad c 'go(ints, cl)' 'incompatible pointer type' 'weft_chan'
	bad c 'go(ints, cu)' 'incompatible pointer type' 'weft_chan'
	bad c 'ints(cl)' 'incompatible pointer type' 'weft_chan'
	# what no word can carry
	said='argument 1 is no integer or pointer that fits a register'
	bad c 'go(integer, 1.0)' "$said"
	bad c 'go(real, 1.0)' "$said"
	bad c 'go(real, d)' "$said"
	bad c 'go(structure, p)' "$said"
	bad c 'go(real, 1)' "from '__int128' to 'double'|weft_integer_or_pointer.*incompatible type 'double'"
	bad c 'go(single, 1)' "from '__int128' to 'float'|weft_integer_or_pointer.*incompatible type 'float'"
	bad c 'go(quad, 1)' "from '__int128' to 'long double'|weft_integer_or_pointer.*incompatible type 'long double'"
	bad c 'go(imaginary, 1)' ''
	bad c 'go(gives_struct, 1)' "result is neither"
	bad c 'go(gives_long_double, 1)' "result is neither"
	# shellcheck disable=SC2016
	case $wide in
	yes) bad c 'go(integer, (__int128)1)' "$said" ;;
	esac
	# a noreturn type, which would drop the code after the capture
	bad c '__attribute__((noreturn)) void (*e)(int) = 0; go(e, 1)' \
		'noreturn'
	# scopes
	good c 'scope_go(&sc, none); scope_go(&sc, pointer, &i)'
	bad c 'scope_go(&sc, integer, 1.0)' "$said"
	bad c 'scope_go(&sc, integer, 1, 2)' 'too many arguments to function'
	bad c 'scope_go(&sc, six, 1, 2, 3, 4, 5, 6)' 'at most four arguments'
	bad c 'scope_go(&sc, gives_long, 1)' 'neither int nor nothing'
	bad c 'scope_go(&i, none)' 'incompatible pointer type'
	# channels
	bad c 'chan_recv(ci, &l)' 'incompatible pointer type'
	bad c 'chan_recv(ci, &u)' '(point|differ).* (sign|signedness)'
	bad c 'chan_recv(ci, i)' 'integer to pointer|pointer from integer'
	bad c 'chan_send(ci, "a")' 'pointer to integer|integer from pointer'
	bad c 'chan_send(ci, p)' 'incompatible'
	bad c 'chan_send(cp, 1)' 'invalid initializer|incompatible type'
	bad c 'chan_close(&i)' 'not a function|indirection|invalid type argument'
	bad c 'chan_free(&i)' 'not a function|indirection|invalid type argument'
	bad c 'chan_make()' 'weft__chan_make|expected'
	bad c 'cl = chan_make(int)' 'incompatible pointer type'
	bad c 'cl = chan_ref(ci)' 'incompatible pointer type'
	# select
	good c 'chan_select(5, on_recv(ci, &i), on_recv(cl, &l, &i), on_send(cp, p))'
	good c 'chan_select(5, on_send(ci, 1.5), on_send_err(cp, p, &i))'
	good c 'chan_select(5, on_recv(ci, (void *)0), on_send(cp, (struct pair){ 1, 2 }))'
	bad c 'chan_select(5, on_recv(ci, &l))' '_Generic'
	bad c 'chan_select(5, on_recv(ci, &u))' '_Generic'
	bad c 'chan_select(5, on_recv(ci, i))' '_Generic'
	bad c 'chan_select(5, on_recv(&i, &i))' 'not a function|indirection|invalid type argument'
	bad c 'chan_select(5, on_recv(ci, &i, &l))' 'incompatible pointer type'
	bad c 'chan_select(5, on_send(ci, "a"))' 'pointer to integer|integer from pointer'
	bad c 'chan_select(5, on_send(ci, p))' 'incompatible'
	bad c 'chan_select(5, on_send(cp, 1))' 'invalid initializer|incompatible type'
	bad c 'chan_select(5, i)' ''
	# defer
	good c 'defer(pointer, &i); defer(pointer, (int *)0)'
	bad c 'defer(pointer, &l)' 'incompatible pointer type'
	bad c 'defer(integer, i)' 'argument is no pointer'
	bad c 'defer(none, &i)' 'too many arguments'
	bad c 'if (i) defer(pointer, &i)' 'expected expression'
	# and plain code after the include
	bad c 'int *q = &l; (void)q' 'incompatible pointer type'
	bad c 'int *q = i; (void)q' 'integer to pointer|pointer from integer'
}

cxx_rules()
{
	good cc 'go(none)'
	good cc 'go(integer, 1); go(pointer, &i); go(pointer, nullptr)'
	good cc 'go(pointer, 0); go(text, "a"); go(gives_int, RED)'
	good cc 'go(narrow, 44, true, -1, u); go(ints, ci)'
	good cc 'go(six, 1, 2, 3, 4, 5, 6)'
	good cc 'chan_send(ci, 1.5); chan_recv(ci, &i); chan_recv(ci, nullptr)'

	not='incompatible|no matching function|could not convert|invalid conversion|cannot'
	good cc 'defer(pointer, &i); defer(pointer, nullptr)'
	bad cc 'defer(pointer, &l)' "$not|no matching constructor"
	bad cc 'defer(integer, i)' "$not|no matching constructor"
	bad cc 'go(none, 1)' 'no matching function|too many arguments'
	bad cc 'go(integer)' 'no matching function|too few arguments'
	bad cc 'go(seven, 1, 2, 3, 4, 5, 6, 7)' 'go: at most six arguments'
	bad cc 'go(pointer, &l)' "$not"
	bad cc 'go(integer, &i)' "$not"
	bad cc 'go(ints, cl)' "$not"
	bad cc 'go(integer, 1.0)' 'deleted'
	bad cc 'go(real, 1)' 'no integer or pointer that fits a register'
	bad cc 'go(real, 1.0)' 'no integer or pointer that fits a register'
	bad cc 'go(structure, p)' 'no integer or pointer that fits a register'
	bad cc 'go(gives_struct, 1)' 'result is neither'
	bad cc 'go(gives_long_double, 1)' 'result is neither'
	bad cc 'ints(cl)' "$not"
	bad cc 'chan_recv(ci, &l)' "$not"
	bad cc 'chan_send(ci, "a")' "$not"
	bad cc 'cl = chan_make(int)' "$not"
	good cc 'chan_select(5, on_recv(ci, &i, &i), on_send(cp, p), on_send_err(ci, 1.5, &i))'
	good cc 'chan_select(5, on_recv(ci, nullptr))'
	bad cc 'chan_select(5, on_recv(ci, &l))' "$not"
	bad cc 'chan_select(5, on_send(ci, "a"))' "$not"
	bad cc 'chan_select(5, i)' ''
}

each()
{
	rules=$1
	shift
	for cc in "$@"; do
		# shellcheck disable=SC2086
		set -- $cc
		command -v "$1" > /dev/null || continue
		wide=
		# shellcheck disable=SC2086
		${cc%% -std*} -dM -E -x c /dev/null | grep -q __SIZEOF_INT128__ && wide=yes
		for how in -I -isystem; do
			$rules
		done
	done
}
each c_rules "${CC:-cc}" gcc clang
each cxx_rules "${CXX:-c++} -std=c++17" 'g++ -std=c++17' 'clang++ -std=c++17'
echo "$n statements"
exit $rc
