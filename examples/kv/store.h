/* store.h - the keys: shards with a lock each.
 *
 *	command -> lock the shards of its keys -> run -> unlock
 *
 * Shards are locked in ascending order, each by its bit in a mask; so a command
 * with several keys is atomic, and no two wait for each other for ever.
 *
 * A key whose time has come is as good as gone: find removes it.  Those that
 * nobody asks for any more are found by the sweeper, a few at a time.
 */
#ifndef EXAMPLES_STORE_H
#define EXAMPLES_STORE_H

#include "table.h"

#include <weft.h>

enum { SHARDS = 64 };           /* as many as a mask has bits */
#define ALL_SHARDS UINT64_MAX

uint64_t store_mask(struct slice key);
void store_lock(uint64_t mask);
void store_unlock(uint64_t mask);

/* All of these with the shard locked. */
struct entry *store_find(struct slice key);
struct entry *store_put(struct slice key);
void store_remove(struct entry *e);
struct table *store_shard(unsigned i);
bool store_expired(const struct entry *e);

/* Look for expired keys until cancelled.  A routine. */
int store_sweep(void *arg);

#endif
