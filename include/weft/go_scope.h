/* SPDX-License-Identifier: MIT */
/* weft/go_scope.h - scope_go(&s, f, args...), a part of weft/go.h. */
#ifndef WEFT_GO_SCOPE_H
#define WEFT_GO_SCOPE_H

#include <weft/go.h>

#ifndef __cplusplus

/**
 * int scope_go(s, f, args...): start a routine in scope s that calls f with up
 * to four integer or pointer arguments, checked as go() checks them.  f returns
 * nothing, or an int that is negative when it failed; see weft_scope_go, also
 * for the errors.  Never parks.
 */
#define scope_go(s, ...)                                               \
	weft__go_cat(weft__scope_go_, weft__go_pick(__VA_ARGS__, many, \
		many, many, many, many, many, 4, 3, 2, 1, 0, 0))       \
		(s, __VA_ARGS__)

#define weft__scope_go_0(s, f) weft__scope_go_run(s, f, 0, (), )
#define weft__scope_go_1(s, f, a)                                      \
	weft__scope_go_run(s, f, 1, (a), weft__go_check(1, a))
#define weft__scope_go_2(s, f, a, b)                                   \
	weft__scope_go_run(s, f, 2, (a, b),                            \
		weft__go_check(1, a) weft__go_check(2, b))
#define weft__scope_go_3(s, f, a, b, c)                                \
	weft__scope_go_run(s, f, 3, (a, b, c),                         \
		weft__go_check(1, a) weft__go_check(2, b)              \
		weft__go_check(3, c))
#define weft__scope_go_4(s, f, a, b, c, d)                             \
	weft__scope_go_run(s, f, 4, (a, b, c, d),                      \
		weft__go_check(1, a) weft__go_check(2, b)              \
		weft__go_check(3, c) weft__go_check(4, d))
#define weft__scope_go_many(s, f, ...)                                 \
	__extension__({                                                \
		_Static_assert(sizeof(f) == 0,                         \
			"scope_go: at most four arguments");           \
		0;                                                     \
	})

/* 1: an int, 0: nothing, -1: what no scope understands. */
#define weft__scope_go_gives(T)                                        \
	_Generic((T *)0, int *: 1, void *: 0, default: -1)

#define weft__scope_go_run(s, f, n, args, checks)                      \
	weft__go_run_(f, (weft__go_probe_##n), args,                   \
		checks weft_scope *weft__go_scope = (s);,              \
		weft__scope_go_start(n), __COUNTER__)
#define weft__scope_go_start(n)                                        \
	_Static_assert(weft__scope_go_gives(weft__go_ret) >= 0,        \
		"scope_go: the function returns neither int nor nothing"); \
	weft_scope_go_words(weft__go_scope, weft__go_fn, n,            \
		weft_go_captured(), weft__scope_go_gives(weft__go_ret))

#else /* C++ */

template <class R, class... P>
inline int scope_go(weft_scope *s, R (*f)(P...),
		    weft_go_detail::as_is_t<
			    weft_go_detail::integer_or_pointer<P>>... a)
{
	static_assert(sizeof...(P) <= 4, "scope_go: at most four arguments");
	static_assert(std::is_same_v<R, int> || std::is_void_v<R>,
		      "scope_go: the function returns neither int nor nothing");
	const uintptr_t w[4 + sizeof...(P)] = { a.word()... };
	return weft_scope_go_words(s, reinterpret_cast<void (*)(void)>(f),
				   sizeof...(P), w, std::is_same_v<R, int>);
}

#endif

#endif
