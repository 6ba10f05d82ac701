/* SPDX-License-Identifier: MIT */
/* weft/sync.h - locks, and waiting for one another.
 *
 *   weft/mutex.h      one at a time
 *   weft/rwlock.h     many who read, or one who writes
 *   weft/cond.h       waiting for what another will say
 *   weft/waitgroup.h  a count of things under way
 *   weft/once.h       something that is done once
 *   weft/sem.h        permits, acquired by the handful
 *   weft/barrier.h    parties that wait for each other
 *   weft/latch.h      a gate that opens at zero
 *   weft/oneshot.h    a value that is set once
 *
 * Small structs in the caller's memory: all zero is a valid object, unless
 * its initialiser takes an argument, there is nothing to destroy, and they
 * must not be copied or moved while in use.  They work between routines,
 * plain threads, and both.
 */
#ifndef WEFT_SYNC_H
#define WEFT_SYNC_H

#include <weft/mutex.h>
#include <weft/rwlock.h>
#include <weft/cond.h>
#include <weft/waitgroup.h>
#include <weft/once.h>
#include <weft/sem.h>
#include <weft/barrier.h>
#include <weft/latch.h>
#include <weft/oneshot.h>

#endif
