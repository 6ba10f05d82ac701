/* sync/lockgraph.h - who holds which lock and who waits for which: debug builds
 * (--enable-debug) look for cycles before a lock parks, and name them.
 *
 * A lock is not owned by a routine: who locked it last counts as its holder
 * until it is unlocked, by whomever.  So a cycle is a warning, with all its
 * routines and locks, and not a panic: a fourth might unlock.
 *
 * In other builds these are nothing.
 */
#ifndef WEFT_SYNC_LOCKGRAPH_H
#define WEFT_SYNC_LOCKGRAPH_H

#include "base/base.h"

#if WEFT_DEBUG_LEVEL >= 1

/* The caller, routine or thread, has locked it; is about to unlock it. */
void weft__lock_took(const void *lock);
void weft__lock_gave(const void *lock);
/* The caller is about to wait for it, and warns if that closes a cycle; it has
 * stopped waiting. */
void weft__lock_wait(const void *lock);
void weft__lock_waited(void);

#else

static inline void weft__lock_took(const void *lock)
{
	(void)lock;
}
static inline void weft__lock_gave(const void *lock)
{
	(void)lock;
}
static inline void weft__lock_wait(const void *lock)
{
	(void)lock;
}
static inline void weft__lock_waited(void)
{
}

#endif

#endif
