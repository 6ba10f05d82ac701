/* routine/sanitize_inline.h - the calls around a switch, in builds with a
 * sanitizer; stack.h includes it when struct stack is known.
 *
 * TSan wants to hear of the switch immediately before it, from a function that
 * it does not instrument and that leaves no frame: hence the attributes.
 */
#ifndef WEFT_ROUTINE_SANITIZE_INLINE_H
#define WEFT_ROUTINE_SANITIZE_INLINE_H

#if WEFT_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if WEFT_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if WEFT_TSAN
__attribute__((no_sanitize("thread")))
#endif
static ALWAYS_INLINE void weft__san_before_switch(struct stack *from,
						  struct stack *to, bool dying)
{
#if WEFT_ASAN
	__sanitizer_start_switch_fiber(dying ? NULL : &from->san.fake,
				       to->base, to->size);
#endif
#if WEFT_TSAN
	/* A thread's fiber is known only once it runs. */
	if (from->flags & STACK_THREAD)
		from->san.fiber = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->san.fiber, 0);
#endif
	(void)from;
	(void)to;
	(void)dying;
}

static ALWAYS_INLINE void weft__san_after_switch(struct stack *self)
{
#if WEFT_ASAN
	/* A dead stack was left without a fake one: begin with none. */
	__sanitizer_finish_switch_fiber(self->san.fake, NULL, NULL);
	self->san.fake = NULL;
#endif
	(void)self;
}

/* TSan counts the calls and returns of each fiber and would miss the returns of
 * frames that were discarded; so they are a fiber's of their own. */
#if WEFT_TSAN
__attribute__((no_sanitize("thread")))
#endif
static ALWAYS_INLINE void weft__san_frames_begin(struct san_frames *f,
						 struct stack *s)
{
#if WEFT_TSAN
	f->fiber = s->san.fiber;
	s->san.fiber = __tsan_create_fiber(0);
	__tsan_switch_to_fiber(s->san.fiber, 0);
#endif
	(void)f;
	(void)s;
}

#if WEFT_TSAN
__attribute__((no_sanitize("thread")))
#endif
static ALWAYS_INLINE void weft__san_frames_end(struct san_frames *f,
					       struct stack *s)
{
#if WEFT_TSAN
	void *dead = s->san.fiber;

	s->san.fiber = f->fiber;
	__tsan_switch_to_fiber(f->fiber, 0);
	__tsan_destroy_fiber(dead);
#endif
	(void)f;
	(void)s;
}

#if WEFT_TSAN
__attribute__((no_sanitize("thread")))
#endif
static ALWAYS_INLINE void weft__san_frames_left(struct san_frames *f,
						struct stack *s,
						struct stack *from)
{
#if WEFT_TSAN
	void *dead = s->san.fiber;

	s->san.fiber = f->fiber;
	if (s == from)
		__tsan_switch_to_fiber(f->fiber, 0);
	__tsan_destroy_fiber(dead);
#endif
	(void)f;
	(void)s;
	(void)from;
}

#endif
