/* SPDX-License-Identifier: MIT */
/* weft/go_select.h - the part of weft/go.h that waits for one of several.
 *
 *	switch (chan_select(weft_in(WEFT_S), on_recv(in, &v), on_send(out, 7))) {
 *	case 0: ...             v came
 *	case 1: ...             7 went
 *	case -ETIMEDOUT: ...
 *	}
 */
#ifndef WEFT_GO_SELECT_H
#define WEFT_GO_SELECT_H

#include <weft/go.h>

#ifndef __cplusplus

/* What on_recv and on_send make; only chan_select takes it. */
struct weft_on {
	weft_case what;
	int *err;
};

/**
 * chan_select(deadline, cases...): weft_select with the cases written out.
 *
 *	on_recv(c, p)           receive into *p, a T; p may be NULL
 *	on_recv(c, p, err)      and note in the int *err, if this case is
 *	                        chosen, 0 or -EPIPE
 *	on_send(c, v)           send v, converted to T
 *	on_send_err(c, v, err)  the same, noting 0 or -EPIPE
 *
 * Everything is evaluated once, in any order.  Returns the index of the chosen
 * case, from 0, or an error as weft_select.
 */
#define chan_select(deadline, ...)                                     \
	__extension__({                                                \
		struct weft_on weft__on[] = { __VA_ARGS__ };           \
		enum { weft__n = sizeof weft__on / sizeof(struct weft_on) }; \
		weft_case weft__cases[weft__n + 1];                    \
		weft__chan_select(weft__on, weft__cases, weft__n,      \
			(deadline));                                   \
	})

static inline __attribute__((unused)) int
weft__chan_select(const struct weft_on *on, weft_case *cases, size_t n,
		  weft_time deadline)
{
	int chosen;

	for (size_t i = 0; i < n; i++)
		cases[i] = on[i].what;
	chosen = weft_select(cases, n, deadline);
	if (chosen >= 0 && (size_t)chosen < n && on[chosen].err)
		*on[chosen].err = cases[chosen].err;
	return chosen;
}

#define on_recv(...)                                                   \
	weft__go_cat(weft__on_recv_, weft__go_pick(__VA_ARGS__,        \
		many, many, many, many, many, many, many, many,        \
		3, 2, 1, 0))(__VA_ARGS__)
#define weft__on_recv_2(c, p) weft__on_recv_3(c, p, NULL)
#define weft__on_recv_3(c, p, e)                                       \
	((struct weft_on){ WEFT_RECV(weft__chan_raw(c),                \
		(_Generic((p), void *: (p),                            \
			  weft__chan_elem(c) *: (p)))), (e) })

/* The value is an array of one, which a struct can initialise as well as a
 * number; what may be assigned is looked at apart, without evaluating it. */
#define on_send(c, ...) on_send_err(c, (__VA_ARGS__), NULL)
#define on_send_err(c, v, e)                                           \
	((struct weft_on){ WEFT_SEND(weft__chan_raw(c),                \
		((__typeof__(__extension__({                           \
			weft__chan_elem(c) weft__v = (v);              \
			weft__v;                                       \
		}))[1]){ v })), (e) })

#else /* C++: the same calls */

namespace weft_go_detail {

template <class T> struct on_recv_case {
	weft_chan_of<T> c;
	T *p;
	int *err;

	weft_case what() const { return WEFT_RECV(raw<T>(c), p); }
};

template <class T> struct on_send_case {
	weft_chan_of<T> c;
	T v;
	int *err;

	weft_case what() const { return WEFT_SEND(raw<T>(c), &v); }
};

} // namespace weft_go_detail

template <class T>
inline weft_go_detail::on_recv_case<T>
on_recv(weft_chan_of<T> c, weft_go_detail::as_is_t<T> *p, int *err = nullptr)
{
	return { c, p, err };
}

template <class T>
inline weft_go_detail::on_send_case<T>
on_send(weft_chan_of<T> c, const weft_go_detail::as_is_t<T> &v)
{
	return { c, v, nullptr };
}

template <class T>
inline weft_go_detail::on_send_case<T>
on_send_err(weft_chan_of<T> c, const weft_go_detail::as_is_t<T> &v, int *err)
{
	return { c, v, err };
}

template <class... Case>
inline int chan_select(weft_time deadline, const Case &... k)
{
	weft_case cases[sizeof...(Case) + 1] = { k.what()... };
	int *const err[sizeof...(Case) + 1] = { k.err... };
	int chosen = weft_select(cases, sizeof...(Case), deadline);

	if (chosen >= 0 && err[chosen])
		*err[chosen] = cases[chosen].err;
	return chosen;
}

#endif

#endif
