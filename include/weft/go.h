/* SPDX-License-Identifier: MIT */
/* weft/go.h - short go-style names: go(f, args...) and typed chan(T).
 *
 * Opt-in, since these are macros with short names.  What the calls mean is
 * said in weft/routine.h, weft/chan.h and weft/select.h; this file adds types.
 *
 *   go(f, a, b)       start a routine that calls f(a, b)
 *   chan(T)           the type of a channel of T; a pointer, NULL works
 *   chan_make(T)      an unbuffered one;  chan_make(T, cap) a buffered one
 *   chan_send(c, v)   chan_try_send(c, v)   chan_send_until(c, v, deadline)
 *   chan_recv(c, &v)  chan_try_recv(c, &v)  chan_recv_until(c, &v, deadline)
 *   chan_close(c)  chan_ref(c)  chan_free(c)  chan_len(c)  chan_cap(c)
 *   scope_go(&s, f, a, b)  go in a scope: weft/go_scope.h
 *   defer(f, p);      a statement: f(p) when the block or the routine ends
 *   chan_select(deadline, on_recv(c, &v), on_send(c, v), ...): weft/go_select.h
 *
 * Everything is evaluated once, in the caller.  A value sent is converted to
 * T as an assignment converts, an argument of go as a call converts.
 *
 * How go finds the words (C).  Only a call of f's own type makes a compiler
 * convert each argument to its parameter and extend it as the ABI of the CPU
 * asks: which bits of a register stand for a narrow parameter is a matter
 * between caller and callee that no expression can see.  So go makes just
 * that call, but to weft_go_capture, which notes the six argument registers;
 * the new routine later calls f with the same six words.  C++ sees the
 * parameter types and makes the words by hand.
 *
 * In C, including this file turns the warnings about incompatible pointers
 * and about pointers mixed with integers into errors for the rest of the
 * file: the checks of arguments and channels rest on them.
 */
#ifndef WEFT_GO_H
#define WEFT_GO_H

#include <weft.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Notes its six argument registers for weft_go_captured.  Called through
 * pointers of other types, by go alone.  Never parks; any thread.
 */
WEFT_API void weft_go_capture(uintptr_t w0, uintptr_t w1, uintptr_t w2,
			      uintptr_t w3, uintptr_t w4, uintptr_t w5);

/**
 * The six words that the calling thread's last weft_go_capture noted; valid
 * until its next one or until the caller parks.  Never parks.
 */
WEFT_API const uintptr_t *weft_go_captured(void);

#ifdef __cplusplus
}
#endif

/* What stands behind as many arguments as there are: picks the macro. */
#define weft__go_pick(a, b, c, d, e, f, g, h, i, j, k, n, ...) n
#define weft__go_cat(a, b) weft__go_cat_(a, b)
#define weft__go_cat_(a, b) a##b

#ifndef __cplusplus

#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#pragma GCC diagnostic error "-Wint-conversion"
#ifdef __clang__
/* A lost const stays the warning that it is with gcc. */
#pragma clang diagnostic warning                                       \
	"-Wincompatible-pointer-types-discards-qualifiers"
#endif

/* ------------------------------------------------------------------ go */

/**
 * int go(f, args...): start a routine that calls f with up to six integer or
 * pointer arguments, checked against its prototype; nobody can join it.
 * f is a function or a pointer to one and returns nothing, a number or a
 * pointer, which is dropped.  No memory is allocated for the arguments.
 * Never parks.  Returns and orders memory as weft_go.
 *
 * Refused at compile time: a wrong count; a pointer where an integer is
 * wanted and the other way round; a pointer to another type; floating-point,
 * struct and union arguments and parameters; arguments wider than a register;
 * struct, union and long double results; pointers to noreturn functions (in
 * clang noreturn functions too).  As in a call, nothing is checked when f has
 * no prototype.  C cannot see one thing: an __int128 parameter takes two of
 * the six registers, so such an f may have at most three parameters.
 */
#define go(...)                                                        \
	weft__go_cat(weft__go_, weft__go_pick(__VA_ARGS__, many, many, \
		many, many, 6, 5, 4, 3, 2, 1, 0, 0))(__VA_ARGS__)

#define weft__go_0(f) weft__go_run(f, 0, (), )
#define weft__go_1(f, a)                                               \
	weft__go_run(f, 1, (a), weft__go_check(1, a))
#define weft__go_2(f, a, b)                                            \
	weft__go_run(f, 2, (a, b),                                     \
		weft__go_check(1, a) weft__go_check(2, b))
#define weft__go_3(f, a, b, c)                                         \
	weft__go_run(f, 3, (a, b, c),                                  \
		weft__go_check(1, a) weft__go_check(2, b)              \
		weft__go_check(3, c))
#define weft__go_4(f, a, b, c, d)                                      \
	weft__go_run(f, 4, (a, b, c, d),                               \
		weft__go_check(1, a) weft__go_check(2, b)              \
		weft__go_check(3, c) weft__go_check(4, d))
#define weft__go_5(f, a, b, c, d, e)                                   \
	weft__go_run(f, 5, (a, b, c, d, e),                            \
		weft__go_check(1, a) weft__go_check(2, b)              \
		weft__go_check(3, c) weft__go_check(4, d)              \
		weft__go_check(5, e))
#define weft__go_6(f, a, b, c, d, e, g)                                \
	weft__go_run(f, 6, (a, b, c, d, e, g),                         \
		weft__go_check(1, a) weft__go_check(2, b)              \
		weft__go_check(3, c) weft__go_check(4, d)              \
		weft__go_check(5, e) weft__go_check(6, g))
#define weft__go_many(f, ...)                                          \
	__extension__({                                                \
		_Static_assert(sizeof(f) == 0,                         \
			"go: at most six arguments");                  \
		0;                                                     \
	})

/* Classes 1 to 5 of gcc's typeclass.h are the integers and pointers; clang
 * counts alike.  The conditional turns an array into the pointer that is
 * passed for it and gives a bit-field a size. */
#define weft__go_check(n, a)                                           \
	_Static_assert(__builtin_classify_type(a) >= 1 &&              \
		__builtin_classify_type(a) <= 5 &&                     \
		sizeof(1 ? (a) : (a)) <= sizeof(uintptr_t),            \
		"go: argument " #n " is no integer or pointer that fits a register");

/* Goes into every integer and pointer parameter once some warnings are off,
 * but into no floating one.  To clang a pointer is such a thing; to gcc, which
 * takes no pointer for an enum, a constant of more bits than any mantissa. */
#ifdef __clang__
struct weft_integer_or_pointer;
#define weft_integer_or_pointer ((struct weft_integer_or_pointer *)1)
#else
#define weft_integer_or_pointer ((__int128)1 << 120 | 1)
#endif
#define weft__go_probe_0
#define weft__go_probe_1 weft_integer_or_pointer
#define weft__go_probe_2 weft__go_probe_1, weft_integer_or_pointer
#define weft__go_probe_3 weft__go_probe_2, weft_integer_or_pointer
#define weft__go_probe_4 weft__go_probe_3, weft_integer_or_pointer
#define weft__go_probe_5 weft__go_probe_4, weft_integer_or_pointer
#define weft__go_probe_6 weft__go_probe_5, weft_integer_or_pointer

/* f's function type.  gcc marks noreturn and const functions by qualifiers
 * that & would bring in, and would then drop the code after the capture. */
#define weft__go_is_pointer(f)                                         \
	__builtin_types_compatible_p(__typeof__(f), __typeof__(&*(f)))
#define weft__go_type(f)                                               \
	__typeof__(*__builtin_choose_expr(weft__go_is_pointer(f), (f), \
		(__typeof__(f) *)0))

/* What a result of type T stands for once void, which has no value, counts as
 * int.  A long double would stay behind on the stack of the x87. */
#define weft__go_result_ok(T)                                          \
	(_Generic((T *)0, long double *: 0, default: 1) &&             \
	 __builtin_classify_type(                                      \
		*_Generic((T *)0, void *: (int *)0, default: (T *)0)) <= 8)

#define weft__go_run(f, n, args, checks)                               \
	weft__go_run_(f, (weft__go_probe_##n), args, checks,           \
		weft_go_words(weft__go_fn, n, weft_go_captured()), __COUNTER__)
#define weft__go_run_(f, probe, args, checks, start, id)               \
	__extension__({                                                \
		checks                                                 \
		_Pragma("GCC diagnostic push")                         \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"") \
		_Pragma("GCC diagnostic ignored \"-Wincompatible-pointer-types\"") \
		_Pragma("GCC diagnostic ignored \"-Woverflow\"")       \
		_Pragma("GCC diagnostic ignored \"-Wconversion\"")     \
		_Pragma("GCC diagnostic ignored \"-Wsign-conversion\"") \
		_Pragma("GCC diagnostic ignored \"-Wformat\"")         \
		_Pragma("GCC diagnostic ignored \"-Wunused-result\"")  \
		_Pragma("GCC diagnostic ignored \"-Wunused-value\"")   \
		_Pragma("GCC diagnostic error \"-Wfloat-conversion\"") \
		if (0)                                                 \
			(f)probe;                                      \
		typedef __typeof__((f)probe) weft__go_ret;             \
		_Pragma("GCC diagnostic pop")                          \
		_Static_assert(weft__go_result_ok(weft__go_ret),       \
			"go: the function's result is neither integer, pointer nor double"); \
		weft__go_type(f) *weft_go_function = (f);              \
		void (*weft__go_fn)(void) =                            \
			(void (*)(void))weft_go_function;              \
		weft_go_function = (weft__go_type(f) *)                \
			weft__go_capture();                            \
		_Pragma("GCC diagnostic push")                         \
		_Pragma("GCC diagnostic ignored \"-Wunused-result\"")  \
		_Pragma("GCC diagnostic ignored \"-Wunused-value\"")   \
		_Pragma("GCC diagnostic error \"-Wpointer-sign\"")     \
		weft__go_calls(id)                                     \
		weft_go_function args;                                 \
		weft__go_returns(id)                                   \
		_Pragma("GCC diagnostic pop")                          \
		start;                                                 \
	})

/* A function whose type is noreturn would make the compiler drop the code
 * after the capture.  gcc keeps the mark in a qualifier, which the type above
 * has shed unless f is a pointer of such a type.  clang keeps it in the type:
 * there the one label refers to the other, which goes if the code after the
 * call goes, and the assembler refuses. */
#ifdef __clang__
#define weft__go_calls(id)                                             \
	__asm__ volatile(".pushsection .weft.go,\"e\"\n\t"             \
		".long .Lgo_refuses_noreturn_functions_" #id "\n\t"    \
		".popsection");
#define weft__go_returns(id)                                           \
	__asm__ volatile(".pushsection .weft.go,\"e\"\n\t"             \
		".ifndef .Lgo_refuses_noreturn_functions_" #id "\n"    \
		".Lgo_refuses_noreturn_functions_" #id ":\n\t"         \
		".endif\n\t"                                           \
		".popsection");
#else
#define weft__go_calls(id)                                             \
	_Static_assert(!__builtin_types_compatible_p(                  \
			__typeof__(weft_go_function),                  \
			volatile __typeof__(*weft_go_function) *),     \
		"go: a pointer to a noreturn function");
#define weft__go_returns(id)
#endif

/* weft_go_capture as a pointer whose target no compiler can see: a call of
 * a known function through another type is one that it may replace. */
static inline __attribute__((always_inline, unused)) void
(*weft__go_capture(void))(void)
{
	void (*fn)(void) = (void (*)(void))weft_go_capture;

	__asm__("" : "+r"(fn));
	return fn;
}

/* ---------------------------------------------------------------- chan */

/**
 * chan(T): the handle of a channel of T, for any type T that can be assigned
 * but no array.  It is a weft_chan * underneath: NULL works, it converts to
 * and from void *, and it is the same type wherever T is.  The pointer type
 * only carries T; nothing is ever read through it.
 */
#define chan(...)                                                      \
	__typeof__(__typeof__(__VA_ARGS__) (**)(weft_chan *))

/* T and the plain channel of a handle; anything else is not callable. */
#define weft__chan_elem(c) __typeof__((**(c))((weft_chan *)0))
#define weft__chan_raw(c)                                              \
	((weft_chan *)(__typeof__(weft__chan_elem(c) (**)(weft_chan *)))(c))

/**
 * chan_make(T[, cap]): weft_chan_new for values of T; cap defaults to 0.
 */
#define chan_make(...)                                                 \
	weft__go_cat(weft__chan_make_, weft__go_pick(__VA_ARGS__,      \
		many, many, many, many, many, many, many, many, many,  \
		2, 1, 0))(__VA_ARGS__)
#define weft__chan_make_1(T) weft__chan_make_2(T, 0)
#define weft__chan_make_2(T, cap)                                      \
	((chan(T))weft_chan_new(sizeof(__typeof__(T)), (cap)))

/**
 * chan_send(c, v), chan_try_send(c, v), chan_send_until(c, v, deadline):
 * weft_chan_send and its forms for a value converted to T.
 */
#define chan_send(c, ...)                                              \
	weft__chan_send(c, (__VA_ARGS__),                              \
		weft_chan_send(weft__c, &weft__v))
#define chan_try_send(c, ...)                                          \
	weft__chan_send(c, (__VA_ARGS__),                              \
		weft_chan_try_send(weft__c, &weft__v))
#define chan_send_until(c, v, deadline)                                \
	weft__chan_send(c, (v),                                        \
		weft_chan_send_until(weft__c, &weft__v, (deadline)))
#define weft__chan_send(c, v, call)                                    \
	__extension__({                                                \
		weft_chan *weft__c = weft__chan_raw(c);                \
		weft__chan_elem(c) weft__v = v;                        \
		call;                                                  \
	})

/**
 * chan_recv(c, p), chan_try_recv(c, p), chan_recv_until(c, p, deadline):
 * weft_chan_recv and its forms; p points to a T or is NULL.
 */
#define chan_recv(c, p)                                                \
	weft__chan_recv(c, p, weft_chan_recv(weft__c, weft__p))
#define chan_try_recv(c, p)                                            \
	weft__chan_recv(c, p, weft_chan_try_recv(weft__c, weft__p))
#define chan_recv_until(c, p, deadline)                                \
	weft__chan_recv(c, p,                                          \
		weft_chan_recv_until(weft__c, weft__p, (deadline)))
#define weft__chan_recv(c, p, call)                                    \
	__extension__({                                                \
		weft_chan *weft__c = weft__chan_raw(c);                \
		_Pragma("GCC diagnostic push")                         \
		_Pragma("GCC diagnostic error \"-Wpointer-sign\"")     \
		weft__chan_elem(c) *weft__p = (p);                     \
		_Pragma("GCC diagnostic pop")                          \
		call;                                                  \
	})

/**
 * weft_chan_close, _len and _cap for a handle.
 */
#define chan_close(c) weft_chan_close(weft__chan_raw(c))
#define chan_len(c)   weft_chan_len(weft__chan_raw(c))
#define chan_cap(c)   weft_chan_cap(weft__chan_raw(c))

/**
 * chan_ref(c): one more reference, returned with c's type; see
 * weft_chan_ref.  chan_free(c): drop one; see weft_chan_unref.
 */
#define chan_ref(c)                                                    \
	((chan(weft__chan_elem(c)))weft_chan_ref(weft__chan_raw(c)))
#define chan_free(c) weft_chan_unref(weft__chan_raw(c))

/* --------------------------------------------------------------- defer */

/**
 * defer(f, p);  WEFT_DEFER for a function of any one pointer, checked against
 * its prototype: defer(weft_mutex_unlock, &m).  Its result, if it has one, is
 * dropped.
 */
#define defer(f, p) weft__go_defer(f, p, __COUNTER__)
#define weft__go_defer(f, p, id) weft__go_defer_(f, p, id)
#define weft__go_defer_(f, p, id)                                      \
	_Static_assert(sizeof((f)(p), 0) &&                            \
		__builtin_classify_type(p) == 5,                       \
		"defer: the argument is no pointer");                  \
	_Static_assert(weft__go_result_ok(__typeof__((f)(p))),         \
		"defer: the function's result is neither integer, pointer nor double"); \
	void (*weft__deferred_fn_##id)(void) = (void (*)(void))(f);    \
	WEFT_DEFER((void (*)(void *))weft__deferred_fn_##id,           \
		(void *)(uintptr_t)(p))

#else /* C++ */

#include <type_traits>

/* A pointer type that carries T, the same as in C. */
template <class T> using weft_chan_of = T (**)(weft_chan *);

#define chan(...) ::weft_chan_of<__VA_ARGS__>
#define chan_make(...)                                                 \
	weft__go_cat(weft__chan_make_, weft__go_pick(__VA_ARGS__,      \
		many, many, many, many, many, many, many, many, many,  \
		2, 1, 0))(__VA_ARGS__)
#define weft__chan_make_1(T) ::weft_go_detail::make<T>(0)
#define weft__chan_make_2(T, cap) ::weft_go_detail::make<T>(cap)

namespace weft_go_detail {

/* Keeps a parameter out of template argument deduction. */
template <class T> struct as_is {
	using type = T;
};
template <class T> using as_is_t = typename as_is<T>::type;

template <class T>
inline constexpr bool is_word =
	(std::is_integral_v<T> || std::is_enum_v<T> || std::is_pointer_v<T> ||
	 std::is_null_pointer_v<T>) && sizeof(T) <= sizeof(uintptr_t);

template <class R>
inline constexpr bool is_result =
	std::is_void_v<R> || std::is_pointer_v<R> || std::is_reference_v<R> ||
	std::is_enum_v<R> || std::is_null_pointer_v<R> ||
	(std::is_arithmetic_v<R> && !std::is_same_v<R, long double>);

/* One argument: what converts to P does, but no floating-point number. */
template <class P> struct integer_or_pointer {
	static_assert(is_word<P>,
		      "go: a parameter of the function is no integer or "
		      "pointer that fits a register");
	P value;

	integer_or_pointer(P v) : value(v) {}
	template <class A, std::enable_if_t<std::is_class_v<A> &&
		  std::is_convertible_v<A, P>, int> = 0>
	integer_or_pointer(const A &a) : value(a) {}
	template <class A, std::enable_if_t<std::is_floating_point_v<A>,
		  long> = 0>
	integer_or_pointer(A) = delete;

	/* Narrow types widen to int by their sign, and int to the register by
	 * its own: right on x86_64, aarch64 and riscv64 alike. */
	uintptr_t word() const
	{
		if constexpr (std::is_null_pointer_v<P>)
			return 0;
		else if constexpr (std::is_pointer_v<P>)
			return reinterpret_cast<uintptr_t>(value);
		else if constexpr (sizeof(P) <= sizeof(int32_t))
			return static_cast<uintptr_t>(static_cast<intptr_t>(
				static_cast<int32_t>(value)));
		else
			return static_cast<uintptr_t>(value);
	}
};

template <class T> weft_chan_of<T> make(size_t cap)
{
	static_assert(std::is_trivially_copyable_v<T>,
		      "chan: values are copied as bytes");
	return reinterpret_cast<weft_chan_of<T>>(
		weft_chan_new(sizeof(T), cap));
}

template <class T> weft_chan *raw(weft_chan_of<T> c)
{
	return reinterpret_cast<weft_chan *>(c);
}

struct deferred_call : weft_deferred {
	template <class R, class P>
	deferred_call(R (*f)(P *), as_is_t<P> *p) :
		weft_deferred(reinterpret_cast<void (*)(void *)>(
				reinterpret_cast<void (*)(void)>(f)),
			const_cast<void *>(static_cast<const volatile void *>(p)))
	{
		static_assert(is_result<R>,
			      "defer: the function's result is neither "
			      "integer, pointer nor double");
	}
};

} // namespace weft_go_detail

/* The same calls as in C; see there. */
#define defer(f, p)                                                    \
	::weft_go_detail::deferred_call weft__defer_cat(               \
		weft__deferred_, __COUNTER__)((f), (p))

template <class R, class... P>
inline int go(R (*f)(P...),
	      weft_go_detail::as_is_t<
		      weft_go_detail::integer_or_pointer<P>>... a)
{
	static_assert(sizeof...(P) <= 6, "go: at most six arguments");
	static_assert(weft_go_detail::is_result<R>,
		      "go: the function's result is neither integer, pointer "
		      "nor double");
	const uintptr_t w[6 + sizeof...(P)] = { a.word()... };
	return weft_go_words(reinterpret_cast<void (*)(void)>(f), sizeof...(P),
			     w);
}

template <class T>
inline int chan_send(weft_chan_of<T> c,
		     const weft_go_detail::as_is_t<T> &v)
{
	return weft_chan_send(weft_go_detail::raw<T>(c), &v);
}

template <class T>
WEFT_NODISCARD inline int
chan_try_send(weft_chan_of<T> c, const weft_go_detail::as_is_t<T> &v)
{
	return weft_chan_try_send(weft_go_detail::raw<T>(c), &v);
}

template <class T>
WEFT_NODISCARD inline int
chan_send_until(weft_chan_of<T> c, const weft_go_detail::as_is_t<T> &v,
		weft_time deadline)
{
	return weft_chan_send_until(weft_go_detail::raw<T>(c), &v, deadline);
}

template <class T>
inline int chan_recv(weft_chan_of<T> c, weft_go_detail::as_is_t<T> *p)
{
	return weft_chan_recv(weft_go_detail::raw<T>(c), p);
}

template <class T>
WEFT_NODISCARD inline int
chan_try_recv(weft_chan_of<T> c, weft_go_detail::as_is_t<T> *p)
{
	return weft_chan_try_recv(weft_go_detail::raw<T>(c), p);
}

template <class T>
WEFT_NODISCARD inline int
chan_recv_until(weft_chan_of<T> c, weft_go_detail::as_is_t<T> *p,
		weft_time deadline)
{
	return weft_chan_recv_until(weft_go_detail::raw<T>(c), p, deadline);
}

template <class T> inline int chan_close(weft_chan_of<T> c)
{
	return weft_chan_close(weft_go_detail::raw<T>(c));
}

template <class T> inline weft_chan_of<T> chan_ref(weft_chan_of<T> c)
{
	weft_chan_ref(weft_go_detail::raw<T>(c));
	return c;
}

template <class T> inline void chan_free(weft_chan_of<T> c)
{
	weft_chan_unref(weft_go_detail::raw<T>(c));
}

template <class T> inline size_t chan_len(weft_chan_of<T> c)
{
	return weft_chan_len(weft_go_detail::raw<T>(c));
}

template <class T> inline size_t chan_cap(weft_chan_of<T> c)
{
	return weft_chan_cap(weft_go_detail::raw<T>(c));
}

#endif

#include <weft/go_scope.h>
#include <weft/go_select.h>

#endif
