/* table.h - a hash table from byte strings to values, and the values.
 *
 * The key space, a set, a hash and a sorted set are all tables.  No table
 * locks anything: who uses one holds the lock of the shard it is in.
 *
 * Memory that cannot be had ends the program: a store that has lost a value
 * has nothing left to say.
 */
#ifndef EXAMPLES_TABLE_H
#define EXAMPLES_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {                  /* somebody else's bytes */
	const char *at;
	size_t len;
};

struct text {                   /* a string of one's own */
	size_t len;
	char at[];
};

enum type { NONE, STRING, LIST, SET, HASH, RANKING };

struct entry {
	struct entry *next;
	uint64_t hash;
	int64_t expires;                /* weft_time; 0: never */
	uint32_t type;                  /* of the value */
	uint32_t len;
	union {
		struct text *text;
		struct list *list;
		struct table *table;
		struct ranking *ranking;
		struct {
			double score;
			size_t rank;    /* where it is in the heap */
		};
	};
	char key[];
};

struct table {
	struct entry **slots;
	size_t mask, count;             /* slots: mask + 1, or none */
};

struct list {                   /* a ring */
	struct text **ring;
	size_t first, count, mask;
};

struct ranking {                /* a heap, least score first, of members */
	struct table members;
	struct entry **heap;
	size_t room;
};

void *need(void *p);            /* p, which must not be NULL */
struct text *text_new(struct slice s);
void hash_seed(void);           /* once, so that keys cannot be made to collide */
uint64_t hash_of(struct slice key);

struct entry *table_find(const struct table *t, struct slice key);
/* The one with that key; a new one has the type NONE. */
struct entry *table_put(struct table *t, struct slice key);
void table_remove(struct table *t, struct entry *e);
struct entry *table_any(const struct table *t, uint64_t random);
void table_clear(struct table *t);

#define TABLE_EACH(t, e)                                                \
	for (size_t i_ = 0; (t)->slots && i_ <= (t)->mask; i_++)        \
		for (struct entry *n_, *e = (t)->slots[i_];             \
		     e && (n_ = e->next, 1); e = n_)

/* Give e a value of this type, empty, in place of what it has. */
void entry_become(struct entry *e, enum type type);
size_t entry_size(const struct entry *e);       /* elements of a collection */

void list_push(struct list *l, bool front, struct text *t);
struct text *list_pop(struct list *l, bool front);
struct text *list_at(const struct list *l, size_t i);

/* True: it is new. */
bool ranking_add(struct ranking *r, struct slice member, double score);
bool ranking_before(const struct entry *a, const struct entry *b);
void ranking_remove(struct ranking *r, struct entry *member);

#endif
