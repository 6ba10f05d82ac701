/* store.c - see store.h */
#include "store.h"

enum { SWEEP_SLOTS = 256 };     /* of a shard, per look */
#define SWEEP_EVERY (100 * WEFT_MS)

static struct shard {
	_Alignas(64) weft_mutex lock;
	struct table keys;
	size_t swept;                   /* slots before this one */
} shards[SHARDS];

static struct shard *shard_of(uint64_t hash)
{
	return &shards[hash >> 58];
}

uint64_t store_mask(struct slice key)
{
	return (uint64_t)1 << (hash_of(key) >> 58);
}

void store_lock(uint64_t mask)
{
	for (; mask; mask &= mask - 1)
		weft_mutex_lock(&shards[__builtin_ctzll(mask)].lock);
}

void store_unlock(uint64_t mask)
{
	for (; mask; mask &= mask - 1)
		weft_mutex_unlock(&shards[__builtin_ctzll(mask)].lock);
}

bool store_expired(const struct entry *e)
{
	return e->expires && e->expires <= weft_now();
}

struct entry *store_find(struct slice key)
{
	struct entry *e = table_find(&shard_of(hash_of(key))->keys, key);

	if (e && store_expired(e)) {
		store_remove(e);
		e = NULL;
	}
	return e;
}

struct entry *store_put(struct slice key)
{
	struct entry *e = store_find(key);

	return e ? e : table_put(&shard_of(hash_of(key))->keys, key);
}

void store_remove(struct entry *e)
{
	table_remove(&shard_of(e->hash)->keys, e);
}

struct table *store_shard(unsigned i)
{
	return &shards[i].keys;
}

static void sweep(struct shard *s)
{
	struct table *t = &s->keys;
	size_t looks = t->slots ? t->mask + 1 : 0;

	for (looks = looks < SWEEP_SLOTS ? looks : SWEEP_SLOTS; looks; looks--) {
		struct entry *e = t->slots[s->swept++ & t->mask], *next;

		for (; e; e = next) {
			next = e->next;
			if (store_expired(e))
				table_remove(t, e);
		}
	}
}

int store_sweep(void *arg)
{
	(void)arg;
	while (!weft_sleep(SWEEP_EVERY))
		for (struct shard *s = shards; s < shards + SHARDS; s++) {
			weft_mutex_lock(&s->lock);
			sweep(s);
			weft_mutex_unlock(&s->lock);
		}
	return 0;
}
