/* SPDX-License-Identifier: MIT */
/* weft/panic.h - a failure that ends one routine, and what it still owes.
 *
 *	static int serve(void *arg)
 *	{
 *		struct request *q = open_request(arg);
 *
 *		WEFT_DEFER(close_request, q);
 *		if (!parse(q))
 *			weft_panic("request %d makes no sense", q->number);
 *		return answer(q);
 *	}
 *
 *	err = weft_try(serve, arg);
 *	if (err == WEFT_EPANIC)
 *		log_line(weft_panic_text());
 *
 * A panic makes the deferred calls of its routine, the last deferred first, then
 * ends the routine: not the others, and not the process.  Misuse of the library
 * that no code can answer, such as the unlock of an unlocked mutex, panics the
 * same way.  Who waits for the routine is told: its status is WEFT_EPANIC for
 * weft_join and weft_call, and the error of its scope.  When there is nobody to
 * tell, for a routine of weft_go or weft_submit, a detached one and the main one,
 * or nobody has joined it by the end of the run, a report goes to stderr: the
 * text, the routine, where it was spawned, and its frames.  The main routine's
 * panic also makes weft_run return WEFT_EPANIC, and the others are discarded.
 *
 * weft_config.on_panic = WEFT_PANIC_ABORT aborts the process wherever a report
 * would be made; a panic that cannot be caught and has nobody to tell aborts
 * where it begins, before any deferred call, so that a debugger sees its frames.
 *
 * On a plain thread, that of a weft_blocking call included, there is no routine
 * to end: a panic prints its text and aborts, also within weft_try.  A stack
 * overflow and a bug of the library itself always end the process.
 *
 * The frames that a panic leaves are discarded as by longjmp: deferred calls are
 * made, C++ destructors are not.  C++ exceptions do not leave weft_try.
 */
#ifndef WEFT_PANIC_H
#define WEFT_PANIC_H

#include <weft/base.h>

/** One deferred call, in the frame that owes it.  See WEFT_DEFER. */
typedef struct weft_deferred weft_deferred;
/** What a call has for itself while it may park.  See weft_hold_begin. */
typedef struct weft_held weft_held;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * End the calling routine, as above, or the weft_try that it is in.  The text is
 * made as by printf; it is kept while the routine lives, until its next panic.
 * A panic in a deferred call replaces the one that it was made for: the calls
 * still owed are made for the new one.  Deferred calls may park; in a routine
 * that is cancelled their cancel points return -ECANCELED (see weft_shield_begin).
 *
 * In a coroutine: the panic leaves it, its next resume returns -EPIPE, and goes
 * on in the weft_coro_resume that ran it.  In a key destructor the routine ends
 * with WEFT_EPANIC after the destructors that are left.
 */
WEFT_API WEFT_NORETURN void weft_panic(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/**
 * Call fn(arg).  Returns what it returns, or WEFT_EPANIC if a panic ended it;
 * the calls deferred in it have been made by then, scopes begun in it have been
 * cancelled and joined, shields begun in it have ended.  Nests.  Catches misuse
 * as well; what was misused is as it was before the call.  Does not catch
 * weft_exit, nor a panic in a call that weft_exit makes on its way out.
 *
 * Parks if fn does; fn may go on on another thread.  -EINVAL: fn is NULL.  On a
 * plain thread it is a call and nothing else: see above.
 */
WEFT_API int weft_try(int (*fn)(void *), void *arg);

/**
 * The text of the calling routine's last panic: the one that weft_try has just
 * caught, or in a deferred call the one it is made for.  "" if there was none,
 * and on a plain thread; never NULL.  A fixed sentence when there was no memory
 * for the text.  Valid until the next panic or the end of the routine.  Never
 * parks.
 */
WEFT_API const char *weft_panic_text(void);

/**
 * What WEFT_DEFER stands for: d, in the caller's frame, owes fn(arg) from begin
 * to end, which makes the call.  Begin never parks, end parks if fn does.  Not
 * for use by hand.
 */
WEFT_API void weft_defer_begin(weft_deferred *d, void (*fn)(void *), void *arg);
/** See weft_defer_begin. */
WEFT_API void weft_defer_end(weft_deferred *d);

/**
 * For libraries made of weft's calls.  From here to weft_hold_end, which does not
 * make the call, drop(arg) is owed by h, in the caller's frame: it is made when
 * the routine never gets to weft_hold_end, not only by a panic or weft_exit, as a
 * deferred call is, but also when the routine is discarded at the end of its run
 * or the coroutine that it is in is freed.
 *
 * Then drop runs on the thread that ends the run or frees the coroutine, while the
 * frames still stand and none of them goes on; it gives memory and descriptors
 * back and may not park or wait.  Routines are discarded in any order, so what
 * calls of other routines still use is not for a drop to give back.  The last begun is the first to end.  Never
 * parks; not a cancel point; without effect on a plain thread, but in a coroutine
 * there.
 */
WEFT_API void weft_hold_begin(weft_held *h, void (*drop)(void *), void *arg);
/** See weft_hold_begin. */
WEFT_API void weft_hold_end(weft_held *h);

#ifdef __cplusplus
}
#endif

struct weft_deferred {
	void *weft__outer;
	void (*weft__fn)(void *);
	void *weft__arg;
#ifdef __cplusplus
	weft_deferred(void (*fn)(void *), void *arg)
	{
		weft_defer_begin(this, fn, arg);
	}
	~weft_deferred() noexcept(false)
	{
		weft_defer_end(this);
	}
	weft_deferred(const weft_deferred &) = delete;
	weft_deferred &operator=(const weft_deferred &) = delete;
#endif
};

struct weft_held {
	void *weft__owed[3];
	void (*weft__drop)(void *);
	void *weft__arg;
};

/**
 * WEFT_DEFER(fn, arg);  a statement in a block: fn(arg) is called at the end of
 * the block, however that is reached: at its brace, by return, break, continue
 * or goto, by a panic or by weft_exit.  Several in a block are called in reverse
 * order.  fn is a void (*)(void *); both are evaluated now, once.  fn may park,
 * and on a plain thread it is called at the end of the block as well.  Not
 * called in a routine that is discarded at the end of a run, nor in a coroutine
 * that is freed while suspended.  No jump into the block may pass it by.
 */
#define WEFT_DEFER(fn, arg) \
	weft__defer_as(weft__defer_cat(weft__deferred_, __COUNTER__), fn, arg)
#define weft__defer_cat(a, b) weft__defer_cat_(a, b)
#define weft__defer_cat_(a, b) a##b
#ifdef __cplusplus
#define weft__defer_as(name, fn, arg) \
	::weft_deferred name((fn), (arg))
#else
#define weft__defer_as(name, fn, arg) \
	weft_deferred name __attribute__((__cleanup__(weft_defer_end))); \
	weft_defer_begin(&name, (fn), (arg))
#endif

#endif
