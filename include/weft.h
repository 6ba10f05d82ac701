/* SPDX-License-Identifier: MIT */
/* weft.h - the core of weft in one include.
 *
 *   weft/base.h     time, ids, error codes: read this first
 *   weft/runtime.h  start and stop
 *   weft/routine.h  start, join, park
 *   weft/chan.h     channels
 *   weft/select.h   the first of several channel operations
 *   weft/sync.h     locks, and waiting for one another
 *   weft/time.h     clock, sleep and timers
 *   weft/scope.h    routines that are waited for and cancelled as one
 *   weft/panic.h    panics, weft_try, deferred calls
 *   weft/supervise.h  routines that are started again when they fail
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
#include <weft/select.h>
#include <weft/sync.h>
#include <weft/time.h>
#include <weft/scope.h>
#include <weft/supervise.h>
#include <weft/panic.h>
#include <weft/coro.h>
#include <weft/version.h>

#endif
