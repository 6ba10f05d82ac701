/* routine/sanitize.c - get and put of stacks as the sanitizers see them.
 *
 * ASan   a free stack is poisoned up to its header, so a pointer into a dead
 *        frame is caught even when the frame was on a pooled stack.
 * LSan   the stacks of live routines are roots: what only a parked routine
 *        points to is not lost.  One region per stack, not per slab, because
 *        the checker reads all of a region and would run into guards.
 * TSan   a fiber lives from get to put.
 */
#include "base/base.h"
#include "routine/stack.h"

#if WEFT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

#if WEFT_SANITIZED
void weft__san_stack_get(struct stack *s)
{
#if WEFT_ASAN
	__asan_unpoison_memory_region(s->base, s->size);
	__lsan_register_root_region(s->base, s->size);
	s->san.fake = NULL;
#endif
#if WEFT_TSAN
	s->san.fiber = __tsan_create_fiber(0);
#endif
	s->flags |= STACK_LIVE;
}

void weft__san_stack_put(struct stack *s)
{
	s->flags &= (uint8_t)~STACK_LIVE;
#if WEFT_TSAN
	__tsan_destroy_fiber(s->san.fiber);
	s->san.fiber = NULL;
#endif
#if WEFT_ASAN
	__lsan_unregister_root_region(s->base, s->size);
	__asan_unpoison_memory_region(s->base, s->size);
	__asan_poison_memory_region(s->base, s->size - sizeof *s);
#endif
}

void weft__san_root(const void *p, size_t len)
{
#if WEFT_ASAN
	__lsan_register_root_region(p, len);
#else
	(void)p;
	(void)len;
#endif
}

void weft__san_unpoison(const void *p, size_t len)
{
#if WEFT_ASAN
	__asan_unpoison_memory_region(p, len);
#else
	(void)p;
	(void)len;
#endif
}
#else
typedef int weft__sanitize_nothing;
#endif
