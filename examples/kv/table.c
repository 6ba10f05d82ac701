/* table.c - see table.h */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint64_t seed;

void *need(void *p)
{
	if (!p) {
		fprintf(stderr, "kv: out of memory\n");
		abort();
	}
	return p;
}

struct text *text_new(struct slice s)
{
	struct text *t = need(malloc(sizeof *t + s.len));

	t->len = s.len;
	memcpy(t->at, s.at, s.len);
	return t;
}

/* --- hashing --- */

void hash_seed(void)
{
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		abort();
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t hash_of(struct slice key)
{
	uint64_t h = seed ^ key.len, word;

	for (; key.len >= 8; key.at += 8, key.len -= 8) {
		memcpy(&word, key.at, 8);
		h = mix(h ^ word, 0x9e3779b97f4a7c15);
	}
	word = 0;
	memcpy(&word, key.at, key.len);
	return mix(mix(h ^ word, 0xa0761d6478bd642f), seed | 1);
}

/* --- tables --- */

static bool same(const struct entry *e, uint64_t hash, struct slice key)
{
	return e->hash == hash && e->len == key.len &&
	       !memcmp(e->key, key.at, key.len);
}

struct entry *table_find(const struct table *t, struct slice key)
{
	uint64_t hash = hash_of(key);
	struct entry *e;

	if (!t->slots)
		return NULL;
	for (e = t->slots[hash & t->mask]; e; e = e->next)
		if (same(e, hash, key))
			return e;
	return NULL;
}

static void grow(struct table *t)
{
	size_t room = t->slots ? 2 * (t->mask + 1) : 8;
	struct table bigger = { need(calloc(room, sizeof *t->slots)),
				room - 1, t->count };

	TABLE_EACH(t, e) {
		e->next = bigger.slots[e->hash & bigger.mask];
		bigger.slots[e->hash & bigger.mask] = e;
	}
	free(t->slots);
	*t = bigger;
}

struct entry *table_put(struct table *t, struct slice key)
{
	struct entry *e = table_find(t, key);

	if (e)
		return e;
	if (!t->slots || t->count > t->mask)
		grow(t);
	e = need(malloc(sizeof *e + key.len));
	memset(e, 0, sizeof *e);
	e->hash = hash_of(key);
	e->len = (uint32_t)key.len;
	memcpy(e->key, key.at, key.len);
	e->next = t->slots[e->hash & t->mask];
	t->slots[e->hash & t->mask] = e;
	t->count++;
	return e;
}

void table_remove(struct table *t, struct entry *e)
{
	struct entry **at = &t->slots[e->hash & t->mask];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	t->count--;
	entry_become(e, NONE);
	free(e);
}

/* From a random slot on; good enough for a fair game, not for statistics. */
struct entry *table_any(const struct table *t, uint64_t random)
{
	if (!t->count)
		return NULL;
	while (!t->slots[random & t->mask])
		random++;
	return t->slots[random & t->mask];
}

void table_clear(struct table *t)
{
	TABLE_EACH(t, e) {
		entry_become(e, NONE);
		free(e);
	}
	free(t->slots);
	*t = (struct table){ 0 };
}

/* --- values --- */

void entry_become(struct entry *e, enum type type)
{
	struct text *t;

	switch (e->type) {
	case STRING:
		free(e->text);
		break;
	case LIST:
		while ((t = list_pop(e->list, true)) != NULL)
			free(t);
		free(e->list->ring);
		free(e->list);
		break;
	case SET:
	case HASH:
		table_clear(e->table);
		free(e->table);
		break;
	case RANKING:
		table_clear(&e->ranking->members);
		free(e->ranking->heap);
		free(e->ranking);
		break;
	}
	e->type = type;
	e->text = NULL;
	if (type == LIST)
		e->list = need(calloc(1, sizeof *e->list));
	else if (type == SET || type == HASH)
		e->table = need(calloc(1, sizeof *e->table));
	else if (type == RANKING)
		e->ranking = need(calloc(1, sizeof *e->ranking));
}

size_t entry_size(const struct entry *e)
{
	return e->type == LIST ? e->list->count :
	       e->type == RANKING ? e->ranking->members.count :
	       e->table->count;
}

void list_push(struct list *l, bool front, struct text *t)
{
	if (!l->ring || l->count > l->mask) {
		size_t room = l->ring ? 2 * l->count : 8;
		struct text **ring = need(calloc(room, sizeof *ring));

		for (size_t i = 0; i < l->count; i++)
			ring[i] = list_at(l, i);
		free(l->ring);
		*l = (struct list){ ring, 0, l->count, room - 1 };
	}
	if (front)
		l->first = (l->first - 1) & l->mask;
	l->ring[(l->first + (front ? 0 : l->count)) & l->mask] = t;
	l->count++;
}

struct text *list_pop(struct list *l, bool front)
{
	struct text *t;

	if (!l->count)
		return NULL;
	t = list_at(l, front ? 0 : l->count - 1);
	l->first = (l->first + front) & l->mask;
	l->count--;
	return t;
}

struct text *list_at(const struct list *l, size_t i)
{
	return l->ring[(l->first + i) & l->mask];
}

/* --- rankings --- */

bool ranking_before(const struct entry *a, const struct entry *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order;

	if (a->score != b->score)
		return a->score < b->score;
	order = memcmp(a->key, b->key, len);
	return order < 0 || (order == 0 && a->len < b->len);
}

static void place(struct ranking *r, size_t at, struct entry *e)
{
	r->heap[at] = e;
	e->rank = at;
}

/* Put e, which belongs at or near `at`, where it belongs. */
static void sift(struct ranking *r, size_t at, struct entry *e)
{
	size_t n = r->members.count, child;

	while (at > 0 && ranking_before(e, r->heap[(at - 1) / 2])) {
		place(r, at, r->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n &&
		    ranking_before(r->heap[child + 1], r->heap[child]))
			child++;
		if (!ranking_before(r->heap[child], e))
			break;
		place(r, at, r->heap[child]);
		at = child;
	}
	place(r, at, e);
}

bool ranking_add(struct ranking *r, struct slice member, double score)
{
	size_t n = r->members.count;
	struct entry *e = table_put(&r->members, member);
	bool added = r->members.count > n;

	e->score = score;
	if (added && n == r->room) {
		r->room = n ? 2 * n : 8;
		r->heap = need(realloc(r->heap, r->room * sizeof *r->heap));
	}
	if (added)
		place(r, n, e);
	sift(r, e->rank, e);
	return added;
}

void ranking_remove(struct ranking *r, struct entry *member)
{
	size_t at = member->rank;
	struct entry *last = r->heap[r->members.count - 1];

	table_remove(&r->members, member);
	if (at < r->members.count)
		sift(r, at, last);
}
