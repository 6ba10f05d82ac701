/* base/base.h - what every source file starts with.
 *
 * The compiler's vocabulary and the three severities of trouble:
 *   an error     is a negative errno that is returned;
 *   a misuse     is weft__panic() with a sentence, always on (base/panic.h);
 *   a bug in us  is WEFT_ASSERT, in debug builds.
 */
#ifndef WEFT_BASE_BASE_H
#define WEFT_BASE_BASE_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

#ifndef WEFT_DEBUG_LEVEL
#define WEFT_DEBUG_LEVEL 0
#endif

#define WEFT_CACHELINE 64

#define likely(x)      __builtin_expect(!!(x), 1)
#define unlikely(x)    __builtin_expect(!!(x), 0)
#define NOINLINE       __attribute__((noinline))
#define COLD           __attribute__((noinline, cold))
#define ALWAYS_INLINE  inline __attribute__((always_inline))
#define CACHE_ALIGNED  _Alignas(WEFT_CACHELINE)

#define container_of(p, type, field) \
	((type *)(void *)((char *)(p) - offsetof(type, field)))
#define countof(a) (sizeof(a) / sizeof(*(a)))

/* A value that differs in builds that make rare interleavings common. */
#if WEFT_DEBUG_LEVEL >= 2
#define WEFT_SHRINK(normal, small) (small)
#else
#define WEFT_SHRINK(normal, small) (normal)
#endif

#if WEFT_DEBUG_LEVEL >= 1
#define WEFT_ASSERT(c) \
	((c) ? (void)0 : weft__bug(#c, __FILE__, __LINE__))
#else
#define WEFT_ASSERT(c) ((void)0)
#endif

#endif
