/* SPDX-License-Identifier: MIT */
/* weft/sync.h - locks, and waiting for one another.
 *
 *   weft/waitgroup.h  a count of things under way
 *
 * Small structs in the caller's memory: all zero is a valid object, unless
 * its initialiser takes an argument, there is nothing to destroy, and they
 * must not be copied or moved while in use.  They work between routines,
 * plain threads, and both.
 */
#ifndef WEFT_SYNC_H
#define WEFT_SYNC_H

#include <weft/waitgroup.h>

#endif
