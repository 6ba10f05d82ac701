/* SPDX-License-Identifier: MIT */
/* weft/version.h - which weft these headers belong to.
 *
 * The version is written here and nowhere else: configure reads it from this
 * file.
 */
#ifndef WEFT_VERSION_H
#define WEFT_VERSION_H

#include <weft/base.h>

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0
#define WEFT_VERSION "0.1.0"

/* One number that grows with every release: compare it in #if. */
#define WEFT_VERSION_NUMBER                                            \
	(WEFT_VERSION_MAJOR * 1000000 + WEFT_VERSION_MINOR * 1000 +    \
	 WEFT_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of the library that is running, for example "0.1.0".  It may
 * be newer than WEFT_VERSION, the version of the headers compiled against.
 * A static string, not to be freed.  Never parks; any thread; cannot fail.
 */
WEFT_API const char *weft_version(void);

#ifdef __cplusplus
}
#endif

#endif
