/* SPDX-License-Identifier: MIT */
/* weft.h - the core of weft in one include.
 *
 *   weft/base.h     time, ids, error codes: read this first
 *   weft/runtime.h  start and stop
 *   weft/routine.h  start, join, park
 *   weft/chan.h     channels
 *   weft/sync.h     waitgroups
 *   weft/time.h     clock and sleep
 *   weft/coro.h     coroutines without a scheduler
 *   weft/version.h  which version this is
 *
 * weft/go.h, which adds short names such as go() and chan(int), is opt-in
 * and not included here.
 */
#ifndef WEFT_H
#define WEFT_H

#include <weft/base.h>
#include <weft/runtime.h>
#include <weft/routine.h>
#include <weft/chan.h>
#include <weft/sync.h>
#include <weft/time.h>
#include <weft/coro.h>
#include <weft/version.h>

#endif
