/* routine/sanitize.h - telling ASan, TSan, LSan and valgrind about stacks.
 *
 * They follow the fast switch itself, there is no other one for them.  In a
 * plain build everything here is empty.
 *
 * Around a switch, on the stack that is left and then on the one that goes on:
 *
 *     weft__san_before_switch(from, to, dying);
 *     the switch                              (nothing in between)
 *     weft__san_after_switch(self);           (first thing after it, also at
 *                                              the start of a first run)
 *
 * Around a call whose frames a jump may discard, on its stack:
 *
 *     weft__san_frames_begin(&f, self);
 *     the call                                (nothing in between)
 *     weft__san_frames_end(&f, self);         or, when the jump goes past here:
 *     weft__san_frames_left(&f, s, from);     while still on the stack `from`
 *
 * "self" is the stack that the code after the switch runs on.  dying: nothing
 * will ever run on `from` again in its present life.  A routine that goes on
 * with another one's leftover stack without a switch calls neither.
 */
#ifndef WEFT_ROUTINE_SANITIZE_H
#define WEFT_ROUTINE_SANITIZE_H

#include "base/base.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WEFT_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define WEFT_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define WEFT_TSAN 1
#endif
#ifndef WEFT_ASAN
#define WEFT_ASAN 0
#endif
#ifndef WEFT_TSAN
#define WEFT_TSAN 0
#endif
#define WEFT_SANITIZED (WEFT_ASAN || WEFT_TSAN)

struct stack;

#if WEFT_SANITIZED

struct stack_sanitizer {
	void *fake;             /* ASan: fake stack while switched away      */
	void *fiber;            /* TSan: its fiber; thread: found at leaving */
};

struct san_frames {
	void *fiber;            /* TSan: the caller's                        */
};

/* Larger frames need larger stacks. */
#define WEFT_STACK_FACTOR 4

/* sanitize.c.  Get and put of a pooled stack: (un)poison it, (un)register it
 * as a place where pointers are found, make and destroy its fiber. */
void weft__san_stack_get(struct stack *s);
void weft__san_stack_put(struct stack *s);

/* Memory goes back to the system or is read from outside. */
void weft__san_unpoison(const void *p, size_t len);
/* What is found there is no leak. */
void weft__san_root(const void *p, size_t len);

#define WEFT_NO_SANITIZE \
	__attribute__((no_sanitize("address", "thread")))

/* sanitize_inline.h has the two around the switch: they need struct stack. */

#else

#define WEFT_STACK_FACTOR 1
#define WEFT_NO_SANITIZE

static ALWAYS_INLINE void weft__san_stack_get(struct stack *s)
{
	(void)s;
}

static ALWAYS_INLINE void weft__san_stack_put(struct stack *s)
{
	(void)s;
}

static ALWAYS_INLINE void weft__san_unpoison(const void *p, size_t len)
{
	(void)p;
	(void)len;
}

static ALWAYS_INLINE void weft__san_root(const void *p, size_t len)
{
	(void)p;
	(void)len;
}

static ALWAYS_INLINE void weft__san_before_switch(struct stack *from,
						  struct stack *to, bool dying)
{
	(void)from;
	(void)to;
	(void)dying;
}

static ALWAYS_INLINE void weft__san_after_switch(struct stack *self)
{
	(void)self;
}

struct san_frames {
	char nothing;
};

static ALWAYS_INLINE void weft__san_frames_begin(struct san_frames *f,
						 struct stack *s)
{
	(void)f;
	(void)s;
}

static ALWAYS_INLINE void weft__san_frames_end(struct san_frames *f,
					       struct stack *s)
{
	(void)f;
	(void)s;
}

static ALWAYS_INLINE void weft__san_frames_left(struct san_frames *f,
						struct stack *s,
						struct stack *from)
{
	(void)f;
	(void)s;
	(void)from;
}

#endif

/* --- valgrind: slow paths only -------------------------------------------- */

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/memcheck.h>

/* Under valgrind dead stack words may not even be looked at. */
#define WEFT_ON_VALGRIND()  unlikely(RUNNING_ON_VALGRIND)
#define WEFT_VALGRIND_REGISTER(lo, hi) \
	((uint32_t)VALGRIND_STACK_REGISTER((lo), (hi)))
#define WEFT_VALGRIND_DEREGISTER(id)   VALGRIND_STACK_DEREGISTER(id)
#define WEFT_VALGRIND_OPEN(p, len)     ((void)VALGRIND_MAKE_MEM_DEFINED(p, len))
#else
#define WEFT_ON_VALGRIND()             0
#define WEFT_VALGRIND_REGISTER(lo, hi) 0
#define WEFT_VALGRIND_DEREGISTER(id)   ((void)(id))
#define WEFT_VALGRIND_OPEN(p, len)     ((void)(p), (void)(len))
#endif

#endif
