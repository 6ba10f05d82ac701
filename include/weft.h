/* SPDX-License-Identifier: MIT */
/* weft.h - all of weft in one include.
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
 *   weft/io.h       read, write, wait for descriptors
 *   weft/bufio.h    the same with a buffer: lines, formats
 *   weft/net.h      sockets and names
 *   weft/file.h     files and directories
 *   weft/process.h  child processes, signals, exit
 *   weft/await.h    operations that call back, as plain calls
 *   weft/loop.h     weft inside another event loop
 *   weft/coro.h     coroutines without a scheduler
 *   weft/version.h  which version this is
 *
 * weft/go.h, which adds short names such as go() and chan(int), is opt-in
 * and not included here, nor is weft/tls.h, which belongs to libweft-tls.
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
#include <weft/io.h>
#include <weft/bufio.h>
#include <weft/net.h>
#include <weft/file.h>
#include <weft/process.h>
#include <weft/await.h>
#include <weft/loop.h>
#include <weft/coro.h>
#include <weft/version.h>

#endif
